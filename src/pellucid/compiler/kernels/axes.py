"""A sample's axes in another order.

Numbers that lie together in memory stay in one place or another: where the last axis stays the last, whole lines are
copied, and otherwise the axes that are last before and after are rows and columns of matrices, which are transposed.

Axes: n samples, i rows and j columns of a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack

from ..builder import Kernel
from ..values import Integer, Vector
from . import shuffle
from .sweeps import copy


def transpose(k: Kernel, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    """``y[n, …] = x[n, …]``, where axis a of y is axis axes[a − 1] of x, which has this `shape` without the samples"""
    lengths, order = _merged(*_in_memory(shape, axes))
    strides = [math.prod(lengths[axis + 1 :]) for axis in range(len(lengths))]
    strides_after = {axis: math.prod(lengths[later] for later in order[at + 1 :]) for at, axis in enumerate(order)}
    images, size, last, row = k.piece("images", k.samples), math.prod(lengths), len(lengths) - 1, order[-1]
    x, y = k.tensor("x", k.samples, size), k.tensor("y", k.samples, size)
    outer = [axis for axis in order if axis not in (row, last)]

    def load(i: Integer, j: Integer, lanes: int) -> Vector:
        return x.load(n, source + i * strides[row] + j, lanes=lanes)

    def store(numbers: Vector, j: Integer, i: Integer) -> None:
        y.store(numbers, n, target + j * strides_after[last] + i)

    with k.range(*images) as n, ExitStack() as loops:
        places = [loops.enter_context(k.range(0, lengths[axis])) for axis in outer]
        source = _offset(places, [strides[axis] for axis in outer])
        target = _offset(places, [strides_after[axis] for axis in outer])
        if row == last:
            copy(k, lengths[last], x.at(n), source, y.at(n), target)
        elif outer:  # a matrix's rows may lie apart
            shuffle.transpose_tiles(k, lengths[row], lengths[last], load, store)
        else:
            shuffle.transpose(k, lengths[row], lengths[last], load, store)


def _in_memory(shape: Sequence[int], axes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return lengths and order of the axes as they lie in memory, channels last, both before and after."""
    lengths, order = [*shape[1:], shape[0]], [axis - 1 for axis in (*axes[1:], axes[0])]
    return lengths, [axis - 1 if axis else len(shape) - 1 for axis in order]


def _merged(lengths: Sequence[int], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the same without axes of length 1, and with those taken as one that follow each other before and after.

    Examples
    --------
    >>> _merged([6, 8, 3], [2, 0, 1])
    ([48, 3], [1, 0])
    """
    groups: list[list[int]] = []
    kept = [axis for axis, length in enumerate(lengths) if length > 1] or [0]
    for axis in (kept.index(axis) for axis in order if axis in kept):
        if groups and groups[-1][-1] + 1 == axis:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    before = sorted(groups)
    return [math.prod(lengths[kept[axis]] for axis in group) for group in before], [
        before.index(each) for each in groups
    ]


def _offset(places: Sequence[Integer], strides: Sequence[int]) -> Integer:
    offset: Integer = 0
    for place, stride in zip(places, strides, strict=True):
        offset = offset + place * stride
    return offset
