"""Rules for steps that work number by number, for dropout, for adding and joining paths, and padding channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..fusion import Operation
from ..kernels import axes, exponential, learned, piecewise, pointwise
from ..kernels.dropout import dropout, dropout_grad_input
from ..kernels.shuffle import flatten, flatten_grad_input
from ..lowering import Lowering, Rule
from ..plan import equal_strips_of


def _each(emitter: Callable[..., None], *attributes: str) -> Rule:
    """Return the rule of a kernel that is told a sample's numbers and some of the step's attributes."""

    def rule(low: Lowering, op: Operation) -> None:
        strips = equal_strips_of(*low.pixels(op.outputs[0]))
        parameters = (low.size(op.outputs[0]) // strips, *(op.step.keywords[name] for name in attributes))
        low.call_strips(op, emitter, parameters, strips, *map(low.operand, (*op.step.inputs, op.outputs[0])))

    return rule


def _of_channels(low: Lowering, op: Operation, image: int) -> tuple[int, int]:
    """Return (pixels, channels) of an image as a kernel of learnt numbers sees it: one number is of one channel."""
    numbers = {low.size(v) for v in (*op.step.inputs, *op.step.outputs) if not low.values[v].has_samples}
    return (low.size(image), 1) if numbers == {1} else low.pixels(image)


def _learnt(emitter: Callable[..., None]) -> Rule:
    """Return the rule of a kernel that makes an image from an image and numbers of its channels."""

    def rule(low: Lowering, op: Operation) -> None:
        pixels, channels = _of_channels(low, op, op.outputs[0])
        strips = equal_strips_of(pixels, channels)
        parameters = pixels // strips, channels
        low.call_strips(op, emitter, parameters, strips, *map(low.operand, (*op.step.inputs, op.outputs[0])))

    return rule


def _learnt_gradient(emitter: Callable[..., None]) -> Rule:
    """Return the rule of a kernel that adds to the gradient of numbers of the channels."""

    def rule(low: Lowering, op: Operation) -> None:
        parameters = _of_channels(low, op, op.step.inputs[0])
        low.call(op, emitter, parameters, *map(low.operand, op.step.inputs), low.sum(op.outputs[0]))

    return rule


def _reshape(low: Lowering, op: Operation) -> None:
    """From channels last to the order that the program means, and from there to channels last, of other channels.

    Of one pixel, or one channel, both orders are the same.
    """
    (x,), y = op.step.inputs, op.outputs[0]
    before, after = low.pixels(x), low.pixels(y)
    if 1 in after:
        low.call(op, flatten, before, low.operand(x), low.operand(y))
    elif 1 in before:
        low.call(op, flatten_grad_input, after, low.operand(x), low.operand(y))
    else:
        between = low.memory(f"{low.values[y].name}, channels first", low.size(y), passes=True)
        low.call(op, flatten, before, low.operand(x), between)
        low.call(op, flatten_grad_input, after, between, low.operand(y))


def _transpose(low: Lowering, op: Operation) -> None:
    x, y = op.step.inputs[0], op.outputs[0]
    low.call(op, axes.transpose, (low.shape(x), op.step.keywords["axes"]), low.operand(x), low.operand(y))


def _slice_channels(low: Lowering, op: Operation) -> None:
    x, how = op.step.inputs[0], op.step.keywords
    parameters = (*low.pixels(x), how["start"], how["stop"])
    low.call(op, pointwise.concat_grad_input, parameters, low.operand(x), low.operand(op.outputs[0]))


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


def _repeat_pixels(low: Lowering, op: Operation) -> None:
    """A pixel is an image of one, which becomes one of `times`: (C, H, 1, W, 1) -> (C, H, SH, W, SW)."""
    x, y = op.step.inputs[0], op.outputs[0]
    low.call(op, pointwise.broadcast, _times(low, op, x), low.operand(x), low.operand(y))


def _repeat_pixels_grad_input(low: Lowering, op: Operation) -> None:
    grad, x = op.step.inputs[0], op.outputs[0]
    low.call(op, pointwise.broadcast_grad_input, _times(low, op, x), low.operand(grad), low.operand(x))


def _times(low: Lowering, op: Operation, x: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    (channels, height, width), (rows, columns) = low.shape(x), op.step.keywords["times"]
    return (channels, height, rows, width, columns), (channels, height, 1, width, 1)


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
    "log_softmax": _softmax(exponential.log_softmax),
    "log_softmax.grad_input": _softmax(exponential.log_softmax_grad_input),
    "clip": _each(piecewise.clip, "min", "max"),
    "clip.grad_input": _each(piecewise.clip_grad_input, "min", "max"),
    "hard_sigmoid": _each(piecewise.hard_sigmoid, "alpha", "beta"),
    "hard_sigmoid.grad_input": _each(piecewise.hard_sigmoid_grad_input, "alpha", "beta"),
    "hard_swish": _each(piecewise.hard_swish),
    "hard_swish.grad_input": _each(piecewise.hard_swish_grad_input),
    "elu": _each(exponential.elu, "alpha"),
    "elu.grad_input": _each(exponential.elu_grad_input, "alpha"),
    "silu": _each(exponential.silu),
    "silu.grad_input": _each(exponential.silu_grad_input),
    "softplus": _each(exponential.softplus),
    "softplus.grad_input": _each(exponential.softplus_grad_input),
    "gelu": _each(exponential.gelu),
    "gelu.grad_input": _each(exponential.gelu_grad_input),
    "prelu": _learnt(learned.prelu),
    "prelu.grad_input": _learnt(learned.prelu_grad_input),
    "prelu.grad_weight": _learnt_gradient(learned.prelu_grad_weight),
    "bias": _learnt(learned.bias),
    "bias.grad_bias": _learnt_gradient(learned.bias_grad_bias),
    "gain": _learnt(learned.gain),
    "gain.grad_input": _learnt(learned.gain_grad_input),
    "gain.grad_weight": _learnt_gradient(learned.gain_grad_weight),
    "scale_and_shift": _learnt(learned.scale_and_shift),
    "scale_and_shift.grad_input": _learnt(learned.gain_grad_input),
    "scale_and_shift.grad_weight": _learnt_gradient(learned.gain_grad_weight),
    "scale_and_shift.grad_bias": _learnt_gradient(learned.bias_grad_bias),
    "reshape": _reshape,
    "transpose": _transpose,
    "slice_channels": _slice_channels,
    "add": _add,
    "multiply": _each(pointwise.multiply),
    "multiply.grad_input": _each(pointwise.multiply_grad_input),
    "broadcast": _broadcast,
    "broadcast.grad_input": _broadcast_grad_input,
    "repeat_pixels": _repeat_pixels,
    "repeat_pixels.grad_input": _repeat_pixels_grad_input,
    "concat": _concat,
    "concat.grad_input": _concat_grad_input,
    "pad_channels": _pad_channels,
    "dropout": _dropout(dropout),
    "dropout.grad_input": _dropout(dropout_grad_input),
}
