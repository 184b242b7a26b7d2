"""Every window of an image, seen two ways; convolution and pooling stand on these.

Window by window, as one array that holds what each place of the window reads:

``patches[n, c, oy, ox, ky, kx] = x[n, c, oy·SH + ky·DH − top, ox·SW + kx·DW − left]``, or 0 outside the image

Tap by tap, as pairs of slices: the tap (ky, kx) of the window at the places [oy, ox] reads the pixels [i, j].
A gradient takes the same pairs the other way: what a place passes to its tap is added to the pixel that the tap read.

Axes: N samples, C channels, H W pixels, OH OW places of the window, KH KW taps of the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from types import EllipsisType
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..geometry import Window
from .arrays import Array

Index: TypeAlias = tuple[EllipsisType, slice, slice]
"""Selects rows and columns of an array's last two axes."""


def patches(x: Array, window: Window) -> Array:
    """Return the view (N, C, OH, OW, KH, KW) of all windows of x (N, C, H, W), padded with zeros."""
    (sy, sx), (dy, dx) = window.stride, window.dilation
    sides = window.padded((x.shape[2], x.shape[3]))
    if any(map(any, sides)):
        # (N, C, H, W) -> (N, C, top + H + bottom, left + W + right)
        x = np.pad(x, ((0, 0), (0, 0), *sides))
    # a window at every pixel: -> (N, C, rows, columns, extent, extent)
    windows = sliding_window_view(x, window.extent, axis=(2, 3))
    # every stride-th of them, and every dilation-th pixel in it: -> (N, C, OH, OW, KH, KW)
    return windows[:, :, ::sy, ::sx, ::dy, ::dx]


def taps(window: Window, size: tuple[int, int]) -> Iterator[tuple[Index, Index]]:
    """Yield for each tap of the window, row by row, the places [oy, ox] at which it lies inside an image of `size`
    (H, W), and the pixels [i, j] that it reads there; what lies in the padding is left out."""
    for (oy, i), (ox, j) in product(window.spans(0, size[0]), window.spans(1, size[1])):
        yield (..., oy, ox), (..., i, j)
