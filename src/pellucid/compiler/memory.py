"""Room for a plan's buffers: which of a thread's may share memory, and the arrays that hold all others."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from heapq import heappop, heappush
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
    room, held = _Room(), list[tuple[int, int, int]]()  # held: a heap of (last call, place, bytes), of what is needed
    for buffer in sorted(spans, key=lambda b: (spans[b][0], -b.size)):
        begin, end = spans[buffer]
        while held and held[0][0] < begin:
            room.give_back(*heappop(held)[1:])
        size = in_lines(buffer.size)
        places[buffer] = room.take(size)
        heappush(held, (end, places[buffer], size))
    return places, room.most


class _Room:
    """Memory without end, of which pieces are taken and given back.

    Attributes
    ----------
    most : int
        Bytes from the beginning to the end of whatever was taken.
    """

    def __init__(self) -> None:
        self.most = 0
        self._end = 0  # behind it all is free
        self._starts: list[int] = []  # of the free pieces before it, none of which touch, in their order
        self._stops: list[int] = []

    def take(self, size: int) -> int:
        """Return the lowest place where so many bytes are free; they are taken now."""
        for number, (start, stop) in enumerate(zip(self._starts, self._stops, strict=True)):
            if start + size <= stop:
                self._starts[number] += size
                if start + size == stop:
                    del self._starts[number], self._stops[number]
                return start
        place, self._end = self._end, self._end + size
        self.most = max(self.most, self._end)
        return place

    def give_back(self, start: int, size: int) -> None:
        """Free so many bytes at `start`, and join them with what is free beside them."""
        if not size:
            return
        stop, number = start + size, bisect(self._starts, start)
        if number < len(self._starts) and self._starts[number] == stop:
            stop = self._stops[number]
            del self._starts[number], self._stops[number]
        if number and self._stops[number - 1] == start:
            number -= 1
            start = self._starts[number]
            del self._starts[number], self._stops[number]
        if stop == self._end:
            self._end = start
        else:
            self._starts.insert(number, start)
            self._stops.insert(number, stop)


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
