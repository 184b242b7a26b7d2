"""What is drawn, as plain data: lists, dicts, texts and numbers of Python's own, as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return arrays as lists and NumPy's numbers as Python's, however deep inside; what is no finite number becomes a
    text, which JSON can hold: "nan", "inf", "-inf".

    Examples
    --------
    >>> plain({"x": np.array([0.5, np.inf]), "places": (np.int64(3), None)})
    {'x': [0.5, 'inf'], 'places': [3, None]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        finite = value.dtype.kind != "f" or bool(np.isfinite(value).all())
        return value.tolist() if finite else plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, (list, tuple, range)):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
