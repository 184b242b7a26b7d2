"""How a learning rate is chosen: from a few, and from those beyond them while the best is the least or the largest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

FURTHER = 2
"""How many rates are tried at most beyond those that a study begins with."""

GROWING = (
    "while the best is the least or the largest of those that were tried, the next beyond it is tried as well, about "
    f"three times as small or as large, up to {FURTHER} more"
)


@dataclass(frozen=True)
class Chosen:
    """The rate that was best, and what it was chosen from.

    Attributes
    ----------
    rate : float
    tried : tuple of float
        All rates that were tried, from the least to the largest.
    """

    rate: float
    tried: tuple[float, ...]

    def __str__(self) -> str:
        """Write the rate, and whether a better one may lie beyond all that were tried."""
        if len(self.tried) > 1 and self.rate in (self.tried[0], self.tried[-1]):
            return f"{self.rate:g} ({'least' if self.rate == self.tried[0] else 'largest'} tried)"
        return f"{self.rate:g}"


def choose(rates: Sequence[float], score: Callable[[float], Any]) -> Chosen:
    """Return the rate with the highest score, of the given ones and of those that follow beyond the best.

    Of rates with equal scores, the one that was tried first is taken. With one rate there is nothing to choose, and
    nothing is tried.

    Parameters
    ----------
    rates : sequence of float
    score : function of float
        Trains with a rate and says how well that went, as numbers or tuples that can be compared.
    """
    if len(rates) == 1:
        return Chosen(rates[0], tuple(rates))
    scores = {rate: score(rate) for rate in rates}
    best = max(scores, key=scores.__getitem__)
    upward = best == max(rates)
    for _ in range(FURTHER):
        if min(scores) < best < max(scores):
            break
        further = neighbour(best, upward)
        scores[further] = score(further)
        best = max(scores, key=scores.__getitem__)
    return Chosen(best, tuple(sorted(scores)))


def neighbour(rate: float, upward: bool) -> float:
    """Return the next rate above or below among …, 0.001, 0.003, 0.01, 0.03, …: half a power of ten away, rounded."""
    place = round(2 * math.log10(rate)) + (1 if upward else -1)
    return float(f"{10 ** (place / 2):.0e}")
