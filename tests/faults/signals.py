"""Ctrl-C and SIGTERM at any instant of ``pellucid train``: exit code, checkpoint, and the run that comes of it."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np

from pellucid.cli import run as run_command
from pellucid.cli import signals as handling
from pellucid.training import checkpoint

from . import forked, work

WORDS = (
    "small", "--epochs", "12", "--batch-size", "8", "--no-progress", "--checkpoint-every", "50", "--validation", "0.2",
    "--early-stopping", "4", "--out", "run",
)  # fmt: skip


def train(folder: Path) -> int:
    """Train by the command line, in a folder."""
    os.chdir(folder)
    x, y = work.images(work.Size())
    np.savez("toy.npz", x_train=x, y_train=y)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    handling.handle()
    return run_command(["train", *WORDS, "--data", "toy.npz"])


def resume(folder: Path) -> int:
    os.chdir(folder)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    return run_command(["resume", "run"])


@cache
def whole() -> tuple[str, float]:
    """Return what comes of the training that nobody interrupts, and the seconds that it takes."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        forked.wait(forked.child(lambda: train(Path(folder))))
        return work.outcome(Path(folder, "run")), time.monotonic() - began


def at_random(seed: int) -> str:
    """A signal at a random instant of a training."""
    rng = np.random.default_rng(seed)
    number = signal.SIGINT if seed % 2 else signal.SIGTERM
    expected, seconds = whole()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        code = forked.ended_by(forked.child(lambda: train(Path(folder))), number, float(rng.uniform(0, 1)) * seconds)
        if code == -number and not run.exists():
            return ""  # it came before the program had begun to listen
        if code not in (0, 128 + number):
            return f"ended with {code}"
        if not (run / "model.safetensors").exists():
            return ""
        found = checkpoint.newest(run)
        if found is None:
            return "" if code else "it is finished, and has no checkpoint"
        if not found.finished:
            if code == 0:
                return "it ended well, and is not finished"
            code = forked.wait(forked.child(lambda: resume(Path(folder))))
            if code:
                return f"resuming ended with {code}"
        elif code:
            return ""  # the signal came when all was done
        return "" if work.outcome(run) == expected else "the resumed training came to other bits"
