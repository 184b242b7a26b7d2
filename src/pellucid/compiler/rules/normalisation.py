"""Rules for batch normalisation and local response normalisation, and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..fusion import Operation
from ..kernels import local_response
from ..kernels import norm as kernels
from ..lowering import Lowering, Rule
from ..plan import equal_strips_of


def _batch_statistics(low: Lowering, op: Operation) -> None:
    x = op.step.inputs[0]
    low.call(op, kernels.batch_statistics, low.pixels(x), low.operand(x), low.sum(op.outputs[0]))


def _normalising(emitter: Callable[..., None]) -> Rule:
    """Return the rule of a kernel that makes an image from an image and numbers of its channels."""

    def rule(low: Lowering, op: Operation) -> None:
        pixels, channels = low.pixels(op.step.inputs[0])
        strips = equal_strips_of(pixels, channels)
        parameters = (pixels // strips, channels, op.step.keywords["eps"], op.relu is not None)
        low.call_strips(op, emitter, parameters, strips, *map(low.operand, (*op.step.inputs, op.outputs[0])))

    return rule


def _grad_input(emitter: Callable[..., None]) -> Rule:
    def rule(low: Lowering, op: Operation) -> None:
        parameters = (*low.pixels(op.outputs[0]), op.step.keywords["eps"])
        low.call(op, emitter, parameters, *map(low.operand, (*op.step.inputs, op.outputs[0])))

    return rule


def _grad_weight(emitter: Callable[..., None]) -> Rule:
    def rule(low: Lowering, op: Operation) -> None:
        parameters = (*low.pixels(op.step.inputs[0]), op.step.keywords["eps"])
        low.call(op, emitter, parameters, *map(low.operand, op.step.inputs), low.sum(op.outputs[0]))

    return rule


def _grad_bias(low: Lowering, op: Operation) -> None:
    grad = op.step.inputs[0]
    low.call(op, kernels.batch_norm_grad_bias, low.pixels(grad), low.operand(grad), low.sum(op.outputs[0]))


def _running_statistics(low: Lowering, op: Operation) -> None:
    parameters = low.size(op.step.inputs[0]), op.step.keywords["momentum"]
    operands = map(low.operand, (*op.step.inputs, *op.step.outputs))
    low.call(op, kernels.running_statistics, parameters, *operands, count=1)


def _local_response(emitter: Callable[..., None]) -> Rule:
    def rule(low: Lowering, op: Operation) -> None:
        how, (pixels, channels) = op.step.keywords, low.pixels(op.step.inputs[0])
        strips = equal_strips_of(pixels, channels)
        parameters = (pixels // strips, channels, how["size"], how["alpha"], how["beta"], how["k"])
        low.call_strips(op, emitter, parameters, strips, *map(low.operand, (*op.step.inputs, op.outputs[0])))

    return rule


RULES: Mapping[str, Rule] = {
    "batch_statistics": _batch_statistics,
    "batch_norm": _normalising(kernels.batch_norm),
    "batch_norm.grad_weight": _grad_weight(kernels.batch_norm_grad_weight),
    "batch_norm.grad_bias": _grad_bias,
    "batch_norm.grad_input": _grad_input(kernels.batch_norm_grad_input),
    "running_statistics": _running_statistics,
    "batch_norm_running": _normalising(kernels.batch_norm_running),
    "batch_norm_running.grad_weight": _grad_weight(kernels.batch_norm_running_grad_weight),
    "batch_norm_running.grad_input": _grad_input(kernels.batch_norm_running_grad_input),
    "local_response_norm": _local_response(local_response.local_response_norm),
    "local_response_norm.grad_input": _local_response(local_response.local_response_norm_grad_input),
}
