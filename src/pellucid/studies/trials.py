"""Trainings repeated over seeds: what networks reach, and how far that varies."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import TypeAlias

from ..data import Dataset
from ..errors import NonFiniteError
from ..inference import evaluate
from ..network import Sequential
from ..optimizers import Adam
from ..schedules import LinearCycle
from ..training import fit
from .images import CIFAR, HELD_OUT, MNIST, TEST, TRAIN, Images, gather
from .result import NOT_MEASURED, Options, Table

BATCH_SIZE = 32
SCHEDULE = LinearCycle(start=0.1, peak_at=0.2)

DECIMALS = {MNIST: 2, CIFAR: 1}
"""Of accuracies in percent: as many as the number of test images gives a meaning."""

Make: TypeAlias = Callable[[Images, int], Sequential]
"""Makes a network for images, with the first weights of a seed."""

Learn: TypeAlias = Callable[[Sequential, Dataset, float, int], object]
"""Trains a network on data, with a learning rate and a seed."""


@dataclass(frozen=True)
class Spread:
    """What trainings gave that are alike but for their seed."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation over seeds; 0 if there is only one."""
        return stdev(self.values) if len(self.values) > 1 else 0.0

    def minus(self, other: Spread) -> Spread:
        """Return the differences, seed by seed."""
        return Spread(tuple(mine - its for mine, its in zip(self.values, other.values, strict=True)))

    def text(self, decimals: int, sign: str = "-") -> str:
        """Write it as mean ± deviation; with the sign "+", a positive mean has its sign as well."""
        about = f" ± {self.deviation:.{decimals}f}" if len(self.values) > 1 else ""
        return f"{self.mean:{sign}.{decimals}f}{about}".replace("-", "−")


@dataclass(frozen=True)
class Trial:
    """The trainings of one network on one set.

    Attributes
    ----------
    rate : float
        The learning rate that was chosen.
    accuracy : Spread
        On the test images, in percent.
    networks : sequence of Sequential
        As trained, one for each seed.
    """

    rate: float
    accuracy: Spread
    networks: Sequence[Sequential]


@dataclass(frozen=True)
class Trials:
    """The trainings of several networks, on those sets that are here; none where nothing is measured.

    Attributes
    ----------
    of : mapping of (name of a set, name of a network) to Trial
    sets : sequence of Images
    note : str
        What to say of sets that are not here.
    """

    of: Mapping[tuple[str, str], Trial] = field(default_factory=dict)
    sets: Sequence[Images] = ()
    note: str = ""

    def cell(self, images: str, network: str) -> str:
        """Return an accuracy for a table."""
        trial = self.of.get((images, network))
        return NOT_MEASURED if trial is None else trial.accuracy.text(DECIMALS[images])

    def difference(self, images: str, network: str, other: str) -> str:
        """Return for a table by how much a network is better than another."""
        trial, its = self.of.get((images, network)), self.of.get((images, other))
        if trial is None or its is None:
            return NOT_MEASURED
        return trial.accuracy.minus(its.accuracy).text(DECIMALS[images], "+")

    def rates(self, name: str, networks: Sequence[str]) -> Table:
        """Return a table of this name of the learning rates that were chosen."""
        columns = ("network", MNIST, CIFAR)
        rows = [(network, *(self._rate(images, network) for images in columns[1:])) for network in networks]
        return Table(name, "Peaks of the learning rate that were chosen", columns, rows, frozenset(columns[1:]))

    def _rate(self, images: str, network: str) -> str:
        trial = self.of.get((images, network))
        return NOT_MEASURED if trial is None else f"{trial.rate:g}"


# ---- training


def compare(networks: Mapping[str, Make], rates: Sequence[float], epochs: int, options: Options) -> Trials:
    """Train every network with every seed, on each set that is here; see `how`."""
    if not options.measure:
        return Trials()
    sets, note = gather((MNIST, CIFAR), options)
    if options.quick:
        rates, epochs = rates[:1], 1

    def learn(network: Sequential, data: Dataset, rate: float, seed: int) -> None:
        fit(
            network, data, epochs=epochs, batch_size=BATCH_SIZE, optimizer=Adam(rate), schedule=SCHEDULE, seed=seed,
            threads=options.threads, progress=False,
        )  # fmt: skip

    found = {
        (images.name, name): trial(name, make, learn, images, rates, options)
        for images in sets
        for name, make in networks.items()
    }
    return Trials(found, sets, note)


def trial(
    name: str,
    make: Make,
    learn: Learn,
    images: Images,
    rates: Sequence[float],
    options: Options,
    view: Callable[[Dataset], Dataset] | None = None,
) -> Trial:
    """Choose a learning rate for a network, then train it with every seed.

    What the network is measured on is the test images, or a `view` of them.
    """

    def reached(network: Sequential, parts: Images, rate: float, seed: int) -> float:
        with warnings.catch_warnings(), suppress(NonFiniteError):  # after which there still are the last good weights
            warnings.simplefilter("ignore")  # that a network learns nothing is a result like others
            learn(network, parts.train, rate, seed)
        return accuracy(network, parts.test if view is None else view(parts.test), options)

    def held_out(rate: float) -> float:
        options.progress(f"{images.name}, {name}: learning rate {rate:g}")
        return reached(make(choosing, 0), choosing, rate, 0)

    choosing = images.for_choosing()
    rate = rates[0] if len(rates) == 1 else max(rates, key=held_out)
    networks, found = [make(images, seed) for seed in range(options.seeds)], []
    for seed, network in enumerate(networks):
        options.progress(f"{images.name}, {name}: training {seed + 1} of {options.seeds}")
        found.append(reached(network, images, rate, seed))
    return Trial(rate, Spread(tuple(found)), networks)


def accuracy(network: Sequential, data: Dataset, options: Options) -> float:
    """Return the accuracy on data, in percent."""
    return 100 * evaluate(network, data, threads=options.threads)["accuracy"]


# ---- saying how


def how(rates: Sequence[float], epochs: int, options: Options) -> str:
    """Return a paragraph on how `compare` trains and measures."""
    return (
        f"Trained on the first {TRAIN:,} training images of a set; measured on the first {TEST[CIFAR]:,} test images "
        f"of CIFAR-10 and on all {TEST[MNIST]:,} of MNIST. {repeated(options)} Adam, {epochs} epochs, batches of "
        f"{BATCH_SIZE}; the learning rate rises in a straight line over the first fifth of the steps, from a tenth of "
        f"its peak, then falls to 0. {chosen(rates)}"
    )


def repeated(options: Options) -> str:
    """Return what ± means."""
    return (
        f"Figures are means over {options.seeds} seeds, which decide first weights and the order of images, with the "
        "standard deviation; those of differences are taken seed by seed."
    )


def chosen(rates: Sequence[float]) -> str:
    """Return how `trial` chooses a rate."""
    *others, last = (f"{rate:g}" for rate in rates)
    return (
        f"The peak is {', '.join(others)} or {last}: for each network and set, what was best on {100 * HELD_OUT:.0f} % "
        "of the training images, held out while choosing."
    )
