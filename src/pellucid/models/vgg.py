"""The VGG networks: 3×3 convolutions in stacks with a max pooling after each, and three dense layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Unpack

from ..layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU
from ..network import NetworkOptions, Sequential
from .making import model

FILTERS = (64, 128, 256, 512, 512)
"""Filters of the convolutions of each stack; a max pooling of 2×2 follows each."""

CONVOLUTIONS: Mapping[int, Sequence[int]] = MappingProxyType(
    {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
)
"""Weight layers -> convolutions in each of the five stacks: columns A, B, D and E of the paper's table 1."""


@model
def vgg11(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """VGG with 11 weight layers: column A of the paper. See `vgg16`.

    At least 32×32 pixels; 132,863,336 parameters. For the arguments see `pellucid.models`.
    """
    return _vgg(11, num_classes, input_shape, options)


@model
def vgg13(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """VGG with 13 weight layers: column B of the paper. See `vgg16`.

    At least 32×32 pixels; 133,047,848 parameters. For the arguments see `pellucid.models`.
    """
    return _vgg(13, num_classes, input_shape, options)


@model
def vgg16(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """VGG with 16 weight layers: column D of the paper.

    By Karen Simonyan and Andrew Zisserman, of the Visual Geometry Group in Oxford, 2014; second in classification and
    first in localisation in the ImageNet competition of that year. New was to use the smallest filter that knows left
    from right throughout: two 3×3 convolutions in a row see 5×5 pixels and three see 7×7, with fewer weights than one
    large filter and a non-linearity after each. So the network could be twice as deep as others were. Its features
    served for years as the beginning of detectors, and serve still to compare pictures by what they show ("perceptual"
    losses).

    Nine in ten of its weights lie in the three dense layers, 102.8 of 138 million in the first of them.

    At least 32×32 pixels; 138,357,544 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, table 1.
    """
    return _vgg(16, num_classes, input_shape, options)


@model
def vgg19(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """VGG with 19 weight layers: column E of the paper. See `vgg16`.

    At least 32×32 pixels; 143,667,240 parameters. For the arguments see `pellucid.models`.
    """
    return _vgg(19, num_classes, input_shape, options)


@model
def vgg11_bn(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """`vgg11` with batch normalisation after every convolution. See `vgg16_bn`.

    At least 32×32 pixels; 132,868,840 parameters. For the arguments see `pellucid.models`.
    """
    return _vgg(11, num_classes, input_shape, options, normalised=True)


@model
def vgg13_bn(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """`vgg13` with batch normalisation after every convolution. See `vgg16_bn`.

    At least 32×32 pixels; 133,053,736 parameters. For the arguments see `pellucid.models`.
    """
    return _vgg(13, num_classes, input_shape, options, normalised=True)


@model
def vgg16_bn(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """`vgg16` with batch normalisation after every convolution.

    No paper describes it: it joins the network of 2014 with what S. Ioffe and C. Szegedy published in 2015. torchvision
    has pretrained weights for it, which classify better than those of `vgg16`.

    At least 32×32 pixels; 138,365,992 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift", 2015.
    """
    return _vgg(16, num_classes, input_shape, options, normalised=True)


@model
def vgg19_bn(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """`vgg19` with batch normalisation after every convolution. See `vgg16_bn`.

    At least 32×32 pixels; 143,678,248 parameters. For the arguments see `pellucid.models`.
    """
    return _vgg(19, num_classes, input_shape, options, normalised=True)


def _vgg(
    depth: int, num_classes: int, input_shape: Sequence[int], options: NetworkOptions, *, normalised: bool = False
) -> Sequential:
    layers: list[Layer] = []
    channels = input_shape[0]
    for filters, convolutions in zip(FILTERS, CONVOLUTIONS[depth], strict=True):
        for _ in range(convolutions):
            layers.append(Conv2d(channels, filters, 3, padding=1))
            if normalised:
                layers.append(BatchNorm2d(filters))
            layers.append(ReLU())
            channels = filters
        layers.append(MaxPool2d(2))
    layers += [
        AdaptiveAvgPool2d(7),  # changes nothing at 224×224, and lets other sizes in
        Flatten(),
        Linear(512 * 7 * 7, 4096),
        ReLU(),
        Dropout(0.5),
        Linear(4096, 4096),
        ReLU(),
        Dropout(0.5),
        Linear(4096, num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, **options)
