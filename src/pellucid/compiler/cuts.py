"""Cutting an axis into pieces, and folding neighbours of the same size into runs, which become loops."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import groupby
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


def even_runs(total: int, limit: int) -> list[Run]:
    """Return the runs of `even_pieces`, of which there are two at most, without a list of all pieces.

    Examples
    --------
    >>> [(run.start, run.size, run.count) for run in even_runs(10, 4)]
    [(0, 4, 1), (4, 3, 2)]
    """
    count = -(-total // limit)
    size, larger = divmod(total, count) if count else (0, 0)
    found = Run(0, size + 1, larger), Run(larger * (size + 1), size, count - larger)
    return [run for run in found if run.count]


def full_runs(total: int, size: int) -> list[Run]:
    """Return the runs of `full_pieces`, likewise.

    Examples
    --------
    >>> [(run.start, run.size, run.count) for run in full_runs(10, 4)]
    [(0, 4, 2), (8, 2, 1)]
    """
    found = Run(0, size, total // size), Run(total // size * size, total % size, 1)
    return [run for run in found if run.count and run.size]


def runs(pieces: Iterable[Piece], kind: Callable[[int, int], Hashable] = lambda start, size: None) -> list[Run]:
    """Return the pieces with neighbours of the same size and kind folded into one run.

    Examples
    --------
    >>> [(run.start, run.size, run.count) for run in runs(full_pieces(10, 4))]
    [(0, 4, 2), (8, 2, 1)]
    """
    folded: list[Run] = []
    for (size, this), alike in groupby(pieces, lambda piece: (piece[1], kind(*piece))):
        starts = [start for start, _ in alike]
        folded.append(Run(starts[0], size, len(starts), this))
    return folded
