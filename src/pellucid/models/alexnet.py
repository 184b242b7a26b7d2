"""AlexNet, as torchvision has it and as it was in 2012."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..layers import AdaptiveAvgPool2d, Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU
from ..network import NetworkOptions, Sequential
from .making import feature_count, model


@model
def alexnet(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """torchvision's variant of AlexNet, which there are pretrained weights for.

    Alex Krizhevsky described the network in one column, without the two halves of `alexnet_2012`, in 2014, when he
    trained on eight GPUs. torchvision's differs from his in two things: it has no local response normalisation, and
    its convolutions have 64, 192, 384, 256 and 256 filters (his 64, 192, 384, 384 and 256). It is used to begin from
    where large filters and few layers will do, and as a measure: many a later paper says how much smaller than AlexNet
    its network is, or how much better.

    At least 63×63 pixels; 61,100,840 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, section 5 (the network in
    one column).
    """
    layers = [
        Conv2d(input_shape[0], 64, 11, stride=4, padding=2),  # 64 maps of 55×55
        ReLU(),
        MaxPool2d(3, stride=2),  # 64 of 27×27
        Conv2d(64, 192, 5, padding=2),
        ReLU(),
        MaxPool2d(3, stride=2),  # 192 of 13×13
        Conv2d(192, 384, 3, padding=1),
        ReLU(),
        Conv2d(384, 256, 3, padding=1),
        ReLU(),
        Conv2d(256, 256, 3, padding=1),
        ReLU(),
        MaxPool2d(3, stride=2),  # 256 of 6×6
        AdaptiveAvgPool2d(6),  # changes nothing at 224×224, and lets other sizes in
        Flatten(),
        Dropout(0.5),
        Linear(256 * 6 * 6, 4096),
        ReLU(),
        Dropout(0.5),
        Linear(4096, 4096),
        ReLU(),
        Linear(4096, num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


@model
def alexnet_2012(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 227, 227), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The network that won the ImageNet competition of 2012 by eleven points, and with it the field for deep learning.

    By Alex Krizhevsky, Ilya Sutskever and Geoffrey Hinton. Seven such networks together, two of them trained on more
    images first, won with 15.3 % of the answers wrong among the first five; one alone has 18.2 % on the validation
    images. New together were its size, ReLU in place of tanh, dropout in the dense layers, crops and mirror images to
    train on, normalisation across neighbouring channels, pooling windows that overlap, and training on two GPUs, each
    with half of the filters: convolutions 2, 4 and 5 see one half only, which are the `groups` here.

    The paper says 224×224 pixels, but its sizes follow only from 227×227 (or from two rows of padding above and one
    below). Its biases begin at 1 in some layers and its weights from a normal distribution of deviation 0.01; here both
    are the layers' own.

    At least 67×67 pixels; 60,965,224 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
    sections 3, 4 and 6.
    """
    features = [
        Conv2d(input_shape[0], 96, 11, stride=4),  # 96 maps of 55×55
        ReLU(),
        _response_norm(),
        MaxPool2d(3, stride=2),  # 96 of 27×27
        Conv2d(96, 256, 5, padding=2, groups=2),
        ReLU(),
        _response_norm(),
        MaxPool2d(3, stride=2),  # 256 of 13×13
        Conv2d(256, 384, 3, padding=1),
        ReLU(),
        Conv2d(384, 384, 3, padding=1, groups=2),
        ReLU(),
        Conv2d(384, 256, 3, padding=1, groups=2),
        ReLU(),
        MaxPool2d(3, stride=2),  # 256 of 6×6
        Flatten(),
    ]
    classifier = [
        Linear(feature_count(features, input_shape), 4096),
        ReLU(),
        Dropout(0.5),
        Linear(4096, 4096),
        ReLU(),
        Dropout(0.5),
        Linear(4096, num_classes),
    ]
    return Sequential([*features, *classifier], input_shape=input_shape, **options)


def _response_norm() -> LocalResponseNorm:
    """Return the normalisation of section 3.3: n = 5, k = 2, α = 1e-4 and β = 0.75.

    The paper's α multiplies the sum of n squares, the layer's alpha their mean: it is n·α.
    """
    return LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)
