"""Batch normalisation and local response normalisation. Each function is named after the kernels that it draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.compiler.kernels import local_response
from pellucid.compiler.kernels import norm as kernels
from pellucid.definitions import combine
from pellucid.definitions import norm as definitions
from pellucid.definitions.pointwise import relu

from .case import CHANNELS_LAST, Case, Result, Tensor
from .draws import Draws

MOMENTS = ("count", "mean", "M2")


class Images:
    """Random images (N, C, P), and numbers of their channels."""

    def __init__(self, draws: Draws):
        self.samples, self.channels, self.pixels = draws.samples(), draws.channels(), draws.pixels()
        shape = self.samples, self.channels, self.pixels
        self.image = Tensor(
            draws.one((0.1, 1, 3)) * draws.numbers(*shape) + np.float32(draws.one((0, 2))), CHANNELS_LAST
        )
        self.grad = Tensor(draws.with_faults(draws.numbers(*shape)), CHANNELS_LAST)
        self.eps = draws.one((1e-5, 1e-3, 0.1))
        self.parameters: tuple[Any, ...] = (self.pixels, self.channels, self.eps)
        count = self.samples * self.pixels
        statistics = [np.full(self.channels, count), draws.numbers(self.channels)]
        squares = count * draws.rng.uniform(0.1, 2, self.channels)
        self.statistics = Tensor(np.stack([*statistics, squares]).astype(np.float32))
        self.running = [self.of_channels(draws), Tensor(draws.rng.uniform(0.1, 2, self.channels).astype(np.float32))]

    def of_channels(self, draws: Draws) -> Tensor:
        return Tensor(draws.numbers(self.channels))

    def made(self, name: str) -> tuple[Result]:
        return (Result(name, self.image.array.shape, CHANNELS_LAST),)

    def added(self, draws: Draws, name: str) -> tuple[Result]:
        return (Result(name, (self.channels,), start=draws.numbers(self.channels)),)


def batch_statistics(draws: Draws) -> Case:
    images = Images(draws)
    nothing = np.zeros((3, images.channels), np.float32)
    made = (Result("statistics", nothing.shape, start=nothing, rows=MOMENTS),)
    parameters, tensors = (images.pixels, images.channels), (images.image,)
    return Case(kernels.batch_statistics, parameters, definitions.batch_statistics, tensors, made, images.samples)


def moments_leaves(draws: Draws) -> Case:
    leaves, channels = draws.whole(1, 12), draws.channels()
    stride = 3 * channels + draws.one((0, 1, 13, 16))
    x = draws.numbers(leaves, 3, channels, 4) + np.arange(leaves, dtype=np.float32)[:, None, None, None]
    parts = np.zeros((leaves, stride), np.float32)
    for part, leaf in zip(parts, x, strict=True):
        part[: 3 * channels] = definitions.batch_statistics(leaf).ravel()

    def definition(parts: Any) -> Any:
        return combine.tree([part[: 3 * channels].reshape(3, channels) for part in parts], combine.moments)

    result = Result("total", (3, channels), rows=MOMENTS)
    return Case(kernels.moments_leaves, (channels, stride), definition, (Tensor(parts),), (result,), leaves)


def batch_norm(draws: Draws) -> Case:
    images, fused, running = Images(draws), draws.chance(0.4), draws.chance(0.4)
    statistics = images.running if running else [images.statistics]
    emitter = kernels.batch_norm_running if running else kernels.batch_norm
    base = definitions.batch_norm_running if running else definitions.batch_norm

    def definition(*inputs: Any) -> Any:
        y = base(*inputs, eps=images.eps)
        return relu(y) if fused else y

    tensors = images.image, *statistics, images.of_channels(draws), images.of_channels(draws)
    return Case(emitter, (*images.parameters, fused), definition, tensors, images.made("y"), images.samples)


def batch_norm_grad_weight(draws: Draws) -> Case:
    images, running = Images(draws), draws.chance(0.4)
    statistics = images.running if running else [images.statistics]
    emitter = kernels.batch_norm_running_grad_weight if running else kernels.batch_norm_grad_weight
    base = definitions.batch_norm_running_grad_weight if running else definitions.batch_norm_grad_weight

    def definition(*inputs: Any) -> Any:
        return base(*inputs, eps=images.eps)

    tensors, made = (images.image, *statistics, images.grad), images.added(draws, "grad_weight")
    return Case(emitter, images.parameters, definition, tensors, made, images.samples)


def batch_norm_grad_bias(draws: Draws) -> Case:
    images = Images(draws)
    parameters, made = (images.pixels, images.channels), images.added(draws, "grad_bias")
    definition = definitions.batch_norm_grad_bias
    return Case(kernels.batch_norm_grad_bias, parameters, definition, (images.grad,), made, images.samples)


def batch_norm_grad_input(draws: Draws) -> Case:
    images = Images(draws)

    def definition(*inputs: Any) -> Any:
        return definitions.batch_norm_grad_input(*inputs, eps=images.eps)

    of_channels = [images.of_channels(draws) for _ in range(3)]
    tensors = images.image, images.statistics, of_channels[0], images.grad, *of_channels[1:]
    made = images.made("grad_input")
    return Case(kernels.batch_norm_grad_input, images.parameters, definition, tensors, made, images.samples)


def batch_norm_running_grad_input(draws: Draws) -> Case:
    images = Images(draws)

    def definition(*inputs: Any) -> Any:
        return definitions.batch_norm_running_grad_input(*inputs, eps=images.eps)

    tensors, made = (images.running[1], images.of_channels(draws), images.grad), images.made("grad_input")
    emitter = kernels.batch_norm_running_grad_input
    return Case(emitter, images.parameters, definition, tensors, made, images.samples)


def running_statistics(draws: Draws) -> Case:
    images, momentum = Images(draws), draws.one((0.0, 0.1, 0.7, 1.0))

    def definition(*inputs: Any) -> Any:
        return definitions.running_statistics(*inputs, momentum=momentum)

    made = tuple(Result(name, (images.channels,)) for name in ("running_mean", "running_var"))
    tensors = *images.running, images.statistics
    return Case(kernels.running_statistics, (images.channels, momentum), definition, tensors, made, 1)


def local_response_norm(draws: Draws) -> Case:
    images, backward = Images(draws), draws.chance(0.5)
    how = {
        "size": draws.one((1, 2, 3, 5, 6, 9)),
        "alpha": draws.one((1e-4, 0.3, 2.0)),
        "beta": draws.one((0.5, 0.75, 1.3)),
    }
    how["k"] = draws.one((1.0, 2.0))
    name = "local_response_norm_grad_input" if backward else "local_response_norm"

    def definition(*inputs: Any) -> Any:
        return getattr(definitions, name)(*(array[..., None] for array in inputs), **how)[..., 0]

    tensors = (images.image, images.grad) if backward else (images.image,)
    parameters, made = (images.pixels, images.channels, *how.values()), images.made("grad_input" if backward else "y")
    return Case(getattr(local_response, name), parameters, definition, tensors, made, images.samples)


FAMILY = {
    batch_statistics: 2, moments_leaves: 1, batch_norm: 2, batch_norm_grad_weight: 2, batch_norm_grad_bias: 1,
    batch_norm_grad_input: 2, batch_norm_running_grad_input: 1, running_statistics: 1, local_response_norm: 3,
}  # fmt: skip
"""Cases, with how often each is drawn."""
