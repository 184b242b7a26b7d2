"""An exchange between ranks: how MPI begins it, and how a rank waits until it is complete, or gives it up.

An MPI program waits for ever where a rank does not come. Here no wait blocks: it asks again and again whether the
exchange is complete, at first without a pause, later with short sleeps, so that it leaves the processor to others; and
when it has taken too long, the ranks that wait tell each other so, and whoever says nothing is the one that is missing
(`roll_call`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RankError
from .waiting import until

if TYPE_CHECKING:
    from .mpi import Ranks

ATTENTIVE = 0.5
"""Seconds after which a rank that waits hears of others that have waited too long."""
LARGEST = 2**30
"""Bytes of the largest array that is one exchange of MPI, whose counts and places are ints of 32 bits; what is larger
goes from one rank to all others at a time, in parts of this size."""
_given_up: list[MpiExchange] = []
"""Exchanges that a rank has given up, though MPI has not: as long as this process lives, it may write into their
arrays."""


def begin(mpi: Any, communicator: Any, room: NDArray[Any], bounds: Sequence[int]) -> list[Any]:
    """Let MPI begin to bring every rank's piece of an array to all others (`Exchanging.gather`), and return its
    requests: when all are complete, that is done."""
    if bounds[-1] <= LARGEST:
        counts = [stop - start for start, stop in pairwise(bounds)]
        return [communicator.Iallgatherv(mpi.IN_PLACE, [room, counts, list(bounds[:-1]), mpi.BYTE])]
    every = room.reshape(-1).view(np.uint8)
    return [
        communicator.Ibcast([every[at : min(at + LARGEST, stop)], mpi.BYTE], root)
        for root, (start, stop) in enumerate(pairwise(bounds))
        for at in range(start, stop, LARGEST)
    ]


class MpiExchange:
    """An exchange under way.

    Parameters
    ----------
    ranks : Ranks
    requests : list of mpi4py.MPI.Request
        It is complete when all of these are.
    place : (int, int)
        By which ranks tell each other where they are: how many losses there were before, and which it is since then.
    room : array
        Must live until it is complete, as must what the requests hold.
    """

    def __init__(self, ranks: Ranks, requests: list[Any], place: tuple[int, int], room: NDArray[Any]):
        self._ranks, self._requests, self._place, self._room = ranks, requests, place, room

    def wait(self) -> None:
        """See `collective.Exchange.wait`."""
        try:
            absent = self._missed_by()
        except self._ranks.failure as error:
            self._requests.pop()
            if not self._requests:
                self._ranks.done_with(self)
            raise self._ranks.as_rank_error(error) from None
        if absent is None:
            self._ranks.done_with(self)
            return
        _given_up.append(self)
        self._ranks.give_up(self)
        raise RankError(
            f"{self._ranks.not_come(absent)}, at exchange {self._place[1]:,}; see what became of it, or let ranks wait "
            "longer (--rank-timeout, in Python `job(patience=…)`)"
        )

    def _complete(self) -> bool:
        while self._requests and self._requests[-1].Test():
            self._requests.pop()
        return not self._requests

    def _missed_by(self) -> list[int] | None:
        """Return the ranks that have not come in time, numbered as the job began; None when it is complete."""
        if self._complete() or until(self._complete, min(ATTENTIVE, self._ranks.patience)):
            return None
        self._ranks.roll_call.waits = True
        try:
            return self._waited_long()
        finally:
            self._ranks.roll_call.waits = False

    def _waited_long(self) -> list[int] | None:
        ranks, roll_call = self._ranks, self._ranks.roll_call
        rounds = 0
        while rounds < 2:  # where all have come, nothing is missing but that it ends
            if until(self._complete, ranks.patience - ATTENTIVE, lambda: roll_call.heed(self._place)):
                return None
            absent = roll_call.absent(self._place, self._complete)
            if self._complete():
                return None
            if absent:
                return None if ranks.elastic and ranks.end(absent, self._complete) else absent
            rounds = 0 if absent is None else rounds + 1
        return []
