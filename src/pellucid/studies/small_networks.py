"""What the small networks that studies train are made of, how large they are, and what they see."""

from __future__ import annotations

from dataclasses import dataclass

from ..geometry import ReceptiveField
from ..layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Layer, Linear, ReLU
from ..network import Sequential
from ..summary import summary
from .amounts import amount, grouped
from .images import CLASSES


def convolution(in_channels: int, out_channels: int, kernel_size: int, *, normalised: bool = True) -> list[Layer]:
    """Return a convolution that keeps the image's size, batch normalisation if wanted, and a ReLU."""
    conv = Conv2d(in_channels, out_channels, kernel_size, padding="same", bias=not normalised)
    return [conv, BatchNorm2d(out_channels), ReLU()] if normalised else [conv, ReLU()]


def classifier(channels: int) -> list[Layer]:
    """Return the mean of each channel and a dense layer, which sees no places."""
    return [AdaptiveAvgPool2d(1), Flatten(), Linear(channels, CLASSES)]


@dataclass(frozen=True)
class Sizes:
    """How large a network is.

    Attributes
    ----------
    field : int
        Pixels along a side that the last convolution or pooling can see that has places.
    parameters : int
    multiply_adds : int
        For one image.
    """

    field: int
    parameters: int
    multiply_adds: int

    @property
    def cells(self) -> tuple[str, str, str]:
        """Receptive field, parameters and multiply-adds for a table."""
        return f"{self.field}×{self.field}", grouped(self.parameters), amount(self.multiply_adds)


def sizes(network: Sequential) -> Sizes:
    """Return how large a network is, for images of its input shape."""
    found = summary(network)
    fields = [row.field for row in found.rows if isinstance(row.field, ReceptiveField)]
    return Sizes(fields[-1].size[0], found.totals.parameters, found.totals.multiply_adds)
