"""Every window of an image as an array, and the way back; convolution and pooling both stand on these.

``patches[n, c, oy, ox, ky, kx] = x[n, c, oy·SH − top + ky·DH, ox·SW − left + kx·DW]``

where the index lies in the image, else the padding value. ``scatter`` is its adjoint: every element of a patch is
added back to the pixel it was read from.

Axes: N samples, C channels, H W pixels, OH OW places of the window, KH KW taps of the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..geometry import Window
from .arrays import Array


def pad(x: Array, window: Window, value: float = 0.0) -> Array:
    """Return x with the rows and columns that the window reads beyond its edges, filled with `value`."""
    (top, bottom), (left, right) = window.padded((x.shape[2], x.shape[3]))
    if not (top or bottom or left or right):
        return x
    # (N, C, H, W) -> (N, C, top + H + bottom, left + W + right)
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def patches(x: Array, window: Window, value: float = 0.0) -> Array:
    """Return the view (N, C, OH, OW, KH, KW) of all windows of x (N, C, H, W)."""
    rows, columns = window.output_size((x.shape[2], x.shape[3]))
    # (N, C, H, W) -> (N, C, places, places, extent, extent)
    windows = sliding_window_view(pad(x, window, value), window.extent, axis=(2, 3))
    # every stride-th place, every dilation-th tap -> (N, C, OH, OW, KH, KW)
    (sy, sx), (dy, dx) = window.stride, window.dilation
    return windows[:, :, ::sy, ::sx, ::dy, ::dx][:, :, :rows, :columns]


def taps(padded: Array, window: Window, places: tuple[int, ...]) -> Iterator[Array]:
    """Yield for each tap of the window, row by row, what it sees of a padded image at all places: KH·KW writable views
    (N, C, OH, OW)."""
    (rows, columns), (sy, sx), (dy, dx) = places, window.stride, window.dilation
    for ky, kx in np.ndindex(*window.kernel_size):
        y, x = ky * dy, kx * dx
        yield padded[:, :, y : y + (rows - 1) * sy + 1 : sy, x : x + (columns - 1) * sx + 1 : sx]


def scatter(grad_patches: Array, window: Window, size: tuple[int, int]) -> Array:
    """Return the sum of grad_patches (N, C, OH, OW, KH, KW) at the pixels of an image (N, C, H, W) they came from."""
    samples, channels, rows, columns, kh, kw = grad_patches.shape
    # one gradient a tap: (N, C, OH, OW, KH, KW) -> KH·KW × (N, C, OH, OW)
    parts = (grad_patches[..., ky, kx] for ky, kx in np.ndindex(kh, kw))
    return scatter_taps(parts, window, (samples, channels, *size), grad_patches.dtype, (rows, columns))


def scatter_taps(
    parts: Iterable[Array],
    window: Window,
    shape: tuple[int, int, int, int],
    dtype: np.dtype[np.floating[Any]],
    places: tuple[int, ...],
) -> Array:
    """Return an image of `shape` (N, C, H, W) in which each tap's part (N, C, OH, OW) is added where the tap reads."""
    samples, channels, height, width = shape
    (top, bottom), (left, right) = window.padded((height, width))
    padded = np.zeros((samples, channels, top + height + bottom, left + width + right), dtype)
    for seen, part in zip(taps(padded, window, places), parts, strict=True):
        seen += part
    return padded[:, :, top : top + height, left : left + width]
