"""Activations, normalisations and dropout: the definitions, with the settings of ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...definitions.exponential import elu, gelu, log_softmax, softplus
from ...definitions.norm import batch_norm, batch_norm_running, batch_statistics, local_response_norm
from ...definitions.piecewise import clip, hard_sigmoid, hard_swish
from ...definitions.pointwise import leaky_relu, relu, sigmoid, softmax, tanh
from .nodes import NodeError, Operation, Use

Numbers: TypeAlias = NDArray[Any]


def _of_one(definition: Callable[[Numbers], Numbers]) -> Operation:
    """Return what applies a definition without settings."""
    return lambda use, arrays: definition(arrays[0])


def leaky_relu_(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`leaky_relu`."""
    return leaky_relu(arrays[0], negative_slope=use.real("alpha", 0.01))


def elu_(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`elu`."""
    return elu(arrays[0], alpha=use.real("alpha", 1.0))


def hard_sigmoid_(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`hard_sigmoid`."""
    return hard_sigmoid(arrays[0], alpha=use.real("alpha", 0.2), beta=use.real("beta", 0.5))


def gelu_(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`gelu`, or ``x/2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))``."""
    (x,) = arrays
    if use.text("approximate", "none") != "tanh":
        return gelu(x)
    return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def erf(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """The error function, number by number: NumPy has none."""
    (x,) = arrays
    return np.fromiter(map(math.erf, x.ravel().tolist()), x.dtype, x.size).reshape(x.shape)


def swish(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """``x · sigmoid(alpha · x)``."""
    return arrays[0] * sigmoid(use.real("alpha", 1.0) * arrays[0])


def clip_(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`clip`; where the bounds contradict each other the upper one counts."""
    (x, *_) = arrays
    if use.opset < 11:
        return clip(x, min=use.real("min", -math.inf), max=use.real("max", math.inf))
    least, most = use.optional(1, "min"), use.optional(2, "max")
    x = x if least is None else np.maximum(x, least.array)
    return x if most is None else np.minimum(x, most.array)


def _of_classes(definition: Callable[[Numbers], Numbers]) -> Operation:
    """Return what applies a definition that works along axis 1 along another."""

    def compute(use: Use, arrays: Sequence[Numbers]) -> Numbers:
        (x,) = arrays
        axis = use.axis(use.whole("axis", 1 if use.opset < 13 else -1), x.ndim)
        if use.opset < 13:  # until then over all axes from this one on
            rows = x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
            return definition(rows).reshape(x.shape)
        # the axis comes second, behind one that is put before all: (…, K, …) -> (1, K, …)
        return np.moveaxis(definition(np.moveaxis(x, axis, 0)[None])[0], 0, axis)

    return compute


def batch_normalization(use: Use, arrays: Sequence[Numbers]) -> Numbers | tuple[Numbers, ...]:
    """`batch_norm_running`; in training `batch_norm`, and the new running mean and variance.

    ONNX's momentum is the part of what was, and its variance that of the batch as it is, without Bessel's correction.
    """
    x, weight, bias, mean, variance = arrays
    eps, momentum = use.real("epsilon", 1e-5), use.real("momentum", 0.9)
    if use.opset < 7:
        use.switch("is_test")
    if use.opset < 9 and not use.switch("spatial", True):
        raise NodeError("normalises each pixel by itself (spatial=0)")
    if not use.switch("training_mode"):
        return batch_norm_running(x, mean, variance, weight, bias, eps=eps)
    statistics = batch_statistics(x)
    count, new_mean, squares = statistics
    return (
        batch_norm(x, statistics, weight, bias, eps=eps),
        momentum * mean + (1 - momentum) * new_mean,
        momentum * variance + (1 - momentum) * squares / count,
    )


def lrn(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """`local_response_norm`, whose even windows reach one channel further back, ONNX's one further on."""
    (x,) = arrays
    size = use.whole("size")
    alpha, beta, k = use.real("alpha", 1e-4), use.real("beta", 0.75), use.real("bias", 1.0)
    # (N, C, …) -> (N, C, P, 1), the channels from behind
    turned = x.reshape(*x.shape[:2], math.prod(x.shape[2:]), 1)[:, ::-1]
    y = local_response_norm(turned, size=size, alpha=alpha, beta=beta, k=k)[:, ::-1]
    return y.reshape(x.shape)


def dropout(use: Use, arrays: Sequence[Numbers]) -> tuple[Numbers, ...]:
    """x as it is, and that all of it stays: what training drops is drawn in a way that ONNX does not say."""
    x = arrays[0]
    if use.opset < 12:
        use.real("ratio", 0.5)
        trains = use.opset < 7 and not use.switch("is_test")
    else:
        ratio, training = use.single(1, "ratio"), use.single(2, "training_mode")
        use.whole("seed", 0)
        trains = bool(training) and ratio != 0
    if trains:
        raise NodeError("drops numbers at random, in a way that ONNX leaves open; use it for inference")
    kept = np.ones(x.shape, bool if use.opset >= 10 else x.dtype)
    return x, kept


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "Relu": _of_one(relu),
        "LeakyRelu": leaky_relu_,
        "Clip": clip_,
        "Sigmoid": _of_one(sigmoid),
        "Tanh": _of_one(tanh),
        "HardSigmoid": hard_sigmoid_,
        "HardSwish": _of_one(hard_swish),
        "Elu": elu_,
        "Softplus": _of_one(softplus),
        "Gelu": gelu_,
        "Swish": swish,
        "Erf": erf,
        "Softmax": _of_classes(softmax),
        "LogSoftmax": _of_classes(log_softmax),
        "BatchNormalization": batch_normalization,
        "LRN": lrn,
        "Dropout": dropout,
    }
)
"""Operator -> what computes it."""
