"""MPI in this process: how it starts, and how it ends."""

from __future__ import annotations

import atexit
import faulthandler
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import IO, cast

from ..errors import MissingExtraError, RankError, installing
from ..inference.ranks import rank_of_environment
from . import room
from .onlooker import STARTING

_SAY = """
import select, sys
if not select.select([0], [], [], float(sys.argv[1]))[0]:
    print(sys.argv[2], file=sys.stderr, flush=True)
    sys.stdin.read()
"""
"""Says something after some seconds, unless the other end of what it reads is closed before."""
_SAYING = 1.0
"""Seconds that it may need for that."""


def loaded_mpi(patience: float = STARTING) -> ModuleType:
    """Return mpi4py's module of MPI, which starts MPI where nobody has.

    Parameters
    ----------
    patience : float
        Seconds after which this process ends if MPI has not started, at least `STARTING`: it waits for all ranks, for
        ever where one is lost.

    Raises
    ------
    MissingExtraError
        If mpi4py is not installed, or finds no MPI.
    RankError
        If several processes were started by a launcher that this MPI does not know.
    """
    rank, ranks = rank_of_environment()
    room.tell(f"{room.ARRIVED}{rank}")
    try:
        import mpi4py

        mpi4py.rc.finalize = False  # see `finalize`
        with ended_after(max(patience, STARTING), rank):
            from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise MissingExtraError(
            f"training by several processes needs mpi4py and an MPI such as openmpi ({reason}): {installing('mpi')}"
        ) from None
    atexit.unregister(finalize)
    atexit.register(finalize)
    if ranks > 1 and MPI.COMM_WORLD.Get_size() == 1:
        raise RankError(
            f"{ranks} processes were started, and each of them is alone to MPI: mpiexec, or what srun starts them with "
            "(--mpi=pmix), is of another MPI than mpi4py"
        )
    return MPI


@contextmanager
def ended_after(seconds: float, rank: int) -> Iterator[None]:
    """End this process with exit code 1 where what is done here takes longer; not where the one that has started all
    ranks looks on, or there is just one.

    Python stands still while MPI starts. So it is `faulthandler` that ends the process, whose thread needs no Python;
    and another process says why, just before.
    """
    if room.is_there() or rank_of_environment().ranks == 1:
        yield
        return
    words = f"error: rank {rank}: not all ranks started within {seconds:g} seconds; nothing was written"
    command = [sys.executable, "-I", "-S", "-c", _SAY, str(seconds), words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as speaker:
        pipe = cast(IO[bytes], speaker.stdin)
        try:
            faulthandler.dump_traceback_later(seconds + _SAYING, exit=True, file=pipe)
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            pipe.close()


def finalize() -> None:
    """End MPI as the process ends; not where ranks may be lost, for which it may wait for ever."""
    from mpi4py import MPI

    if MPI.Is_initialized() and not MPI.Is_finalized():
        MPI.Finalize()
