"""The words of verbs that several processes can share, and how a command is one of these; `launching` starts them."""

from __future__ import annotations

import functools
import inspect
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from ..errors import ArgumentError
from ..inference.ranks import rank_of_environment
from . import parsing
from .launching import launched
from .watch import watch

if TYPE_CHECKING:
    from ..collective import Collective
    from ..distributed.mpi import Ranks

RankCount = Annotated[
    int | None,
    typer.Option(
        "--ranks",
        metavar="N",
        parser=parsing.at_least_one,
        show_default=False,
        help="Share the work among so many processes on this machine, which mpiexec starts; the results are the same, "
        "to the last bit. --batch-size is that of all together. Needs the extra mpi.",
    ),
]
Distributed = Annotated[
    bool,
    typer.Option(
        "--distributed",
        help="This process is one of several that share the work, as mpiexec or srun has started them, on one machine "
        "or many.",
    ),
]
RankTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        parser=parsing.real,
        show_default=False,
        help="How long ranks wait for one that does not come before all end, or, if elastic, before that one is ended. "
        "By default 300.",
    ),
]
Elastic = Annotated[
    bool,
    typer.Option(
        "--elastic",
        help="Where a process is killed, or hangs, the others go on without it, to the same results. With "
        "--distributed the launcher must have been told so, too: mpiexec --with-ft ulfm.",
    ),
]
WORDS = ("ranks", "distributed", "rank_timeout", "elastic")
LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK", "MV2_COMM_WORLD_SIZE", "PELLUCID_RANKS")
"""Variables by which launchers tell a process which one it is."""
LONGEST = 10_000_000
"""Seconds for which ranks wait for each other, at most: 115 days."""
LATER = 2.0
"""Seconds by which others than the first of several processes end later, so that its words are read."""

Command = TypeVar("Command", bound=Callable[..., None])


def shared(command: Command) -> Command:
    """Let a command that takes `ranks` be started as several ranks, or be one of them."""
    signature = inspect.signature(command, eval_str=True)
    asked = {"ranks": RankCount, "distributed": Distributed, "rank_timeout": RankTimeout, "elastic": Elastic}
    more = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=asked[name])
        for name, default in zip(WORDS, (None, False, None, False), strict=True)
    ]
    own = [each for each in signature.parameters.values() if each.name != "ranks"]

    @functools.wraps(command)
    def taking(
        *, ranks: int | None, distributed: bool, rank_timeout: float | None, elastic: bool, **words: Any
    ) -> None:
        refuse_senseless(ranks, distributed, rank_timeout, elastic)
        if ranks is not None and ranks > 1:
            raise typer.Exit(launched(ranks, elastic, rank_timeout, words.get("threads")))
        if not distributed:
            if ranks is None:
                refuse_several(signature.parameters)
            command(**words, ranks=None)
            return
        refuse_alone()
        with taking_part(rank_timeout, elastic) as taken:
            command(**words, ranks=taken)

    taking.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
    return taking  # type: ignore[return-value]


def refuse_senseless(ranks: int | None, distributed: bool, rank_timeout: float | None, elastic: bool) -> None:
    """Refuse words that do not go together."""
    if rank_timeout is not None and not 0 < rank_timeout <= LONGEST:
        told = f"expected more than 0 seconds, and at most {LONGEST:,}, received {rank_timeout:g}"
        raise typer.BadParameter(told, param_hint="--rank-timeout")
    if ranks is not None and distributed:
        raise typer.BadParameter("mpiexec has said how many there are; leave it out", param_hint="--ranks")
    for name, given in (("--elastic", elastic), ("--rank-timeout", rank_timeout is not None)):
        if given and ranks is None and not distributed:
            raise typer.BadParameter("goes with --ranks or --distributed", param_hint=name)


