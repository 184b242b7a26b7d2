"""Whether probabilities mean what they say: of the predictions made with 80 % confidence, are 80 % right?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_array, shown
from .errors import ArgumentError, DataError
from .geometry import whole_number

_SUMS_TO_ONE = 1e-3
_MOST_BINS = 10_000
"""Far more than there are predictions to fill; a slip such as 10**9 would take all memory."""


@dataclass(frozen=True)
class Calibration:
    """How right a network is where it is so and so sure of itself.

    Attributes
    ----------
    edges : float64 array (B + 1,)
        Of the bins of confidence, from 0 to 1; a bin does not hold its lower edge, the first one excepted.
    counts : int64 array (B,)
        Predictions in each bin.
    confidence, accuracy : float64 array (B,)
        Mean confidence of these predictions, and the share of them that are right; NaN where there are none.
    error : float
        The expected calibration error: the mean over all predictions of the distance between both.
    largest_error : float
        The largest such distance of any bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float
    largest_error: float


def calibration(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> Calibration:
    """Return how far confidence and accuracy lie apart.

    The confidence of a prediction is the probability of the class that it names. Predictions are put into B bins of
    confidence of equal width; with those of bin b called Sb, of n in all,

    ``error = Σ b  |Sb|/n · |accuracy(Sb) − confidence(Sb)|``

    Parameters
    ----------
    probabilities : array (N, C)
        As of `predict_proba`: each row sums to 1.
    labels : integer array (N,)
        From 0 to C − 1.
    bins : int, default 15
        B, as in the paper.

    Raises
    ------
    DataError
        If a row is no distribution, or labels do not fit.
    ArgumentError
        If `bins` is not from 1 to 10,000.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural Networks", 2017, section 2.

    Examples
    --------
    >>> found = calibration([[0.9, 0.1], [0.7, 0.3]], [0, 1], bins=10)  # one is right, the other wrong
    >>> round(found.error, 3)                                           # (|1 − 0.9| + |0 − 0.7|) / 2
    0.4
    """
    shares, true = _distributions(probabilities), as_array(labels, "labels")
    if true.shape != shares.shape[:1] or true.dtype.kind not in "iu":
        raise DataError(f"labels: expected {len(shares)} class numbers, received {true.dtype} of shape {true.shape}")
    outside = (true < 0) | (true >= shares.shape[1])
    if outside.any():
        row = int(outside.argmax())
        raise DataError(
            f"labels: expected class numbers from 0 to {shares.shape[1] - 1}, received {true[row]} at position {row}"
        )
    count = whole_number(bins, "bins")
    if count > _MOST_BINS:
        raise ArgumentError(f"bins: expected at most {_MOST_BINS:,}, received {shown(bins)}")
    edges = np.linspace(0, 1, count + 1)
    sure, right = shares.max(axis=1), shares.argmax(axis=1) == true
    # (edges[b], edges[b + 1]] holds a confidence, and the first bin 0 as well
    place = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, count - 1)
    counts = np.bincount(place, minlength=count)
    with np.errstate(invalid="ignore"):  # 0/0 of an empty bin
        confidence = np.bincount(place, sure, count) / counts
        accuracy = np.bincount(place, right, count) / counts
    apart = np.abs(accuracy - confidence)[counts > 0]
    error = float((apart * counts[counts > 0]).sum() / len(shares))
    return Calibration(edges, counts.astype(np.int64), confidence, accuracy, error, float(apart.max()))


def _distributions(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return rows of probabilities, or refuse what is none."""
    given = as_array(probabilities, "probabilities")
    if given.ndim != 2 or given.size == 0 or given.dtype.kind != "f":
        raise DataError(f"probabilities: expected floats of shape (N, C), received {given.dtype} of {given.shape}")
    shares = given.astype(np.float64)
    sums = shares.sum(axis=1)
    wrong = ~((shares >= 0).all(axis=1) & (np.abs(sums - 1) <= _SUMS_TO_ONE))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"probabilities: expected rows that are at least 0 and sum to 1, but row {row} sums to {sums[row]:g}; "
            "predict_proba makes such rows of a network's outputs"
        )
    return shares
