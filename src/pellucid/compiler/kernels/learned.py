"""Steps that work number by number with what is learnt, and their gradients; the formulas are `definitions.learned`'s.

One number for all is that of the only channel: the kernels are told an image's numbers as so many pixels then.

Axes: n samples, p pixels, c channels. An image is seen as (samples, pixels · channels).
"""

from __future__ import annotations

from collections.abc import Callable

from ..builder import Kernel
from ..values import Integer, Vector
from .channels import Numbers, each_vector
from .sums import chained, channel_sums


def prelu(k: Kernel, pixels: int, channels: int) -> None:
    """``y[n, p, c] = x[n, p, c] > 0 ? x[n, p, c] : weight[c] · x[n, p, c]``"""
    _with_numbers(k, pixels, channels, ("x", "weight"), "y", lambda x, weight: _sloped(x, x, weight))


def prelu_grad_input(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_input[n, p, c] = x[n, p, c] > 0 ? grad_output[n, p, c] : weight[c] · grad_output[n, p, c]``"""
    _with_numbers(k, pixels, channels, ("x", "weight", "grad_output"), "grad_input", _sloped_gradient)


def prelu_grad_weight(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_weight[c] += Σ n, p  grad_output[n, p, c] · min(x[n, p, c], 0)``"""

    def term(x: Vector, grad: Vector) -> Vector:
        return grad * x.minimum(k.zeros(x.lanes))

    _grad_weight(k, pixels, channels, term)


def _sloped(x: Vector, number: Vector, weight: Vector) -> Vector:
    return (x > x.kernel.zeros(x.lanes)).choose(number, number * weight)


def _sloped_gradient(x: Vector, weight: Vector, grad: Vector) -> Vector:
    return _sloped(x, grad, weight)


def bias(k: Kernel, pixels: int, channels: int) -> None:
    """``y[n, p, c] = x[n, p, c] + bias[c]``"""
    _with_numbers(k, pixels, channels, ("x", "bias"), "y", lambda x, bias: x + bias)


def bias_grad_bias(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_bias[c] += Σ n, p  grad_output[n, p, c]``"""
    images = k.piece("images", k.samples)
    grad_output, grad_bias = k.tensor("grad_output", k.samples, pixels * channels), k.tensor("grad_bias", channels)
    channel_sums(k, images, grad_output, grad_bias, pixels, channels)


def gain(k: Kernel, pixels: int, channels: int) -> None:
    """``y[n, p, c] = x[n, p, c] · weight[c]``"""
    _with_numbers(k, pixels, channels, ("x", "weight"), "y", lambda x, weight: x * weight)


def gain_grad_input(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_input[n, p, c] = grad_output[n, p, c] · weight[c]``"""
    _with_numbers(k, pixels, channels, ("grad_output", "weight"), "grad_input", lambda grad, weight: grad * weight)


def gain_grad_weight(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_weight[c] += Σ n, p  grad_output[n, p, c] · x[n, p, c]``"""
    _grad_weight(k, pixels, channels, lambda x, grad: grad * x)


def scale_and_shift(k: Kernel, pixels: int, channels: int) -> None:
    """``y[n, p, c] = weight[c] · x[n, p, c] + bias[c]``"""
    of_channels = ("weight", "bias")
    _with_numbers(
        k, pixels, channels, ("x", *of_channels), "y", lambda x, weight, bias: weight * x + bias, len(of_channels)
    )


# ---- what they have in common
def _with_numbers(
    k: Kernel, pixels: int, channels: int, inputs: tuple[str, ...], output: str, number: Callable[..., Vector],
    count: int = 1,
) -> None:  # fmt: skip
    """``output[n, p, c] = number(input[n, p, c], learnt[c], …)``: the second input is what is learnt, or so many."""
    learnt = range(1, 1 + count)
    images = k.piece("images", k.samples)
    tensors = [
        k.tensor(name, channels) if place in learnt else k.tensor(name, k.samples, pixels * channels)
        for place, name in enumerate(inputs)
    ]
    result = k.tensor(output, k.samples, pixels * channels)

    def numbers(c: Integer, lanes: int, live: int) -> Numbers:
        return tuple(tensors[place].load(c, lanes=lanes, live=live) for place in learnt)

    def step(n: Integer, at: Integer, numbers: Numbers) -> None:
        lanes = numbers[0].lanes
        loaded = [
            numbers[place - 1] if place in learnt else tensor.load(n, at, lanes=lanes)
            for place, tensor in enumerate(tensors)
        ]
        result.store(number(*loaded), n, at)

    each_vector(k, images, pixels, channels, numbers, step)


def _grad_weight(k: Kernel, pixels: int, channels: int, term: Callable[[Vector, Vector], Vector]) -> None:
    """``grad_weight[c] += Σ p  term(x[n, p, c], grad_output[n, p, c])``, one sample n after the other"""
    images = k.piece("images", k.samples)
    x, grad_output = (k.tensor(name, k.samples, pixels * channels) for name in ("x", "grad_output"))
    grad_weight = k.tensor("grad_weight", channels)
    for chains in chained(k, pixels, channels):
        lanes = chains.lanes
        with k.range(*images) as n:

            def number(at: Integer, v: int, live: int, n: Integer = n, lanes: int = lanes) -> Vector:
                return term(*(tensor.load(n, at, lanes=lanes, live=live) for tensor in (x, grad_output)))

            for (c, live), total in zip(chains.columns, chains.sums(number), strict=True):
                grad_weight.store(grad_weight.load(c, lanes=lanes, live=live) + total, c, live=live)
