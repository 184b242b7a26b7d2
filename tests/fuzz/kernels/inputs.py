"""What happens to images before the first layer. Each function is named after the kernel that it draws a case of."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.compiler.kernels import input as kernels
from pellucid.definitions import input as definitions

from .case import CHANNELS_LAST, Case, Result, Tensor
from .draws import Draws


def gather(draws: Draws) -> Case:
    element, size = draws.one(("uint8", "float32", "int64")), draws.one((1, 2, 3, 7, 16, 17, 33, 64, 100, 147))
    count, samples = draws.whole(1, 30), draws.samples()
    data = draws.rng.integers(0, 200, (count, size)).astype(element)
    index, told = draws.rng.integers(0, count, samples), Tensor(np.array([count]), told=False)
    made = (Result("y", (samples, size), dtype=element),)
    tensors = Tensor(data), Tensor(index), told
    return Case(kernels.gather, (size, element), definitions.gather, tensors, made, samples)


class Scaling:
    """Random means and deviations, of each channel or one for all."""

    def __init__(self, draws: Draws):
        self.samples, self.channels, self.pixels = draws.samples(), draws.channels(), draws.pixels()
        self.mean, self.std = (
            tuple(draws.rng.uniform(0.1, 1, draws.one((1, self.channels))).tolist()) for _ in range(2)
        )
        self.element = draws.one(("uint8", "float32"))
        shape = self.samples, self.channels, self.pixels
        bytes_, floats = draws.rng.integers(0, 256, shape, np.uint8), draws.with_faults(draws.numbers(*shape))
        self.x = bytes_ if self.element == "uint8" else floats
        self.factors = tuple(1 / (s * (255 if self.element == "uint8" else 1)) for s in self.std)


def scale(draws: Draws) -> Case:
    own = Scaling(draws)
    longest = max(len(own.mean), len(own.std))
    shifts = tuple(-own.mean[c % len(own.mean)] / own.std[c % len(own.std)] for c in range(longest))

    def definition(x: Any) -> Any:
        wide = "float64" if x.dtype != np.float32 else "float32"
        return definitions.scale(x, mean=own.mean, std=own.std, dtype=wide)

    made = (Result("y", own.x.shape, CHANNELS_LAST),)
    parameters = own.channels, own.pixels, own.factors, shifts, own.element
    return Case(kernels.scale, parameters, definition, (Tensor(own.x),), made, own.samples)


def scale_grad_input(draws: Draws) -> Case:
    own = Scaling(draws)
    grad = Tensor(draws.with_faults(draws.numbers(*own.x.shape)), CHANNELS_LAST)

    def definition(grad: Any) -> Any:
        return definitions.scale_grad_input(own.x, grad, std=own.std)

    made, parameters = (Result("grad_input", own.x.shape),), (own.channels, own.pixels, own.factors)
    return Case(kernels.scale_grad_input, parameters, definition, (grad,), made, own.samples)


FAMILY = {gather: 1, scale: 2, scale_grad_input: 1}
"""Cases, with how often each is drawn."""
