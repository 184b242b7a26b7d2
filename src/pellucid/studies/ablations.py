"""ablations: AlexNet's four innovations, each taken away from a small network like it.

References
----------
A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012:
sections 3.1 (ReLU), 3.4 (overlapping pooling), 4.1 (crops and mirror images) and 4.2 (dropout).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..data import Dataset
from ..errors import DataError
from ..initializers import GlorotUniform, HeNormal
from ..layers import Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU, Tanh
from ..network import Sequential
from ..optimizers import Adam
from ..scaling import Scaling
from ..summary import summary
from ..summary.arithmetic import number
from ..training import fit
from .activation_speed import sections as activation_speed
from .crops import SIZE, centred, drawn
from .figures import Points, Series
from .images import CIFAR, CLASSES, Images, gather
from .result import NOT_MEASURED, Figure, Options, Result, Section, Table
from .trials import BATCH_SIZE, DECIMALS, SCHEDULE, Spread, Trial, accuracy, chosen, repeated, trial

CHANNELS = (16, 32, 32, 32, 32)
HIDDEN = 256
RATES, EPOCHS = (0.001, 0.003), 24


@dataclass(frozen=True)
class Miniature:
    """AlexNet in miniature, with its innovations or without.

    Attributes
    ----------
    relu : bool
        Else tanh.
    dropout : bool
        Half of what enters each of the two hidden dense layers.
    crops : bool
        Else always the middle of the image.
    overlapping : bool
        Pooling windows of 3×3 two pixels apart, else of 2×2. The former have a row and a column of padding at the end, so that both leave
        as many places.
    """

    relu: bool = True
    dropout: bool = True
    crops: bool = True
    overlapping: bool = True

    def network(self, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
        """Return the network: five convolutions and three dense layers, for colour images of 28×28."""
        initializer = HeNormal() if self.relu else GlorotUniform()
        layers: list[Layer] = []
        channels = 3
        for position, filters in enumerate(CHANNELS):
            layers += [Conv2d(channels, filters, 3 if position else 5, padding="same", initializer=initializer), self._activation()]
            if position in (0, 1, 4):
                layers.append(self._pooling())
            channels = filters
        layers.append(Flatten())
        features = channels * (SIZE // 8) ** 2
        for inputs, outputs in ((features, HIDDEN), (HIDDEN, HIDDEN)):
            layers += [Dropout(0.5)] if self.dropout else []
            layers += [Linear(inputs, outputs, initializer=initializer), self._activation()]
        layers.append(Linear(HIDDEN, CLASSES, initializer=initializer))
        return Sequential(layers, input_shape=(3, SIZE, SIZE), seed=seed, scaling=scaling)
