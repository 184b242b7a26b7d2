"""One number of a pooling layer: the largest of a window, or the mean of a window, a region or whole axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import regions
from .cell import Cell
from .made import Made, Terms, grid
from .windows import Patch


def max_pool2d(cell: Cell) -> Made:
    """``y[c, oy, ox] = the largest pixel of the window at (oy, ox)``

    One pixel is the winner and makes the whole number: of equal ones, and of NaNs, the first in row-major order.
    """
    patch, channel = _patch(cell)
    pixels, positions = patch.read(cell.inputs[0][[channel]], -np.inf)[0], patch.pixels()
    inside = pixels[patch.inside]
    largest = inside.max()
    wins = np.isnan(inside) if np.isnan(largest) else inside == largest
    winner, *ties = positions[wins].tolist()
    return Made(
        "y[c, oy, ox] = the largest of x[c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] over ky, kx",
        float(largest),
        cell.alone((channel, *winner), float(largest)),
        {"window": inside},
        ["y = window.max()"],
        {"window": pixels, "winner": winner, "ties": ties, "channel": channel, **patch.details()},
    )


def avg_pool2d(cell: Cell) -> Made:
    """``y[c, oy, ox] = the sum of the window's pixels / count``

    The count is that of the taps in the image, and in its padding where `count_include_pad` is set.
    """
    patch, channel = _patch(cell)
    counted = patch.counted if cell.keywords["count_include_pad"] else patch.inside
    pixels, positions = patch.read(cell.inputs[0][[channel]])[0], patch.pixels()
    indices = np.column_stack([np.full(len(positions), channel), positions])
    window = {"window": pixels, "channel": channel, **patch.details()}
    return _mean(
        cell, "y[c, oy, ox] = Σ ky, kx  x[c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] / count",
        pixels[patch.inside], indices, int(counted.sum()), window,
    )  # fmt: skip


def adaptive_avg_pool2d(cell: Cell) -> Made:
    """``y[c, a, b] = the mean of x[c, ⌊a·H/OH⌋ : ⌈(a+1)·H/OH⌉, ⌊b·W/OW⌋ : ⌈(b+1)·W/OW⌉]``"""
    x, (channel, *place) = cell.inputs[0], cell.index
    rows, columns = (regions(x.shape[axis + 1], cell.keywords["output_size"][axis])[place[axis]] for axis in (0, 1))
    pixels = x[channel, rows, columns]
    indices = grid([channel], np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop))
    region = {
        "window": pixels, "channel": channel,
        "rows": list(range(rows.start, rows.stop)), "columns": list(range(columns.start, columns.stop)),
    }  # fmt: skip
    return _mean(
        cell, "y[c, a, b] = the mean of x[c, ⌊a·H/OH⌋ : ⌈(a+1)·H/OH⌉, ⌊b·W/OW⌋ : ⌈(b+1)·W/OW⌉]",
        pixels, indices, pixels.size, region,
    )  # fmt: skip


def mean(cell: Cell) -> Made:
    """``y = the mean over some axes of x``"""
    x, axes = cell.inputs[0], cell.keywords["axes"]
    left = iter(cell.index)
    along: list[Any] = []
    for axis, size in enumerate(x.shape, start=1):
        if axis not in axes:
            along.append([next(left)])
            continue
        along.append(range(size))
        if cell.keywords["keepdims"]:
            next(left)  # the one number that stands for the axis
    indices = grid(*along)
    numbers = x[tuple(indices.T)]
    return _mean(cell, "y = Σ x / count, over the axes of the mean", numbers, indices, numbers.size, {"axes": axes})


def _patch(cell: Cell) -> tuple[Patch, int]:
    """Return what the window reads, and of which channel."""
    channel, row, column = cell.index
    height, width = cell.inputs[0].shape[1:]
    return Patch.at(cell.keywords["window"], (height, width), (row, column)), channel


def _mean(
    cell: Cell, formula: str, numbers: NDArray[Any], indices: NDArray[np.int64], count: int, details: dict[str, Any]
) -> Made:
    """Return how a mean is made, each number contributing a `count`-th of itself."""
    amounts = numbers.astype(np.float64).ravel() / count
    total = float(numbers.sum(dtype=np.float64))
    return Made(
        formula,
        total / count,
        Terms.of(cell.step.inputs[0], indices, amounts),
        {"x": numbers, "count": count},
        ["y = x.sum() / count"],
        {"values": numbers.ravel(), "sum": total, "divisor": count, **details},
    )
