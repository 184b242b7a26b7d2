"""Transposed 2-D convolution and its three gradients.

``y[n, c, i, j] = bias[c] + Σ f, ky, kx  x[n, f, oy, ox] · weight[f, c, ky, kx]``, over all places (oy, ox) of a window
whose tap (ky, kx) lies on the pixel (i, j)

It is what a convolution does backwards: of a convolution that makes x's shape of y's, with the same weights, the
gradient of the input. So all that `conv` defines is used here, with input and output exchanged: the window slides over
the output, of `size` pixels, and has one place for each pixel of x.

Axes: N samples, F input channels, H W pixels of the input, C output channels, OH OW pixels of the output, KH KW taps,
G groups.
"""

from __future__ import annotations

from ..geometry import Window
from .arrays import Array
from .conv import conv2d, conv2d_grad_bias, conv2d_grad_input, conv2d_grad_weight


def conv_transpose2d(
    x: Array, weight: Array, bias: Array | None = None, *, size: tuple[int, int], window: Window, groups: int = 1
) -> Array:
    """``y = bias + weightᵀ ⋆ x``: x (N, F, H, W), weight (F, C/G, KH, KW), bias (C,), size (OH, OW)
    -> y (N, C, OH, OW)."""
    y = conv2d_grad_input(x, weight, size=size, window=window, groups=groups)
    if bias is not None:
        y += bias[:, None, None]
    return y


def conv_transpose2d_grad_input(grad_output: Array, weight: Array, *, window: Window, groups: int = 1) -> Array:
    """``∂L/∂x = weight ⋆ grad_output``, a convolution: (N, C, OH, OW) -> (N, F, H, W)."""
    return conv2d(grad_output, weight, window=window, groups=groups)


def conv_transpose2d_grad_weight(x: Array, grad_output: Array, *, window: Window, groups: int = 1) -> Array:
    """``∂L/∂weight[f, c, ky, kx] = Σ n, oy, ox  x[n, f, oy, ox] · patches[n, c, oy, ox, ky, kx]``, with the patches of
    grad_output: x (N, F, H, W), grad_output (N, C, OH, OW) -> grad_weight (F, C/G, KH, KW)."""
    return conv2d_grad_weight(grad_output, x, window=window, groups=groups)


def conv_transpose2d_grad_bias(grad_output: Array) -> Array:
    """``∂L/∂bias[c] = Σ n, i, j  grad_output[n, c, i, j]``: (N, C, OH, OW) -> (C,)."""
    return conv2d_grad_bias(grad_output)
