"""Normalisation layers that look at one sample at a time: `LayerNorm` and `GroupNorm`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from ..arguments import number
from ..definitions.arrays import Array
from ..definitions.learned import bias_grad_bias, gain_grad_weight
from ..definitions.standardize import (
    scale_and_shift,
    scale_and_shift_grad_bias,
    scale_and_shift_grad_input,
    scale_and_shift_grad_weight,
    standardize,
    standardize_grad_input,
)
from ..errors import ArgumentError, ShapeError
from ..geometry import whole_number
from ..initializers import Constant
from ..steps import Shape
from .axes import whole_numbers
from .base import Layer, LayerBuild
from .parameter import Parameter


class LayerNorm(Layer):
    """What the last axes of a sample hold gets mean 0 and variance 1, then a learnt scale and shift.

    ``y = weight · (x − mean) / √(variance + eps) + bias``

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The sizes of the last axes, over which mean and variance are taken.
    eps : float, default 1e-5
    elementwise_affine : bool, default True
        Whether there are a weight and a bias.
    bias : bool, default True
        Whether there is a bias, if there is a weight.

    Attributes
    ----------
    weight, bias : Parameter of `normalized_shape`, or None
        Begin as 1 and 0.

    Notes
    -----
    Shape: (N, …, *normalized_shape), unchanged. In a compiled network it runs in NumPy.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization", 2016.

    Examples
    --------
    >>> LayerNorm(2, eps=0.75).forward([[1, 2]])
    array([[-0.5,  0.5]], dtype=float32)
    """

    stem = "layer_norm"

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        *,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ):
        super().__init__()
        sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        self.normalized_shape = whole_numbers(
            sizes, "normalized_shape", fix="write LayerNorm(64), or LayerNorm((8, 8))"
        )
        self.eps = number(eps, "eps", "a number above 0")
        self.weight = Parameter("weight", self.normalized_shape, Constant(1.0)) if elementwise_affine else None
        self.bias = Parameter("bias", self.normalized_shape) if elementwise_affine and bias else None

    def output_shape(self, input_shape: Shape) -> Shape:
        if input_shape[-len(self.normalized_shape) :] != self.normalized_shape:
            fix = "LayerNorm is over the last axes; for the channels of images use GroupNorm, or Transpose before"
            raise ShapeError(f"normalises samples that end with {self.normalized_shape}", str(input_shape), fix)
        return input_shape

    def _runs(self, shape: Shape) -> int:
        return math.prod(shape[: len(shape) - len(self.normalized_shape)])

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        y = standardize(x, runs=self._runs(x.shape[1:]), eps=self.eps)
        y = y if self.weight is None else y * self.weight.data
        return y if self.bias is None else y + self.bias.data

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad = self.remembered(grad_output)
        runs = self._runs(x.shape[1:])
        if self.bias is not None:
            self.bias.grad = bias_grad_bias(grad, shape=self.normalized_shape)
        if self.weight is not None:
            self.weight.grad = gain_grad_weight(
                standardize(x, runs=runs, eps=self.eps), grad, shape=self.normalized_shape
            )
            grad = grad * self.weight.data
        return standardize_grad_input(x, grad, runs=runs, eps=self.eps)

    def lower(self, build: LayerBuild, x: int) -> int:
        shape = self.output_shape(build.shape(x))
        y = build.activation(shape, "output" if self.weight is None else "normal")
        build.step("standardize", [x], [y], runs=self._runs(shape), eps=self.eps)
        for kind, parameter in (("multiply_parameter", self.weight), ("add_parameter", self.bias)):
            if parameter is not None:
                last = kind == "add_parameter" or self.bias is None
                before, y = y, build.activation(shape, "output" if last else "scaled")
                build.step(kind, [before, build.parameter(parameter)], [y])
        return y

    def config(self) -> dict[str, Any]:
        return {
            "normalized_shape": self.normalized_shape,
            "eps": self.eps,
            "elementwise_affine": self.weight is not None,
            "bias": self.bias is not None or self.weight is None,
        }


class GroupNorm(Layer):
    """Groups of channels of a sample get mean 0 and variance 1, then every channel a learnt scale and shift.

    ``y[c] = weight[c] · (x[c] − mean) / √(variance + eps) + bias[c]``, mean and variance of c's group

    With one group it normalises a whole sample; with as many as there are channels it is instance normalisation.

    Parameters
    ----------
    num_groups, num_channels : int
        The groups are equally many channels, one after the other.
    eps : float, default 1e-5
    affine : bool, default True
        Whether there are a weight and a bias.

    Attributes
    ----------
    weight, bias : Parameter (num_channels,), or None
        Begin as 1 and 0.

    Notes
    -----
    Shape: (N, C, …), unchanged. In a compiled network it normalises in NumPy, and scales by a kernel.

    References
    ----------
    Y. Wu and K. He, "Group Normalization", 2018.

    Examples
    --------
    >>> GroupNorm(2, 6).output_shape((6, 8, 8))
    (6, 8, 8)
    """

    stem = "group_norm"

    def __init__(self, num_groups: int, num_channels: int, *, eps: float = 1e-5, affine: bool = True):
        super().__init__()
        self.num_groups = whole_number(num_groups, "num_groups")
        self.num_channels = whole_number(num_channels, "num_channels")
        if self.num_channels % self.num_groups:
            raise ArgumentError(
                f"num_groups: expected a divisor of num_channels = {self.num_channels}, received {self.num_groups}"
            )
        self.eps = number(eps, "eps", "a number above 0")
        self.weight = Parameter("weight", (self.num_channels,), Constant(1.0)) if affine else None
        self.bias = Parameter("bias", (self.num_channels,)) if affine else None

    def output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape or input_shape[0] != self.num_channels:
            found = f"{input_shape[0]}: {input_shape}" if input_shape else "none"
            raise ShapeError(f"expects {self.num_channels} channels", found)
        return input_shape

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        y = standardize(x, runs=self.num_groups, eps=self.eps)
        return y if self.weight is None or self.bias is None else scale_and_shift(y, self.weight.data, self.bias.data)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad = self.remembered(grad_output)
        runs = self.num_groups
        if self.weight is not None and self.bias is not None:
            self.bias.grad = scale_and_shift_grad_bias(grad)
            self.weight.grad = scale_and_shift_grad_weight(standardize(x, runs=runs, eps=self.eps), grad)
            grad = scale_and_shift_grad_input(grad, self.weight.data)
        return standardize_grad_input(x, grad, runs=runs, eps=self.eps)

    def lower(self, build: LayerBuild, x: int) -> int:
        shape = self.output_shape(build.shape(x))
        normal = build.activation(shape, "output" if self.weight is None else "normal")
        build.step("standardize", [x], [normal], runs=self.num_groups, eps=self.eps)
        if self.weight is None or self.bias is None:
            return normal
        y = build.activation(shape)
        build.step("scale_and_shift", [normal, build.parameter(self.weight), build.parameter(self.bias)], [y])
        return y

    def config(self) -> dict[str, Any]:
        return {
            "num_groups": self.num_groups,
            "num_channels": self.num_channels,
            "eps": self.eps,
            "affine": self.weight is not None,
        }
