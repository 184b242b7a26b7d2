"""The part of filter-size that trains: one small network, with each choice of filters in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..layers import BatchNorm2d, Layer, MaxPool2d, ReLU
from ..network import Sequential
from ..scaling import Scaling
from ..steps import Shape
from .figures import Points, Series
from .filters import FILTERS, Filters
from .images import SHAPES, Images
from .protocol import CIFAR, MNIST, Protocol
from .result import Figure, Options, Section, Table
from .small_networks import classifier, convolution, sizes
from .trials import Comparison, compare, describe_training

CHANNELS, QUICK_CHANNELS = 16, 4
QUICK_FILTERS = 2
RATES, EPOCHS = (0.003, 0.01, 0.03), 12

PAIRS = (
    ("three 3×3", "one 7×7"),
    ("two 3×3", "one 5×5"),
    ("three 3×3", "one 3×3"),
    ("depthwise separable 3×3", "one 3×3"),
    ("one 1×1", "one 3×3"),
)
"""Filters, and those in whose place they may stand."""


@dataclass(frozen=True)
class Sighted:
    """A small network that sees with a choice of filters, in two places.

    Attributes
    ----------
    filters : Filters
    channels : int
        Throughout the network.
    """

    filters: Filters
    channels: int = CHANNELS

    @property
    def name(self) -> str:
        return self.filters.name

    @property
    def weights(self) -> int:
        """How many the filters have in one of the two places."""
        layers = self.filters.layers(self.channels)
        return sum(weight.size for layer in layers for weight in layer.parameters().values())

    def network(self, shape: Shape, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
        """Return the network for images of a shape."""
        layers = convolution(shape[0], self.channels, 3)
        for _ in range(2):
            layers += [MaxPool2d(2), *_normalised(self.filters.layers(self.channels), self.channels)]
        return Sequential([*layers, *classifier(self.channels)], input_shape=shape, seed=seed, scaling=scaling)


def _normalised(layers: Sequence[Layer], channels: int) -> list[Layer]:
    """Return the layers with batch normalisation before every ReLU."""
    found: list[Layer] = []
    for layer in layers:
        found += [BatchNorm2d(channels), layer] if isinstance(layer, ReLU) else [layer]
    return found


def sections(protocol: Protocol, options: Options) -> list[Section]:
    """Return what a small network reaches with each choice of filters, and by how much some are better than others."""
    filters, channels = (FILTERS[:QUICK_FILTERS], QUICK_CHANNELS) if options.quick else (FILTERS, CHANNELS)
    networks = [Sighted(each, channels) for each in filters]
    found = compare({each.name: each for each in networks}, protocol, options)
    return [
        _about(channels),
        describe_training(protocol),
        *([found.note] if found.note else []),
        _accuracies(networks, found),
        *(_figure(images, networks, found) for images in found.sets),
        _differences(networks, found),
        found.rates("rates", [each.name for each in networks]),
    ]


def _about(channels: int) -> str:
    return (
        "What do networks learn with them? A small network is made with each: a 3×3 convolution, 2×2 max pooling, the "
        "filters, a second max pooling, the filters again, the mean of each channel, a dense layer. Everything but the "
        f"filters is alike: {channels} channels throughout, batch normalisation and a ReLU after every convolution. "
        "The dense layer sees no places, so what the network knows of shapes it has from its filters."
    )


# ---- what comes of it


def _accuracies(networks: Sequence[Sighted], found: Comparison) -> Table:
    rows = []
    for each in networks:
        size = sizes(each.network(SHAPES[CIFAR]))
        rows.append((each.name, *size.cells, found.cell(MNIST, each.name), found.cell(CIFAR, each.name)))
    title = f"What a network with these filters reaches: {networks[0].channels} channels; sizes for CIFAR-10"
    columns = ("filters", "receptive field", "parameters", "multiply-adds", "MNIST, %", "CIFAR-10, %")
    return Table("accuracy", title, columns, rows, measured=frozenset(columns[-2:]))


def _figure(images: Images, networks: Sequence[Sighted], found: Comparison) -> Figure:
    reached = [found.outcomes[images.name, each.name].accuracy for each in networks]
    points = Series(
        "", [sizes(each.network(images.train.shape)).parameters for each in networks],
        [each.mean for each in reached], spread=[each.deviation for each in reached],
        labels=[each.name for each in networks],
    )  # fmt: skip
    caption = f"Accuracy on {images.name} against the number of parameters: mean and standard deviation over seeds."
    plot = Points("parameters", f"accuracy on the test images of {images.name}, %", (points,), x_log=True)
    return Figure(f"accuracy-{images.name.lower()}", caption, plot)


def _differences(networks: Sequence[Sighted], found: Comparison) -> Table:
    weights = {each.name: each.weights for each in networks}
    rows = []
    for name, other in PAIRS:
        if name in weights and other in weights:
            share = f"{100 * weights[name] / weights[other]:.0f} %"
            differences = (found.difference(images, name, other) for images in (MNIST, CIFAR))
            rows.append((name, other, share, *differences))
    columns = ("filters", "in place of", "weights", "MNIST, points", "CIFAR-10, points")
    title = "What it changes to put filters in place of others"
    return Table("differences", title, columns, rows, measured=frozenset(columns[-2:]))
