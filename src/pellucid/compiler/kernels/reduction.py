"""Sums over the batch, from the parts that the leaves have made of them. `definitions.combine` states the order.

Axes: l leaves, i numbers in whatever order. The range "numbers" counts whole lines of the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..builder import Kernel
from ..values import Integer
from .numbers import lines

WIDE = 256
"""Numbers of every leaf that are added up together: enough for the processor to see where it is going."""


def zero(k: Kernel) -> None:
    """``y[i] = 0``, for as many numbers as the kernel is told to have samples."""
    numbers = k.piece("numbers", k.samples)
    y = k.tensor("y", k.samples)
    for i in lines(k, numbers):
        y.store(k.zeros(k.isa.lanes), i)


def levels(k: Kernel) -> Iterator[tuple[Integer, Integer]]:
    """``for level in tree`` at run time: yield how many pairs of parts there are, and how many parts are left then. One
    more than there are pairs means that the last part has no neighbour."""
    with k.range(0, k.bit_length(k.samples - 1)) as level:  # ⌈log₂ leaves⌉ of them
        leaves = k.shifted_right(k.samples + k.shifted_left(1, level) - 1, level)  # ⌈leaves / 2^level⌉
        yield leaves // 2, (leaves + 1) // 2


def add_leaves(k: Kernel, size: int) -> None:
    """``total[i] = tree over l of parts[l, i]``; leaves are the kernel's samples, and their parts are overwritten.

    Level by level, neighbours 2j and 2j + 1 become number j; a last one without a neighbour moves up as it is.
    """
    numbers, lanes = k.piece("numbers", size), k.isa.lanes
    parts, total = k.tensor("parts", k.samples, size), k.tensor("total", size)
    with k.range(*numbers, WIDE) as start:
        stop = k.minimum(start + WIDE, numbers[1])
        for pairs, left in levels(k):
            with k.range(0, pairs) as j, k.range(start, stop, lanes) as i:
                parts.store(parts.load(j * 2, i, lanes=lanes) + parts.load(j * 2 + 1, i, lanes=lanes), j, i)
            with k.range(pairs, left) as j, k.range(start, stop, lanes) as i:  # the last one, if their number is odd
                parts.store(parts.load(j * 2, i, lanes=lanes), j, i)
        with k.range(start, stop, lanes) as i:
            total.store(parts.load(0, i, lanes=lanes), i)
