"""The part of depth on activations: convolutions in a row with and without them in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inference import predict
from ..layers import Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU
from ..network import Sequential
from ..scaling import Scaling
from ..steps import Shape
from .amounts import grouped
from .figures import Bars, Map, Maps
from .images import CHANCE, CLASSES, SHAPES, Images
from .protocol import CIFAR, MNIST, Protocol
from .result import NOT_MEASURED, Figure, Options, Section, Table
from .small_networks import sizes
from .trials import DECIMALS, Comparison, Outcome, Spread, accuracy, bars, compare

FILTERS = 8
RATES, EPOCHS = (0.001, 0.003, 0.01), 8
COMPARED = 500
"""Test images whose outputs are held against those of the single filter."""

ABOUT = (
    "Is it the layers or the activations between them? A convolution of a convolution is a convolution: without an "
    "activation in between, n of 3×3 are one filter of 2·n + 1 pixels, and n of 1×1 are one of 1×1, whose weights are "
    "sums of products of theirs. So such a stack can learn nothing that the one filter could not, however deep it is. "
    f"Here {FILTERS} filters a layer, without bias and without padding, look at the image; then come a ReLU, max "
    "pooling of 2×2 and a dense layer. There is no batch normalisation."
)


@dataclass(frozen=True)
class Stack:
    """Convolutions in a row, and after them the same for all.

    Attributes
    ----------
    count, kernel_size : int
    activated : bool
        Whether a ReLU stands between the convolutions; one stands after the last in any case.
    """

    count: int
    kernel_size: int
    activated: bool = False

    @property
    def convolutions(self) -> str:
        """What they are, in words: ``three 3×3``."""
        return f"{('one', 'two', 'three')[self.count - 1]} {self.kernel_size}×{self.kernel_size}"

    @property
    def name(self) -> str:
        if self.count == 1:
            return self.convolutions
        return f"{self.convolutions} {'with' if self.activated else 'without'} ReLU"

    @property
    def extent(self) -> int:
        """Pixels along a side that the last convolution sees."""
        return self.count * (self.kernel_size - 1) + 1

    def network(self, shape: Shape, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
        """Return the network for images of a shape."""
        stack: list[Layer] = []
        for position in range(self.count):
            channels = FILTERS if position else shape[0]
            stack.append(Conv2d(channels, FILTERS, self.kernel_size, bias=False))
            if self.activated and position < self.count - 1:
                stack.append(ReLU())
        rows, columns = ((size - self.extent + 1) // 2 for size in shape[1:])
        end = [ReLU(), MaxPool2d(2), Flatten(), Linear(FILTERS * rows * columns, CLASSES)]
        return Sequential([*stack, *end], input_shape=shape, seed=seed, scaling=scaling)


THREE_3X3 = Stack(3, 3)
STACKS = (
    Stack(1, 1),
    Stack(3, 1),
    Stack(3, 1, activated=True),
    Stack(1, 7),
    THREE_3X3,
    Stack(3, 3, activated=True),
)
QUICK = (Stack(1, 7), THREE_3X3)


def sections(options: Options) -> list[Section]:
    """Return what stacks reach, and that those without activations are one filter."""
    protocol = Protocol.of(RATES, EPOCHS, options)
    stacks = QUICK if options.quick else STACKS
    found = compare({each.name: each for each in stacks}, protocol, options)
    return [
        ABOUT,
        f"Trained and measured as above, for {protocol.length}.",
        _accuracies(stacks, found),
        *_bars(stacks, found),
        _equivalents(stacks, found, options),
        *_filters(found),
        found.rates("stack-rates", [each.name for each in stacks]),
    ]


# ---- the single filter


def composed(weights: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return the weights of the one convolution that convolutions without padding in a row amount to.

    With y = W₂ ⋆ (W₁ ⋆ x): W[f, c, i + a, j + b] is the sum of W₂[f, m, i, j] · W₁[m, c, a, b], over m and over all
    i, j, a, b that lead to this place.

    Parameters
    ----------
    weights : sequence of arrays (filters, channels, height, width)
        From the first layer to the last; each has as many channels as the one before it has filters.
    """
    whole = weights[0].astype(np.float64)
    for weight in weights[1:]:
        (filters, _, tall, wide), (_, channels, height, width) = weight.shape, whole.shape
        longer = np.zeros((filters, channels, height + tall - 1, width + wide - 1))
        for i, j in np.ndindex(tall, wide):
            # (F, M), (M, C, H, W) -> (F, C, H, W)
            longer[:, :, i : i + height, j : j + width] += np.tensordot(weight[:, :, i, j].astype(np.float64), whole, 1)
        whole = longer
    return whole


