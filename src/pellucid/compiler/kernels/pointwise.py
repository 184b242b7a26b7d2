"""Steps that work number by number, their gradients, the joining of paths and the padding of channels. The formulas are
those of `definitions.pointwise`.

Axes: n samples, i numbers of a sample in whatever order, p pixels, c channels, which are the last axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from .. import mathematics
from ..builder import Kernel
from ..tensors import Tensor
from ..values import Integer, Vector
from .rows import Part, Row
from .sweeps import between_zeros, copy, each_number, lanes_within, sweep


# ---- activations
def relu(k: Kernel, size: int) -> None:
    """``y[n, i] = 0 > x[n, i] ? 0 : x[n, i]``"""
    each_number(k, size, ("x",), "y", Vector.relu)


def relu_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (y[n, i] > 0 ? 1 : 0)``"""

    def number(y: Vector, grad: Vector) -> Vector:
        zero = k.zeros(y.lanes)
        return grad * (y > zero).choose(k.constant(1.0, y.lanes), zero)

    each_number(k, size, ("y", "grad_output"), "grad_input", number)


def leaky_relu(k: Kernel, size: int, negative_slope: float) -> None:
    """``y[n, i] = x[n, i] > 0 ? x[n, i] : negative_slope · x[n, i]``"""
    each_number(k, size, ("x",), "y", lambda x: _leaky(x, x, negative_slope))


def leaky_relu_grad_input(k: Kernel, size: int, negative_slope: float) -> None:
    """``grad_input[n, i] = x[n, i] > 0 ? grad_output[n, i] : negative_slope · grad_output[n, i]``"""
    each_number(k, size, ("x", "grad_output"), "grad_input", lambda x, grad: _leaky(x, grad, negative_slope))


def _leaky(x: Vector, number: Vector, slope: float) -> Vector:
    k = x.kernel
    return (x > k.zeros(x.lanes)).choose(number, number * k.constant(slope, x.lanes))


def relu6(k: Kernel, size: int) -> None:
    """``y[n, i] = min(max(x[n, i], 0), 6)``"""
    each_number(k, size, ("x",), "y", lambda x: x.relu().minimum(k.constant(6.0, x.lanes)))


def relu6_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (0 < y[n, i] < 6 ? 1 : 0)``"""

    def number(y: Vector, grad: Vector) -> Vector:
        zero, six = k.zeros(y.lanes), k.constant(6.0, y.lanes)
        return grad * ((y > zero) & (y < six)).choose(k.constant(1.0, y.lanes), zero)

    each_number(k, size, ("y", "grad_output"), "grad_input", number)


def sigmoid(k: Kernel, size: int) -> None:
    """``y[n, i] = (x < 0 ? e^−|x| : 1) / (1 + e^−|x|)``, with x = x[n, i]: no e can overflow."""

    each_number(k, size, ("x",), "y", lambda x: mathematics.sigmoid(k, x))


def sigmoid_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · y[n, i] · (1 − y[n, i])``"""

    def number(y: Vector, grad: Vector) -> Vector:
        return (grad * y).rounded() * (k.constant(1.0, y.lanes) - y)

    each_number(k, size, ("y", "grad_output"), "grad_input", number)


def tanh(k: Kernel, size: int) -> None:
    """``y[n, i] = tanh(x[n, i])``"""
    each_number(k, size, ("x",), "y", lambda x: mathematics.tanh(k, x))


