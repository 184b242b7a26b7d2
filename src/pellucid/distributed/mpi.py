"""The ranks of an MPI job, through mpi4py: what `collective.Collective` asks for, and a watch over every wait.

An MPI program waits for ever where a rank does not come. Here no wait blocks: it asks again and again whether the
exchange is complete, at first without a pause, later with short sleeps, so that it leaves the processor to others; and
when it has taken too long, the ranks that wait tell each other so, and whoever says nothing is the one that is missing
(`roll_call`). Where MPI itself blocks, as it makes a communicator, a thread looks on.

Where MPI was started so that it survives a lost process (ULFM: ``mpiexec --with-ft ulfm``), those that are left go on
by themselves; see `Ranks.settled`.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LostRankError, RankError
from .fellows import Fellow
from .roll_call import RollCall, until
from .starting import finalize, loaded_mpi

PATIENCE = 300.0
"""Seconds that a rank waits for the others, unless told otherwise."""
ATTENTIVE = 0.5
"""Seconds after which a rank that waits hears of others that have waited too long."""
LEARNING = 60.0
"""Seconds in which MPI learns that a process has ended."""
LARGEST = 2**30
"""Bytes of the largest array that is one exchange of MPI, whose counts and places are ints of 32 bits; what is larger
goes from one rank to all others at a time, in parts of this size."""
FT_VARIABLE = "OMPI_MCA_mpi_ft_enable"
"""What Open MPI's launcher tells the processes of a job that survives lost ones."""
GO_ON = "go on from the last checkpoint (pellucid resume)"
_given_up: list[MpiExchange] = []
"""Exchanges that a rank has given up, though MPI has not: as long as this process lives, it may write into their
arrays."""


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
    killed : list of int
        Those that hung, and were ended by this one.
    when_lost : list of callable
        Called when ranks were lost, and those that are left are numbered anew.
    when_first : list of callable
        Called when this rank becomes the first one.
    """

    def __init__(self, communicator: Any = None, patience: float = PATIENCE):
        self._mpi, self.patience = loaded_mpi(patience), patience
        world = self._mpi.COMM_WORLD
        late = f"not all ranks that were started came within {patience:g} seconds"
        with watched(patience, lambda over: end_at_once(world, late)):
            self._communicator = world.Dup() if communicator is None else communicator
            self._talk = self._communicator.Dup()  # for messages, and never revoked
        self.rank: int = self._communicator.Get_rank()
        self.size: int = self._communicator.Get_size()
        self.elastic = os.environ.get(FT_VARIABLE, "").lower() in ("1", "true", "yes")
        if self.elastic:  # a rank may be lost in this very moment, too
            atexit.unregister(finalize)
        self.losses, self.lost = 0, list[int]()
        self.when_lost, self.when_first = list[Callable[[], object]](), list[Callable[[], object]]()
        self.fellows: dict[int, Fellow] = {}
        self.killed: list[int] = []
        self._numbers = list(range(self.size))  # of those that are left, as the job began
        self.roll_call = RollCall(self._mpi, self._talk)
        self.roll_call.of(self.rank, self._numbers)
        self._begun = 0  # exchanges since the last loss
        self._open: set[MpiExchange] = set()
        self._broken = False  # whether an exchange was given up

    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> MpiExchange:
        """Begin to bring every rank's piece of an array to all others; see `Collective.gather`."""
        if self._broken:
            raise RankError(f"an earlier exchange was given up, and MPI may still be at it; {GO_ON}")
        self._begun += 1
        try:
            requests = self._gather(room, bounds) if bounds[-1] <= LARGEST else self._gather_large(room, bounds)
        except self._mpi.Exception as error:
            raise self.as_rank_error(error) from None
        return self._opened(requests, room)

    def _gather(self, room: NDArray[Any], bounds: Sequence[int]) -> list[Any]:
        counts = [stop - start for start, stop in pairwise(bounds)]
        to = [room, counts, list(bounds[:-1]), self._mpi.BYTE]
        return [self._communicator.Iallgatherv(self._mpi.IN_PLACE, to)]

    def _gather_large(self, room: NDArray[Any], bounds: Sequence[int]) -> list[Any]:
        every = room.reshape(-1).view(np.uint8)
        return [
            self._communicator.Ibcast([every[at : min(at + LARGEST, stop)], self._mpi.BYTE], root)
            for root, (start, stop) in enumerate(pairwise(bounds))
            for at in range(start, stop, LARGEST)
        ]

    def _opened(self, requests: list[Any], room: NDArray[Any]) -> MpiExchange:
        found = MpiExchange(self, requests, (self.losses, self._begun), room)
        self._open.add(found)
        return found

    def hold(self, saves: bool = False) -> None:
        """See `Collective.hold`. From another thread than the main one it goes only where MPI lets several speak with
        it (``MPI_THREAD_MULTIPLE``), as Open MPI does."""
        self.roll_call.hold(saves)

    def settled(self, done: bool) -> bool:
        """See `Collective.settled`.

        Who meets with a loss makes the communicator of no use to anybody, so that all others meet with it, too. Then
        all agree, by an exchange that ends alike for all that are left, and make a communicator of themselves.

        Raises
        ------
        RankError
            If an exchange does not end, though nobody can complete it any more: MPI may still write into its array.
        """
        if not self.elastic:
            return True
        if not done:
            self._communicator.Revoke()
        while self._open:  # so that nothing arrives any more in memory that is put to other use
            with suppress(LostRankError):
                next(iter(self._open)).wait()
        self._begun += 1
        flag = np.array([done], np.int32)
        with suppress(LostRankError):  # what is agreed on is there all the same
            self._opened([self._communicator.Iagree(flag)], flag).wait()
        if not flag[0]:
            self._leave_behind()
        return bool(flag[0])

    def _leave_behind(self) -> None:
        """Go on with those that are left."""
        before, was = self._communicator, self.rank
        self.roll_call.shrink(self.losses)
        with watched(self.patience, partial(self._end_who_does_not_shrink, self.losses, self._numbers)):
            self._communicator = smaller = before.Shrink()
        smaller.Set_errhandler(self._mpi.ERRORS_RETURN)
        self._begun = 0
        self.rank, self.size, self.losses = smaller.Get_rank(), smaller.Get_size(), self.losses + 1
        left = smaller.Get_group().Translate_ranks(None, before.Get_group())
        numbers = [self._numbers[rank] for rank in left]
        self.lost += [number for number in self._numbers if number not in numbers]
        self._numbers = numbers
        self.roll_call.of(self.rank, numbers)
        for each in [*self.when_lost, *(self.when_first if was and not self.rank else ())]:
            each()

    def _end_who_does_not_shrink(self, losses: int, numbers: Sequence[int], over: threading.Event) -> None:
        """End ranks that hang while all others make a communicator, numbered as they were before; should that not help,
        end all."""
        absent = self.roll_call.not_shrinking(losses)
        if over.is_set():
            return
        self._kill([numbers[rank] for rank in absent])
        if until(over.is_set, LEARNING):
            return
        who = f"{self.named(absent)} did not come" if absent else "no answer came"
        end_at_once(
            self._talk, f"{who} within {self.patience:g} seconds, as those that are left were to go on; {GO_ON}"
        )

    def as_rank_error(self, error: Exception) -> RankError:
        """Return what an error of MPI means: that a rank is lost, or something that nobody can go on after."""
        gone = (self._mpi.ERR_PROC_FAILED, self._mpi.ERR_PROC_FAILED_PENDING, self._mpi.ERR_REVOKED)
        if self.elastic and error.Get_error_class() in gone:  # type: ignore[attr-defined]
            return LostRankError("a rank is lost")
        return RankError(f"MPI failed: {error}; {GO_ON}")

    @property
    def number(self) -> int:
        """This rank as it was numbered when the job began."""
        return self._numbers[self.rank]

    @property
    def failure(self) -> type[Exception]:
        """What MPI raises."""
        return self._mpi.Exception  # type: ignore[no-any-return]

    def done_with(self, exchange: MpiExchange) -> None:
        """Forget an exchange that MPI is done with."""
        self._open.discard(exchange)

    def give_up(self, exchange: MpiExchange) -> None:
        """Begin no other exchange after one that MPI is not done with, and keep what it may write to."""
        self._open.discard(exchange)
        _given_up.append(exchange)
        self._broken = True

    def kill(self, absent: Sequence[int]) -> None:
        """End ranks of this machine that hang, so that MPI learns that they are lost; on others MPI itself must find
        out."""
        self._kill([self._numbers[rank] for rank in absent])

    def _kill(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            if fellow := self.fellows.get(number):
                fellow.kill()
                self.killed.append(number)

    def named(self, ranks: Sequence[int]) -> str:
        """Return ranks in words, with machine and process."""
        numbers = [self._numbers[rank] for rank in ranks]
        return ", ".join(str(self.fellows.get(number, f"rank {number}")) for number in numbers)

    def failing(self, words: bytes) -> dict[int, bytes]:
        """Tell all that this rank fails, and return what those that fail, too, have to say; this one among them. One
        that lets the others wait as it saves is waited for."""
        return {**self.roll_call.farewell(words), self.rank: words}

    def abort(self, code: int) -> None:
        """End all ranks at once; the job's exit code is this one."""
        self._talk.Abort(code)


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
        """Return when it is complete.

        Raises
        ------
        RankError
            If a rank does not come.
        """
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
        self._ranks.give_up(self)
        who = f"{self._ranks.named(absent)} did not come" if absent else "no answer came"
        raise RankError(
            f"{who} within {self._ranks.patience:g} seconds, at exchange {self._place[1]:,}; see what became of it, "
            f"and {GO_ON}. --rank-timeout says how long to wait"
        )

    def _complete(self) -> bool:
        while self._requests and self._requests[-1].Test():
            self._requests.pop()
        return not self._requests

    def _missed_by(self) -> list[int] | None:
        """Return the ranks that have not come in time; None when it is complete."""
        if self._complete() or until(self._complete, min(ATTENTIVE, self._ranks.patience)):
            return None
        self._ranks.roll_call.waits = True
        try:
            return self._waited_long()
        finally:
            self._ranks.roll_call.waits = False

    def _waited_long(self) -> list[int] | None:
        ranks, roll_call = self._ranks, self._ranks.roll_call
        absent: list[int] | None = []
        rounds = 0
        while rounds < 2 and not absent:  # where all have come, nothing is missing but that it ends
            if until(self._complete, ranks.patience - ATTENTIVE, lambda: roll_call.heed(self._place)):
                return None
            absent = roll_call.absent(self._place, self._complete)
            if self._complete():
                return None
            rounds = 0 if absent is None else rounds + 1
        if ranks.elastic and absent:
            ranks.kill(absent)
            if until(self._complete, LEARNING):
                return None
        return absent


@contextmanager
def watched(seconds: float, late: Callable[[threading.Event], object]) -> Iterator[None]:
    """Call `late` in a thread where what is done here takes longer; it is given what is set when that is over."""
    over = threading.Event()

    def look_on() -> None:
        if not until(over.is_set, seconds):
            late(over)

    threading.Thread(target=look_on, name="pellucid-watch", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def end_at_once(communicator: Any, words: str) -> None:
    """End all ranks with an error."""
    with suppress(OSError, ValueError):
        print(f"error: {words}", file=sys.__stderr__, flush=True)
    communicator.Abort(1)
