"""LeNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..initializers import Initializer
from ..layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from ..network import NetworkOptions, Sequential


def lenet(
    num_classes: int = 10,
    input_shape: Sequence[int] = (1, 28, 28),
    *,
    initializer: Initializer | None = None,
    **options: Unpack[NetworkOptions],
) -> Sequential:
    """LeNet-5 of 1998, in the form in which it is taught today.

    By Yann LeCun, Léon Bottou, Yoshua Bengio and Patrick Haffner. New was that one network, trained as a whole by
    gradient descent, went from pixels to classes: convolutions with shared weights found the features that others
    designed by hand. A descendant of it read the amounts on cheques in banks.

    The paper's network takes 32×32 pixels, pools by a learnt average, squashes with tanh, connects its second
    convolution to chosen maps only, and ends with distances to drawn prototypes. Here pooling takes the maximum,
    activations are ReLU, all maps are connected, and the end is a dense layer. The names and sizes beside the layers
    are those of the paper's figure.

    Parameters
    ----------
    num_classes : int, default 10
    input_shape : (channels, height, width), default (1, 28, 28)
        At least 16×16 pixels. 28×28 gives 44,426 parameters, the paper's 32×32 give 61,706.
    initializer : Initializer, optional
        Of all weights; by default that of the layers.
    **options
        `seed`, `dtype`, `scaling` and `class_names` of `Sequential`.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
    Proceedings of the IEEE 86(11), 1998, section II.B and figure 2.
    """
    features = [
        Conv2d(input_shape[0], 6, 5, initializer=initializer),  # C1: 6 maps of 28×28
        ReLU(),
        MaxPool2d(2),  # S2: 6 of 14×14
        Conv2d(6, 16, 5, initializer=initializer),  # C3: 16 of 10×10
        ReLU(),
        MaxPool2d(2),  # S4: 16 of 5×5
        Flatten(),
    ]
    (count,) = Sequential(features).output_shape(tuple(input_shape))
    classifier = [
        Linear(count, 120, initializer=initializer),  # C5: 120; a 5×5 convolution there, which on 5×5 is the same
        ReLU(),
        Linear(120, 84, initializer=initializer),  # F6: 84
        ReLU(),
        Linear(84, num_classes, initializer=initializer),  # OUTPUT
    ]
    return Sequential([*features, *classifier], input_shape=input_shape, **options)
