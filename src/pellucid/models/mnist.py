"""Two networks for MNIST that learn quickly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..initializers import Initializer
from ..layers import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU
from ..network import NetworkOptions, Sequential


def mnist_s8(
    num_classes: int = 10,
    input_shape: Sequence[int] = (1, 28, 28),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The network of the recipe mnist-99, which gets to 99 % on MNIST by one look at each image.

    No paper describes it. A stride of 2 quarters what the first convolution costs; batch normalisation lets a few large
    steps do what otherwise takes many small ones, and the second comes after the pooling, where a quarter of the
    numbers is left to normalise.

    Parameters
    ----------
    num_classes : int, default 10
    input_shape : (channels, height, width), default (1, 28, 28)
        At least 11×11 pixels. The default gives 41,266 parameters.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift", 2015, section 3.3 (of higher learning rates).
    """
    features = [
        Conv2d(input_shape[0], 8, 5, stride=2, initializer=initializer),  # 8 maps of 12×12
        BatchNorm2d(8),
        ReLU(),
        Conv2d(8, 24, 3, initializer=initializer),  # 24 of 10×10
        MaxPool2d(2),  # 24 of 5×5
        BatchNorm2d(24),
        ReLU(),
        Flatten(),
    ]
    (count,) = Sequential(features).output_shape(tuple(input_shape))
    classifier = [
        Linear(count, 64, initializer=initializer),
        BatchNorm2d(64),
        ReLU(),
        Linear(64, num_classes, initializer=initializer),
    ]
    return Sequential([*features, *classifier], input_shape=input_shape, **options)


def mnist_s6(
    num_classes: int = 10,
    input_shape: Sequence[int] = (1, 28, 28),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The network of the recipe mnist-994: `mnist_s8` with more filters, and a convolution for its dense layer.

    No paper describes it. It has fewer parameters than `mnist_s8` and does more with each: a convolution looks for the
    same thing in every place, where a dense layer learns it for each place anew.

    Parameters
    ----------
    num_classes : int, default 10
    input_shape : (channels, height, width), default (1, 28, 28)
        At least 19×19 pixels. The default gives 29,546 parameters.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.
    """
    features = [
        Conv2d(input_shape[0], 16, 5, stride=2, initializer=initializer),  # 16 maps of 12×12
        BatchNorm2d(16),
        ReLU(),
        Conv2d(16, 32, 3, initializer=initializer),  # 32 of 10×10
        MaxPool2d(2),  # 32 of 5×5
        BatchNorm2d(32),
        ReLU(),
        Conv2d(32, 64, 3, initializer=initializer),  # 64 of 3×3
        BatchNorm2d(64),
        ReLU(),
        Flatten(),
    ]
    (count,) = Sequential(features).output_shape(tuple(input_shape))
    return Sequential(
        [*features, Linear(count, num_classes, initializer=initializer)], input_shape=input_shape, **options
    )
