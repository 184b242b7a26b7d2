"""The ranks of an MPI job, through mpi4py: what `collective.Collective` asks for.

Where MPI was started so that it survives a lost process (ULFM: ``mpiexec --with-ft ulfm``), those that are left go on
by themselves; see `Ranks.settled`. How a rank waits is in `exchange`. Where MPI itself blocks, as it makes a
communicator, a thread looks on.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..collective import numbers_of
from ..errors import LostRankError, RankError
from .exchange import MpiExchange, begin
from .fellows import Fellow
from .roll_call import RollCall
from .starting import finalize, loaded_mpi
from .waiting import PATIENCE, until, watched

LEARNING = 60.0
"""Seconds in which MPI learns that a process has ended."""
FT_VARIABLE = "OMPI_MCA_mpi_ft_enable"
"""What Open MPI's launcher tells the processes of a job that survives lost ones."""


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
    fellows : dict of int to Fellow
        All ranks as processes, by their number as the job began.
    killed : list of int
        The numbers of those that hung, and were ended by this one.
    idle : int
        Processors of this rank's machine that the launcher has given to none of its ranks, as far as is known.
    when_lost : list of callable
        Called when ranks were lost, and those that are left are numbered anew.
    when_first : list of callable
        Called when this rank becomes the first one.

    Raises
    ------
    MissingExtraError, RankError
        As `loaded_mpi`; and a RankError where MPI fails.
    """

    def __init__(self, communicator: Any = None, patience: float = PATIENCE):
        self._mpi, self.patience = loaded_mpi(patience), patience
        self.elastic = os.environ.get(FT_VARIABLE, "").lower() in ("1", "true", "yes")
        world = self._mpi.COMM_WORLD
        late = f"not all ranks that were started came within {patience:g} seconds"
        with self._explained(), watched(patience, lambda over: end_at_once(world, late)):
            self._communicator = world.Dup() if communicator is None else communicator
            self._talk = self._communicator.Dup()  # for messages, and never revoked
        self.rank: int = self._communicator.Get_rank()
        self.size: int = self._communicator.Get_size()
        if self.elastic:  # a rank may be lost in this very moment, too
            atexit.unregister(finalize)
        self.losses, self.lost, self.killed, self.idle = 0, list[int](), list[int](), 0
        self.when_lost, self.when_first = list[Callable[[], object]](), list[Callable[[], object]]()
        self.fellows: dict[int, Fellow] = {}
        self.roll_call = RollCall(self._mpi, self._talk)
        self._begun = 0  # exchanges since the last loss
        self._open: set[MpiExchange] = set()
        self._broken = False  # whether an exchange was given up

    @property
    def number(self) -> int:
        """This rank as it was numbered when the job began."""
        return numbers_of(self)[self.rank]

    # ---- what a computation asks of them
    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> MpiExchange:
        """Begin to bring every rank's piece of an array to all others; see `Collective.gather`."""
        if self._broken:
            raise RankError("an earlier exchange was given up, and MPI may still be at it; start all ranks anew")
        self._begun += 1
        try:
            return self._opened(begin(self._mpi, self._communicator, room, bounds), room)
        except self.failure as error:
            raise self.as_rank_error(error) from None

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
            If an exchange does not end, though nobody can complete it any more: MPI may still write into its array. Or
            if MPI fails otherwise.
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
        before, was, numbers = self._communicator, self.rank, numbers_of(self)
        self.roll_call.shrink(self.losses)
        with self._explained(), watched(self.patience, partial(self._end_who_does_not_shrink, self.losses)):
            self._communicator = smaller = before.Shrink()
        smaller.Set_errhandler(self._mpi.ERRORS_RETURN)
        self._begun = 0
        self.rank, self.size, self.losses = smaller.Get_rank(), smaller.Get_size(), self.losses + 1
        left = smaller.Get_group().Translate_ranks(None, before.Get_group())
        self.lost += [number for rank, number in enumerate(numbers) if rank not in left]
        self.roll_call.of(numbers_of(self))
        for each in [*self.when_lost, *(self.when_first if was and not self.rank else ())]:
            each()

    def _end_who_does_not_shrink(self, losses: int, over: threading.Event) -> None:
        """End ranks that hang while all others make a communicator; should that not help, end all."""
        absent = self.roll_call.not_shrinking(losses)
        if not over.is_set() and not self.end(absent, over.is_set):
            end_at_once(self._talk, f"{self.not_come(absent)}, as those that are left were to go on")

    # ---- what an exchange asks of them
    def _opened(self, requests: list[Any], room: NDArray[Any]) -> MpiExchange:
        found = MpiExchange(self, requests, (self.losses, self._begun), room)
        self._open.add(found)
        return found

    def done_with(self, exchange: MpiExchange) -> None:
        """Forget an exchange that MPI is done with."""
        self._open.discard(exchange)

    def give_up(self, exchange: MpiExchange) -> None:
        """Begin no other exchange after one that MPI is not done with."""
        self._open.discard(exchange)
        self._broken = True

    @property
    def failure(self) -> type[Exception]:
        """What MPI raises."""
        failure: type[Exception] = self._mpi.Exception
        return failure

    def as_rank_error(self, error: Any) -> RankError:
        """Return what an error of MPI means: that a rank is lost, or something that nobody can go on after."""
        gone = (self._mpi.ERR_PROC_FAILED, self._mpi.ERR_PROC_FAILED_PENDING, self._mpi.ERR_REVOKED)
        if self.elastic and error.Get_error_class() in gone:
            return LostRankError("a rank is lost")
        return RankError(f"MPI failed: {error}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in words what MPI fails with as it makes a communicator: nobody can go on after that."""
        try:
            yield
        except self.failure as error:
            raise RankError(f"MPI failed: {error}") from None

    # ---- ranks that do not come, numbered as the job began
    def end(self, numbers: Sequence[int], known: Callable[[], object]) -> bool:
        """End ranks of this machine that hang, so that MPI learns that they are lost, and return whether it has become
        known; on other machines MPI itself must find out."""
        for number in numbers:
            if fellow := self.fellows.get(number):
                fellow.kill()
                self.killed.append(number)
        return until(known, LEARNING)

    def not_come(self, numbers: Sequence[int]) -> str:
        """Return in words, with machine and process, that ranks have not come; or only no answer, if there are none."""
        names = ", ".join(str(self.fellows.get(number, f"rank {number}")) for number in numbers)
        return f"{f'{names} did not come' if names else 'no answer came'} within {self.patience:g} seconds"

    # ---- the end
    def failing(self, words: bytes) -> dict[int, bytes]:
        """Tell all that this rank fails, and return what those that fail, too, have to say; this one among them. They
        are numbered as the job began. One that lets the others wait as it saves is waited for."""
        return {**self.roll_call.farewell(words), self.number: words}

    def abort(self, code: int) -> None:
        """End all ranks at once; the job's exit code is this one."""
        self._talk.Abort(code)


def end_at_once(communicator: Any, words: str) -> None:
    """End all ranks with an error."""
    with suppress(OSError, ValueError):
        print(f"error: {words}", file=sys.__stderr__, flush=True)
    communicator.Abort(1)
