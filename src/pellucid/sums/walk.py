"""From a number back to a pixel: at each step to the largest of the terms that it is made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..steps import Shape
from .sum import Sum


@dataclass(frozen=True)
class WalkStep:
    """One step back: a number, and the term that contributes most to it.

    Attributes
    ----------
    kind, layer, value, index : str, str, int, tuple of int
        Of the number, as those of its `Sum`.
    number : float
        The number itself, as stored.
    source : int or None
        Id of the value in which the largest term stands; None where there are no terms (what a layer of the user's own
        made, and what lies in a padding), or where all of several are 0.
    source_index : tuple of int
        Its index there.
    amount : float
        What it contributes.
    share : float
        ``|amount| / Σ |amounts|`` over all terms; the constant does not count. 1 for an only term, 0 where there is no
        source.
    terms : int
        How many there are. Where there is but one, there was nothing to choose.
    """

    kind: str
    layer: str
    value: int
    index: Shape
    number: float
    source: int | None
    source_index: Shape
    amount: float
    share: float
    terms: int


def step_back(found: Sum) -> WalkStep:
    """Return the step from a number to its largest term."""
    at = found.kind, found.layer, found.value, found.index, found.stored
    count = len(found.terms)
    if count == 0 or (count > 1 and found.terms.size == 0):
        return WalkStep(*at, None, (), found.constant, 0.0, count)
    largest = int(found.terms.largest()[0])
    index = tuple(found.terms.indices[largest].tolist())
    amount = float(found.terms.amounts[largest])
    share = 1.0 if count == 1 else _share(amount, found.terms.size)
    return WalkStep(*at, int(found.terms.values[largest]), index, amount, share, count)


def _share(amount: float, size: float) -> float:
    """Return what a term has of all."""
    with np.errstate(invalid="ignore"):
        return float(np.divide(abs(amount), size))
