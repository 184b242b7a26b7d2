"""One number of a pooling layer: the largest of a window, or the mean of a window, a region or whole axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import regions
from .cell import Cell
from .details import Maximum, Mean, MeanOfAxes, MeanOfRegion, MeanOfWindow
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
    details: Maximum = {
        "window": pixels, "winner": winner, "ties": ties, "channel": channel, **patch.details()
    }  # fmt: skip
    return Made(
        "y[c, oy, ox] = the largest of x[c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] over ky, kx",
        float(largest),
        cell.alone((channel, *winner), float(largest)),
        {"window": inside},
        ["y = window.max()"],
        details,
    )


def avg_pool2d(cell: Cell) -> Made:
    """``y[c, oy, ox] = the sum of the window's pixels / count``

    The count is that of the taps in the image, and in its padding where `count_include_pad` is set.
    """
    patch, channel = _patch(cell)
    counted = patch.counted if cell.keywords["count_include_pad"] else patch.inside
    pixels, positions = patch.read(cell.inputs[0][[channel]])[0], patch.pixels()
    indices = np.column_stack([np.full(len(positions), channel), positions])
    numbers, count = pixels[patch.inside], int(counted.sum())
    details: MeanOfWindow = {**_mean(numbers, count), "window": pixels, "channel": channel, **patch.details()}
    formula = "y[c, oy, ox] = Σ ky, kx  x[c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] / count"
    return _made(cell, formula, numbers, indices, details)


def adaptive_avg_pool2d(cell: Cell) -> Made:
    """``y[c, a, b] = the mean of x[c, ⌊a·H/OH⌋ : ⌈(a+1)·H/OH⌉, ⌊b·W/OW⌋ : ⌈(b+1)·W/OW⌉]``"""
    x, (channel, *place) = cell.inputs[0], cell.index
    rows, columns = (regions(x.shape[axis + 1], cell.keywords["output_size"][axis])[place[axis]] for axis in (0, 1))
    pixels = x[channel, rows, columns]
    indices = grid([channel], np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop))
    details: MeanOfRegion = {
        **_mean(pixels, pixels.size), "window": pixels, "channel": channel,
        "rows": list(range(rows.start, rows.stop)), "columns": list(range(columns.start, columns.stop)),
    }  # fmt: skip
    formula = "y[c, a, b] = the mean of x[c, ⌊a·H/OH⌋ : ⌈(a+1)·H/OH⌉, ⌊b·W/OW⌋ : ⌈(b+1)·W/OW⌉]"
    return _made(cell, formula, pixels, indices, details)


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
    details: MeanOfAxes = {**_mean(numbers, numbers.size), "axes": axes}
    return _made(cell, "y = Σ x / count, over the axes of the mean", numbers, indices, details)


def _patch(cell: Cell) -> tuple[Patch, int]:
    """Return what the window reads, and of which channel."""
    channel, row, column = cell.index
    height, width = cell.inputs[0].shape[1:]
    return Patch.at(cell.keywords["window"], (height, width), (row, column)), channel


def _mean(numbers: NDArray[Any], count: int) -> Mean:
    """Return what a mean is the quotient of."""
    return {"values": numbers.ravel(), "sum": float(numbers.sum(dtype=np.float64)), "divisor": count}


def _made(
    cell: Cell,
    formula: str,
    numbers: NDArray[Any],
    indices: NDArray[np.int64],
    details: MeanOfWindow | MeanOfRegion | MeanOfAxes,
) -> Made:
    """Return how a mean is made, each number contributing a `count`-th of itself."""
    count = details["divisor"]
    terms = Terms.of(cell.step.inputs[0], indices, numbers.astype(np.float64).ravel() / count)
    given = {"x": numbers, "count": count}
    return Made(formula, details["sum"] / count, terms, given, ["y = x.sum() / count"], details)
