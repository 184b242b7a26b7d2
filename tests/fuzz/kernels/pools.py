"""Pools, with ties, NaN and infinities. Each function is named after the kernel that it draws a case of."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.compiler.kernels import pool as kernels
from pellucid.definitions import pool as definitions
from pellucid.definitions.pointwise import relu_grad_input
from pellucid.geometry import Window

from .case import CHANNELS_LAST, Case, Result, Tensor
from .draws import Draws


def window(draws: Draws, size: tuple[int, int], dilated: bool = True) -> Window:
    """Return a window of which every place sees some of the image."""
    while True:
        kernel, stride = (draws.pair(1, most) for most in (draws.one((2, 3, 5)), 4))
        most = [n // 2 for n in kernel]
        sides = tuple((draws.whole(0, n), draws.whole(0, n)) for n in most)
        dilation = draws.pair(1, 2) if dilated else (1, 1)
        found = Window.of(kernel, stride, sides, dilation, ceil_mode=draws.chance(0.3)).on(size)
        if min(found.output_size(size)) > 0 and all(found.blind(axis, size[axis]) is None for axis in range(2)):
            return found


class Images:
    """Random images, and gradients of what a window makes of them."""

    def __init__(self, draws: Draws, dilated: bool = True):
        self.samples, self.channels, self.size = draws.samples(), draws.channels(), draws.size()
        self.window = window(draws, self.size, dilated)
        self.x = draws.with_faults(draws.numbers(self.samples, self.channels, *self.size))
        shape = self.samples, self.channels, *self.window.output_size(self.size)
        self.grad = draws.with_faults(draws.numbers(*shape))

    def tensor(self, array: np.ndarray[Any, Any]) -> Tensor:
        return Tensor(array, CHANNELS_LAST)


def max_pool2d(draws: Draws) -> Case:
    images = Images(draws)

    def definition(x: Any) -> Any:
        return definitions.max_pool2d(x, window=images.window)

    parameters = images.channels, images.size, images.window
    result = Result("y", images.grad.shape, CHANNELS_LAST)
    return Case(kernels.max_pool2d, parameters, definition, (images.tensor(images.x),), (result,), images.samples)


def max_pool2d_grad_input(draws: Draws) -> Case:
    images, relu = Images(draws), draws.chance(0.4)
    x = np.maximum(images.x, 0) if relu else images.x

    def definition(x: Any, grad: Any) -> Any:
        found = definitions.max_pool2d_grad_input(x, grad, window=images.window)
        return relu_grad_input(x, found) if relu else found

    parameters = images.channels, images.size, images.window, relu
    result, tensors = Result("grad_input", x.shape, CHANNELS_LAST), (images.tensor(x), images.tensor(images.grad))
    return Case(kernels.max_pool2d_grad_input, parameters, definition, tensors, (result,), images.samples)


def avg_pool2d(draws: Draws) -> Case:
    images, how = Images(draws, dilated=False), {"count_include_pad": draws.chance(0.5)}

    def definition(x: Any) -> Any:
        return definitions.avg_pool2d(x, window=images.window, **how)

    parameters = images.channels, images.size, images.window, how["count_include_pad"]
    result = Result("y", images.grad.shape, CHANNELS_LAST)
    return Case(kernels.avg_pool2d, parameters, definition, (images.tensor(images.x),), (result,), images.samples)


def avg_pool2d_grad_input(draws: Draws) -> Case:
    images, how = Images(draws, dilated=False), {"count_include_pad": draws.chance(0.5)}

    def definition(grad: Any) -> Any:
        return definitions.avg_pool2d_grad_input(grad, size=images.size, window=images.window, **how)

    parameters = images.channels, images.size, images.window, how["count_include_pad"]
    result, tensors = Result("grad_input", images.x.shape, CHANNELS_LAST), (images.tensor(images.grad),)
    return Case(kernels.avg_pool2d_grad_input, parameters, definition, tensors, (result,), images.samples)


def adaptive_avg_pool2d(draws: Draws) -> Case:
    samples, channels, size, regions = draws.samples(), draws.channels(), draws.size(), draws.pair(1, 6)
    x = Tensor(draws.with_faults(draws.numbers(samples, channels, *size)), CHANNELS_LAST)

    def definition(x: Any) -> Any:
        return definitions.adaptive_avg_pool2d(x, output_size=regions)

    result = Result("y", (samples, channels, *regions), CHANNELS_LAST)
    return Case(kernels.adaptive_avg_pool2d, (channels, size, regions), definition, (x,), (result,), samples)


def adaptive_avg_pool2d_grad_input(draws: Draws) -> Case:
    samples, channels, size, regions = draws.samples(), draws.channels(), draws.size(), draws.pair(1, 6)
    grad = Tensor(draws.with_faults(draws.numbers(samples, channels, *regions)), CHANNELS_LAST)

    def definition(grad: Any) -> Any:
        return definitions.adaptive_avg_pool2d_grad_input(grad, size=size)

    result, parameters = Result("grad_input", (samples, channels, *size), CHANNELS_LAST), (channels, size, regions)
    return Case(kernels.adaptive_avg_pool2d_grad_input, parameters, definition, (grad,), (result,), samples)


FAMILY = {
    max_pool2d: 2, max_pool2d_grad_input: 3, avg_pool2d: 2, avg_pool2d_grad_input: 2,
    adaptive_avg_pool2d: 1, adaptive_avg_pool2d_grad_input: 1,
}  # fmt: skip
"""Cases, with how often each is drawn."""
