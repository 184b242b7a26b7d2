"""How much two explanations agree: whether they put the pixels in the same order."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_numbers
from ..errors import NonFiniteError, ShapeError


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Return how much two arrays agree on the order of their numbers: Spearman's ρ.

    ``ρ = Σ (r − r̄)(s − s̄) / √(Σ (r − r̄)²·Σ (s − s̄)²)``, for r and s the ranks of the numbers in either array; equal
    numbers share the mean of their ranks.

    Parameters
    ----------
    one, other : array
        Of one shape.

    Returns
    -------
    float
        From −1, each in the other's reverse order, through 0 to 1, the same order. NaN where all numbers of an array
        are equal, which puts them in no order.

    Raises
    ------
    ShapeError, DataError
        If their shapes differ, or they are no numbers.
    NonFiniteError
        If there is a number among them that is not finite.

    References
    ----------
    C. Spearman, "The Proof and Measurement of Association between Two Things", 1904.

    Examples
    --------
    >>> rank_correlation([1, 2, 3], [10, 100, 1000])
    1.0
    """
    arrays = as_numbers(one, "one"), as_numbers(other, "other")
    if arrays[0].shape != arrays[1].shape:
        raise ShapeError(f"other: expected the shape {arrays[0].shape}, that of one, received {arrays[1].shape}")
    for name, array in zip(("one", "other"), arrays, strict=True):
        if not np.isfinite(array).all():
            raise NonFiniteError(f"{name}: expected finite numbers, as others have no rank")
    r, s = (_ranks(array) for array in arrays)
    spread = float(np.sqrt((r**2).sum() * (s**2).sum()))
    return float((r * s).sum()) / spread if spread > 0 else float("nan")


def _ranks(numbers: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the rank of each number, from that of the mean rank on; equal numbers share their mean."""
    if not numbers.size:
        return np.zeros(0)
    _, places, counts = np.unique(numbers.ravel(), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places.ravel()]
    return np.asarray(ranks - ranks.mean())
