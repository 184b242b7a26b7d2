"""What happens to images before the first layer: they are gathered from the data set, and scaled.

Axes: D samples of the data set, N samples of the batch, C channels, H W pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Whole


def gather(data: NDArray[Any], index: Whole) -> NDArray[Any]:
    """``y[n] = data[index[n]]``: data (D, …), index (N,) -> (N, …), of the data's own dtype."""
    return np.take(data, index, axis=0)


def scale(x: NDArray[Any], *, mean: tuple[float, ...], std: tuple[float, ...], dtype: str) -> Array:
    """``y[n, c] = (x[n, c] / 255 − mean[c]) / std[c]``; only uint8 is divided by 255: x (N, C, …) of any dtype, mean
    and std (C,) or (1,) -> y (N, C, …) of `dtype`."""
    y: Array = x.astype(dtype)  # a copy, so that what follows may work in it
    if x.dtype == np.uint8:
        y /= 255
    y -= _by_channel(mean, y)
    y /= _by_channel(std, y)
    return y


def scale_grad_input(x: NDArray[Any], grad_output: Array, *, std: tuple[float, ...]) -> Array:
    """``∂L/∂x[n, c] = grad_output[n, c] / std[c]``, and / 255 for uint8: x, grad_output (N, C, …) -> (N, C, …)."""
    grad_input = grad_output / _by_channel(std, grad_output)
    if x.dtype == np.uint8:
        grad_input /= 255
    return grad_input


def _by_channel(numbers: tuple[float, ...], x: Array) -> Array:
    """Return the numbers in x's dtype, shaped to meet its channels: (C,) -> (C, 1, 1), or (C,) where x is (N, C)."""
    return np.array(numbers, x.dtype).reshape(-1, *[1] * (x.ndim - 2))
