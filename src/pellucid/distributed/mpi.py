"""The ranks of an MPI job, through mpi4py: what `collective.Collective` asks for, and a watch over every wait.

An MPI program waits for ever where a rank does not come. Here no wait blocks: it asks again and again whether the
exchange is complete, at first without a pause, later with short sleeps, so that it leaves the processor to others; and
when it has taken too long, the ranks that wait tell each other so, and whoever says nothing is the one that is missing.

Where MPI was started so that it survives a lost process (ULFM: ``mpiexec --with-ft ulfm``), those that are left go on
by themselves; see `Ranks.settled`.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LostRankError, RankError
from .fellows import Fellow
from .starting import finalize, mpi

PATIENCE = 300.0
"""Seconds that a rank waits for the others, unless told otherwise."""
SPINNING, LONGEST_SLEEP = 0.0005, 0.001
"""Seconds that a wait lasts before it sleeps between its looks, and the longest of those sleeps. (Whoever offers the
processor to others instead of sleeping is not given it back for long where there are many of them.)"""
ANSWERING = 2.0
"""Seconds in which ranks that have waited too long hear of each other."""
ATTENTIVE = 0.5
"""Seconds after which a rank that waits hears of others that have waited too long."""
BEHIND = 50
"""Exchanges by which ranks that wait may be apart: to one of them something may have come that a rank that hangs has
not sent on to another."""
LEARNING = 60.0
"""Seconds in which MPI learns that a process has ended."""
ELASTIC = "OMPI_MCA_mpi_ft_enable"
"""What Open MPI's launcher tells the processes of a job that survives lost ones."""
HELD = 10
"""How often, within the time that they are waited for, ranks are told that they wait on purpose."""
WAITING, FAILING, HOLDING = 1, 2, 3
"""Tags of messages: that a rank waits, at which exchange; that it fails, with which words; that it lets others wait."""


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
    rank, size, losses : int
        See `Collective`.
    elastic : bool
        Whether the others go on where some are lost.
    lost : list of int
        The ranks that were lost, numbered as the job began.
    when_first : list of callable
        Called when this rank becomes the first one.
    """

    def __init__(self, communicator: Any = None, patience: float = PATIENCE):
        self._mpi = mpi()
        self._communicator = self._mpi.COMM_WORLD.Dup() if communicator is None else communicator
        self._talk = self._communicator.Dup()  # for messages: nobody makes it of no use
        self.rank: int = self._communicator.Get_rank()
        self.size: int = self._communicator.Get_size()
        self.patience = patience
        self.elastic = os.environ.get(ELASTIC, "").lower() in ("1", "true", "yes")
        if self.elastic:  # a rank may be lost in this very moment, too
            atexit.unregister(finalize)
        self.losses, self.lost, self.when_first = 0, list[int](), list[Callable[[], object]]()
        self.fellows: dict[int, Fellow] = {}
        self._numbers = list(range(self.size))  # of those that are left, as the job began
        self._begun = 0  # exchanges, by which ranks tell each other where they are
        self._open: set[MpiExchange] = set()
        self._sent: list[tuple[bytes, Any]] = []
        self._answered = 0  # the last exchange at which this rank has said that it waits
        self._waits: dict[int, tuple[int, ...]] = {}  # where ranks have said that they wait
        self._held = 0.0  # when this rank has said last that the others wait on purpose

    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> MpiExchange:
        """Begin to bring every rank's piece of an array to all others; see `Collective.gather`."""
        counts = [stop - start for start, stop in pairwise(bounds)]
        self._begun += 1
        try:
            to = [room, counts, list(bounds[:-1]), self._mpi.BYTE]
            request = self._communicator.Iallgatherv(self._mpi.IN_PLACE, to)
        except self._mpi.Exception as error:
            raise self.loss(error) from None
        found = MpiExchange(self, request, self._begun, room)
        self._open.add(found)
        return found

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

    def hold(self) -> None:
        """See `Collective.hold`."""
        if time.monotonic() - self._held > self.patience / HELD:
            self._held = time.monotonic()
            self._say(HOLDING, b"on purpose")

    def held(self) -> bool:
        """Return whether another rank has said since the last time that it lets the others wait."""
        return bool(self._heard(HOLDING))

    def missing(self, exchange: int) -> list[int]:
        """Return the ranks that have not come to an exchange: this one tells all that it waits, and hears who else
        does."""
        self._say(WAITING, f"{self.losses} {exchange}".encode())
        others = [rank for rank in range(self.size) if rank != self.rank]
        until(lambda: self.wanted(exchange, others), ANSWERING)
        return [rank for rank in others if self._waits.get(rank, ()) < (self.losses, exchange - BEHIND)]

    def answer(self, exchange: int) -> bool:
        """Say that this rank waits, too, where another one has waited too long; it goes on waiting."""
        if self._answered != exchange and self.wanted(exchange):
            self._answered = exchange
            self._say(WAITING, f"{self.losses} {exchange}".encode())
        return False

    def wanted(self, exchange: int, by: Sequence[int] = ()) -> bool:
        """Return whether another rank has waited too long for an exchange, and wants to know who waits; or all those
        that are named."""
        self._waits.update({rank: tuple(map(int, words.split())) for rank, words in self._heard(WAITING).items()})
        wait = [rank for rank, where in self._waits.items() if where >= (self.losses, exchange - BEHIND)]
        return set(by) <= set(wait) if by else bool(wait)

    def settled(self, done: bool) -> bool:
        """See `Collective.settled`.

        Who meets with a loss makes the communicator of no use to anybody, so that all others meet with it, too. Then
        all agree, by an exchange that ends alike for all that are left, and make a communicator of themselves.
        """
        if not self.elastic:
            return True
        if not done:
            self._communicator.Revoke()
        for each in [*self._open]:  # so that nothing arrives any more in memory that is put to other use
            with suppress(RankError):
                each.wait()
        self._begun += 1
        flag = np.array([done], np.int32)
        with suppress(LostRankError):  # what is agreed on is there all the same
            MpiExchange(self, self._communicator.Iagree(flag), self._begun, flag).wait()
        if not flag[0]:
            self._leave_behind()
        return bool(flag[0])

    def _leave_behind(self) -> None:
        """Go on with those that are left."""
        before, was = self._communicator, self.rank
        self._communicator = smaller = before.Shrink()
        smaller.Set_errhandler(self._mpi.ERRORS_RETURN)
        self._begun, self._waits, self._answered = 0, {}, 0
        self.rank, self.size, self.losses = smaller.Get_rank(), smaller.Get_size(), self.losses + 1
        left = smaller.Get_group().Translate_ranks(None, before.Get_group())
        numbers = [self._numbers[rank] for rank in left]
        self.lost += [number for number in self._numbers if number not in numbers]
        self._numbers = numbers
        if was and not self.rank:
            for each in self.when_first:
                each()

    def loss(self, error: Exception) -> RankError:
        """Return what an error of MPI means: that a rank is lost, or something that nobody can go on after."""
        gone = (self._mpi.ERR_PROC_FAILED, self._mpi.ERR_PROC_FAILED_PENDING, self._mpi.ERR_REVOKED)
        if self.elastic and error.Get_error_class() in gone:  # type: ignore[attr-defined]
            return LostRankError("a rank is lost")
        return RankError(f"MPI failed: {error}; go on from the last checkpoint (pellucid resume)")

    @property
    def number(self) -> int:
        """This rank as it was numbered when the job began."""
        return self._numbers[self.rank]

    @property
    def failure(self) -> type[Exception]:
        """What MPI raises."""
        return self._mpi.Exception  # type: ignore[no-any-return]

    def done_with(self, exchange: MpiExchange) -> None:
        """Forget an exchange that nobody waits for any more."""
        self._open.discard(exchange)

    def kill(self, absent: Sequence[int]) -> None:
        """End ranks of this machine that hang, so that MPI learns that they are lost; on others MPI itself must find
        out."""
        for rank in absent:
            if fellow := self.fellows.get(self._numbers[rank]):
                fellow.kill()

    def failing(self, words: bytes) -> dict[int, bytes]:
        """Tell all that this rank fails, and return what those that fail, too, have to say; this one among them."""
        said = {self.rank: words}
        self._say(FAILING, words)

        def heard() -> bool:
            said.update(self._heard(FAILING))
            return len(said) == self.size

        until(heard, ANSWERING)
        return said

    def abort(self, code: int) -> None:
        """End all ranks at once; the job's exit code is this one."""
        self._talk.Abort(code)

    def _say(self, tag: int, words: bytes) -> None:
        """Say something to all others."""
        self._sent = [each for each in self._sent if not self._arrived(each[1])]
        for number in self._others().values():
            # Nobody may ever take it: what was sent is held for as long as this is.
            with suppress(self._mpi.Exception):
                self._sent.append((words, self._talk.Isend([words, self._mpi.BYTE], number, tag)))

    def _arrived(self, request: Any) -> bool:
        """Return whether a message has gone out, or has nowhere to go."""
        with suppress(self._mpi.Exception):
            return bool(request.Test())
        return True

    def _heard(self, tag: int) -> dict[int, bytes]:
        """Return the last thing that each of the others has said, of those that have come meanwhile."""
        said, status = dict[int, bytes](), self._mpi.Status()
        for rank, number in self._others().items():
            with suppress(self._mpi.Exception):  # of one that is gone
                while self._talk.Iprobe(number, tag, status):
                    room = np.zeros(status.Get_count(self._mpi.BYTE), np.uint8)
                    self._talk.Recv([room, self._mpi.BYTE], number, tag)
                    said[rank] = room.tobytes()
        return said

    def _others(self) -> dict[int, int]:
        """Return by rank what the others were numbered as the job began."""
        return {rank: number for rank, number in enumerate(self._numbers) if rank != self.rank}


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
        ranks, test = self._ranks, self._request.Test
        try:
            if test() or until(test, min(ATTENTIVE, ranks.patience)):
                return
            if until(lambda: test() or ranks.answer(self._number), ranks.patience - ATTENTIVE, ranks.held):
                return
            absent = ranks.missing(self._number)
            if ranks.elastic and absent:
                ranks.kill(absent)
                if until(test, LEARNING):
                    return
        except ranks.failure as error:
            raise ranks.loss(error) from None
        finally:
            ranks.done_with(self)
        who = f"rank {', '.join(map(str, absent))} did not come" if absent else "no answer came"
        raise RankError(
            f"{who} within {ranks.patience:g} seconds, at exchange {self._number:,}; see what became of it, and "
            "go on from the last checkpoint (pellucid resume). --rank-timeout says how long to wait"
        )


def until(true: Callable[[], Any], seconds: float, anew: Callable[[], bool] = lambda: False) -> bool:
    """Return whether something has become true within so many seconds; it is asked all the while. The time begins
    `anew` where that says so."""
    began = time.monotonic()
    sleep = 0.0
    while not true():
        waited = time.monotonic() - began
        if anew():
            began = time.monotonic()
        elif waited > seconds:
            return False
        if waited > SPINNING:
            sleep = min(LONGEST_SLEEP, sleep + 50e-6)
            time.sleep(sleep)
    return True