def tanh_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · (1 − y[n, i]) · (1 + y[n, i])``: near ±1 squares would lose digits"""

    def number(y: Vector, grad: Vector) -> Vector:
        one = k.constant(1.0, y.lanes)
        return grad * ((one - y) * (one + y))

    each_number(k, size, ("y", "grad_output"), "grad_input", number)


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
    each_number(k, size, ("a", "b"), "y", lambda a, b: (a + b).relu() if relu else a + b)


def multiply(k: Kernel, size: int) -> None:
    """``y[n, i] = a[n, i] · b[n, i]``"""
    each_number(k, size, ("a", "b"), "y", lambda a, b: (a * b).rounded())


def multiply_grad_input(k: Kernel, size: int) -> None:
    """``grad_input[n, i] = grad_output[n, i] · other[n, i]``"""
    each_number(k, size, ("grad_output", "other"), "grad_input", lambda grad, other: (grad * other).rounded())


def broadcast(k: Kernel, shape: tuple[int, ...], small: tuple[int, ...]) -> None:
    """``y[n, p, c] = x[n, p′, c′]``, for y of a `shape` and x of a `small` one, channels first: an index is 0 along the
    axes where x has length 1"""
    images, (channels, *size), (own, *own_size) = k.piece("images", k.samples), shape, small
    x, y = k.tensor("x", k.samples, math.prod(own_size), own), k.tensor("y", k.samples, math.prod(size), channels)
    lanes = lanes_within(channels, k.isa.lanes)
    with k.range(*images) as n, ExitStack() as loops:
        places: list[Integer] = [loops.enter_context(k.range(0, length)) for length in size]
        read = [place if b > 1 else 0 for place, b in zip(places, own_size, strict=True)]
        source = x.at(n, _number(read, own_size))
        target = y.at(n, _number(places, size))
        if own == channels:
            copy(k, channels, source, 0, target, 0)
        else:
            for c in sweep(k, channels, lanes):
                target.store(source.splat(0, lanes=lanes), c)


def broadcast_grad_input(k: Kernel, shape: tuple[int, ...], small: tuple[int, ...]) -> None:
    """``grad_input[n, p′, c′] = Σ grad_output[n, p, c]`` over all that x's number was repeated to: along the last
    repeated axis of pixels in chains of their own, over channels as `rows` says"""
    images, (channels, *size), (own, *own_size) = k.piece("images", k.samples), shape, small
    grad_output = k.tensor("grad_output", k.samples, math.prod(size), channels)
    grad_input = k.tensor("grad_input", k.samples, math.prod(own_size), own)
    repeated = [axis for axis, (a, b) in enumerate(zip(own_size, size, strict=True)) if a != b]
    row = Row(k, channels)

    def total(places: Sequence[Integer], number: Callable[[Sequence[Integer]], Vector], lanes: int) -> Vector:
        """Return the sum of a number over the repeated axes."""
        if not repeated:
            return number(places)
        sums = k.registers(["all", "line"], 1, lanes)
        sums["all", 0] = k.zeros(lanes)
        with ExitStack() as loops:
            at = list(places)
            for axis in repeated[:-1]:
                at[axis] = loops.enter_context(k.range(0, size[axis]))
            sums["line", 0] = k.zeros(lanes)
            with k.range(0, size[repeated[-1]]) as last:
                at[repeated[-1]] = last
                sums["line", 0] += number(at)
            sums["all", 0] += sums["line", 0]
        return sums["all", 0]

    with k.range(*images) as n, ExitStack() as loops:
        places: list[Integer] = [loops.enter_context(k.range(0, length)) for length in own_size]
        target = _number(places, own_size)
        if own == channels:
            for part in row.parts():
                load = partial(_of_pixel, part, grad_output, n, size)
                grad_input.store(total(places, load, part.lanes), n, target, part.first, live=part.live)
        else:

            def folded(at: Sequence[Integer]) -> Vector:
                return row.fold(lambda part: _of_pixel(part, grad_output, n, size, at), Vector.__add__, 0.0).lane(0)

            grad_input.store(total(places, folded, 1), n, target, 0)


def _of_pixel(part: Part, x: Tensor, n: Integer, size: Sequence[int], places: Sequence[Integer]) -> Vector:
    """Return neighbouring numbers of a pixel."""
    return part.load(x, n, _number(places, size))


def _number(places: Sequence[Integer], size: Sequence[int]) -> Integer:
    """Return the number of a pixel, from its places along the axes."""
    number: Integer = 0
    for place, length in zip(places, size, strict=True):
        number = number * length + place
    return number


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
