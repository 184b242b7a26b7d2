"""Checks of the numbers that users set: Python's own come out, or an ArgumentError that says what was expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np

from .errors import ArgumentError

Wanted: TypeAlias = Literal[
    "a finite number",
    "a number of at least 0",
    "a number above 0",
    "a number from 0 to 1",
    "a number from 0 up to but not 1",
    "a number between 0 and 1",
]

_FITS: Mapping[Wanted, Callable[[float], bool]] = MappingProxyType(
    {
        "a finite number": lambda _: True,
        "a number of at least 0": lambda value: value >= 0,
        "a number above 0": lambda value: value > 0,
        "a number from 0 to 1": lambda value: 0 <= value <= 1,
        "a number from 0 up to but not 1": lambda value: 0 <= value < 1,
        "a number between 0 and 1": lambda value: 0 < value < 1,
    }
)


def number(value: Any, name: str, wanted: Wanted = "a finite number") -> float:
    """Return a setting as Python's own float, or refuse it by `name`.

    Python's own, because NumPy's float64 scalars make float32 arrays float64. A bool is no number here.

    Examples
    --------
    >>> number(np.float32(0.5), "momentum", "a number from 0 to 1")
    0.5
    """
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    result = float(value) if is_number else math.nan
    if not (math.isfinite(result) and _FITS[wanted](result)):
        raise ArgumentError(f"{name}: expected {wanted}, received {value!r}")
    return result
