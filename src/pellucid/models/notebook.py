"""One convolution and one dense layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..layers import Conv2d, Flatten, Linear, ReLU
from ..network import NetworkOptions, Sequential
from .making import feature_count, model


@model
def notebook(
    num_classes: int = 10, input_shape: Sequence[int] = (1, 28, 28), **options: Unpack[NetworkOptions]
) -> Sequential:
    """The least network that deserves its name: eight filters that see 3×3 pixels, and a dense layer on all they find.

    It stands in many a notebook that writes a convolutional network from nothing, and here in the worked examples.
    Nothing in it is new, and no paper describes it. Nearly all of its parameters, 62,730 of 62,810, are the dense
    layer's: compare `lenet`, which has fewer and sees more.

    Any size; 62,810 parameters. For the arguments see `pellucid.models`.
    """
    features = [
        Conv2d(input_shape[0], 8, 3, padding=1),
        ReLU(),
        Flatten(),
    ]
    classifier = Linear(feature_count(features, input_shape), num_classes)
    return Sequential([*features, classifier], input_shape=input_shape, **options)
