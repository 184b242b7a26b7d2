"""Activations made of exponentials that came after the sigmoid, and the logarithms of the softmax.

Each gradient is the derivative times grad_output, written with whichever of input x and output y makes it shortest.
Shapes are free, (N, C, H, W) or (N, F), and kept. A NaN is never hidden.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array
from .pointwise import sigmoid


def elu(x: Array, *, alpha: float) -> Array:
    """``y = x where x > 0, else alpha · (eˣ − 1)``."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_grad_input(x: Array, grad_output: Array, *, alpha: float) -> Array:
    """``∂L/∂x = grad_output where x > 0, else grad_output · alpha · eˣ``."""
    return grad_output * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


def silu(x: Array) -> Array:
    """``y = x · s``, ``s = sigmoid(x) = 1 / (1 + e⁻ˣ)``."""
    return x * sigmoid(x)


def silu_grad_input(x: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output · s · (1 + x · (1 − s))``, as ``s′ = s · (1 − s)``."""
    s = sigmoid(x)
    return grad_output * (s * (1 + x * (1 - s)))


def softplus(x: Array) -> Array:
    """``y = log(1 + eˣ)``, written ``max(x, 0) + log(1 + e^−|x|)``, which cannot overflow."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def softplus_grad_input(x: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output · sigmoid(x)``, as ``y′ = eˣ / (1 + eˣ)``."""
    return grad_output * sigmoid(x)


def gelu(x: Array) -> Array:
    """``y = x · Φ(x)``, Φ being the share of a standard normal distribution that lies below x."""
    return x * _below(x)


def gelu_grad_input(x: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output · (Φ(x) + x · φ(x))``, with the density ``φ(x) = Φ′(x) = exp(−x²/2) / √(2π)``."""
    density = np.exp(-0.5 * np.square(x)) / math.sqrt(2 * math.pi)
    return grad_output * (_below(x) + x * density)


def _below(x: Array) -> Array:
    """``Φ(x) = erfc(−x / √2) / 2``, number by number in float64: NumPy has no erfc."""
    numbers = (-x / math.sqrt(2)).ravel().tolist()
    return np.fromiter((math.erfc(number) / 2 for number in numbers), x.dtype, x.size).reshape(x.shape)


def log_softmax(x: Array) -> Array:
    """``y[n, k] = x[n, k] − log Σ j exp(x[n, j])`` along axis 1: (N, K, …) -> (N, K, …).

    As in `pointwise.softmax` the largest x is subtracted first, so that no exp can overflow and the sum is at least 1.
    """
    shifted = x - x.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def log_softmax_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x[n, k] = grad_output[n, k] − exp(y[n, k]) · Σ j grad_output[n, j]``: y (N, K, …) -> (N, K, …).

    x[k] stands in every y[j]: ``∂y[j]/∂x[k] = [j = k] − exp(y[k])``, the latter being the softmax's share of x[k].
    """
    return np.asarray(grad_output - np.exp(y) * grad_output.sum(axis=1, keepdims=True))
