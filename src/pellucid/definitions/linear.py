"""The fully connected (dense) layer, products of matrices that are both computed, their gradients, and flattening.

``y[n, o] = bias[o] + Σ i  x[n, i] · weight[o, i]``

Axes: N samples, I input features, O output features.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """``y = x · weightᵀ + bias``: x (N, I), weight (O, I), bias (O,) -> y (N, O)."""
    y = x @ weight.T
    if bias is not None:
        y += bias
    return y


def linear_grad_input(grad_output: Array, weight: Array) -> Array:
    """``∂L/∂x[n, i] = Σ o  grad_output[n, o] · weight[o, i]``: (N, O), (O, I) -> (N, I)."""
    return grad_output @ weight


def linear_grad_weight(x: Array, grad_output: Array) -> Array:
    """``∂L/∂weight[o, i] = Σ n  grad_output[n, o] · x[n, i]``: (N, I), (N, O) -> (O, I)."""
    return grad_output.T @ x


def linear_grad_bias(grad_output: Array) -> Array:
    """``∂L/∂bias[o] = Σ n  grad_output[n, o]``: (N, O) -> (O,)."""
    return np.asarray(grad_output.sum(axis=0))


def matmul(a: Array, b: Array) -> Array:
    """``y[n, …, p, r] = Σ q  a[n, …, p, q] · b[n, …, q, r]``: (N, …, P, Q), (N, …, Q, R) -> (N, …, P, R)."""
    return a @ b


def matmul_grad_first(grad_output: Array, b: Array) -> Array:
    """``∂L/∂a = grad_output · bᵀ``: (N, …, P, R), (N, …, Q, R) -> (N, …, P, Q)."""
    return grad_output @ b.swapaxes(-1, -2)


def matmul_grad_second(a: Array, grad_output: Array) -> Array:
    """``∂L/∂b = aᵀ · grad_output``: (N, …, P, Q), (N, …, P, R) -> (N, …, Q, R)."""
    return a.swapaxes(-1, -2) @ grad_output


def flatten(x: Array) -> Array:
    """``y[n, (c·H + i)·W + j] = x[n, c, i, j]``: (N, C, H, W) -> (N, C·H·W)."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def flatten_grad_input(grad_output: Array, *, shape: tuple[int, ...]) -> Array:
    """The same numbers in the input's shape: (N, C·H·W), shape (C, H, W) -> (N, C, H, W)."""
    return grad_output.reshape(grad_output.shape[0], *shape)
