"""Layers that work number by number with what they learn: the slopes of PReLU, what is added, what multiplies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import number
from ..definitions.arrays import Array
from ..definitions.learned import (
    bias,
    bias_grad_bias,
    gain,
    gain_grad_input,
    gain_grad_weight,
    prelu,
    prelu_grad_input,
    prelu_grad_weight,
)
from ..errors import ArgumentError, ShapeError
from ..geometry import whole_number
from ..initializers import Constant
from ..steps import Shape
from .base import Layer, LayerBuild
from .parameter import Parameter


class PReLU(Layer):
    """A ReLU that learns its slope below 0: ``y = x where x > 0, else weight · x``; at 0 the derivative is weight.

    Parameters
    ----------
    num_parameters : int, default 1
        1, one slope for all, or the number of channels, a slope for each.
    init : float, default 0.25
        The slopes at the beginning.

    Attributes
    ----------
    weight : Parameter (num_parameters,)

    Notes
    -----
    Shape: (N, C, H, W), or features (N, F), unchanged.

    References
    ----------
    K. He et al., "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet Classification", 2015.

    Examples
    --------
    >>> PReLU().forward([[-2, 3]])
    array([[-0.5,  3. ]], dtype=float32)
    """

    stem = "prelu"

    def __init__(self, num_parameters: int = 1, *, init: float = 0.25):
        super().__init__()
        self.num_parameters = whole_number(num_parameters, "num_parameters")
        self.init = number(init, "init")
        self.weight = Parameter("weight", (self.num_parameters,), Constant(self.init))

    def output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ShapeError("expects an axis of channels or features beside the batch", "none")
        if self.num_parameters not in (1, input_shape[0]):
            fix = f"use PReLU({input_shape[0]}), or PReLU() with one slope for all"
            raise ShapeError(f"has a slope for each of {self.num_parameters} channels", str(input_shape[0]), fix)
        return input_shape

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return prelu(x, self.weight.data)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        self.weight.grad = prelu_grad_weight(x, grad_output, shape=(self.num_parameters,))
        return prelu_grad_input(x, self.weight.data, grad_output)

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("prelu", [x, build.parameter(self.weight)], [y])
        return y

    def config(self) -> dict[str, Any]:
        return {"num_parameters": self.num_parameters, "init": self.init}


class Bias(Layer):
    """Adds numbers that it learns: ``y = x + bias``.

    Parameters
    ----------
    shape : int or tuple of int
        Of the numbers. As in NumPy they are stretched to a sample's shape, which must stay as it is: (C, 1, 1) is one
        number a channel of images, (F,) one a feature, 1 one for all, (1, H, W) one a pixel.

    Attributes
    ----------
    bias : Parameter of `shape`
        Begins as 0.

    Notes
    -----
    Shape: (N, …), unchanged. In a compiled network one number a channel, or one for all, is added by a kernel; other
    shapes run in NumPy.

    Examples
    --------
    >>> Bias((3, 1, 1)).output_shape((3, 8, 8))
    (3, 8, 8)
    """

    stem = "bias"

    def __init__(self, shape: int | Sequence[int]):
        super().__init__()
        self.shape = _shape(shape)
        self.bias = Parameter("bias", self.shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        return _stretched(self.shape, input_shape)

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return bias(x, self.bias.data)

    def backward(self, grad_output: ArrayLike) -> Array:
        _, grad_output = self.remembered(grad_output)
        self.bias.grad = bias_grad_bias(grad_output, shape=self.shape)
        return grad_output.copy()

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        kind = "bias" if _of_channels(self.shape, build.shape(x)) else "add_parameter"
        build.step(kind, [x, build.parameter(self.bias)], [y])
        return y

    def config(self) -> dict[str, Any]:
        return {"shape": self.shape}


class Gain(Layer):
    """Multiplies with numbers that it learns: ``y = x · weight``.

    Parameters
    ----------
    shape : int or tuple of int
        Of the numbers, as for `Bias`.

    Attributes
    ----------
    weight : Parameter of `shape`
        Begins as 1.

    Notes
    -----
    Shape: (N, …), unchanged. In a compiled network one number a channel, or one for all, is multiplied by a kernel;
    other shapes run in NumPy.

    Examples
    --------
    >>> Gain(2).forward([[3, 4]])
    array([[3., 4.]], dtype=float32)
    """

    stem = "gain"

    def __init__(self, shape: int | Sequence[int]):
        super().__init__()
        self.shape = _shape(shape)
        self.weight = Parameter("weight", self.shape, Constant(1.0))

    def output_shape(self, input_shape: Shape) -> Shape:
        return _stretched(self.shape, input_shape)

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return gain(x, self.weight.data)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        self.weight.grad = gain_grad_weight(x, grad_output, shape=self.shape)
        return gain_grad_input(grad_output, self.weight.data)

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        kind = "gain" if _of_channels(self.shape, build.shape(x)) else "multiply_parameter"
        build.step(kind, [x, build.parameter(self.weight)], [y])
        return y

    def config(self) -> dict[str, Any]:
        return {"shape": self.shape}


def _shape(value: object) -> Shape:
    sizes = value if isinstance(value, (tuple, list)) else (value,)
    if not sizes:
        raise ArgumentError("shape: expected at least one number, received (); use 1 for one number for all")
    return tuple(whole_number(size, "shape") for size in sizes)


def _stretched(shape: Shape, sample: Shape) -> Shape:
    """Return a sample's shape, or refuse with a ShapeError one that `shape` is not stretched to, or would stretch."""
    try:
        fits = np.broadcast_shapes(shape, sample) == sample
    except ValueError:
        fits = False
    if not fits:
        fix = "give one number a channel, as (C, 1, 1) or (F,), or one for all, as 1"
        raise ShapeError(f"has numbers of shape {shape}, which must stretch to a sample's shape", str(sample), fix)
    return sample


def _of_channels(shape: Shape, sample: Shape) -> bool:
    """Return whether numbers of this shape are one for each channel of a sample, or one for all."""
    whole = (1,) * (len(sample) - len(shape)) + shape
    return all(size == 1 for size in whole[1:])
