"""Changing the network on the bench: edits, what they do to the whole of the data, and how to be rid of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError
from ..layers import Conv2d
from .answers import Answer
from .asked import Asked
from .bench import Bench
from .edits import PRESETS, preset
from .frames import frame


def kernel(bench: Bench, asked: Asked) -> Answer:
    """The kernels of one channel of a convolution, as they are and as they were."""
    layer = _convolution(bench, asked)
    now, before = (network.parameters()[f"{layer}.weight"].data for network in (bench.network, bench.original))
    number = asked.whole("out", len(now), 0)
    header = {"layer": layer, "out": number, "presets": list(PRESETS), "revision": bench.revision}
    return frame(header, {"now": now[number], "before": before[number]})


def edit(bench: Bench, asked: Asked) -> Answer:
    """Overwrite a kernel, by the name of a filter or by the numbers in the body; or silence a channel."""
    what = asked.choice("what", ("kernel", "silence"))
    path = asked.text("layer")
    if what == "silence":
        bench.edits.silence(path, asked.whole("out", 1 << 20))
    else:
        path = _convolution(bench, asked)
        shape = bench.network.parameters()[f"{path}.weight"].shape
        out, channel = asked.whole("out", shape[0]), asked.whole("channel", shape[1])
        bench.edits.kernel(path, out, channel, _values(asked, (shape[2], shape[3])))
    return _done(bench)


def undo(bench: Bench, asked: Asked) -> Answer:
    """Undo the last edit, or all."""
    if asked.flag("all"):
        bench.edits.reset()
    else:
        bench.edits.undo()
    return _done(bench)


def edits(bench: Bench, asked: Asked) -> Answer:
    """What was changed."""
    return {"revision": bench.revision, "edits": [each.words for each in bench.edits.done]}


def accuracy(bench: Bench, asked: Asked) -> Answer:
    """How right the network is on the data, as it is and as it was given, and how many images are taken otherwise."""
    now, before = bench.judged(), bench.judged(0)
    told: dict[str, Any] = {"revision": bench.revision, "now": None, "before": None, "flipped": 0}
    if before is not None:
        told["before"] = before.accuracy
    if now is not None and before is not None:
        other = now.predicted != before.predicted
        told |= {
            "now": now.accuracy,
            "flipped": int(other.sum()),
            "mended": int((other & (now.predicted == now.labels)).sum()),
            "broken": int((other & (before.predicted == before.labels)).sum()),
        }
    return told


def _done(bench: Bench) -> Answer:
    bench.changed()
    return {"revision": bench.revision, "edits": [each.words for each in bench.edits.done]}


def _convolution(bench: Bench, asked: Asked) -> str:
    """Return the path of the convolution that is asked for."""
    layers = {path: layer for path, layer in bench.network.walk() if isinstance(layer, Conv2d)}
    if not layers:
        raise ArgumentError("layer: the network has no convolution")
    return asked.known("layer", layers)


def _values(asked: Asked, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the kernel that is asked for."""
    if not asked.body:
        return preset(asked.choice("preset", list(PRESETS)), size)
    if len(asked.body) != 4 * size[0] * size[1]:
        raise DataError(f"expected {size[0]}×{size[1]} float32, received {len(asked.body):,} bytes")
    return np.frombuffer(asked.body, "<f4").reshape(size).astype(np.float64)


READING = {"kernel": kernel, "edits": edits, "accuracy": accuracy}
DOING = {"edit": edit, "undo": undo}
