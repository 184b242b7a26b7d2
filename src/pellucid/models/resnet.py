"""The residual networks for ImageNet, and the smaller ones for CIFAR-10 from the same paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, Unpack

from ..layers import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    PadChannels,
    ReLU,
    Residual,
)
from ..network import Item, NetworkOptions, Sequential
from .making import model

Block: TypeAlias = Callable[[int, int, int], Residual]
"""Makes a block from the channels that enter and that leave, and the stride."""


@model
def resnet18(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """ResNet with 18 weight layers. See `resnet50`.

    Any size; the last feature map is 32 times smaller. 11,689,512 parameters. For the arguments see `pellucid.models`.
    """
    return _imagenet(_basic, (64, 128, 256, 512), (2, 2, 2, 2), num_classes, input_shape, options)


@model
def resnet34(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """ResNet with 34 weight layers. See `resnet50`.

    Any size; the last feature map is 32 times smaller. 21,797,672 parameters. For the arguments see `pellucid.models`.
    """
    return _imagenet(_basic, (64, 128, 256, 512), (3, 4, 6, 3), num_classes, input_shape, options)


@model
def resnet50(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """ResNet with 50 weight layers, whose blocks are bottlenecks.

    By Kaiming He, Xiangyu Zhang, Shaoqing Ren and Jian Sun, 2015; first in all five main tracks of the ImageNet and
    COCO competitions of that year. New was the shortcut: a block learns what to add to its input rather than its
    output, so that gradients reach the first layers unweakened and depth stops hurting. A bottleneck narrows 256
    channels to 64 by a 1×1 convolution, works on them by 3×3, and widens them again. ResNets are the usual beginning of
    detectors and segmenters, and the measure of most that came later.

    The stride of a bottleneck lies in its 3×3 convolution, as torchvision has it, and not in the 1×1 before it, as in
    the paper: a little more arithmetic for half a point of accuracy, and the same parameters.

    Any size; the last feature map is 32 times smaller. 25,557,032 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", 2015, table 1.
    """
    return _imagenet(_bottleneck, (256, 512, 1024, 2048), (3, 4, 6, 3), num_classes, input_shape, options)


@model
def resnet20(
    num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The ResNet for CIFAR-10 with 20 weight layers: 3·6 in blocks, the first and the last.

    From section 4.2 of the paper of `resnet50`, which uses it to show what depth does: 20, 32, 44, 56 and 110 layers of
    the same plan get better and better, while without shortcuts 56 layers are worse than 20. Where the number of
    channels doubles, the shortcut takes every second pixel and fills the new channels with zeros ("option A"), so it
    has no parameters. It is small enough to be trained on a CPU and serves in countless experiments.

    Any size; the last feature map is 4 times smaller. 269,722 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", 2015, section 4.2.
    """
    return _cifar(3, num_classes, input_shape, options)


