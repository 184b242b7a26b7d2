"""The training that faults happen to, and what must come of it in the end."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as p
from oracles import interrupted
from pellucid import schedules
from pellucid.training import Callback

EVERY = 5
"""Steps from checkpoint to checkpoint."""


@dataclass(frozen=True)
class Size:
    """How long it is."""

    epochs: int = 12
    images: int = 120
    engine: str = "compiled"


SMALL = Size(epochs=3, images=60)


@cache
def images(size: Size) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return interrupted.images(size.images)


def settings(size: Size) -> dict[str, Any]:
    return {
        "validation": 0.2, "epochs": size.epochs, "batch_size": 8, "seed": 3, "engine": size.engine,
        "optimizer": p.Adam(0.003, average=0.9, clip_norm=1.0),
        "schedule": schedules.WarmUp(5, schedules.Cosine()),
    }  # fmt: skip


def callbacks() -> list[Callback]:
    return [p.EarlyStopping("loss", patience=4, min_delta=0.003)]


def begin(folder: Path, size: Size, threads: int = 1) -> None:
    """Train, and leave a run."""
    p.fit(
        interrupted.network(), images(size), out=folder, checkpoint_every=EVERY, callbacks=callbacks(), threads=threads,
        progress=False, **settings(size),
    )  # fmt: skip


def go_on(folder: Path, size: Size, threads: int = 1) -> None:
    """Resume, and finish the run."""
    p.resume(folder, images(size), checkpoint_every=EVERY, threads=threads, progress=False)


def outcome(folder: Path) -> str:
    """Return a digest of all that must be the same: the network's file, and what was measured but for the seconds."""
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes())
    for line in (folder / "metrics.jsonl").read_bytes().splitlines():
        with suppress(ValueError):  # half a line counts as it is
            line = json.dumps({k: v for k, v in json.loads(line).items() if k != "seconds"}).encode()
        digest.update(line)
    return digest.hexdigest()
