"""SIGKILL at any instant of a prediction of files, alone and on several processes; and at every call of its writes.
And two predictions that begin at once with one table."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tempfile
import time
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

import pellucid as p
from pellucid import locking, storage
from pellucid.errors import StateError
from pellucid.inference import classifier

from . import forked, kills
from .noted import note

MOST_KILLS = 4
"""Times that a prediction is killed before it may finish."""

REFUSED = 3
"""What a process ends with that finds another one, or another prediction, at work."""

_BATCH = 16
_APART = 0.004
_ARRAYS = ("one", "other")


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


@cache
def arrays() -> tempfile.TemporaryDirectory[str]:
    """A folder with two arrays of the same size, for two predictions."""
    folder = tempfile.TemporaryDirectory()
    for number, name in enumerate(_ARRAYS):
        rng = np.random.default_rng(number)
        np.save(f"{folder.name}/{name}.npy", rng.integers(0, 256, (100, 8, 8)).astype(np.uint8))
    return folder


def predicted(output: Path, rank: tuple[int, int] = (0, 1), threads: int = 1, names: str | None = None) -> int:
    """Predict the inputs, or a share of them."""
    classifier.at_once = lambda program, size: _BATCH
    network = p.Sequential([p.Conv2d(1, 4, 3), p.ReLU(), p.Flatten(), p.Linear(144, 3)], input_shape=(1, 8, 8), seed=1)
    try:
        p.predict_files(network, names or inputs().name, output, rank=rank, threads=threads, readers=2)
    except StateError:
        return REFUSED
    return 0


@cache
def whole(form: str) -> tuple[bytes, float]:
    """Return the table that nobody interrupts, and the seconds that it takes once the network is compiled."""
    inputs()
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for output in (Path(folder, f"{turn}.{form}") for turn in range(2)):
            began = time.monotonic()
            if forked.wait(forked.child(partial(predicted, output))):
                raise AssertionError("the prediction fails by itself")
            seconds = time.monotonic() - began
        return output.read_bytes(), seconds


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


def at_once(seed: int) -> str:
    """Two predictions of different inputs begin at the same instant, or nearly, with the same table, each on one
    process or two; then the one that has the table may finish."""
    rng = np.random.default_rng(seed)
    expected = {name: _alone(name) for name in _ARRAYS}
    with tempfile.TemporaryDirectory() as folder:
        output, start = Path(folder, "out.csv"), time.monotonic() + 0.05
        children: dict[str, list[int]] = {}
        for name in rng.permutation(_ARRAYS):
            ranks, later = int(rng.choice([1, 1, 1, 2])), start + float(rng.uniform(0, _APART))
            works = [partial(_begun_at, later, output, (rank, ranks), f"{name}.npy") for rank in range(ranks)]
            children[str(name)] = [forked.child(work) for work in works]
        codes = {name: [forked.wait(child) for child in each] for name, each in children.items()}
        if not {code for each in codes.values() for code in each} <= {0, REFUSED}:
            return f"ended with {codes}"
        record = json.loads(Path(f"{output}.json").read_text())
        owner = next(name for name, (_, inputs) in expected.items() if inputs == record["request"]["inputs"])
        (other,) = {*_ARRAYS} - {owner}
        if set(codes[other]) != {REFUSED}:
            return f"the table is that of {owner}.npy, and the processes ended with {codes}"
        if output.exists() and record["outcome"]["sha256"] != hashlib.sha256(output.read_bytes()).hexdigest():
            return "the table is not the one that its record tells of"
        return _finished(output, expected[owner][0], 1, str(Path(arrays().name, f"{owner}.npy")))


def _begun_at(instant: float, output: Path, rank: tuple[int, int], name: str) -> int:
    locking.LOOKING = 0.1  # for which one that is refused waits
    while time.monotonic() < instant:
        pass
    return predicted(output, rank, names=str(Path(arrays().name, name)))


@cache
def _alone(name: str) -> tuple[bytes, str]:
    """Return the table of one array that nobody disturbs, and the digest of its inputs in the record."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "out.csv")
        names = str(Path(arrays().name, f"{name}.npy"))
        if forked.wait(forked.child(lambda: predicted(output, names=names))):
            raise AssertionError("the prediction fails by itself")
        return output.read_bytes(), json.loads(Path(f"{output}.json").read_text())["request"]["inputs"]


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


def _finished(output: Path, expected: bytes, ranks: int, names: str | None = None) -> str:
    """Return what is wrong once all processes have had their turn."""
    for rank in range(ranks):
        work = partial(predicted, output, (rank, ranks), 2, names)
        code = forked.wait(forked.child(work), seconds=300)
        if code:
            return f"process {rank} of {ranks} ended with {code}"
    if not output.exists():
        return "there is no table"
    if output.read_bytes() != expected:
        return "the table has other bytes"
    names = sorted(os.listdir(output.parent))
    return "" if names == [output.name, f"{output.name}.json"] else f"left behind: {names}"
