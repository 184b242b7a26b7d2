"""The array type of the definitions: float32 or float64, one dtype throughout a call."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
"""A float array: (N, C, H, W) for images, (N, F) for features, (F, C/G, KH, KW) for filters."""
Whole: TypeAlias = NDArray[np.integer[Any]]
"""An integer array: class numbers, sample indices, random words."""
