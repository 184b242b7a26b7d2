"""Steps that work element by element, and their gradients: activations, dropout, adding and joining paths, padding.

Each activation's gradient is its derivative times grad_output, written with whichever of input x and output y makes
it shortest; at a kink it is the flatter side's. Shapes are free, (N, C, H, W) or (N, F), and kept. A NaN is never
hidden: ``relu(NaN)`` is NaN, and one in grad_output stays one even where the derivative is 0, for 0 · NaN is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import random
from .arrays import Array, Whole


def relu(x: Array) -> Array:
    """``y = max(x, 0)``."""
    return np.maximum(x, 0)


def relu_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output where y > 0, else 0``."""
    return grad_output * (y > 0)


def leaky_relu(x: Array, *, negative_slope: float) -> Array:
    """``y = max(x, 0) + negative_slope · min(x, 0)``."""
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


def leaky_relu_grad_input(x: Array, grad_output: Array, *, negative_slope: float) -> Array:
    """``∂L/∂x = grad_output where x > 0, else negative_slope · grad_output``."""
    return np.where(x > 0, grad_output, negative_slope * grad_output)


def relu6(x: Array) -> Array:
    """``y = min(max(x, 0), 6)``."""
    return np.clip(x, 0, 6)


def relu6_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output where 0 < y < 6, else 0``."""
    return grad_output * ((y > 0) & (y < 6))


def sigmoid(x: Array) -> Array:
    """``y = 1 / (1 + e⁻ˣ)``, written with e^−|x|, which cannot overflow."""
    z = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, z, 1) / (1 + z))


def sigmoid_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output · y · (1 − y)``.

    ``y = (1 + e⁻ˣ)⁻¹``, so ``y′ = e⁻ˣ · (1 + e⁻ˣ)⁻² = (1/y − 1) · y² = y · (1 − y)``.
    """
    return grad_output * y * (1 - y)


def tanh(x: Array) -> Array:
    """``y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)``."""
    return np.tanh(x)


def tanh_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x = grad_output · (1 − y²)``.

    With ``a = eˣ + e⁻ˣ`` and ``b = eˣ − e⁻ˣ``, each the other's derivative, ``y = b/a`` and ``y′ = (a² − b²)/a²``.
    """
    return grad_output * (1 - y * y)


def softmax(x: Array) -> Array:
    """``y[n, k] = exp(x[n, k]) / Σ j exp(x[n, j])`` along axis 1: (N, K, …) -> (N, K, …).

    The largest x of the sum is subtracted first: the common factor leaves y as it is, and no exp can overflow.
    """
    z = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(z / z.sum(axis=1, keepdims=True))


def softmax_grad_input(y: Array, grad_output: Array) -> Array:
    """``∂L/∂x[n, k] = y[n, k] · (grad_output[n, k] − Σ j grad_output[n, j] · y[n, j])``: y (N, K, …) -> (N, K, …).

    x[k] stands in every y[j]: ``∂y[j]/∂x[k] = y[j] · ([j = k] − y[k])``, [j = k] from the numerator and −y[k] from the
    sum below it. Then ``∂L/∂x[k] = Σ j grad_output[j] · ∂y[j]/∂x[k]``.
    """
    return np.asarray(y * (grad_output - (grad_output * y).sum(axis=1, keepdims=True)))


def dropout(x: Array, key: NDArray[np.uint32], position: Whole, *, p: float, ordinal: int) -> Array:
    """``y = x · m``, ``m = 1/(1 − p) where u ≥ ⌊p·2³²⌋, else 0``: x (N, C, H, W) or (N, F), key (2,), position (N,).

    u is a random word of each element: that of (c, h, w) is word c % 4 of Philox at the counter (position of the
    sample in the epoch, ordinal of this dropout, h·W + w, c // 4), so any sample's mask can be computed alone. m is
    rounded to x's dtype before it multiplies, and 0 multiplies too: a NaN or infinity that is dropped becomes NaN.
    """
    words = random.pixel_words(key, position, ordinal, x.shape[1:])
    kept = words >= np.uint32(int(p * 2**32))
    return x * (kept * x.dtype.type(1 / (1 - p)))


def dropout_grad_input(
    grad_output: Array, key: NDArray[np.uint32], position: Whole, *, p: float, ordinal: int
) -> Array:
    """``∂L/∂x = grad_output · m``: the same mask, drawn again rather than stored."""
    return dropout(grad_output, key, position, p=p, ordinal=ordinal)


def add(a: Array, b: Array) -> Array:
    """``y = a + b``. Its gradient is grad_output for both, so it has no step of its own."""
    return a + b


def multiply(a: Array, b: Array) -> Array:
    """``y = a · b``, number by number."""
    return a * b


def multiply_grad_input(grad_output: Array, other: Array) -> Array:
    """``∂L/∂a = grad_output · b``, and for b the same with a: `other` is the factor that stays."""
    return grad_output * other


def divide(a: Array, b: Array) -> Array:
    """``y = a / b``, number by number."""
    return a / b


def divide_grad_first(grad_output: Array, b: Array) -> Array:
    """``∂L/∂a = grad_output / b``."""
    return grad_output / b


def divide_grad_second(a: Array, b: Array, grad_output: Array) -> Array:
    """``∂L/∂b = −grad_output · a / b²``."""
    return -grad_output * (a / b) / b


def broadcast(x: Array, *, shape: tuple[int, ...]) -> Array:
    """``y[n, i, j, …] = x[n, i′, j′, …]``, where i′ = 0 along axes of x that have length 1: -> (N, *shape)."""
    return np.broadcast_to(x, (len(x), *shape)).copy()


def broadcast_grad_input(grad_output: Array, *, shape: tuple[int, ...]) -> Array:
    """``∂L/∂x[n, i′, …] = Σ grad_output[n, i, …]`` over all that x's number was repeated to: -> (N, *shape)."""
    repeated = tuple(axis for axis, size in enumerate(shape, start=1) if size != grad_output.shape[axis])
    return np.asarray(grad_output.sum(axis=repeated, keepdims=True))


def concat(*parts: Array) -> Array:
    """``y[n, start + c] = part[n, c]``, the parts' channels one after the other: (N, C₁, …), (N, C₂, …), … ->
    (N, C₁ + C₂ + …, …)."""
    return np.concatenate(parts, axis=1)


def concat_grad_input(grad_output: Array, *, start: int, stop: int) -> Array:
    """``∂L/∂part[n, c] = grad_output[n, start + c]``: (N, C₁ + C₂ + …, …) -> (N, stop − start, …)."""
    return grad_output[:, start:stop]


def pad_channels(x: Array, *, before: int, after: int) -> Array:
    """``y[n, before + c] = x[n, c]``, and 0 in the channels around: (N, C, …) -> (N, before + C + after, …).

    Its gradient is that of one part among others, the channels of grad_output that came from x: `concat_grad_input`.
    """
    return np.pad(x, ((0, 0), (before, after)) + ((0, 0),) * (x.ndim - 2))
