"""The order of sums: what "a sum over the batch" means, to the last bit.

The loss, the gradient of a parameter and the statistics of a batch are sums over its samples, and rounding depends on
the order in which a sum is made. An engine that promises the same bits on any number of threads or ranks keeps this
one, which follows from shapes alone:

1. Samples are cut into *leaves* of `leaf_size` consecutive samples.
2. Each leaf gives one partial result, to which its samples are added one after the other.
3. Partial results are combined pairwise by one fixed binary `tree`.

Only the gradient of a parameter that has more than 65,536 numbers, or more than what a leaf makes it from, is made
without leaves and tree, all samples being added to it one after the other (see `is_serial`): it is rather cut into
pieces, each summed by one thread, than held once a leaf.

The NumPy definitions, and so the interpreter, take the whole batch and sum in NumPy's own order instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from .arrays import Array

T = TypeVar("T")

SERIAL_ABOVE = 65_536
"""A gradient of more numbers than this (256 KB in float32) is summed over all samples serially."""


def leaf_size(largest: int) -> int:
    """Return how many samples a leaf has, where one sample's `largest` value has so many numbers: 16 up to 32,768, then
    8, and 2 beyond 131,072. Large images come in small batches, and there is to be work for several threads."""
    return 16 if largest <= 2**15 else 8 if largest <= 2**17 else 2


def is_serial(numbers: int, read: int, leaf_size: int) -> bool:
    """Return whether a gradient of so many numbers is summed over all samples serially: it is large, or a leaf's part
    of it would have more numbers than what that is made from, `read` for each sample."""
    return numbers > SERIAL_ABOVE or numbers > leaf_size * read


def leaves(samples: int, leaf_size: int) -> list[range]:
    """Return the samples of each leaf: consecutive runs of `leaf_size`, the last one shorter where it must be."""
    return [range(start, min(start + leaf_size, samples)) for start in range(0, samples, leaf_size)]


def tree(parts: Sequence[T], combine: Callable[[T, T], T]) -> T:
    """Return the parts, of which there is at least one, combined by the fixed binary tree.

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
    """Combine count, mean and M2 = Σ (x − mean)² of two disjoint sets of samples (``combine="moments"``): (3, C) each.

    ``δ = mean_b − mean_a;  mean = mean_a + δ·n_b/n;  M2 = M2_a + M2_b + δ²·n_a·n_b/n``

    References
    ----------
    T. Chan, G. Golub and R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    """
    count = a[0] + b[0]
    delta = b[1] - a[1]
    mean = a[1] + delta * (b[0] / count)
    return np.stack([count, mean, a[2] + b[2] + delta * delta * (a[0] * b[0] / count)])
