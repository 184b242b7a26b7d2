"""The transposed convolution, which makes images larger."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from ..definitions.arrays import Array
from ..definitions.conv_transpose import (
    conv_transpose2d,
    conv_transpose2d_grad_bias,
    conv_transpose2d_grad_input,
    conv_transpose2d_grad_weight,
)
from ..errors import ArgumentError, ShapeError
from ..geometry import Pair, Window, extent, pair
from ..initializers import Initializer
from ..steps import Shape
from .base import LayerBuild
from .conv import Convolution
from .images import image_shape


class ConvTranspose2d(Convolution):
    """Transposed 2-D convolution: every pixel adds a multiple of a filter to the image, the filters a stride apart.

    ``y[n, c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] += x[n, f, oy, ox] · weight[f, c, ky, kx]``, and bias[c] once

    It is the gradient of a `Conv2d`'s input, as a layer: where that makes H×W pixels of OH×OW, this makes OH×OW of H×W.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or (int, int)
        Height and width of a filter.
    stride, dilation : int or (int, int), default 1
        Pixels of the output from one filter to the next, and from one tap of a filter to the next.
    padding : int, (int, int) or ((top, bottom), (left, right)), default 0
        Pixels that are cut off round the output.
    output_padding : int or (int, int), default 0
        Rows and columns that the output has more, below and on the right, fewer than the stride: a `Conv2d` makes the
        same size of several, and this says which of them comes back. (PyTorch takes more where the dilation is larger
        than the stride; those rows and columns are out of reach of the pixels.)
    groups : int, default 1
        Cuts the channels into runs that do not see each other.
    bias : bool, default True
    initializer : Initializer, optional
        Of the weights, by default the network's, or else HeNormal(); the bias begins as zeros. Its fan-in is
        out_channels/groups·KH·KW, as in PyTorch.

    Attributes
    ----------
    weight : Parameter (in_channels, out_channels/groups, KH, KW)
    bias : Parameter (out_channels,) or None

    Notes
    -----
    Shape: (N, in_channels, H, W) -> (N, out_channels, OH, OW) with
    ``OH = (H − 1)·SH − top − bottom + DH·(KH − 1) + 1 + output_padding``, and OW likewise.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> up = ConvTranspose2d(8, 4, 2, stride=2)
    >>> up.forward(np.zeros((1, 8, 7, 7))).shape
    (1, 4, 14, 14)
    """

    stem = "conv_transpose"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair | tuple[Pair, Pair] = 0,
        output_padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | None = None,
    ):
        super().__init__(in_channels, out_channels, groups)
        self.window = Window.of(kernel_size, stride, padding, dilation)
        self.output_padding = pair(output_padding, "output_padding", 0)
        if self.window.padding == "same":
            raise ArgumentError('padding: expected numbers, received "same", which is for Conv2d alone')
        if any(more >= step for more, step in zip(self.output_padding, self.window.stride, strict=True)):
            raise ArgumentError(
                f"output_padding: expected less than the stride {self.window.stride}, received {self.output_padding}"
            )
        self._learn(self.in_channels, self.out_channels, bias, initializer)

    def output_shape(self, input_shape: Shape) -> Shape:
        _, height, width = image_shape(input_shape, self.in_channels)
        rows, columns = self._size((height, width))
        if rows < 1 or columns < 1:
            raise ShapeError(
                f"cuts off all of its output by padding={self.window.padding}: {rows}×{columns} pixels are left",
                f"{height}×{width} pixels",
                "use less padding",
            )
        return self.out_channels, rows, columns

    def _size(self, size: Pair) -> Pair:
        """Return rows and columns of the output for an input of `size`."""
        window = self.window
        axes = zip(size, window.kernel_size, window.stride, window.sides, window.dilation, strict=True)
        rows, columns = (
            (places - 1) * stride - sum(sides) + extent(kernel, dilation)
            for places, kernel, stride, sides, dilation in axes
        )
        return rows + self.output_padding[0], columns + self.output_padding[1]

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        bias = None if self.bias is None else self.bias.data
        size = self._size((x.shape[2], x.shape[3]))
        return conv_transpose2d(x, self.weight.data, bias, size=size, window=self.window, groups=self.groups)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        self.weight.grad = conv_transpose2d_grad_weight(x, grad_output, window=self.window, groups=self.groups)
        if self.bias is not None:
            self.bias.grad = conv_transpose2d_grad_bias(grad_output)
        return conv_transpose2d_grad_input(grad_output, self.weight.data, window=self.window, groups=self.groups)

    def lower(self, build: LayerBuild, x: int) -> int:
        shape = self.output_shape(build.shape(x))
        y, inputs = build.activation(shape), self._lowered(build, x)
        build.step("conv_transpose2d", inputs, [y], size=shape[1:], window=self.window, groups=self.groups)
        return y

    def config(self) -> dict[str, Any]:
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "kernel_size": self.window.kernel_size,
            "stride": self.window.stride,
            "padding": self.window.padding,
            "output_padding": self.output_padding,
            "dilation": self.window.dilation,
            "groups": self.groups,
            "bias": self.bias is not None,
        }
