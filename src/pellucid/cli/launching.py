"""How a command becomes the ranks of an MPI job on this machine, and what is said of how that ended."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from . import resuming, signals
from .screen import say
from .watch import SIGNALS, watch

if TYPE_CHECKING:
    from ..distributed.launch import Launched


def launched(ranks: int, elastic: bool = False, patience: float | None = None, threads: int | None = None) -> int:
    """Start the words that this process was started with as so many ranks, and return their exit code.

    The first signal ends them in order, the second one at once.
    """
    from ..distributed.launch import Launched
    from ..distributed.waiting import PATIENCE

    say(beginning_of(ranks, threads))
    job: Launched | None = None
    came: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        watch.hear()
        stands_for = signal.SIGUSR2 if number == signal.SIGTERM else signal.SIGUSR1
        if job is not None:
            job.send(signal.SIGTERM if came else stands_for)
        came.append(number)

    def halt(number: int, frame: FrameType | None) -> None:
        """Stand still, as Ctrl-Z wants it, together with the ranks, until this process is to go on."""
        if job is not None:
            job.send(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGSTOP)
        if job is not None:
            job.send(signal.SIGCONT)

    signals.handle(pass_on)  # first, for nobody would end ranks that are there when this process is not
    if hasattr(signal, "SIGTSTP") and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
        signal.signal(signal.SIGTSTP, halt)
    job = Launched(ranks, [*without_ranks(sys.argv[1:]), "--distributed"], elastic, patience or PATIENCE)
    if came:  # it was to end before it began
        job.send(signal.SIGTERM)
    said = Said()
    code, reason = outcome(job, job.wait(said), came[0] if came else 0)
    if reason and not (code == 1 and said.error and not job.unstarted):
        say(f"{reason}{how_to_go_on(job, ranks, elastic)}")
    elif code and not job.failed and saved(job):  # a rank has ended all that knows of no run
        say(f"to go on from the last checkpoint: {resuming.command(job.run, ranks, elastic)}")
    return code


class Said:
    """Passes on what ranks write to standard error, and notes whether there was an error among it."""

    error = False

    def __call__(self, line: str) -> None:
        self.error = self.error or line.startswith("error: ")
        print(line, end="", file=sys.stderr, flush=True)


def beginning_of(ranks: int, threads: int | None) -> str:
    """Return what is about to be started, for it takes some seconds."""
    from ..compiler.threads import THREADS_VARIABLE, processors_here

    processors = processors_here()
    told = threads or os.environ.get(THREADS_VARIABLE, "").strip() or max(1, processors // ranks)
    words = f"starting {ranks:,} ranks of {told} thread{'s' * (str(told) != '1')}"
    if ranks <= processors:
        return words
    return f"{words} on {processors:,} processor{'s' * (processors > 1)}: more ranks than these only take turns"


def outcome(job: Launched, code: int, signalled: int) -> tuple[int, str]:
    """Return the exit code of ranks whose launcher has ended with `code`, and in words why, where they have not done
    their work and have not said why themselves. `signalled` is the first signal that was to end them."""
    if job.unstarted:
        return (128 + signalled if signalled else 1), f"error: {job.unstarted}"
    if not code and job.done and not job.failed:
        return 0, ""
    if signalled:
        name = SIGNALS[signal.Signals(signalled)]
        return (128 + signalled if code else job.failed or 128 + signalled), "" if job.failed else name
    if code < 0:
        return 128 - code, f"error: mpiexec was ended by {signals.named(-code)}, and the ranks with it"
    if code > 128:
        return code, f"error: a rank was ended by {signals.named(code - 128)}, and the others with it"
    if not code and not job.failed:  # as where all are lost of which the others would go on
        return 1, "error: all ranks ended before their work was done"
    return code or job.failed, ""


def how_to_go_on(job: Launched, ranks: int, elastic: bool) -> str:
    """Return what is left of a training that has ended, and how to go on."""
    if job.unstarted:
        return ""
    if not saved(job):
        return "; nothing was saved yet" if job.started else " before the work began"
    go_on = f"; to go on from the last checkpoint: {resuming.command(job.run, ranks, elastic)}"
    return go_on if elastic else f"{go_on}. With --elastic the others go on"


def saved(job: Launched) -> bool:
    """Return whether there is a checkpoint of what ranks have trained."""
    from ..training.checkpoint import files

    return bool(job.run and files(Path(job.run)))


def without_ranks(words: list[str]) -> list[str]:
    """Return words without ``--ranks N``, however it is written and however often."""
    found = [word for word in words if not word.startswith("--ranks=")]
    while "--ranks" in found:
        at = found.index("--ranks")
        del found[at : at + 2]
    return found
