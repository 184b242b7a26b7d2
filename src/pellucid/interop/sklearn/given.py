"""Arrays as users of scikit-learn give them, before it looks at them; and features as they become float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arguments import as_array, warn
from ...errors import DataError

_NARROW, _CONSTANT = 1e-5, 1e-12
"""By what share of its size a feature varies where float32 has too few numbers for that: some 100 of them; and below
what share it is no more than the rounding of float64."""


def as_plain(values: Any, name: str) -> Any:
    """Return another library's array as NumPy's; all else, such as a list or a table, as it is.

    Raises
    ------
    DataError
        If NumPy cannot take it: see `as_array`.
    """
    return as_array(values, name) if hasattr(values, "__dlpack__") else values


def narrowed(rows: NDArray[Any], channels: int) -> NDArray[Any]:
    """Return rows of float64 as float32, and all else as it is; warn where that loses what a feature says.

    Parameters
    ----------
    rows : array (N, F)
    channels : int
        F for features; of images their channels, which are scaled as a whole.

    Raises
    ------
    DataError
        If a number is too large.
    """
    if rows.dtype != np.float64:
        return rows
    values = rows.reshape(len(rows), channels, -1)
    lowest, highest = values.min(axis=(0, 2)), values.max(axis=(0, 2))
    size = np.maximum(highest, -lowest)
    if size.max() > np.finfo(np.float32).max:
        raise DataError(
            f"X: expected numbers that float32 holds, up to {np.finfo(np.float32).max:g}, received {size.max():g}; "
            "scale X first, as StandardScaler does"
        )
    spread = highest - lowest
    lost = np.flatnonzero((spread < _NARROW * size) & (spread > _CONSTANT * size))
    if len(lost):
        at = lost[0]
        warn(
            f"X: {'feature' if channels == rows.shape[1] else 'channel'} {at} is about {highest[at]:g} and varies by "
            f"{spread[at]:g} only, of which float32, in which networks compute, keeps little; subtract its mean first, "
            "as StandardScaler does"
        )
    return rows.astype(np.float32)
