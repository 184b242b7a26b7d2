"""Losses, their gradients, and what is counted beside them.

``cross entropy:  L = Σ n  weight[n] · ℓ[n] / total,  ℓ[n] = −Σ k  class_weight[k] · t[n, k] · log softmax(z[n])[k]``
``squared error:  L = Σ n  weight[n] · ℓ[n] / total,  ℓ[n] = mean of (y[n] − t[n])²``

t is the target as a distribution over the classes: one-hot for a class number, blended with the uniform distribution
by label smoothing. `total` is what makes the sum a mean: the number of samples, or the sum of their weights. Results
have the dtype of the network's outputs, whatever the targets and weights come in.

Axes: N samples, K classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Whole

Target = Whole | Array
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
    """Return L () and log softmax(logits) (N, K), from logits (N, K) and as many targets.

    ``log softmax(z)[k] = z[k] − max z − log Σ j exp(z[j] − max z)`` cannot overflow.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    wanted = _weighted_distribution(target, logits, label_smoothing, class_weights)
    losses = -(wanted * log_probabilities).sum(axis=1)
    if sample_weight is not None:
        losses = losses * sample_weight
    return np.asarray(losses.sum() / total, logits.dtype), np.asarray(log_probabilities)


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

    Without class weights ``Σ j w[n, j] = 1``, and this is the familiar softmax minus target.
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
    """Return L (), from outputs and target of one shape (N, …)."""
    # (N, …) -> (N,)
    losses = ((outputs - target.astype(outputs.dtype)) ** 2).reshape(len(outputs), -1).mean(axis=1)
    if sample_weight is not None:
        losses = losses * sample_weight
    return np.asarray(losses.sum() / total, outputs.dtype)


def squared_error_grad_input(
    outputs: Array, target: Array, total: Array | float, sample_weight: Array | None = None
) -> Array:
    """``∂L/∂y[n, i] = weight[n]/total · 2/I · (y[n, i] − t[n, i])``, I numbers a sample: -> (N, …)."""
    grad = (outputs - target.astype(outputs.dtype)) * (2 / max(1, outputs[0].size))
    if sample_weight is not None:
        grad = grad * sample_weight.reshape(-1, *[1] * (outputs.ndim - 1))
    return np.asarray(grad / total, outputs.dtype)


def count_correct(outputs: Array, target: Target) -> NDArray[Any]:
    """Return how many samples have their largest output (N, K) at the target class; a row with a NaN has none."""
    wanted = target.argmax(axis=1) if target.ndim == 2 else target
    right = (outputs.argmax(axis=1) == wanted) & ~np.isnan(outputs).any(axis=1)
    return np.asarray(right.sum())