@model
def resnet32(
    num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The ResNet for CIFAR-10 with 32 weight layers. See `resnet20`.

    Any size; the last feature map is 4 times smaller. 464,154 parameters. For the arguments see `pellucid.models`.
    """
    return _cifar(5, num_classes, input_shape, options)


@model
def resnet44(
    num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The ResNet for CIFAR-10 with 44 weight layers. See `resnet20`.

    Any size; the last feature map is 4 times smaller. 658,586 parameters. For the arguments see `pellucid.models`.
    """
    return _cifar(7, num_classes, input_shape, options)


@model
def resnet56(
    num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The ResNet for CIFAR-10 with 56 weight layers. See `resnet20`.

    Any size; the last feature map is 4 times smaller. 853,018 parameters. For the arguments see `pellucid.models`.
    """
    return _cifar(9, num_classes, input_shape, options)


@model
def resnet110(
    num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The ResNet for CIFAR-10 with 110 weight layers. See `resnet20`.

    Any size; the last feature map is 4 times smaller. 1,727,962 parameters. For the arguments see `pellucid.models`.
    """
    return _cifar(18, num_classes, input_shape, options)


def _imagenet(
    block: Block,
    widths: Sequence[int],
    blocks: Sequence[int],
    num_classes: int,
    input_shape: Sequence[int],
    options: NetworkOptions,
) -> Sequential:
    stages: list[Item] = []
    channels = 64
    for number, (width, count) in enumerate(zip(widths, blocks, strict=True), start=1):
        stride = 1 if number == 1 else 2  # the pooling before the first stage has halved the image already
        stages.append((f"layer{number}", _stage(block, channels, width, count, stride)))
        channels = width
    layers: list[Item] = [
        Conv2d(input_shape[0], 64, 7, stride=2, padding=3, bias=False),
        BatchNorm2d(64),
        ReLU(),
        MaxPool2d(3, stride=2, padding=1),
        *stages,
        AdaptiveAvgPool2d(1),
        Flatten(),
        Linear(channels, num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def _cifar(blocks: int, num_classes: int, input_shape: Sequence[int], options: NetworkOptions) -> Sequential:
    layers: list[Item] = [
        Conv2d(input_shape[0], 16, 3, padding=1, bias=False),
        BatchNorm2d(16),
        ReLU(),
        ("layer1", _stage(_unprojected, 16, 16, blocks, 1)),  # 16 maps of 32×32
        ("layer2", _stage(_unprojected, 16, 32, blocks, 2)),  # 32 of 16×16
        ("layer3", _stage(_unprojected, 32, 64, blocks, 2)),  # 64 of 8×8
        AdaptiveAvgPool2d(1),
        Flatten(),
        Linear(64, num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def _stage(block: Block, channels: int, width: int, blocks: int, stride: int) -> Sequential:
    """Return blocks in a row, a ReLU after each; the first makes `width` channels of `channels`, and strides."""
    layers: list[Layer] = [block(channels, width, stride), ReLU()]
    for _ in range(blocks - 1):
        layers += [block(width, width, 1), ReLU()]
    return Sequential(layers)


def _basic(channels: int, width: int, stride: int) -> Residual:
    """Return a block of two 3×3 convolutions, with a 1×1 convolution for a shortcut where the shapes differ."""
    return Residual(_two_convolutions(channels, width, stride), _projection(channels, width, stride))


def _unprojected(channels: int, width: int, stride: int) -> Residual:
    """Return a block of two 3×3 convolutions, with a shortcut that has no parameters where the shapes differ."""
    body = _two_convolutions(channels, width, stride)
    if (channels, stride) == (width, 1):
        return Residual(body)
    new = width - channels
    subsample = MaxPool2d(1, stride=stride)  # the largest of one number is that number
    return Residual(body, Sequential([subsample, PadChannels(new // 2, new - new // 2)]))


def _two_convolutions(channels: int, width: int, stride: int) -> Sequential:
    return Sequential([
        Conv2d(channels, width, 3, stride=stride, padding=1, bias=False),
        BatchNorm2d(width),
        ReLU(),
        Conv2d(width, width, 3, padding=1, bias=False),
        BatchNorm2d(width),
    ])  # fmt: skip


def _bottleneck(channels: int, width: int, stride: int) -> Residual:
    """Return a block that works on a quarter of its channels: 1×1 down, 3×3, 1×1 up."""
    narrow = width // 4
    body = Sequential([
        Conv2d(channels, narrow, 1, bias=False),
        BatchNorm2d(narrow),
        ReLU(),
        Conv2d(narrow, narrow, 3, stride=stride, padding=1, bias=False),
        BatchNorm2d(narrow),
        ReLU(),
        Conv2d(narrow, width, 1, bias=False),
        BatchNorm2d(width),
    ])  # fmt: skip
    return Residual(body, _projection(channels, width, stride))


def _projection(channels: int, width: int, stride: int) -> Sequential | None:
    """Return the shortcut of "option B", or None where the block keeps its input's shape."""
    if (channels, stride) == (width, 1):
        return None
    return Sequential([Conv2d(channels, width, 1, stride=stride, bias=False), BatchNorm2d(width)])
