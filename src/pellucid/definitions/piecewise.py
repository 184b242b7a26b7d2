"""Activations of straight lines: x between two bounds, a sigmoid of three lines, and what that one makes of x.

Each gradient is the derivative times grad_output, written with whichever of input x and output y makes it shortest; at
a kink it is the flatter side's. Shapes are free, (N, C, H, W) or (N, F), and kept. A NaN is never hidden.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array


def clip(x: Array, *, min: float | None, max: float | None) -> Array:
    """``y = min(max(x, least), most)``; None is no bound."""
    return np.clip(x, min, max)


def clip_grad_input(y: Array, grad_output: Array, *, min: float | None, max: float | None) -> Array:
    """``∂L/∂x = grad_output where least < y < most, else 0``."""
    least, most = -np.inf if min is None else min, np.inf if max is None else max
    return grad_output * ((y > least) & (y < most))


def hard_sigmoid(x: Array, *, alpha: float, beta: float) -> Array:
    """``y = min(max(alpha · x + beta, 0), 1)``."""
    return np.asarray(np.clip(alpha * x + beta, 0, 1))


def hard_sigmoid_grad_input(y: Array, grad_output: Array, *, alpha: float, beta: float) -> Array:
    """``∂L/∂x = alpha · grad_output where 0 < y < 1, else 0``."""
    return grad_output * (alpha * ((y > 0) & (y < 1)).astype(y.dtype))


def hard_swish(x: Array) -> Array:
    """``y = x · min(max(x/6 + 1/2, 0), 1)``."""
    return x * np.clip(x / 6 + 0.5, 0, 1)


def hard_swish_grad_input(x: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output · (0 where x ≤ −3, 1 where x ≥ 3, else x/3 + 1/2)``."""
    return grad_output * np.where(np.abs(x) < 3, x / 3 + 0.5, x > 0)
