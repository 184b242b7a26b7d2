"""L = Σ r·forward(x): a layer as a function of its parameters and its input, each of which may be moved a little."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..definitions.arrays import Array
from ..errors import ArgumentError, DataError
from ..layers import Layer
from ..network import Network
from ..random import Purpose, element_words, key, uniform
from ..steps import Shape

ROUNDING = 64 * float(np.finfo(np.float64).eps)
"""What rounding may do to a sum of outputs, relative to the root of the sum of their squares: a generous guess."""


class Function:
    """L = Σ r·forward(x), of a copy of the layer, as a function of its parameters and x, which may be moved."""

    def __init__(self, layer: Layer, x: NDArray[Any], training: bool, seed: int):
        if not x.size:
            raise DataError(f"x: expected at least one sample, received shape {x.shape}")
        if isinstance(layer, Network) and layer.input_shape is not None and x.dtype == np.uint8:
            x = x / 255  # what the network does with uint8, and with nothing else
        self._x = np.array(x, np.float64)
        self._training = training
        self._layer = copy.deepcopy(layer)
        self._layer.cast(np.float64)
        self._parameters = self._layer.parameters()
        for parameter in self._parameters.values():
            parameter.grad = None
        self.tensors = {path: parameter.data for path, parameter in self._parameters.items()} | {"input": self._x}

        fresh = self._fresh()
        self._outputs = self._forward(fresh)
        if not np.isfinite(self._outputs).all():
            raise DataError("x: the outputs for it hold a NaN or an infinity, and those have no gradient")
        self._weights = random_direction(self._outputs.shape, seed, "outputs")
        grad_input: Array | None = fresh.backward(self._weights.copy())
        self.gradients = {path: parameter.grad for path, parameter in self._parameters.items()} | {"input": grad_input}
        self.rounding = ROUNDING * float(np.linalg.norm(self._weights * self._outputs))

    def _fresh(self) -> Layer:
        """Return a copy of the layer as it was at the beginning: states and counters its own, parameters shared."""
        return copy.deepcopy(self._layer, {id(parameter): parameter for parameter in self._parameters.values()})

    def _forward(self, layer: Layer) -> Array:
        outputs = np.asarray(layer.forward(self._x.copy(), self._training))
        if outputs.dtype != np.float64:
            raise ArgumentError(
                f"{type(layer).__name__}.forward gave {outputs.dtype} for float64, which is too coarse to take "
                "differences of: let it compute in the layer's own dtype, as self.accept(x) returns x"
            )
        return outputs

    def move(self, name: str, by: Array) -> tuple[float, float]:
        """Return L(w + by) − L(w − by), and how far L bends in between: L(w + by) − 2·L(w) + L(w − by)."""
        tensor = self.tensors[name]
        here = tensor.copy()
        tensor[...] = here + by
        after = self._forward(self._fresh())
        tensor[...] = here - by
        before = self._forward(self._fresh())
        tensor[...] = here
        # output by output, so that those which do not change cancel exactly
        bend = (after - self._outputs) - (self._outputs - before)
        return float((self._weights * (after - before)).sum()), float((self._weights * bend).sum())


def random_direction(shape: Shape, seed: int, name: str) -> Array:
    """Return numbers from ½ to 1½ in size, with either sign: none of them hides what it is multiplied with."""
    words = element_words(key(seed, Purpose.INITIALIZE), f"direction of {name}", math.prod(shape))
    sizes = 0.5 + uniform(words, np.float64)  # from the upper 24 bits; the lowest gives the sign
    return np.where(words & 1, sizes, -sizes).reshape(shape)


def only(indices: range, direction: Array) -> Array:
    """Return the direction with 0 for all coordinates but a run of them, counted in row-major order."""
    part = np.zeros(direction.size)
    part[indices.start : indices.stop] = direction.reshape(-1)[indices.start : indices.stop]
    return part.reshape(direction.shape)
