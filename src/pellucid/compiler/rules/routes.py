"""Gradients behind max pooling in short form: where most of an image's gradient is 0, it is routed.

For each pooled output there is its gradient, and the place of its winner. The gradients of a convolution's weights and
biases are made from that; whoever else reads the image's gradient gets the image.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ...geometry import Window
from ...steps import Step
from ..fusion import Operation
from ..kernels.conv_routed import suits_routes
from ..kernels.convolution import Convolution
from ..kernels.pool import max_pool2d_route
from ..kernels.shuffle import pad
from ..lowering import Lowering, Route
from ..plan import Operand


def readers_of_routes(low: Lowering, op: Operation) -> list[Step]:
    """Return the steps that had better read the gradient which a `max_pool2d.grad_input` makes in its routed form."""
    readers = low.readers(op.outputs[0])
    convolutions = [step for step in readers if step.kind == "conv2d.grad_weight"]
    if len(convolutions) != 1 or low.is_serial(convolutions[0].outputs[0]):
        return []
    if not suits_routes(padded(low, convolutions[0]), _places(low, op)):
        return []
    return [*convolutions, *(step for step in readers if step.kind == "conv2d.grad_bias")]


def padded(low: Lowering, grad_weight: Step) -> Convolution:
    """Return the convolution of a `conv2d.grad_weight`, its input with the padding that its window reads."""
    x, grad = grad_weight.inputs
    channels, height, width = low.shape(x)
    window: Window = grad_weight.keywords["window"].on((height, width))
    (top, bottom), (left, right) = window.sides
    size, window = (height + top + bottom, width + left + right), replace(window, padding=((0, 0), (0, 0)))
    return Convolution(channels, size, low.shape(grad)[0], window, grad_weight.keywords["groups"])


def route(low: Lowering, op: Operation, grad_weight: Step) -> None:
    """Add the call that routes the gradient of a max pooling for a `conv2d.grad_weight`."""
    conv, outputs = padded(low, grad_weight), _places(low, op)
    channels, *size = low.shape(op.outputs[0])
    name = low.values[op.outputs[0]].name
    grad, winner = (low.passing(f"{name}, {what}", outputs * channels) for what in ("routed", "winners"))
    (stride_y, stride_x), pixel = conv.window.stride, conv.in_channels
    steps = stride_y * conv.size[1] * pixel, stride_x * pixel
    parameters = channels, tuple(size), op.step.keywords["window"], steps, op.mask is not None
    low.call(op, max_pool2d_route, parameters, *map(low.operand, op.step.inputs), grad, winner)
    low.routes[op.outputs[0]] = Route(conv, outputs, grad, winner)


def with_padding(low: Lowering, op: Operation, conv: Convolution) -> Operand:
    """Return where the input of a `conv2d.grad_weight` lies with its padding; where it has any, it is copied."""
    x = op.step.inputs[0]
    channels, *size = low.shape(x)
    if conv.size == tuple(size):
        return low.operand(x)
    there = low.passing(f"{low.values[x].name}, padded", math.prod(conv.size) * channels)
    sides = op.step.keywords["window"].on(tuple(size)).sides
    low.call(op, pad, (channels, tuple(size), sides), low.operand(x), there)
    return there


def _places(low: Lowering, op: Operation) -> int:
    return math.prod(low.shape(op.step.inputs[1])[1:])
