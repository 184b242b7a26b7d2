"""Rules for losses, their gradients, and what is counted beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..fusion import Operation
from ..kernels import loss as kernels
from ..kernels.shuffle import flatten_grad_input
from ..lowering import Lowering, Rule
from ..plan import Operand


def count_number(count: float) -> tuple[float, ...]:
    """Return (number of samples,): what a loss without weights is a mean over."""
    return (count,)


def _total(low: Lowering, value: int) -> Operand:
    """Return where a loss finds what it is a mean over: a sum over the batch, or the number of samples."""
    return low.operand(value) if value in low.totals else low.numbers(count_number, "count")


def _classes(low: Lowering, op: Operation, outputs: int, weighted: bool) -> tuple[Any, ...]:
    how = op.step.keywords
    element = low.element(op.step.inputs[1])
    return low.size(outputs), how["label_smoothing"], how["class_weights"], element, weighted


def _cross_entropy(low: Lowering, op: Operation) -> None:
    logits, target, total, *weight = op.step.inputs
    loss, log_probabilities = op.step.outputs
    operands = [low.operand(logits), low.operand(target), _total(low, total), *map(low.operand, weight)]
    operands += [low.sum(loss), low.operand(log_probabilities)]
    low.call(op, kernels.cross_entropy, _classes(low, op, logits, bool(weight)), *operands)


def _cross_entropy_grad_input(low: Lowering, op: Operation) -> None:
    log_probabilities, target, total, *weight = op.step.inputs
    operands = [low.operand(log_probabilities), low.operand(target), _total(low, total), *map(low.operand, weight)]
    parameters = _classes(low, op, log_probabilities, bool(weight))
    low.call(op, kernels.cross_entropy_grad_input, parameters, *operands, low.operand(op.outputs[0]))


def _numbers(low: Lowering, op: Operation, target: int) -> Operand:
    """Return where a target's numbers lie in the outputs' order: those of images have their channels last."""
    pixels, channels = low.pixels(target)
    if pixels == 1 or channels == 1:
        return low.operand(target)
    there = low.memory(f"{low.values[target].name}, channels last", low.size(target), passes=True)
    low.call(op, flatten_grad_input, (pixels, channels), low.operand(target), there)
    return there


def _squared_error(low: Lowering, op: Operation) -> None:
    outputs, target, total, *weight = op.step.inputs
    operands = [low.operand(outputs), _numbers(low, op, target), _total(low, total), *map(low.operand, weight)]
    low.call(op, kernels.squared_error, (low.size(outputs), bool(weight)), *operands, low.sum(op.outputs[0]))


def _squared_error_grad_input(low: Lowering, op: Operation) -> None:
    outputs, target, total, *weight = op.step.inputs
    operands = [low.operand(outputs), _numbers(low, op, target), _total(low, total), *map(low.operand, weight)]
    parameters = low.size(outputs), bool(weight)
    low.call(op, kernels.squared_error_grad_input, parameters, *operands, low.operand(op.outputs[0]))


def _count_correct(low: Lowering, op: Operation) -> None:
    outputs, target = op.step.inputs
    operands = low.operand(outputs), low.operand(target), low.sum(op.outputs[0])
    low.call(op, kernels.count_correct, (low.size(outputs), low.element(target)), *operands)


def _total_weight(low: Lowering, op: Operation) -> None:
    low.call(op, kernels.total_weight, (), low.operand(op.step.inputs[0]), low.sum(op.outputs[0]))


def _total_class_weight(low: Lowering, op: Operation) -> None:
    target, *weight = op.step.inputs
    class_weights = op.step.keywords["class_weights"]
    parameters = len(class_weights), class_weights, low.element(target), bool(weight)
    operands = [low.operand(v) for v in (target, *weight)]
    low.call(op, kernels.total_class_weight, parameters, *operands, low.sum(op.outputs[0]))


RULES: Mapping[str, Rule] = {
    "cross_entropy": _cross_entropy,
    "cross_entropy.grad_input": _cross_entropy_grad_input,
    "squared_error": _squared_error,
    "squared_error.grad_input": _squared_error_grad_input,
    "count_correct": _count_correct,
    "total_weight": _total_weight,
    "total_class_weight": _total_class_weight,
}
