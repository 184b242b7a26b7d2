"""The ranks of an MPI job, through mpi4py: what `collective.Collective` asks for, and a watch over every wait.

An MPI program waits for ever where a rank does not come. Here no wait blocks: it asks again and again whether the
exchange is complete, at first without a pause, later with short sleeps, so that it leaves the processor to others; and
when it has taken too long, the ranks that wait tell each other so, and whoever says nothing is the one that is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError, RankError, installing

PATIENCE = 300.0
"""Seconds that a rank waits for the others, unless told otherwise."""
SPINNING, LONGEST_SLEEP = 0.0005, 0.001
"""Seconds that a wait lasts before it sleeps between its looks, and the longest of those sleeps. (Whoever offers the
processor to others instead of sleeping is not given it back for long where there are many of them.)"""
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
        self.rank: int = self._communicator.Get_rank()
        self.size: int = self._communicator.Get_size()
        self.patience = patience
        self._begun = 0  # exchanges, by which ranks tell each other where they are
        self._sent: list[tuple[bytes, Any]] = []

    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> MpiExchange:
        """Begin to bring every rank's piece of an array to all others; see `Collective.gather`."""
        counts = [stop - start for start, stop in pairwise(bounds)]
        self._begun += 1
        request = self._communicator.Iallgatherv(self._mpi.IN_PLACE, [room, counts, list(bounds[:-1]), self._mpi.BYTE])
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
        return [said[start:stop].tobytes() for start, stop in pairwise(bounds)]

    def missing(self, exchange: int) -> list[int]:
        """Return the ranks that have not come to an exchange: this one tells all that it waits, and hears who else
        does."""
        told = self._tell(WAITING, str(exchange).encode())
        return [rank for rank in range(self.size) if int(told.get(rank, b"-1")) < exchange]

    def failing(self, words: bytes) -> dict[int, bytes]:
        """Tell all that this rank fails, and return what those that fail, too, have to say; this one among them."""
        return self._tell(FAILING, words)

    def abort(self, code: int) -> None:
        """End all ranks at once; the job's exit code is this one."""
        self._communicator.Abort(code)

    def _tell(self, tag: int, words: bytes) -> dict[int, bytes]:
        """Say something to all, and return what each has said that did so, too, within a moment."""
        said = {self.rank: words}
        others = [rank for rank in range(self.size) if rank != self.rank]
        # Nobody may ever take them: what was sent is held for as long as this is.
        self._sent += [(words, self._communicator.Isend([words, self._mpi.BYTE], other, tag)) for other in others]

        def heard() -> bool:
            status = self._mpi.Status()
            while self._communicator.Iprobe(self._mpi.ANY_SOURCE, tag, status):
                room = np.zeros(status.Get_count(self._mpi.BYTE), np.uint8)
                self._communicator.Recv([room, self._mpi.BYTE], status.Get_source(), tag)
                said[status.Get_source()] = room.tobytes()
            return len(said) == self.size

        until(heard, ANSWERING)
        return said


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
        test: Callable[[], Any] = self._request.Test
        if test() or until(test, self._ranks.patience):
            return
        absent = self._ranks.missing(self._number)
        who = f"rank {', '.join(map(str, absent))} did not come" if absent else "no answer came"
        raise RankError(
            f"{who} within {self._ranks.patience:g} seconds, at exchange {self._number:,}; see what became of it, and "
            "go on from the last checkpoint (pellucid resume). --rank-timeout says how long to wait"
        )


def until(true: Callable[[], Any], seconds: float) -> bool:
    """Return whether something has become true within so many seconds; it is asked all the while."""
    began = time.monotonic()
    sleep = 0.0
    while not true():
        waited = time.monotonic() - began
        if waited > seconds:
            return False
        if waited > SPINNING:
            sleep = min(LONGEST_SLEEP, sleep + 50e-6)
            time.sleep(sleep)
    return True
