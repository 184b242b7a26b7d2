"""The command line as a process of its own, for the tests that need one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PELLUCID = (sys.executable, "-m", "pellucid")
# A shell gives a process in the background an ignored SIGINT, and this test may run there.
LISTENING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import pellucid.cli as c; c.main()"
)
SOURCE = Path(__file__).parents[2] / "src"
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and pipes are those of POSIX")


def environment() -> dict[str, str]:
    """One thread for NumPy: the networks are tiny, and threads that wait for each other are slow on a busy machine."""
    return {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def start(*words: object, folder: Path, command: tuple[str, ...] = PELLUCID) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        cwd=folder, env=environment(),
    )  # fmt: skip


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """Leave no process behind, whatever the test finds."""
    with process:
        try:
            yield process
        finally:
            process.kill()
