"""One convolution and one dense layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..initializers import Initializer
from ..layers import Conv2d, Flatten, Linear, ReLU
from ..network import NetworkOptions, Sequential


def notebook(
    num_classes: int = 10,
    input_shape: Sequence[int] = (1, 28, 28),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """The least network that deserves its name: eight filters that see 3×3 pixels, and a dense layer on all they find.

    It stands in many a notebook that writes a convolutional network from nothing, and here in the worked examples.
    Nothing in it is new, and no paper describes it. Nearly all of its parameters, 62,730 of 62,810, are the dense
    layer's: compare `lenet`, which has fewer and sees more.

    Parameters
    ----------
    num_classes : int, default 10
    input_shape : (channels, height, width), default (1, 28, 28)
        Of any size.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.
    """
    features = [
        Conv2d(input_shape[0], 8, 3, padding=1, initializer=initializer),
        ReLU(),
        Flatten(),
    ]
    (count,) = Sequential(features).output_shape(tuple(input_shape))
    return Sequential(
        [*features, Linear(count, num_classes, initializer=initializer)], input_shape=input_shape, **options
    )
