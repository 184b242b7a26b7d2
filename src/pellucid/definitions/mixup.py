"""Samples mixed with others of the data set, and their targets with those of the others.

Sample n of the batch, number `index[n]` of the data set, is mixed with one other. Which that is and in what shares, it
draws by itself, as `augment` says: from the random words of Philox at the counter (index[n], ordinal of the
augmentation, 0, 0). So neither depends on the batch. Word 0 says who the partner is, any sample of the data set:
⌊word · D / 2³²⌋. The upper bits of word 1 choose the share λ that sample n keeps, one of `shares`.

λ is the larger of t and 1 − t, for t of the distribution Beta(α, α). So a sample keeps its own class as the one that
counts most. Any two samples come together in either order, equally often: whether t or 1 − t is the share of the first
changes no expectation.

Zhang, Cisse, Dauphin, Lopez-Paz (2018): mixup: Beyond empirical risk minimization.

Axes: D samples of the data set, N samples of the batch, K classes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import random
from .arrays import Array, Whole
from .augment import Floats32, Key

SHARES = 1024
"""How many shares there are to choose from."""
HALVINGS = 48
"""How often the interval is halved in which a quantile lies: until it is far below a unit in the last place."""


def mixup(data: NDArray[Any], key: Key, index: Whole, *, alpha: float, ordinal: int, dtype: str) -> Array:
    """``y[n] = λ[n] · data[index[n]] + (1 − λ[n]) · data[partner[n]]``, where uint8 is divided by 255 first: data
    (D, …) of any dtype, index (N,) -> (N, …) of `dtype`."""
    partner, share = pairs(key, index, len(data), alpha=alpha, ordinal=ordinal)
    own, other = (np.take(data, which, axis=0).astype(dtype) for which in (index, partner))
    if data.dtype == np.uint8:
        own, other = own / 255, other / 255
    kept = share.astype(dtype).reshape(-1, *[1] * (data.ndim - 1))  # (N,) -> (N, 1, …)
    return np.asarray(kept * own + (1 - kept) * other)


def mixup_classes(
    data: Whole, key: Key, index: Whole, *, alpha: float, classes: int, ordinal: int, dtype: str
) -> Array:
    """``t[n, k] = λ[n] · [data[index[n]] = k] + (1 − λ[n]) · [data[partner[n]] = k]``, [] being 1 where that is so,
    else 0: class numbers (D,), index (N,) -> distributions (N, K) of `dtype`."""
    partner, share = pairs(key, index, len(data), alpha=alpha, ordinal=ordinal)
    target, sample = np.zeros((len(index), classes), dtype), np.arange(len(index))
    target[sample, data[index]] = share
    target[sample, data[partner]] += 1 - share  # exact, as λ ≥ ½
    return target


def pairs(key: Key, index: Whole, count: int, *, alpha: float, ordinal: int) -> tuple[NDArray[np.int64], Floats32]:
    """Return each sample's partner and the share λ that it keeps itself: index (N,) -> (N,) twice.

    There are `count` samples to choose from, fewer than 2³².
    """
    which, how_much = random.pixel_words(key, index, ordinal, (2,)).T  # (N, 2) -> (N,) twice
    partner = (which.astype(np.uint64) * np.uint64(count)) >> np.uint64(32)
    return partner.astype(np.int64), shares(alpha)[how_much // (2**32 // SHARES)]


@cache
def shares(alpha: float) -> Floats32:
    """Return the quantiles of λ at the middles of as many equal parts of [0, 1), in ascending order: (SHARES,).

    Where x = 1 − λ, and I is the incomplete beta function,

        P(max(t, 1 − t) > λ) = 2 · I_x(α, α) = (4x(1 − x))^α · S(x) / S(½),   S(x) = Σ n  (2α)_n / (α + 1)_n · xⁿ

    by the series I_x(α, α) = (x(1 − x))^α / (α · B(α, α)) · S(x), whose terms are all positive, and by I_½(α, α) = ½,
    which says what stands before it. Logarithms of both sides are compared, with arithmetic whose roundings are the
    same on every machine; x is found by halving.

    References
    ----------
    NIST Digital Library of Mathematical Functions, 8.17.8.
    """
    above = random.natural_log(1 - (np.arange(SHARES) + 0.5) / SHARES)
    whole = _series(alpha, np.array([0.5]))
    low, high = np.zeros(SHARES), np.full(SHARES, 0.5)
    for _ in range(HALVINGS):
        x = (low + high) / 2
        found = alpha * random.natural_log(4 * x * (1 - x)) + random.natural_log(_series(alpha, x) / whole)
        low, high = np.where(found > above, low, x), np.where(found > above, x, high)
    quantiles: Floats32 = (1 - (low + high) / 2).astype(np.float32)
    quantiles.setflags(write=False)
    return quantiles


def _series(alpha: float, x: random.Float64s) -> random.Float64s:
    """``S(x)`` for 0 ≤ x ≤ ½."""
    term, total, n = np.ones_like(x), np.ones_like(x), 0
    while (term > 2.0**-60 * total).any():
        term = term * x * ((2 * alpha + n) / (alpha + 1 + n))
        total, n = total + term, n + 1
    return total
