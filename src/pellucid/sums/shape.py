"""One number that only stands elsewhere: whatever gives a sample another shape copies numbers, or puts some round them.

Axes are counted as in the batch: 1 is the first of a sample.
"""

from __future__ import annotations

import numpy as np

from ..steps import Shape
from .cell import Cell, copied
from .details import Copied
from .made import Made, Terms


def flatten(cell: Cell) -> Made:
    """``y[(c·H + i)·W + j] = x[c, i, j]``"""
    return copied(cell, "y[(c·H + i)·W + j] = x[c, i, j]", _in_row_major_order(cell))


def reshape(cell: Cell) -> Made:
    """The same numbers, in row-major order, in other axes."""
    return copied(cell, "y[…] = x[…], the same numbers in row-major order", _in_row_major_order(cell))


def transpose(cell: Cell) -> Made:
    """Axis i of y is axis axes[i − 1] of x."""
    axes = cell.keywords["axes"]
    index = [0] * len(axes)
    for at, axis in zip(cell.index, axes, strict=True):
        index[axis - 1] = at
    return copied(cell, "y[…] = x[…], axis i of y being axis axes[i − 1] of x", tuple(index))


def slice_channels(cell: Cell) -> Made:
    """``y[c, …] = x[start + c, …]``"""
    start = cell.keywords["start"]
    channel, *place = cell.index
    return copied(cell, "y[c, …] = x[start + c, …]", (start + channel, *place))


def strided_slice(cell: Cell) -> Made:
    """``y[…, i, …] = x[…, start + i·step, …]`` along one axis"""
    axis, start, step = (cell.keywords[name] for name in ("axis", "start", "step"))
    index = list(cell.index)
    index[axis - 1] = start + index[axis - 1] * step
    formula = "y[…, i, …] = x[…, start + i·step, …] along an axis"
    return copied(cell, formula, tuple(index))


def broadcast(cell: Cell) -> Made:
    """``y[i, j, …] = x[i′, j′, …]``, where i′ = 0 along axes of x that have length 1"""
    sizes = cell.inputs[0].shape
    index = tuple(0 if size == 1 else at for at, size in zip(cell.index, sizes, strict=True))
    return copied(cell, "y[i, j, …] = x[i′, j′, …], i′ = 0 where x has but one along an axis", index)


def pad_channels(cell: Cell) -> Made:
    """``y[before + c, …] = x[c, …]``, and 0 in the channels around"""
    before = cell.keywords["before"]
    channel, *place = cell.index
    formula = "y[before + c, …] = x[c, …], and 0 around"
    if not 0 <= channel - before < len(cell.inputs[0]):
        return _padding(formula, 0.0)
    return copied(cell, formula, (channel - before, *place))


def pad(cell: Cell) -> Made:
    """``y[before + i, …] = x[i, …]``, and round them `value`, those at the edge again, or those beyond it mirrored"""
    before, after, mode = (cell.keywords[name] for name in ("before", "after", "mode"))
    formula = "y[before + i, …] = x[i, …], and padding around"
    shape = cell.inputs[0].shape
    own = tuple(at - first for at, first in zip(cell.index, before, strict=True))
    if all(0 <= at < size for at, size in zip(own, shape, strict=True)):
        return copied(cell, formula, own)
    if mode == "constant":
        return _padding(formula, cell.keywords["value"])
    # the definition's own padding, of the places along each axis
    shown = [
        np.pad(np.arange(size), sides, mode) for size, sides in zip(shape, zip(before, after, strict=True), strict=True)
    ]
    index = tuple(int(along[at]) for along, at in zip(shown, cell.index, strict=True))
    return copied(cell, formula, index, padding=True)


def _in_row_major_order(cell: Cell) -> Shape:
    """Return where in the input the number stands that is as many-th in row-major order."""
    output = cell.values[cell.step.outputs[0]].shape
    index = np.unravel_index(np.ravel_multi_index(cell.index, output), cell.inputs[0].shape)
    return tuple(int(at) for at in index)


def _padding(formula: str, value: float) -> Made:
    """Return how a number is made that was put round the others."""
    number = float(value)
    details: Copied = {"padding": True, "number": number}
    return Made(formula, number, Terms.none(), {"value": number}, ["y = value"], details, number)