def refuse_several(parameters: Mapping[str, inspect.Parameter]) -> None:
    """Refuse that each of several processes does the whole work, unless somebody wants just that."""
    rank, count = rank_of_environment()
    if count == 1:
        return
    if rank:  # the first one says it, before the launcher ends all
        time.sleep(LATER)
        raise typer.Exit(2)
    work = "work" if "network" in parameters else "training"
    raise typer.BadParameter(
        f"mpiexec or srun has started {count} processes: with this option they share one {work}, with --ranks 1 each "
        "does all by itself",
        param_hint="--distributed",
    )


def refuse_alone() -> None:
    """Refuse to be one of several processes where this one was started by itself."""
    if not started_by_launcher():
        told = "this process was not started by mpiexec or srun; --ranks N starts N on this machine"
        raise typer.BadParameter(told, param_hint="--distributed")


def started_by_launcher() -> bool:
    """Return whether the environment has traces of one; which process this is it need not say."""
    return any(name in os.environ for name in LAUNCHERS) or "SLURM_STEP_NUM_TASKS" in os.environ


@contextmanager
def taking_part(patience: float | None, elastic: bool = False) -> Iterator[Ranks]:
    """Give the ranks that this process is one of. What others than the first would show goes nowhere; but an error
    that is theirs alone is said.

    Raises
    ------
    ArgumentError
        If they are to be `elastic`, and MPI was not started so.
    """
    from ..distributed import room
    from ..distributed.job import exit_code, job
    from ..distributed.waiting import PATIENCE

    out, err = sys.stdout, sys.stderr
    try:
        with job(PATIENCE if patience is None else patience) as ranks:
            watch.deaf = lambda: ranks.rank > 0
            if ranks.rank:
                sys.stdout, sys.stderr = shown = Curtain(out), Curtain(err)
                ranks.when_first += [each.open for each in shown]
            ranks.when_lost.append(lambda: say_who_hung(ranks, err))
            room.when_left_alone(lambda: os.kill(os.getpid(), signal.SIGUSR2))  # for SIGTERM, as `job` hears it
            if elastic and not ranks.elastic:
                raise ArgumentError("--elastic: MPI was not started so; for Open MPI: mpiexec --with-ft ulfm …")
            yield ranks
    except BaseException as error:
        room.tell(room.FAILED, exit_code(error))
        raise
    else:
        room.tell(room.DONE)
    finally:
        sys.stdout, sys.stderr = out, err


def say_who_hung(ranks: Ranks, stream: TextIO) -> None:
    """Say, in the first rank, which of those that are lost were ended as they did not come."""
    while ranks.killed:
        hung = ranks.fellows.get(ranks.killed.pop(0))
        if hung is not None and hung.number in ranks.lost and not ranks.rank:
            print(f"note: {hung} did not come within {ranks.patience:g} seconds, and was ended", file=stream)


def shared_by(ranks: Collective, batch_size: int) -> str:
    """Return by how many ranks a training is shared, in words."""
    from ..distributed.mpi import Ranks

    words = f"{ranks.size:,} rank{'s' * (ranks.size > 1)}"
    if not isinstance(ranks, Ranks):
        return words
    machines = len({fellow.host for fellow in ranks.fellows.values()})
    where = f" on {machines:,} machines" if machines > 1 else ""
    lost = "elastic: the others go on where one is lost" if ranks.elastic else "not elastic: all end where one is lost"
    idle = ""
    if ranks.idle:
        these = "a processor" if ranks.idle == 1 else f"{ranks.idle:,} processors"
        idle = f"\nnote: the launcher leaves {these} of this machine to no rank; mpiexec --bind-to none shares them all"
    return f"{words}{where} share each batch of {batch_size:,} images; {lost}{idle}"


class Curtain(io.TextIOBase):
    """A stream that shows nothing of what is written to it until it is opened."""

    def __init__(self, stream: TextIO):
        self._stream, self._opened = stream, False

    def open(self) -> None:
        """Show what is written from now on."""
        self._opened = True

    def write(self, text: str) -> int:
        return self._stream.write(text) if self._opened else len(text)

    def flush(self) -> None:
        if self._opened:
            self._stream.flush()
