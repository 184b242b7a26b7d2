"""Rules for 2-D convolution and its gradients, and for transposed convolution, whose kernels are the same ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..fusion import Operation
from ..kernels import depthwise as by_channel
from ..kernels.conv import conv2d, conv2d_grad_bias, conv2d_grad_weight
from ..kernels.conv_grad_input import conv2d_grad_input, grad_input_tile
from ..kernels.conv_routed import conv2d_grad_weight_routed
from ..kernels.convolution import Convolution, forward_tile, weight_tile
from ..kernels.learned import bias as add_bias
from ..kernels.shuffle import pad
from ..lowering import FLOAT_BYTES, Lowering, Rule
from ..placement import is_depthwise
from ..plan import Operand, shares_of
from ..routing import Route


def _convolution(low: Lowering, op: Operation, x: int, y: int) -> Convolution:
    """Return what a convolution's kernels are compiled for; x and y are its input and output, or their gradients."""
    channels, *size = low.shape(x)
    how = op.step.keywords
    conv = Convolution(channels, (size[0], size[1]), low.shape(y)[0], how["window"].on(tuple(size)), how["groups"])
    return conv if is_depthwise(conv.weight_shape, conv.groups) else conv.flattened()


def _depthwise(conv: Convolution) -> bool:
    return is_depthwise(conv.weight_shape, conv.groups)


def _conv2d(low: Lowering, op: Operation) -> None:
    x, weight, *bias = op.step.inputs
    _forward(low, op, _convolution(low, op, x, op.outputs[0]), x, weight, *bias)


def _forward(low: Lowering, op: Operation, conv: Convolution, x: int, weight: int, *bias: int) -> None:
    how = bool(bias), op.relu is not None
    operands = [low.operand(v) for v in (x, weight, *bias, op.outputs[0])]
    parts = shares_of(conv.multiply_adds())
    if _depthwise(conv):
        parameters = (conv, by_channel.depthwise_tile(conv, low.isa), *how)
        low.call(op, by_channel.depthwise_conv2d, parameters, *operands, split=("blocks",), parts=parts)
    else:
        # Every part reads all weights, or the whole image: rather the smaller of the two.
        split = ("rows", "blocks") if low.size(weight) < low.size(x) else ("blocks", "rows")
        low.call(op, conv2d, (conv, forward_tile(conv, low.isa), *how), *operands, split=split, parts=parts)


def _conv2d_grad_weight(low: Lowering, op: Operation) -> None:
    x, grad = op.step.inputs
    if grad in low.routes.of_gradient:
        _routed_grad_weight(low, op, low.routes.of_gradient[grad])
        return
    _grad_weight(low, op, _convolution(low, op, x, grad), x, grad)


def _grad_weight(low: Lowering, op: Operation, conv: Convolution, x: int, grad: int) -> None:
    operands = low.operand(x), low.operand(grad), low.sum(op.outputs[0])
    if _depthwise(conv):
        strip = by_channel.depthwise_weight_tile(conv, low.isa)
        low.call(op, by_channel.depthwise_conv2d_grad_weight, (conv, strip), *operands, split=("blocks",))
    else:
        tile, split = weight_tile(conv, low.isa), ("blocks", "channel_tiles")
        slab = tile.vectors * tile.lanes * math.prod(conv.weight_shape[1:]) * FLOAT_BYTES * (conv.groups == 1)
        terms = math.prod(conv.out_size)
        low.call(op, conv2d_grad_weight, (conv, tile), *operands, split=split, slab=slab, terms=terms)


def _routed_grad_weight(low: Lowering, op: Operation, route: Route) -> None:
    operands = _with_padding(low, op, route.conv), low.routed(route), low.winners(route), low.sum(op.outputs[0])
    low.call(op, conv2d_grad_weight_routed, (route.conv, low.pixels(route.pooled)[0]), *operands)


def _with_padding(low: Lowering, op: Operation, conv: Convolution) -> Operand:
    """Return where the input of a convolution lies with its padding; where it has any, it is copied."""
    x = op.step.inputs[0]
    channels, *size = low.shape(x)
    if conv.size == tuple(size):
        return low.operand(x)
    there = low.memory(f"{low.values[x].name}, padded", math.prod(conv.size) * channels, passes=True)
    sides = op.step.keywords["window"].on(tuple(size)).sides
    low.call(op, pad, (channels, tuple(size), sides), low.operand(x), there)
    return there


def _conv2d_grad_bias(low: Lowering, op: Operation) -> None:
    """The gradient is that of an image, or of what was pooled from it: the others' are 0."""
    grad = op.step.inputs[0]
    route = low.routes.of_gradient.get(grad)
    place = low.operand(grad) if route is None else low.routed(route)
    parameters = low.pixels(grad if route is None else route.pooled)
    low.call(op, conv2d_grad_bias, parameters, place, low.sum(op.outputs[0]))


def _conv2d_grad_input(low: Lowering, op: Operation) -> None:
    grad, weight = op.step.inputs
    conv = _convolution(low, op, op.outputs[0], grad)
    masks = [] if op.mask is None else [low.operand(op.mask)]
    _grad_input(low, op, conv, grad, weight, *masks, low.operand(op.outputs[0]))


def _grad_input(low: Lowering, op: Operation, conv: Convolution, grad: int, weight: int, *ends: Operand) -> None:
    """Add the call that makes the gradient of an input; before where that lies, `ends` may have a mask."""
    masked = len(ends) > 1
    if _depthwise(conv):
        tile = by_channel.depthwise_grad_input_tile(conv, low.isa)
        operands = low.operand(grad), low.operand(weight), *ends
        low.call(op, by_channel.depthwise_conv2d_grad_input, (conv, tile, masked), *operands)
    else:
        parameters = (conv, grad_input_tile(conv, low.isa), masked)
        weights = low.for_inputs(weight, conv.weight_shape, conv.groups)
        low.call(op, conv2d_grad_input, parameters, low.operand(grad), weights, *ends)


def _conv_transpose2d(low: Lowering, op: Operation) -> None:
    """What a convolution does backwards; then the bias, which none has there, is added."""
    x, weight, *bias = op.step.inputs
    y = op.outputs[0]
    conv, result = _convolution(low, op, y, x), low.operand(y)
    place = low.memory(f"{low.values[y].name}, without bias", low.size(y), passes=True) if bias else result
    _grad_input(low, op, conv, x, weight, place)
    for b in bias:
        low.call(op, add_bias, low.pixels(y), place, low.operand(b), result)


def _conv_transpose2d_grad_input(low: Lowering, op: Operation) -> None:
    grad, weight = op.step.inputs
    _forward(low, op, _convolution(low, op, grad, op.outputs[0]), grad, weight)


def _conv_transpose2d_grad_weight(low: Lowering, op: Operation) -> None:
    x, grad = op.step.inputs
    _grad_weight(low, op, _convolution(low, op, grad, x), grad, x)


RULES: Mapping[str, Rule] = {
    "conv2d": _conv2d,
    "conv2d.grad_weight": _conv2d_grad_weight,
    "conv2d.grad_bias": _conv2d_grad_bias,
    "conv2d.grad_input": _conv2d_grad_input,
    "conv_transpose2d": _conv_transpose2d,
    "conv_transpose2d.grad_input": _conv_transpose2d_grad_input,
    "conv_transpose2d.grad_weight": _conv_transpose2d_grad_weight,
    "conv_transpose2d.grad_bias": _conv2d_grad_bias,
}
