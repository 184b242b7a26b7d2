"""How one number is made: what the function of each kind returns, and the terms that it consists of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .details import Details

MOST_TERMS = 32
"""Terms that are told one by one, those of the largest amounts; the others are counted, and told as one number."""


@dataclass(frozen=True, eq=False)
class Terms:
    """What a number is made from: other numbers of the network, and what each contributes.

    Attributes
    ----------
    values : int64 array (K,)
        Id of the value in which each contributor stands.
    indices : int64 array (K, axes)
        Its index there, without the axis of samples.
    amounts : float64 array (K,)
        What it contributes: a product x·w, or its share.
    """

    values: NDArray[np.int64]
    indices: NDArray[np.int64]
    amounts: NDArray[np.float64]

    @classmethod
    def of(cls, value: int, indices: ArrayLike, amounts: ArrayLike) -> Terms:
        """Return terms that all stand in one value: indices (K, axes), amounts (K,)."""
        amounts = np.asarray(amounts, np.float64)
        return cls(np.full(len(amounts), value, np.int64), np.asarray(indices, np.int64), amounts)

    @classmethod
    def of_each(cls, values: Sequence[int], index: Sequence[int], amounts: ArrayLike) -> Terms:
        """Return terms that stand at one index of several values."""
        return cls(np.array(values), np.array([index] * len(values)), np.asarray(amounts, np.float64))

    @classmethod
    def none(cls) -> Terms:
        """Return no terms at all."""
        return cls.of(0, np.empty((0, 0)), [])

    def __len__(self) -> int:
        return len(self.amounts)

    @property
    def size(self) -> float:
        """``Σ |amount|``: what rounding errors are measured by, and shares are of."""
        return float(np.abs(self.amounts).sum())

    def largest(self, most: int = 1) -> NDArray[np.int64]:
        """Return which terms have the largest ``|amount|``, the largest first; a NaN is larger than all numbers, and of
        equal ones the first comes first."""
        sizes = np.nan_to_num(np.abs(self.amounts), nan=np.inf, posinf=np.finfo(np.float64).max)
        return np.argsort(-sizes, kind="stable")[:most]

    def __repr__(self) -> str:
        return f"Terms({len(self)})"


@dataclass(frozen=True, eq=False)
class Made:
    """How one number is made; `Sum` adds to it where the number stands.

    Attributes
    ----------
    formula : str
        As in the docstring of the kind's definition, without the axis of samples.
    recomputed : float
        The number by that formula, in float64, from the stored inputs and weights.
    terms : Terms
    numbers : mapping
        What the formula reads, by the names that `code` uses: arrays and numbers.
    code : sequence of str
        Lines of Python that make ``y`` of these.
    details : dict
        What is worth drawing, as its kind's class in `details` has it.
    constant : float
        What is there without any contributor, such as a bias.
    passed : float
        How large a number was on the way, where that may be more than all terms: a function makes little of a large
        x; infinity where the network's dtype may have held it no more.
    """

    formula: str
    recomputed: float
    terms: Terms
    numbers: Mapping[str, Any]
    code: Sequence[str]
    details: Details
    constant: float = 0.0
    passed: float = 0.0


def grid(*axes: ArrayLike) -> NDArray[np.int64]:
    """Return all indices that take one number of each axis, in row-major order: (K, axes).

    Examples
    --------
    >>> grid([7], [0, 1], [4, 5]).tolist()
    [[7, 0, 4], [7, 0, 5], [7, 1, 4], [7, 1, 5]]
    """
    along = [np.asarray(axis, np.int64) for axis in axes]
    return np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, len(along))
