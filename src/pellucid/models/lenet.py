"""LeNet-5, as it is taught today and as it was in 1998."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ..layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Tanh
from ..network import NetworkOptions, Sequential
from .making import feature_count, model


@model
def lenet(
    num_classes: int = 10, input_shape: Sequence[int] = (1, 28, 28), **options: Unpack[NetworkOptions]
) -> Sequential:
    """LeNet-5 of 1998, in the form in which it is taught today.

    By Yann LeCun, Léon Bottou, Yoshua Bengio and Patrick Haffner. New was that one network, trained as a whole by
    gradient descent, went from pixels to classes: convolutions with shared weights found the features that others
    designed by hand. It was used to read the amounts on bank cheques, several million a day, as the recogniser of
    characters within a system of graph transformers (section X).

    The paper's network takes 32×32 pixels, pools by a learnt average, squashes with tanh, connects its second
    convolution to chosen maps only, and ends with distances to drawn prototypes. Here pooling takes the maximum,
    activations are ReLU, all maps are connected, and the end is a dense layer. The names and sizes beside the layers
    are those of the paper's figure.

    At least 16×16 pixels; 28×28 gives 44,426 parameters, the paper's 32×32 give 61,706. For the arguments see
    `pellucid.models`.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
    Proceedings of the IEEE 86(11), 1998, section II.B and figure 2.
    """
    features = [
        Conv2d(input_shape[0], 6, 5),  # C1: 6 maps of 28×28
        ReLU(),
        MaxPool2d(2),  # S2: 6 of 14×14
        Conv2d(6, 16, 5),  # C3: 16 of 10×10
        ReLU(),
        MaxPool2d(2),  # S4: 16 of 5×5
        Flatten(),
    ]
    classifier = [
        Linear(feature_count(features, input_shape), 120),  # C5: a 5×5 convolution there, which on 5×5 is the same
        ReLU(),
        Linear(120, 84),  # F6
        ReLU(),
        Linear(84, num_classes),  # OUTPUT
    ]
    return Sequential([*features, *classifier], input_shape=input_shape, **options)


@model
def lenet5(
    num_classes: int = 10, input_shape: Sequence[int] = (1, 32, 32), **options: Unpack[NetworkOptions]
) -> Sequential:
    """LeNet-5 nearer to its paper of 1998: averages for pooling, tanh for squashing, 32×32 pixels.

    See `lenet` for its authors and history. The stroke of a digit can lie in the middle of a filter of the last
    convolution only if there is room round it, which is why the paper pads 28×28 images to 32×32.

    Four things differ from the paper. Its second convolution connects each map to chosen maps before it (table I, 1,516
    parameters; here all are connected, 2,416). Its sub-sampling multiplies the mean by a learnt number and adds another
    (12 and 32 parameters; here it is the mean alone). Its squashing is 1.7159·tanh(2x/3). Its output is the squared
    distance to drawn images of the digits (RBF units; here a dense layer).

    At least 32×32 pixels; 61,706 parameters, where the paper counts 60,000 that are trained. For the arguments see
    `pellucid.models`.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
    Proceedings of the IEEE 86(11), 1998, section II.B and figure 2.
    """
    features = [
        Conv2d(input_shape[0], 6, 5),  # C1: 6 maps of 28×28
        Tanh(),
        AvgPool2d(2),  # S2: 6 of 14×14
        Tanh(),
        Conv2d(6, 16, 5),  # C3: 16 of 10×10
        Tanh(),
        AvgPool2d(2),  # S4: 16 of 5×5
        Tanh(),
        Conv2d(16, 120, 5),  # C5: 120 of 1×1
        Tanh(),
        Flatten(),
    ]
    classifier = [
        Linear(feature_count(features, input_shape), 84),  # F6
        Tanh(),
        Linear(84, num_classes),  # OUTPUT
    ]
    return Sequential([*features, *classifier], input_shape=input_shape, **options)
