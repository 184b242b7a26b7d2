"""What a rank does that faults happen to: ``python -m tests.faults.rank FOLDER [NAME=NUMBER …]``.

It says in a file of the folder that it has begun, trains, or goes on with the run that lies there, and evaluates.
"""

import json
import os
import signal
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pellucid as p
from pellucid import storage
from pellucid.distributed.job import job
from pellucid.training.checkpoint import files
from pellucid.training.saving import Checkpoints

from .kills import KillingSystem

SAMPLES, EPOCHS, BATCH, EVERY = 320, 4, 64, 3
"""Four steps an epoch, and checkpoints within epochs, between them, and at the end."""


def network():
    return p.Sequential(
        [p.Conv2d(1, 6, 5), p.BatchNorm2d(6), p.ReLU(), p.MaxPool2d(2), p.Conv2d(6, 16, 3), p.ReLU(), p.MaxPool2d(2),
         p.Dropout(0.2), p.Flatten(), p.Linear(64, 40), p.ReLU(), p.Linear(40, 3)],
        input_shape=(1, 16, 16),
    )  # fmt: skip


def images():
    rng = np.random.default_rng(7)
    return rng.integers(0, 256, (SAMPLES, 1, 16, 16), np.uint8), rng.integers(0, 3, SAMPLES)


def train(folder, ranks=None):
    """Train, and leave a run; or go on with it."""
    x, labels = images()
    given = {"ranks": ranks, "checkpoint_every": EVERY, "progress": False}
    if files(folder / "run"):
        trained, _ = p.resume(folder / "run", (x, labels), **given)
    else:
        trained = network()
        p.fit(
            trained, (x, labels), validation=0.2, epochs=EPOCHS, batch_size=BATCH, seed=3, out=folder / "run",
            callbacks=[p.EarlyStopping("val_loss", patience=EPOCHS), p.KeepBest(count=2)],
            optimizer=p.AdamW(average=0.9), **given,
        )  # fmt: skip
    return p.evaluate(trained, (x[:100], labels[:100]), ranks=ranks)


@contextmanager
def counted_saves(system):
    """Let those system calls count that write a checkpoint, or keep the networks of the best epochs."""

    def counting(save):
        def counted(*words, **more):
            system.counting = True
            try:
                save(*words, **more)
            finally:
                system.counting = False

        return counted

    places = (Checkpoints, "_put"), (p.KeepBest, "on_epoch")
    own = [getattr(kind, name) for kind, name in places]
    system.counting, storage.system = False, system
    for (kind, name), save in zip(places, own, strict=True):
        setattr(kind, name, counting(save))
    try:
        yield
    finally:
        storage.system = storage.System()
        for (kind, name), save in zip(places, own, strict=True):
            setattr(kind, name, save)


class Exchanges:
    """Counts a rank's exchanges, in a file of so many bytes; as it begins number `last`, it ends, or stops.

    Attributes
    ----------
    began : list of float
        When each began, by `time.monotonic`.
    """

    def __init__(self, ranks, place, last, how):
        self.began, self._last, self._how, self._gather = [], last, how, ranks.gather
        self._counted = place.open("wb", buffering=0)
        ranks.gather = self.gather

    def gather(self, room, bounds):
        self.began.append(time.monotonic())
        self._counted.write(b".")
        if len(self.began) == self._last:
            os.kill(os.getpid(), self._how)
        return self._gather(room, bounds)


def main(folder, **told):
    """Be a rank; `told` says what is wrong with one of them."""
    odd = int(told.pop("odd", -1))
    with job(float(told.pop("patience", 60))) as ranks, ExitStack() as doing:
        mine = ranks.rank == odd
        if "save" in told and mine:
            system = KillingSystem(int(told["save"]), (folder / "killed").write_text)
            doing.enter_context(counted_saves(system))
        last = int(told.get("exchange", 0)) if mine else 0
        exchanges = Exchanges(ranks, folder / f"exchanges-{ranks.rank}", last, int(told.get("signal", signal.SIGKILL)))
        (folder / f"rank-{ranks.rank}").write_text(str(os.getpid()))
        scores = train(folder, ranks)
        (folder / f"done-{ranks.number}").write_text(json.dumps([exchanges.began, scores]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), **dict(word.split("=") for word in sys.argv[2:]))
