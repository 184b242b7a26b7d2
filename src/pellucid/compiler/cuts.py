"""Cutting an axis into pieces, and folding neighbours of the same size into runs, which become loops."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Piece: TypeAlias = tuple[int, int]
"""Start and size."""


@dataclass(frozen=True)
class Run:
    """`count` pieces of `size` one after the other, the first at `start`; `kind` is what they have in common."""

    start: int
    size: int
    count: int
    kind: Any = None

    @property
    def stop(self) -> int:
        """One past the last piece."""
        return self.start + self.size * self.count


def even_pieces(total: int, limit: int) -> list[Piece]:
    """Return as few pieces as possible, none larger than `limit`, their sizes differing by one at most.

    Examples
    --------
    >>> even_pieces(10, 4)
    [(0, 4), (4, 3), (7, 3)]
    """
    count = -(-total // limit)
    if not count:
        return []
    size, larger = divmod(total, count)
    return [(i * size + min(i, larger), size + (i < larger)) for i in range(count)]


def full_pieces(total: int, size: int) -> list[Piece]:
    """Return pieces of `size`, and a last one of what is left.

    Examples
    --------
    >>> full_pieces(10, 4)
    [(0, 4), (4, 4), (8, 2)]
    """
    return [(start, min(size, total - start)) for start in range(0, total, size)]


def runs(pieces: Iterable[Piece], kind: Callable[[int, int], Hashable] = lambda start, size: None) -> list[Run]:
    """Return the pieces with neighbours of the same size and kind folded into one run.

    Examples
    --------
    >>> [(run.start, run.size, run.count) for run in runs(full_pieces(10, 4))]
    [(0, 4, 2), (8, 2, 1)]
    """
    folded: list[Run] = []
    for start, size in pieces:
        this = kind(start, size)
        if folded and (folded[-1].size, folded[-1].kind) == (size, this):
            folded[-1] = Run(folded[-1].start, size, folded[-1].count + 1, this)
        else:
            folded.append(Run(start, size, 1, this))
    return folded
