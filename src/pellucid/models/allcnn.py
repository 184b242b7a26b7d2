"""All-CNN: convolutions in place of poolings and dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..layers import AdaptiveAvgPool2d, Conv2d, Dropout, Flatten, ReLU
from ..network import NetworkOptions, Sequential
from .making import model


@model
def all_cnn(
    num_classes: int = 10, input_shape: Sequence[int] = (3, 32, 32), **options: Unpack[NetworkOptions]
) -> Sequential:
    """All-CNN-C, which has neither max pooling nor dense layers.

    By Jost Tobias Springenberg, Alexey Dosovitskiy, Thomas Brox and Martin Riedmiller, 2014. New was the finding that a
    convolution with stride 2 does as well as a pooling: the network learns how to make an image smaller. The classes
    are read off as the means of one map each. It is used to study networks, being as plain as one can be.

    A class whose map is negative in every place gets no gradient through the last ReLU. See `squeezenet1_0`, which ends
    alike, for what helps.

    At least 9×9 pixels; 1,369,738 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    J. T. Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2014, tables 1 and 2.
    """
    layers = [
        Dropout(0.2),
        Conv2d(input_shape[0], 96, 3, padding=1),
        ReLU(),
        Conv2d(96, 96, 3, padding=1),
        ReLU(),
        Conv2d(96, 96, 3, stride=2, padding=1),  # instead of a pooling: 96 maps of 16×16
        ReLU(),
        Dropout(0.5),
        Conv2d(96, 192, 3, padding=1),
        ReLU(),
        Conv2d(192, 192, 3, padding=1),
        ReLU(),
        Conv2d(192, 192, 3, stride=2, padding=1),  # 192 of 8×8
        ReLU(),
        Dropout(0.5),
        Conv2d(192, 192, 3),  # 192 of 6×6
        ReLU(),
        Conv2d(192, 192, 1),
        ReLU(),
        Conv2d(192, num_classes, 1),  # a map a class
        ReLU(),
        AdaptiveAvgPool2d(1),
        Flatten(),
    ]
    return Sequential(layers, input_shape=input_shape, **options)
