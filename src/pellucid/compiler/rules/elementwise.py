"""Rules for steps that work number by number, for dropout, for adding and joining paths, and padding channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..fusion import Operation
from ..kernels import pointwise
from ..kernels.dropout import dropout, dropout_grad_input
from ..lowering import Lowering, Rule
from ..plan import equal_strips_of


def _each(emitter: Callable[..., None], *attributes: str) -> Rule:
    """Return the rule of a kernel that is told a sample's numbers and some of the step's attributes."""

    def rule(low: Lowering, op: Operation) -> None:
        strips = equal_strips_of(*low.pixels(op.outputs[0]))
        parameters = (low.size(op.outputs[0]) // strips, *(op.step.keywords[name] for name in attributes))
        low.call_strips(op, emitter, parameters, strips, *map(low.operand, (*op.step.inputs, op.outputs[0])))

    return rule


def _add(low: Lowering, op: Operation) -> None:
    """Samples are added, or contributions to the gradient of a shared parameter: those are one sample here."""
    y, relu = op.outputs[0], op.relu is not None
    operands = [*map(low.operand, (*op.step.inputs, y))]
    if low.values[y].has_samples:
        strips = equal_strips_of(*low.pixels(y))
        low.call_strips(op, pointwise.add, (low.size(y) // strips, relu), strips, *operands)
    else:
        low.call(op, pointwise.add, (low.placement.layout(y).size, relu), *operands, count=1)


def _softmax(emitter: Callable[..., None]) -> Rule:
    """Return the rule of a kernel that looks at all channels of a pixel."""

    def rule(low: Lowering, op: Operation) -> None:
        parameters = low.pixels(op.outputs[0])
        low.call(op, emitter, parameters, *map(low.operand, (*op.step.inputs, op.outputs[0])))

    return rule


def _dropout(emitter: Callable[..., None]) -> Rule:
    def rule(low: Lowering, op: Operation) -> None:
        x, key, position = op.step.inputs
        parameters = (*low.pixels(x), op.step.keywords["p"], op.step.keywords["ordinal"])
        low.call(op, emitter, parameters, *map(low.operand, (x, key, position, op.outputs[0])))

    return rule


def _broadcast(low: Lowering, op: Operation) -> None:
    x, y = op.step.inputs[0], op.outputs[0]
    low.call(op, pointwise.broadcast, (low.shape(y), low.shape(x)), low.operand(x), low.operand(y))


def _broadcast_grad_input(low: Lowering, op: Operation) -> None:
    grad, x = op.step.inputs[0], op.outputs[0]
    low.call(op, pointwise.broadcast_grad_input, (low.shape(grad), low.shape(x)), low.operand(grad), low.operand(x))


def _concat(low: Lowering, op: Operation) -> None:
    parts = op.step.inputs
    pixels, whole = low.pixels(op.outputs[0])
    strips, channels = equal_strips_of(pixels, whole), tuple(low.shape(part)[0] for part in parts)
    operands = map(low.operand, (*parts, op.outputs[0]))
    low.call_strips(op, pointwise.concat, (pixels // strips, channels), strips, *operands)


def _concat_grad_input(low: Lowering, op: Operation) -> None:
    grad, how = op.step.inputs[0], op.step.keywords
    parameters = (*low.pixels(grad), how["start"], how["stop"])
    low.call(op, pointwise.concat_grad_input, parameters, low.operand(grad), low.operand(op.outputs[0]))


def _pad_channels(low: Lowering, op: Operation) -> None:
    x, how = op.step.inputs[0], op.step.keywords
    parameters = (*low.pixels(x), how["before"], how["after"])
    low.call(op, pointwise.pad_channels, parameters, low.operand(x), low.operand(op.outputs[0]))


RULES: Mapping[str, Rule] = {
    "relu": _each(pointwise.relu),
    "relu.grad_input": _each(pointwise.relu_grad_input),
    "leaky_relu": _each(pointwise.leaky_relu, "negative_slope"),
    "leaky_relu.grad_input": _each(pointwise.leaky_relu_grad_input, "negative_slope"),
    "relu6": _each(pointwise.relu6),
    "relu6.grad_input": _each(pointwise.relu6_grad_input),
    "sigmoid": _each(pointwise.sigmoid),
    "sigmoid.grad_input": _each(pointwise.sigmoid_grad_input),
    "tanh": _each(pointwise.tanh),
    "tanh.grad_input": _each(pointwise.tanh_grad_input),
    "softmax": _softmax(pointwise.softmax),
    "softmax.grad_input": _softmax(pointwise.softmax_grad_input),
    "add": _add,
    "multiply": _each(pointwise.multiply),
    "multiply.grad_input": _each(pointwise.multiply_grad_input),
    "broadcast": _broadcast,
    "broadcast.grad_input": _broadcast_grad_input,
    "concat": _concat,
    "concat.grad_input": _concat_grad_input,
    "pad_channels": _pad_channels,
    "dropout": _dropout(dropout),
    "dropout.grad_input": _dropout(dropout_grad_input),
}
