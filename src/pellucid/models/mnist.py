"""Two networks for MNIST that learn quickly, S8 and S6.

S stands for the strided convolution with which both begin. The number is that of the plan among those that were tried;
it counts neither layers nor filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..layers import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU
from ..network import NetworkOptions, Sequential
from .making import feature_count, model


@model
def mnist_s8(
    num_classes: int = 10, input_shape: Sequence[int] = (1, 28, 28), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The network of the recipe mnist-99, which gets to 99 % on MNIST in one epoch.

    No paper describes it. S8 is a number among plans: a strided 5×5 convolution with 8 filters, one of 3×3 with 24, and
    two dense layers. The stride of 2 quarters what the first convolution costs; batch normalisation lets a few large
    steps do what otherwise takes many small ones, and the second comes after the pooling, where a quarter of the
    numbers is left to normalise.

    At least 11×11 pixels; 41,266 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift", 2015, section 3.3 (of higher learning rates).
    """
    features = [
        Conv2d(input_shape[0], 8, 5, stride=2),  # 8 maps of 12×12
        BatchNorm2d(8),
        ReLU(),
        Conv2d(8, 24, 3),  # 24 of 10×10
        MaxPool2d(2),  # 24 of 5×5
        BatchNorm2d(24),
        ReLU(),
        Flatten(),
    ]
    classifier = [
        Linear(feature_count(features, input_shape), 64),
        BatchNorm2d(64),
        ReLU(),
        Linear(64, num_classes),
    ]
    return Sequential([*features, *classifier], input_shape=input_shape, **options)


@model
def mnist_s6(
    num_classes: int = 10, input_shape: Sequence[int] = (1, 28, 28), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The network of the recipe mnist-994: `mnist_s8` with more filters, and a convolution for its first dense layer.

    No paper describes it. S6 is a number among plans: a strided 5×5 convolution with 16 filters, two of 3×3 with 32 and
    64, and one dense layer. It has fewer parameters than `mnist_s8` and does more with each: a convolution looks for
    the same thing in every place, where a dense layer learns it for each place anew.

    At least 19×19 pixels; 29,546 parameters. For the arguments see `pellucid.models`.
    """
    features = [
        Conv2d(input_shape[0], 16, 5, stride=2),  # 16 maps of 12×12
        BatchNorm2d(16),
        ReLU(),
        Conv2d(16, 32, 3),  # 32 of 10×10
        MaxPool2d(2),  # 32 of 5×5
        BatchNorm2d(32),
        ReLU(),
        Conv2d(32, 64, 3),  # 64 of 3×3
        BatchNorm2d(64),
        ReLU(),
        Flatten(),
    ]
    classifier = Linear(feature_count(features, input_shape), num_classes)
    return Sequential([*features, classifier], input_shape=input_shape, **options)
