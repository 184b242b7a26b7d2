"""Rules for the fully connected layer and its gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..fusion import Operation
from ..kernels.linear import (
    linear,
    linear_grad_bias,
    linear_grad_input,
    linear_grad_weight,
    linear_tile,
    linear_weight_tile,
)
from ..lowering import FLOAT_BYTES, Lowering, Rule
from ..plan import shares_of


def _linear(low: Lowering, op: Operation) -> None:
    x, weight, *bias = op.step.inputs
    features = low.size(x), low.size(op.outputs[0])
    parameters = (*features, linear_tile(features[1], low.isa), bool(bias), op.relu is not None)
    operands = (low.operand(v) for v in (x, weight, *bias, op.outputs[0]))
    low.call(op, linear, parameters, *operands, split=("blocks",), parts=shares_of(math.prod(features)))


def _linear_grad_weight(low: Lowering, op: Operation) -> None:
    x, grad = op.step.inputs
    features = low.size(x), low.size(grad)
    operands = low.operand(x), low.operand(grad), low.sum(op.outputs[0])
    tile = linear_weight_tile(*features, low.isa)
    slab = tile.vectors * tile.lanes * features[0] * FLOAT_BYTES
    low.call(op, linear_grad_weight, (*features, tile), *operands, split=("blocks", "input_tiles"), slab=slab)


def _linear_grad_bias(low: Lowering, op: Operation) -> None:
    grad = op.step.inputs[0]
    low.call(op, linear_grad_bias, (low.size(grad),), low.operand(grad), low.sum(op.outputs[0]))


def _linear_grad_input(low: Lowering, op: Operation) -> None:
    grad, weight = op.step.inputs
    features = low.size(op.outputs[0]), low.size(grad)
    masks = [] if op.mask is None else [low.operand(op.mask)]
    parameters = (*features, linear_tile(features[0], low.isa), bool(masks))
    weights = low.for_inputs(weight, (features[1], features[0], 1, 1))
    low.call(op, linear_grad_input, parameters, low.operand(grad), weights, *masks, low.operand(op.outputs[0]))


RULES: Mapping[str, Rule] = {
    "linear": _linear,
    "linear.grad_weight": _linear_grad_weight,
    "linear.grad_bias": _linear_grad_bias,
    "linear.grad_input": _linear_grad_input,
}
