"""The convolutional layer."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from ..definitions.arrays import Array
from ..definitions.conv import conv2d, conv2d_grad_bias, conv2d_grad_input, conv2d_grad_weight
from ..errors import ArgumentError
from ..geometry import PaddingArgument, Pair, Window, whole_number
from ..initializers import HeNormal, Initializer
from ..steps import Shape
from .base import Layer, LayerBuild
from .images import image_shape, places
from .parameter import Parameter


class Convolution(Layer):
    """What `Conv2d` and `ConvTranspose2d` have in common: channels in groups, a window, filters and their biases."""

    window: Window

    def __init__(self, in_channels: int, out_channels: int, groups: int):
        super().__init__()
        self.in_channels = whole_number(in_channels, "in_channels")
        self.out_channels = whole_number(out_channels, "out_channels")
        self.groups = whole_number(groups, "groups")

    def _learn(self, filters: int, channels: int, bias: bool, initializer: Initializer | None) -> None:
        """Take parameters: `filters` filters, each of which sees or makes the `channels` of its group."""
        for name, count in (("in_channels", self.in_channels), ("out_channels", self.out_channels)):
            if count % self.groups:
                raise ArgumentError(f"groups: expected a divisor of {name} = {count}, received {self.groups}")
        shape = (filters, channels // self.groups, *self.window.kernel_size)
        self.weight = Parameter("weight", shape, initializer, default=HeNormal())
        self.bias = Parameter("bias", (self.out_channels,)) if bias else None

    def _lowered(self, build: LayerBuild, x: int) -> list[int]:
        """Return what the layer's step reads: x, and the parameters."""
        parameters = [self.weight] if self.bias is None else [self.weight, self.bias]
        return [x, *map(build.parameter, parameters)]


class Conv2d(Convolution):
    """2-D convolution: every filter slides over the image and is multiplied with what it sees.

    ``y[n, f, oy, ox] = bias[f] + Σ c, ky, kx  x[n, c, i, j] · weight[f, c, ky, kx]``
    with ``i = oy·SH + ky·DH − top, j = ox·SW + kx·DW − left``

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input, and filters.
    kernel_size : int or (int, int)
        Height and width of a filter.
    stride, dilation : int or (int, int), default 1
        Pixels from one place to the next, and from one tap of the filter to the next.
    padding : int, (int, int), ((top, bottom), (left, right)) or "same", default 0
        Zeros round the image; "same" gives ``ceil(size / stride)`` places.
    groups : int, default 1
        Cuts the channels into runs that do not see each other; ``groups=in_channels`` is a depthwise convolution.
    bias : bool, default True
    initializer : Initializer, optional
        Of the weights, by default the network's, or else HeNormal(); the bias begins as zeros.

    Attributes
    ----------
    weight : Parameter (out_channels, in_channels/groups, KH, KW)
    bias : Parameter (out_channels,) or None

    Notes
    -----
    Shape: (N, in_channels, H, W) -> (N, out_channels, OH, OW) with
    ``OH = (H + top + bottom − (DH·(KH − 1) + 1)) // SH + 1``, and OW likewise.

    References
    ----------
    Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> conv = Conv2d(1, 8, 3, padding=1)
    >>> y = conv.forward(np.zeros((1, 1, 28, 28)))
    >>> y.shape, conv.backward(y).shape
    ((1, 8, 28, 28), (1, 1, 28, 28))
    """

    stem = "conv"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: PaddingArgument = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | None = None,
    ):
        super().__init__(in_channels, out_channels, groups)
        self.window = Window.of(kernel_size, stride, padding, dilation)
        self._learn(self.out_channels, self.in_channels, bias, initializer)

    def output_shape(self, input_shape: Shape) -> Shape:
        _, height, width = image_shape(input_shape, self.in_channels)
        return self.out_channels, *places(self.window, (height, width))

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        bias = None if self.bias is None else self.bias.data
        return conv2d(x, self.weight.data, bias, window=self._window(x.shape), groups=self.groups)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad_output = self.remembered(grad_output)
        window = self._window(x.shape)
        self.weight.grad = conv2d_grad_weight(x, grad_output, window=window, groups=self.groups)
        if self.bias is not None:
            self.bias.grad = conv2d_grad_bias(grad_output)
        return conv2d_grad_input(grad_output, self.weight.data, size=x.shape[2:], window=window, groups=self.groups)

    def lower(self, build: LayerBuild, x: int) -> int:
        y = build.activation(self.output_shape(build.shape(x)))
        window = self._window(build.shape(x))
        build.step("conv2d", self._lowered(build, x), [y], window=window, groups=self.groups)
        return y

    def _window(self, shape: Shape) -> Window:
        return self.window.on((shape[-2], shape[-1]))

    def config(self) -> dict[str, Any]:
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "kernel_size": self.window.kernel_size,
            "stride": self.window.stride,
            "padding": self.window.padding,
            "dilation": self.window.dilation,
            "groups": self.groups,
            "bias": self.bias is not None,
        }
