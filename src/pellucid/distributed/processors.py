"""A machine's processors, of which each rank that runs there has a share, and other ranks more where some are lost."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..compiler.threads import THREADS_VARIABLE


class Processors:
    """This rank's share of its machine's processors.

    Parameters
    ----------
    number : int
        This rank, as it was numbered when the job began.
    allowed : mapping of int to sequence of int
        By number, the processors that each rank of this machine might use as the job began: none where the system does
        not say that.
    """

    def __init__(self, number: int, allowed: Mapping[int, Sequence[int]]):
        self._number, self._allowed = number, allowed
        self._told = bool(os.environ.get(THREADS_VARIABLE, "").strip())  # somebody has said how many threads there are
        self._bound: Sequence[int] = []  # where it is bound to a share
        self._divided = False  # whether they are too few for that, and it has fewer threads instead

    def share(self, lost: Collection[int] = ()) -> None:
        """Keep to this rank's share among those that are not lost, where the launcher has not seen to that already, and
        nobody has said how many threads there are."""
        own = self._allowed[self._number]
        sharing = sum(each == own for number, each in self._allowed.items() if number not in lost)
        if self._told or (sharing == 1 and not self._bound and not self._divided):
            return
        if self._divided:
            os.environ.pop(THREADS_VARIABLE, None)  # unless the program has done so
        left = [number for number in self._allowed if number not in lost]
        share = share_of([self._allowed[number] for number in left], left.index(self._number))
        self._divided = not share and sharing > 1
        if self._divided:
            os.environ[THREADS_VARIABLE] = str(max(1, (len(own) or os.cpu_count() or 1) // sharing))
        elif own:
            self._bind(share or own)

    def idle(self, processors: Collection[int]) -> int:
        """Return how many of some processors no rank of this machine may use; 0 where somebody has said how many
        threads there are."""
        used = {each for allowed in self._allowed.values() for each in allowed}
        return 0 if self._told or not used else len(set(processors) - used)

    def _bind(self, share: Sequence[int]) -> None:
        """Keep to these processors, with all threads that have kept to others so far."""
        bound = [thread for thread in _threads() if self._bound and _processors(thread) == self._bound]
        for thread in (0, *bound):
            with suppress(OSError):  # it has ended
                os.sched_setaffinity(thread, share)
        self._bound = sorted(share)


def _processors(thread: int) -> list[int]:
    """Return the processors that a thread may use; none where it has ended."""
    with suppress(OSError):
        return sorted(os.sched_getaffinity(thread))
    return []


def _threads() -> list[int]:
    """Return the threads of this process, as far as the system tells them."""
    with suppress(OSError):
        return [int(each.name) for each in Path("/proc/self/task").iterdir()]
    return []


def of_launcher() -> set[int]:
    """Return the processors that Open MPI's launcher may use, which binds each rank to one of them unless it is told
    otherwise; none where another one has started this rank."""
    if "OMPI_COMM_WORLD_SIZE" in os.environ and hasattr(os, "sched_getaffinity"):
        with suppress(OSError):
            return os.sched_getaffinity(os.getppid())
    return set()


def share_of(allowed: Sequence[Sequence[int]], rank: int) -> list[int]:
    """Return the processors of a rank, from those that each rank of its machine may use: neighbours, as many as are
    fair; none where they are bound to different ones already, or are more than there are processors.

    Examples
    --------
    >>> share_of([[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]], 1)
    [2, 3, 4]
    >>> share_of([[0, 1], [2, 3]], 1), share_of([[0], [0]], 1)
    ([], [])
    """
    processors, ranks = allowed[rank], len(allowed)
    if ranks == 1 or len(processors) < ranks or any(each != processors for each in allowed):
        return []
    return list(processors[rank * len(processors) // ranks : (rank + 1) * len(processors) // ranks])
