"""Activations, and what changes nothing outside training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from ...layers import (
    ELU,
    GELU,
    Clip,
    Dropout,
    Flatten,
    HardSigmoid,
    HardSwish,
    Layer,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    ReLU6,
    Reshape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Transpose,
)
from ...layers.shape import back_again
from .conversion import Conversion, Rule
from .nodes import TRAINING, NodeError, Use, Value
from .tensors import KINDS

UNBOUNDED = 3.4e38
"""Bounds beyond that are none: older files write the largest float32 where they mean no bound."""


def _as(layer: type[Layer]) -> Rule:
    """Return the rule of an operator that is a layer without settings."""

    def rule(build: Conversion, use: Use) -> Value:
        return build.each_number(layer(), use.value())

    rule.__doc__ = f"`{layer.__name__}`."
    return rule


def leaky_relu(build: Conversion, use: Use) -> Value:
    """`LeakyReLU`."""
    return build.each_number(LeakyReLU(use.real("alpha", 0.01)), use.value())


def elu(build: Conversion, use: Use) -> Value:
    """`ELU`."""
    return build.each_number(ELU(use.real("alpha", 1.0)), use.value())


def gelu(build: Conversion, use: Use) -> Value:
    """`GELU`, unless it is approximated."""
    if use.text("approximate", "none") != "none":
        raise NodeError("approximates by a tanh; only the exact function is possible")
    return build.each_number(GELU(), use.value())


def swish(build: Conversion, use: Use) -> Value:
    """`SiLU`, if alpha is 1."""
    if use.real("alpha", 1.0) != 1:
        raise NodeError("multiplies by alpha within the sigmoid; only 1 is possible")
    return build.each_number(SiLU(), use.value())


def hard_sigmoid(build: Conversion, use: Use) -> Value:
    """`HardSigmoid`."""
    return build.each_number(HardSigmoid(use.real("alpha", 0.2), use.real("beta", 0.5)), use.value())


def clip(build: Conversion, use: Use) -> Value:
    """`Clip`; from 0 on `ReLU`, from 0 to 6 `ReLU6`."""
    if use.opset < 11:
        bounds = use.real("min", -math.inf), use.real("max", math.inf)
    else:
        least, most = use.single(1, "min"), use.single(2, "max")
        bounds = -math.inf if least is None else least, math.inf if most is None else most
    x, known = use.value(), [None if abs(bound) > UNBOUNDED else bound for bound in bounds]
    match known:
        case [None, None]:
            return x
        case [0, None]:
            return build.each_number(ReLU(), x)
        case [0, 6]:
            return build.each_number(ReLU6(), x)
    return build.each_number(Clip(*known), x)


def dropout(build: Conversion, use: Use) -> Value:
    """`Dropout`, which works in training alone."""
    x = use.value()
    if use.opset < 7:
        use.switch("is_test")
    if use.opset < 12:
        ratio = use.real("ratio", 0.5)
    else:
        given = use.single(1, "ratio")
        ratio = 0.5 if given is None else given
        if use.single(2, "training_mode"):
            raise NodeError(TRAINING)
        use.whole("seed", 0)
    return x if ratio == 0 or len(x.shape) not in (1, 3) else build.layer(Dropout(float(f"{ratio:.7g}")), x)


def identity(build: Conversion, use: Use) -> Value:
    """Nothing: it is left out."""
    return use.value()


def cast(build: Conversion, use: Use) -> Value:
    """Nothing, where the type is one of floats; a network computes in one type throughout."""
    use.switch("saturate", True)
    kind = KINDS.get(use.whole("to"))
    if kind is None or "float" not in kind.name:
        raise NodeError("makes whole numbers of what the network computes")
    return use.value()


def _of_classes(layer: type[Layer]) -> Rule:
    """Return the rule of Softmax or LogSoftmax."""

    def rule(build: Conversion, use: Use) -> Value:
        x = use.value()
        axis = use.axis(use.whole("axis", 1 if use.opset < 13 else -1), x.rank)
        if axis == 0:
            raise NodeError("is taken over the samples")
        if use.opset < 13 and math.prod(x.shape[axis:]) > 1:  # until then over all axes from this one on
            rows = build.layer(_flat((*x.shape[: axis - 1], math.prod(x.shape[axis - 1 :]))), x)
            return build.layer(Reshape(x.shape), _along(build, layer, rows, axis))
        return _along(build, layer, x, axis)

    rule.__doc__ = f"`{layer.__name__}`; between two `Transpose`, where it is not taken over the channels or features."
    return rule


def _flat(shape: tuple[int, ...]) -> Layer:
    return Flatten() if len(shape) == 1 else Reshape(shape)


def _along(build: Conversion, layer: type[Layer], x: Value, axis: int) -> Value:
    """Place a layer that works along axis 1 so that it works along another."""
    if axis == 1:
        return build.layer(layer(), x)
    axes = (axis, *(each for each in range(1, x.rank) if each != axis))
    first = build.layer(layer(), build.layer(Transpose(axes), x))
    return build.layer(Transpose(back_again(axes)), first)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "Relu": _as(ReLU),
        "LeakyRelu": leaky_relu,
        "Clip": clip,
        "Sigmoid": _as(Sigmoid),
        "Tanh": _as(Tanh),
        "HardSigmoid": hard_sigmoid,
        "HardSwish": _as(HardSwish),
        "Elu": elu,
        "Softplus": _as(Softplus),
        "Gelu": gelu,
        "Swish": swish,
        "Softmax": _of_classes(Softmax),
        "LogSoftmax": _of_classes(LogSoftmax),
        "Dropout": dropout,
        "Identity": identity,
        "Cast": cast,
    }
)
"""Operator -> its rule."""
