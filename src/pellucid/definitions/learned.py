"""Steps that work element by element with numbers that are learnt: the slopes of PReLU, what is added, what multiplies.

``prelu: y[n, c, p] = max(x[n, c, p], 0) + weight[c] · min(x[n, c, p], 0)``
``bias:  y[n, …]    = x[n, …] + bias[…]``
``gain:  y[n, …]    = x[n, …] · weight[…]``

`bias` and `gain` have one number for each channel, or one for all; `add_parameter` and `multiply_parameter` are the
same with numbers of any shape that NumPy broadcasts to a sample's. The gradient of a number is a sum over all that it
met: over the samples, and over the axes along which it is stretched.

Axes: N samples, C channels, P the pixels of a channel; features (N, F) are channels of one pixel.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array


def prelu(x: Array, weight: Array) -> Array:
    """``y = max(x, 0) + weight · min(x, 0)``: x (N, C, …), weight (C,) or (1,) -> y (N, C, …)."""
    return np.maximum(x, 0) + _of_channels(weight, x) * np.minimum(x, 0)


def prelu_grad_input(x: Array, weight: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output where x > 0, else weight · grad_output``."""
    return np.where(x > 0, grad_output, _of_channels(weight, x) * grad_output)


def prelu_grad_weight(x: Array, grad_output: Array, *, shape: tuple[int]) -> Array:
    """``∂L/∂weight[c] = Σ n, p  grad_output[n, c, p] · min(x[n, c, p], 0)``: (N, C, …) -> shape, (C,) or (1,)."""
    return _sum_for_channels(grad_output * np.minimum(x, 0), shape)


def _of_channels(weight: Array, x: Array) -> Array:
    """(C,) -> (C, 1, …), to meet the channels of x (N, C, …)"""
    return weight.reshape(weight.shape + (1,) * (x.ndim - 2))


def _sum_for_channels(terms: Array, shape: tuple[int]) -> Array:
    """(N, C, …) -> (C,), or (1,) where one number is for all"""
    return summed(terms, shape + (1,) * (terms.ndim - 2)).reshape(shape)


def bias(x: Array, bias: Array) -> Array:
    """``y = x + bias``: x (N, …), bias of a shape that broadcasts to x[n]'s -> y (N, …). ∂L/∂x is grad_output."""
    return x + bias


def bias_grad_bias(grad_output: Array, *, shape: tuple[int, ...]) -> Array:
    """``∂L/∂bias = Σ grad_output``, over all that each number was added to: (N, …) -> shape."""
    return summed(grad_output, shape)


def gain(x: Array, weight: Array) -> Array:
    """``y = x · weight``: x (N, …), weight of a shape that broadcasts to x[n]'s -> y (N, …)."""
    return x * weight


def gain_grad_input(grad_output: Array, weight: Array) -> Array:
    """``∂L/∂x = grad_output · weight``."""
    return grad_output * weight


def gain_grad_weight(x: Array, grad_output: Array, *, shape: tuple[int, ...]) -> Array:
    """``∂L/∂weight = Σ grad_output · x``, over all that each number multiplied: (N, …) -> shape."""
    return summed(grad_output * x, shape)


def add_parameter(x: Array, bias: Array) -> Array:
    """``y = x + bias``, as `bias`."""
    return x + bias


def add_parameter_grad_bias(grad_output: Array, *, shape: tuple[int, ...]) -> Array:
    """As `bias_grad_bias`."""
    return bias_grad_bias(grad_output, shape=shape)


def multiply_parameter(x: Array, weight: Array) -> Array:
    """As `gain`."""
    return gain(x, weight)


def multiply_parameter_grad_input(grad_output: Array, weight: Array) -> Array:
    """As `gain_grad_input`."""
    return gain_grad_input(grad_output, weight)


def multiply_parameter_grad_weight(x: Array, grad_output: Array, *, shape: tuple[int, ...]) -> Array:
    """As `gain_grad_weight`."""
    return gain_grad_weight(x, grad_output, shape=shape)


def summed(terms: Array, shape: tuple[int, ...]) -> Array:
    """Undo a broadcast from `shape` to that of the terms: each number gets the sum of all that it was stretched to."""
    # (N, A, B, C) -> (B, C), for a shape of two axes
    total = terms.sum(axis=tuple(range(terms.ndim - len(shape))))
    # (B, C) -> (1, C), where the shape has 1
    return np.asarray(total.sum(axis=tuple(axis for axis, size in enumerate(shape) if size == 1), keepdims=True))
