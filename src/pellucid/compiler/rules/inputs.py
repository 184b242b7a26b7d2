"""Rules for what happens to images before the first layer, and for flattening."""

from __future__ import annotations

from collections.abc import Mapping

from ..fusion import Operation
from ..kernels.input import gather, scale, scale_grad_input
from ..kernels.shuffle import flatten, flatten_grad_input
from ..lowering import Lowering, Rule


def _gather(low: Lowering, op: Operation) -> None:
    data, index = op.step.inputs
    count = low.given(f"{low.values[data].name}.count")
    tensors = low.operand(data), low.operand(index), count, low.operand(op.outputs[0])
    low.call(op, gather, (low.size(data), low.element(data)), *tensors)


def _scale(low: Lowering, op: Operation) -> None:
    x, element = op.step.inputs[0], low.element(op.step.inputs[0])
    pixels, channels = low.pixels(x)
    mean, std = op.step.keywords["mean"], op.step.keywords["std"]  # of each channel, or one for all
    b = tuple(-mean[c % len(mean)] / std[c % len(std)] for c in range(max(len(mean), len(std))))
    parameters = (channels, pixels, _factors(std, element), b, element)
    low.call(op, scale, parameters, low.operand(x), low.operand(op.outputs[0]))


def _scale_grad_input(low: Lowering, op: Operation) -> None:
    x, grad = op.step.inputs
    pixels, channels = low.pixels(x)
    factors = _factors(op.step.keywords["std"], low.element(x))
    low.call(op, scale_grad_input, (channels, pixels, factors), low.operand(grad), low.operand(op.outputs[0]))


def _factors(std: tuple[float, ...], element: str) -> tuple[float, ...]:
    """Return what a pixel is multiplied by: bytes are divided by 255 first."""
    return tuple(1 / (s * (255 if element == "uint8" else 1)) for s in std)


def _flatten(low: Lowering, op: Operation) -> None:
    x = op.step.inputs[0]
    low.call(op, flatten, low.pixels(x), low.operand(x), low.operand(op.outputs[0]))


def _flatten_grad_input(low: Lowering, op: Operation) -> None:
    grad_input = op.outputs[0]
    operands = low.operand(op.step.inputs[0]), low.operand(grad_input)
    low.call(op, flatten_grad_input, low.pixels(grad_input), *operands)


RULES: Mapping[str, Rule] = {
    "gather": _gather,
    "scale": _scale,
    "scale.grad_input": _scale_grad_input,
    "flatten": _flatten,
    "flatten.grad_input": _flatten_grad_input,
}
