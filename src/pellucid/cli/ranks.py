"""The words of verbs that several processes can share, and how a command becomes the ranks of an MPI job."""

from __future__ import annotations

import functools
import inspect
import io
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from . import options, signals
from .screen import called
from .watch import watch

if TYPE_CHECKING:
    from ..distributed.mpi import Ranks

RankCount = Annotated[
    int | None,
    typer.Option(
        "--ranks",
        metavar="N",
        parser=options.at_least_one,
        show_default=False,
        help="Share the work among so many processes on this machine, which mpiexec starts; the results are the same, "
        "to the last bit. Needs the extra mpi.",
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
        parser=options.real,
        show_default=False,
        help="How long ranks wait for one that does not come before all end. By default 300.",
    ),
]
Elastic = Annotated[
    bool,
    typer.Option(
        "--elastic",
        help="With --ranks: where a process is killed, or hangs, the others go on without it, to the same results.",
    ),
]
WORDS = ("ranks", "distributed", "rank_timeout", "elastic")

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
        if rank_timeout is not None and not rank_timeout > 0:
            told = f"expected more than 0 seconds, received {rank_timeout:g}"
            raise typer.BadParameter(told, param_hint="--rank-timeout")
        if ranks is not None and distributed:
            raise typer.BadParameter("mpiexec has said how many there are; leave it out", param_hint="--ranks")
        if elastic and ranks is None:
            told = "goes with --ranks; mpiexec is told --with-ft ulfm"
            raise typer.BadParameter(told, param_hint="--elastic")
        if ranks is not None:
            raise typer.Exit(launched(ranks, elastic))
        if not distributed:
            command(**words, ranks=None)
            return
        with taking_part(rank_timeout) as taken:
            command(**words, ranks=taken)

    taking.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
    return taking  # type: ignore[return-value]


@contextmanager
def taking_part(patience: float | None) -> Iterator[Ranks]:
    """Give the ranks that this process is one of. What others than the first would show goes nowhere; but an error
    that is theirs alone is said."""
    from ..distributed.job import job
    from ..distributed.mpi import PATIENCE

    out, err = sys.stdout, sys.stderr
    try:
        with job(PATIENCE if patience is None else patience) as ranks:
            watch.deaf = lambda: ranks.rank > 0
            if ranks.rank:
                sys.stdout, sys.stderr = shown = Curtain(out), Curtain(err)
                ranks.when_first += [each.open for each in shown]
            yield ranks
    finally:
        sys.stdout, sys.stderr = out, err


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


def launched(ranks: int, elastic: bool = False) -> int:
    """Start the words that this process was started with as so many ranks, and return their exit code.

    The first signal ends them in order, the second one at once.
    """
    from ..distributed.launch import Launched

    words = [word for word in without_ranks(sys.argv[1:]) if word != "--elastic"]
    job = Launched(ranks, [*words, "--distributed"], elastic)
    before: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        watch.hear()
        stands_for = signal.SIGUSR2 if number == signal.SIGTERM else signal.SIGUSR1
        job.send(signal.SIGTERM if before else stands_for)
        before.append(number)

    signals.handle(pass_on)
    code = job.wait(lambda line: print(line, end="", file=sys.stderr, flush=True))
    if code > 128 and not before:
        told = f"error: a rank was ended by signal {code - 128}, and the others with it"
        again = f"; to go on from the last checkpoint: {called()} resume RUN --ranks {ranks}"
        print(f"{told}{again}. With --elastic the others go on", file=sys.stderr)
    return 128 + before[0] if before and code else code


def without_ranks(words: list[str]) -> list[str]:
    """Return words without ``--ranks N``, however it is written."""
    found = [word for word in words if not word.startswith("--ranks=")]
    if "--ranks" in found:
        at = found.index("--ranks")
        del found[at : at + 2]
    return found
