"""2-D convolution and its three gradients.

``y[n, f, oy, ox] = bias[f] + Σ c, ky, kx  patches[n, c, oy, ox, ky, kx] · weight[f, c, ky, kx]``

with the patches of `windows`. "Convolution" is cross-correlation here, as in every deep-learning library: the
kernel is not flipped. With G groups the input's and the filters' channels are cut into G equal runs, and run g of the
filters sees run g of the input only (depthwise where G = C).

Axes: N samples, C input channels, H W pixels, F filters, OH OW places of the window, KH KW its taps, G groups,
K = C/G·KH·KW terms of one sum, P = OH·OW places.
"""

from __future__ import annotations

import numpy as np

from ..geometry import Window
from .arrays import Array
from .windows import patches, taps


def conv2d(x: Array, weight: Array, bias: Array | None = None, *, window: Window, groups: int = 1) -> Array:
    """``y = bias + weight ⋆ x``: x (N, C, H, W), weight (F, C/G, KH, KW), bias (F,) -> y (N, F, OH, OW)."""
    samples, filters = x.shape[0], weight.shape[0]
    rows, columns = window.output_size((x.shape[2], x.shape[3]))
    # (F, C/G, KH, KW) -> (G, F/G, K)
    matrices = weight.reshape(groups, filters // groups, weight[0].size)
    # (G, F/G, K) @ (N, G, K, P) -> (N, G, F/G, P) -> (N, F, OH, OW)
    y = (matrices @ _columns(x, window, groups)).reshape(samples, filters, rows, columns)
    if bias is not None:
        y += bias[:, None, None]
    return y


def conv2d_grad_input(
    grad_output: Array, weight: Array, *, size: tuple[int, int], window: Window, groups: int = 1
) -> Array:
    """``∂L/∂x[n, c, i, j] = Σ f, ky, kx  grad_output[n, f, oy, ox] · weight[f, c, ky, kx]``, over all places (oy, ox)
    whose tap (ky, kx) reads the pixel (i, j): grad_output (N, F, OH, OW), size (H, W) -> grad_input (N, C, H, W).

    At such a place x[n, c, i, j] stands in y[n, f, oy, ox] with the factor weight[f, c, ky, kx], and nowhere else.
    """
    samples, filters, rows, columns = grad_output.shape
    channels = weight.shape[1] * groups
    # (N, F, OH, OW) -> (N, G, F/G, P)
    g = grad_output.reshape(samples, groups, filters // groups, rows * columns)
    # (F, C/G, KH, KW) -> (G, F/G, C/G, KH·KW) -> (KH·KW, G, C/G, F/G): one matrix a tap and group, copied because
    # matmul is fast on matrices that lie in one piece
    matrices = weight.reshape(groups, filters // groups, channels // groups, -1).transpose(3, 0, 2, 1).copy()
    grad_input = np.zeros((samples, channels, *size), grad_output.dtype)
    for matrix, (places, pixels) in zip(matrices, taps(window, size), strict=True):
        # (G, C/G, F/G) @ (N, G, F/G, P) -> (N, G, C/G, P) -> (N, C, OH, OW)
        part = (matrix @ g).reshape(samples, channels, rows, columns)
        grad_input[pixels] += part[places]
    return grad_input


def conv2d_grad_weight(x: Array, grad_output: Array, *, window: Window, groups: int = 1) -> Array:
    """``∂L/∂weight[f, c, ky, kx] = Σ n, oy, ox  grad_output[n, f, oy, ox] · patches[n, c, oy, ox, ky, kx]``:
    x (N, C, H, W), grad_output (N, F, OH, OW) -> grad_weight (F, C/G, KH, KW)."""
    samples, filters, rows, columns = grad_output.shape
    # (N, F, OH, OW) -> (N, G, F/G, P)
    g = grad_output.reshape(samples, groups, filters // groups, rows * columns)
    # each sample's own gradient: (N, G, F/G, P) @ (N, G, P, K) -> (N, G, F/G, K)
    grads = g @ _columns(x, window, groups).swapaxes(2, 3)
    # (N, G, F/G, K) -> (G, F/G, K) -> (F, C/G, KH, KW)
    return np.asarray(grads.sum(axis=0)).reshape(filters, x.shape[1] // groups, *window.kernel_size)


def conv2d_grad_bias(grad_output: Array) -> Array:
    """``∂L/∂bias[f] = Σ n, oy, ox  grad_output[n, f, oy, ox]``: (N, F, OH, OW) -> (F,)."""
    return np.asarray(grad_output.sum(axis=(0, 2, 3)))


def _columns(x: Array, window: Window, groups: int) -> Array:
    """Return all windows of x (N, C, H, W) as columns of matrices, one matrix a sample and group: (N, G, K, P)."""
    # (N, C, OH, OW, KH, KW) -> (N, C, KH, KW, OH, OW)
    windows = patches(x, window).transpose(0, 1, 4, 5, 2, 3)
    samples, channels, kh, kw, rows, columns = windows.shape
    # (N, C, KH, KW, OH, OW) -> (N, G, K, P)
    return windows.reshape(samples, groups, channels // groups * kh * kw, rows * columns)
