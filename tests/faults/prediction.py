"""SIGKILL at any instant of a prediction of files, alone and on several processes; and at every call of its writes."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

import pellucid as p
from pellucid import storage
from pellucid.inference import classifier

from . import forked, kills
from .noted import note

MOST_KILLS = 4
"""Times that a prediction is killed before it may finish."""

_BATCH = 16


@cache
def inputs() -> tempfile.TemporaryDirectory[str]:
    """A folder with pictures, arrays and what is broken: 343 inputs, in 22 parts."""
    folder = tempfile.TemporaryDirectory()
    rng = np.random.default_rng(0)
    for number in range(40):
        Image.fromarray(rng.integers(0, 256, (9, 12)).astype(np.uint8)).save(f"{folder.name}/{number}.png")
    np.save(f"{folder.name}/many.npy", rng.integers(0, 256, (300, 8, 8)).astype(np.uint8))
    for name in ("broken.png", "broken.npy", "empty-ubyte"):
        Path(folder.name, name).write_bytes(b"\x89PNG")
    return folder


def predicted(output: Path, rank: tuple[int, int] = (0, 1), threads: int = 1) -> int:
    """Predict the inputs, or a share of them; return 0 also where another process has that share."""
    classifier.at_once = lambda program, size: _BATCH
    network = p.Sequential([p.Conv2d(1, 4, 3), p.ReLU(), p.Flatten(), p.Linear(144, 3)], input_shape=(1, 8, 8), seed=1)
    p.predict_files(network, inputs().name, output, rank=rank, threads=threads, readers=2)
    return 0


@cache
def whole(form: str) -> tuple[bytes, float]:
    """Return the table that nobody interrupts, and the seconds that it takes."""
    inputs()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, f"out.{form}")
        began = time.monotonic()
        if forked.wait(forked.child(lambda: predicted(output))):
            raise AssertionError("the prediction fails by itself")
        return output.read_bytes(), time.monotonic() - began


def forms() -> list[str]:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return ["csv"]
    return ["csv", "parquet"]


def at_random(seed: int) -> str:
    """Kills at random instants, each time on another number of processes; then it may finish."""
    rng = np.random.default_rng(seed)
    form = str(rng.choice(forms()))
    expected, seconds = whole(form)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, f"out.{form}")
        for _ in range(int(rng.integers(1, MOST_KILLS + 1))):
            ranks = int(rng.integers(1, 4))
            children = [forked.child(partial(predicted, output, (rank, ranks))) for rank in range(ranks)]
            instants = [1.2, *[0.2] * (ranks - 1)]
            for child, most in zip(children, instants, strict=True):
                code = forked.ended_by(child, signal.SIGKILL, float(rng.uniform(0, most)) * seconds)
                note("processes killed" if code == -signal.SIGKILL else "that had ended before")
        return _finished(output, expected, int(rng.integers(1, 4)))


def at_call(number: int) -> str:
    """A kill at one system call of a prediction; then it may finish."""
    expected, _ = whole("csv")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "out.csv")
        last = 1 + number % calls()

        def until() -> None:
            storage.system = kills.KillingSystem(last)
            predicted(output)

        if forked.wait(forked.child(until)) != -signal.SIGKILL:
            return "it was not killed"
        return _finished(output, expected, 1)


@cache
def calls() -> int:
    """Return how many system calls of the storage a prediction makes."""
    with tempfile.TemporaryDirectory() as folder:
        counted = Path(folder, "calls")

        def count() -> None:
            storage.system = system = kills.KillingSystem(-1)
            predicted(Path(folder, "out.csv"))
            counted.write_text(str(system.count))

        forked.wait(forked.child(count))
        return int(counted.read_text())


def _finished(output: Path, expected: bytes, ranks: int) -> str:
    """Return what is wrong once all processes have had their turn."""
    for rank in range(ranks):
        code = forked.wait(forked.child(partial(predicted, output, (rank, ranks), threads=2)), seconds=300)
        if code:
            return f"process {rank} of {ranks} ended with {code}"
    if not output.exists():
        return "there is no table"
    if output.read_bytes() != expected:
        return "the table has other bytes"
    names = sorted(os.listdir(output.parent))
    return "" if names == [output.name, f"{output.name}.json"] else f"left behind: {names}"
