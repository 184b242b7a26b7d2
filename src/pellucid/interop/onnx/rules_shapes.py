"""Operators that give samples another shape, take parts of them, or reduce axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from types import MappingProxyType

from ...layers import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    Flatten,
    Mean,
    Pad,
    PadChannels,
    Reshape,
    Slice,
    Transpose,
    joins,
)
from ...layers.shape import back_again
from ...steps import Shape
from .conversion import Conversion, Rule
from .evaluation_shapes import around, pads, parts
from .folding import slices
from .nodes import Constant, NodeError, Use, Value
from .rules_arithmetic import times
from .rules_norms import unfolded
from .rules_weights import turned
from .rules_windows import LEAST

WHOLE = 2**31 - 2
"""Where a slice that goes up to so far, or farther, ends: at the end of any axis."""

PARTED: Mapping[str, tuple[int, Shape]] = MappingProxyType({"DCR": (2, (3, 4, 1, 5, 2)), "CRD": (0, (1, 4, 2, 5, 3))})
"""Mode of a DepthToSpace -> where among the blocks' rows and columns the channels stand, and the order of axes that
makes (channels, height, rows, width, columns) of these, height and width."""


def concat(build: Conversion, use: Use) -> Value:
    """`joins.Concat`; along another axis than that of the channels or features between `Transpose`."""
    given = use.inputs()
    values = [each for each in given if isinstance(each, Value)]
    if len(values) < len(given):
        raise NodeError("joins constants to what the network computes")
    axis = use.axis(use.whole("axis"), values[0].rank)
    if axis == 0:
        raise NodeError("joins along the axis of the samples")
    if len(values) == 1:
        return values[0]
    if axis == 1 or len({value.rank for value in values}) > 1:
        return build.join(joins.Concat(), values)
    axes = (axis, *(each for each in range(1, values[0].rank) if each != axis))
    whole = build.join(joins.Concat(), [build.layer(Transpose(axes), value) for value in values])
    return build.layer(Transpose(back_again(axes)), whole)


def flatten(build: Conversion, use: Use) -> Value:
    """`Flatten`."""
    x, axis = use.value(), use.whole("axis", 1)
    axis = x.rank if axis == x.rank else use.axis(axis, x.rank)
    if axis != 1:
        raise NodeError(f"flattens from axis {axis} on, and so puts samples and what is in them into one axis")
    return shaped(build, x, (math.prod(x.shape),))


def reshape(build: Conversion, use: Use) -> Value:
    """`Flatten`, if features come out, or else `Reshape`."""
    x = use.value()
    found = use.wholes("shape") if use.opset < 5 else None
    wanted = use.input(1) if found is None else None
    copies = not (use.opset >= 14 and use.switch("allowzero"))
    if not isinstance(wanted, Constant) or wanted.array.ndim != 1 or wanted.array.dtype.kind not in "iu":
        raise NodeError("its shape is computed by the network, and must be a constant here")
    batch = [False] * len(wanted.array) if wanted.batch is None else wanted.batch.tolist()
    sizes = [int(size) for size in wanted.array]
    first, *rest = sizes or [0]
    rest = [
        x.shape[place] if size == 0 and copies and place < len(x.shape) else size for place, size in enumerate(rest)
    ]
    shape = _completed(rest, math.prod(x.shape))
    keeps = bool(batch and batch[0]) or first in (-1, build.batch) or (first == 0 and copies)
    if shape is None or any(batch[1:]) or not keeps:
        given = ", ".join("N" if whether else str(size) for size, whether in zip(sizes, batch, strict=True))
        fix = "; write -1 for the samples, for their number is free" if shape is not None and first > 0 else ""
        raise NodeError(f"makes ({given}) of samples {x.shape}, and so puts numbers of several samples together{fix}")
    return shaped(build, x, shape)


def _completed(sizes: Sequence[int], count: int) -> Shape | None:
    """Return the shape of a sample of so many numbers, a −1 among its sizes replaced; None if it is of other ones."""
    known = math.prod(size for size in sizes if size != -1)
    if not sizes or known < 1 or min(sizes) < -1 or sizes.count(-1) > 1 or count % known:
        return None
    shape = tuple(count // known if size == -1 else size for size in sizes)
    return shape if math.prod(shape) == count else None


def shaped(build: Conversion, x: Value, shape: Shape) -> Value:
    """Return a value in another shape."""
    if shape == x.shape:
        return x
    if (found := unfolded(build, x, shape)) is not None:
        return found
    return build.layer(Flatten() if len(shape) == 1 else Reshape(shape), x)


def transpose(build: Conversion, use: Use) -> Value:
    """`Transpose`."""
    x = use.value()
    order = use.wholes("perm") or tuple(reversed(range(x.rank)))
    if sorted(order) != list(range(x.rank)) or order[0] != 0:
        raise NodeError(f"puts axes in the order {order!r:.60}; that of the samples, 0, must come first")
    return turned(build, x, order[1:])


def squeeze(build: Conversion, use: Use) -> Value:
    """`Flatten` or `Reshape`."""
    x = use.value()
    axes = use.listed("axes", 13, 1)
    if axes is None:
        raise NodeError("leaves out every axis of one number, and so perhaps that of the samples; name the axes")
    axes = tuple(use.axis(axis, x.rank) for axis in axes)
    if 0 in axes or any(x.shape[axis - 1] != 1 for axis in axes):
        raise NodeError(f"leaves out axes {axes} of samples {x.shape}, of which 0 is that of the samples")
    left = tuple(size for axis, size in enumerate(x.shape, start=1) if axis not in axes)
    return shaped(build, x, _some(left))


def unsqueeze(build: Conversion, use: Use) -> Value:
    """`Reshape`."""
    x = use.value()
    axes = use.listed("axes", 13, 1) or ()
    rank = x.rank + len(axes)
    places = sorted(use.axis(axis, rank) for axis in axes)
    if 0 in places or len(set(places)) < len(places):
        raise NodeError(f"puts in axes {axes!r:.60}, and so one before that of the samples")
    shape = list(x.shape)
    for place in places:
        shape.insert(place - 1, 1)
    return shaped(build, x, tuple(shape))


def pad(build: Conversion, use: Use) -> Value:
    """`Pad`; `PadChannels`, where it pads channels with zeros alone."""
    x, mode = use.value(), use.text("mode", "constant")
    (first, *before), (last, *after) = pads(use, x.rank)
    value = around(use)
    if first or last or min(*before, *after) < 0:
        found = (first, *before, last, *after)
        raise NodeError(f"pads {found!r:.80}; expected numbers of at least 0, and 0 for the axis of the samples")
    if not any((*before, *after)):
        return x
    if mode == "constant" and value == 0 and not any((*before[1:], *after[1:])) and len(before) in (1, 3):
        return build.layer(PadChannels(before[0], after[0]), x)
    return build.layer(Pad(before, after, mode, max(value, LEAST)), x)


def slice_(build: Conversion, use: Use) -> Value:
    """`Slice`, one for each axis that is cut."""
    x = use.value()
    for axis, start, stop, step in slices(use, x.rank):
        if step < 1 or (axis == 0 and (start != 0 or stop < WHOLE or step > 1)):
            raise NodeError(
                f"takes {start}:{stop}:{step} of axis {axis}; only steps from 1 on are possible, and all samples"
            )
        if axis:
            size = x.shape[axis - 1]
            start, stop, step = slice(start, stop, step).indices(size)
            if (start, stop, step) != (0, size, 1):
                x = build.layer(Slice(axis, start, stop, step), x)
    return x


def split(build: Conversion, use: Use) -> Sequence[Value | None]:
    """`Slice`, one for each part that somebody reads."""
    x = use.value()
    axis = use.axis(use.whole("axis", 0), x.rank)
    if axis == 0:
        raise NodeError("parts the samples")
    borders = pairwise(accumulate(parts(use, x.shape[axis - 1]), initial=0))
    return [
        build.layer(Slice(axis, start, stop), x) if wanted else None
        for (start, stop), wanted in zip(borders, use.wanted, strict=True)
    ]


def reduce_mean(build: Conversion, use: Use) -> Value:
    """`Mean`; over all pixels `AdaptiveAvgPool2d`, if their axes stay."""
    x, axes, keeps = _reduced(use)
    if len(x.shape) == 3 and set(axes) == {2, 3} and keeps:
        return build.layer(AdaptiveAvgPool2d(), x)
    return build.layer(Mean(axes, keeps), x)


def reduce_sum(build: Conversion, use: Use) -> Value:
    """`Mean`, and a `Gain` of how many numbers there are, which is not learnt."""
    x, axes, keeps = _reduced(use, inputs_since=13)
    count = math.prod(x.shape[axis - 1] for axis in axes)
    return times(build, build.layer(Mean(axes, keeps), x), float(count))


def depth_to_space(build: Conversion, use: Use) -> Value:
    """`Reshape`, `Transpose` and `Reshape`."""
    x, block, mode = use.value(), use.whole("blocksize"), use.text("mode", "DCR") if use.opset >= 11 else "DCR"
    if mode not in PARTED:
        raise NodeError(f"mode: expected {' or '.join(PARTED)}, found {mode!r:.40}")
    if len(x.shape) != 3 or block < 1 or x.shape[0] % block**2:
        raise NodeError(f"makes blocks of {block}×{block} pixels of samples {x.shape}")
    (channels, height, width), (first, axes) = x.shape, PARTED[mode]
    parts = [block, block, height, width]
    parts.insert(first, channels // block**2)
    x = build.layer(Transpose(axes), build.layer(Reshape(tuple(parts)), x))
    return build.layer(Reshape((channels // block**2, height * block, width * block)), x)


def reduce_max(build: Conversion, use: Use) -> Value:
    """`AdaptiveMaxPool2d`, over all pixels; over other axes after a `Transpose` and a `Reshape`, which make pixels of
    them."""
    x, axes, keeps = _reduced(use)
    left = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape, start=1))
    rest = [axis for axis in range(1, x.rank) if axis not in axes]
    if len(x.shape) != 3 or set(axes) != {2, 3}:
        kept, pixels = (math.prod(x.shape[axis - 1] for axis in some) for some in (rest, axes))
        x = shaped(build, turned(build, x, (*rest, *sorted(set(axes)))), (kept, pixels, 1))
    largest = build.layer(AdaptiveMaxPool2d(), x)
    return shaped(build, largest, left if keeps else _some(tuple(left[axis - 1] for axis in rest)))


def _reduced(use: Use, inputs_since: int = 18) -> tuple[Value, Shape, bool]:
    """Return what is reduced, over which axes, which are an input since an opset, and whether these stay."""
    x = use.value()
    axes = use.listed("axes", inputs_since, 1)
    keeps = use.switch("keepdims", True)
    if use.opset >= inputs_since:
        use.switch("noop_with_empty_axes")
    axes = tuple(use.axis(axis, x.rank) for axis in axes or ())
    if not axes or 0 in axes:
        raise NodeError("reduces the axis of the samples")
    return x, axes, keeps


def _some(shape: Shape) -> Shape:
    if not shape:
        raise NodeError("leaves a single number of each sample, without an axis")
    return shape


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "Concat": concat,
        "Flatten": flatten,
        "Reshape": reshape,
        "Transpose": transpose,
        "Squeeze": squeeze,
        "Unsqueeze": unsqueeze,
        "Pad": pad,
        "Slice": slice_,
        "Split": split,
        "ReduceMean": reduce_mean,
        "ReduceMax": reduce_max,
        "ReduceSum": reduce_sum,
        "DepthToSpace": depth_to_space,
    }
)
"""Operator -> its rule."""
