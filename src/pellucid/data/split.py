"""Divides a data set in two, each class in proportion, always the same way for the same seed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..arguments import number
from ..errors import ArgumentError
from ..random import Purpose, key, permutation
from .dataset import Dataset, class_numbers


def split(dataset: Dataset, fraction: float, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Hold out a fraction of the samples, drawn within each class.

    Parameters
    ----------
    dataset : Dataset
        At least two samples.
    fraction : float
        Share to hold out, between 0 and 1.
    seed : int, default 0
        Decides which samples; the same seed gives the same parts on every machine.

    Returns
    -------
    rest, held_out : Dataset
        Both in the order of `dataset`, and neither empty. Each class gives its share, rounded down or up so that
        round(N·fraction) are held out in all. A class of two or more samples is found in both parts, which in a small
        data set may take some more or fewer; a class of one stays in the rest and is not counted in N. Regression
        targets form one class.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid.data import Dataset, split
    >>> whole = Dataset(np.zeros((10, 2, 2), np.uint8), [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    >>> rest, held_out = split(whole, 0.4)
    >>> len(rest), sorted(held_out.labels.tolist())
    (6, [0, 0, 1, 1])
    """
    rest, held_out = split_indices(dataset, fraction, seed)
    return dataset.subset(rest), dataset.subset(held_out)


def split_indices(dataset: Dataset, fraction: float, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the samples of both parts that `split` makes, as ascending indices."""
    fraction = number(fraction, "fraction", "a number between 0 and 1")
    count = len(dataset)
    if count < 2:
        raise ArgumentError(f"split: expected at least 2 samples, received {count}")
    numbers = class_numbers(dataset.labels)
    groups = np.zeros(count, np.int64) if numbers is None else np.unique(numbers, return_inverse=True)[1]
    sizes = np.bincount(groups)
    order = permutation(key=key(seed, Purpose.SPLIT), count=count)
    by_class = np.split(order[np.argsort(groups[order], kind="stable")], np.cumsum(sizes)[:-1])
    held_out = np.zeros(count, bool)
    for members, quota in zip(by_class, _quotas(sizes, fraction), strict=True):
        held_out[members[:quota]] = True
    if not held_out.any():  # each class has one sample only, and neither part may be empty
        held_out[order[0]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _quotas(sizes: NDArray[np.int64], fraction: float) -> list[int]:
    """Samples to hold out of each class: shares rounded down, what is missing given to the largest remainders."""
    shares = [int(size) * fraction if size > 1 else 0.0 for size in sizes]
    quotas = [math.floor(share) for share in shares]
    missing = round(int(sizes[sizes > 1].sum()) * fraction) - sum(quotas)
    by_remainder = sorted(range(len(shares)), key=lambda group: quotas[group] - shares[group])
    for group in by_remainder[:missing]:
        quotas[group] += 1
    return [min(max(quota, 1), int(size) - 1) for quota, size in zip(quotas, sizes, strict=True)]
