"""The MobileNets: a convolution taken apart into one for space and one for channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, ReLU, ReLU6, Residual
from ..network import Item, NetworkOptions, Sequential
from .making import model

V1 = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip
"""Output channels and stride of the separable convolutions of MobileNetV1: its paper's table 1.

The table gives the last depthwise convolution a stride of 2, but 7×7 pixels before it and after it: 1 is meant.
"""

V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, output channels, blocks and stride of the first of them, for the stages of MobileNetV2: its paper's table
2."""


@model
def mobilenet_v1(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """MobileNet, for telephones.

    By Andrew Howard, Menglong Zhu, Bo Chen, Dmitry Kalenichenko, Weijun Wang, Tobias Weyand, Marco Andreetto and
    Hartwig Adam, 2017. It consists of separable convolutions, as Xception had (F. Chollet, 2016): a depthwise 3×3 one
    looks at each channel by itself, a 1×1 one mixes the channels. Together they take an eighth to a ninth of the
    multiply-adds of a full 3×3 convolution, for a point of accuracy. New was to make small and fast networks of them,
    and two multipliers, of the width and of the resolution, that trade accuracy for cost; here both are 1. It is used
    where power and memory are short.

    Any size; the last feature map is 32 times smaller. 4,231,976 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    A. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017,
    table 1.
    """
    channels = 32
    layers: list[Item] = [
        Conv2d(input_shape[0], channels, 3, stride=2, padding=1, bias=False),
        BatchNorm2d(channels),
        ReLU(),
    ]
    for number, (width, stride) in enumerate(V1, start=1):
        layers.append((f"separable{number}", _separable(channels, width, stride)))
        channels = width
    layers += [AdaptiveAvgPool2d(1), Flatten(), Linear(channels, num_classes)]
    return Sequential(layers, input_shape=input_shape, **options)


@model
def mobilenet_v2(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """MobileNetV2: shortcuts between narrow layers, and wide ones only for a moment in between.

    By Mark Sandler, Andrew Howard, Menglong Zhu, Andrey Zhmoginov and Liang-Chieh Chen, 2018. New was the inverted
    residual: a block widens few channels by six, looks at each with a depthwise 3×3 convolution, and narrows them again
    without an activation, which would lose what they hold ("linear bottleneck"). It is the usual small network for
    transfer to other tasks, in detectors too.

    Any size; the last feature map is 32 times smaller. 3,504,872 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018, table 2.
    """
    channels, last, number = 32, 1280, 0
    layers: list[Item] = [
        Conv2d(input_shape[0], channels, 3, stride=2, padding=1, bias=False),
        BatchNorm2d(channels),
        ReLU6(),
    ]
    for expansion, width, blocks, stride in V2:
        for first in [True] + [False] * (blocks - 1):
            number += 1
            layers.append((f"block{number}", _inverted(channels, width, expansion, stride if first else 1)))
            channels = width
    layers += [
        Conv2d(channels, last, 1, bias=False),
        BatchNorm2d(last),
        ReLU6(),
        AdaptiveAvgPool2d(1),
        Flatten(),
        Dropout(0.2),
        Linear(last, num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def _separable(channels: int, width: int, stride: int) -> Sequential:
    """Return a depthwise 3×3 convolution and a 1×1 convolution, each with batch normalisation and ReLU."""
    return Sequential([
        Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False),
        BatchNorm2d(channels),
        ReLU(),
        Conv2d(channels, width, 1, bias=False),
        BatchNorm2d(width),
        ReLU(),
    ])  # fmt: skip


def _inverted(channels: int, width: int, expansion: int, stride: int) -> Layer:
    """Return an inverted residual block; where it changes the shape there is no shortcut."""
    wide = channels * expansion
    widening: list[Layer] = []
    if expansion > 1:
        widening = [Conv2d(channels, wide, 1, bias=False), BatchNorm2d(wide), ReLU6()]
    body = Sequential([
        *widening,
        Conv2d(wide, wide, 3, stride=stride, padding=1, groups=wide, bias=False),
        BatchNorm2d(wide),
        ReLU6(),
        Conv2d(wide, width, 1, bias=False),
        BatchNorm2d(width),
    ])  # fmt: skip
    return Residual(body) if (channels, stride) == (width, 1) else body
