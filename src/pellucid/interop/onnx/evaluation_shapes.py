"""Operators that put numbers into other axes, add some around them, part them, or reduce axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...definitions.shape import pad
from .nodes import NodeError, Operation, Use

Numbers: TypeAlias = NDArray[Any]
Reduction: TypeAlias = Callable[[Use, Sequence[Numbers]], Numbers]

MODES = ("constant", "edge", "reflect", "wrap")


def flatten(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """Two axes: those before one, and the rest."""
    (x,) = arrays
    axis = use.whole("axis", 1)
    axis = axis if axis == x.ndim else use.axis(axis, x.ndim)
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def split(use: Use, arrays: Sequence[Numbers]) -> tuple[Numbers, ...]:
    """Parts along an axis."""
    x = arrays[0]
    axis = use.axis(use.whole("axis", 0), x.ndim)
    return tuple(np.split(x, list(accumulate(parts(use, x.shape[axis])))[:-1], axis))


def parts(use: Use, size: int) -> tuple[int, ...]:
    """Return how long the parts of a Split are: as it says, or all the same but for the last."""
    found, count = use.listed("split", 13, 1), len(use.node.outputs)
    if use.opset >= 18 and found is None and use.whole("num_outputs") != count:
        raise NodeError(f"num_outputs: expected as many as it has, {count}")
    if found is None:
        part = -(-size // count)
        found = tuple(max(0, min(part, size - place * part)) for place in range(count))
    if len(found) != count or sum(found) != size or min(found) < 0:
        raise NodeError(f"parts {size} numbers into {found!r:.60}")
    return found


def pad_(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`pad`, of all axes; what is less than 0 is cut off."""
    x, mode, (before, after), value = arrays[0], use.text("mode", "constant"), pads(use, arrays[0].ndim), around(use)
    if mode not in MODES:
        raise NodeError(f"mode: expected {', '.join(MODES)}, found {mode!r:.40}")
    more = [max(0, each) for each in before], [max(0, each) for each in after]
    if mode == "wrap":
        padded = np.pad(x, list(zip(*more, strict=True)), "wrap")
    else:
        padded = pad(x[None], before=tuple(more[0]), after=tuple(more[1]), mode=mode, value=value)[0]
    sides = zip(before, after, padded.shape, strict=True)
    return np.asarray(padded[tuple(slice(max(0, -a), max(0, size - max(0, -b))) for a, b, size in sides)])


def around(use: Use) -> float:
    """Return the number that a Pad puts round a tensor."""
    return use.real("value", 0.0) if use.opset < 11 else use.single(2, "the value") or 0


def pads(use: Use, rank: int) -> tuple[list[int], list[int]]:
    """Return how much a Pad puts before and behind each axis."""
    found, named = use.listed("pads", 11, 1) or (), use.numbers(3, "axes") if use.opset >= 18 else None
    axes = tuple(range(rank)) if named is None else tuple(use.axis(axis, rank) for axis in named)
    if len(found) != 2 * len(axes) or len(set(axes)) < len(axes):
        raise NodeError(f"pads: expected {2 * len(axes)} numbers, found {len(found)}")
    before, after = [0] * rank, [0] * rank
    for place, axis in enumerate(axes):
        before[axis], after[axis] = found[place], found[place + len(axes)]
    return before, after


def depth_to_space(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """Channels become blocks of pixels: ``(N, C·b·b, H, W) -> (N, C, H·b, W·b)``."""
    (x,) = arrays
    block, mode = use.whole("blocksize"), use.text("mode", "DCR") if use.opset >= 11 else "DCR"
    (samples, channels, height, width), inner = x.shape, x.shape[1] // block**2
    if mode == "DCR":  # (N, b, b, C, H, W) -> (N, C, H, b, W, b)
        apart = x.reshape(samples, block, block, inner, height, width).transpose(0, 3, 4, 1, 5, 2)
    else:  # (N, C, b, b, H, W) -> (N, C, H, b, W, b)
        apart = x.reshape(samples, inner, block, block, height, width).transpose(0, 1, 4, 2, 5, 3)
    return apart.reshape(samples, channels // block**2, height * block, width * block)


def _reduced_by(
    function: Callable[..., Any], start: Callable[[np.dtype[Any]], Any] | None = None, inputs_since: int = 18
) -> Reduction:
    """Return what applies a function over some axes, or over all; `start` says the result where there is no number."""

    def compute(use: Use, arrays: Sequence[Numbers]) -> Numbers:
        x = arrays[0]
        axes, keeps = use.listed("axes", inputs_since, 1), use.switch("keepdims", True)
        if use.opset >= inputs_since and use.switch("noop_with_empty_axes") and not axes:
            return x
        over = tuple(use.axis(axis, x.ndim) for axis in axes) if axes else tuple(range(x.ndim))
        if start is not None and 0 in (x.shape[axis] for axis in over):
            shape = [1 if axis in over else size for axis, size in enumerate(x.shape) if keeps or axis not in over]
            return np.full(shape, start(x.dtype), x.dtype)
        return np.asarray(function(x, axis=over, keepdims=keeps)).astype(x.dtype)

    return compute


def _least(dtype: np.dtype[Any]) -> Any:
    """Return the least number of a type."""
    return False if dtype.kind == "b" else np.iinfo(dtype).min if dtype.kind in "iu" else -math.inf


reduce_prod = _reduced_by(np.prod)

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "Flatten": flatten,
        "Split": split,
        "Pad": pad_,
        "ReduceMean": _reduced_by(np.mean),
        "ReduceMax": _reduced_by(np.max, _least),
        "ReduceProd": reduce_prod,
        "ReduceSum": _reduced_by(np.sum, inputs_since=13),
        "DepthToSpace": depth_to_space,
    }
)
"""Operator -> what computes it."""
