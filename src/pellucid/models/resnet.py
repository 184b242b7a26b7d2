"""The residual networks for ImageNet, and the smaller ones for CIFAR-10 from the same paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, Unpack

from ..initializers import Initializer
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
from ..network import NetworkOptions, Sequential

Block: TypeAlias = Callable[[int, int, int, Initializer | None], Residual]
"""Makes a block from the channels that enter and that leave, the stride, and the initialiser."""


def resnet18(
    num_classes: int = 1000,
    input_shape: Sequence[int] = (3, 224, 224),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """ResNet with 18 layers that have weights. See `resnet50`. 11,689,512 parameters."""
    return _imagenet(_basic, (64, 128, 256, 512), (2, 2, 2, 2), num_classes, input_shape, initializer, options)


def resnet34(
    num_classes: int = 1000,
    input_shape: Sequence[int] = (3, 224, 224),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """ResNet with 34 layers that have weights. See `resnet50`. 21,797,672 parameters."""
    return _imagenet(_basic, (64, 128, 256, 512), (3, 4, 6, 3), num_classes, input_shape, initializer, options)


def resnet50(
    num_classes: int = 1000,
    input_shape: Sequence[int] = (3, 224, 224),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """ResNet with 50 layers that have weights, whose blocks are bottlenecks.

    By Kaiming He, Xiangyu Zhang, Shaoqing Ren and Jian Sun; first in all five main tracks of the ImageNet and COCO
    competitions of 2015. New was the shortcut: a block learns what to add to its input rather than its output, so that
    gradients reach the first layers unweakened and depth stops hurting. A bottleneck narrows 256 channels to 64 by a
    1×1 convolution, works on them by 3×3, and widens them again. ResNets are the usual beginning of detectors and
    segmenters, and the measure of most that came later.

    The stride of a bottleneck lies in its 3×3 convolution, as torchvision has it, and not in the 1×1 before it, as in
    the paper: a little more arithmetic for half a point of accuracy, and the same parameters.

    Parameters
    ----------
    num_classes : int, default 1000
    input_shape : (channels, height, width), default (3, 224, 224)
        Of any size, though 32 pixels become one place. The default gives 25,557,032 parameters.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", 2016, table 1.
    """
    return _imagenet(_bottleneck, (256, 512, 1024, 2048), (3, 4, 6, 3), num_classes, input_shape, initializer, options)


def resnet20(
    num_classes: int = 10,
    input_shape: Sequence[int] = (3, 32, 32),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The ResNet for CIFAR-10 with 20 layers that have weights: 3·6 in blocks, the first and the last.

    From section 4.2 of the paper of `resnet50`, which uses it to show what depth does: 20, 32, 44, 56 and 110 layers of
    the same plan get better and better, while without shortcuts 56 layers are worse than 20. Where the number of
    channels doubles, the shortcut takes every second pixel and fills the new channels with zeros ("option A"), so it
    has no parameters. It is small enough to be trained on a CPU and serves in countless experiments.

    Parameters
    ----------
    num_classes : int, default 10
    input_shape : (channels, height, width), default (3, 32, 32)
        Of any size, though 4 pixels become one place. The default gives 269,722 parameters.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", 2016, section 4.2.
    """
    return _cifar(3, num_classes, input_shape, initializer, options)


