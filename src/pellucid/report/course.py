"""How a training went: loss, accuracy and learning rate, by batch and by epoch, as lines to be drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ArgumentError, ModelFileError
from ..training import History
from ..training.checkpoint import newest_readable
from ..training.config import RunConfig
from ..training.record import Record

MOST_POINTS = 400
"""Points of a line of batches; where there are more batches, each point is the mean of some."""
_WIDE = 30.0
"""Times the smallest loss that the largest is, from which on the axis is logarithmic."""


@dataclass(frozen=True)
class Line:
    """Points over epochs, joined by a line.

    Attributes
    ----------
    name : str
    x, y : sequence of float
        Epochs, and what was measured there.
    faint : bool
        Whether it is the background for the others, as the losses of single batches are.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    faint: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over one axis.

    Attributes
    ----------
    title : str
    unit : str
        What the axis shows.
    lines : sequence of Line
    log : bool
        Whether equal factors, not equal differences, are equally far apart.
    from_zero : bool
        Whether the axis begins at 0.
    note : str
        What is to be known of it.
    marked : int
        The epoch whose weights were taken back, 0 where there is none.
    """

    title: str
    unit: str
    lines: Sequence[Line]
    log: bool = False
    from_zero: bool = False
    note: str = ""
    marked: int = 0


@dataclass(frozen=True)
class Course:
    """What a training measured.

    Attributes
    ----------
    epochs : list of dict
        As in a `History`; what is not finite may be None.
    batches : list of float
        The loss of every step.
    steps_per_epoch : int
    rates : list of float
        The learning rate of every step, where it is known.
    best_epoch, stopped_epoch : int
        As in a `Record`.
    """

    epochs: list[dict[str, Any]]
    batches: list[float]
    steps_per_epoch: int
    rates: list[float]
    best_epoch: int = 0
    stopped_epoch: int = 0

    @classmethod
    def of(cls, measured: History | Record | str | os.PathLike[str]) -> Course:
        """Return the course of a training from its history, or from the folder of its run."""
        if isinstance(measured, History):
            steps = math.ceil(len(measured.batches) / max(1, len(measured.epochs)))
            return cls(measured.epochs, measured.batches, max(1, steps), [])
        record = measured if isinstance(measured, Record) else Record.of(measured)
        checkpoint = newest_readable(record.folder)
        batches = [] if checkpoint is None else checkpoint.history().batches
        steps = record.steps_per_epoch or 1
        rates = _rates(record, len(batches), steps)
        return cls(record.epochs, batches, steps, rates, record.best_epoch, record.stopped_epoch)

    def charts(self) -> list[Chart]:
        """Return what there is to be drawn: of loss, accuracy and learning rate."""
        loss = Chart("Loss", "loss", [*self._of_batches("each batch", self.batches), *self._of_epochs("loss")])
        accuracy = Chart("Accuracy", "accuracy in %", self._of_epochs("accuracy", 100))
        rates = self._of_batches("", self.rates) or self._of_epochs("lr")
        plain = [replace(line, name="", faint=False) for line in rates[:1]]
        rate = Chart("Learning rate", "learning rate", plain, from_zero=True)
        charts = [replace(loss, log=_wide(loss), note=self._note(self.batches)), accuracy, rate]
        marked = 0 if self.best_epoch == len(self.epochs) else self.best_epoch
        return [replace(chart, marked=marked) for chart in charts if any(len(line.x) for line in chart.lines)]

    def told(self) -> str:
        """Return in a sentence how it ended, where it was not with the last epoch that was asked for, or the weights
        are another epoch's; else nothing."""
        ended = f"It stopped early, after epoch {self.stopped_epoch:,}" if self.stopped_epoch else ""
        if not self.best_epoch or self.best_epoch == len(self.epochs):
            return f"{ended}." if ended else ""
        kept = f"the weights are those of the best epoch, {self.best_epoch:,}"
        return f"{ended}; {kept}." if ended else f"{kept[0].upper()}{kept[1:]}."

    def _of_epochs(self, name: str, factor: float = 1) -> list[Line]:
        found = []
        for key, called in ((name, "training"), (f"val_{name}", "validation")):
            points = [(each["epoch"], factor * each[key]) for each in self.epochs if _both(each, key)]
            if points:
                found.append(Line(called, [x for x, _ in points], [y for _, y in points]))
        return found

    def _of_batches(self, name: str, values: Sequence[float]) -> list[Line]:
        if not values:
            return []
        size = self._together(values)
        starts = range(0, len(values), size)
        means = [float(np.mean(values[start : start + size])) for start in starts]
        places = [min(start + size, len(values)) / self.steps_per_epoch for start in starts]
        kept = [(x, y) for x, y in zip(places, means, strict=True) if math.isfinite(y)]
        return [Line(name, [x for x, _ in kept], [y for _, y in kept], faint=True)]

    def _together(self, values: Sequence[float]) -> int:
        return math.ceil(len(values) / MOST_POINTS)

    def _note(self, values: Sequence[float]) -> str:
        size = self._together(values)
        return f"Each point of the batches is the mean of {size}." if size > 1 else ""


def _both(epoch: Mapping[str, Any], key: str) -> bool:
    """Return whether an epoch has a number of its own and one under this key."""
    return all(isinstance(epoch.get(name), (int, float)) and math.isfinite(epoch[name]) for name in ("epoch", key))


def _wide(chart: Chart) -> bool:
    values = [value for line in chart.lines for value in line.y]
    return bool(values) and min(values) > 0 and max(values) > _WIDE * min(values)


def _rates(record: Record, steps: int, steps_per_epoch: int) -> list[float]:
    """Return the learning rate of every step, or nothing where the schedule was one of the user's own."""
    try:
        lr, schedule = RunConfig(record.config).learning_rate()
        epochs = record.setting("training", "epochs")
        total = epochs * steps_per_epoch if isinstance(epochs, int) else 0
        return [lr * schedule(step, total, steps_per_epoch) for step in range(min(steps, total))]
    except (ArgumentError, ModelFileError):
        return []
