"""Which learning rate a network bears: a short training in which the rate grows from step to step.

The loss falls where the rate is large enough, and flies off where it is too large; in between lies what is of use. The
idea is that of L. Smith, "Cyclical learning rates for training neural networks", 2017. `studies.rate_figure` draws it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from .arguments import number
from .data import as_dataset
from .data.augment import Augmentation
from .errors import ArgumentError, DataError, NonFiniteError
from .geometry import whole_number
from .inputs import Data
from .losses import Loss
from .network import Network
from .optimizers import Adam, Optimizer
from .training import Callback, Training, fit

SMOOTHING = 0.9
"""Share of the losses before in the average that a step's loss is looked at in."""
FLOWN_OFF = 4.0
"""Times the smallest average at which the search ends."""


@dataclass(frozen=True)
class LearningRates:
    """What `find_learning_rate` has found.

    Attributes
    ----------
    rates : list of float
        Of each step, from small to large.
    losses : list of float
        Of each step's batch.
    averages : list of float
        The losses' running average, in which the noise of single batches is less.
    suggestion : float
        The rate at which the average falls most steeply, over the logarithm of the rate.
    flown_off : float or None
        The rate at which the loss has flown off; None if it has not.
    """

    rates: list[float]
    losses: list[float]
    averages: list[float]
    suggestion: float
    flown_off: float | None = None

    def bears(self, rate: float) -> bool:
        """Return whether a rate lies between the suggestion and where the loss flies off, or the search ended."""
        return self.suggestion <= rate and (rate <= self.rates[-1] if self.flown_off is None else rate < self.flown_off)

    def __repr__(self) -> str:
        span = f"{self.rates[0]:.2g} to {self.rates[-1]:.2g}"
        return f"LearningRates({len(self.rates)} steps from {span}; suggestion {self.suggestion:.2g})"


def find_learning_rate(
    network: Network,
    train: Data,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 100,
    batch_size: int = 128,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    augment: Sequence[Augmentation] | None = None,
    seed: int = 0,
    engine: str = "compiled",
    threads: int | None = None,
) -> LearningRates:
    """Train a copy of a network for some steps with a growing learning rate, and return how the loss went.

    Parameters
    ----------
    network : Network
        Stays as it is.
    train : Dataset or (images, labels)
    lowest, highest : float, default 1e-6 and 1
        The rates of the first step and the last; each step has the same factor over the one before. The search ends
        earlier where the loss flies off.
    steps : int, default 100
    batch_size, loss, optimizer, augment, seed, engine, threads
        As in `fit`; the optimiser's own rate is no matter.

    Returns
    -------
    LearningRates

    Raises
    ------
    ArgumentError, DataError, ShapeError
        As in `fit`; if `lowest` is not below `highest`; if the loss is not finite from the first steps on.

    Examples
    --------
    >>> import pellucid as p
    >>> train, _ = p.datasets.digits()
    >>> found = p.find_learning_rate(p.models.small(), train)
    >>> 1e-4 < found.suggestion < 1e-1
    True
    """
    lowest, highest = number(lowest, "lowest"), number(highest, "highest")
    if not 0 < lowest < highest:
        raise ArgumentError(f"lowest, highest: expected 0 < lowest < highest, received {lowest:g} and {highest:g}")
    steps, data = whole_number(steps, "steps"), as_dataset(train, "train")
    of_an_epoch = -(-len(data) // whole_number(batch_size, "batch_size"))
    optimizer = replace(Adam() if optimizer is None else optimizer, lr=highest)
    growth = (highest / lowest) ** (1 / max(1, steps - 1))
    watch = _Watch(steps)
    with suppress(_Enough, NonFiniteError):  # all is seen, or the loss has flown off to infinity
        fit(
            copy.deepcopy(network), data, epochs=-(-steps // of_an_epoch), batch_size=batch_size, loss=loss,
            optimizer=optimizer, schedule=lambda step, *_: lowest * growth ** min(step, steps - 1) / highest,
            augment=augment, callbacks=[watch], seed=seed, engine=engine, threads=threads, progress=False,
        )  # fmt: skip
    if len(watch.losses) < 3:
        raise DataError(
            f"the loss is not finite after {len(watch.losses)} steps, at a rate of {lowest:g}; take a smaller `lowest`"
        )
    rates = [lowest * growth**step for step in range(len(watch.losses))]
    flown_off = rates[-1] if len(rates) < steps or watch.flown_off else None
    return LearningRates(rates, watch.losses, watch.averages, rates[_steepest(watch.averages)], flown_off)


class _Enough(Exception):  # noqa: N818  # no error
    """The search is at its end."""


class _Watch(Callback):
    """Notes the losses, and ends the search."""

    sees_weights = False

    def __init__(self, steps: int):
        self._steps, self._sum = steps, 0.0
        self.losses: list[float] = []
        self.averages: list[float] = []
        self.flown_off = False

    def on_batch(self, training: Training) -> None:
        loss = training.history.batches[-1]
        self.losses.append(loss)
        self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * loss
        self.averages.append(self._sum / (1 - SMOOTHING ** len(self.losses)))  # as if it had begun at the first loss
        self.flown_off = self.averages[-1] > FLOWN_OFF * min(self.averages)
        if len(self.losses) == self._steps or self.flown_off:
            raise _Enough


def _steepest(averages: Sequence[float]) -> int:
    """Return the step around which the average falls most over a tenth of all steps: over a single one it is noise."""
    span = max(1, len(averages) // 10)
    falls = [averages[i] - averages[i + span] for i in range(len(averages) - span)]
    return falls.index(max(falls)) + (span + 1) // 2
