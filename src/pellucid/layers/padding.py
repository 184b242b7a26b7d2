"""Padding: channels of zeros, with which a shortcut that has no weights gets as many as the path beside it, and numbers
around any axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from ..arguments import number, shown
from ..definitions.arrays import Array
from ..definitions.pointwise import concat_grad_input, pad_channels
from ..definitions.shape import pad, pad_grad_input
from ..errors import ArgumentError, ShapeError
from ..geometry import LARGEST, whole_number
from ..steps import Shape
from .axes import amounts
from .base import Layer, LayerBuild

_PAD = (
    "write Pad((0, 1, 1)), a number for each of a sample's axes: channels, rows, columns; "
    "Pad((0, 1, 1), (0, 2, 2)) adds others behind than before"
)


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


class Pad(Layer):
    """A sample with more numbers around: 0 or another value, the edge again, or what lies on the other side of it.

    Parameters
    ----------
    before, after : tuple of int
        How many on either side of each of a sample's axes, the batch not counted: (0, 1, 1) is none for channels, one
        for rows and columns. `after` is `before` where it is not given.
    mode : "constant", "edge" or "reflect", default "constant"
    value : float, default 0
        For "constant".

    Notes
    -----
    Shape: (N, A, B, …) -> (N, before₁ + A + after₁, before₂ + B + after₂, …). In a compiled network all but zeros
    for channels runs in NumPy.

    Before a convolution zeros need no layer: `Conv2d` pads each side by itself, ``padding=((top, bottom), (left,
    right))``, and so do the pools.

    Examples
    --------
    >>> Pad((0, 1, 1)).output_shape((3, 8, 8))
    (3, 10, 10)
    >>> Pad((1,), (2,), "reflect").forward([[1, 2, 3]])
    array([[2., 1., 2., 3., 2., 1.]], dtype=float32)
    """

    stem = "pad"

    def __init__(
        self, before: Sequence[int], after: Sequence[int] | None = None, mode: str = "constant", value: float = 0.0
    ):
        super().__init__()
        self.before = amounts(before, "before", _PAD)
        self.after = self.before if after is None else amounts(after, "after", _PAD)
        self.mode, self.value = mode, number(value, "value")
        if len(self.after) != len(self.before):
            raise ArgumentError(f"after: expected as many numbers as before has, {len(self.before)}, received {after}")
        if mode not in ("constant", "edge", "reflect"):
            raise ArgumentError(f"mode: expected 'constant', 'edge' or 'reflect', received {shown(mode)}")

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.before):
            raise ShapeError(f"pads {len(self.before)} axes of a sample", f"{len(input_shape)}: {input_shape}", _PAD)
        for size, sides in zip(input_shape, zip(self.before, self.after, strict=True), strict=True):
            if self.mode == "reflect" and max(sides) >= size:
                raise ShapeError(f"reflects up to {max(sides)} numbers beyond an edge", f"{size}: {input_shape}")
        return tuple(sum(sizes) for sizes in zip(self.before, input_shape, self.after, strict=True))

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return pad(x, **self.config())

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        return pad_grad_input(grad_output, before=self.before, after=self.after, mode=self.mode, shape=x.shape[1:])

    def lower(self, build: LayerBuild, x: int) -> int:
        shape = build.shape(x)
        y = build.activation(self.output_shape(shape))
        if self._of_channels(shape):
            build.step("pad_channels", [x], [y], before=self.before[0], after=self.after[0])
        else:
            build.step("pad", [x], [y], **self.config())
        return y

    def _of_channels(self, shape: Shape) -> bool:
        """Return whether only zeros are added, and only to the channels of images or to features: as `PadChannels`."""
        zeros = self.mode == "constant" and self.value == 0 and len(shape) in (1, 3)
        return zeros and not any(self.before[1:] + self.after[1:])

    def config(self) -> dict[str, Any]:
        return {"before": self.before, "after": self.after, "mode": self.mode, "value": self.value}


def _channels(value: object, name: str) -> int:
    count = whole_number(value, name, minimum=0)
    if count > LARGEST:  # no weight comes with them: a file could ask for any number
        raise ArgumentError(f"{name}: expected at most {LARGEST:,} channels, received {count:,}")
    return count
