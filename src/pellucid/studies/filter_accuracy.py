"""The part of filter-size that trains: one small network, with each choice of filters in turn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ..layers import BatchNorm2d, Layer, MaxPool2d, ReLU
from ..network import Sequential
from ..scaling import Scaling
from ..steps import Shape
from ..summary import summary
from .amounts import amount, grouped
from .figures import Points, Series
from .filters import FILTERS, Filters
from .images import SHAPES, Images
from .protocol import CIFAR, MNIST, Protocol
from .result import Figure, Options, Section, Table
from .small_networks import classifier, convolution, receptive_field
from .trials import Comparison, compare, how

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


def sections(protocol: Protocol, options: Options) -> list[Section]:
    """Return what a small network reaches with each choice of filters, and by how much some are better than others."""
    filters, channels = (FILTERS[:QUICK_FILTERS], QUICK_CHANNELS) if options.quick else (FILTERS, CHANNELS)
    found = compare({each.name: partial(_for_images, each, channels) for each in filters}, protocol, options)
    return [
        _about(channels),
        how(protocol),
        *([found.note] if found.note else []),
        _accuracies(filters, channels, found),
        *(_figure(images, filters, channels, found) for images in found.sets),
        _differences(filters, channels, found),
        found.rates("rates", [each.name for each in filters]),
    ]


def _about(channels: int) -> str:
    return (
        "What do networks learn with them? A small network is made with each: a 3×3 convolution, 2×2 max pooling, the "
        "filters, a second max pooling, the filters again, the mean of each channel, a dense layer. Everything but the "
        f"filters is alike: {channels} channels throughout, batch normalisation and a ReLU after every convolution. "
        "The dense layer sees no places, so what the network knows of shapes it has from its filters."
    )


# ---- the network


def network(filters: Filters, channels: int, shape: Shape, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
    """Return the network with a choice of filters, for images of a shape."""
    block = _normalised(filters.layers(channels), channels)
    again = _normalised(filters.layers(channels), channels)
    layers = [
        *convolution(shape[0], channels, 3), MaxPool2d(2), *block, MaxPool2d(2), *again, *classifier(channels)
    ]  # fmt: skip
    return Sequential(layers, input_shape=shape, seed=seed, scaling=scaling)


def _normalised(layers: Sequence[Layer], channels: int) -> list[Layer]:
    """Return the layers with batch normalisation before every ReLU."""
    found: list[Layer] = []
    for layer in layers:
        found += [BatchNorm2d(channels), layer] if isinstance(layer, ReLU) else [layer]
    return found


def _for_images(filters: Filters, channels: int, images: Images, seed: int) -> Sequential:
    return network(filters, channels, images.train.shape, seed, images.scaling)


# ---- what comes of it


def _accuracies(filters: Sequence[Filters], channels: int, found: Comparison) -> Table:
    rows = []
    for each in filters:
        made = network(each, channels, SHAPES[CIFAR])
        totals, field = summary(made).totals, receptive_field(made)
        rows.append((
            each.name, f"{field}×{field}", grouped(totals.parameters), amount(totals.multiply_adds),
            found.cell(MNIST, each.name), found.cell(CIFAR, each.name),
        ))  # fmt: skip
    title = f"What a network with these filters reaches: {channels} channels; sizes for CIFAR-10"
    columns = ("filters", "receptive field", "parameters", "multiply-adds", "MNIST, %", "CIFAR-10, %")
    return Table("accuracy", title, columns, rows, measured=frozenset(columns[-2:]))


def _figure(images: Images, filters: Sequence[Filters], channels: int, found: Comparison) -> Figure:
    reached = [found.outcomes[images.name, each.name].accuracy for each in filters]
    parameters = [summary(network(each, channels, images.train.shape)).totals.parameters for each in filters]
    points = Series(
        "", parameters, [each.mean for each in reached], spread=[each.deviation for each in reached],
        labels=[each.name for each in filters],
    )  # fmt: skip
    caption = f"Accuracy on {images.name} against the number of parameters: mean and standard deviation over seeds."
    plot = Points("parameters", f"accuracy on the test images of {images.name}, %", (points,), x_log=True)
    return Figure(f"accuracy-{images.name.lower()}", caption, plot)


def _differences(filters: Sequence[Filters], channels: int, found: Comparison) -> Table:
    weights = {each.name: _weights(each, channels) for each in filters}
    rows = []
    for name, other in PAIRS:
        if name in weights and other in weights:
            share = f"{100 * weights[name] / weights[other]:.0f} %"
            differences = (found.difference(images, name, other) for images in (MNIST, CIFAR))
            rows.append((name, other, share, *differences))
    columns = ("filters", "in place of", "weights", "MNIST, points", "CIFAR-10, points")
    title = "What it changes to put filters in place of others"
    return Table("differences", title, columns, rows, measured=frozenset(columns[-2:]))


def _weights(filters: Filters, channels: int) -> int:
    return sum(weight.size for layer in filters.layers(channels) for weight in layer.parameters().values())
