"""Which gradients are *routed*: known in short form, because most of an image's gradient is 0.

Max pooling passes the gradient of each of its outputs to one pixel, the winner of its window. On its way forward it can
note where the winners lie; on the way back that and the gradient of the outputs say all. The gradients of a
convolution's weights and biases are made from it. Whoever else reads the image's gradient gets the image.

This is decided once, after the phases and before anything is known of memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..geometry import Pair
from ..program import Program
from ..steps import Step
from .drafting import Outline
from .fusion import Operation
from .kernels.conv_routed import suits_routes
from .kernels.convolution import Convolution

TAKES_ROUTES = frozenset({"conv2d.grad_weight", "conv2d.grad_bias"})
"""Kinds whose kernel can read a routed gradient."""


@dataclass(frozen=True)
class Route:
    """A routed gradient. Values are named by their ids.

    Attributes
    ----------
    grad : int
        The gradient that is routed, of the image that is pooled.
    pooled, grad_output : int
        The pooled outputs, and their gradient.
    conv : Convolution
        What that image came from, seen with an input that has its padding already.
    masked : bool
        Whether there is a ReLU between the convolution and the pooling. What won in a window is what the pooling gave,
        so that the ReLU's derivative can be read off that.
    at_once : bool
        Whether the way forward and the way back are one phase.
    only : bool
        Whether nobody needs the gradient as an image.
    """

    grad: int
    pooled: int
    grad_output: int
    conv: Convolution
    masked: bool
    at_once: bool
    only: bool

    @property
    def steps(self) -> Pair:
        """How many numbers of the convolution's input lie between the window of one of its outputs and that of the one
        below it, and of the one to the right of it."""
        stride_y, stride_x = self.conv.window.stride
        return stride_y * self.conv.size[1] * self.conv.in_channels, stride_x * self.conv.in_channels


class Routes:
    """The routed gradients of a program.

    Attributes
    ----------
    of_gradient : dict of int to Route
        By the gradient that is routed.
    of_pooled : dict of int to Route
        By the pooled outputs.
    """

    def __init__(self, program: Program, outline: Outline):
        made = [_route(program, outline, pooling, backward) for pooling, backward in _poolings(program, outline)]
        routes = [route for route in made if route is not None]
        self.of_gradient = {route.grad: route for route in routes}
        self.of_pooled = {route.pooled: route for route in routes}


def _poolings(program: Program, outline: Outline) -> Iterator[tuple[Step, Operation]]:
    """Yield each max pooling with the operation that makes its gradient, if that is a kernel's."""
    gradients = {step.inputs: step for step in program.steps if step.kind == "max_pool2d.grad_input"}
    for step in program.steps[: program.forward]:
        gradient = program.gradients.get(step.outputs[0])
        if step.kind == "max_pool2d" and gradient is not None and (step.inputs[0], gradient) in gradients:
            yield step, outline.operations[gradients[step.inputs[0], gradient]]


def _route(program: Program, outline: Outline, pooling: Step, backward: Operation) -> Route | None:
    (grad,), (pooled,), values = backward.outputs, pooling.outputs, program.values
    readers = outline.readers.of(grad)
    takers = [step for step in readers if step.kind in TAKES_ROUTES]
    convolutions = [step for step in takers if step.kind == "conv2d.grad_weight"]
    if len(convolutions) != 1:
        return None
    conv, window, size = _padded(program, convolutions[0]), pooling.keywords["window"], values[grad].shape[1:]
    outputs = math.prod(values[pooled].shape[1:])
    if any(window.blind(axis, size[axis]) is not None for axis in range(2)) or not suits_routes(conv, outputs):
        return None  # a window that sees no pixel has no winner
    phase, masked = outline.phases[backward.step], backward.mask is not None
    at_once = phase == outline.phases[pooling]
    forgotten = masked and outline.passes(pooled) and not at_once
    if forgotten or any(outline.phases[step] != phase for step in takers):  # as those that are summed serially
        return None
    return Route(grad, pooled, backward.step.inputs[1], conv, masked, at_once, len(takers) == len(readers))


def _padded(program: Program, grad_weight: Step) -> Convolution:
    """Return the convolution of a `conv2d.grad_weight`, its input with the padding that its window reads."""
    x, grad = (program.values[v].shape for v in grad_weight.inputs)
    channels, height, width = x
    window = grad_weight.keywords["window"].on((height, width))
    (top, bottom), (left, right) = window.sides
    size, window = (height + top + bottom, width + left + right), replace(window, padding=((0, 0), (0, 0)))
    return Convolution(channels, size, grad[0], window, grad_weight.keywords["groups"])
