"""Operators with windows over any number of axes, made of the definitions, which have two.

A pool is taken along one axis after the other, for a window is a box: the largest of the largest, the mean of means. A
convolution over more axes than two is the sum over the first one's taps of convolutions over the others; over one axis
it has a second one of length 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...definitions.conv import conv2d, conv2d_grad_input
from ...definitions.pool import avg_pool2d, max_pool2d
from ...definitions.shape import mean
from ...geometry import Pair, Window, extent, same_padding
from .nodes import NodeError, Operation, Use

Numbers: TypeAlias = NDArray[Any]


class Span(NamedTuple):
    """A window along one axis."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: Pair = (0, 0)

    def window(self, ceil_mode: bool = False) -> Window:
        """Return the window over images whose rows are this axis, and whose columns are left alone."""
        return Window((self.kernel, 1), (self.stride, 1), (self.padding, (0, 0)), (self.dilation, 1), ceil_mode)


def _spans(use: Use, sizes: Sequence[int], kernel: Sequence[int]) -> list[Span]:
    """Return the windows along all axes of a shape, without the two first."""
    strides, dilations = _each(use, "strides", len(sizes)), _each(use, "dilations", len(sizes))
    pads, auto = use.wholes("pads"), use.text("auto_pad", "NOTSET")
    if len(kernel) != len(sizes) or min(kernel, default=0) < 1:
        raise NodeError(f"expected a window of {len(sizes)} axes, found {tuple(kernel)!r:.60}")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        sides = list(map(same_padding, sizes, kernel, strides, dilations))
        sides = sides if auto == "SAME_UPPER" else [(after, before) for before, after in sides]
    elif auto in ("NOTSET", "VALID"):
        sides = _sides(pads if auto == "NOTSET" else None, len(sizes))
    else:
        raise NodeError(f"auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, found {auto!r:.40}")
    return list(map(Span, kernel, strides, dilations, sides))


def _each(use: Use, name: str, count: int) -> Sequence[int]:
    found = use.wholes(name) or (1,) * count
    if len(found) != count or min(found) < 1:
        raise NodeError(f"{name}: expected {count} numbers of at least 1, found {found!r:.60}")
    return found


def _sides(pads: Sequence[int] | None, axes: int) -> list[Pair]:
    """(before, before, …, after, after, …) -> (before, after) of each axis."""
    pads = (0,) * (2 * axes) if pads is None else pads
    if len(pads) != 2 * axes or min(pads, default=0) < 0:
        raise NodeError(f"pads: expected {2 * axes} numbers of at least 0, found {pads!r:.60}")
    return list(zip(pads[:axes], pads[axes:], strict=True))


def _kernel(use: Use, weight: Numbers) -> tuple[int, ...]:
    """Return the window of a convolution, that of its weights."""
    if use.wholes("kernel_shape") not in (None, weight.shape[2:]):
        raise NodeError(f"kernel_shape: expected that of the weights, {weight.shape[2:]}")
    return weight.shape[2:]


