"""Layers that give a sample another shape: its numbers in other axes, in another order, fewer of them, their means.

Axes are counted as in the batch: 0 is that of the samples, which stays, and 1 is the first of a sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from ..definitions.arrays import Array
from ..definitions.shape import mean, mean_grad_input, reshape, strided_slice, strided_slice_grad_input, transpose
from ..errors import ArgumentError, ShapeError
from ..geometry import whole_number
from ..steps import Shape
from .axes import whole_numbers
from .base import Layer, LayerBuild

_MEAN = "write Mean((2, 3)) for the mean over an image's pixels: axes are counted as in the batch, (N, C, H, W) from 0"
MOST_AXES = 63
"""Axes that a sample can have: NumPy's arrays have 64 at most, of which the batch takes one."""


class Reshape(Layer):
    """The same numbers, in row-major order, in other axes.

    Parameters
    ----------
    shape : tuple of int
        Of a sample, 63 sizes at most: with the batch's NumPy takes no more axes. One may be −1: it is what the others
        leave.

    Notes
    -----
    Shape: (N, …) -> (N, *shape), of as many numbers.

    Examples
    --------
    >>> Reshape((2, -1)).output_shape((4, 3, 3))
    (2, 18)
    """

    stem = "reshape"

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = whole_numbers(shape, "shape", minimum=-1, fix="write Reshape((16, 4, 4)), or Reshape((2, -1))")
        if 0 in self.shape or self.shape.count(-1) > 1:
            raise ArgumentError(f"shape: expected sizes of at least 1, of which one may be -1, received {self.shape}")
        if len(self.shape) > MOST_AXES:
            raise ArgumentError(
                f"shape: expected at most {MOST_AXES} axes beside the batch's, received {len(self.shape)}; "
                "leave out sizes of 1"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        count, known = math.prod(input_shape), math.prod(size for size in self.shape if size != -1)
        shape = tuple(count // known if size == -1 else size for size in self.shape)
        if math.prod(shape) != count:
            raise ShapeError(f"makes samples of shape {self.shape}", f"{count} numbers: {input_shape}")
        return shape

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return reshape(x, shape=self.output_shape(x.shape[1:]))

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        return reshape(grad_output, shape=x.shape[1:])

    def lower(self, build: LayerBuild, x: int) -> int:
        shape = self.output_shape(build.shape(x))
        y = build.activation(shape)
        if len(shape) == 1:  # of which it is known that often nothing need be moved
            build.step("flatten", [x], [y])
        else:
            build.step("reshape", [x], [y], shape=shape)
        return y

    def config(self) -> dict[str, Any]:
        return {"shape": self.shape}


class Transpose(Layer):
    """A sample's axes in another order.

    Parameters
    ----------
    axes : tuple of int
        Which axis of the input each axis of the output is, counted as in the batch: (2, 3, 1) puts the channels of
        images last. It names each axis of a sample once.

    Notes
    -----
    Shape: (N, …) -> (N, …).

    Examples
    --------
    >>> Transpose((2, 3, 1)).output_shape((3, 32, 48))
    (32, 48, 3)
    """

    stem = "transpose"

    def __init__(self, axes: Sequence[int]):
        super().__init__()
        self.axes = whole_numbers(axes, "axes", fix="write Transpose((2, 3, 1)): axes are counted as in the batch")
        if sorted(self.axes) != list(range(1, len(self.axes) + 1)):
            raise ArgumentError(
                f"axes: expected each of a sample's axes once, counted from 1, such as (2, 3, 1), received {self.axes}"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.axes):
            raise ShapeError(f"orders {len(self.axes)} axes of a sample", f"{len(input_shape)}: {input_shape}")
        return tuple(input_shape[axis - 1] for axis in self.axes)

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return transpose(x, axes=self.axes)

    def backward(self, grad_output: ArrayLike) -> Array:
        _, grad_output = self.remembered(grad_output)
        return transpose(grad_output, axes=back_again(self.axes))

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("transpose", [x], [y], axes=self.axes)
        return y

    def config(self) -> dict[str, Any]:
        return {"axes": self.axes}


class Slice(Layer):
    """What lies along one axis from `start` up to but not `stop`, or every `step`-th of it.

    Parameters
    ----------
    axis : int
        Counted as in the batch: 1 is that of the channels.
    start : int, default 0
    stop : int or None, default None
        As in Python: a number below 0 is counted from the end, None is the end.
    step : int, default 1

    Notes
    -----
    Shape: (N, …) -> (N, …), shorter along the axis. In a compiled network other axes than that of the channels, and
    other steps than 1, run in NumPy.

    Examples
    --------
    >>> Slice(1, 2, 8).output_shape((16, 5, 5)), Slice(3, 0, -1, 2).output_shape((16, 5, 5))
    ((6, 5, 5), (16, 5, 2))
    """

    stem = "slice"

    def __init__(self, axis: int, start: int = 0, stop: int | None = None, step: int = 1):
        super().__init__()
        self.axis, self.step = whole_number(axis, "axis"), whole_number(step, "step")
        self.start = whole_number(start, "start", minimum=-(2**62))
        self.stop = None if stop is None else whole_number(stop, "stop", minimum=-(2**62))

    def output_shape(self, input_shape: Shape) -> Shape:
        if self.axis > len(input_shape):
            raise ShapeError(f"takes from axis {self.axis}", f"{len(input_shape)} beside the batch: {input_shape}")
        size = len(range(*self._bounds(input_shape)))
        if size == 0:
            raise ShapeError(
                f"takes {self.start} to {self.stop} of axis {self.axis}, which is nothing", str(input_shape)
            )
        return (*input_shape[: self.axis - 1], size, *input_shape[self.axis :])

    def _bounds(self, shape: Shape) -> tuple[int, int, int]:
        return slice(self.start, self.stop, self.step).indices(shape[self.axis - 1])

    def _attributes(self, shape: Shape) -> dict[str, int]:
        start, stop, step = self._bounds(shape)
        return {"axis": self.axis, "start": start, "stop": stop, "step": step}

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return strided_slice(x, **self._attributes(x.shape[1:]))

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        shape = x.shape[1:]
        return strided_slice_grad_input(grad_output, **self._attributes(shape), shape=shape)

    def lower(self, build: LayerBuild, x: int) -> int:
        shape = build.shape(x)
        y = build.activation(self.output_shape(shape))
        start, stop, step = self._bounds(shape)
        if self.axis == step == 1:
            build.step("slice_channels", [x], [y], start=start, stop=stop)
        else:
            build.step("strided_slice", [x], [y], **self._attributes(shape))
        return y

    def config(self) -> dict[str, Any]:
        return {"axis": self.axis, "start": self.start, "stop": self.stop, "step": self.step}


class Mean(Layer):
    """The mean over some of a sample's axes.

    Parameters
    ----------
    axes : tuple of int
        Counted as in the batch: (2, 3) are those of an image's pixels.
    keepdims : bool, default False
        Whether these axes stay, with one number each. Without them a sample must have an axis left.

    Notes
    -----
    Shape: (N, …) -> (N, …), without these axes. In a compiled network the mean over all pixels is made by the kernel of
    `AdaptiveAvgPool2d`, and others run in NumPy. Numbers are summed before they are divided, so a mean may be infinite
    where the sum passes 3.4e38 in float32; see `AdaptiveAvgPool2d`.

    Examples
    --------
    >>> Mean((2, 3)).output_shape((16, 7, 7)), Mean((2, 3), keepdims=True).output_shape((16, 7, 7))
    ((16,), (16, 1, 1))
    """

    stem = "mean"

    def __init__(self, axes: Sequence[int] = (), keepdims: bool = False):  # none at all is refused with an example
        super().__init__()
        self.axes, self.keepdims = whole_numbers(axes, "axes", fix=_MEAN), bool(keepdims)
        if len(set(self.axes)) < len(self.axes):
            raise ArgumentError(f"axes: expected each axis once, received {self.axes}")

    def output_shape(self, input_shape: Shape) -> Shape:
        if max(self.axes) > len(input_shape):
            held = f"{len(input_shape)} beside the batch: {input_shape}"
            raise ShapeError(f"takes the mean over axis {max(self.axes)}", held, _MEAN)
        left = tuple(size for axis, size in enumerate(input_shape, start=1) if axis not in self.axes)
        if not (left or self.keepdims):
            raise ShapeError("leaves no axis beside the batch", str(input_shape), "set keepdims=True")
        if not self.keepdims:
            return left
        return tuple(1 if axis in self.axes else size for axis, size in enumerate(input_shape, start=1))

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return mean(x, axes=self.axes, keepdims=self.keepdims)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        return mean_grad_input(grad_output, axes=self.axes, shape=x.shape[1:])

    def lower(self, build: LayerBuild, x: int) -> int:
        shape = build.shape(x)
        y = build.activation(self.output_shape(shape))
        if len(shape) != 3 or set(self.axes) != {2, 3}:
            build.step("mean", [x], [y], axes=self.axes, keepdims=self.keepdims)
        elif self.keepdims:
            build.step("adaptive_avg_pool2d", [x], [y], output_size=(1, 1))
        else:
            pixel = build.activation((shape[0], 1, 1), "pixel")
            build.step("adaptive_avg_pool2d", [x], [pixel], output_size=(1, 1))
            build.step("flatten", [pixel], [y])
        return y

    def config(self) -> dict[str, Any]:
        return {"axes": self.axes, "keepdims": self.keepdims}


def back_again(axes: Sequence[int]) -> Shape:
    """Return the order of axes that undoes another."""
    return tuple(axes.index(axis) + 1 for axis in range(1, len(axes) + 1))
