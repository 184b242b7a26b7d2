"""Rules for pooling and its gradients."""

from __future__ import annotations

from collections.abc import Mapping

from ..fusion import Operation
from ..kernels.pool import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_grad_input,
    avg_pool2d,
    avg_pool2d_grad_input,
    max_pool2d,
    max_pool2d_grad_input,
)
from ..lowering import Lowering, Rule


def _max_pool2d(low: Lowering, op: Operation) -> None:
    x = op.step.inputs[0]
    channels, *size = low.shape(x)
    parameters = channels, tuple(size), op.step.keywords["window"]
    low.call(op, max_pool2d, parameters, low.operand(x), low.operand(op.outputs[0]))


def _max_pool2d_grad_input(low: Lowering, op: Operation) -> None:
    x, grad = op.step.inputs
    channels, *size = low.shape(x)
    parameters = channels, tuple(size), op.step.keywords["window"], op.mask is not None
    low.call(op, max_pool2d_grad_input, parameters, *map(low.operand, (x, grad, op.outputs[0])))


def _average(low: Lowering, op: Operation) -> None:
    x, how = op.step.inputs[0], op.step.keywords
    channels, *size = low.shape(x)
    parameters = channels, tuple(size), how["window"], how["count_include_pad"]
    low.call(op, avg_pool2d, parameters, low.operand(x), low.operand(op.outputs[0]))


def _average_grad_input(low: Lowering, op: Operation) -> None:
    grad, how = op.step.inputs[0], op.step.keywords
    channels, *size = low.shape(op.outputs[0])
    parameters = channels, tuple(size), how["window"], how["count_include_pad"]
    low.call(op, avg_pool2d_grad_input, parameters, low.operand(grad), low.operand(op.outputs[0]))


def _adaptive(low: Lowering, op: Operation) -> None:
    x = op.step.inputs[0]
    channels, *size = low.shape(x)
    parameters = channels, tuple(size), op.step.keywords["output_size"]
    low.call(op, adaptive_avg_pool2d, parameters, low.operand(x), low.operand(op.outputs[0]))


def _adaptive_grad_input(low: Lowering, op: Operation) -> None:
    grad = op.step.inputs[0]
    channels, *size = low.shape(op.outputs[0])
    parameters = channels, tuple(size), low.shape(grad)[1:]
    low.call(op, adaptive_avg_pool2d_grad_input, parameters, low.operand(grad), low.operand(op.outputs[0]))


RULES: Mapping[str, Rule] = {
    "max_pool2d": _max_pool2d,
    "max_pool2d.grad_input": _max_pool2d_grad_input,
    "avg_pool2d": _average,
    "avg_pool2d.grad_input": _average_grad_input,
    "adaptive_avg_pool2d": _adaptive,
    "adaptive_avg_pool2d.grad_input": _adaptive_grad_input,
}
