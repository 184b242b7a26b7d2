"""The ranks of an MPI job, through mpi4py: what `collective.Collective` asks for, and a watch over every wait.

An MPI program waits for ever where a rank does not come. Here no wait blocks: it asks again and again whether the
exchange is complete, at first without a pause, later with short sleeps, so that it leaves the processor to others; and
when it has taken too long, the ranks that wait tell each other so, and whoever says nothing is the one that is missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError, RankError, installing

PATIENCE = 300.0
"""Seconds that a rank waits for the others, unless told otherwise."""
SPINNING, LONGEST_SLEEP = 0.002, 0.001
"""Seconds that a wait lasts before it sleeps between its looks, and the longest of those sleeps."""
ANSWERING = 2.0
"""Seconds in which ranks that have waited too long hear of each other."""
WAITING, FAILING = 1, 2
"""Tags of messages: that a rank waits, at which exchange; and that it fails, with which words."""


def mpi() -> ModuleType:
    """Return mpi4py's module of MPI, which starts MPI where nobody has.

    Raises
    ------
    MissingExtraError
        If mpi4py is not installed, or finds no MPI.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise MissingExtraError(
            f"training by several processes needs mpi4py and an MPI such as openmpi ({reason}): {installing('mpi')}"
        ) from None
    return MPI


class Ranks:
    """All ranks of an MPI communicator.

    Parameters
    ----------
    communicator : mpi4py.MPI.Intracomm, optional
        By default a copy of that of the whole job.
    patience : float, default 300
        Seconds after which a rank that does not come is given up.

    Attributes
    ----------
    rank, size : int
    """

    def __init__(self, communicator: Any = None, patience: float = PATIENCE):
        self._mpi = mpi()
        self._communicator = self._mpi.COMM_WORLD.Dup() if communicator is None else communicator
        self.rank, self.size = self._communicator.Get_rank(), self._communicator.Get_size()
        self.patience = patience
        self._begun = 0  # exchanges, by which ranks tell each other where they are

    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> MpiExchange:
        """Begin to bring every rank's piece of an array to all others; see `Collective.gather`."""
        counts = [stop - start for start, stop in zip(bounds, bounds[1:], strict=False)]
        self._begun += 1
        request = self._communicator.Iallgatherv(
            self._mpi.IN_PLACE, [room, counts, list(bounds[:-1]), self._mpi.BYTE]
        )
        return MpiExchange(self, request, self._begun, room)

    def all(self, message: bytes) -> list[bytes]:
        """Return what each rank has to say, in their order."""
        lengths = np.zeros(self.size, np.int64)
        lengths[self.rank] = len(message)
        self.gather(lengths.view(np.uint8), range(0, 8 * self.size + 1, 8)).wait()
        bounds = [0, *np.cumsum(lengths).tolist()]
        said = np.zeros(bounds[-1], np.uint8)
        said[bounds[self.rank] : bounds[self.rank + 1]] = np.frombuffer(message, np.uint8)
        self.gather(said, bounds).wait()
        return [said[start:stop].tobytes() for start, stop in zip(bounds, bounds[1:], strict=False)]

    def missing(self, exchange: int) -> list[int]:
        """Return the ranks that have not come to an exchange: this one tells all that it waits, and hears who else
        does."""
        words = np.array([exchange], np.int64)
        sent = [self._communicator.Isend(words, other, WAITING) for other in range(self.size) if other != self.rank]
        here = {self.rank}
        until(lambda: self._hear(here, exchange) == self.size, ANSWERING)
        for request in sent:  # those who are not there will never take theirs
            if not request.Test():
                request.Cancel()
                request.Free()
        return [rank for rank in range(self.size) if rank not in here]

    def _hear(self, here: set[int], exchange: int) -> int:
        """Add the ranks that say that they wait at an exchange, and return how many there are now."""
        status, number = self._mpi.Status(), np.zeros(1, np.int64)
        while self._communicator.Iprobe(self._mpi.ANY_SOURCE, WAITING, status):
            self._communicator.Recv(number, status.Get_source(), WAITING)
            if number[0] >= exchange:
                here.add(status.Get_source())
        return len(here)


class MpiExchange:
    """An exchange under way."""

    def __init__(self, ranks: Ranks, request: Any, number: int, room: NDArray[Any]):
        self._ranks, self._request, self._number = ranks, request, number
        self._room = room  # must live until the exchange is complete

    def wait(self) -> None:
        """Return when it is complete.

        Raises
        ------
        RankError
            If a rank does not come.
        """
        test = self._request.Test
        if test() or until(test, self._ranks.patience):
            return
        absent = self._ranks.missing(self._number)
        who = f"rank {', '.join(map(str, absent))}" if absent else "an answer"
        raise RankError(
            f"rank {self._ranks.rank} has waited {self._ranks.patience:g} seconds for {who} at exchange "
            f"{self._number:,}; see what became of it there, then go on from the last checkpoint with pellucid resume "
            "(--rank-timeout sets how long to wait)"
        )


def until(true: Callable[[], Any], seconds: float) -> bool:
    """Return whether something has become true within so many seconds; it is asked all the while."""
    began = time.monotonic()
    sleep = 0.0
    offer = getattr(os, "sched_yield", lambda: time.sleep(0))
    while not true():
        waited = time.monotonic() - began
        if waited > seconds:
            return False
        if waited < SPINNING:
            offer()
        else:
            sleep = min(LONGEST_SLEEP, sleep + 50e-6)
            time.sleep(sleep)
    return True
