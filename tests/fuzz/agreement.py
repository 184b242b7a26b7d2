"""When two arrays agree: every number within 2·10⁻⁵ of the largest one, or within what rounding explains.

Where sums cancel, as in a gradient through the statistics of a few numbers, any float32 computation loses digits. How
many is measured, never assumed: the definitions are run several times with numbers that are moved by up to a unit in
the last place of float32, and what is off by no more than a few times the largest deviation that these runs show is
explained by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOLERANCE = 2e-5
MULTIPLE = 4.0
"""How many times the largest deviation of the definitions is explained by the same cause."""
DRAWS = 8
"""Runs of the definitions with moved numbers."""
UNIT = 2.0**-23
"""A unit in the last place of float32, as a share of a number at most."""

Arrays = Mapping[str, np.ndarray[Any, Any]]


@dataclass
class Outcome:
    """What a case came to.

    Attributes
    ----------
    excluded : str
        Why it is worth nothing, such as the step at whose kink rounding decides; else empty.
    compared : int
        Arrays that were.
    mismatches : list of str
        The worst number of each array that disagrees, and whatever else is wrong.
    explained : list of str
        The arrays that are further off than the tolerance, but not further than rounding explains.
    """

    excluded: str = ""
    compared: int = 0
    mismatches: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)

    def compare(self, found: Arrays, expected: Arrays, roundings: Callable[[], Mapping[str, float]]) -> None:
        """Note how arrays agree with what is expected of them.

        Parameters
        ----------
        found, expected : mapping of str to array
            By the same names. Where one is NaN or infinite, the other must be too.
        roundings : callable
            Returns, by name, the largest deviation from `expected` that definitions in float32 show. Asked for only
            when it is needed.
        """
        explanation: Mapping[str, float] = {}
        for name, array in expected.items():
            self.compared += 1
            here = np.asarray(found[name], float)
            error, largest = _errors(here, array)
            if (error <= TOLERANCE * largest).all():
                continue
            explanation = explanation or roundings()
            if (error <= MULTIPLE * explanation[name]).all():
                self.explained.append(name)
                continue
            worst = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
            self.mismatches.append(
                f"{name}{list(worst)}: {here[worst]:.9g}, expected {array[worst]:.9g}; off by {error[worst]:.2g}, "
                f"while the largest number allows {TOLERANCE * largest:.2g}, "
                f"and rounding explains {MULTIPLE * explanation[name]:.2g}"
            )


def _errors(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], float]:
    """Return how far off every number is, and the largest finite magnitude that is expected."""
    finite = np.isfinite(expected)
    with np.errstate(invalid="ignore"):
        alike = (found == expected) | (np.isnan(found) & np.isnan(expected))
        error = np.where(alike, 0.0, np.where(finite & np.isfinite(found), np.abs(found - expected), np.inf))
    return error, float(np.abs(expected[finite]).max(initial=0))


def moved(rng: np.random.Generator, value: Any) -> Any:
    """Return numbers moved by up to a unit in the last place of float32; what are no fractions stays as it is."""
    array = np.asarray(value)
    return _times(array, rng.uniform(-1, 1, array.shape)) if array.dtype.kind == "f" else value


def moved_together(rng: np.random.Generator, value: Any, units: float) -> Any:
    """Return numbers moved by up to so many units, all those of a sample, or of a filter, by as much."""
    array = np.asarray(value)
    if array.dtype.kind != "f" or array.ndim < 2:
        return moved(rng, value)
    return _times(array, units * rng.uniform(-1, 1, (len(array), *[1] * (array.ndim - 1))))


def moved_alike(draw: int, value: Any) -> Any:
    """Return numbers moved likewise, but equal ones by as much: ties that are there by construction remain ties.

    How far depends on the bits of the number, and on the draw.
    """
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return value
    with np.errstate(all="ignore"):
        words = np.ascontiguousarray(array, np.float32).view(np.uint32) + np.uint32(draw)
        words = (words ^ (words >> np.uint32(15))) * np.uint32(0x2C1B_3C6D)
        words = (words ^ (words >> np.uint32(12))) * np.uint32(0x297A_2D39)
    return _times(array, (words / 2.0**31 - 1).reshape(array.shape))


def _times(array: np.ndarray[Any, Any], shares: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):
        return np.asarray(array * (1 + shares * UNIT), array.dtype)


def widened(value: Any) -> Any:
    """Return float32 numbers in float64; others as they are."""
    return value.astype(np.float64) if getattr(value, "dtype", None) == np.float32 else value
