"""AlexNet, as torchvision has it and as it was in 2012."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..initializers import Initializer
from ..layers import AdaptiveAvgPool2d, Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU
from ..network import NetworkOptions, Sequential


def alexnet(
    num_classes: int = 1000,
    input_shape: Sequence[int] = (3, 224, 224),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """AlexNet in the one-column form that torchvision has pretrained weights for.

    Alex Krizhevsky described it in 2014, when he trained on eight GPUs: `alexnet_2012` without its two halves and
    without local response normalisation, with fewer filters. It is used to begin from where large filters and few
    layers will do, and as a measure: many a later paper says how much smaller than AlexNet its network is, or how much
    better.

    Parameters
    ----------
    num_classes : int, default 1000
    input_shape : (channels, height, width), default (3, 224, 224)
        At least 63×63 pixels. The default gives 61,100,840 parameters.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.

    References
    ----------
    A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, section 5 (the network).
    """
    layers = [
        Conv2d(input_shape[0], 64, 11, stride=4, padding=2, initializer=initializer),  # 64 maps of 55×55
        ReLU(),
        MaxPool2d(3, stride=2),  # 64 of 27×27
        Conv2d(64, 192, 5, padding=2, initializer=initializer),
        ReLU(),
        MaxPool2d(3, stride=2),  # 192 of 13×13
        Conv2d(192, 384, 3, padding=1, initializer=initializer),
        ReLU(),
        Conv2d(384, 256, 3, padding=1, initializer=initializer),
        ReLU(),
        Conv2d(256, 256, 3, padding=1, initializer=initializer),
        ReLU(),
        MaxPool2d(3, stride=2),  # 256 of 6×6
        AdaptiveAvgPool2d(6),  # changes nothing at 224×224, and lets other sizes in
        Flatten(),
        Dropout(0.5),
        Linear(256 * 6 * 6, 4096, initializer=initializer),
        ReLU(),
        Dropout(0.5),
        Linear(4096, 4096, initializer=initializer),
        ReLU(),
        Linear(4096, num_classes, initializer=initializer),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def alexnet_2012(
    num_classes: int = 1000,
    input_shape: Sequence[int] = (3, 227, 227),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The network that won the ImageNet competition of 2012 by eleven points, and with it the field for deep learning.

    By Alex Krizhevsky, Ilya Sutskever and Geoffrey Hinton. New together were its size, ReLU in place of tanh, dropout
    in the dense layers, normalisation across neighbouring channels, pooling windows that overlap, and training on two
    GPUs, each with half of the filters: convolutions 2, 4 and 5 see one half only, which are the `groups` here.

    The paper says 224×224 pixels, but its sizes follow only from 227×227 (or from two rows of padding above and one
    below). Its biases begin at 1 in some layers and its weights from a normal distribution of deviation 0.01; here both
    are the layers' own.

    Parameters
    ----------
    num_classes : int, default 1000
    input_shape : (channels, height, width), default (3, 227, 227)
        At least 67×67 pixels. The default gives 60,965,224 parameters.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
    sections 3 and 4.
    """
    features = [
        Conv2d(input_shape[0], 96, 11, stride=4, initializer=initializer),  # 96 maps of 55×55
        ReLU(),
        _response_norm(),
        MaxPool2d(3, stride=2),  # 96 of 27×27
        Conv2d(96, 256, 5, padding=2, groups=2, initializer=initializer),
        ReLU(),
        _response_norm(),
        MaxPool2d(3, stride=2),  # 256 of 13×13
        Conv2d(256, 384, 3, padding=1, initializer=initializer),
        ReLU(),
        Conv2d(384, 384, 3, padding=1, groups=2, initializer=initializer),
        ReLU(),
        Conv2d(384, 256, 3, padding=1, groups=2, initializer=initializer),
        ReLU(),
        MaxPool2d(3, stride=2),  # 256 of 6×6
        Flatten(),
    ]
    (count,) = Sequential(features).output_shape(tuple(input_shape))
    classifier = [
        Linear(count, 4096, initializer=initializer),
        ReLU(),
        Dropout(0.5),
        Linear(4096, 4096, initializer=initializer),
        ReLU(),
        Dropout(0.5),
        Linear(4096, num_classes, initializer=initializer),
    ]
    return Sequential([*features, *classifier], input_shape=input_shape, **options)


def _response_norm() -> LocalResponseNorm:
    """Return section 3.3's normalisation: n = 5, k = 2, β = 0.75, and α = 1e-4, by which it multiplies the sum of the
    squares, and the layer their mean."""
    return LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)
