"""Kernels called like their definitions, with NCHW arrays and canonical weights; guards stand round each output."""

import numpy as np

from pellucid.compiler.jit import Recipe, compiled
from pellucid.compiler.kernels.conv import conv2d, conv2d_grad_weight
from pellucid.compiler.kernels.linear import linear
from pellucid.compiler.packing import pack, unpack

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


def run_conv2d(conv, tile, isa, x, weight, bias=None, relu=False, checked=False, pieces=({},)):
    kernel = compiled(Recipe(conv2d, (conv, tile, bias is not None, relu), isa, checked))
    y, intact = guarded(len(x), *conv.out_size, conv.out_channels)
    biases = () if bias is None else (bias,)
    for piece in pieces:
        kernel(channels_last(x), pack(weight, tile.lanes, conv.groups), *biases, y, samples=len(x), **piece)
    intact()
    return y.transpose(0, 3, 1, 2)


def run_conv2d_grad_weight(conv, tile, isa, x, grad_output, checked=False, pieces=({},)):
    kernel = compiled(Recipe(conv2d_grad_weight, (conv, tile), isa, checked))
    packed = pack(np.zeros(conv.weight_shape, np.float32), tile.lanes, conv.groups)
    grad, intact = guarded(packed.size)
    grad[:] = packed
    for piece in pieces:
        kernel(channels_last(x), channels_last(grad_output), grad, samples=len(x), **piece)
    intact()
    return unpack(grad, conv.weight_shape, tile.lanes, conv.groups)


def run_linear(tile, isa, x, weight, bias=None, relu=False, checked=False, pieces=({},)):
    outputs, inputs = weight.shape
    kernel = compiled(Recipe(linear, (inputs, outputs, tile, bias is not None, relu), isa, checked))
    y, intact = guarded(len(x), outputs)
    biases = () if bias is None else (bias,)
    for piece in pieces:
        kernel(x, pack(weight[:, :, None, None], tile.lanes), *biases, y, samples=len(x), **piece)
    intact()
    return y
