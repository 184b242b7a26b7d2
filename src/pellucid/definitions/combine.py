"""The order of sums: what "a sum over the batch" means, to the last bit.

Samples are cut into *leaves* of a fixed number of consecutive samples. Each leaf gives one partial result; partial
results are combined pairwise by one fixed binary tree. Leaf size and tree depend on shapes alone, never on threads or
ranks: whoever computes a leaf, the sum has the same bits. The NumPy definitions sum in NumPy's own order instead;
this module states the order that an engine has to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from .arrays import Array

T = TypeVar("T")


def leaves(samples: int, leaf_size: int) -> list[range]:
    """Return the samples of each leaf: consecutive runs of `leaf_size`, the last one shorter where it must be."""
    return [range(start, min(start + leaf_size, samples)) for start in range(0, samples, leaf_size)]


def tree(parts: Sequence[T], combine: Callable[[T, T], T]) -> T:
    """Return the parts combined by the fixed binary tree.

    Level by level, neighbours 2i and 2i+1 are combined; a last one without a neighbour moves up as it is. So part i
    of any level covers the aligned run of 2^level leaves that begins at i·2^level, and can be computed alone.

    Examples
    --------
    >>> tree(["a", "b", "c", "d", "e"], lambda left, right: f"({left}+{right})")
    '(((a+b)+(c+d))+e)'
    """
    level = list(parts)
    while len(level) > 1:
        pairs = [combine(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def add(a: Array, b: Array) -> Array:
    """``a + b``: for gradients and losses (``combine="add"``)."""
    return a + b


def moments(a: Array, b: Array) -> Array:
    """Combine (count, mean, M2), each (3, C), of two disjoint sets of samples (``combine="moments"``).

    ``δ = mean_b − mean_a;  mean = mean_a + δ·n_b/n;  M2 = M2_a + M2_b + δ²·n_a·n_b/n``

    References
    ----------
    T. Chan, G. Golub and R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    """
    count = a[0] + b[0]
    delta = b[1] - a[1]
    mean = a[1] + delta * (b[0] / count)
    return np.stack([count, mean, a[2] + b[2] + delta * delta * (a[0] * b[0] / count)])
