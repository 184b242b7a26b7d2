"""Max and average pooling, and their gradients.

``max:      y[n, c, oy, ox] = max over ky, kx of patches[n, c, oy, ox, ky, kx]``, padded with −∞
``average:  y[n, c, oy, ox] = Σ ky, kx  patches[n, c, oy, ox, ky, kx] / count[oy, ox]``, padded with 0
``adaptive: y[n, c, a, b]   = mean of x[n, c, ⌊a·H/OH⌋ : ⌈(a+1)·H/OH⌉, ⌊b·W/OW⌋ : ⌈(b+1)·W/OW⌉]``

A NaN in a window is its maximum. Of equal maxima the first in row-major order is the winner, and takes the gradient.

Axes: N samples, C channels, H W pixels, OH OW places of the window, KH KW its taps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..geometry import Window
from .arrays import Array, Whole
from .windows import pad, scatter, scatter_taps, taps


def max_pool2d(x: Array, *, window: Window) -> Array:
    """The largest of each window: x (N, C, H, W) -> y (N, C, OH, OW)."""
    return _largest(x, window)[0]


def max_pool2d_grad_input(x: Array, grad_output: Array, *, window: Window) -> Array:
    """``∂L/∂x`` is grad_output at each window's winner, else 0: x (N, C, H, W), grad_output (N, C, OH, OW) ->
    (N, C, H, W)."""
    winner = _largest(x, window)[1]
    parts = (np.where(winner == tap, grad_output, 0) for tap in range(math.prod(window.kernel_size)))
    samples, channels, height, width = x.shape
    return scatter_taps(parts, window, (samples, channels, height, width), x.dtype, winner.shape[2:])


def _largest(x: Array, window: Window) -> tuple[Array, Whole]:
    """Return the largest value of each window and the number (row-major) of the tap that saw it first."""
    seen = taps(pad(x, window, -np.inf), window, window.output_size((x.shape[2], x.shape[3])))
    largest = next(seen).copy()
    winner = np.zeros(largest.shape, np.int32)
    for tap, value in enumerate(seen, start=1):
        better = (value > largest) | (np.isnan(value) & ~np.isnan(largest))
        largest[better] = value[better]
        winner[better] = tap
    return largest, winner


def avg_pool2d(x: Array, *, window: Window, count_include_pad: bool = True) -> Array:
    """The mean of each window: x (N, C, H, W) -> y (N, C, OH, OW). The padding's zeros are counted in the mean where
    `count_include_pad` is set; what ceil mode hangs over the padded edge never is."""
    places = window.output_size((x.shape[2], x.shape[3]))
    total = np.zeros((*x.shape[:2], *places), x.dtype)
    for value in taps(pad(x, window), window, places):
        total += value
    return total / _counts(x.shape[2:], window, count_include_pad).astype(x.dtype)


def avg_pool2d_grad_input(
    grad_output: Array, *, size: tuple[int, int], window: Window, count_include_pad: bool = True
) -> Array:
    """``∂L/∂x``: each pixel of a window takes grad_output / count: (N, C, OH, OW), size (H, W) -> (N, C, H, W)."""
    share = grad_output / _counts(size, window, count_include_pad).astype(grad_output.dtype)
    # (N, C, OH, OW) -> (N, C, OH, OW, KH, KW), the same share for every tap
    return scatter(np.broadcast_to(share[..., None, None], (*share.shape, *window.kernel_size)), window, size)


def _counts(size: tuple[int, ...], window: Window, count_include_pad: bool) -> Whole:
    """Return how many pixels are counted in the mean of each place: (OH, OW)."""
    counts = []
    for axis, length in enumerate(size):
        before, after = window.sides[axis] if count_include_pad else (0, 0)
        start = np.arange(window.output_size((size[0], size[1]))[axis]) * window.stride[axis] - window.sides[axis][0]
        # (O, 1) + (K,) -> (O, K): the index that each tap reads
        index = start[:, None] + np.arange(window.kernel_size[axis]) * window.dilation[axis]
        counts.append(((index >= -before) & (index < length + after)).sum(axis=1))
    return np.multiply.outer(counts[0], counts[1])


def adaptive_avg_pool2d(x: Array, *, output_size: tuple[int, int]) -> Array:
    """The mean of OH×OW regions that cover the image: x (N, C, H, W) -> y (N, C, OH, OW)."""
    vertical, horizontal = _shares(x.shape[2], output_size[0], x.dtype), _shares(x.shape[3], output_size[1], x.dtype)
    # (OH, H) @ (N, C, H, W) @ (W, OW) -> (N, C, OH, OW)
    return vertical @ x @ horizontal.T


def adaptive_avg_pool2d_grad_input(grad_output: Array, *, size: tuple[int, int]) -> Array:
    """``∂L/∂x``: every region's gradient is shared equally by its pixels: (N, C, OH, OW), size (H, W) -> (N, C, H, W)."""
    rows, columns = grad_output.shape[2:]
    vertical = _shares(size[0], rows, grad_output.dtype)
    horizontal = _shares(size[1], columns, grad_output.dtype)
    # (H, OH) @ (N, C, OH, OW) @ (OW, W) -> (N, C, H, W)
    return vertical.T @ grad_output @ horizontal


def _shares(size: int, regions: int, dtype: np.dtype[np.floating[Any]]) -> Array:
    """Return the matrix (regions, size) whose row a holds 1/length over the pixels of region a, else 0."""
    shares = np.zeros((regions, size), dtype)
    for a in range(regions):
        start, stop = a * size // regions, -(-(a + 1) * size // regions)
        shares[a, start:stop] = 1 / (stop - start)
    return shares
