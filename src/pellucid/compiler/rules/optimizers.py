"""Rules for optimisers, clipping and averaging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..fusion import Operation
from ..kernels import optimizer as kernels
from ..kernels.reduction import zero
from ..layout import aligned
from ..lowering import Lowering, Rule
from ..plan import Operand
from ..update import FLAGS


def _update(
    low: Lowering, op: Operation, emitter: Callable[..., None], parameters: tuple[Any, ...], numbers: Operand
) -> None:
    """Add the call of an update: weight, gradient and slots, the numbers of the step, what they become, the flag."""
    before = [v for v in op.step.inputs if low.values[v].role != "scalar"]
    operands = [*map(low.operand, before), numbers, *map(low.operand, op.outputs), low.given(FLAGS)]
    low.call(op, emitter, parameters, *operands)


def _sgd(low: Lowering, op: Operation) -> None:
    how = op.step.keywords
    numbers = low.numbers(kernels.sgd_numbers, "lr", lr_scale=how["lr_scale"])
    _update(low, op, kernels.sgd, (how["weight_decay"],), numbers)


def _sgd_momentum(low: Lowering, op: Operation) -> None:
    how = op.step.keywords
    numbers = low.numbers(kernels.sgd_numbers, "lr", lr_scale=how["lr_scale"])
    _update(low, op, kernels.sgd_momentum, (how["momentum"], how["nesterov"], how["weight_decay"]), numbers)


def _adam(low: Lowering, op: Operation) -> None:
    how, decoupled = op.step.keywords, op.kind == "adamw"
    numbers = low.numbers(
        kernels.adam_numbers, "lr", "step", beta1=how["beta1"], beta2=how["beta2"], lr_scale=how["lr_scale"],
        decay=how["weight_decay"] if decoupled else 0.0,
    )  # fmt: skip
    parameters = (how["beta1"], how["beta2"], how["eps"], how["weight_decay"], decoupled)
    _update(low, op, kernels.adam, parameters, numbers)


def _average_weight(low: Lowering, op: Operation) -> None:
    average, weight, _ = op.step.inputs
    numbers = low.numbers(kernels.average_numbers, "step", decay=op.step.keywords["decay"])
    low.call(
        op, kernels.average_weight, (), low.operand(average), low.operand(weight), numbers, low.operand(op.outputs[0])
    )


def _clip_factor(low: Lowering, op: Operation) -> None:
    """All gradients' squares are added up by one thread: in the order of the parameters."""
    squares = low.whole("squares of gradients", 1)
    low.call(op, zero, (), squares, count=aligned(1))
    for grad in op.step.inputs:
        vectors = low.placement.layout(grad).vectors
        low.call(op, kernels.add_squares, vectors, low.operand(grad), squares, count=1)
    low.call(op, kernels.clip_factor, (op.step.keywords["max_norm"],), squares, low.operand(op.outputs[0]), count=1)


def _scale_gradient(low: Lowering, op: Operation) -> None:
    low.call(op, kernels.scale_gradient, (), *map(low.operand, (*op.step.inputs, op.outputs[0])))


RULES: Mapping[str, Rule] = {
    "sgd": _sgd,
    "sgd_momentum": _sgd_momentum,
    "adam": _adam,
    "adamw": _adam,
    "average_weight": _average_weight,
    "clip_factor": _clip_factor,
    "scale_gradient": _scale_gradient,
}
