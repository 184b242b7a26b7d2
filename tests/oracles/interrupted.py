"""A training with all that can be remembered of one, and what breaks it off."""

import numpy as np

import pellucid as p
from pellucid import schedules
from pellucid.training import Callback


def network(dtype="float32"):
    layers = [
        p.Conv2d(1, 6, 3), p.BatchNorm2d(6), p.ReLU(), p.Dropout(0.2), p.MaxPool2d(2), p.Flatten(), p.Linear(24, 3)
    ]  # fmt: skip
    return p.Sequential(layers, input_shape=(1, 6, 6), seed=1, dtype=dtype)


def images(count=150):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, count)
    x = rng.integers(0, 100, (count, 1, 6, 6))
    x[np.arange(count), 0, labels] += 100
    return x.astype(np.uint8), labels


HOW = {
    "validation": 0.2, "epochs": 5, "batch_size": 16, "seed": 3, "progress": False,
    "optimizer": p.Adam(0.01, average=0.9, clip_norm=1.0), "schedule": schedules.WarmUp(5, schedules.Cosine()),
}  # fmt: skip
STEPS = 8
"""Of an epoch."""


class BreakAt(Callback):
    """Ends a training in order after a step, as a signal does; it has nothing to remember."""

    sees_weights = False

    def __init__(self, step, moment="on_batch"):
        self._step = step
        setattr(self, moment, self._end)

    def _end(self, training):
        if training.step == self._step:
            training.end(ZeroDivisionError())


class FailAt(BreakAt):
    """Raises after a step, when others may not have been told of it."""

    def _end(self, training):
        if training.step == self._step:
            raise ZeroDivisionError
