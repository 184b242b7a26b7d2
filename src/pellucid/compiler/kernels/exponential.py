"""Activations made of exponentials that came after the sigmoid, and their gradients. The formulas are those of
`definitions.exponential`.

Axes: n samples, i numbers of a sample in whatever order, p pixels, c channels, which are the last axis.
"""

from __future__ import annotations

import math

from .. import mathematics
from ..builder import Kernel
from ..values import Vector
from .rows import Part, Row
from .sweeps import each_number


def elu(k: Kernel, size: int, alpha: float) -> None:
    """``y[n, i] = x[n, i] > 0 ? x[n, i] : alpha · (exp(x[n, i]) − 1)``

    With ``t = tanh(x/2)`` it is ``exp(x) − 1 = 2·t / (1 − t)``, in which no digit is lost where x is small.
    """

    def number(x: Vector) -> Vector:
        one, half = k.constant(1.0, x.lanes), k.constant(0.5, x.lanes)
        t = mathematics.tanh(k, (x * half).rounded())
        return (x > k.zeros(x.lanes)).choose(x, t * k.constant(2 * alpha, x.lanes) / (one - t))

    each_number(k, size, ("x",), "y", number)


def elu_grad_input(k: Kernel, size: int, alpha: float) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (x[n, i] > 0 ? 1 : alpha · exp(x[n, i]))``"""

    def number(x: Vector, grad: Vector) -> Vector:
        below = mathematics.exp(k, x) * k.constant(alpha, x.lanes)
        return grad * (x > k.zeros(x.lanes)).choose(k.constant(1.0, x.lanes), below)

    each_number(k, size, ("x", "grad_output"), "grad_input", number)


def silu(k: Kernel, size: int) -> None:
    """``y[n, i] = x[n, i] · sigmoid(x[n, i])``"""
    each_number(k, size, ("x",), "y", lambda x: x * mathematics.sigmoid(k, x))


def silu_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · s · (1 + x[n, i] · (1 − s))``, with s = sigmoid(x[n, i])"""

    def number(x: Vector, grad: Vector) -> Vector:
        one, s = k.constant(1.0, x.lanes), mathematics.sigmoid(k, x)
        return grad * (s * (one + x * (one - s)))

    each_number(k, size, ("x", "grad_output"), "grad_input", number)


def softplus(k: Kernel, size: int) -> None:
    """``y[n, i] = max(x[n, i], 0) + log(1 + exp(−|x[n, i]|))``"""

    def number(x: Vector) -> Vector:
        z = mathematics.exp(k, (x.bits() | mathematics.SIGN).as_floats())
        return x.relu() + mathematics.log_one_plus(k, z)

    each_number(k, size, ("x",), "y", number)


def softplus_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · sigmoid(x[n, i])``"""
    inputs = "x", "grad_output"
    each_number(k, size, inputs, "grad_input", lambda x, grad: grad * mathematics.sigmoid(k, x))


def gelu(k: Kernel, size: int) -> None:
    """``y[n, i] = x[n, i] · Φ(x[n, i])``"""
    each_number(k, size, ("x",), "y", lambda x: x * mathematics.normal(k, x))


def gelu_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (Φ(x[n, i]) + x[n, i] · exp(−x[n, i]²/2) / √(2π))``"""

    def number(x: Vector, grad: Vector) -> Vector:
        density = (mathematics.bell(k, x) * k.constant(1 / math.sqrt(2 * math.pi), x.lanes)).rounded()
        return grad * (x * density + mathematics.normal(k, x))

    each_number(k, size, ("x", "grad_output"), "grad_input", number)


# ---- channels that compete
def log_softmax(k: Kernel, pixels: int, channels: int) -> None:
    """``y[n, p, c] = (x[n, p, c] − m) − log Σ j exp(x[n, p, j] − m)``, m the largest of the pixel's numbers"""
    images, row = k.piece("images", k.samples), Row(k, channels)
    x, y = k.tensor("x", k.samples, pixels, channels), k.tensor("y", k.samples, pixels, channels)

    with k.range(*images) as n, k.range(0, pixels) as p:
        largest = row.fold(lambda at: at.load(x, n, p, dead=-math.inf), Vector.maximum, -math.inf)

        def exponential(at: Part) -> Vector:
            return at.alive(mathematics.exp(k, at.load(x, n, p) - largest), 0.0)

        logarithm = mathematics.log(k, row.fold(exponential, Vector.__add__, 0.0))
        for at in row.parts():
            y.store((at.load(x, n, p) - largest) - logarithm, n, p, at.first, live=at.live)


def log_softmax_grad_input(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_input[n, p, c] = grad_output[n, p, c] − exp(y[n, p, c]) · Σ j grad_output[n, p, j]``"""
    images, row = k.piece("images", k.samples), Row(k, channels)
    y, grad_output = (k.tensor(name, k.samples, pixels, channels) for name in ("y", "grad_output"))
    grad_input = k.tensor("grad_input", k.samples, pixels, channels)

    with k.range(*images) as n, k.range(0, pixels) as p:
        whole = row.fold(lambda at: at.load(grad_output, n, p), Vector.__add__, 0.0)
        for at in row.parts():
            grad = at.load(grad_output, n, p) - mathematics.exp(k, at.load(y, n, p)) * whole
            grad_input.store(grad, n, p, at.first, live=at.live)
