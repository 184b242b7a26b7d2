"""Trainings repeated over seeds: what networks reach, and how far that varies."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Protocol as Interface
from typing import TypeAlias

from ..data import Dataset
from ..errors import NonFiniteError
from ..inference import evaluate
from ..network import Sequential
from ..optimizers import Adam
from ..scaling import Scaling
from ..steps import Shape
from ..training import fit
from .figures import Group
from .images import Images, gather
from .protocol import CIFAR, MNIST, Protocol
from .rates import Chosen, choose
from .result import NOT_MEASURED, Options, Table

DECIMALS = {MNIST: 2, CIFAR: 1}
"""Of accuracies in percent: as many as the number of test images gives a meaning."""

Learn: TypeAlias = Callable[[Sequential, Dataset, float, int], object]
"""Trains a network on data, with a learning rate and a seed."""


class Contestant(Interface):
    """What is compared: something that makes a network, for images of any set."""

    def network(self, shape: Shape, seed: int = 0, scaling: Scaling | None = None) -> Sequential:
        """Return the network for images of a shape, with the first weights of a seed."""


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
        """Return the differences, paired by seed."""
        return Spread(tuple(mine - its for mine, its in zip(self.values, other.values, strict=True)))

    def text(self, decimals: int, sign: str = "-") -> str:
        """Write it as mean ± deviation; with the sign "+", a positive mean has its sign as well."""
        about = f" ± {self.deviation:.{decimals}f}" if len(self.values) > 1 else ""
        return f"{self.mean:{sign}.{decimals}f}{about}".replace("-", "−")


def bars(name: str, spreads: Sequence[Spread]) -> Group:
    """Return bars as long as the means, with whiskers of the deviations where there are several seeds."""
    whiskers = [each.deviation for each in spreads if len(each.values) > 1]
    return Group(name, [each.mean for each in spreads], whiskers)


@dataclass(frozen=True)
class Outcome:
    """What the trainings of one network on one set came to.

    Attributes
    ----------
    chosen : Chosen
        The learning rate, and those that it was chosen from.
    accuracy : Spread
        On the test images, in percent.
    networks : sequence of Sequential
        As trained, one for each seed.
    """

    chosen: Chosen
    accuracy: Spread
    networks: Sequence[Sequential]


@dataclass(frozen=True)
class Comparison:
    """What several networks came to, on those sets that are here; nothing where nothing is measured.

    Attributes
    ----------
    outcomes : mapping of (name of a set, name of a network) to Outcome
    sets : sequence of Images
    note : str
        What to say of sets that are not here.
    """

    outcomes: Mapping[tuple[str, str], Outcome] = field(default_factory=dict)
    sets: Sequence[Images] = ()
    note: str = ""

    def cell(self, images: str, network: str) -> str:
        """Return an accuracy for a table."""
        outcome = self.outcomes.get((images, network))
        return NOT_MEASURED if outcome is None else outcome.accuracy.text(DECIMALS[images])

    def difference(self, images: str, network: str, other: str) -> str:
        """Return for a table by how much a network is better than another."""
        outcome, its = self.outcomes.get((images, network)), self.outcomes.get((images, other))
        if outcome is None or its is None:
            return NOT_MEASURED
        return outcome.accuracy.minus(its.accuracy).text(DECIMALS[images], "+")

    def rates(self, name: str, networks: Sequence[str]) -> Table:
        """Return a table of this name of the learning rates that were chosen."""
        columns = ("network", MNIST, CIFAR)
        rows = [(network, *(self._rate(images, network) for images in columns[1:])) for network in networks]
        return Table(name, "Peaks of the learning rate that were chosen", columns, rows, frozenset(columns[1:]))

    def _rate(self, images: str, network: str) -> str:
        outcome = self.outcomes.get((images, network))
        return NOT_MEASURED if outcome is None else str(outcome.chosen)


# ---- training


def compare(contestants: Mapping[str, Contestant], protocol: Protocol, options: Options) -> Comparison:
    """Train every network with every seed, on each set that is here; see `describe_training`.

    Raises
    ------
    DataError
        If no set is here, and something is to be measured.
    """
    if not options.measure:
        return Comparison()
    sets, note = gather((MNIST, CIFAR), protocol, options)

    def learn(network: Sequential, data: Dataset, rate: float, seed: int) -> None:
        fit(
            network, data, epochs=protocol.epochs, batch_size=protocol.batch_size, optimizer=Adam(rate),
            schedule=protocol.schedule, seed=seed, threads=options.threads, progress=False,
        )  # fmt: skip

    found = {
        (images.name, name): choose_and_train(name, contestant, learn, images, protocol, options)
        for images in sets
        for name, contestant in contestants.items()
    }
    return Comparison(found, sets, note)


def choose_and_train(
    name: str,
    contestant: Contestant,
    learn: Learn,
    images: Images,
    protocol: Protocol,
    options: Options,
    view: Callable[[Dataset], Dataset] | None = None,
) -> Outcome:
    """Choose a learning rate for a network as `rates.choose` does, then train it with every seed.

    What the network is measured on is the test images, or a `view` of them. A training that ends in numbers that are
    not finite counts with the last weights that were.
    """

    def make(images: Images, seed: int) -> Sequential:
        return contestant.network(images.train.shape, seed, images.scaling)

    def reached(network: Sequential, parts: Images, rate: float, seed: int) -> float:
        with warnings.catch_warnings(), suppress(NonFiniteError):  # after which there still are the last good weights
            warnings.simplefilter("ignore")  # that a network learns nothing is a result like others
            learn(network, parts.train, rate, seed)
        return accuracy(network, parts.test if view is None else view(parts.test), options)

    def held_out(rate: float) -> float:
        options.progress(f"{images.name}, {name}: learning rate {rate:g}")
        return reached(make(choosing, 0), choosing, rate, 0)

    choosing = images.for_choosing()
    chosen = choose(protocol.rates, held_out)
    networks, found = [make(images, seed) for seed in range(protocol.seeds)], []
    for seed, network in enumerate(networks):
        options.progress(f"{images.name}, {name}: training {seed + 1} of {protocol.seeds}")
        found.append(reached(network, images, chosen.rate, seed))
    return Outcome(chosen, Spread(tuple(found)), networks)


def accuracy(network: Sequential, data: Dataset, options: Options) -> float:
    """Return the accuracy on data, in percent."""
    return 100 * evaluate(network, data, threads=options.threads)["accuracy"]


def describe_training(protocol: Protocol) -> str:
    """Return a paragraph on how `compare` trains and measures."""
    return (
        f"{protocol.data((MNIST, CIFAR))} {protocol.repeated} Adam, {protocol.length}, batches of "
        f"{protocol.batch_size}; {protocol.cycle}"
    )
