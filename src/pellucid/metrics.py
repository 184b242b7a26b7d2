"""How good predictions are: accuracy, top-k accuracy, confusion matrix, and the scores of each class.

Outputs are scores ``(N, C)``, one row a sample: logits or probabilities, as only their order counts. Labels are class
numbers ``(N,)``, or one-hot or soft targets ``(N, C)`` of which the largest entry counts (the first of equals).

A row of outputs with a NaN in it is never right: a comparison with NaN says nothing.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_array
from .errors import ArgumentError, DataError

Classes = NDArray[np.int64]


def accuracy(outputs: ArrayLike, labels: ArrayLike) -> float:
    """The share of samples whose largest output is that of their class; of equal outputs the first counts.

    Examples
    --------
    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    return top_k_accuracy(outputs, labels, k=1)


def top_k_accuracy(outputs: ArrayLike, labels: ArrayLike, k: int) -> float:
    """The share of samples whose class is among the k largest outputs.

    Of equal outputs the lower class number ranks first, so a constant output is right for the first k classes only.

    Parameters
    ----------
    outputs : array (N, C)
    labels : integer array (N,), or array (N, C)
    k : int
        From 1 to C.

    Raises
    ------
    DataError
        If shapes or types do not fit, a label is out of range, or there are no samples.
    ArgumentError
        If k is not a whole number from 1 to C.
    """
    scores = _scores(outputs)
    samples, classes = scores.shape
    k = _count(k, "k", classes)
    true = _class_numbers(labels, "labels", classes)
    if len(true) != samples:
        raise DataError(f"outputs have {samples} rows, but there are {len(true)} labels; expected one label a row")
    true_score = scores[np.arange(samples), true][:, np.newaxis]  # (N, 1)
    earlier = np.arange(classes) < true[:, np.newaxis]  # (N, C)
    rank = np.sum((scores > true_score) | ((scores == true_score) & earlier), axis=1)
    right = (rank < k) & ~np.isnan(scores).any(axis=1)
    return float(np.mean(right))


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, classes: int) -> NDArray[np.int64]:
    """How often samples of each class were taken for each class: row = true class, column = predicted class.

    Parameters
    ----------
    labels : integer array (N,), or array (N, C)
    predictions : integer array (N,)
        Class numbers, not scores: a row of scores with a NaN has no class.
    classes : int
        C, also where some class does not occur.

    Returns
    -------
    int64 array (C, C)

    Examples
    --------
    >>> confusion_matrix(labels=[0, 0, 1], predictions=[0, 1, 1], classes=2)
    array([[1, 1],
           [0, 1]])
    """
    classes = _count(classes, "classes")
    true = _class_numbers(labels, "labels", classes)
    predictions = as_array(predictions, "predictions")
    if predictions.ndim != 1:
        raise DataError(
            f"predictions: expected class numbers of shape (N,), received shape {predictions.shape}; "
            "take the classes of scores first, as with scores.argmax(axis=1)"
        )
    predicted = _class_numbers(predictions, "predictions", classes)
    if len(true) != len(predicted):
        raise DataError(f"expected as many predictions as labels, received {len(predicted)} for {len(true)} labels")
    pairs = np.bincount(true * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)


@dataclass(frozen=True)
class ClassScores:
    """How well each class is told from the others; NaN where there is nothing to divide by.

    Attributes
    ----------
    precision : float64 array (C,)
        Of the samples that were taken for the class, the share that are of it.
    recall : float64 array (C,)
        Of the samples of the class, the share that were taken for it.
    f1 : float64 array (C,)
        The harmonic mean of both.
    support : int64 array (C,)
        Samples of the class.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: Classes


def class_scores(confusion: ArrayLike) -> ClassScores:
    """Return precision, recall and F1 of each class, from a confusion matrix M.

    ``precision[k] = M[k, k] / Σ i  M[i, k]``, ``recall[k] = M[k, k] / Σ i  M[k, i]``,
    ``f1[k] = 2·M[k, k] / (Σ i  M[i, k] + Σ i  M[k, i])``

    Parameters
    ----------
    confusion : integer array (C, C)
        As `confusion_matrix` returns it.

    Raises
    ------
    DataError
        If it is no square matrix of counts, or a class has more samples than int64 counts.

    Examples
    --------
    >>> class_scores([[8, 2], [0, 10]]).recall.tolist()
    [0.8, 1.0]
    """
    counts = as_array(confusion, "confusion")
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] > 0
    if not square or counts.dtype.kind not in "iu" or counts.min() < 0:
        raise DataError(
            f"confusion: expected counts of shape (C, C), received {counts.dtype} of shape {counts.shape}; "
            "confusion_matrix(labels, predictions, classes) makes them"
        )
    right = counts.diagonal().astype(np.float64)  # in floats, for a sum of whole numbers may overflow
    support, taken = counts.sum(axis=1, dtype=np.float64), counts.sum(axis=0, dtype=np.float64)
    if support.max() >= 2.0**63:
        raise DataError(f"confusion: expected at most {2**63 - 1:,} samples of a class, received {support.max():g}")
    with np.errstate(invalid="ignore"):  # 0/0 of a class that does not occur
        precision, recall, f1 = right / taken, right / support, 2 * right / (taken + support)
    return ClassScores(precision, recall, f1, counts.sum(axis=1, dtype=np.int64))


def _scores(outputs: ArrayLike) -> NDArray[Any]:
    scores = as_array(outputs, "outputs")
    if scores.ndim != 2 or scores.dtype.kind not in "fiu":
        raise DataError(
            f"outputs: expected real scores of shape (N, C), received {scores.dtype} of shape {scores.shape}"
        )
    if scores.size == 0:
        raise DataError(f"outputs: expected at least one sample and one class, received shape {scores.shape}")
    return scores


def _class_numbers(values: ArrayLike, name: str, classes: int) -> Classes:
    """Class numbers in [0, classes), also from one-hot or soft targets."""
    array = as_array(values, name)
    if array.ndim == 2 and array.shape[1] == classes and array.dtype.kind in "fiub":
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise DataError(f"{name}: row {int(np.argmax(np.isnan(array).any(axis=1)))} holds a NaN")
        largest: Classes = array.argmax(axis=1).astype(np.int64)
        return largest
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError(
            f"{name}: expected integer class numbers of shape (N,) or one-hot or soft targets of shape (N, {classes}), "
            f"received {array.dtype} of shape {array.shape}"
        )
    outside = (array < 0) | (array >= classes)
    if outside.any():
        first = int(np.argmax(outside))
        raise DataError(
            f"{name}: expected class numbers from 0 to {classes - 1}, received {array[first]} at position {first}"
        )
    return array.astype(np.int64)


def _count(value: int, name: str, most: int | None = None) -> int:
    """`value` as a Python integer from 1 to `most`; a bool is not a number here."""
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or (most is not None and number > most):
        wanted = f"from 1 to {most}, the number of classes" if most is not None else "of at least 1"
        raise ArgumentError(f"{name}: expected a whole number {wanted}, received {value!r}")
    return number
