"""Operators with weights: convolutions, products with matrices, normalisation, PRelu."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import Sides
from ...layers import (
    BatchNorm2d,
    Conv2d,
    Linear,
    LocalResponseNorm,
    Pad,
    Parameter,
    PReLU,
    Reshape,
    Transpose,
    joins,
)
from ...steps import Shape
from . import phrases
from .conversion import Conversion, Rule, floats, of_sample
from .nodes import TRAINING, Constant, NodeError, Part, Use, Value
from .rules_windows import places


def as_it_is(array: NDArray[Any]) -> NDArray[Any]:
    """For parameters that are as they are in the model."""
    return array


def conv(build: Conversion, use: Use) -> Value:
    """`Conv2d`; a Pad of zeros before it becomes its padding."""
    x, weight, bias = use.value(), use.constant(1, "the weights"), use.optional(2, "the bias")
    shape = weight.array.shape
    if len(shape) != 4:
        raise NodeError(f"expected weights (filters, channels, height, width), found the shape {shape}")
    groups = use.whole("group", 1)
    kernel = use.wholes("kernel_shape")
    if kernel not in (None, shape[2:]):
        raise NodeError(f"expected the kernel_shape of the weights {shape[2:]}, found {kernel}")
    settings = places(use, x.shape, shape[2:])
    if isinstance(pad := build.before(x), Pad):
        x, settings["padding"] = _with_padding(build, x, pad, settings["padding"])
    layer = Conv2d(shape[1] * groups, shape[0], shape[2:], groups=groups, bias=bias is not None, **settings)
    build.learn(layer, "weight", weight, as_it_is, "as it is")
    if bias is not None:
        build.learn(layer, "bias", bias, as_it_is, "as it is")
    return build.layer(layer, x)


def _with_padding(build: Conversion, x: Value, pad: Pad, padding: Any) -> tuple[Value, Any]:
    """Return what a Pad read, and the padding with what it added; or all as it is, where that is not the same."""
    zeros = pad.mode == "constant" and pad.value == 0
    if not zeros or padding == "same" or len(pad.before) != 3 or pad.before[0] or pad.after[0]:
        return x, padding
    sides: Sides = (
        (padding[0][0] + pad.before[1], padding[0][1] + pad.after[1]),
        (padding[1][0] + pad.before[2], padding[1][1] + pad.after[2]),
    )
    return build.take_back(x), sides


def gemm(build: Conversion, use: Use) -> Value:
    """`Linear`; alpha and beta become part of the weights and the bias."""
    x, weight, bias = use.value(), use.constant(1, "the matrix"), use.optional(2, "what is added")
    alpha, beta, turned = use.real("alpha", 1.0), use.real("beta", 1.0), use.switch("transB")
    if use.opset < 7:
        use.switch("broadcast")
    if use.switch("transA"):
        raise NodeError("transA turns the samples into features")
    if weight.array.ndim != 2 or len(x.shape) != 1:
        raise NodeError(f"expected (N, features) times a matrix, found (N, {_sizes(x)}) times {weight.array.shape}")
    layer = _linear(build, weight, "as it is" if turned else "turned", alpha)
    value = build.layer(layer, x)
    if bias is None or beta == 0:
        return value
    outputs = layer.out_features
    if bias.array.ndim > 2 or bias.array.shape not in ((), (1,), (outputs,), (1, 1), (1, outputs)):
        raise NodeError(f"adds numbers of shape {bias.array.shape}, which are not one for each of {outputs} outputs")
    give_bias(layer)
    build.learn(
        layer, "bias", bias, lambda numbers: beta * np.broadcast_to(numbers.ravel(), (outputs,)), f"times {beta}"
    )
    return value


def matmul(build: Conversion, use: Use) -> Value | Part:
    """`Linear`, of features and a constant matrix; an Add after it becomes the bias. Along the last of several axes a
    1×1 `Conv2d`, between two `Transpose`. Of two values `joins.MatMul`."""
    if (found := phrases.means(build, use)) is not None:
        return found
    if isinstance(use.input(0), Constant):
        raise NodeError("multiplies a constant by what the network computes; only the other way round can be a layer")
    x, other = use.value(), use.input(1)
    if isinstance(other, Value):
        return build.join(joins.MatMul(), (x, other))
    weight = use.constant(1, "the matrix")
    if weight.array.ndim != 2 or 0 in weight.array.shape or weight.array.shape[0] != x.shape[-1]:
        raise NodeError(f"expected (N, …, features) times a matrix, found (N, {_sizes(x)}) times {weight.array.shape}")
    if len(x.shape) > 1:
        return _along_last(build, x, weight)
    return build.layer(_linear(build, weight, "turned", 1.0), x)


def _along_last(build: Conversion, x: Value, weight: Constant) -> Value:
    """Return what a matrix (inputs, outputs) makes of the last axis, as channels of images."""
    (inputs, outputs), before = weight.array.shape, x.shape[:-1]
    if len(x.shape) != 3:
        x = build.layer(Reshape((1, math.prod(before), inputs)), x)
    layer = Conv2d(inputs, outputs, 1, bias=False)
    build.learn(layer, "weight", weight, lambda matrix: matrix.T[:, :, None, None], "turned, along the last axis")
    y = turned(build, build.layer(layer, turned(build, x, (3, 1, 2))), (2, 3, 1))
    return y if len(before) == 2 else build.layer(Reshape((*before, outputs)), y)


def turned(build: Conversion, x: Value, axes: Shape) -> Value:
    """Return a value with its axes in another order; one `Transpose` after the other becomes one, or none."""
    if isinstance(first := build.before(x), Transpose):
        x, axes = build.take_back(x), tuple(first.axes[axis - 1] for axis in axes)
    return x if axes == tuple(range(1, x.rank)) else build.layer(Transpose(axes), x)


def biased(build: Conversion, x: Value, numbers: Constant, form: Any, called: str) -> bool:
    """Give the convolution that a product along the last axis has become a bias, if x is such a product."""
    if build.before(x) is None or numbers.array.shape != x.shape[-1:]:
        return False
    source = x
    while isinstance(build.placed[source.source].does, (Reshape, Transpose)):
        source = build.placed[source.source].sources[0]
        if source.names or source.source not in build.placed:  # made by another node than the product
            return False
    conv = build.placed[source.source].does
    if not isinstance(conv, Conv2d) or conv.bias is not None:
        return False
    give_bias(conv)
    build.learn(conv, "bias", numbers, form, called)
    return True


def _linear(build: Conversion, weight: Constant, how: str, alpha: float) -> Linear:
    """Return a Linear without bias, of a matrix that is (outputs, inputs), or turned; `alpha` times its numbers."""
    shape = weight.array.shape if how == "as it is" else weight.array.shape[::-1]
    if 0 in shape:
        raise NodeError(f"expected a matrix of at least one number, found the shape {weight.array.shape}")
    layer = Linear(shape[1], shape[0], bias=False)

    def form(matrix: NDArray[Any]) -> NDArray[Any]:
        matrix = matrix if how == "as it is" else matrix.T
        return matrix if alpha == 1 else alpha * matrix

    build.learn(layer, "weight", weight, form, f"{how} {alpha}")
    return layer


def give_bias(layer: Conv2d | Linear) -> None:
    """Give a layer that was made without a bias one."""
    outputs = layer.out_channels if isinstance(layer, Conv2d) else layer.out_features
    layer.bias = Parameter("bias", (outputs,))


def batch_normalization(build: Conversion, use: Use) -> Value:
    """`BatchNorm2d`, with the model's running averages; its momentum is 1 − ONNX's."""
    x = use.value()
    constants = [use.constant(place, what) for place, what in enumerate(("scale", "bias", "mean", "variance"), start=1)]
    if use.switch("training_mode"):
        raise NodeError(TRAINING)
    if use.opset < 7:
        use.switch("is_test")
    if use.opset < 9 and not use.switch("spatial", True):
        raise NodeError("normalises each pixel by itself (spatial=0)")
    eps, momentum = use.real("epsilon", 1e-5), use.real("momentum", 0.9)
    layer = BatchNorm2d(constants[0].array.size, eps=eps, momentum=round(1 - momentum, 7))
    build.learn(layer, "weight", constants[0], as_it_is, "as it is")
    build.learn(layer, "bias", constants[1], as_it_is, "as it is")
    build.hold(layer.running_mean, floats(constants[2]))
    build.hold(layer.running_var, floats(constants[3]))
    return build.layer(layer, x)


def local_response_norm(build: Conversion, use: Use) -> Value:
    """`LocalResponseNorm`, of an odd size."""
    size = use.whole("size")
    if size % 2 == 0:
        raise NodeError(f"has the even size {size}, which ONNX centres otherwise; only odd ones are possible")
    alpha, beta, k = use.real("alpha", 1e-4), use.real("beta", 0.75), use.real("bias", 1.0)
    x = use.value()
    if size > (all_channels := 2 * x.shape[0] + 1):  # the sum is over all channels then: a share of alpha for each
        size, alpha = all_channels, alpha * all_channels / size
    return build.layer(LocalResponseNorm(size, alpha=alpha, beta=beta, k=k), x)


def prelu(build: Conversion, use: Use) -> Value:
    """`PReLU`, with one slope for all or one a channel."""
    x, slope = use.value(), use.constant(1, "the slope")
    if use.opset < 7 and slope.array.ndim == 1:  # one a channel, wherever that axis is
        slope = replace(slope, array=slope.array.reshape(-1, *(1 for _ in x.shape[1:])))
    shape = of_sample(slope, x)
    if slope.array.size > 1 and shape != (x.shape[0], *(1 for _ in x.shape[1:])):
        raise NodeError(f"has slopes of the shape {slope.array.shape}; expected one for all or one a channel")
    layer = PReLU(slope.array.size)
    build.learn(layer, "weight", slope, np.ravel, "slopes")
    return build.layer(layer, x)


def _sizes(x: Value) -> str:
    return ", ".join(map(str, x.shape))


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "Conv": conv,
        "Gemm": gemm,
        "MatMul": matmul,
        "BatchNormalization": batch_normalization,
        "LRN": local_response_norm,
        "PRelu": prelu,
    }
)
"""Operator -> its rule."""
