"""Convolutions, depthwise ones among them, and linear layers, with the tiles that rules choose and with odd ones.

Each function is named after the kernel that it draws a case of.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.compiler.kernels import conv as kernels
from pellucid.compiler.kernels import conv_grad_input, depthwise, linear
from pellucid.compiler.kernels.convolution import Convolution, forward_tile, weight_tile
from pellucid.compiler.placement import is_depthwise
from pellucid.compiler.tiles import ForwardTile, WeightTile, lanes_for
from pellucid.definitions import conv as definitions
from pellucid.definitions import linear as dense
from pellucid.definitions.pointwise import relu, relu_grad_input
from pellucid.geometry import Window

from .case import CHANNELS_LAST, Case, Layout, Result, Tensor, packed, packed_for_input
from .draws import Draws

MOST_WORK = 300_000
"""Multiply-adds of a convolution and a sample."""


# ---- shapes and tiles
def convolution(draws: Draws) -> Convolution:
    """Return a small convolution that is no depthwise one, and has at least one place."""
    while True:
        if draws.chance(0.35):
            conv = common_convolution(draws)
        else:
            groups = draws.one((1, 1, 1, 2, 3, 4))
            channels, filters = (groups * max(1, draws.channels() // groups) for _ in range(2))
            window, size = draws.window(largest=draws.one((1, 3, 3, 5)), padding=3), draws.size()
            conv = Convolution(channels, size, filters, window.on(size), groups)
        fits = min(conv.out_size) > 0 and conv.multiply_adds() < MOST_WORK
        if fits and not is_depthwise(conv.weight_shape, conv.groups):
            return conv.flattened()


def common_convolution(draws: Draws) -> Convolution:
    """Return one like those at the beginning of most networks: for these there are kernels of other kinds."""
    size = draws.whole(6, 18), draws.whole(6, 18)
    window = Window.of(draws.pair(2, 5), padding=draws.one((0, 0, 1, 2)))
    return Convolution(draws.one((1, 1, 2, 3, 5, 6, 8)), size, draws.one((2, 3, 5, 6, 10, 16)), window)


def depthwise_convolution(draws: Draws) -> Convolution:
    while True:
        channels, size = draws.one((2, 3, 5, 8, 12, 16, 17, 24, 33, 50)), draws.size()
        conv = Convolution(channels, size, channels, draws.window(largest=5, padding=3).on(size), channels)
        if min(conv.out_size) > 0:
            return conv


def odd_forward_tile(draws: Draws, filters: int) -> ForwardTile:
    return ForwardTile(lanes_for(filters, draws.isa), draws.whole(1, 3), draws.whole(1, 6), draws.whole(1, 3))


def odd_weight_tile(draws: Draws, conv: Convolution) -> WeightTile:
    rows, columns, channels = (draws.whole(1, 3) for _ in range(3))
    lanes, cut = lanes_for(conv.group_filters, draws.isa), draws.one((0, 0, 4, 9))
    return WeightTile(lanes, draws.whole(1, 3), rows, columns, channels, draws.one((1, 2, 4)), draws.whole(1, 20), cut)


class Images:
    """Random images and weights for a convolution."""

    def __init__(self, draws: Draws, conv: Convolution):
        self.samples = draws.samples()
        self.x = draws.with_faults(draws.numbers(self.samples, conv.in_channels, *conv.size))
        self.grad = draws.numbers(self.samples, conv.out_channels, *conv.out_size)
        self.weight, self.bias = draws.numbers(*conv.weight_shape), draws.numbers(conv.out_channels)
        self.mask = np.maximum(draws.numbers(*self.x.shape), 0)
        self.how: dict[str, Any] = {"window": conv.window, "groups": conv.groups}


# ---- convolution
def conv2d(draws: Draws) -> Case:
    conv = convolution(draws)
    tile = forward_tile(conv, draws.isa) if draws.chance(0.7) else odd_forward_tile(draws, conv.group_filters)
    return _forward(draws, conv, kernels.conv2d, tile)


def depthwise_conv2d(draws: Draws) -> Case:
    conv = depthwise_convolution(draws)
    return _forward(draws, conv, depthwise.depthwise_conv2d, depthwise.depthwise_tile(conv, draws.isa), 1)


def _forward(draws: Draws, conv: Convolution, emitter: Any, tile: Any, groups: int | None = None) -> Case:
    images, bias, fused = Images(draws, conv), draws.chance(0.7), draws.chance(0.4)

    def definition(x: Any, weight: Any, *biases: Any) -> Any:
        y = definitions.conv2d(x, weight, *biases, **images.how)
        return relu(y) if fused else y

    weight = Tensor(images.weight, packed(tile.lanes, groups or conv.groups))
    tensors = [Tensor(images.x, CHANNELS_LAST), weight, *([Tensor(images.bias)] if bias else [])]
    result = Result("y", images.grad.shape, CHANNELS_LAST)
    return Case(emitter, (conv, tile, bias, fused), definition, tuple(tensors), (result,), images.samples)


def conv2d_grad_weight(draws: Draws) -> Case:
    conv = convolution(draws)
    tile = weight_tile(conv, draws.isa) if draws.chance(0.7) else odd_weight_tile(draws, conv)
    return _grad_weight(draws, conv, kernels.conv2d_grad_weight, tile)


def depthwise_conv2d_grad_weight(draws: Draws) -> Case:
    conv = depthwise_convolution(draws)
    tile = depthwise.depthwise_weight_tile(conv, draws.isa)
    return _grad_weight(draws, conv, depthwise.depthwise_conv2d_grad_weight, tile, 1)


def _grad_weight(draws: Draws, conv: Convolution, emitter: Any, tile: Any, groups: int | None = None) -> Case:
    images, layout = Images(draws, conv), packed(tile.lanes, groups or conv.groups)

    def definition(x: Any, grad: Any) -> Any:
        return definitions.conv2d_grad_weight(x, grad, **images.how)

    tensors = Tensor(images.x, CHANNELS_LAST), Tensor(images.grad, CHANNELS_LAST)
    result = Result("grad_weight", conv.weight_shape, layout, draws.numbers(*conv.weight_shape))
    return Case(emitter, (conv, tile), definition, tensors, (result,), images.samples)


def conv2d_grad_input(draws: Draws) -> Case:
    conv, odd = convolution(draws), draws.chance(0.3)
    tile = odd_forward_tile(draws, conv.group_channels) if odd else conv_grad_input.grad_input_tile(conv, draws.isa)
    return _grad_input(draws, conv, conv_grad_input.conv2d_grad_input, tile, packed_for_input(tile.lanes, conv.groups))


def depthwise_conv2d_grad_input(draws: Draws) -> Case:
    conv = depthwise_convolution(draws)
    tile = depthwise.depthwise_grad_input_tile(conv, draws.isa)
    return _grad_input(draws, conv, depthwise.depthwise_conv2d_grad_input, tile, packed(tile.lanes))


def _grad_input(draws: Draws, conv: Convolution, emitter: Any, tile: Any, layout: Layout) -> Case:
    images, masked = Images(draws, conv), draws.chance(0.4)

    def definition(grad: Any, weight: Any, *masks: Any) -> Any:
        grad_input = definitions.conv2d_grad_input(grad, weight, size=conv.size, **images.how)
        return relu_grad_input(masks[0], grad_input) if masked else grad_input

    masks = [Tensor(images.mask, CHANNELS_LAST)] if masked else []
    tensors = Tensor(images.grad, CHANNELS_LAST), Tensor(images.weight, layout), *masks
    result = Result("grad_input", images.x.shape, CHANNELS_LAST)
    return Case(emitter, (conv, tile, masked), definition, tensors, (result,), images.samples)


def conv2d_grad_bias(draws: Draws) -> Case:
    channels, (rows, columns), samples = draws.channels(), draws.size(), draws.samples()
    grad = Tensor(draws.with_faults(draws.numbers(samples, channels, rows, columns)), CHANNELS_LAST)
    result = Result("grad_bias", (channels,), start=draws.numbers(channels))
    parameters = rows * columns, channels
    return Case(kernels.conv2d_grad_bias, parameters, definitions.conv2d_grad_bias, (grad,), (result,), samples)


# ---- linear layers
class Rows:
    """Random features and weights for a linear layer."""

    def __init__(self, draws: Draws):
        self.samples = draws.one((1, 2, 3, 5, 8, 11, 16, 40, 70))
        self.inputs = draws.one((1, 2, 3, 7, 10, 16, 33, 84, 130, 300, 700))
        self.outputs = draws.one((1, 2, 3, 5, 8, 10, 16, 17, 33, 65, 130))
        self.x = draws.with_faults(draws.numbers(self.samples, self.inputs))
        self.weight, self.bias = draws.numbers(self.outputs, self.inputs), draws.numbers(self.outputs)
        self.grad = draws.with_faults(draws.numbers(self.samples, self.outputs))
        self.mask = np.maximum(draws.numbers(self.samples, self.inputs), 0)


def linear_(draws: Draws) -> Case:
    rows, bias, fused = Rows(draws), draws.chance(0.7), draws.chance(0.4)
    odd = draws.chance(0.3)
    chosen = linear.linear_tile(rows.outputs, draws.isa)
    tile = odd_forward_tile(draws, rows.outputs) if odd else chosen

    def definition(*inputs: Any) -> Any:
        y = dense.linear(*inputs)
        return relu(y) if fused else y

    biases = [Tensor(rows.bias)] if bias else []
    tensors = Tensor(rows.x), Tensor(rows.weight, packed(tile.lanes)), *biases
    parameters = rows.inputs, rows.outputs, tile, bias, fused
    return Case(linear.linear, parameters, definition, tensors, (Result("y", rows.grad.shape),), rows.samples)


def linear_grad_weight(draws: Draws) -> Case:
    rows = Rows(draws)
    tile = linear.linear_weight_tile(rows.inputs, rows.outputs, draws.isa)
    if draws.chance(0.3):
        tile = WeightTile(tile.lanes, draws.whole(1, 3), channels=draws.whole(1, 5), band=draws.whole(1, 9))
    result = Result("grad_weight", rows.weight.shape, packed(tile.lanes), draws.numbers(*rows.weight.shape))
    tensors, parameters = (Tensor(rows.x), Tensor(rows.grad)), (rows.inputs, rows.outputs, tile)
    return Case(linear.linear_grad_weight, parameters, dense.linear_grad_weight, tensors, (result,), rows.samples)


def linear_grad_bias(draws: Draws) -> Case:
    rows = Rows(draws)
    result = Result("grad_bias", rows.bias.shape, start=draws.numbers(rows.outputs))
    tensors = (Tensor(rows.grad),)
    return Case(linear.linear_grad_bias, (rows.outputs,), dense.linear_grad_bias, tensors, (result,), rows.samples)


def linear_grad_input(draws: Draws) -> Case:
    rows, masked = Rows(draws), draws.chance(0.4)
    tile = linear.linear_tile(rows.inputs, draws.isa)

    def definition(grad: Any, weight: Any, *masks: Any) -> Any:
        grad_input = dense.linear_grad_input(grad, weight)
        return relu_grad_input(masks[0], grad_input) if masked else grad_input

    masks = [Tensor(rows.mask)] if masked else []
    tensors = Tensor(rows.grad), Tensor(rows.weight, packed_for_input(tile.lanes)), *masks
    parameters = rows.inputs, rows.outputs, tile, masked
    result = Result("grad_input", rows.x.shape)
    return Case(linear.linear_grad_input, parameters, definition, tensors, (result,), rows.samples)


FAMILY = {
    conv2d: 5, conv2d_grad_weight: 5, conv2d_grad_input: 5, conv2d_grad_bias: 2,
    depthwise_conv2d: 2, depthwise_conv2d_grad_weight: 2, depthwise_conv2d_grad_input: 2,
    linear_: 3, linear_grad_weight: 3, linear_grad_bias: 1, linear_grad_input: 3,
}  # fmt: skip
"""Cases, with how often each is drawn."""
