"""One update of one parameter, for each optimiser; gradient clipping and weight averaging.

Arguments come in this order: weight, gradient, learning rate, (number of the step, from 1,) then the optimiser's own
memory; results are the new weight and the new memory, each of the weight's shape and dtype. The formulas are those of
PyTorch's optimisers, so a recipe carries over unchanged. ``lr_scale`` multiplies the learning rate of this parameter.

Numbers that hold for the whole parameter are put together as Python floats, in float64, and rounded once, where they
meet the array; NumPy's own float64 scalars would make everything they touch float64.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array


def sgd(weight: Array, grad: Array, lr: float, *, weight_decay: float, lr_scale: float) -> Array:
    """``w ← w − lr · (g + weight_decay · w)``."""
    return weight - (float(lr) * lr_scale) * (grad + weight_decay * weight)


def sgd_momentum(
    weight: Array, grad: Array, lr: float, velocity: Array,
    *, momentum: float, nesterov: bool, weight_decay: float, lr_scale: float,
) -> tuple[Array, Array]:  # fmt: skip
    """``g ← g + weight_decay · w;  v ← momentum · v + g;  w ← w − lr · v``, or ``w − lr · (g + momentum · v)`` with
    Nesterov's look ahead.

    References: I. Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """
    grad = grad + weight_decay * weight
    velocity = momentum * velocity + grad
    direction = grad + momentum * velocity if nesterov else velocity
    return weight - (float(lr) * lr_scale) * direction, velocity


def adam(
    weight: Array, grad: Array, lr: float, step: int, first_moment: Array, second_moment: Array,
    *, beta1: float, beta2: float, eps: float, weight_decay: float, lr_scale: float,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """``g ← g + weight_decay · w;  m ← β₁·m + (1−β₁)·g;  v ← β₂·v + (1−β₂)·g²;  w ← w − lr · m̂ / (√v̂ + eps)`` with
    ``m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ)``, t the number of the step: as m and v begin at 0, the shares of t gradients in them
    sum to 1−βᵗ only.

    References: D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.
    """
    grad = grad + weight_decay * weight
    first_moment = beta1 * first_moment + (1 - beta1) * grad
    second_moment = beta2 * second_moment + (1 - beta2) * grad * grad
    rate = float(lr) * lr_scale / (1 - beta1 ** int(step))  # with the m̂ of the formula in it
    deviation = np.sqrt(second_moment) / math.sqrt(1 - beta2 ** int(step)) + eps
    return weight - rate * (first_moment / deviation), first_moment, second_moment


def adamw(
    weight: Array, grad: Array, lr: float, step: int, first_moment: Array, second_moment: Array,
    *, beta1: float, beta2: float, eps: float, weight_decay: float, lr_scale: float,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Adam, with the decay taken off the weight itself: ``w ← w − lr · weight_decay · w``, then Adam's update.

    References: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2.
    """
    weight = weight - (float(lr) * lr_scale * weight_decay) * weight
    return adam(
        weight, grad, lr, step, first_moment, second_moment,
        beta1=beta1, beta2=beta2, eps=eps, weight_decay=0.0, lr_scale=lr_scale,
    )  # fmt: skip


def clip_factor(*grads: Array, max_norm: float) -> float:
    """``min(1, max_norm / (‖all gradients together‖ + 10⁻⁶))``; a NaN in any gradient makes it NaN."""
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in grads))
    return float(np.minimum(1.0, max_norm / (norm + 1e-6)))


def scale_gradient(grad: Array, factor: float) -> Array:
    """``g ← factor · g``, of g's shape."""
    return grad * float(factor)


def average_weight(average: Array, weight: Array, step: int, *, decay: float) -> Array:
    """``a ← d·a + (1 − d)·w`` with ``d = min(decay, (step − 1) / (step + 8))``.

    So step 1 takes the weight itself, and the memory is short at first: the average soon forgets the initial weights.
    """
    d = min(decay, int(step - 1) / int(step + 8))
    return d * average + (1 - d) * weight
