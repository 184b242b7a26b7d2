"""When two arrays agree: every number within 2·10⁻⁵ of the largest one, or within what rounding explains.

Where sums cancel, as in a gradient through the statistics of a few numbers, any float32 computation loses digits. How
many is measured, never assumed: the definitions are run in float32, from inputs and weights that are moved by half a
unit in the last place, and what is off by no more than a few times the largest deviation that these runs show is
explained by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

TOLERANCE = 2e-5
MULTIPLE = 4.0
"""How many times the deviation of the definitions in float32 is explained by the same cause."""

Arrays = Mapping[str, np.ndarray[Any, Any]]


@dataclass
class Verdict:
    """What a comparison of many arrays came to.

    Attributes
    ----------
    mismatches : list of str
        The worst number of each array that disagrees.
    explained : list of str
        The arrays that are further off than the tolerance, but not further than rounding explains.
    """

    mismatches: list[str]
    explained: list[str]


def compare(found: Arrays, expected: Arrays, roundings: Callable[[], Arrays]) -> Verdict:
    """Return how the arrays agree.

    Parameters
    ----------
    found, expected : mapping of str to array
    roundings : callable
        Returns, by name, the largest deviation from `expected` that definitions in float32 show. Asked for only when it
        is needed.
    """
    verdict = Verdict([], [])
    explanation: Arrays = {}
    for name, array in expected.items():
        error = np.abs(np.asarray(found[name], float) - array)
        allowed = TOLERANCE * np.abs(array).max(initial=0)
        if (error <= allowed).all():
            continue
        explanation = explanation or roundings()
        if (error <= max(allowed, MULTIPLE * float(explanation.get(name, 0.0)))).all():
            verdict.explained.append(name)
            continue
        worst = tuple(int(i) for i in np.unravel_index(int(np.nan_to_num(error, nan=np.inf).argmax()), error.shape))
        verdict.mismatches.append(
            f"{name}{list(worst)}: {np.asarray(found[name])[worst]!r}, expected {array[worst]!r}, allowed ±{allowed:.3g}, "
            f"rounding explains {float(explanation.get(name, 0.0)):.3g}"
        )
    return verdict
