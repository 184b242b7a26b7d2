"""The part of ablations on speed: in how many epochs a network learns its training images with ReLU, and with tanh."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ..optimizers import Adam
from ..training import fit
from .crops import centred
from .figures import Points, Series
from .images import Images
from .miniature import Miniature
from .protocol import Protocol
from .rates import GROWING, Chosen, choose
from .result import NOT_MEASURED, Figure, Options, Section, Table
from .trials import Spread

RATES, EPOCHS, QUICK_EPOCHS = (0.0003, 0.001, 0.003), 20, 2
ERROR = 25.0
"""Training error that is to be reached, in percent."""

NETWORKS = {name: Miniature(relu=name == "ReLU", dropout=False, crops=False) for name in ("ReLU", "tanh")}


@dataclass(frozen=True)
class Course:
    """How the training error fell.

    Attributes
    ----------
    chosen : Chosen
        The learning rate, and those that it was chosen from.
    errors : sequence of sequences of float
        For each seed the error of each epoch as it was met on the way, in percent.
    """

    chosen: Chosen
    errors: Sequence[Sequence[float]]

    def cell(self) -> str:
        """Return for a table how many epochs it takes until the error is low enough."""
        taken = [_epochs(errors) for errors in self.errors]
        return f"more than {len(self.errors[0])}" if math.inf in taken else Spread(tuple(taken)).text(1)


def sections(images: Images | None, options: Options) -> list[Section]:
    """Return how fast the training error falls with each activation; there are no images where nothing is measured."""
    protocol = Protocol.of(RATES, EPOCHS, options, QUICK_EPOCHS)
    courses = {} if images is None else {name: _course(name, images, protocol, options) for name in NETWORKS}
    rows = []
    for name in NETWORKS:
        course = courses.get(name)
        rows.append((name, *((str(course.chosen), course.cell()) if course else (NOT_MEASURED, NOT_MEASURED))))
    columns = ("activation", "learning rate", f"epochs to {ERROR:.0f} % error")
    table = Table("speed", "How fast the miniature learns its training images", columns, rows, frozenset(columns[1:]))
    return [_about(protocol), table, *([_figure(courses)] if courses else [])]


def _about(protocol: Protocol) -> str:
    *others, last = (f"{rate:g}" for rate in protocol.rates)
    rates = (
        f"of the constant rates {', '.join(others)} and {last} the one that is fastest with seed 0; {GROWING}"
        if others
        else (f"the constant rate {last}")
    )
    return (
        f"The first figure of the paper shows a network of four layers that gets to a training error of {ERROR:.0f} % "
        "on CIFAR-10 six times as fast with ReLU as with tanh, without regularisation, each with the learning rate "
        "that makes it fastest. The same is done here with the miniature, without dropout and crops, on the first "
        f"{protocol.train:,} training images: Adam, up to {protocol.length}, batches of {protocol.batch_size}, and "
        f"{rates}."
    )


def _course(name: str, images: Images, protocol: Protocol, options: Options) -> Course:
    """Choose the fastest rate, then train with every seed."""

    @cache
    def errors(rate: float, seed: int) -> list[float]:
        options.progress(f"{name} at {rate:g}, seed {seed}: {protocol.length}")
        history = fit(
            NETWORKS[name].network(images.train.shape, seed, images.scaling), centred(images.train),
            epochs=protocol.epochs, batch_size=protocol.batch_size, optimizer=Adam(rate), seed=seed,
            threads=options.threads, progress=False,
        )  # fmt: skip
        return [100 * (1 - epoch["accuracy"]) for epoch in history.epochs]

    def score(rate: float) -> tuple[float, float]:
        found = errors(rate, 0)
        return -_epochs(found), -found[-1]

    chosen = choose(protocol.rates, score)
    return Course(chosen, [errors(chosen.rate, seed) for seed in range(protocol.seeds)])


def _epochs(errors: Sequence[float]) -> float:
    """Return the first epoch, counted from 1, with an error that is low enough; infinity if there is none."""
    return next((epoch for epoch, error in enumerate(errors, start=1) if error <= ERROR), math.inf)


def _figure(courses: dict[str, Course]) -> Figure:
    series = []
    for name, course in courses.items():
        spreads = [Spread(tuple(at_once)) for at_once in zip(*course.errors, strict=True)]
        series.append(Series(
            f"{name}, rate {course.chosen.rate:g}", range(1, len(spreads) + 1), [each.mean for each in spreads],
            spread=[each.deviation for each in spreads], joined=True,
        ))  # fmt: skip
    caption = "Training error by epoch, without dropout and crops: mean and standard deviation over seeds."
    return Figure("speed", caption, Points("epochs", "training error, %", series))
