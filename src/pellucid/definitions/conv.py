"""2-D convolution and its three gradients.

``y[n, f, oy, ox] = bias[f] + Σ c, ky, kx  patches[n, c, oy, ox, ky, kx] · weight[f, c, ky, kx]``

"Convolution" is cross-correlation here, as in every deep-learning library: the kernel is not flipped. With G groups
the input's and the filters' channels are cut into G equal runs, and run g of the filters sees run g of the input only
(depthwise where G = C).

Axes: N samples, C input channels, H W pixels, F filters, OH OW places of the window, KH KW its taps, G groups,
K = C/G·KH·KW terms of one sum, P = OH·OW places.
"""

from __future__ import annotations

import numpy as np

from ..geometry import Window
from .arrays import Array
from .windows import patches, scatter


def conv2d(x: Array, weight: Array, bias: Array | None = None, *, window: Window, groups: int = 1) -> Array:
    """``y = bias + weight ⋆ x``: x (N, C, H, W), weight (F, C/G, KH, KW), bias (F,) -> y (N, F, OH, OW)."""
    columns = _columns(x, window, groups)
    samples, filters = x.shape[0], weight.shape[0]
    rows, width = window.output_size((x.shape[2], x.shape[3]))
    # (F, C/G, KH, KW) -> (G, F/G, K);  (G, F/G, K) @ (N, G, K, P) -> (N, G, F/G, P)
    y = weight.reshape(groups, filters // groups, -1) @ columns
    # (N, G, F/G, P) -> (N, F, OH, OW)
    y = y.reshape(samples, filters, rows, width)
    return y if bias is None else y + bias[:, None, None]


def conv2d_grad_input(
    grad_output: Array, weight: Array, *, size: tuple[int, int], window: Window, groups: int = 1
) -> Array:
    """``∂L/∂x[n, c, i, j] = Σ f, ky, kx  grad_output[n, f, oy, ox] · weight[f, c, ky, kx]``, over all places (oy, ox)
    whose tap (ky, kx) read the pixel (i, j): grad_output (N, F, OH, OW), size (H, W) -> grad_input (N, C, H, W)."""
    samples, filters, rows, width = grad_output.shape
    # (N, F, OH, OW) -> (N, G, F/G, P)
    g = grad_output.reshape(samples, groups, filters // groups, rows * width)
    # (F, C/G, KH, KW) -> (G, K, F/G);  (G, K, F/G) @ (N, G, F/G, P) -> (N, G, K, P)
    grad_columns = weight.reshape(groups, filters // groups, -1).swapaxes(1, 2) @ g
    # (N, G, K, P) -> (N, C, KH, KW, OH, OW) -> (N, C, OH, OW, KH, KW)
    grad_patches = grad_columns.reshape(samples, -1, *window.kernel_size, rows, width).transpose(0, 1, 4, 5, 2, 3)
    return scatter(grad_patches, window, size)


def conv2d_grad_weight(x: Array, grad_output: Array, *, window: Window, groups: int = 1) -> Array:
    """``∂L/∂weight[f, c, ky, kx] = Σ n, oy, ox  grad_output[n, f, oy, ox] · patches[n, c, oy, ox, ky, kx]``:
    x (N, C, H, W), grad_output (N, F, OH, OW) -> grad_weight (F, C/G, KH, KW)."""
    samples, filters, rows, width = grad_output.shape
    # (N, F, OH, OW) -> (N, G, F/G, P) -> (G, F/G, N, P) -> (G, F/G, N·P)
    g = grad_output.reshape(samples, groups, filters // groups, -1).transpose(1, 2, 0, 3)
    g = g.reshape(groups, filters // groups, samples * rows * width)
    # (N, G, K, P) -> (G, N, P, K) -> (G, N·P, K)
    columns = _columns(x, window, groups).transpose(1, 0, 3, 2).reshape(groups, samples * rows * width, -1)
    # (G, F/G, N·P) @ (G, N·P, K) -> (G, F/G, K) -> (F, C/G, KH, KW)
    return (g @ columns).reshape(filters, x.shape[1] // groups, *window.kernel_size)


def conv2d_grad_bias(grad_output: Array) -> Array:
    """``∂L/∂bias[f] = Σ n, oy, ox  grad_output[n, f, oy, ox]``: (N, F, OH, OW) -> (F,)."""
    return np.asarray(grad_output.sum(axis=(0, 2, 3)))


def _columns(x: Array, window: Window, groups: int) -> Array:
    """Return the windows of x (N, C, H, W) as columns of a matrix: (N, G, K, P)."""
    # (N, C, OH, OW, KH, KW) -> (N, C, KH, KW, OH, OW) -> (N, G, K, P)
    windows = patches(x, window).transpose(0, 1, 4, 5, 2, 3)
    samples, channels, kh, kw, rows, width = windows.shape
    return windows.reshape(samples, groups, channels // groups * kh * kw, rows * width)