# ---- convolutions
def conv(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`conv2d`, over any number of axes."""
    x, weight = arrays[:2]
    groups, bias = use.whole("group", 1), use.optional(2, "the bias")
    y = _convolved(x, weight, _spans(use, x.shape[2:], _kernel(use, weight)), groups)
    return y if bias is None else y + _of_channels(bias.array, y)


def _convolved(x: Numbers, weight: Numbers, spans: Sequence[Span], groups: int) -> Numbers:
    """(N, C, *sizes), (F, C/G, *kernel) -> (N, F, *places)"""
    if len(spans) == 1:
        return conv2d(x[..., None], weight[..., None], window=spans[0].window(), groups=groups)[..., 0]
    if len(spans) == 2:
        return conv2d(x, weight, window=_flat(spans), groups=groups)
    window, size = spans[0].window(), x.shape[2]
    places = window.output_size((size, 1))[0]
    y: Numbers | None = None
    for tap, (where, pixels) in enumerate(window.spans(0, size)):
        # (N, C, L, …) -> (N·L, C, …) -> (N·L, F, …) -> (N, F, L, …)
        part = _rows(_convolved(_samples(x[:, :, pixels]), weight[:, :, tap], spans[1:], groups), len(x))
        y = np.zeros((*part.shape[:2], places, *part.shape[3:]), part.dtype) if y is None else y
        y[:, :, where] += part
    if y is None:
        raise NodeError("has a window of no pixel")
    return y


def conv_transpose(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`conv2d_grad_input`, over any number of axes: what a convolution reads, each place adds to here."""
    x, weight = arrays[:2]
    groups, bias = use.whole("group", 1), use.optional(2, "the bias")
    kernel, sizes = _kernel(use, weight), x.shape[2:]
    strides, dilations = _each(use, "strides", len(sizes)), _each(use, "dilations", len(sizes))
    spans = [Span(*numbers) for numbers in zip(kernel, strides, dilations, strict=True)]
    y = _spread(x, weight, spans, groups)
    for axis, (first, length) in enumerate(kept(use, spans, sizes, y.shape[2:]), start=2):
        y = _cut(y, axis, first, length)
    return y if bias is None else y + _of_channels(bias.array, y)


def _spread(x: Numbers, weight: Numbers, spans: Sequence[Span], groups: int) -> Numbers:
    """(N, C, *places), (C, F/G, *kernel) -> (N, F, *sizes), of all pixels that the places reach"""
    sizes = reached(spans, x.shape[2:])
    if len(spans) == 1:
        rows = conv2d_grad_input(
            x[..., None], weight[..., None], size=(sizes[0], 1), window=spans[0].window(), groups=groups
        )
        return rows[..., 0]
    if len(spans) == 2:
        return conv2d_grad_input(x, weight, size=(sizes[0], sizes[1]), window=_flat(spans), groups=groups)
    y = np.zeros((len(x), weight.shape[1] * groups, *sizes), x.dtype)
    for tap, (_, pixels) in enumerate(spans[0].window().spans(0, sizes[0])):
        y[:, :, pixels] += _rows(_spread(_samples(x), weight[:, :, tap], spans[1:], groups), len(x))
    return y


def reached(spans: Sequence[Span], places: Sequence[int]) -> list[int]:
    """Return the pixels along each axis that the places of a transposed convolution reach."""
    return [
        (count - 1) * span.stride + extent(span.kernel, span.dilation)
        for count, span in zip(places, spans, strict=True)
    ]


def kept(use: Use, spans: Sequence[Span], places: Sequence[int], sizes: Sequence[int]) -> list[Pair]:
    """Return where the result of a transposed convolution begins along each axis of all it reaches, and its length."""
    pads, auto, shape = use.wholes("pads"), use.text("auto_pad", "NOTSET"), use.wholes("output_shape")
    more = use.wholes("output_padding") or (0,) * len(sizes)
    if shape is None and auto in ("SAME_UPPER", "SAME_LOWER"):
        shape = tuple(count * span.stride for count, span in zip(places, spans, strict=True))
    if shape is None:
        around = _sides(pads, len(sizes))
        return [(a, size + extra - a - b) for (a, b), size, extra in zip(around, sizes, more, strict=True)]
    kept = []
    for size, length, extra in zip(sizes, shape[-len(sizes) :], more, strict=True):
        over = max(0, size + extra - length)  # of which half goes, the odd pixel at the end or at the beginning
        kept.append((over // 2 if auto == "SAME_UPPER" else over - over // 2, length))
    return kept


def _cut(y: Numbers, axis: int, first: int, length: int) -> Numbers:
    """Return so many pixels of an axis from one on, zeros where it has no more."""
    part = np.take(y, range(first, min(first + length, y.shape[axis])), axis)
    return np.pad(part, [(0, length - part.shape[axis] if each == axis else 0) for each in range(y.ndim)])


def _flat(spans: Sequence[Span]) -> Window:
    """Return the window along two axes."""
    (kh, sy, dy, rows), (kw, sx, dx, columns) = spans
    return Window((kh, kw), (sy, sx), (rows, columns), (dy, dx))


def _samples(x: Numbers) -> Numbers:
    """(N, C, L, …) -> (N·L, C, …)"""
    return np.moveaxis(x, 2, 1).reshape(-1, x.shape[1], *x.shape[3:])


def _rows(x: Numbers, samples: int) -> Numbers:
    """(N·L, C, …) -> (N, C, L, …)"""
    return np.moveaxis(x.reshape(samples, -1, *x.shape[1:]), 1, 2)


def _of_channels(bias: Numbers, y: Numbers) -> Numbers:
    """(F,) -> (F, 1, …)"""
    return bias.reshape(-1, *[1] * (y.ndim - 2))


# ---- pools
def max_pool(use: Use, arrays: Sequence[Numbers]) -> tuple[Numbers, ...]:
    """`max_pool2d`, axis by axis; and where each of the largest lies."""
    (x,) = arrays
    spans, ceil_mode = _pool(use, x)
    by_columns = use.switch("storage_order")
    exact = x if x.dtype.kind == "f" else x.astype(np.float64)  # which holds 8 bits, all there are here

    def largest(rows: Numbers, window: Window) -> Numbers:
        return max_pool2d(rows, window=window)

    y = _along_each(exact, spans, ceil_mode, largest).astype(x.dtype)
    if len(use.node.outputs) < 2:
        return (y,)
    return y, _winners(exact, spans, ceil_mode, by_columns)


def average_pool(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`avg_pool2d`, axis by axis."""
    (x,) = arrays
    spans, ceil_mode = _pool(use, x)
    whole = use.switch("count_include_pad")

    def average(rows: Numbers, window: Window) -> Numbers:
        return avg_pool2d(rows, window=window, count_include_pad=whole)

    return _along_each(x, spans, ceil_mode, average)


def _pool(use: Use, x: Numbers) -> tuple[list[Span], bool]:
    return _spans(use, x.shape[2:], use.wholes("kernel_shape") or ()), use.switch("ceil_mode")


def _along_each(
    x: Numbers, spans: Sequence[Span], ceil_mode: bool, pool: Callable[[Numbers, Window], Numbers]
) -> Numbers:
    for axis, span in enumerate(spans, start=2):
        # (A, L, B) -> (1, A, L, B) -> (1, A, places, B)
        rows = x.reshape(1, math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]))
        y = pool(rows, span.window(ceil_mode))
        x = y.reshape(*x.shape[:axis], y.shape[2], *x.shape[axis + 1 :])
    return x


def _winners(x: Numbers, spans: Sequence[Span], ceil_mode: bool, by_columns: bool) -> Numbers:
    """Return the index in all of x (N, C, *sizes) of the first that is the largest in its window."""
    pixels = np.arange(x.size, dtype=np.int64).reshape(x.shape)
    if by_columns:  # the last two axes the other way round, in each channel
        pixels = np.arange(x.size, dtype=np.int64).reshape(*x.shape[:2], *x.shape[:1:-1])
        pixels = pixels.transpose(0, 1, *range(x.ndim - 1, 1, -1))
    numbers, places = _windows(x, spans, ceil_mode, -np.inf), _windows(pixels, spans, ceil_mode, -1)
    first = numbers.argmax(axis=-1, keepdims=True)
    return np.take_along_axis(places, first, -1)[..., 0]


def _windows(x: Numbers, spans: Sequence[Span], ceil_mode: bool, around: float) -> Numbers:
    """(N, C, *sizes) -> (N, C, *places, taps)"""
    windows = [span.window(ceil_mode) for span in spans]
    sides = [window.padded((size, 1))[0] for window, size in zip(windows, x.shape[2:], strict=True)]
    padded = np.pad(x, ((0, 0), (0, 0), *sides), constant_values=around)
    axes = tuple(range(2, x.ndim))
    view = sliding_window_view(padded, [window.extent[0] for window in windows], axes)
    strides, dilations = (
        (slice(None, None, span.stride) for span in spans),
        (slice(None, None, span.dilation) for span in spans),
    )
    view = view[:, :, *strides, *dilations]
    return view.reshape(*view.shape[: x.ndim], -1)


def global_max_pool(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """The largest of each channel."""
    return np.asarray(arrays[0].max(axis=tuple(range(2, arrays[0].ndim)), keepdims=True))


def global_average_pool(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """The mean of each channel."""
    return mean(arrays[0], axes=tuple(range(2, arrays[0].ndim)), keepdims=True)


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "Conv": conv,
        "ConvTranspose": conv_transpose,
        "MaxPool": max_pool,
        "AveragePool": average_pool,
        "GlobalMaxPool": global_max_pool,
        "GlobalAveragePool": global_average_pool,
    }
)
"""Operator -> what computes it."""
