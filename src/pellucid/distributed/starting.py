"""MPI in this process: how it starts, and how it ends."""

from __future__ import annotations

import atexit
from types import ModuleType

from ..errors import MissingExtraError, installing


def loaded_mpi() -> ModuleType:
    """Return mpi4py's module of MPI, which starts MPI where nobody has.

    Raises
    ------
    MissingExtraError
        If mpi4py is not installed, or finds no MPI.
    """
    try:
        import mpi4py

        mpi4py.rc.finalize = False  # see `finalize`
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise MissingExtraError(
            f"training by several processes needs mpi4py and an MPI such as openmpi ({reason}): {installing('mpi')}"
        ) from None
    atexit.unregister(finalize)
    atexit.register(finalize)
    return MPI


def finalize() -> None:
    """End MPI as the process ends; not where ranks may be lost, for which it may wait for ever."""
    from mpi4py import MPI

    if MPI.Is_initialized() and not MPI.Is_finalized():
        MPI.Finalize()
