"""depth: whether deeper networks are better, and what the activations between convolutions do.

Stacks of 3×3 convolutions grow deeper at the same width, as VGG's authors let them. Stacks with and without activations
in between are held against the single filter that the latter amount to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ..errors import DataError
from ..layers import Layer, MaxPool2d
from ..network import Sequential
from ..scaling import Scaling
from ..steps import Shape
from ..summary import summary
from ..summary.arithmetic import number
from .figures import Points, Series
from .images import CIFAR, MNIST, SHAPES, Images
from .linear_stacks import sections as linear_stacks
from .result import Figure, Options, Result, Section, Table
from .small_networks import classifier, convolution, receptive_field
from .trials import Trials, compare, how

FILTERS, WIDE = 16, 32
RATES, EPOCHS = (0.001, 0.003, 0.01), 12

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

    @property
    def name(self) -> str:
        return f"{self.convolutions} of {self.filters}"

    def network(self, shape: Shape, normalised: bool, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
        """Return the network for images of a shape, with batch normalisation or without."""
        stages: list[Layer] = []
        for _ in range(2):
            stages.append(MaxPool2d(2))
            for _ in range(self.stage):
                stages += convolution(self.filters, self.filters, 3, normalised=normalised)
        layers = [*convolution(shape[0], self.filters, 3, normalised=normalised), *stages, *classifier(self.filters)]
        return Sequential(layers, input_shape=shape, seed=seed, scaling=scaling)


NETWORKS = (Deep(1), Deep(2), Deep(4), Deep(8), Deep(1, WIDE))
QUICK = NETWORKS[:2]

ABOUT_DEEP = (
    "One convolution comes first, then max pooling of 2×2, half of the others, such a pooling, the other half, the mean of each "
    f"channel and a dense layer. All convolutions are of 3×3 and have {FILTERS} filters; so a deeper network has more weights, too. To tell "
    f"the two apart, the last network is as shallow as the first, and with {WIDE} filters has about as many weights as that of 9. Each is "
    "trained with batch normalisation before every ReLU, and as VGG was, without."
)


def study(options: Options) -> Result:
    """Return how accuracy grows with depth, with and without batch normalisation, and what activations have to do with it."""
    return Result("Depth", (ABOUT, *_deep(options), *linear_stacks(options)))


def _deep(options: Options) -> list[Section]:
    networks = QUICK if options.quick else NETWORKS
    makers = {
        _name(each, normalised): partial(_for_images, each, normalised)
        for each in networks
        for normalised in (True, False)
    }
    trials = compare(makers, RATES, EPOCHS, options)
    if options.measure and not trials.sets:
        raise DataError(f"there is nothing to train on. {trials.note}")
    return [
        ABOUT_DEEP,
        how(RATES, EPOCHS, options),
        *trials.remarks(),
        _table(networks, trials),
        *(_figure(images, networks, trials) for images in trials.sets),
    ]


def _name(network: Deep, normalised: bool) -> str:
    return f"{network.name}, normalised" if normalised else f"{network.name}, plain"


def _for_images(network: Deep, normalised: bool, images: Images, seed: int) -> Sequential:
    return network.network(images.train.shape, normalised, seed, images.scaling)


def _table(networks: tuple[Deep, ...], trials: Trials) -> Table:
    rows = []
    for each in networks:
        made = each.network(SHAPES[CIFAR], normalised=False)
        totals, field = summary(made).totals, receptive_field(made)
        cells = [trials.cell(images, _name(each, normalised)) for images in (MNIST, CIFAR) for normalised in (True, False)]
        rows.append((each.name, f"{field}×{field}", number(totals.parameters), number(totals.multiply_adds), *cells))
    measured = [f"{images}, {how}, %" for images in (MNIST, CIFAR) for how in ("normalised", "plain")]
    columns = ("convolutions", "receptive field", "parameters", "multiply-adds", *measured)
    title = "Accuracy by depth; sizes for CIFAR-10, without normalisation"
    return Table("depth", title, columns, rows, measured=frozenset(measured))


def _figure(images: Images, networks: tuple[Deep, ...], trials: Trials) -> Figure:
    """Return accuracy by depth at the same width, with the wide network beside it."""
    series = []
    for normalised, text in ((True, "with batch normalisation"), (False, "without")):
        for width, name in ((FILTERS, text), (WIDE, f"{text}, {WIDE} filters")):
            shown = [each for each in networks if each.filters == width]
            found = [trials.of[images.name, _name(each, normalised)].accuracy for each in shown]
            if shown:
                series.append(Series(
                    name, [each.convolutions for each in shown], [each.mean for each in found],
                    spread=[each.deviation for each in found], joined=len(shown) > 1,
                ))  # fmt: skip
    caption = f"Accuracy on {images.name} by the number of convolutions: mean and standard deviation over seeds."
    plot = Points("3×3 convolutions", f"accuracy on the test images of {images.name}, %", series)
    return Figure(f"depth-{images.name.lower()}", caption, plot)
