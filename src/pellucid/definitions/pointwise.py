"""Steps that work element by element, and their gradients: activations, dropout, adding and joining paths.

Each activation's gradient is its derivative times grad_output, written with whichever of input x and output y makes
it shortest. Shapes are free: (N, C, H, W) or (N, F). ``relu(NaN)`` is NaN: a fault upstream is never hidden.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import random
from .arrays import Array, Whole


def relu(x: Array) -> Array:
    """``y = 0 where x < 0, else x`` (so a NaN passes)."""
    return np.where(x < 0, 0, x).astype(x.dtype, copy=False)


def relu_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output where y > 0, else 0``; at x = 0 the derivative is taken as 0."""
    return np.where(y > 0, grad_output, 0).astype(grad_output.dtype, copy=False)


def leaky_relu(x: Array, *, negative_slope: float) -> Array:
    """``y = x where x ≥ 0, else negative_slope · x``."""
    return np.where(x < 0, negative_slope * x, x)


def leaky_relu_grad_input(x: Array, grad_output: Array, *, negative_slope: float) -> Array:
    """``∂L/∂x = grad_output where x > 0, else negative_slope · grad_output``."""
    return np.where(x > 0, grad_output, negative_slope * grad_output)


def relu6(x: Array) -> Array:
    """``y = min(max(x, 0), 6)``; a NaN passes."""
    return np.minimum(relu(x), 6)


def relu6_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output where 0 < y < 6, else 0``."""
    return np.where((y > 0) & (y < 6), grad_output, 0).astype(grad_output.dtype, copy=False)


def sigmoid(x: Array) -> Array:
    """``y = 1 / (1 + e⁻ˣ)``, written with e^−|x|, which cannot overflow."""
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, 1) / (1 + z)


def sigmoid_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output · y · (1 − y)``."""
    return grad_output * y * (1 - y)


def tanh(x: Array) -> Array:
    """``y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)``."""
    return np.tanh(x)


def tanh_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output · (1 − y²)``."""
    return grad_output * (1 - y * y)


def softmax(x: Array) -> Array:
    """``y[n, k] = exp(x[n, k]) / Σ j exp(x[n, j])`` along axis 1, after subtracting the largest."""
    z = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(z / z.sum(axis=1, keepdims=True))


def softmax_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x[n, k] = y[n, k] · (grad_output[n, k] − Σ j grad_output[n, j] · y[n, j])``."""
    return np.asarray(y * (grad_output - (grad_output * y).sum(axis=1, keepdims=True)))


def dropout(x: Array, key: NDArray[np.uint32], position: Whole, *, p: float, ordinal: int) -> Array:
    """``y = x / (1 − p) where u ≥ ⌊p·2³²⌋, else 0``: one random word u an element.

    The word is Philox at (position of the sample in the epoch, ordinal of this dropout, pixel, channel), so any
    sample's mask can be computed alone.
    """
    return np.where(_kept(x.shape, key, position, p, ordinal), x * (1 / (1 - p)), 0).astype(x.dtype, copy=False)


def dropout_grad_input(
    grad_output: Array, key: NDArray[np.uint32], position: Whole, *, p: float, ordinal: int
) -> Array:
    """``∂L/∂x = grad_output / (1 − p)`` where the element was kept, else 0; the mask is drawn again, not stored."""
    return dropout(grad_output, key, position, p=p, ordinal=ordinal)


def _kept(shape: tuple[int, ...], key: NDArray[np.uint32], position: Whole, p: float, ordinal: int) -> NDArray[Any]:
    return random.pixel_words(key, position, ordinal, shape[1:]) >= np.uint32(int(p * 2**32))


def add(a: Array, b: Array) -> Array:
    """``y = a + b``. Its gradient is grad_output for both, so it has no step of its own."""
    return a + b


def concat(*parts: Array) -> Array:
    """The parts' channels one after the other: (N, C₁, …), (N, C₂, …), … -> (N, C₁ + C₂ + …, …)."""
    return np.concatenate(parts, axis=1)


def concat_grad_input(grad_output: Array, *, start: int, stop: int) -> Array:
    """``∂L/∂part``: the channels that came from it, start to stop."""
    return grad_output[:, start:stop]
