"""AlexNet in miniature: a small network for small images, with each of its innovations or without.

References
----------
A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012:
sections 3.1 (ReLU), 3.4 (overlapping pooling), 4.1 (crops and mirror images) and 4.2 (dropout).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..initializers import GlorotUniform, HeNormal
from ..layers import Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU, Tanh
from ..network import Sequential
from ..scaling import Scaling
from ..steps import Shape
from .crops import SIZE
from .images import CLASSES

CHANNELS = (16, 32, 32, 32, 32)
POOLED = (0, 1, 4)
"""Convolutions that a pooling follows, as in AlexNet the first, the second and the fifth."""
HIDDEN = 256


@dataclass(frozen=True)
class Miniature:
    """Which of the innovations there are.

    Attributes
    ----------
    relu : bool
        Else tanh.
    dropout : bool
        Whether half of what enters each of the two hidden dense layers is dropped.
    crops : bool
        Whether the network is trained on crops and mirror images, else on the middle of each image.
    overlapping : bool
        Whether pooling windows are of 3×3, else of 2×2; they lie two pixels apart in any case. Those of 3×3 have
        padding below and on the right, so that both give equally many outputs.
    """

    relu: bool = True
    dropout: bool = True
    crops: bool = True
    overlapping: bool = True

    def network(self, shape: Shape, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
        """Return the network, five convolutions and three dense layers, for crops of images of a shape."""
        initializer = HeNormal() if self.relu else GlorotUniform()  # each made for its activation
        layers: list[Layer] = []
        channels = shape[0]
        for position, filters in enumerate(CHANNELS):
            kernel = 3 if position else 5
            layers += [Conv2d(channels, filters, kernel, padding="same", initializer=initializer), self._activation()]
            layers += [self._pooling()] if position in POOLED else []
            channels = filters
        layers.append(Flatten())
        features = channels * (SIZE // 2 ** len(POOLED)) ** 2
        for inputs in (features, HIDDEN):
            layers += [Dropout(0.5)] if self.dropout else []
            layers += [Linear(inputs, HIDDEN, initializer=initializer), self._activation()]
        layers.append(Linear(HIDDEN, CLASSES, initializer=GlorotUniform()))
        return Sequential(layers, input_shape=(shape[0], SIZE, SIZE), seed=seed, scaling=scaling)

    def _activation(self) -> Layer:
        return ReLU() if self.relu else Tanh()

    def _pooling(self) -> Layer:
        return MaxPool2d(3, stride=2, padding=((0, 1), (0, 1))) if self.overlapping else MaxPool2d(2)
