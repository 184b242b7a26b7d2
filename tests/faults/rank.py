"""What a rank does that faults happen to: ``python -m tests.faults.rank FOLDER [NAME=NUMBER …]``.

It says in a file of the folder that it has begun, trains, or goes on with the run that lies there, and evaluates.
"""

import itertools
import os
import signal
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pellucid as p
from pellucid import storage
from pellucid.distributed.job import job
from pellucid.training.checkpoint import files

from .kills import KillingSystem

SAMPLES, EPOCHS, BATCH, EVERY = 512, 12, 64, 3


def network():
    return p.Sequential(
        [p.Conv2d(1, 6, 5), p.BatchNorm2d(6), p.ReLU(), p.MaxPool2d(2), p.Conv2d(6, 16, 3), p.ReLU(), p.MaxPool2d(2),
         p.Dropout(0.2), p.Flatten(), p.Linear(64, 40), p.ReLU(), p.Linear(40, 3)],
        input_shape=(1, 16, 16),
    )  # fmt: skip


def images(seed=7):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (SAMPLES, 1, 16, 16), np.uint8), rng.integers(0, 3, SAMPLES)


def train(folder, ranks=None, seed=3, data=7, **more):
    """Train, and leave a run; or go on with it."""
    x, labels = images(data)
    given = {"ranks": ranks, "checkpoint_every": EVERY, "progress": False, **more}
    if files(folder / "run"):
        trained, _ = p.resume(folder / "run", (x, labels), **given)
    else:
        trained = network()
        p.fit(
            trained, (x, labels), validation=0.2, epochs=EPOCHS, batch_size=BATCH, seed=seed, out=folder / "run",
            callbacks=[p.EarlyStopping("val_loss", patience=EPOCHS), p.KeepBest(count=2)],
            optimizer=p.AdamW(average=0.9), **given,
        )  # fmt: skip
    return p.evaluate(trained, (x[:100], labels[:100]), ranks=ranks)


def die_at(ranks, number, how):
    """Let a rank end, or stop, as it begins an exchange."""
    gather, begun = ranks.gather, itertools.count(1)

    def last(room, bounds):
        if next(begun) == number:
            os.kill(os.getpid(), how)
        return gather(room, bounds)

    ranks.gather = last


def main(folder, **told):
    """Be a rank; `told` says what is wrong with one of them."""
    odd = int(told.pop("odd", -1))
    with job(float(told.pop("patience", 60))) as ranks:
        mine = ranks.rank == odd
        if "call" in told and mine:
            storage.system = KillingSystem(int(told["call"]))
        (folder / f"rank-{ranks.rank}").write_text(str(os.getpid()))
        if "exchange" in told and mine:
            die_at(ranks, int(told["exchange"]), int(told.get("signal", signal.SIGKILL)))
        other = {name: int(told[name]) for name in ("seed", "data", "threads") if name in told and mine}
        if "code" in told and mine:
            from pellucid.training import agreement

            agreement.code_digest = lambda: "another"
        scores = train(folder, ranks, **other)
        (folder / f"done-{ranks.number}").write_text(str(sorted(scores.items())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), **dict(word.split("=") for word in sys.argv[2:]))
