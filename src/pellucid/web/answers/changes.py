"""Changing the network on the bench: edits, what they do to the whole of the data, and how to be rid of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError, DataError
from ...layers import Conv2d
from ...report.judging import Judged
from ..bench import Bench
from ..frames import frame
from ..looking.edits import WITH_CHANNELS
from ..looking.presets import fitting, preset
from ..words.judged import at_first, how_right
from .asked import Asked
from .seeing import Answer, class_name, compared_with, edition, image_frame

ALL = "all"
"""Instead of the number of one kernel."""
NO_KERNELS = (
    "Only the kernels of convolutions are changed weight by weight. Here there are the bias, and silence, which sets "
    "all that leads to the number to 0."
)
"""What is said of a layer that is no convolution."""
ABOUT = (
    "It is a copy that is changed; the file stays as it is. Click a map to see the kernels that made it. Another "
    "network is built and trained in Python: docs/tutorial.md."
)
"""What is said of changing the network."""


def kernel(bench: Bench, asked: Asked) -> Answer:
    """What leads to one channel of a layer, as it is and as it was before edits: its bias, and of a convolution its
    kernels. At a moment of the training nobody has edited it, so that both are the same."""
    with bench.busy:
        shown, versions = bench.network, bench.versions
        unedited = versions.original if versions.step is None else shown
    layer, parameters = _layer(bench, asked), shown.parameters()
    shape = parameters[f"{layer}.weight"].shape
    number = asked.whole("out", shape[0], 0)
    kernels = isinstance(dict(shown.walk())[layer], Conv2d)
    header = {
        "layer": layer, "out": number, "channels": shape[0], "presets": fitting(shape[2:]) if kernels else [],
        "revision": bench.revision, "words": "" if kernels else NO_KERNELS,
    }  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {}
    for name, network in (("now", shown), ("before", unedited)):
        held = network.parameters()
        if kernels:
            arrays[name] = held[f"{layer}.weight"].data[number]
        if f"{layer}.bias" in held:
            arrays[f"bias {name}"] = held[f"{layer}.bias"].data[number]
    return frame(header, arrays)


def edit(bench: Bench, asked: Asked) -> Answer:
    """Overwrite a kernel, by the name of a filter or by the numbers in the body; or a bias; or silence a channel."""
    what, path = asked.choice("what", ("kernel", "bias", "silence")), _layer(bench, asked)
    edits = bench.versions.edits
    shape = bench.network.parameters()[f"{path}.weight"].shape
    out = asked.whole("out", shape[0])
    if what == "silence":
        edits.silence(path, out)
    elif what == "bias":
        edits.bias(path, out, float(_numbers(asked, (1,))[0]))
    else:
        if len(shape) != 4:
            raise ArgumentError(f"layer: {path} has no kernels; expected a convolution")
        channel = None if asked.text("channel") == ALL else asked.whole("channel", shape[1])
        size = (shape[2], shape[3])
        name = "" if asked.body else asked.choice("preset", fitting(size))
        edits.kernel(path, out, channel, preset(name, size) if name else _numbers(asked, size), name)
    bench.versions.show_edited()
    return _listed(bench, asked)


def undo(bench: Bench, asked: Asked) -> Answer:
    """Undo the last edit, that of a number, or all."""
    edits = bench.versions.edits
    if asked.flag("all"):
        edits.reset()
    else:
        count = len(edits.done)
        edits.undo(asked.whole("number", count, count - 1) if count else -1)
    bench.versions.show_edited()
    return _listed(bench, asked)


def compare(bench: Bench, asked: Asked) -> Answer:
    """Show an image as the network takes it without its edits (``before``), or with them again."""
    name = asked.text("image")
    bench.image(name)  # which may not be here any more
    versions = bench.versions
    if versions.step is None:  # else another window has gone to a moment of the training meanwhile
        versions.show_original() if asked.flag("before") else versions.show_edited()
    return image_frame(bench, name, asked)


def all_edits(bench: Bench, asked: Asked) -> Answer:
    """What was changed, and the layers that can be: how many channels each has that weights lead to."""
    shapes = {path: parameter.shape for path, parameter in bench.network.parameters().items()}
    layers = {path: shapes[f"{path}.weight"][0] for path in _layers(bench)}
    return {**_listed(bench, asked), "layers": layers, "words": ABOUT}


def accuracy(bench: Bench, asked: Asked) -> Answer:
    """How right the network is on the data, as it is and as it was given, and how many images are taken otherwise.

    Measured meanwhile, so what is not known yet is None, and ``pending`` says whether to ask again.
    """
    before, now, edits = bench.measured_before(), bench.measured(), bench.versions.edits
    answer: dict[str, Any] = {
        "revision": bench.revision, "pending": before is None or now is None, "done": bench.share_measured(),
        "now": None, "before": None, "flipped": 0, "mended": 0, "broken": 0, "problem": None,
        "edited": bool(edits.done), "step": bench.versions.step, "than": compared_with(bench),
    }  # fmt: skip
    for name, judged in (("before", before), ("now", now)):
        if isinstance(judged, str):
            answer["problem"] = judged
        elif judged is not None:
            answer[name] = judged.accuracy
    if isinstance(before, Judged) and isinstance(now, Judged):
        other = now.predicted != before.predicted
        mended, broken = other & (now.predicted == now.labels), other & (before.predicted == before.labels)
        answer["most"] = _most(bench, before.predicted[other], now.predicted[other])
        answer |= {"flipped": int(other.sum()), "mended": int(mended.sum()), "broken": int(broken.sum())}
    if bench.data is not None:
        as_edited = answer["now"] if bench.network is edits.network else None
        answer["about"] = at_first(
            answer["before"], len(bench.data), bench.of, held_out=bench.held_out, edited=answer["edited"], now=as_edited
        )
    return answer if answer["pending"] else answer | {"words": how_right(answer)}


def _most(bench: Bench, was: NDArray[np.int64], now: NDArray[np.int64]) -> tuple[str, str, int] | None:
    """Return what images were taken for and are taken for most often, and how many they are."""
    if not len(was):
        return None
    pairs, counts = np.unique(np.stack([was, now]), axis=1, return_counts=True)
    before, after = map(int, pairs[:, counts.argmax()])
    return class_name(bench, before), class_name(bench, after), int(counts.max())


def _listed(bench: Bench, asked: Asked) -> dict[str, Any]:
    """Return which network is shown, and its edits in words."""
    with bench.busy:
        return {**edition(bench, asked), "edits": [each.summary for each in bench.versions.edits.done]}


def _layers(bench: Bench) -> dict[str, object]:
    """Return the layers on the page that have channels with weights of their own, by path."""
    parameters = bench.network.parameters()
    return {
        path: layer for path, layer in bench.network.walk()
        if isinstance(layer, WITH_CHANNELS) and f"{path}.weight" in parameters
    }  # fmt: skip


def _layer(bench: Bench, asked: Asked) -> str:
    """Return the path of the layer that is asked for."""
    layers = _layers(bench)
    if not layers:
        raise ArgumentError("layer: the network has no layer with channels to change")
    return asked.known("layer", layers)


def _numbers(asked: Asked, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the numbers in the body."""
    count = int(np.prod(shape))
    if len(asked.body) != 4 * count:
        raise DataError(f"expected {count} numbers of float32, {4 * count} bytes, received {len(asked.body):,} bytes")
    return np.frombuffer(asked.body, "<f4").reshape(shape).astype(np.float64)
