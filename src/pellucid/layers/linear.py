"""The fully connected layer, and the one that makes features of images."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import ArrayLike

from ..definitions.arrays import Array
from ..definitions.linear import (
    flatten,
    flatten_grad_input,
    linear,
    linear_grad_bias,
    linear_grad_input,
    linear_grad_weight,
)
from ..errors import ShapeError
from ..geometry import whole_number
from ..initializers import HeNormal, Initializer
from ..steps import Shape
from .base import Layer, LayerBuild
from .parameter import Parameter


class Linear(Layer):
    """A dense layer: every output is a weighted sum of all inputs.

    ``y[n, o] = bias[o] + Σ i  x[n, i] · weight[o, i]``

    Parameters
    ----------
    in_features, out_features : int
    bias : bool, default True
    initializer : Initializer, optional
        Of the weights, by default the network's, or else HeNormal(); the bias begins as zeros.

    Attributes
    ----------
    weight : Parameter (out_features, in_features)
    bias : Parameter (out_features,) or None

    Notes
    -----
    Shape: (N, in_features) -> (N, out_features).

    Examples
    --------
    >>> layer = Linear(2, 1)
    >>> layer.weight.data[...] = [[3, 4]]
    >>> layer.forward([[1, 10]])
    array([[43.]], dtype=float32)
    """

    stem = "linear"

    def __init__(
        self, in_features: int, out_features: int, *, bias: bool = True, initializer: Initializer | None = None
    ):
        super().__init__()
        self.in_features = whole_number(in_features, "in_features")
        self.out_features = whole_number(out_features, "out_features")
        self.weight = Parameter("weight", (self.out_features, self.in_features), initializer, default=HeNormal())
        self.bias = Parameter("bias", (self.out_features,)) if bias else None

    def output_shape(self, input_shape: Shape) -> Shape:
        expected, features = f"expects {self.in_features} features", math.prod(input_shape)
        if len(input_shape) == 0:
            raise ShapeError(expected, "single numbers", f"give a batch (N, {self.in_features})")
        if len(input_shape) > 1:
            other = "" if features == self.in_features else f" and use Linear({features}, …)"
            raise ShapeError(expected, f"shape {input_shape}", f"put Flatten() before it{other}")
        if features != self.in_features:
            raise ShapeError(expected, str(features), f"use Linear({features}, …)")
        return (self.out_features,)

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return linear(x, self.weight.data, None if self.bias is None else self.bias.data)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        self.weight.grad = linear_grad_weight(x, grad_output)
        if self.bias is not None:
            self.bias.grad = linear_grad_bias(grad_output)
        return linear_grad_input(grad_output, self.weight.data)

    def lower(self, build: LayerBuild, x: int) -> int:
        parameters = [self.weight] if self.bias is None else [self.weight, self.bias]
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("linear", [x, *map(build.parameter, parameters)], [y])
        return y

    def config(self) -> dict[str, Any]:
        return {"in_features": self.in_features, "out_features": self.out_features, "bias": self.bias is not None}


class Flatten(Layer):
    """Images as features: the same numbers in one row, channel by channel.

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C·H·W); or any other (N, …).

    Examples
    --------
    >>> Flatten().output_shape((16, 4, 4))
    (256,)
    """

    stem = "flatten"

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return flatten(x)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        return flatten_grad_input(grad_output, shape=x.shape[1:])

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("flatten", [x], [y])
        return y
