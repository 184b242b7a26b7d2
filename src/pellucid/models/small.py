"""A network for the smallest images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from ..network import NetworkOptions, Sequential
from .making import feature_count, model


@model
def small(
    num_classes: int = 10, input_shape: Sequence[int] = (1, 8, 8), **options: Unpack[NetworkOptions]
) -> Sequential:
    """A network for images of 8×8 pixels, such as the digits that come with the package; it trains in seconds.

    No paper describes it. Two convolutions of 3×3 in a row see 5×5 pixels with fewer weights than one of 5×5 needs,
    as K. Simonyan and A. Zisserman argued in 2014; padding keeps the border, which is half of so small an image.

    At least 2×2 pixels; 38,282 parameters, of which `lenet` has fewer beyond 16×16. For the arguments see
    `pellucid.models`.

    References
    ----------
    K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014,
    section 2.3 (of stacked 3×3 convolutions).
    """
    features = [
        Conv2d(input_shape[0], 16, 3, padding=1),
        ReLU(),
        Conv2d(16, 32, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
    ]
    classifier = [
        Linear(feature_count(features, input_shape), 64),
        ReLU(),
        Linear(64, num_classes),
    ]
    return Sequential([*features, *classifier], input_shape=input_shape, **options)
