"""Room for a plan's buffers: which of a thread's may share memory, and the arrays that hold all others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from .plan import Buffer, Call, Scope

LINE = 64
"""Bytes of a line of the cache: every buffer begins at one."""
CACHE_BYTES = 640 * 1024
"""What the samples at hand may take of a thread's second-level cache, which the weights share."""


def rooms(sizes: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Return memory for buffers of so many bytes: zeros, each of them beginning at a line of the cache.

    All that native code writes to comes from here, but for what a caller gives: a test puts this function's own in its
    place to see that nothing is touched beside a buffer.
    """
    starts = list(accumulate(map(in_lines, sizes), initial=0))
    block = np.zeros(starts[-1] + LINE, np.uint8)
    first = -block.ctypes.data % LINE
    return [block[first + start : first + start + size] for start, size in zip(starts, sizes, strict=False)]


def arena(calls: Sequence[Call]) -> tuple[dict[Buffer, int], int]:
    """Return where the passing buffers of a phase lie, in bytes of one sample, and how many bytes all need.

    Two of them may share memory if the one is read for the last time before the other is first written. Each takes the
    lowest place that is free while it is needed.
    """
    spans: dict[Buffer, tuple[int, int]] = {}
    for number, call in enumerate(calls):
        for operand in call.operands:
            if operand.buffer.scope is Scope.PASSING:
                first, _ = spans.get(operand.buffer, (number, number))
                spans[operand.buffer] = (first, number)
    places: dict[Buffer, int] = {}
    for buffer in sorted(spans, key=lambda b: (spans[b][0], -b.size)):
        begin, end = spans[buffer]
        taken = sorted(
            (places[other], places[other] + in_lines(other.size))
            for other in places
            if spans[other][0] <= end and begin <= spans[other][1]
        )
        place = 0
        for start, stop in taken:
            if place + in_lines(buffer.size) <= start:
                break
            place = max(place, stop)
        places[buffer] = place
    return places, max((places[b] + in_lines(b.size) for b in places), default=0)


def micro_batch(calls: Sequence[Call], leaf_size: int) -> int:
    """Return how many samples go through the calls together: a leaf, or as many as fit into the cache."""
    _, each = arena(calls)
    size = leaf_size
    while size > 1 and size * each > CACHE_BYTES:
        size //= 2
    return size


def in_lines(size: int) -> int:
    """Return a number of bytes rounded up to whole lines of the cache."""
    return -(-size // LINE) * LINE
