"""The part of filter-size that trains: one small network, with each choice of filters in turn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..layers import BatchNorm2d, Layer, MaxPool2d, ReLU
from ..network import Sequential
from ..scaling import Scaling
from ..steps import Shape
from ..summary import summary
from ..summary.arithmetic import number
from .amounts import amount
from .figures import Points, Series
from .images import CIFAR, MNIST, SHAPES, Images
from .result import Figure, Options, Section, Table
from .small_networks import classifier, convolution, receptive_field
from .trials import Trials, compare, how

if TYPE_CHECKING:
    from .filter_size import Filters

CHANNELS, QUICK_CHANNELS = 16, 4
QUICK_FILTERS = 2
RATES, EPOCHS = (0.003, 0.01, 0.03), 12

PAIRS = (
    ("three 3×3", "one 7×7"),
    ("two 3×3", "one 5×5"),
    ("three 3×3", "one 3×3"),
    ("3×3 by channel, then 1×1", "one 3×3"),
    ("one 1×1", "one 3×3"),
)
"""Filters, and those in whose place they may stand."""

NETWORK = (
    "What do networks learn with them? A small network is made with each: a convolution of 3×3 and max pooling of 2×2, "
    "the filters, such a pooling, the filters again, the mean of each channel, a dense layer. "
    f"Everything but the filters is alike: {CHANNELS} channels throughout, batch normalisation and a ReLU after every "
    "convolution. The dense layer sees no places, so what the network knows of shapes it has from its filters."
)


def sections(filters: Sequence[Filters], options: Options) -> list[Section]:
    """Return what a small network reaches with each choice of filters, and by how much some are better than others."""
    if options.quick:
        filters = filters[:QUICK_FILTERS]
    channels = QUICK_CHANNELS if options.quick else CHANNELS
    trials = compare({each.name: partial(_for_images, each, channels) for each in filters}, RATES, EPOCHS, options)
    return [
        NETWORK,
        how(RATES, EPOCHS, options),
        *([trials.note] if trials.note else []),
        _accuracies(filters, trials),
        *(_figure(images, filters, trials) for images in trials.sets),
        _differences(filters, trials),
        trials.rates("rates", [each.name for each in filters]),
    ]


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


def _accuracies(filters: Sequence[Filters], trials: Trials) -> Table:
    rows = []
    for each in filters:
        made = network(each, CHANNELS, SHAPES[CIFAR])
        totals, field = summary(made).totals, receptive_field(made)
        rows.append((
            each.name, f"{field}×{field}", number(totals.parameters), amount(totals.multiply_adds),
            trials.cell(MNIST, each.name), trials.cell(CIFAR, each.name),
        ))  # fmt: skip
    title = f"What a network with these filters reaches: {CHANNELS} channels; sizes for CIFAR-10"
    columns = ("filters", "receptive field", "parameters", "multiply-adds", "MNIST, %", "CIFAR-10, %")
    return Table("accuracy", title, columns, rows, measured=frozenset(columns[-2:]))


def _figure(images: Images, filters: Sequence[Filters], trials: Trials) -> Figure:
    found = [trials.of[images.name, each.name].accuracy for each in filters]
    parameters = [summary(network(each, CHANNELS, images.train.shape)).totals.parameters for each in filters]
    points = Series(
        "", parameters, [each.mean for each in found], spread=[each.deviation for each in found],
        labels=[each.name for each in filters],
    )  # fmt: skip
    caption = f"Accuracy on {images.name} against the number of parameters: mean and standard deviation over seeds."
    plot = Points("parameters", f"accuracy on the test images of {images.name}, %", (points,), x_log=True)
    return Figure(f"accuracy-{images.name.lower()}", caption, plot)


def _differences(filters: Sequence[Filters], trials: Trials) -> Table:
    weights = {each.name: _weights(each) for each in filters}
    rows = []
    for name, other in PAIRS:
        if name in weights and other in weights:
            share = f"{100 * weights[name] / weights[other]:.0f} %"
            differences = (trials.difference(images, name, other) for images in (MNIST, CIFAR))
            rows.append((name, other, share, *differences))
    columns = ("filters", "in place of", "weights", "MNIST, points", "CIFAR-10, points")
    title = "What it changes to put filters in place of others"
    return Table("differences", title, columns, rows, measured=frozenset(columns[-2:]))


def _weights(filters: Filters) -> int:
    return sum(weight.size for layer in filters.layers(CHANNELS) for weight in layer.parameters().values())
