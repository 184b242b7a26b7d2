"""Real MPI jobs on this machine; tests that need one are skipped where MPI is missing."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def needs_mpi():
    """Skip a test where there is no MPI, and say what is missing."""
    pytest.importorskip("mpi4py", reason="needs mpi4py: pip install '.[mpi]'")
    from pellucid.distributed.launch import mpiexec
    from pellucid.errors import MissingExtraError

    try:
        mpiexec()
    except MissingExtraError as error:
        pytest.skip(str(error))


def environment(room=None):
    """Return the variables that a job needs: where the package lies, one thread a rank, and what its launcher needs."""
    from pellucid.distributed import launch

    own = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "PELLUCID_THREADS": "1"}
    return {**launch.environment(room), **own}


def job(size, *words, patience=60.0):
    """Let so many ranks do what `tests.distributed.rank` does for the words, and return how that ended."""
    from pellucid.distributed.launch import started

    command = started(size, [sys.executable, "-m", "tests.distributed.rank", *words, str(patience)])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room:
        return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment(room))
