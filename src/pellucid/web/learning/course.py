"""What a training has measured so far, as the page draws it: curves of at most so many points."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...training import History, Training

Point: TypeAlias = tuple[int, float, float, float]
"""Finished steps, loss and accuracy of the steps since the point before, and the last step's learning rate; NaN where
nothing is known."""

MOST_POINTS = 1000
FEWEST_STEPS = 10
"""Of a long training that make a point: of fewer the mean says little."""
MEASURED = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr")
"""What is told of an epoch."""


class Course:
    """The curves of a training. One thread adds to them; others read them at any time, and nobody waits.

    Parameters
    ----------
    total_steps, steps_per_epoch : int

    Attributes
    ----------
    points : (int, list of Point)
        How often the points were thinned, and the points; from one thinning to the next they only grow.
    epochs : list of mapping
        As in `History`.
    """

    def __init__(self, total_steps: int, steps_per_epoch: int):
        self.total_steps, self.steps_per_epoch = total_steps, max(1, steps_per_epoch)
        self.points: tuple[int, list[Point]] = (0, [])
        self.epochs: Sequence[Mapping[str, float]] = []
        self._batches, self._seen, self._correct = 0, 0, 0
        self._tally: object = None  # of the epoch that they are of

    @classmethod
    def of(cls, history: History, total_steps: int, steps_per_epoch: int = 0) -> Course:
        """Return the curves of a training of which the history is left: accuracies are those of epochs. The steps of an
        epoch, where nobody knows them, are told from the history."""
        losses, epochs = history.batches, history.epochs
        course = cls(max(total_steps, len(losses)), steps_per_epoch or len(losses) // max(1, len(epochs)))
        course.epochs = epochs
        ends = {n * course.steps_per_epoch: epoch for n, epoch in enumerate(epochs, 1)}
        edges = {*np.linspace(0, len(losses), min(len(losses), MOST_POINTS // 2) + 1).astype(int).tolist(), *ends}
        steps = sorted(step for step in edges if 0 <= step <= len(losses))
        for first, last in itertools.pairwise(steps):
            epoch = ends.get(last, {})
            course._add((last, _mean(losses[first:last]), *(float(epoch.get(n, math.nan)) for n in ("accuracy", "lr"))))
        return course

    def measure(self, training: Training) -> None:
        """Add a point for the steps since the last one."""
        losses, tally = training.history.batches, training.tally
        if len(losses) < self._batches + max(1, min(FEWEST_STEPS, self.total_steps // MOST_POINTS)):
            return
        seen, correct = tally.samples, tally.correct
        if tally is not self._tally:  # another epoch has begun
            self._tally, self._seen, self._correct = tally, 0, 0
        samples = seen - self._seen
        accuracy = math.nan if correct is None or not samples else (correct - self._correct) / samples
        self._add((training.step, _mean(losses[self._batches :]), accuracy, training.lr))
        self._batches, self._seen, self._correct = len(losses), seen, correct or 0
        self.epochs = training.history.epochs

    def go_on(self, training: Training) -> None:
        """Begin with what an earlier training has measured, of which this one is the rest."""
        history = History(training.history.batches[:-1], training.history.epochs)
        before = Course.of(history, self.total_steps, self.steps_per_epoch)
        self.points, self.epochs = before.points, training.history.epochs
        self._batches = max(0, len(training.history.batches) - 1)

    def since(self, thinned: int, count: int) -> tuple[int, int, NDArray[Any]]:
        """Return the points behind the first so many; all, if they were thinned meanwhile.

        Returns
        -------
        thinned : int
        first : int
            How many stand before them.
        points : array (n, 4)
        """
        now, points = self.points
        first = count if now == thinned else 0
        found = points[first:]
        return now, first, np.array(found, np.float64).reshape(-1, 4)

    def measured(self, step: int) -> tuple[float, float]:
        """Return the loss and the accuracy of the steps up to one, since the point before; NaN where nobody knows."""
        points = self.points[1]
        place = bisect_left(points, step, key=itemgetter(0))
        return points[place][1:3] if place < len(points) else (math.nan, math.nan)

    def table(self) -> NDArray[Any]:
        """Return what the epochs measured: (epochs, 6), NaN where nothing was."""
        rows = [[float(epoch.get(name, math.nan)) for name in MEASURED] for epoch in list(self.epochs)]
        return np.array(rows, np.float64).reshape(-1, len(MEASURED))

    def _add(self, point: Point) -> None:
        thinned, points = self.points
        if len(points) < MOST_POINTS:
            points.append(point)
            return
        halved = [_joined(*points[k : k + 2]) for k in range(0, len(points), 2)]
        self.points = thinned + 1, [*halved, point]


def _joined(one: Point, two: Point) -> Point:
    """Return one point for two: the means of what was measured."""
    return two[0], _mean([one[1], two[1]]), _mean([one[2], two[2]]), two[3]


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the numbers that are known; summed by hand, since NumPy is slower for a few."""
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else math.nan
