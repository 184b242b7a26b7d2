"""Normalisation within a sample, and a scale and shift of each channel; their gradients.

``standardize: y = x̂ = (x − mean) / √(variance + eps)``, mean and variance of each run of a sample's numbers by itself
``scale_and_shift: y[n, c, p] = weight[c] · x[n, c, p] + bias[c]``

A sample's numbers, in row-major order, are cut into so many runs of equal length: over one run `GroupNorm` normalises
a group of channels, and `LayerNorm` what its last axes hold.

Axes: N samples, G runs, R numbers of a run, C channels, P pixels.
References: J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization", 2016; Y. Wu and K. He, "Group Normalization",
2018.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array
from .learned import summed


def standardize(x: Array, *, runs: int, eps: float) -> Array:
    """x (N, …) -> y (N, …)."""
    normal, _ = _normalised(x, runs, eps)
    return normal.reshape(x.shape)


def standardize_grad_input(x: Array, grad_output: Array, *, runs: int, eps: float) -> Array:
    """``∂L/∂x = (g − mean(g) − x̂ · mean(g · x̂)) / s``, ``s = √(variance + eps)``, with the means over each run:
    x, grad_output (N, …) -> (N, …).

    Every x[j] moves the mean and s, and so each x̂[i]: ``∂x̂[i]/∂x[j] = ([i = j] − 1/R − x̂[i] · x̂[j]/R) / s``.
    """
    normal, deviation = _normalised(x, runs, eps)
    # (N, …) -> (N, G, R)
    g = grad_output.reshape(normal.shape)
    shared = g.mean(axis=2, keepdims=True) + normal * (g * normal).mean(axis=2, keepdims=True)
    return np.asarray((g - shared) / deviation).reshape(x.shape)


def _normalised(x: Array, runs: int, eps: float) -> tuple[Array, Array]:
    """Return x̂ (N, G, R) and s (N, G, 1)."""
    # (N, …) -> (N, G, R)
    rows = x.reshape(len(x), runs, math.prod(x.shape[1:]) // runs)
    centred = rows - rows.mean(axis=2, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=2, keepdims=True) + eps)
    return centred / deviation, deviation


def scale_and_shift(x: Array, weight: Array, bias: Array) -> Array:
    """x (N, C, …), weight, bias (C,) -> y (N, C, …)."""
    return _of_channels(weight, x) * x + _of_channels(bias, x)


def scale_and_shift_grad_input(grad_output: Array, weight: Array) -> Array:
    """``∂L/∂x[n, c, p] = weight[c] · grad_output[n, c, p]``: (N, C, …) -> (N, C, …)."""
    return _of_channels(weight, grad_output) * grad_output


def scale_and_shift_grad_weight(x: Array, grad_output: Array) -> Array:
    """``∂L/∂weight[c] = Σ n, p  grad_output[n, c, p] · x[n, c, p]``: (N, C, …) -> (C,)."""
    return scale_and_shift_grad_bias(grad_output * x)


def scale_and_shift_grad_bias(grad_output: Array) -> Array:
    """``∂L/∂bias[c] = Σ n, p  grad_output[n, c, p]``: (N, C, …) -> (C,)."""
    channels = grad_output.shape[1]
    return summed(grad_output, (channels, *(1 for _ in grad_output.shape[2:]))).reshape(channels)


def _of_channels(numbers: Array, x: Array) -> Array:
    """(C,) -> (C, 1, …), to meet the channels of x (N, C, …)"""
    return numbers.reshape(-1, *(1 for _ in x.shape[2:]))
