"""Kernels called like their definitions, with NCHW arrays and canonical weights; guards stand round each output."""

import numpy as np

from pellucid.compiler.jit import compiled
from pellucid.compiler.kernels.conv import conv2d, conv2d_grad_bias, conv2d_grad_weight
from pellucid.compiler.kernels.linear import linear, linear_grad_bias, linear_grad_input, linear_grad_weight
from pellucid.compiler.packing import for_input, pack, packed_size, unpack
from pellucid.compiler.recipe import Recipe

GUARD = 64


def channels_last(x):
    """(N, C, H, W) -> (N, H, W, C)"""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def guarded(*shape):
    """Return an array of NaN, and a function that fails if a number before or behind it has changed."""
    size = int(np.prod(shape))
    memory = np.full(size + 2 * GUARD, np.nan, np.float32)
    memory[:GUARD] = memory[GUARD + size :] = 7

    def intact():
        assert (memory[:GUARD] == 7).all(), "the kernel wrote before its output"
        assert (memory[GUARD + size :] == 7).all(), "the kernel wrote behind its output"

    return memory[GUARD : GUARD + size].reshape(shape), intact


def call(recipe, inputs, shape, pieces, start=None):
    """Return what a kernel makes, piece by piece, of an output of `shape`, of NaN or of `start`."""
    kernel, (y, intact) = compiled(recipe), guarded(*shape)
    if start is not None:
        y[...] = start
    for piece in pieces:
        kernel(*inputs, y, samples=len(inputs[0]), **piece)
    intact()
    return y


def run_conv2d(conv, tile, isa, x, weight, bias=None, relu=False, checked=False, pieces=({},)):
    recipe = Recipe(conv2d, (conv, tile, bias is not None, relu), isa, checked)
    inputs = channels_last(x), pack(weight, tile.lanes, conv.groups), *(() if bias is None else (bias,))
    return call(recipe, inputs, (len(x), *conv.out_size, conv.out_channels), pieces).transpose(0, 3, 1, 2)


def run_conv2d_grad_weight(conv, tile, isa, x, grad_output, checked=False, pieces=({},)):
    recipe = Recipe(conv2d_grad_weight, (conv, tile), isa, checked)
    inputs, shape = (channels_last(x), channels_last(grad_output)), (conv.weight_shape, tile.lanes, conv.groups)
    grad = call(recipe, inputs, (packed_size(*shape),), pieces, 0)
    return unpack(grad, *shape)


def run_conv2d_grad_bias(isa, grad_output, checked=False, pieces=({},)):
    samples, channels, rows, columns = grad_output.shape
    recipe = Recipe(conv2d_grad_bias, (rows * columns, channels), isa, checked)
    inputs = (channels_last(grad_output).reshape(samples, rows * columns, channels),)
    return call(recipe, inputs, (channels,), pieces, 0)


def run_linear(tile, isa, x, weight, bias=None, relu=False, checked=False, pieces=({},)):
    outputs, inputs = weight.shape
    recipe = Recipe(linear, (inputs, outputs, tile, bias is not None, relu), isa, checked)
    biases = () if bias is None else (bias,)
    return call(recipe, (x, pack(weight[:, :, None, None], tile.lanes), *biases), (len(x), outputs), pieces)


def run_linear_grad_input(tile, isa, grad_output, weight, mask=None, checked=False, pieces=({},)):
    outputs, inputs = weight.shape
    recipe = Recipe(linear_grad_input, (inputs, outputs, tile, mask is not None), isa, checked)
    packed, masks = pack(for_input(weight[:, :, None, None]), tile.lanes), () if mask is None else (mask,)
    return call(recipe, (grad_output, packed, *masks), (len(grad_output), inputs), pieces)


def run_linear_grad_weight(tile, isa, x, grad_output, checked=False, pieces=({},)):
    inputs, outputs = x.shape[1], grad_output.shape[1]
    recipe, shape = Recipe(linear_grad_weight, (inputs, outputs, tile), isa, checked), (outputs, inputs, 1, 1)
    return unpack(call(recipe, (x, grad_output), (packed_size(shape, tile.lanes),), pieces, 0), shape, tile.lanes)[
        :, :, 0, 0
    ]


def run_linear_grad_bias(isa, grad_output, checked=False, pieces=({},)):
    recipe = Recipe(linear_grad_bias, (grad_output.shape[1],), isa, checked)
    return call(recipe, (grad_output,), (grad_output.shape[1],), pieces, 0)
