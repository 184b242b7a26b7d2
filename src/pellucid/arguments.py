"""Checks of what users give: settings, arrays, dtypes come out in one form, or an error says what was expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .errors import ArgumentError, DataError

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


def float_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return float32 or float64 as a NumPy dtype; refuse anything else."""
    try:
        result = np.dtype(dtype)
    except TypeError:
        result = np.dtype(object)
    if dtype is None or result.type not in (np.float32, np.float64):
        raise ArgumentError(f"dtype: expected float32 or float64, received {dtype!r}")
    return np.dtype(result.type)  # in this machine's byte order


def as_numbers(x: ArrayLike, name: str) -> NDArray[Any]:
    """Return x as an array of real numbers, or refuse it by `name`."""
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise DataError(
            f"{name}: expected an array of numbers, received rows of different lengths ({error})"
        ) from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name}: expected an array of real numbers, received dtype {array.dtype}")
    return array
