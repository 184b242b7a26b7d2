"""What the small networks that studies train are made of, and what they see."""

from __future__ import annotations

from ..geometry import ReceptiveField
from ..layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Layer, Linear, ReLU
from ..network import Sequential
from ..summary import summary
from .images import CLASSES


def convolution(in_channels: int, out_channels: int, kernel_size: int, *, normalised: bool = True) -> list[Layer]:
    """Return a convolution that keeps the image's size, batch normalisation if wanted, and a ReLU."""
    conv = Conv2d(in_channels, out_channels, kernel_size, padding="same", bias=not normalised)
    return [conv, BatchNorm2d(out_channels), ReLU()] if normalised else [conv, ReLU()]


def classifier(channels: int) -> list[Layer]:
    """Return the mean of each channel and a dense layer, which sees no places."""
    return [AdaptiveAvgPool2d(1), Flatten(), Linear(channels, CLASSES)]


def receptive_field(network: Sequential) -> int:
    """Return how many pixels along a side the last convolution or pooling can see that has places."""
    fields = [row.field for row in summary(network).rows]
    return [field.size[0] for field in fields if isinstance(field, ReceptiveField)][-1]
