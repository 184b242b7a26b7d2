"""Steps that work number by number, their gradients, the joining of paths and the padding of channels. The formulas are
those of `definitions.pointwise`.

Axes: n samples, i numbers of a sample in whatever order, p pixels, c channels, which are the last axis.
"""

from __future__ import annotations

import math

from .. import mathematics
from ..builder import Kernel
from ..values import Vector
from .rows import Part, Row
from .sweeps import between_zeros, copy
from .sweeps import each_number as _each


# ---- activations
def relu(k: Kernel, size: int) -> None:
    """``y[n, i] = 0 > x[n, i] ? 0 : x[n, i]``"""
    _each(k, size, ("x",), "y", Vector.relu)


def relu_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (y[n, i] > 0 ? 1 : 0)``"""

    def number(y: Vector, grad: Vector) -> Vector:
        zero = k.zeros(y.lanes)
        return grad * (y > zero).choose(k.constant(1.0, y.lanes), zero)

    _each(k, size, ("y", "grad_output"), "grad_input", number)


def leaky_relu(k: Kernel, size: int, negative_slope: float) -> None:
    """``y[n, i] = x[n, i] > 0 ? x[n, i] : negative_slope · x[n, i]``"""
    _each(k, size, ("x",), "y", lambda x: _leaky(x, x, negative_slope))


def leaky_relu_grad_input(k: Kernel, size: int, negative_slope: float) -> None:
    """``grad_input[n, i] = x[n, i] > 0 ? grad_output[n, i] : negative_slope · grad_output[n, i]``"""
    _each(k, size, ("x", "grad_output"), "grad_input", lambda x, grad: _leaky(x, grad, negative_slope))


def _leaky(x: Vector, number: Vector, slope: float) -> Vector:
    k = x.kernel
    return (x > k.zeros(x.lanes)).choose(number, number * k.constant(slope, x.lanes))


def relu6(k: Kernel, size: int) -> None:
    """``y[n, i] = min(max(x[n, i], 0), 6)``"""
    _each(k, size, ("x",), "y", lambda x: x.relu().minimum(k.constant(6.0, x.lanes)))


def relu6_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (0 < y[n, i] < 6 ? 1 : 0)``"""

    def number(y: Vector, grad: Vector) -> Vector:
        zero, six = k.zeros(y.lanes), k.constant(6.0, y.lanes)
        return grad * ((y > zero) & (y < six)).choose(k.constant(1.0, y.lanes), zero)

    _each(k, size, ("y", "grad_output"), "grad_input", number)


def sigmoid(k: Kernel, size: int) -> None:
    """``y[n, i] = (x < 0 ? e^−|x| : 1) / (1 + e^−|x|)``, with x = x[n, i]: no e can overflow."""

    _each(k, size, ("x",), "y", lambda x: mathematics.sigmoid(k, x))


def sigmoid_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · y[n, i] · (1 − y[n, i])``"""

    def number(y: Vector, grad: Vector) -> Vector:
        return (grad * y).rounded() * (k.constant(1.0, y.lanes) - y)

    _each(k, size, ("y", "grad_output"), "grad_input", number)


def tanh(k: Kernel, size: int) -> None:
    """``y[n, i] = tanh(x[n, i])``"""
    _each(k, size, ("x",), "y", lambda x: mathematics.tanh(k, x))


def tanh_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (1 − y[n, i]) · (1 + y[n, i])``: near ±1 squares would lose digits"""

    def number(y: Vector, grad: Vector) -> Vector:
        one = k.constant(1.0, y.lanes)
        return grad * ((one - y) * (one + y))

    _each(k, size, ("y", "grad_output"), "grad_input", number)


# ---- channels that compete
def softmax(k: Kernel, pixels: int, channels: int) -> None:
    """``y[n, p, c] = exp(x[n, p, c] − m) / Σ j exp(x[n, p, j] − m)``, m the largest of the pixel's numbers"""
    images, row = k.piece("images", k.samples), Row(k, channels)
    x, y = k.tensor("x", k.samples, pixels, channels), k.tensor("y", k.samples, pixels, channels)

    with k.range(*images) as n, k.range(0, pixels) as p:
        largest = row.fold(lambda at: at.load(x, n, p, dead=-math.inf), Vector.maximum, -math.inf)

        def exponential(at: Part) -> Vector:
            z = mathematics.exp(k, at.load(x, n, p) - largest)
            y.store(z, n, p, at.first, live=at.live)
            return at.alive(z, 0.0)

        whole = row.fold(exponential, Vector.__add__, 0.0)
        for at in row.parts():
            y.store(at.load(y, n, p) / whole, n, p, at.first, live=at.live)


def softmax_grad_input(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_input[n, p, c] = y[n, p, c] · (grad_output[n, p, c] − Σ j grad_output[n, p, j] · y[n, p, j])``"""
    images, row = k.piece("images", k.samples), Row(k, channels)
    y, grad_output = (k.tensor(name, k.samples, pixels, channels) for name in ("y", "grad_output"))
    grad_input = k.tensor("grad_input", k.samples, pixels, channels)

    with k.range(*images) as n, k.range(0, pixels) as p:
        whole = row.fold(lambda at: at.load(grad_output, n, p) * at.load(y, n, p), Vector.__add__, 0.0)
        for at in row.parts():
            grad = at.load(y, n, p) * (at.load(grad_output, n, p) - whole)
            grad_input.store(grad, n, p, at.first, live=at.live)


# ---- paths that meet, and channels of zeros
def add(k: Kernel, size: int, relu: bool = False) -> None:
    """``y[n, i] = a[n, i] + b[n, i]``, passed through a ReLU on its way to memory where `relu` says so."""
    _each(k, size, ("a", "b"), "y", lambda a, b: (a + b).relu() if relu else a + b)


def concat(k: Kernel, pixels: int, channels: tuple[int, ...]) -> None:
    """``y[n, p, start + c] = part[n, p, c]``, for parts of so many `channels` one after the other"""
    images = k.piece("images", k.samples)
    parts = [k.tensor(f"part{number}", k.samples, pixels, size) for number, size in enumerate(channels)]
    y = k.tensor("y", k.samples, pixels, sum(channels))
    with k.range(*images) as n, k.range(0, pixels) as p:
        for number, part in enumerate(parts):
            copy(k, channels[number], part.at(n, p), 0, y.at(n, p), sum(channels[:number]))


def concat_grad_input(k: Kernel, pixels: int, channels: int, start: int, stop: int) -> None:
    """``grad_input[n, p, c] = grad_output[n, p, start + c]``, for one part of all `channels`"""
    images = k.piece("images", k.samples)
    grad_output = k.tensor("grad_output", k.samples, pixels, channels)
    grad_input = k.tensor("grad_input", k.samples, pixels, stop - start)
    with k.range(*images) as n, k.range(0, pixels) as p:
        copy(k, stop - start, grad_output.at(n, p), start, grad_input.at(n, p), 0)


def pad_channels(k: Kernel, pixels: int, channels: int, before: int, after: int) -> None:
    """``y[n, p, before + c] = x[n, p, c]``, and 0 in the channels around"""
    images = k.piece("images", k.samples)
    x = k.tensor("x", k.samples, pixels, channels)
    y = k.tensor("y", k.samples, pixels, before + channels + after)
    with k.range(*images) as n, k.range(0, pixels) as p:
        between_zeros(k, x.at(n, p), channels, y.at(n, p), before, after)
