"""Channels of zeros: with them a shortcut that has no weights gets as many channels as the path beside it."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from ..definitions.arrays import Array
from ..definitions.pointwise import concat_grad_input, pad_channels
from ..errors import ArgumentError, ShapeError
from ..geometry import LARGEST, whole_number
from ..steps import Shape
from .base import Layer, LayerBuild


class PadChannels(Layer):
    """More channels, all 0, before and after those of the input.

    ``y[n, before + c] = x[n, c]``

    Parameters
    ----------
    before, after : int
        How many channels of zeros; at least 0.

    Notes
    -----
    Shape: (N, C, H, W) -> (N, before + C + after, H, W), or features (N, F), likewise.

    In the small residual networks for CIFAR-10 a block that halves the image has twice the channels. Its shortcut takes
    every second pixel and pads the channels with zeros, so it has nothing to learn ("option A" of the paper).

    References
    ----------
    K. He et al., "Deep Residual Learning for Image Recognition", 2015, sections 3.3 and 4.2.

    Examples
    --------
    >>> from pellucid import MaxPool2d, Sequential
    >>> Sequential([MaxPool2d(1, stride=2), PadChannels(8, 8)]).output_shape((16, 32, 32))
    (32, 16, 16)
    """

    stem = "pad"

    def __init__(self, before: int, after: int):
        super().__init__()
        self.before, self.after = _channels(before, "before"), _channels(after, "after")

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 3):
            raise ShapeError("expects images (C, H, W) or features (F,)", str(input_shape), "put Flatten() before it")
        return self.before + input_shape[0] + self.after, *input_shape[1:]

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = x.shape[1]
        return pad_channels(x, **self.config())

    def backward(self, grad_output: ArrayLike) -> Array:
        channels, grad_output = self.remembered(grad_output)
        return concat_grad_input(grad_output, start=self.before, stop=self.before + channels)

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("pad_channels", [x], [y], **self.config())
        return y

    def config(self) -> dict[str, Any]:
        return {"before": self.before, "after": self.after}


def _channels(value: object, name: str) -> int:
    count = whole_number(value, name, minimum=0)
    if count > LARGEST:  # no weight comes with them: a file could ask for any number
        raise ArgumentError(f"{name}: expected at most {LARGEST:,} channels, received {count:,}")
    return count
