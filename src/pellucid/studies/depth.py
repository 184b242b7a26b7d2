"""depth: whether deeper networks are better, and what the activations between convolutions do.

Stacks of 3×3 convolutions grow deeper at the same width, as VGG's authors let them. Stacks with and without activations
in between are held against the single filter that the latter amount to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..layers import Layer, MaxPool2d
from ..network import Sequential
from ..scaling import Scaling
from ..steps import Shape
from .figures import Points, Series
from .images import SHAPES, Images
from .linear_stacks import sections as linear_stacks
from .protocol import CIFAR, MNIST, Protocol
from .result import Figure, Options, Result, Section, Table, quick_note
from .small_networks import classifier, convolution, sizes
from .trials import Comparison, compare, describe_training

FILTERS, WIDE = 16, 32
RATES, EPOCHS = (0.001, 0.003, 0.01), 10

ABOUT = (
    "VGG's authors made a network deeper and deeper, with 3×3 convolutions alone, and each was better than the one "
    "before, up to 16 or 19 layers with weights. Here is the claim on a small scale."
)


@dataclass(frozen=True)
class Deep:
    """A network of 3×3 convolutions: one before the first pooling, then so many before and after the second.

    Attributes
    ----------
    per_stage : int
        Convolutions in each of the two stages.
    filters : int
        Of every convolution.
    normalised : bool
        Whether there is batch normalisation before every ReLU.
    """

    per_stage: int
    filters: int = FILTERS
    normalised: bool = False

    @property
    def convolutions(self) -> int:
        return 1 + 2 * self.per_stage

    @property
    def name(self) -> str:
        return f"{self.convolutions} of {self.filters} filters, {'normalised' if self.normalised else 'plain'}"

    def network(self, shape: Shape, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
        """Return the network for images of a shape."""
        stages: list[Layer] = []
        for _ in range(2):
            stages.append(MaxPool2d(2))
            for _ in range(self.per_stage):
                stages += convolution(self.filters, self.filters, 3, normalised=self.normalised)
        first = convolution(shape[0], self.filters, 3, normalised=self.normalised)
        layers = [*first, *stages, *classifier(self.filters)]
        return Sequential(layers, input_shape=shape, seed=seed, scaling=scaling)


NETWORKS = (Deep(1), Deep(2), Deep(4), Deep(6), Deep(1, WIDE))
QUICK = NETWORKS[:1]

ABOUT_DEEP = (
    "A 3×3 convolution comes first, then 2×2 max pooling, half of the remaining convolutions, a second max pooling, "
    f"then the other half, the mean of each channel and a dense layer. All have {FILTERS} filters, so that deeper "
    f"networks have more weights, too. To tell depth from size, one more network is as shallow as the first and has "
    f"{WIDE} filters, which makes about as many weights as nine convolutions have. Each network is trained without "
    "batch normalisation, as VGG was, and with it, before every ReLU."
)


def study(options: Options) -> Result:
    """Return how accuracy grows with depth, and what the activations have to do with it."""
    protocol = Protocol.of(RATES, EPOCHS, options)
    note = quick_note(options, f"some of the networks, {protocol.brief}")
    return Result("Depth", (*note, ABOUT, *_deep(protocol, options), *linear_stacks(options)))


def _deep(protocol: Protocol, options: Options) -> list[Section]:
    networks = QUICK if options.quick else NETWORKS
    contestants = {each.name: each for plain in networks for each in _both(plain)}
    found = compare(contestants, protocol, options)
    return [
        ABOUT_DEEP,
        describe_training(protocol),
        *([found.note] if found.note else []),
        _table(networks, found),
        *(_figure(images, networks, found) for images in found.sets),
        found.rates("rates", list(contestants)),
    ]


def _both(network: Deep) -> list[Deep]:
    """Return the network without batch normalisation and with it."""
    return [replace(network, normalised=normalised) for normalised in (False, True)]


# ---- what comes of it


def _table(networks: Sequence[Deep], found: Comparison) -> Table:
    rows = []
    for each in networks:
        cells = [found.cell(name, one.name) for name in (MNIST, CIFAR) for one in _both(each)]
        size = sizes(each.network(SHAPES[CIFAR]))
        rows.append((str(each.convolutions), str(each.filters), *size.cells, *cells))
    measured = [f"{name}, {kind}" for name in (MNIST, CIFAR) for kind in ("plain", "normalised")]
    columns = ("convolutions", "filters", "receptive field", "parameters", "multiply-adds", *measured)
    title = "Accuracy by depth in percent; sizes are those of the plain network for CIFAR-10"
    return Table("depth", title, columns, rows, measured=frozenset(measured))


def _figure(images: Images, networks: Sequence[Deep], found: Comparison) -> Figure:
    """Return accuracy by depth: lines for networks of one width, single points for the wide one."""
    series = []
    for normalised, text in ((True, "with batch normalisation"), (False, "plain")):
        for width, name in ((FILTERS, text), (WIDE, f"{text}, {WIDE} filters")):
            shown = [replace(each, normalised=normalised) for each in networks if each.filters == width]
            reached = [found.outcomes[images.name, each.name].accuracy for each in shown]
            if shown:
                series.append(Series(
                    name, [each.convolutions for each in shown], [each.mean for each in reached],
                    spread=[each.deviation for each in reached], joined=len(shown) > 1,
                ))  # fmt: skip
    caption = (
        f"Accuracy on {images.name} by the number of convolutions, of {FILTERS} filters if nothing else is said: mean "
        "and standard deviation over seeds."
    )
    plot = Points("3×3 convolutions", f"accuracy on the test images of {images.name}, %", series)
    return Figure(f"depth-{images.name.lower()}", caption, plot)
