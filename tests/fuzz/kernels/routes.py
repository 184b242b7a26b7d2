"""Gradients behind max pooling in their routed form, and images that get their padding.

Each function is named after the kernel that it draws a case of.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.compiler.kernels import conv_routed, pool, shuffle
from pellucid.compiler.kernels.convolution import Convolution
from pellucid.compiler.tiles import lanes_for
from pellucid.definitions import pool as definitions
from pellucid.geometry import Window

from .case import CHANNELS_LAST, Case, Result, Tensor, packed
from .draws import Draws
from .pools import Images

Array = np.ndarray[Any, Any]


def max_pool2d_winners(draws: Draws) -> Case:
    """A winner is the pixel that the gradient of a window goes to."""
    images, steps = Images(draws), (draws.whole(1, 400), draws.whole(1, 40))

    def definition(x: Array) -> Any:
        y = definitions.max_pool2d(x, window=images.window)
        pixels = np.arange(x[0, 0].size).reshape(x.shape[2:])
        won = np.zeros(y.shape, np.uint32)
        for place in np.ndindex(*y.shape[2:]):
            one = np.zeros(y.shape, x.dtype)
            one[:, :, *place] = 1
            wins = definitions.max_pool2d_grad_input(x, one, window=images.window)
            won[:, :, *place] = np.where(wins, pixels, 0).sum((2, 3))
        rows, columns = np.divmod(won, x.shape[3])
        return y, (rows * steps[0] + columns * steps[1]).astype(np.uint32)

    parameters, shape = (images.channels, images.size, images.window, steps), images.grad.shape
    results = Result("y", shape, CHANNELS_LAST), Result("winner", shape, CHANNELS_LAST, dtype="uint32")
    return Case(pool.max_pool2d_winners, parameters, definition, (images.tensor(images.x),), results, images.samples)


def conv2d_grad_weight_routed(draws: Draws) -> Case:
    while True:
        size, window = draws.size(), draws.window(largest=draws.one((2, 3, 5)), padding=0)
        conv = Convolution(draws.one((1, 2, 3, 5, 6, 16, 20, 40)), size, draws.channels(), window)
        if min(conv.out_size) > 0 and conv_routed.suits_routes(conv, 1):
            break
    samples, outputs = draws.samples(), draws.whole(1, 12)
    x = draws.with_faults(draws.numbers(samples, conv.in_channels, *conv.size))
    grad = draws.numbers(samples, conv.out_channels, outputs)
    places = draws.rng.integers(0, np.prod(conv.out_size), grad.shape)
    (rows, columns), stride = np.divmod(places, conv.out_size[1]), conv.window.stride
    winner = (rows * stride[0] * conv.size[1] + columns * stride[1]) * conv.in_channels

    def definition(x: Array, grad: Array) -> Any:
        total = np.zeros(conv.weight_shape, x.dtype)
        for ky, kx in np.ndindex(*conv.window.kernel_size):
            y, at = rows * stride[0] + ky * conv.window.dilation[0], columns * stride[1] + kx * conv.window.dilation[1]
            seen = x[np.arange(len(x))[:, None, None], :, y, at]  # (n, f, p, c)
            total[:, :, ky, kx] = np.einsum("nfp,nfpc->fc", grad, seen)
        return total

    packing = packed(lanes_for(conv.out_channels, draws.isa))
    result = Result("grad_weight", conv.weight_shape, packing, draws.numbers(*conv.weight_shape))
    tensors = (
        Tensor(x, CHANNELS_LAST), Tensor(grad, CHANNELS_LAST),
        Tensor(winner.astype(np.uint32), CHANNELS_LAST, told=False),
    )  # fmt: skip
    return Case(conv_routed.conv2d_grad_weight_routed, (conv, outputs), definition, tensors, (result,), samples)


def pad(draws: Draws) -> Case:
    samples, channels, size = draws.samples(), draws.channels(), draws.size()
    sides = Window.of(1, 1, ((draws.whole(0, 3), draws.whole(0, 3)), (draws.whole(0, 3), draws.whole(0, 3)))).sides
    x = Tensor(draws.with_faults(draws.numbers(samples, channels, *size)), CHANNELS_LAST)

    def definition(x: Array) -> Any:
        return np.pad(x, ((0, 0), (0, 0), *sides))

    result = Result("y", definition(x.array).shape, CHANNELS_LAST)
    return Case(shuffle.pad, (channels, size, sides), definition, (x,), (result,), samples)


FAMILY = {max_pool2d_winners: 2, conv2d_grad_weight_routed: 4, pad: 1}
"""Cases, with how often each is drawn."""
