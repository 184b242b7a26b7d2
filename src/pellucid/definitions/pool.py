"""Max and average pooling, and their gradients.

``max:      y[n, c, oy, ox] = the largest pixel of the window at (oy, ox)``
``average:  y[n, c, oy, ox] = the sum of its pixels / count[oy, ox]``
``adaptive: y[n, c, a, b]   = the mean of x[n, c, ⌊a·H/OH⌋ : ⌈(a+1)·H/OH⌉, ⌊b·W/OW⌋ : ⌈(b+1)·W/OW⌉]``

Padding never wins a maximum; to a sum it adds nothing. A NaN in a window is its maximum. Of equal maxima, and of NaNs,
the first in row-major order is the winner, and takes the gradient.

Axes: N samples, C channels, H W pixels, OH OW places of the window, KH KW its taps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geometry import Window, regions
from .arrays import Array
from .windows import taps


def max_pool2d(x: Array, *, window: Window) -> Array:
    """The largest pixel of each window: x (N, C, H, W) -> y (N, C, OH, OW)."""
    samples, channels, height, width = x.shape
    y = np.full((samples, channels, *window.output_size((height, width))), -np.inf, x.dtype)
    for places, pixels in taps(window, (height, width)):
        np.maximum(y[places], x[pixels], out=y[places])  # NaN where either is
    return y


def max_pool2d_grad_input(x: Array, grad_output: Array, *, window: Window) -> Array:
    """``∂L/∂x[n, c, i, j] = Σ oy, ox  grad_output[n, c, oy, ox]``, over the windows that the pixel (i, j) wins:
    x (N, C, H, W), grad_output (N, C, OH, OW) -> grad_input (N, C, H, W)."""
    y = max_pool2d(x, window=window)
    undecided = np.ones(y.shape, bool)  # the windows whose winner is none of the taps so far
    grad_input = np.zeros(x.shape, x.dtype)
    for places, pixels in taps(window, (x.shape[2], x.shape[3])):
        wins = undecided[places] & ((x[pixels] == y[places]) | np.isnan(x[pixels]))
        grad_input[pixels] += np.where(wins, grad_output[places], 0)
        undecided[places] &= ~wins
    return grad_input


def avg_pool2d(x: Array, *, window: Window, count_include_pad: bool = True) -> Array:
    """The mean of each window: x (N, C, H, W) -> y (N, C, OH, OW). The padding's zeros count where `count_include_pad`
    is set; what ceil mode hangs over the padded edge never counts."""
    samples, channels, height, width = x.shape
    total = np.zeros((samples, channels, *window.output_size((height, width))), x.dtype)
    for places, pixels in taps(window, (height, width)):
        total[places] += x[pixels]
    total /= _counts((height, width), window, count_include_pad, x.dtype)
    return total


def avg_pool2d_grad_input(
    grad_output: Array, *, size: tuple[int, int], window: Window, count_include_pad: bool = True
) -> Array:
    """``∂L/∂x[n, c, i, j] = Σ oy, ox  grad_output[n, c, oy, ox] / count[oy, ox]``, over the windows that hold the pixel
    (i, j): grad_output (N, C, OH, OW), size (H, W) -> grad_input (N, C, H, W)."""
    share = grad_output / _counts(size, window, count_include_pad, grad_output.dtype)
    grad_input = np.zeros((*grad_output.shape[:2], *size), grad_output.dtype)
    for places, pixels in taps(window, size):
        grad_input[pixels] += share[places]
    return grad_input


def _counts(size: tuple[int, int], window: Window, count_include_pad: bool, dtype: np.dtype[np.floating[Any]]) -> Array:
    """Return count[oy, ox], how many pixels count in the mean of each place: (OH, OW)."""
    counts: list[Array] = []
    for axis, places in enumerate(window.output_size(size)):
        before, after = window.on(size).sides[axis]
        # (O, 1) + (K,) -> (O, K): the index that each tap reads at each place
        index = np.arange(places)[:, None] * window.stride[axis] - before
        index = index + np.arange(window.kernel_size[axis]) * window.dilation[axis]
        first, stop = (-before, size[axis] + after) if count_include_pad else (0, size[axis])
        # (O, K) -> (O,)
        counts.append(((index >= first) & (index < stop)).sum(axis=1, dtype=dtype))
    # (OH, 1) * (OW,) -> (OH, OW)
    return counts[0][:, None] * counts[1]


def adaptive_avg_pool2d(x: Array, *, output_size: tuple[int, int]) -> Array:
    """The mean of OH×OW regions that cover the image: x (N, C, H, W) -> y (N, C, OH, OW).

    It is a sum, divided at the end, of rows first or of all pixels: where such a sum is more than the dtype holds, the
    mean may be infinite although all numbers are finite.
    """
    height, width = x.shape[2:]
    # the rows of each region to one: OH × (N, C, W) -> (N, C, OH, W)
    rows = np.stack([x[:, :, region].mean(axis=2) for region in regions(height, output_size[0])], axis=2)
    # the columns of each region to one: OW × (N, C, OH) -> (N, C, OH, OW)
    return np.stack([rows[:, :, :, region].mean(axis=3) for region in regions(width, output_size[1])], axis=3)


def adaptive_avg_pool2d_grad_input(grad_output: Array, *, size: tuple[int, int]) -> Array:
    """``∂L/∂x[n, c, i, j] = Σ a, b  grad_output[n, c, a, b] / pixels in (a, b)``, over the regions that hold the pixel
    (i, j): grad_output (N, C, OH, OW), size (H, W) -> grad_input (N, C, H, W)."""
    samples, channels, region_rows, region_columns = grad_output.shape
    # every column to those of its region: (N, C, OH, OW) -> (N, C, OH, W)
    rows = np.zeros((samples, channels, region_rows, size[1]), grad_output.dtype)
    for b, region in enumerate(regions(size[1], region_columns)):
        rows[:, :, :, region] += grad_output[:, :, :, b, None] / (region.stop - region.start)
    # every row to those of its region: (N, C, OH, W) -> (N, C, H, W)
    grad_input = np.zeros((samples, channels, *size), grad_output.dtype)
    for a, region in enumerate(regions(size[0], region_rows)):
        grad_input[:, :, region] += rows[:, :, a, None] / (region.stop - region.start)
    return grad_input
