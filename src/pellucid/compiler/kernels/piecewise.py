"""Activations of straight lines, and their gradients. The formulas are those of `definitions.piecewise`.

Axes: n samples, i numbers of a sample in whatever order.
"""

from __future__ import annotations

import math

from ..builder import Kernel
from ..values import Vector
from .sweeps import each_number


def clip(k: Kernel, size: int, least: float | None, most: float | None) -> None:
    """``y[n, i] = min(max(x[n, i], least), most)``; None is no bound."""

    def number(x: Vector) -> Vector:
        y = x if least is None else x.maximum(k.constant(least, x.lanes))
        return y if most is None else y.minimum(k.constant(most, x.lanes))

    each_number(k, size, ("x",), "y", number)


def clip_grad_input(k: Kernel, size: int, least: float | None, most: float | None) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (least < y[n, i] < most ? 1 : 0)``"""
    lower, upper = -math.inf if least is None else least, math.inf if most is None else most
    each_number(k, size, ("y", "grad_output"), "grad_input", lambda y, grad: grad * _between(y, lower, upper, 1.0))


def hard_sigmoid(k: Kernel, size: int, alpha: float, beta: float) -> None:
    """``y[n, i] = min(max(alpha · x[n, i] + beta, 0), 1)``"""

    def number(x: Vector) -> Vector:
        line = x * k.constant(alpha, x.lanes) + k.constant(beta, x.lanes)
        return line.relu().minimum(k.constant(1.0, x.lanes))

    each_number(k, size, ("x",), "y", number)


def hard_sigmoid_grad_input(k: Kernel, size: int, alpha: float, beta: float) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (0 < y[n, i] < 1 ? alpha : 0)``"""
    each_number(k, size, ("y", "grad_output"), "grad_input", lambda y, grad: grad * _between(y, 0.0, 1.0, alpha))


def _between(y: Vector, lower: float, upper: float, inside: float) -> Vector:
    """Return ``lower < y < upper ? inside : 0``."""
    k, lanes = y.kernel, y.lanes
    within = (y > k.constant(lower, lanes)) & (y < k.constant(upper, lanes))
    return within.choose(k.constant(inside, lanes), k.zeros(lanes))


def hard_swish(k: Kernel, size: int) -> None:
    """``y[n, i] = x[n, i] · min(max(x[n, i]/6 + 1/2, 0), 1)``"""

    def number(x: Vector) -> Vector:
        one, half = k.constant(1.0, x.lanes), k.constant(0.5, x.lanes)
        return x * (x * k.constant(1 / 6, x.lanes) + half).relu().minimum(one)

    each_number(k, size, ("x",), "y", number)


def hard_swish_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (−3 < x[n, i] < 3 ? x[n, i]/3 + 1/2 : x[n, i] > 0 ? 1 : 0)``"""

    def number(x: Vector, grad: Vector) -> Vector:
        zero, three = k.zeros(x.lanes), k.constant(3.0, x.lanes)
        line = x * k.constant(1 / 3, x.lanes) + k.constant(0.5, x.lanes)
        outside = (x > zero).choose(k.constant(1.0, x.lanes), zero)
        return grad * ((x > -three) & (x < three)).choose(line, outside)

    each_number(k, size, ("x", "grad_output"), "grad_input", number)