def as_one(stack: Stack, network: Sequential) -> Sequential:
    """Return the network with the one filter in place of its stack, all other weights the same."""
    weights = [network.parameters()[f"conv{position}.weight"].data for position in range(1, stack.count + 1)]
    one = Stack(1, stack.extent).network(network.input_shape or (), scaling=network.scaling)
    one.parameters()["conv1.weight"].data[...] = composed(weights)
    for name in ("linear1.weight", "linear1.bias"):
        one.parameters()[name].data[...] = network.parameters()[name].data
    return one


# ---- what comes of it


def _accuracies(stacks: Sequence[Stack], found: Comparison) -> Table:
    rows = []
    for each in stacks:
        between = "ReLU" if each.activated else "none" if each.count > 1 else "–"
        one = "no single filter" if each.activated else f"{each.extent}×{each.extent}"
        parameters = sizes(each.network(SHAPES[CIFAR])).parameters
        cells = (found.cell(MNIST, each.name), found.cell(CIFAR, each.name))
        rows.append((each.convolutions, between, one, grouped(parameters), *cells))
    columns = ("convolutions", "between them", "amounts to", "parameters", "MNIST, %", "CIFAR-10, %")
    title = "Stacks with and without activations; parameters for CIFAR-10"
    return Table("activations", title, columns, rows, measured=frozenset(columns[-2:]))


def _bars(stacks: Sequence[Stack], found: Comparison) -> list[Figure]:
    if not found.sets:
        return []
    groups = [
        bars(images.name, [found.outcomes[images.name, each.name].accuracy for each in stacks]) for images in found.sets
    ]
    caption = (
        "Accuracy of stacks with and without activations in between: means over seeds, with the standard deviation. "
        "The line is at chance."
    )
    plot = Bars("accuracy on test images, %", [each.name for each in stacks], groups, line=CHANCE)
    return [Figure("activations", caption, plot)]


def _equivalents(stacks: Sequence[Stack], comparison: Comparison, options: Options) -> Table:
    """Return what is left of accuracy and outputs where a trained stack's single filter takes its place."""
    rows = []
    for each in stacks:
        if each.count > 1 and not each.activated:
            found = {
                images.name: _replaced(each, images, comparison.outcomes[images.name, each.name], options)
                for images in comparison.sets
            }
            cells = [found[name][0] if name in found else NOT_MEASURED for name in (MNIST, CIFAR)]
            largest = f"{max(off for _, off in found.values()):.0e}" if found else NOT_MEASURED
            rows.append((each.convolutions, f"{each.extent}×{each.extent}", *cells, largest))
    columns = ("convolutions", "replaced by one of", "MNIST, %", "CIFAR-10, %", "outputs differ by")
    title = "The trained stacks without activations, each replaced by the one filter computed from its weights"
    return Table("equivalents", title, columns, rows, measured=frozenset(columns[-3:]))


def _replaced(stack: Stack, images: Images, outcome: Outcome, options: Options) -> tuple[str, float]:
    """Return the accuracies with single filters, and by how much an output differs, as a share of the largest."""
    ones = [as_one(stack, network) for network in outcome.networks]
    found = Spread(tuple(accuracy(one, images.test, options) for one in ones))
    some = images.test.images[:COMPARED]
    before, after = (predict(network, some, threads=options.threads) for network in (outcome.networks[0], ones[0]))
    return found.text(DECIMALS[images.name]), float(np.abs(after - before).max() / np.abs(before).max())


def _filters(found: Comparison) -> list[Figure]:
    """Return a picture of the filters of 7×7 that three layers of 3×3 have become."""
    stack = THREE_3X3
    outcome = found.outcomes.get((MNIST, stack.name))
    if outcome is None:
        return []
    one = as_one(stack, outcome.networks[0])
    maps = [
        Map(f"filter {number}", filter_[0])
        for number, filter_ in enumerate(one.parameters()["conv1.weight"].data, start=1)
    ]
    caption = (
        f"What {stack.convolutions} convolutions without activations learnt on MNIST: {FILTERS} filters of "
        f"{stack.extent}×{stack.extent}, computed from all their weights. Red is positive, blue negative."
    )
    return [Figure("equivalents", caption, Maps(maps, columns=4))]