def resnet32(
    num_classes: int = 10,
    input_shape: Sequence[int] = (3, 32, 32),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The ResNet for CIFAR-10 with 32 layers that have weights. See `resnet20`. 464,154 parameters."""
    return _cifar(5, num_classes, input_shape, initializer, options)


def resnet44(
    num_classes: int = 10,
    input_shape: Sequence[int] = (3, 32, 32),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The ResNet for CIFAR-10 with 44 layers that have weights. See `resnet20`. 658,586 parameters."""
    return _cifar(7, num_classes, input_shape, initializer, options)


def resnet56(
    num_classes: int = 10,
    input_shape: Sequence[int] = (3, 32, 32),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The ResNet for CIFAR-10 with 56 layers that have weights. See `resnet20`. 853,018 parameters."""
    return _cifar(9, num_classes, input_shape, initializer, options)


def resnet110(
    num_classes: int = 10,
    input_shape: Sequence[int] = (3, 32, 32),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The ResNet for CIFAR-10 with 110 layers that have weights. See `resnet20`. 1,727,962 parameters."""
    return _cifar(18, num_classes, input_shape, initializer, options)


def _imagenet(
    block: Block,
    widths: Sequence[int],
    blocks: Sequence[int],
    num_classes: int,
    input_shape: Sequence[int],
    initializer: Initializer | None,
    options: NetworkOptions,
) -> Sequential:
    stages: list[tuple[str, Layer]] = []
    channels = 64
    for number, (width, count) in enumerate(zip(widths, blocks, strict=True), start=1):
        stride = 1 if number == 1 else 2  # the pooling before the first stage has halved the image already
        stages.append((f"layer{number}", _stage(block, channels, width, count, stride, initializer)))
        channels = width
    layers: list[tuple[str, Layer] | Layer] = [
        Conv2d(input_shape[0], 64, 7, stride=2, padding=3, bias=False, initializer=initializer),
        BatchNorm2d(64),
        ReLU(),
        MaxPool2d(3, stride=2, padding=1),
        *stages,
        AdaptiveAvgPool2d(1),
        Flatten(),
        Linear(channels, num_classes, initializer=initializer),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def _cifar(
    blocks: int,
    num_classes: int,
    input_shape: Sequence[int],
    initializer: Initializer | None,
    options: NetworkOptions,
) -> Sequential:
    layers: list[tuple[str, Layer] | Layer] = [
        Conv2d(input_shape[0], 16, 3, padding=1, bias=False, initializer=initializer),
        BatchNorm2d(16),
        ReLU(),
        ("layer1", _stage(_unprojected, 16, 16, blocks, 1, initializer)),  # 16 maps of 32×32
        ("layer2", _stage(_unprojected, 16, 32, blocks, 2, initializer)),  # 32 of 16×16
        ("layer3", _stage(_unprojected, 32, 64, blocks, 2, initializer)),  # 64 of 8×8
        AdaptiveAvgPool2d(1),
        Flatten(),
        Linear(64, num_classes, initializer=initializer),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def _stage(
    block: Block, channels: int, width: int, blocks: int, stride: int, initializer: Initializer | None
) -> Sequential:
    """Return blocks in a row, a ReLU after each; the first makes `width` channels of `channels`, and strides."""
    layers: list[Layer] = []
    for number in range(blocks):
        first = number == 0
        layers += [block(channels if first else width, width, stride if first else 1, initializer), ReLU()]
    return Sequential(layers)


def _basic(channels: int, width: int, stride: int, initializer: Initializer | None) -> Residual:
    """Return a block of two 3×3 convolutions, with a 1×1 convolution for a shortcut where the shapes differ."""
    return Residual(
        _two_convolutions(channels, width, stride, initializer), _projection(channels, width, stride, initializer)
    )


def _unprojected(channels: int, width: int, stride: int, initializer: Initializer | None) -> Residual:
    """Return a block of two 3×3 convolutions, with a shortcut that has no parameters where the shapes differ."""
    body = _two_convolutions(channels, width, stride, initializer)
    if (channels, stride) == (width, 1):
        return Residual(body)
    new = width - channels
    subsample = MaxPool2d(1, stride=stride)  # the largest of one number is that number
    return Residual(body, Sequential([subsample, PadChannels(new // 2, new - new // 2)]))


def _two_convolutions(channels: int, width: int, stride: int, initializer: Initializer | None) -> Sequential:
    return Sequential([
        Conv2d(channels, width, 3, stride=stride, padding=1, bias=False, initializer=initializer),
        BatchNorm2d(width),
        ReLU(),
        Conv2d(width, width, 3, padding=1, bias=False, initializer=initializer),
        BatchNorm2d(width),
    ])  # fmt: skip


def _bottleneck(channels: int, width: int, stride: int, initializer: Initializer | None) -> Residual:
    """Return a block that works on a quarter of its channels: 1×1 down, 3×3, 1×1 up."""
    narrow = width // 4
    body = Sequential([
        Conv2d(channels, narrow, 1, bias=False, initializer=initializer),
        BatchNorm2d(narrow),
        ReLU(),
        Conv2d(narrow, narrow, 3, stride=stride, padding=1, bias=False, initializer=initializer),
        BatchNorm2d(narrow),
        ReLU(),
        Conv2d(narrow, width, 1, bias=False, initializer=initializer),
        BatchNorm2d(width),
    ])  # fmt: skip
    return Residual(body, _projection(channels, width, stride, initializer))


def _projection(channels: int, width: int, stride: int, initializer: Initializer | None) -> Sequential | None:
    """Return the shortcut of "option B", or None where the block keeps its input's shape."""
    if (channels, stride) == (width, 1):
        return None
    convolution = Conv2d(channels, width, 1, stride=stride, bias=False, initializer=initializer)
    return Sequential([convolution, BatchNorm2d(width)])
