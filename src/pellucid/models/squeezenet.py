"""SqueezeNet: AlexNet's accuracy with a fiftieth of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..layers import AdaptiveAvgPool2d, Concat, Conv2d, Dropout, Flatten, Layer, MaxPool2d, ReLU
from ..network import Item, NetworkOptions, Sequential
from .making import model


@model
def squeezenet1_0(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """SqueezeNet 1.0, the paper's.

    By Forrest Iandola, Song Han, Matthew Moskewicz, Khalid Ashraf, William Dally and Kurt Keutzer, 2016. New was to
    look for few parameters instead of high accuracy: a "fire" module squeezes its input into few channels by 1×1
    convolutions before it expands them by 1×1 and 3×3 ones, pooling comes late, and the mean of a map takes the place
    of the dense layers. It is used where a model is sent over slow lines or kept in little memory.

    The paper's table has maps of 111×111 and 55×55 pixels at its beginning, which belong to images of 227×227; 224×224
    make 109×109 and 54×54 of them, and from there on the same sizes.

    The last ReLU passes nothing of a class whose map is negative in every place, and no gradient either. Where there
    are few classes, some may be lost so for good; a bias well above 0 in the last convolution, to begin with, keeps
    them.

    At least 21×21 pixels; 1,248,424 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016,
    table 1.
    """
    layers: list[Item] = [
        Conv2d(input_shape[0], 96, 7, stride=2),
        ReLU(),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire2", _fire(96, 16, 64)),
        ("fire3", _fire(128, 16, 64)),
        ("fire4", _fire(128, 32, 128)),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire5", _fire(256, 32, 128)),
        ("fire6", _fire(256, 48, 192)),
        ("fire7", _fire(384, 48, 192)),
        ("fire8", _fire(384, 64, 256)),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire9", _fire(512, 64, 256)),
        *_classifier(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


@model
def squeezenet1_1(
    num_classes: int = 1000, input_shape: Sequence[int] = (3, 224, 224), **options: Unpack[NetworkOptions]
) -> Sequential:
    """SqueezeNet 1.1: the same accuracy for less than half of the arithmetic, by a smaller first layer and earlier
    pooling.

    The authors published it in 2016 beside the paper's network, `squeezenet1_0`.

    At least 17×17 pixels; 1,235,496 parameters. For the arguments see `pellucid.models`.

    References
    ----------
    F. Iandola et al., SqueezeNet v1.1, https://github.com/forresti/SqueezeNet, 2016.
    """
    layers: list[Item] = [
        Conv2d(input_shape[0], 64, 3, stride=2),
        ReLU(),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire2", _fire(64, 16, 64)),
        ("fire3", _fire(128, 16, 64)),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire4", _fire(128, 32, 128)),
        ("fire5", _fire(256, 32, 128)),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire6", _fire(256, 48, 192)),
        ("fire7", _fire(384, 48, 192)),
        ("fire8", _fire(384, 64, 256)),
        ("fire9", _fire(512, 64, 256)),
        *_classifier(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def _fire(channels: int, squeezed: int, expanded: int) -> Sequential:
    """Return a fire module: channels -> squeezed -> expanded by 1×1 and as many by 3×3."""
    narrow = Sequential([Conv2d(squeezed, expanded, 1), ReLU()])
    wide = Sequential([Conv2d(squeezed, expanded, 3, padding=1), ReLU()])
    return Sequential([
        ("squeeze", Conv2d(channels, squeezed, 1)),
        ReLU(),
        ("expand", Concat(narrow, wide)),
    ])  # fmt: skip


def _classifier(num_classes: int) -> list[Layer]:
    """Return the end: a convolution to one map a class, and each map's mean."""
    return [
        Dropout(0.5),
        Conv2d(512, num_classes, 1),
        ReLU(),
        AdaptiveAvgPool2d(1),
        Flatten(),
    ]
