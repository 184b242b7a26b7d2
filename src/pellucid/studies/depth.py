"""depth: whether deeper networks are better, and what the activations between convolutions do.

Stacks of 3×3 convolutions grow deeper at the same width, as VGG's authors let them. Stacks with and without activations
in between are held against the single filter that the latter amount to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ..errors import DataError
from ..layers import Layer, MaxPool2d
from ..network import Sequential
from ..scaling import Scaling
from ..steps import Shape
from ..summary import summary
from ..summary.arithmetic import number
from .amounts import amount
from .figures import Points, Series
from .images import CIFAR, MNIST, SHAPES, Images
from .linear_stacks import sections as linear_stacks
from .result import Figure, Options, Result, Section, Table
from .small_networks import classifier, convolution, receptive_field
from .trials import Trials, compare, how

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
    stage : int
        Convolutions in each of the two stages.
    filters : int
        Of every convolution.
    """

    stage: int
    filters: int = FILTERS

    @property
    def convolutions(self) -> int:
        return 1 + 2 * self.stage

    def network(self, shape: Shape, normalised: bool, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
        """Return the network for images of a shape, with batch normalisation or without."""
        stages: list[Layer] = []
        for _ in range(2):
            stages.append(MaxPool2d(2))
            for _ in range(self.stage):
                stages += convolution(self.filters, self.filters, 3, normalised=normalised)
        layers = [*convolution(shape[0], self.filters, 3, normalised=normalised), *stages, *classifier(self.filters)]
        return Sequential(layers, input_shape=shape, seed=seed, scaling=scaling)


NETWORKS = (Deep(1), Deep(2), Deep(4), Deep(6), Deep(1, WIDE))
QUICK = NETWORKS[:1]

ABOUT_DEEP = (
    "A 3×3 convolution comes first, then max pooling of 2×2, half of the others, such a pooling, the other half, the "
    f"mean of each channel and a dense layer. All have {FILTERS} filters, so that deeper networks have more weights, "
    f"too. To tell depth from size, one more network is as shallow as the first and has {WIDE} filters, which makes "
    "about as many weights as nine convolutions have. Each network is trained as VGG was, and with batch normalisation "
    "before every ReLU."
)


def study(options: Options) -> Result:
    """Return how accuracy grows with depth, and what the activations have to do with it."""
    return Result("Depth", (ABOUT, *_deep(options), *linear_stacks(options)))


def _deep(options: Options) -> list[Section]:
    networks = QUICK if options.quick else NETWORKS
    contestants = [(each, normalised) for each in networks for normalised in (False, True)]
    makers = {_name(*contestant): partial(_for_images, *contestant) for contestant in contestants}
    trials = compare(makers, RATES, EPOCHS, options)
    if options.measure and not trials.sets:
        raise DataError(f"there is nothing to train on. {trials.note}")
    return [
        ABOUT_DEEP,
        how(RATES, EPOCHS, options),
        *([trials.note] if trials.note else []),
        _table(networks, trials),
        *(_figure(images, networks, trials) for images in trials.sets),
        trials.rates("rates", list(makers)),
    ]


def _name(network: Deep, normalised: bool) -> str:
    return f"{network.convolutions} of {network.filters} filters, {'normalised' if normalised else 'plain'}"


def _for_images(network: Deep, normalised: bool, images: Images, seed: int) -> Sequential:
    return network.network(images.train.shape, normalised, seed, images.scaling)


# ---- what comes of it


def _table(networks: Sequence[Deep], trials: Trials) -> Table:
    rows = []
    for each in networks:
        made = each.network(SHAPES[CIFAR], normalised=False)
        totals, field = summary(made).totals, receptive_field(made)
        cells = [trials.cell(name, _name(each, normalised)) for name in (MNIST, CIFAR) for normalised in (False, True)]
        size = (f"{field}×{field}", number(totals.parameters), amount(totals.multiply_adds))
        rows.append((str(each.convolutions), str(each.filters), *size, *cells))
    measured = [f"{name}, {kind}" for name in (MNIST, CIFAR) for kind in ("plain", "normalised")]
    columns = ("convolutions", "filters", "receptive field", "parameters", "multiply-adds", *measured)
    title = "Accuracy by depth in percent; sizes are those of the plain network for CIFAR-10"
    return Table("depth", title, columns, rows, measured=frozenset(measured))


def _figure(images: Images, networks: Sequence[Deep], trials: Trials) -> Figure:
    """Return accuracy by depth: lines for networks of one width, single points for the wide one."""
    series = []
    for normalised, text in ((True, "with batch normalisation"), (False, "plain")):
        for width, name in ((FILTERS, text), (WIDE, f"{text}, {WIDE} filters")):
            shown = [each for each in networks if each.filters == width]
            found = [trials.of[images.name, _name(each, normalised)].accuracy for each in shown]
            if shown:
                series.append(Series(
                    name, [each.convolutions for each in shown], [each.mean for each in found],
                    spread=[each.deviation for each in found], joined=len(shown) > 1,
                ))  # fmt: skip
    caption = (
        f"Accuracy on {images.name} by the number of convolutions, of {FILTERS} filters if nothing else is said: mean "
        "and standard deviation over seeds."
    )
    plot = Points("3×3 convolutions", f"accuracy on the test images of {images.name}, %", series)
    return Figure(f"depth-{images.name.lower()}", caption, plot)
