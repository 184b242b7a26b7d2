"""SIGKILL at any instant of a training, and of the resuming process too; and at every call of a save."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import storage
from pellucid.errors import ModelFileError
from pellucid.training import checkpoint

from . import forked, work

AGAIN = 0.2
"""Share of cases in which the resuming process is killed too."""


@cache
def whole(size: work.Size) -> tuple[str, float]:
    """Return what comes of the training that nobody interrupts, and the seconds that it takes."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        began = time.monotonic()
        if forked.wait(forked.child(lambda: work.begin(run, size))):
            raise AssertionError("the training fails by itself")
        return work.outcome(run), time.monotonic() - began


def finished(run: Path, size: work.Size, threads: int) -> str:
    """Return what is wrong with a run once it has been resumed; nothing where it is as if nobody had interrupted it."""
    try:
        found = checkpoint.newest(run)
    except ModelFileError as error:
        return f"no checkpoint can be read: {error}"
    if found is None:
        return began_anew(run)
    if not found.finished and (code := forked.wait(forked.child(lambda: work.go_on(run, size, threads)))):
        return f"resuming ended with {code}"
    return "" if work.outcome(run) == whole(size)[0] else "the resumed training came to other bits"


def began_anew(run: Path) -> str:
    """A run that was killed before its first checkpoint holds nothing that could be lost; it must say so."""
    try:
        work.go_on(run, work.SMALL)
    except ModelFileError as error:
        return "" if "no run" in str(error) or "before its first step" in str(error) else str(error)
    return "it was resumed from nothing"


def at_random(seed: int) -> str:
    """A kill at a random instant; in some cases another one while the training is resumed."""
    rng, size = np.random.default_rng(seed), work.Size()
    threads = [int(n) for n in rng.integers(1, 4, 3)]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        instant = float(rng.uniform(0, 1.1)) * whole(size)[1]
        forked.ended_by(forked.child(lambda: work.begin(run, size, threads[0])), signal.SIGKILL, instant)
        if rng.random() < AGAIN and checkpoint.files(run):
            instant = float(rng.uniform(0, 1)) * whole(size)[1]
            forked.ended_by(forked.child(lambda: resumed(run, size, threads[1])), signal.SIGKILL, instant)
        return finished(run, size, threads[2])


def resumed(run: Path, size: work.Size, threads: int) -> int:
    """Resume a run that may be finished already."""
    found = checkpoint.newest(run)
    if found is not None and not found.finished:
        work.go_on(run, size, threads)
    return 0


class KillingSystem(storage.System):
    """The real system calls, counted; at number `last` the process is killed, halfway through where it writes.

    Parameters
    ----------
    last : int
    told : callable, optional
        Told the call's name before.

    Attributes
    ----------
    count : int
    counting : bool
        Whether calls count now.
    """

    def __init__(self, last: int, told: Callable[[str], object] = lambda name: None) -> None:
        self.count, self.counting, self.last, self.told = 0, True, last, told

    def __getattribute__(self, name: str) -> Any:
        real = object.__getattribute__(self, name)
        if name not in vars(storage.System):
            return real

        def call(*arguments: Any, **keywords: Any) -> Any:
            self.count += self.counting
            if self.counting and self.count == self.last:
                self.told(name)
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **keywords)

        return call


@cache
def calls_of_a_run() -> int:
    """Return how many system calls a small run makes, so that every one of them can be the last. The first run of a
    process, which reads its kernels, makes more."""
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            storage.system = system = KillingSystem(-1)
            try:
                work.begin(Path(folder, "run"), work.SMALL)
            finally:
                storage.system = storage.System()
    return system.count


def at_call(number: int) -> str:
    """A kill at one system call of a run: the previous checkpoint or the new one must load."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")

        def until() -> None:
            storage.system = KillingSystem(1 + number % calls_of_a_run())
            work.begin(run, work.SMALL)

        calls_of_a_run()
        if forked.wait(forked.child(until)) != -signal.SIGKILL:
            return "it was not killed"
        return finished(run, work.SMALL, 1)
