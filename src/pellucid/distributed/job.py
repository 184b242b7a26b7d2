"""A process as one rank of an MPI job: where it runs, and how all of them end when one does.

Under MPI a process that ends with an error leaves the others waiting for ever. Here it tells them, and where they do
not fail likewise, it ends them when it has said what is wrong.
"""

from __future__ import annotations

import atexit
import json
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..collective import surviving, told_by_all
from ..errors import PellucidError, RankError
from ..training.interrupts import ByTheFirst
from . import room
from .fellows import Fellow
from .mpi import Ranks
from .processors import Processors, of_launcher
from .waiting import PATIENCE


@contextmanager
def job(patience: float = PATIENCE) -> Iterator[Ranks]:
    """Take part in the MPI job that this process was started in, and give its ranks.

    Each rank takes its share of the machine's processors, of which those that are left have more where some are lost.
    What ends the block with an error, or ends the process, ends all ranks: the error comes out of one of them alone,
    where all fail with the same. A process that is killed, or hangs, the others do without, where the launcher was told
    so (``mpiexec --with-ft ulfm``).

    Parameters
    ----------
    patience : float, default 300
        Seconds after which a rank that does not come is given up.

    Raises
    ------
    MissingExtraError
        If mpi4py is not installed, or finds no MPI.
    RankError
        If not all ranks come, or MPI fails.
    """
    ranks = Ranks(patience=patience)
    processors = surviving(ranks, lambda: introduced(ranks))
    room.tell(room.STARTED)
    ranks.idle = processors.idle(of_launcher())
    processors.share()
    ranks.when_lost.append(lambda: processors.share(ranks.lost))
    listen(ranks)
    try:
        yield ranks
    except BaseException as error:
        if not settle(ranks, error):
            raise SystemExit(exit_code(error)) from None
        raise


def settle(ranks: Ranks, error: BaseException) -> bool:
    """Return whether this rank is to say what has ended it. Where other ranks have not ended, they do when it has; also
    where it has ended without an error, for the job has not done what it was to do."""
    code = exit_code(error)
    words = f"exit {code}" if isinstance(error, SystemExit | KeyboardInterrupt) else f"{type(error).__name__}: {error}"
    said = ranks.failing(words.encode())
    speaks = ranks.number == min(number for number, each in said.items() if each == words.encode())
    if speaks and len(said) < ranks.size:
        if not code:
            print(f"error: rank {ranks.number} has ended while others go on; they end, too", file=sys.__stderr__)
        elif isinstance(error, Exception) and not isinstance(error, RankError):  # which names the rank that it is about
            print(f"rank {ranks.number}, on {platform.node()}, has failed alone; all end", file=sys.__stderr__)
        atexit.register(end_all, ranks, code or 1)  # before MPI's own end, which would wait for the others
    return speaks


def end_all(ranks: Ranks, code: int) -> None:
    """End all ranks, when what was printed has gone out."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    ranks.abort(code)


def exit_code(error: BaseException) -> int:
    """Return what a process exits with that an error ends."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt):
        return 130
    return 1 if isinstance(error, PellucidError) else int(getattr(error, "exit_code", 1))


def listen(ranks: Ranks) -> None:
    """Let the first rank alone hear what is to end the job: the others learn of it after the same step.

    MPI's launcher ends its processes at once when it is interrupted itself; what it passes on is SIGUSR1, which stands
    for Ctrl-C here, and SIGUSR2, for SIGTERM.
    """

    def pass_on(meant: int) -> None:
        if not ranks.rank:
            os.kill(os.getpid(), meant)

    for name, meant in {"SIGUSR1": signal.SIGINT, "SIGUSR2": signal.SIGTERM}.items():
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_, meant=meant: pass_on(meant))
            if ranks.rank:
                signal.signal(meant, ByTheFirst(ranks, meant))


def introduced(ranks: Ranks) -> Processors:
    """Let ranks know of each other who they are, and return which processors this one's machine has for them."""
    node, own = platform.node(), sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    me = ranks.fellows.get(ranks.number) or Fellow.own(ranks.number)
    told = [json.loads(each) for each in told_by_all(ranks, json.dumps([node, own, vars(me)]).encode())]
    fellows = [Fellow(**each) for _, _, each in told]
    ranks.fellows = {fellow.number: fellow for fellow in fellows}
    here = {
        fellow.number: allowed
        for fellow, (name, allowed, _) in zip(fellows, told, strict=True)
        if (name, fellow.machine) == (node, me.machine)
    }
    return Processors(ranks.number, here)
