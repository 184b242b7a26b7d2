"""Sums, differences, products and quotients: of two values a join; of a value and a constant, what a layer learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...layers import Bias, Conv2d, Gain, HardSigmoid, HardSwish, Linear, ReLU, Sigmoid, SiLU, Transpose, joins
from ...steps import Shape
from . import phrases, rules_norms
from .conversion import Conversion, Rule, of_sample
from .nodes import Constant, NodeError, Part, Use, Value
from .rules_weights import biased, give_bias, turned

Form = Callable[[NDArray[Any]], NDArray[Any]]


def add(build: Conversion, use: Use) -> Value | Part:
    """`joins.Add`; with a constant the bias of the `Conv2d`, `Linear` or normalisation before it, or else `Bias`."""
    if (found := phrases.continued(build, use)) is not None:
        return found
    match _operands(use):
        case Value() as a, Value() as b:
            return build.join(joins.Add(), _alike(a, b))
        case (Value() as x, Constant() as numbers) | (Constant() as numbers, Value() as x):
            return _added(build, x, numbers, np.positive, "as it is")
    raise NodeError("adds two constants that cannot be computed beforehand")


def sub(build: Conversion, use: Use) -> Value:
    """As Add, with what is subtracted negated."""
    match _operands(use):
        case Value() as a, Value() as b:
            return build.join(joins.Add(), _alike(a, times(build, b, -1.0)))
        case Value() as x, Constant() as numbers:
            return _added(build, x, numbers, np.negative, "negated")
        case Constant() as numbers, Value() as x:
            return _added(build, times(build, x, -1.0), numbers, np.positive, "as it is")
    raise NodeError("subtracts two constants that cannot be computed beforehand")


def mul(build: Conversion, use: Use) -> Value | Part:
    """`joins.Multiply`; `SiLU` or `HardSwish` where x is multiplied by its own sigmoid; with a constant `Gain`."""
    if (found := phrases.continued(build, use)) is not None:
        return found
    match _operands(use):
        case Value() as a, Value() as b:
            return _gated(build, a, b) or _gated(build, b, a) or build.join(joins.Multiply(), _alike(a, b))
        case (Value() as x, Constant() as numbers) | (Constant() as numbers, Value() as x):
            return _multiplied(build, x, numbers, np.positive, "as it is")
    raise NodeError("multiplies two constants that cannot be computed beforehand")


def div(build: Conversion, use: Use) -> Value | Part:
    """`joins.Divide`; with a constant `Gain`, of one divided by it."""
    if (found := phrases.continued(build, use)) is not None:
        return found
    match _operands(use):
        case Value() as x, Constant() as numbers:
            return _multiplied(build, x, numbers, np.reciprocal, "one divided by it")
        case Value() as a, Value() as b:
            return build.join(joins.Divide(), _alike(a, b))
    raise NodeError("divides a constant by what the network computes, or two constants")


def sum_(build: Conversion, use: Use) -> Value:
    """`joins.Add` of any number of values."""
    values = [each for each in use.inputs() if isinstance(each, Value)]
    if len(values) < len(use.node.inputs):
        raise NodeError("adds constants, which only Add may")
    return values[0] if len(values) == 1 else build.join(joins.Add(), _alike(*values))


def neg(build: Conversion, use: Use) -> Value:
    """`Gain`, of −1, which is not learnt."""
    return times(build, use.value(), -1.0)


def max_(build: Conversion, use: Use) -> Value:
    """`ReLU`, if it is the larger of a value and 0."""
    match use.inputs():
        case [Value() as x, Constant() as bound] | [Constant() as bound, Value() as x] if not bound.array.any():
            of_sample(bound, x)
            return build.layer(ReLU(), x)
    raise NodeError("takes the largest of several; only the larger of one and 0 is possible")


def _operands(use: Use) -> tuple[Value | Constant, Value | Constant]:
    """Return both inputs; before opset 7 the second is stretched to the first only where an attribute says so."""
    given = use.inputs()
    if len(given) != 2:
        raise NodeError(f"expected 2 inputs, found {len(given)}")
    a, b = given
    if use.opset >= 7:
        return a, b
    axis = use.whole("axis", -1)
    if not use.switch("broadcast") or axis == -1:
        return a, b
    if not (isinstance(a, Value) and isinstance(b, Constant)) or not 0 <= axis <= a.rank - b.array.ndim:
        raise NodeError(f"stretches its second input from axis {axis} on, which only constants that fit can be")
    return a, replace(b, array=b.array.reshape(*b.array.shape, *(1 for _ in range(a.rank - axis - b.array.ndim))))


def _alike(*values: Value) -> tuple[Value, ...]:
    """Return the values, or refuse them where they have different numbers of axes."""
    if len({value.rank for value in values}) > 1:
        shapes = " and ".join(f"(N, {', '.join(map(str, value.shape))})" for value in values)
        raise NodeError(f"joins values of {shapes}, whose axes do not meet those of the samples")
    return values


def _gated(build: Conversion, x: Value, gate: Value) -> Value | None:
    """Return ``x · gate(x)`` as one layer, if there is one of the gate, which nobody else reads."""
    match build.before(gate):
        case Sigmoid():
            layer: SiLU | HardSwish = SiLU()
        case HardSigmoid(alpha=alpha, beta=0.5) if np.float32(alpha) == np.float32(1 / 6):
            layer = HardSwish()
        case _:
            return None
    if build.placed[gate.source].sources[0].source != x.source:
        return None
    build.take_back(gate)
    return build.layer(layer, x)


# ---- a value and a constant
def _added(build: Conversion, x: Value, numbers: Constant, form: Form, called: str) -> Value:
    shape = of_sample(numbers, x)
    before = build.before(x)
    if (
        isinstance(before, (Conv2d, Linear))
        and before.bias is None
        and shape == (x.shape[0], *(1 for _ in x.shape[1:]))
    ):
        give_bias(before)
        build.learn(before, "bias", numbers, lambda array: form(array).ravel(), f"a row, {called}")
        return x._replace(names=())
    if rules_norms.shifted(build, x, numbers, form) or biased(build, x, numbers, form, called):
        return x._replace(names=())
    x, shape, axes = _before_turning(build, x, shape)
    layer = Bias(shape)
    build.learn(layer, "bias", numbers, lambda array: form(array).reshape(shape), called)
    layer.bias.trainable = _learns(numbers)
    return turned(build, build.layer(layer, x), axes)


def _multiplied(build: Conversion, x: Value, numbers: Constant, form: Form, called: str) -> Value:
    shape = of_sample(numbers, x)
    if called == "as it is" and rules_norms.scaled(build, x, numbers):
        return x._replace(names=())
    x, shape, axes = _before_turning(build, x, shape)
    layer = Gain(shape)
    build.learn(layer, "weight", numbers, lambda array: form(array).reshape(shape), called)
    layer.weight.trainable = _learns(numbers)
    return turned(build, build.layer(layer, x), axes)


def _before_turning(build: Conversion, x: Value, shape: Shape) -> tuple[Value, Shape, Shape]:
    """Return a value as it was before its axes were put in another order, the shape in which numbers meet it there, and
    that order: numbers of the last axis become numbers of channels."""
    order, last = tuple(range(1, x.rank)), shape[-1]
    if not isinstance(first := build.before(x), Transpose) or first.axes[-1] != 1 or shape not in ((last,), (1,)):
        return x, shape, order
    return build.take_back(x), shape if last == 1 else (last, *(1 for _ in order[1:])), first.axes


def times(build: Conversion, x: Value, number: float) -> Value:
    """Return a value multiplied by a number that stays as it is."""
    return _multiplied(build, x, Constant(np.array([number], np.float32)), np.positive, "as it is")


def _learns(numbers: Constant) -> bool:
    """Return whether numbers are to change in training: one for all, or what is written in a node, is a setting."""
    return numbers.learnt and numbers.array.size > 1


RULES: Mapping[str, Rule] = MappingProxyType(
    {"Add": add, "Sub": sub, "Mul": mul, "Div": div, "Sum": sum_, "Neg": neg, "Max": max_}
)
"""Operator -> its rule."""
