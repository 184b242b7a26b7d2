"""Filters that one can choose for a kernel by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PRESETS: dict[str, NDArray[np.float64]] = {
    "blur": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], float),
    "vertical edge": np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float) / 4,
    "horizontal edge": np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], float) / 4,
    "identity": np.array([[1.0]]),
    "zero": np.array([[0.0]]),
}
"""They stand in the middle of the kernel, with zeros around. The edges are Sobel's, for light on the left and above."""


def fitting(size: Sequence[int]) -> list[str]:
    """Return the names of the filters that a kernel has room for."""
    return [name for name, each in PRESETS.items() if each.shape[0] <= size[0] and each.shape[1] <= size[1]]


def preset(name: str, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return a filter by name, in the middle of a kernel of that size."""
    kernel, own = np.zeros(size), PRESETS[name]
    top, left = ((size[axis] - own.shape[axis]) // 2 for axis in (0, 1))
    kernel[top : top + own.shape[0], left : left + own.shape[1]] = own
    return kernel
