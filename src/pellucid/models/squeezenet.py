"""SqueezeNet: AlexNet's accuracy with a fiftieth of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..initializers import Initializer
from ..layers import AdaptiveAvgPool2d, Concat, Conv2d, Dropout, Flatten, Layer, MaxPool2d, ReLU
from ..network import NetworkOptions, Sequential


def squeezenet1_0(
    num_classes: int = 1000,
    input_shape: Sequence[int] = (3, 224, 224),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
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

    Parameters
    ----------
    num_classes : int, default 1000
    input_shape : (channels, height, width), default (3, 224, 224)
        At least 21×21 pixels. The default gives 1,248,424 parameters.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.

    References
    ----------
    F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016,
    table 1.
    """
    layers: list[tuple[str, Layer] | Layer] = [
        Conv2d(input_shape[0], 96, 7, stride=2, initializer=initializer),
        ReLU(),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire2", _fire(96, 16, 64, initializer)),
        ("fire3", _fire(128, 16, 64, initializer)),
        ("fire4", _fire(128, 32, 128, initializer)),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire5", _fire(256, 32, 128, initializer)),
        ("fire6", _fire(256, 48, 192, initializer)),
        ("fire7", _fire(384, 48, 192, initializer)),
        ("fire8", _fire(384, 64, 256, initializer)),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire9", _fire(512, 64, 256, initializer)),
        *_classifier(num_classes, initializer),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def squeezenet1_1(
    num_classes: int = 1000,
    input_shape: Sequence[int] = (3, 224, 224),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """SqueezeNet 1.1: the same accuracy for less than half of the arithmetic, by a smaller first layer and earlier
    pooling.

    The authors published it beside the paper's network, `squeezenet1_0`.

    Parameters
    ----------
    num_classes : int, default 1000
    input_shape : (channels, height, width), default (3, 224, 224)
        At least 17×17 pixels. The default gives 1,235,496 parameters.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.

    References
    ----------
    F. Iandola et al., SqueezeNet v1.1, https://github.com/forresti/SqueezeNet, 2016.
    """
    layers: list[tuple[str, Layer] | Layer] = [
        Conv2d(input_shape[0], 64, 3, stride=2, initializer=initializer),
        ReLU(),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire2", _fire(64, 16, 64, initializer)),
        ("fire3", _fire(128, 16, 64, initializer)),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire4", _fire(128, 32, 128, initializer)),
        ("fire5", _fire(256, 32, 128, initializer)),
        MaxPool2d(3, stride=2, ceil_mode=True),
        ("fire6", _fire(256, 48, 192, initializer)),
        ("fire7", _fire(384, 48, 192, initializer)),
        ("fire8", _fire(384, 64, 256, initializer)),
        ("fire9", _fire(512, 64, 256, initializer)),
        *_classifier(num_classes, initializer),
    ]
    return Sequential(layers, input_shape=input_shape, **options)


def _fire(channels: int, squeezed: int, expanded: int, initializer: Initializer | None) -> Sequential:
    """Return a fire module: channels -> squeezed -> expanded by 1×1 and as many by 3×3."""
    narrow = [Conv2d(squeezed, expanded, 1, initializer=initializer), ReLU()]
    wide = [Conv2d(squeezed, expanded, 3, padding=1, initializer=initializer), ReLU()]
    return Sequential([
        ("squeeze", Conv2d(channels, squeezed, 1, initializer=initializer)),
        ReLU(),
        ("expand", Concat(Sequential(narrow), Sequential(wide))),
    ])  # fmt: skip


def _classifier(num_classes: int, initializer: Initializer | None) -> list[Layer]:
    """Return the end: a convolution to one map a class, and each map's mean."""
    return [
        Dropout(0.5),
        Conv2d(512, num_classes, 1, initializer=initializer),
        ReLU(),
        AdaptiveAvgPool2d(1),
        Flatten(),
    ]
