"""What a network makes of data whose answers are known: how right it is, where it errs, how sure it is of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration import Calibration, calibration
from ..data import Dataset
from ..data.dataset import class_numbers
from ..errors import ArgumentError, DataError, NonFiniteError, printable
from ..inference import predict, predict_proba
from ..inputs import check_images
from ..metrics import ClassScores, class_scores, confusion_matrix
from ..network import Network


@dataclass(frozen=True, eq=False)
class Judged:
    """Classified data.

    Attributes
    ----------
    data : Dataset
    names : tuple of str
        Of the classes, as they may be shown.
    labels, predicted : int64 array (N,)
    probabilities : array (N, C)
    """

    data: Dataset
    names: tuple[str, ...]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[Any]

    @property
    def accuracy(self) -> float:
        """The share that was classified rightly."""
        return float(np.mean(self.predicted == self.labels))

    @property
    def confidence(self) -> NDArray[Any]:
        """Probability of the class that was named, (N,)."""
        return np.asarray(self.probabilities.max(axis=1))

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How often each class (row) was taken for each class (column)."""
        return confusion_matrix(self.labels, self.predicted, len(self.names))

    @cached_property
    def scores(self) -> ClassScores:
        """Precision, recall and F1 of each class."""
        return class_scores(self.confusion)

    @cached_property
    def calibration(self) -> Calibration:
        """Whether probabilities mean what they say."""
        return calibration(self.probabilities, self.labels)

    @cached_property
    def mistakes(self) -> NDArray[np.int64]:
        """Samples that were classified wrongly, those that the network was most sure of first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]

    @cached_property
    def right(self) -> NDArray[np.int64]:
        """Samples that were classified rightly, in the order of the data."""
        return np.flatnonzero(self.predicted == self.labels)

    @cached_property
    def taken_for(self) -> list[tuple[int, int, int]]:
        """(times, true class, named class) of every mistake that was made, the most frequent first."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        pairs = [(int(wrong[row, column]), int(row), int(column)) for row, column in np.argwhere(wrong)]
        return sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))


@dataclass(frozen=True, eq=False)
class Compared:
    """Numbers that were predicted, beside those that are right.

    Attributes
    ----------
    data : Dataset
    targets, outputs : float64 array (N, O)
    """

    data: Dataset
    targets: NDArray[np.float64]
    outputs: NDArray[np.float64]

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """Root of each sample's mean squared error, (N,)."""
        return np.asarray(np.sqrt(((self.outputs - self.targets) ** 2).mean(axis=1)))

    @cached_property
    def worst(self) -> NDArray[np.int64]:
        """Samples in the order of their errors, the largest first."""
        return np.argsort(-self.errors, kind="stable")

    def by_output(self) -> list[tuple[float, float, float]]:
        """Return of each output the root of the mean squared error, the mean absolute error, and the share of the
        targets' variance that is explained (R²; NaN where they are all alike)."""
        found = []
        for target, output in zip(self.targets.T, self.outputs.T, strict=True):
            apart, spread = output - target, float(((target - target.mean()) ** 2).mean())
            squared = float((apart**2).mean())
            explained = 1 - squared / spread if spread > 0 else float("nan")
            found.append((squared**0.5, float(np.abs(apart).mean()), explained))
        return found


def judge(
    network: Network, data: Dataset, *, engine: str = "compiled", threads: int | None = None, numbers: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Judged | Compared:  # fmt: skip
    """Return what a network makes of data.

    Parameters
    ----------
    network : Network
    data : Dataset
    engine, threads, progress
        As for `predict`.
    numbers : bool, default False
        Whether outputs are numbers to be compared, though targets look like classes: those of a network that was
        trained for the squared error.

    Raises
    ------
    ShapeError, DataError, ArgumentError
        If the data are not what the network takes, or were given other classes.
    NonFiniteError
        If an output is not finite.
    """
    check_images(network, data.images)
    labels, shape = class_numbers(data.labels), network.output_shape()
    if numbers or labels is None or len(shape) != 1 or shape == (1,):
        outputs = predict(network, data.images, engine=engine, threads=threads, progress=progress)
        return _compared(data, outputs)
    names = shown_names(network, data.class_names)
    if network.class_names and data.class_names and network.class_names != data.class_names:
        raise ArgumentError("the classes of the data bear other names than those that the network has learnt")
    if labels.max() >= shape[0]:
        raise DataError(f"the data have a class {labels.max()}, but the network has {shape[0]} outputs")
    with np.errstate(invalid="ignore"):  # told below, by the sample
        probabilities = predict_proba(network, data.images, engine=engine, threads=threads, progress=progress)
    _refuse_non_finite(probabilities)
    return Judged(data, names, labels, np.asarray(probabilities.argmax(axis=1), np.int64), probabilities)


def shown_names(network: Network, names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what classes are called, as it may be shown: by the network, by the data, or by their numbers."""
    known = network.class_names or names
    return tuple(map(printable, known)) or tuple(map(str, range(network.output_shape()[0])))


def _compared(data: Dataset, outputs: NDArray[Any]) -> Compared:
    _refuse_non_finite(outputs)
    targets = data.labels
    if targets.shape != outputs.shape and targets.ndim == 1 and outputs.ndim == 2:
        targets = targets[:, None] if outputs.shape[1] == 1 else np.eye(outputs.shape[1])[targets.astype(np.int64)]
    if targets.shape != outputs.shape:
        raise DataError(
            f"the data have targets of shape {targets.shape[1:]}, but the network gives {outputs.shape[1:]} a sample"
        )
    return Compared(data, _flat(targets), _flat(outputs))


def _flat(numbers: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(numbers.reshape(len(numbers), -1), np.float64)


def _refuse_non_finite(outputs: NDArray[Any]) -> None:
    if not np.isfinite(outputs).all():
        sample = int(np.argmin(np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)))
        raise NonFiniteError(
            f"the outputs of sample {sample:,} are not finite: weights of the network are NaN, or so large that "
            "outputs overflow"
        )
