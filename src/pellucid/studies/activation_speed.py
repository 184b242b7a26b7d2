"""The part of ablations on speed: how many epochs a network takes with ReLU and with tanh to learn its training images."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import NonFiniteError
from ..optimizers import Adam
from ..training import fit
from .crops import centred
from .figures import Points, Series
from .images import Images
from .miniature import Miniature
from .result import NOT_MEASURED, Figure, Options, Section, Table
from .trials import BATCH_SIZE, Spread

RATES, EPOCHS = (0.0003, 0.001, 0.003), 20
ERROR = 25.0
"""Training error, in percent, that is to be reached."""

NETWORKS = {"ReLU": Miniature(dropout=False, crops=False), "tanh": Miniature(relu=False, dropout=False, crops=False)}

ABOUT = (
    f"The paper's first figure shows a network of four layers that learns CIFAR-10 to a training error of {ERROR:.0f} % six times "
    "as fast with ReLU as with tanh, without regularisation, each with the rate that makes it fastest. Here is the "
    f"same for the miniature, without dropout and crops: Adam, batches of {BATCH_SIZE}, "
    f"a constant rate, that of {', '.join(f'{rate:g}' for rate in RATES)} which gets there first with seed 0."
)


@dataclass(frozen=True)
class Course:
    """How the training error fell.

    Attributes
    ----------
    rate : float
    errors : sequence of sequences of float
        Training error of each epoch in percent, as met on the way, for each seed.
    """

    rate: float
    errors: Sequence[Sequence[float]]

    def epochs(self, errors: Sequence[float]) -> float:
        """Return the first epoch, counted from 1, in which the error is low enough; infinity if there is none."""
        return next((epoch for epoch, error in enumerate(errors, start=1) if error <= ERROR), math.inf)

    def cell(self) -> str:
        """Return for a table how many epochs it takes."""
        taken = [self.epochs(errors) for errors in self.errors]
        if math.inf in taken:
            return f"more than {len(self.errors[0])}"
        return Spread(tuple(taken)).text(1)


def sections(images: Images | None, options: Options) -> list[Section]:
    """Return how fast the training error falls with each activation; `images` are None if nothing is measured."""
    courses = {} if images is None else {name: _course(name, images, options) for name in NETWORKS}
    rows = []
    for name in NETWORKS:
        course = courses.get(name)
        rows.append((name, *((NOT_MEASURED,) * 2 if course is None else (f"{course.rate:g}", course.cell()))))
    columns = ("activation", "learning rate", f"epochs to {ERROR:.0f} % training error")
    table = Table("speed", "How fast the miniature learns its training images", columns, rows, frozenset(columns[1:]))
    return [ABOUT, table, *([_figure(courses)] if courses else [])]


def _course(name: str, images: Images, options: Options) -> Course:
    """Choose the rate that is fastest, then train with every seed."""
    epochs, rates = (2, RATES[:1]) if options.quick else (EPOCHS, RATES)
    network = NETWORKS[name]

    def errors(rate: float, seed: int) -> list[float]:
        made = network.network(seed, images.scaling)
        options.progress(f"{images.name}, {name} at {rate:g}: seed {seed}")
        ...
