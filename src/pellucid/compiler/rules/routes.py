"""Gradients behind max pooling in short form: where most of an image's gradient is 0, it is routed.

On its way forward the pooling notes where the winner of each window lies; on the way back that and the gradient of the
pooled outputs say all. The gradients of a convolution's weights and biases are made from it; whoever else reads the
image's gradient gets the image.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ...geometry import Pair
from ...steps import Step
from ..fusion import Operation
from ..kernels.conv_routed import suits_routes
from ..kernels.convolution import Convolution
from ..kernels.pointwise import relu_grad_input
from ..kernels.shuffle import pad
from ..lowering import Lowering, Route
from ..plan import Operand

TAKES_ROUTES = frozenset({"conv2d.grad_weight", "conv2d.grad_bias"})
"""Kinds whose kernel can read a routed gradient."""


def route_ahead(low: Lowering, pooling: Operation) -> Route | None:
    """Return the route that the gradient of a max pooling will take, if it will take one."""
    backward = _gradient_of(low, pooling)
    size = low.shape(pooling.step.inputs[0])[1:]
    window = pooling.step.keywords["window"]
    if backward is None or any(window.blind(axis, size[axis]) is not None for axis in range(2)):
        return None  # a window that sees nothing has no winner
    grad, outputs = backward.outputs[0], math.prod(low.shape(pooling.outputs[0])[1:])
    convolutions = [step for step in low.readers(grad) if step.kind == "conv2d.grad_weight"]
    if len(convolutions) != 1 or low.is_serial(convolutions[0].outputs[0]):
        return None
    conv, outline = _padded(low, convolutions[0]), low.outline
    readers = [step for step in low.readers(grad) if step.kind in TAKES_ROUTES]
    in_one_phase = {outline.phase_of(step) for step in (backward.step, *readers)}
    at_once = in_one_phase == {outline.phase_of(pooling.step)}
    masked_later = backward.mask is not None and outline.passes(pooling.outputs[0]) and not at_once
    if len(in_one_phase) > 1 or masked_later or not suits_routes(conv, outputs):
        return None
    pooled, grad_output = pooling.outputs[0], backward.step.inputs[1]
    winner = low.memory(f"{low.values[pooled].name}, winners", low.size(pooled), passes=at_once)
    low.routes[grad] = Route(conv, outputs, low.operand(pooled), winner, low.operand(grad_output))
    return low.routes[grad]


def steps_between_windows(conv: Convolution) -> Pair:
    """Return how many numbers of the input lie between the windows of an output and of the one below it, and of the one
    to the right of it."""
    stride_y, stride_x = conv.window.stride
    return stride_y * conv.size[1] * conv.in_channels, stride_x * conv.in_channels


def mask_route(low: Lowering, backward: Operation, route: Route) -> None:
    """Add the call that multiplies a routed gradient by the derivative of the ReLU below, if there is one.

    What won in a window is what the pooling gave, so that the derivative can be read off its output.
    """
    if backward.mask is None:
        return
    grad, size = backward.outputs[0], low.size(backward.step.inputs[1])
    there = low.memory(f"{low.values[grad].name}, routed", size, passes=True)
    low.call(backward, relu_grad_input, (size,), route.pooled, route.grad, there)
    low.routes[grad] = replace(route, grad=there)


def with_padding(low: Lowering, op: Operation, conv: Convolution) -> Operand:
    """Return where the input of a `conv2d.grad_weight` lies with its padding; where it has any, it is copied."""
    x = op.step.inputs[0]
    channels, *size = low.shape(x)
    if conv.size == tuple(size):
        return low.operand(x)
    there = low.memory(f"{low.values[x].name}, padded", math.prod(conv.size) * channels, passes=True)
    sides = op.step.keywords["window"].on(tuple(size)).sides
    low.call(op, pad, (channels, tuple(size), sides), low.operand(x), there)
    return there


def _gradient_of(low: Lowering, pooling: Operation) -> Operation | None:
    """Return the operation that makes the gradient of a pooling's input, of its part where several read that input."""
    gradient = low.program.gradients.get(pooling.outputs[0])
    for step in low.readers(pooling.step.inputs[0]):
        if step.kind == "max_pool2d.grad_input" and step.inputs[1] == gradient:
            return low.outline.operation_of(step)
    return None


def _padded(low: Lowering, grad_weight: Step) -> Convolution:
    """Return the convolution of a `conv2d.grad_weight`, its input with the padding that its window reads."""
    x, grad = grad_weight.inputs
    channels, height, width = low.shape(x)
    window = grad_weight.keywords["window"].on((height, width))
    (top, bottom), (left, right) = window.sides
    size, window = (height + top + bottom, width + left + right), replace(window, padding=((0, 0), (0, 0)))
    return Convolution(channels, size, low.shape(grad)[0], window, grad_weight.keywords["groups"])
