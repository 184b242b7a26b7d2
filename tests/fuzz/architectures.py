"""Random networks of one to eight layers, over all kinds of layers, of small and odd shapes.

Whatever a seed draws is a network: a layer that does not fit where it stands is drawn again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from pellucid import layers as kinds
from pellucid.definitions.arrays import Array
from pellucid.definitions.pointwise import sigmoid
from pellucid.errors import ArgumentError, ShapeError
from pellucid.geometry import PaddingArgument
from pellucid.layers import Layer
from pellucid.network import Graph, Sequential

Shape = tuple[int, ...]

CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 20, 24, 33)
FEATURES = (1, 2, 3, 5, 7, 8, 10, 16, 17, 31, 40, 65)
LARGE = 0.03
"""Share of networks of which one thing is large: an image, for leaves of 8 samples, or a matrix, summed serially."""


class Swish(Layer):
    """``y = x · sigmoid(x)``: a layer of one's own, without a kernel."""

    stem = "swish"

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = x = self.accept(x)
        return x * sigmoid(x)

    def backward(self, grad_output: ArrayLike) -> Array:
        x, grad = self.remembered(grad_output)
        share = sigmoid(x)
        return np.asarray(grad * (share + x * share * (1 - share)))


class Architect:
    """Draws layers.

    Parameters
    ----------
    rng : Generator

    Attributes
    ----------
    most_numbers : int
        Numbers of one sample that a layer may give.
    most_work : int
        Multiply-adds of a convolution and a sample: what NumPy does in a few milliseconds a batch.
    """

    most_numbers, most_work = 2_500, 400_000

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.for_images: dict[Callable[[Shape], Layer], float] = {
            self.conv: 4, self.common_conv: 2, self.depthwise: 1.5, self.max_pool: 2, self.avg_pool: 1.5,
            self.adaptive_pool: 0.5, self.batch_norm: 2, self.local_response: 1, self.dropout: 1, self.residual: 1.5,
            self.concat: 1.5, self.pad_channels: 0.5, self.activation: 4, self.nested: 0.7, self.flatten: 1,
            self.swish: 0.3, self.graph: 0.8, self.learnt: 0.5, self.moved: 0.4, self.larger: 0.5,
            self.norm_within: 0.3,
        }  # fmt: skip
        self.for_features: dict[Callable[[Shape], Layer], float] = {
            self.linear: 4, self.batch_norm: 1, self.dropout: 0.7, self.residual: 0.7, self.concat: 0.7,
            self.pad_channels: 0.3, self.activation: 2.5, self.nested: 0.4, self.flatten: 0.2, self.swish: 0.2,
            self.graph: 0.4, self.learnt: 0.4, self.moved: 0.2, self.norm_within: 0.2,
        }  # fmt: skip

    # ---- dice
    def chance(self, share: float) -> bool:
        """Return True that often."""
        return bool(self.rng.random() < share)

    def one(self, choices: Sequence[int]) -> int:
        """Return one of several numbers."""
        return int(choices[int(self.rng.integers(len(choices)))])

    def pair(self, *choices: int) -> tuple[int, int]:
        """Return two numbers, alike in half of the cases."""
        first = self.one(choices)
        return (first, first) if self.chance(0.5) else (first, self.one(choices))

    # ---- networks
    def input_shape(self) -> Shape:
        if self.chance(LARGE):
            return (2, 130, 127)  # 33,020 numbers
        if self.chance(0.2):
            return (self.one(FEATURES),)
        return self.one((1, 1, 2, 3, 4, 5, 8, 17)), int(self.rng.integers(1, 15)), int(self.rng.integers(1, 15))

    def grow(self, shape: Shape, count: int, nested: bool = False) -> tuple[list[Layer], Shape]:
        """Return that many layers, each of which takes what the one before gives, and the shape of what they give."""
        layers: list[Layer] = []
        while len(layers) < count:
            layer, shape = self.layer(shape, nested)
            layers.append(layer)
        return layers, shape

    def layer(self, shape: Shape, nested: bool = False) -> tuple[Layer, Shape]:
        """Return a layer that fits, and the shape of what it gives."""
        weights = self.for_images if len(shape) == 3 else self.for_features
        makers = [maker for maker in weights if not (nested and maker in (self.nested, self.flatten))]
        chances = np.array([weights[maker] for maker in makers])
        while True:
            maker = makers[int(self.rng.choice(len(makers), p=chances / chances.sum()))]
            try:
                layer = maker(shape)
                given = layer.output_shape(shape)
            except (ShapeError, ArgumentError):
                continue
            if math.prod(given) <= max(self.most_numbers, math.prod(shape)):
                return layer, given

    def fill(self, network: Sequential) -> None:
        """Draw what begins as constants too: biases, scales and statistics; freeze and share some parameters."""
        for name, parameter in network.parameters().items():
            if name.endswith("bias"):
                parameter.data = 0.3 * self.rng.standard_normal(parameter.shape)
            elif parameter.data.ndim == 1:
                parameter.data = self.rng.uniform(0.5, 1.5, parameter.shape) * self.rng.choice([-1, 1], parameter.shape)
            parameter.trainable = not self.chance(0.06)
        for name, state in network.states().items():
            drawn = self.rng.uniform(0.5, 2, state.shape)
            state.data = drawn if name.endswith("var") else 0.3 * self.rng.standard_normal(state.shape)
        if self.chance(0.1):
            self.share(network)

    def share(self, network: Sequential) -> None:
        """Let two layers of one kind and shape have the same weight, if there are two."""
        layers = [layer for _, layer in network.walk() if isinstance(layer, (kinds.Conv2d, kinds.Linear))]
        for i, first in enumerate(layers):
            for second in layers[i + 1 :]:
                alike = type(first) is type(second) and first.weight.shape == second.weight.shape
                if alike and getattr(first, "groups", 1) == getattr(second, "groups", 1):
                    second.weight = first.weight
                    return

    # ---- layers with a window
    def padding(self, most: tuple[int, int]) -> PaddingArgument:
        """Return padding of at most so many pixels, in one of the forms that it may have."""
        if self.chance(0.2):
            return "same"
        if self.chance(0.3):
            return 0
        (top, bottom), (left, right) = ([int(self.rng.integers(0, n + 1)) for _ in range(2)] for n in most)
        return (top, left) if self.chance(0.5) else ((top, bottom), (left, right))

    def common_conv(self, shape: Shape) -> Layer:
        """Return one like those at the beginning of most networks: for these there are kernels of other kinds."""
        return kinds.Conv2d(shape[0], self.one((2, 3, 5, 6, 8, 16)), self.pair(2, 3, 3, 5), padding=self.one((0, 0, 1)))

    def conv(self, shape: Shape) -> Layer:
        channels = shape[0]
        groups = self.one([g for g in (1, 1, 1, 2, 3, 4, channels) if channels % g == 0])
        filters = groups * max(1, self.one(CHANNELS) // groups)
        kernel = (1, 1) if self.chance(0.2) else self.pair(1, 2, 3, 3, 4, 5)
        conv = kinds.Conv2d(
            channels, filters, kernel, stride=self.pair(1, 1, 1, 2, 3), dilation=self.pair(1, 1, 1, 1, 2),
            padding=self.padding(kernel), groups=groups, bias=self.chance(0.8),
        )  # fmt: skip
        places = math.prod(conv.output_shape(shape)[1:])
        if places * math.prod(conv.weight.shape) > self.most_work:
            raise ShapeError("too much work")
        return conv

    def depthwise(self, shape: Shape) -> Layer:
        channels, kernel = shape[0], self.pair(1, 2, 3, 3, 5)
        return kinds.Conv2d(
            channels, channels, kernel, stride=self.pair(1, 1, 2, 3), dilation=self.pair(1, 1, 1, 2),
            padding=self.padding(kernel), groups=channels, bias=self.chance(0.6),
        )  # fmt: skip

    def max_pool(self, shape: Shape) -> Layer:
        kernel, dilation = self.pair(1, 2, 2, 3, 3, 4), self.pair(1, 1, 1, 2)
        most = (kernel[0] // 2, kernel[1] // 2)
        return kinds.MaxPool2d(
            kernel, stride=self.stride(), dilation=dilation, padding=self.padding(most), ceil_mode=self.chance(0.3)
        )

    def avg_pool(self, shape: Shape) -> Layer:
        kernel, dilation = self.pair(1, 2, 2, 3, 4), self.pair(1, 1, 1, 2)
        return kinds.AvgPool2d(
            kernel, stride=self.stride(), dilation=dilation, padding=self.padding((kernel[0] // 2, kernel[1] // 2)),
            ceil_mode=self.chance(0.3), count_include_pad=self.chance(0.5),
        )  # fmt: skip

    def stride(self) -> tuple[int, int] | None:
        return None if self.chance(0.5) else self.pair(1, 1, 2, 3)

    def adaptive_pool(self, shape: Shape) -> Layer:
        return kinds.AdaptiveAvgPool2d(1 if self.chance(0.5) else self.pair(1, 2, 3, 5))

    # ---- other layers
    def linear(self, shape: Shape) -> Layer:
        features = 66_000 // shape[0] if self.chance(LARGE) and shape[0] > 30 else self.one(FEATURES)
        return kinds.Linear(shape[0], features, bias=self.chance(0.8))

    def batch_norm(self, shape: Shape) -> Layer:
        return kinds.BatchNorm2d(shape[0], eps=float(self.rng.choice([1e-5, 1e-3, 0.1])), momentum=self.rng.random())

    def local_response(self, shape: Shape) -> Layer:
        return kinds.LocalResponseNorm(
            self.one((1, 2, 3, 5, 8)), alpha=float(self.rng.choice([1e-4, 0.1, 1.0])),
            beta=float(self.rng.choice([0.5, 0.75, 1.2])), k=float(self.rng.choice([1.0, 2.0])),
        )  # fmt: skip

    def dropout(self, shape: Shape) -> Layer:
        return kinds.Dropout(float(self.rng.choice([0, 0.1, 0.5, 0.8])))

    def activation(self, shape: Shape) -> Layer:
        match self.one((0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 6)):
            case 1:
                return kinds.LeakyReLU(float(self.rng.choice([0.01, 0.2])))
            case 2:
                return kinds.ReLU6()
            case 3:
                return kinds.Sigmoid()
            case 4:
                return kinds.Tanh()
            case 5:
                return kinds.Softmax()
            case 6:
                return self.newer_activation(shape)
        return kinds.ReLU()

    def newer_activation(self, shape: Shape) -> Layer:
        """Return one of the smooth activations, or one with kinks of its own."""
        match self.one((0, 1, 2, 3, 4, 5, 6, 7, 8)):
            case 0:
                return kinds.SiLU()
            case 1:
                return kinds.GELU()
            case 2:
                return kinds.Softplus()
            case 3:
                return kinds.LogSoftmax()
            case 4:
                return kinds.ELU()
            case 5:
                return kinds.Clip(-0.75, 1.25)
            case 6:
                return kinds.HardSigmoid(0.25, 0.5)
            case 7:
                return kinds.HardSwish()
        return kinds.PReLU(self.one((1, shape[0])))

    def learnt(self, shape: Shape) -> Layer:
        """Return numbers that are added or multiply: one for all, one a channel, or one a place."""
        kind = kinds.Bias if self.chance(0.5) else kinds.Gain
        match self.one((0, 1, 1, 2)):
            case 0:
                return kind(1)
            case 1:
                return kind((shape[0], *(1 for _ in shape[1:])))
        return kind(shape)

    def moved(self, shape: Shape) -> Layer:
        """Return a layer that gives a sample another shape."""
        match self.one((0, 1, 2, 3, 4)) if len(shape) == 3 else 4:
            case 0:
                return kinds.Reshape((shape[1], shape[0] * shape[2], 1))
            case 1:
                return kinds.Transpose((2, 1, 3))
            case 2:
                return kinds.Pad((0, 1, 0), (0, 0, 2), "edge" if self.chance(0.5) else "constant")
            case 3:
                return kinds.Slice(2, 0, None, self.one((1, 2)))
        return kinds.Slice(1, self.one((0, 1)))

    def larger(self, shape: Shape) -> Layer:
        """Return a layer that makes more pixels."""
        match self.one((0, 0, 1, 2)):
            case 0:
                groups = shape[0] if self.chance(0.3) else 1
                channels, stride = groups if groups > 1 else self.one(CHANNELS), self.pair(1, 2, 3)
                return kinds.ConvTranspose2d(
                    shape[0], channels, self.pair(1, 2, 3), stride=stride, padding=self.one((0, 0, 1)),
                    output_padding=(int(self.rng.integers(stride[0])), 0), dilation=self.pair(1, 1, 2),
                    groups=groups, bias=self.chance(0.7),
                )  # fmt: skip
            case 1:
                return kinds.Upsample(scale_factor=self.pair(1, 2, 3))
        return kinds.Upsample(self.pair(1, 4, 9), mode="bilinear" if self.chance(0.5) else "nearest")

    def norm_within(self, shape: Shape) -> Layer:
        """Return a layer that normalises each sample by itself."""
        if self.chance(0.5):
            return kinds.LayerNorm(shape[self.one((0, -1)) :], eps=0.1)
        return kinds.GroupNorm(self.one((1, shape[0])), shape[0], eps=0.1)

    def pad_channels(self, shape: Shape) -> Layer:
        return kinds.PadChannels(self.one((0, 1, 2, 4, 8)), self.one((0, 1, 3, 8)))

    def flatten(self, shape: Shape) -> Layer:
        return kinds.Flatten()

    def swish(self, shape: Shape) -> Layer:
        return Swish()

    # ---- layers of layers
    def nested(self, shape: Shape) -> Layer:
        return Sequential(self.grow(shape, int(self.rng.integers(1, 4)), nested=True)[0])

    def residual(self, shape: Shape) -> Layer:
        """Return a body that keeps the shape beside nothing, or one that changes it beside a shortcut."""
        if self.chance(0.5):
            return kinds.Residual(self.keeping(shape))
        channels, stride = self.one(CHANNELS), self.one((1, 2))
        if len(shape) == 1:
            return kinds.Residual(kinds.Linear(shape[0], channels), kinds.Linear(shape[0], channels))
        body: list[Layer] = [kinds.Conv2d(shape[0], channels, 3, stride=stride, padding=1)]
        if self.chance(0.5):
            body += [kinds.BatchNorm2d(channels), kinds.ReLU()]
        return kinds.Residual(Sequential(body), self.shortcut(shape[0], channels, stride))

    def shortcut(self, channels: int, more: int, stride: int) -> Layer:
        """Return a projection, or, where channels are not to become fewer, perhaps a path without weights."""
        if more < channels or self.chance(0.4):
            return kinds.Conv2d(channels, more, 1, stride=stride, bias=False)
        before = int(self.rng.integers(more - channels + 1))
        return Sequential([kinds.MaxPool2d(1, stride=stride), kinds.PadChannels(before, more - channels - before)])

    def keeping(self, shape: Shape) -> Layer:
        """Return a layer that gives the shape that it takes."""
        while True:
            layer, given = self.layer(shape, nested=True)
            if given == shape:
                return layer

    def graph(self, shape: Shape) -> Layer:
        """Return a graph of values of one shape, read in any way; what nobody has read is joined at the end."""
        nodes: dict[str, Sequence[Layer | kinds.Join | str]] = {}
        names = ["input"]
        for number in range(int(self.rng.integers(1, 5))):
            name, one, other = f"node{number}", *(str(self.rng.choice(names)) for _ in range(2))
            match self.one((0, 0, 0, 1, 2)):
                case 1:
                    nodes[name] = (kinds.joins.Add(), one, other)
                case 2:
                    nodes[f"{name}_gate"] = (kinds.Sigmoid(), other)
                    if len(shape) == 3:
                        nodes[f"{name}_mean"] = (kinds.AdaptiveAvgPool2d((1, self.one((1, shape[2])))), f"{name}_gate")
                    nodes[name] = (kinds.joins.Multiply(), one, next(reversed(nodes)))
                case _:
                    nodes[name] = (self.keeping(shape), one)
            names.append(name)
        read = {source for _, *sources in nodes.values() for source in sources}
        if loose := [name for name in names if name not in read and name != names[-1]]:
            nodes["end"] = (self.end(), *loose, names[-1])
        return Graph(nodes)

    def end(self) -> kinds.Join:
        return kinds.joins.Add() if self.chance(0.5) else kinds.joins.Concat()

    def concat(self, shape: Shape) -> Layer:
        return kinds.Concat(*(self.branch(shape) for _ in range(self.one((1, 2, 2, 3)))))

    def branch(self, shape: Shape) -> Layer:
        """Return a layer that keeps height and width."""
        if self.chance(0.4):
            return self.keeping(shape)
        channels = self.one(CHANNELS)
        if len(shape) == 1:
            return kinds.Linear(shape[0], channels)
        conv = kinds.Conv2d(shape[0], channels, self.one((1, 3, 5)), padding="same", bias=self.chance(0.7))
        return Sequential([conv, self.activation(shape)]) if self.chance(0.5) else conv
