"""Rules for pooling and its gradients."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from ..fusion import Operation
from ..kernels import pool as kernels
from ..kernels.pointwise import relu_grad_input
from ..lowering import Lowering, Rule
from ..plan import strips_of


def _pool(emitter: Callable[..., None], *more: Callable[[Lowering, Operation], Hashable]) -> Rule:
    """Return the rule of a kernel that is told the channels and the size of the image that is pooled, or of its
    gradient, and `more`; its tensors are the step's inputs and its output."""

    def rule(low: Lowering, op: Operation) -> None:
        backward = op.kind.endswith(".grad_input")
        image = op.outputs[0] if backward else op.step.inputs[0]
        channels, *size = low.shape(image)
        parameters = (channels, tuple(size), *(each(low, op) for each in more))
        operands = map(low.operand, (*op.step.inputs, op.outputs[0]))
        how = {} if backward else {"split": ("rows",), "parts": strips_of(*low.pixels(image))}
        low.call(op, emitter, parameters, *operands, **how)

    return rule


def _attribute(name: str) -> Callable[[Lowering, Operation], Hashable]:
    """Return what gives an attribute of the step."""
    return lambda low, op: op.step.keywords[name]


def _pooled_size(low: Lowering, op: Operation) -> Hashable:
    """Return the size of the image that a gradient comes from."""
    return low.shape(op.step.inputs[0])[1:]


def _is_masked(low: Lowering, op: Operation) -> Hashable:
    """Return whether a ReLU's derivative rides along."""
    return op.mask is not None


def _max_pool2d(low: Lowering, op: Operation) -> None:
    """Where the gradient will be routed, the winners are noted."""
    x, y = op.step.inputs[0], op.outputs[0]
    route, (channels, *size) = low.routes.of_pooled.get(y), low.shape(x)
    parameters, operands = (channels, tuple(size), op.step.keywords["window"]), (low.operand(x), low.operand(y))
    if route is None:
        low.call(op, kernels.max_pool2d, parameters, *operands, split=("rows",), parts=strips_of(*low.pixels(x)))
    else:
        low.call(op, kernels.max_pool2d_winners, (*parameters, route.steps), *operands, low.winners(route))


def _max_pool2d_grad_input(low: Lowering, op: Operation) -> None:
    """The gradient goes to its readers in the form that they take: routed, or as an image."""
    route = low.routes.of_gradient.get(op.outputs[0])
    if route is not None and route.masked:
        ends = low.operand(route.pooled), low.operand(route.grad_output), low.routed(route)
        low.call(op, relu_grad_input, (low.size(route.pooled),), *ends)
    if route is None or not route.only:
        _max_pool2d_image(low, op)


WINDOW, PADDING_COUNTS = _attribute("window"), _attribute("count_include_pad")
_max_pool2d_image = _pool(kernels.max_pool2d_grad_input, WINDOW, _is_masked)

RULES: Mapping[str, Rule] = {
    "max_pool2d": _max_pool2d,
    "max_pool2d.grad_input": _max_pool2d_grad_input,
    "avg_pool2d": _pool(kernels.avg_pool2d, WINDOW, PADDING_COUNTS),
    "avg_pool2d.grad_input": _pool(kernels.avg_pool2d_grad_input, WINDOW, PADDING_COUNTS),
    "adaptive_avg_pool2d": _pool(kernels.adaptive_avg_pool2d, _attribute("output_size")),
    "adaptive_avg_pool2d.grad_input": _pool(kernels.adaptive_avg_pool2d_grad_input, _pooled_size),
}
