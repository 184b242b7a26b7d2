"""Pooling layers: a window's largest value, its mean, or means of regions that cover the image."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from ..definitions.arrays import Array
from ..definitions.pool import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_grad_input,
    avg_pool2d,
    avg_pool2d_grad_input,
    max_pool2d,
    max_pool2d_grad_input,
)
from ..errors import ArgumentError, ShapeError
from ..geometry import PaddingArgument, Pair, Window, pair
from ..steps import Shape
from .base import Layer, LayerBuild
from .images import image_shape, places


class Pool(Layer):
    """Base of the pools with a window: every channel is pooled by itself."""

    stem = "pool"

    def __init__(self, window: Window):
        super().__init__()
        self.window = window
        if window.padding != "same":
            for axis, name in ((0, "vertical"), (1, "horizontal")):
                if max(window.sides[axis]) >= window.extent[axis]:
                    raise ArgumentError(
                        f"padding: expected less than the window's {window.extent[axis]} pixels ({name}), so that "
                        f"every window sees the image; received {max(window.sides[axis])}"
                    )

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, height, width = image_shape(input_shape)
        rows, columns = places(self.window, (height, width))
        for axis, size, what in ((0, height, "row"), (1, width, "column")):
            place = self.window.blind(axis, size)
            if place is not None:
                raise ShapeError(
                    f"the window of output {what} {place} would see nothing but padding, for its taps lie "
                    f"{self.window.dilation[axis]} pixels apart",
                    f"{height}×{width} pixels",
                    "use a smaller dilation or less padding",
                )
        return channels, rows, columns

    def _window(self, shape: Shape) -> Window:
        return self.window.on((shape[-2], shape[-1]))

    def config(self) -> dict[str, Any]:
        return {
            "kernel_size": self.window.kernel_size,
            "stride": self.window.stride,
            "padding": self.window.padding,
            "ceil_mode": self.window.ceil_mode,
            "dilation": self.window.dilation,
        }


class _Maxima(Layer):
    """Base of the layers that take the largest value of each window, whichever windows they are."""

    def _window(self, shape: Shape) -> Window:
        """Return the window for images of a shape (…, H, W)."""
        raise NotImplementedError(f"{type(self).__name__} does not say its windows")

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return max_pool2d(x, window=self._window(x.shape))

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        return max_pool2d_grad_input(x, grad_output, window=self._window(x.shape))

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("max_pool2d", [x], [y], window=self._window(build.shape(x)))
        return y


class MaxPool2d(Pool, _Maxima):
    """The largest value of each window; of equal ones the first in row-major order takes the gradient.

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), default kernel_size
        Smaller than kernel_size: the windows overlap.
    padding : int, (int, int), ((top, bottom), (left, right)) or "same", default 0
        Pixels of −∞, which never win.
    dilation : int or (int, int), default 1
    ceil_mode : bool, default False
        Whether a last window that hangs over the edge counts.

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C, OH, OW), sizes as for `Conv2d`. A NaN is the largest value of its window.

    Examples
    --------
    >>> MaxPool2d(2).forward([[[[1, 2], [3, 4]]]])
    array([[[[4.]]]], dtype=float32)
    """

    def __init__(
        self,
        kernel_size: int | Pair,
        *,
        stride: int | Pair | None = None,
        padding: PaddingArgument = 0,
        dilation: int | Pair = 1,
        ceil_mode: bool = False,
    ):
        stride = kernel_size if stride is None else stride
        super().__init__(Window.of(kernel_size, stride, padding, dilation, ceil_mode))


class AvgPool2d(Pool):
    """The mean of each window.

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), default kernel_size
    padding : int, (int, int), ((top, bottom), (left, right)) or "same", default 0
        Pixels of 0.
    dilation : int or (int, int), default 1
    ceil_mode : bool, default False
        Whether a last window that hangs over the edge counts.
    count_include_pad : bool, default True
        Whether the padding's zeros count in the mean.

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C, OH, OW), sizes as for `Conv2d`.

    Examples
    --------
    >>> AvgPool2d(2).forward([[[[1, 2], [3, 4]]]])
    array([[[[2.5]]]], dtype=float32)
    """

    def __init__(
        self,
        kernel_size: int | Pair,
        *,
        stride: int | Pair | None = None,
        padding: PaddingArgument = 0,
        dilation: int | Pair = 1,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        stride = kernel_size if stride is None else stride
        super().__init__(Window.of(kernel_size, stride, padding, dilation, ceil_mode))
        self.count_include_pad = bool(count_include_pad)

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return avg_pool2d(x, window=self._window(x.shape), count_include_pad=self.count_include_pad)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        window = self._window(x.shape)
        return avg_pool2d_grad_input(
            grad_output, size=x.shape[2:], window=window, count_include_pad=self.count_include_pad
        )

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        window = self._window(build.shape(x))
        build.step("avg_pool2d", [x], [y], window=window, count_include_pad=self.count_include_pad)
        return y

    def config(self) -> dict[str, Any]:
        return {**super().config(), "count_include_pad": self.count_include_pad}


class AdaptiveMaxPool2d(_Maxima):
    """The largest values of OH×OW regions of one size that together are the image; ``output_size=1`` takes all of it.

    It is `MaxPool2d` with a window and a stride that follow from the image.

    Parameters
    ----------
    output_size : int or (int, int), default 1

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C, OH, OW), where OH divides H and OW divides W.

    Examples
    --------
    >>> AdaptiveMaxPool2d().forward([[[[1, 2], [3, 4]]]])
    array([[[[4.]]]], dtype=float32)
    """

    stem = "pool"

    def __init__(self, output_size: int | Pair = 1):
        super().__init__()
        self.output_size = pair(output_size, "output_size")

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, *size = image_shape(input_shape)
        if any(pixels % regions for pixels, regions in zip(size, self.output_size, strict=True)):
            regions = "×".join(map(str, self.output_size))
            fix = f"use MaxPool2d, or an output_size that divides {size[0]}×{size[1]}"
            raise ShapeError(f"cuts images into {regions} regions of one size", f"{size[0]}×{size[1]} pixels", fix)
        return channels, *self.output_size

    def _window(self, shape: Shape) -> Window:
        region = shape[-2] // self.output_size[0], shape[-1] // self.output_size[1]
        return Window(region, region)

    def config(self) -> dict[str, Any]:
        return {"output_size": self.output_size}


class AdaptiveAvgPool2d(Layer):
    """Means of OH×OW regions that together cover the image, whatever its size; ``output_size=1`` is global pooling.

    Region (a, b) holds the rows ``⌊a·H/OH⌋`` up to ``⌈(a+1)·H/OH⌉`` and the columns likewise.

    Parameters
    ----------
    output_size : int or (int, int), default 1

    Notes
    -----
    Shape: (N, C, H, W) -> (N, C, OH, OW).

    A region is summed before it is divided: float32 numbers whose sum passes 3.4e38 may have an infinite mean. The
    compiled network sums a whole region, NumPy's code each column of it first, so the one may be infinite where the
    other is not; up to 3.4e38 / (H·W) neither is.

    References
    ----------
    M. Lin, Q. Chen and S. Yan, "Network in Network", 2014, section 3.2 (global average pooling).
    """

    stem = "pool"

    def __init__(self, output_size: int | Pair = 1):
        super().__init__()
        self.output_size = pair(output_size, "output_size")

    def output_shape(self, input_shape: Shape) -> Shape:
        return image_shape(input_shape)[0], *self.output_size

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return adaptive_avg_pool2d(x, output_size=self.output_size)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        return adaptive_avg_pool2d_grad_input(grad_output, size=x.shape[2:])

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("adaptive_avg_pool2d", [x], [y], output_size=self.output_size)
        return y

    def config(self) -> dict[str, Any]:
        return {"output_size": self.output_size}
