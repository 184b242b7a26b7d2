"""Changing the network on the bench: edits, what they do to the whole of the data, and how to be rid of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError
from ..layers import Conv2d
from ..report.judging import Judged
from .answers import Answer, edition, shown
from .asked import Asked
from .bench import Bench
from .edits import WITH_CHANNELS
from .frames import frame
from .judged_words import at_first, how_right
from .presets import fitting, preset

ALL = "all"
"""Instead of the number of one kernel."""


def kernel(bench: Bench, asked: Asked) -> Answer:
    """What leads to one channel of a layer, as it is and as it was: its bias, and of a convolution its kernels."""
    layer, parameters = _layer(bench, asked), bench.network.parameters()
    shape = parameters[f"{layer}.weight"].shape
    number = asked.whole("out", shape[0], 0)
    kernels = isinstance(dict(bench.network.walk())[layer], Conv2d)
    header = {
        "layer": layer, "out": number, "channels": shape[0], "presets": fitting(shape[2:]) if kernels else [],
        "revision": bench.revision,
    }  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {}
    for name, network in (("now", bench.network), ("before", bench.original)):
        held = network.parameters()
        if kernels:
            arrays[name] = held[f"{layer}.weight"].data[number]
        if f"{layer}.bias" in held:
            arrays[f"bias {name}"] = held[f"{layer}.bias"].data[number]
    return frame(header, arrays)


def edit(bench: Bench, asked: Asked) -> Answer:
    """Overwrite a kernel, by the name of a filter or by the numbers in the body; or a bias; or silence a channel."""
    what, path = asked.choice("what", ("kernel", "bias", "silence")), _layer(bench, asked)
    shape = bench.network.parameters()[f"{path}.weight"].shape
    out = asked.whole("out", shape[0])
    if what == "silence":
        bench.edits.silence(path, out)
    elif what == "bias":
        bench.edits.bias(path, out, float(_numbers(asked, (1,))[0]))
    else:
        if len(shape) != 4:
            raise ArgumentError(f"layer: {path} has no kernels; expected a convolution")
        channel = None if asked.text("channel") == ALL else asked.whole("channel", shape[1])
        size = (shape[2], shape[3])
        name = "" if asked.body else asked.choice("preset", fitting(size))
        bench.edits.kernel(path, out, channel, preset(name, size) if name else _numbers(asked, size), name)
    return _done(bench, asked)


def undo(bench: Bench, asked: Asked) -> Answer:
    """Undo the last edit, or all."""
    if asked.flag("all"):
        bench.edits.reset()
    else:
        bench.edits.undo()
    return _done(bench, asked)


def compare(bench: Bench, asked: Asked) -> Answer:
    """Show an image as the network takes it without its edits (``before``), or with them again."""
    name = asked.text("image")
    bench.image(name)  # which may not be here any more
    if asked.flag("before"):
        bench.show_original()
    else:
        bench.show_edited()
    return shown(bench, name, asked)


def edits(bench: Bench, asked: Asked) -> Answer:
    """What was changed, and the layers that can be: how many channels each has that weights lead to."""
    shapes = {path: parameter.shape for path, parameter in bench.network.parameters().items()}
    layers = {path: shapes[f"{path}.weight"][0] for path in _layers(bench)}
    return {**_told(bench, asked), "layers": layers}


def accuracy(bench: Bench, asked: Asked) -> Answer:
    """How right the network is on the data, as it is and as it was given, and how many images are taken otherwise.

    Measured meanwhile, so what is not known yet is None, and ``pending`` says whether to ask again.
    """
    before, now = bench.measured(0), bench.measured()
    told: dict[str, Any] = {
        "revision": bench.revision, "pending": before is None or now is None, "done": bench.share_measured(),
        "now": None, "before": None, "flipped": 0, "mended": 0, "broken": 0, "problem": None,
        "edited": bool(bench.edits.done),
    }  # fmt: skip
    for name, found in (("before", before), ("now", now)):
        if isinstance(found, str):
            told["problem"] = found
        elif found is not None:
            told[name] = found.accuracy
    if isinstance(before, Judged) and isinstance(now, Judged):
        other = now.predicted != before.predicted
        mended, broken = other & (now.predicted == now.labels), other & (before.predicted == before.labels)
        told |= {"flipped": int(other.sum()), "mended": int(mended.sum()), "broken": int(broken.sum())}
    if bench.data is not None:
        told["about"] = at_first(told["before"], len(bench.data), bench.of, held_out=bench.held_out)
    return told if told["pending"] else told | {"words": how_right(told)}


def _done(bench: Bench, asked: Asked) -> Answer:
    bench.edited()
    return _told(bench, asked)


def _told(bench: Bench, asked: Asked) -> dict[str, Any]:
    with bench.busy:
        return {**edition(bench, asked), "edits": [each.words for each in bench.edits.done]}


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


READING = {"kernel": kernel, "edits": edits, "accuracy": accuracy}
DOING = {"edit": edit, "undo": undo, "compare": compare}
