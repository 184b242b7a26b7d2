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
        Id of the value in which the largest term stands; None where there are no terms: what a layer of the user's own
        made, and what lies in a padding.
    source_index : tuple of int
        Its index there.
    amount : float
        What it contributes.
    share : float
        ``|amount| / Σ |amounts|`` over all terms; the constant does not count. 1 for an only term.
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
    if not len(found.terms):
        return WalkStep(*at, None, (), found.constant, 0.0, 0)
    largest = int(found.terms.largest()[0])
    index = tuple(found.terms.indices[largest].tolist())
    amount = float(found.terms.amounts[largest])
    return WalkStep(
        *at, int(found.terms.values[largest]), index, amount, _share(amount, found.terms.size, len(found.terms)),
        len(found.terms),
    )  # fmt: skip


def _share(amount: float, size: float, terms: int) -> float:
    """Return what a term has of all; where all are 0, as much as each of the others."""
    if terms == 1:
        return 1.0
    if size == 0:
        return 1 / terms
    with np.errstate(invalid="ignore"):
        return float(np.divide(abs(amount), size))
