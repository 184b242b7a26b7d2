"""Losses, their gradients, and what is counted beside them.

``cross entropy:  L = Σ n  weight[n] · ℓ[n] / total,  ℓ[n] = −Σ k  class_weight[k] · t[n, k] · log softmax(z[n])[k]``
``squared error:  L = Σ n  weight[n] · ℓ[n] / total,  ℓ[n] = mean of (y[n] − t[n])²``

t is the target as a distribution over the classes: one-hot for a class number, blended with the uniform distribution
by label smoothing. `total` is what makes the sum a mean: the number of samples, or the sum of their weights. It divides
what each sample adds rather than the sum, which could overflow where weights are large. A total that is infinite hides
in a loss of 0, so whoever reads a loss looks at its total too. Losses and gradients have the dtype of the network's
outputs, whatever the targets and weights come in.

Axes: N samples, K classes.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Whole

Target: TypeAlias = Whole | Array
"""Class numbers (N,), or a distribution for each sample (N, K)."""


def total_weight(sample_weight: Array) -> Array:
    """``total = Σ n  weight[n]``: (N,) -> ()."""
    return np.asarray(sample_weight.sum())


def total_class_weight(
    target: Target, sample_weight: Array | None = None, *, class_weights: tuple[float, ...], dtype: str
) -> Array:
    """``total = Σ n  weight[n] · Σ k  class_weight[k] · t[n, k]``, t before label smoothing: (N,) or (N, K) -> ()."""
    of_class = np.asarray(class_weights, dtype)
    # (N, K) @ (K,) -> (N,)
    weight = target.astype(dtype) @ of_class if target.ndim == 2 else of_class[target]
    return np.asarray((weight if sample_weight is None else weight * sample_weight).sum(), dtype)


def cross_entropy(
    logits: Array,
    target: Target,
    total: Array | float,
    sample_weight: Array | None = None,
    *,
    label_smoothing: float = 0.0,
    class_weights: tuple[float, ...] = (),
) -> tuple[Array, Array]:
    """Return L () and log softmax(z) (N, K), from the logits z (N, K) and as many targets.

    ``log softmax(z)[k] = z[k] − max z − log Σ j exp(z[j] − max z)`` cannot overflow. Every class is summed, also one
    whose share is 0: an infinite logit anywhere makes L infinite or NaN.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    wanted = _weighted_distribution(target, logits, label_smoothing, class_weights)
    losses = -(wanted * log_probabilities).sum(axis=1)
    if sample_weight is not None:
        losses = losses * sample_weight
    return np.asarray((losses / total).sum(), logits.dtype), np.asarray(log_probabilities)


def cross_entropy_grad_input(
    log_probabilities: Array,
    target: Target,
    total: Array | float,
    sample_weight: Array | None = None,
    *,
    label_smoothing: float = 0.0,
    class_weights: tuple[float, ...] = (),
) -> Array:
    """``∂L/∂z[n, k] = weight[n]/total · (softmax(z[n])[k] · Σ j w[n, j] − w[n, k])``, w = class_weight · t: -> (N, K).

    Written out, ``ℓ = −Σ j w[j] · z[j] + Σ j w[j] · log Σ i exp z[i]``. By z[k] its first term has the derivative
    −w[k], and the logarithm has exp z[k] / Σ i exp z[i], which is softmax(z)[k]. Without class weights
    ``Σ j w[j] = 1``, and what remains is the familiar softmax minus target.
    """
    wanted = _weighted_distribution(target, log_probabilities, label_smoothing, class_weights)
    grad = np.exp(log_probabilities) * wanted.sum(axis=1, keepdims=True) - wanted
    if sample_weight is not None:
        grad = grad * sample_weight[:, None]
    return np.asarray(grad / total, log_probabilities.dtype)


def _weighted_distribution(
    target: Target, like: Array, label_smoothing: float, class_weights: tuple[float, ...]
) -> Array:
    """Return class_weight[k] · t[n, k] (N, K), t blended with the uniform distribution by label smoothing."""
    samples, classes = like.shape
    if target.ndim == 2:
        wanted = np.asarray(target, like.dtype)
    else:
        wanted = np.zeros(like.shape, like.dtype)
        wanted[np.arange(samples), target] = 1
    if label_smoothing:
        wanted = (1 - label_smoothing) * wanted + label_smoothing / classes
    return wanted * np.asarray(class_weights, like.dtype) if class_weights else wanted


def squared_error(outputs: Array, target: Array, total: Array | float, sample_weight: Array | None = None) -> Array:
    """Return L (), from outputs y and target t of one shape (N, …)."""
    squares = (outputs - target.astype(outputs.dtype)) ** 2
    # (N, …) -> (N, I) -> (N,)
    losses = squares.reshape(len(outputs), math.prod(outputs.shape[1:])).mean(axis=1)
    if sample_weight is not None:
        losses = losses * sample_weight
    return np.asarray((losses / total).sum(), outputs.dtype)


def squared_error_grad_input(
    outputs: Array, target: Array, total: Array | float, sample_weight: Array | None = None
) -> Array:
    """``∂L/∂y[n, i] = weight[n]/total · 2/I · (y[n, i] − t[n, i])``, I numbers a sample: -> (N, …)."""
    grad = (outputs - target.astype(outputs.dtype)) * (2 / math.prod(outputs.shape[1:]))
    if sample_weight is not None:
        # (N,) -> (N, 1, …)
        grad = grad * sample_weight.reshape(-1, *[1] * (outputs.ndim - 1))
    return np.asarray(grad / total, outputs.dtype)


def count_correct(outputs: Array, target: Target) -> NDArray[Any]:
    """Return how many samples have their largest output (N, K) at the target class: ().

    Of equal largest ones, of outputs or of a distribution, the first counts; a sample with a NaN is never right.
    """
    wanted = target.argmax(axis=1) if target.ndim == 2 else target
    right = (outputs.argmax(axis=1) == wanted) & ~np.isnan(outputs).any(axis=1)
    return np.asarray(right.sum())
