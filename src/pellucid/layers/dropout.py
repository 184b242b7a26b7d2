"""Dropout."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import number
from ..definitions.arrays import Array
from ..definitions.pointwise import dropout, dropout_grad_input
from ..errors import ShapeError
from ..random import Purpose, key
from ..steps import Shape
from .base import Layer, LayerBuild


class Dropout(Layer):
    """In training, each value is set to 0 with probability p, and the others are divided by 1 − p.

    So their mean stays as it is, and outside training nothing is left to be done.

    In a network every sample's mask follows from the seed, the epoch and the sample's position in it. Used alone, the
    layer counts its calls instead: the first training forward draws mask 0, the next mask 1, and so on.

    Parameters
    ----------
    p : float, default 0.5
        Probability of dropping a value, from 0 up to but not including 1.

    Notes
    -----
    Shape: (N, C, H, W) or (N, F), unchanged.

    References
    ----------
    N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """

    stem = "dropout"

    def __init__(self, p: float = 0.5):
        super().__init__()
        self.p = number(p, "p", "a number from 0 up to but not 1")
        self.place(seed=0, path="")

    def place(self, seed: int, path: str) -> None:
        # used alone, layers at different paths draw different masks
        self._seed, self._ordinal, self._calls = seed, zlib.crc32(path.encode()), 0

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 3):
            raise ShapeError("expects images (C, H, W) or features (F,)", str(input_shape), "put Flatten() before it")
        return input_shape

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        x = self.accept(x)
        if not training:
            self._cache = ()
            return x
        self._cache = key(self._seed, Purpose.DROPOUT, self._calls), np.arange(len(x))
        self._calls += 1
        return dropout(x, *self._cache, p=self.p, ordinal=self._ordinal)

    def backward(self, grad_output: ArrayLike) -> Array:
        mask, grad_output = self.remembered(grad_output)
        return dropout_grad_input(grad_output, *mask, p=self.p, ordinal=self._ordinal) if mask else grad_output

    def lower(self, build: LayerBuild, x: int) -> int:
        if not build.training:
            return x
        y = build.activation(self.output_shape(build.shape(x)))
        inputs = [x, build.scalar("dropout_key", (2,)), build.position()]
        build.step("dropout", inputs, [y], p=self.p, ordinal=build.ordinal())
        return y

    def config(self) -> dict[str, Any]:
        return {"p": self.p}
