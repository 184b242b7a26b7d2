"""What callbacks see of a training: what it was told, how far it has come, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..arguments import number, shown
from ..collective import holding
from ..data import Dataset
from ..data.augment import Augmentation
from ..errors import ArgumentError
from ..inference import Tally
from ..losses import Loss
from ..network import Network
from ..optimizers import Optimizer
from ..schedules import Schedule
from .history import History

if TYPE_CHECKING:
    from ..collective import Collective
    from .callbacks import Callback
    from .engine import Engine
    from .following import Run

FIRST_STEPS = 5
"""Steps after which the weights of a run are noted."""


@dataclass(frozen=True)
class Settings:
    """What `fit` was told beside the network and the data, with its defaults filled in.

    `batch_size` is at most the number of samples; `validation` is the share held out, or the data set given for it;
    `sample_weight` has the weights of the samples that are trained on.
    """

    epochs: int
    batch_size: int
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    seed: int
    shuffle: bool
    engine: str
    augment: tuple[Augmentation, ...] = ()
    validation: Dataset | float | None = None
    sample_weight: NDArray[Any] | None = None


@dataclass
class Training:
    """A training as its callbacks see it.

    A copy of one, by `copy` or `pickle`, is what there is to read of it: the network, the settings, the counters and
    the history. It has neither data nor sample weights, nor an engine, a run, callbacks, or an error to end with.

    Attributes
    ----------
    network : Network
        Its weights are those of the last step whenever a callback is called; in `on_epoch` and `on_end` they are the
        averages, where the optimiser keeps any: there a change is undone, in `on_batch` it lasts.
    data : Dataset
        What it is trained on, without what is held out.
    settings : Settings
        What `fit` was told.
    batch_size, epochs, steps_per_epoch, total_steps : int
        Fixed from the start.
    history : History
    epoch, step : int
        Finished epochs and steps.
    tally : Tally
        Sums over the current epoch so far.
    seen, correct : int
        Samples of the current epoch so far, and how many of them were classified rightly (None where targets are no
        classes).
    lr : float
        Learning rate of the last step; before the first one, of that one.
    stopping : bool
        Whether somebody has called `stop`.
    ending : BaseException or None
        What somebody has called `end` with.
    validating : bool
        Whether it is looking at what is held out, which changes nothing.
    callbacks : sequence of Callback
        Who listens.
    rates : list of (int, float)
        By what the learning rate is multiplied beside the schedule, as `multiply_lr` was told: the number of finished
        steps from which on, and the factor. A checkpoint holds them.
    run : Run or None
        The one of them that writes the run's folder, if there is one; in all ranks but the first, who follows it.
    engine : Engine
        What runs the steps, and holds the optimiser's memory.
    ranks : Collective or None
        The processes that share the training, if several do.
    resumed : bool
        Whether an earlier training goes on.
    elapsed : float
        Seconds that the running epoch had taken before an earlier training was ended in its midst; 0 in all others.
    held : float
        Seconds of the running epoch, in this process, for which a callback has held the training: a pause counts as no
        time that the epoch took.
    first_steps : str
        SHA-256 of weights and states after the first `FIRST_STEPS` steps of a run, by which it can be verified.
    """

    network: Network
    data: Dataset
    settings: Settings
    lr: float = 0.0
    history: History = field(default_factory=History)
    epoch: int = 0
    step: int = 0
    tally: Tally = field(default_factory=Tally)
    stopping: bool = False
    ending: BaseException | None = None
    validating: bool = False
    callbacks: Sequence[Callback] = ()
    run: Run | None = None
    resumed: bool = False
    elapsed: float = 0.0
    held: float = 0.0
    first_steps: str = ""
    engine: Engine | None = None
    ranks: Collective | None = None
    rates: list[tuple[int, float]] = field(default_factory=list)
    steps_per_epoch: int = field(init=False)

    def __post_init__(self) -> None:
        self.steps_per_epoch = -(-len(self.data) // self.batch_size)

    def __getstate__(self) -> dict[str, Any]:
        share = None if isinstance(self.settings.validation, Dataset) else self.settings.validation
        settings = replace(self.settings, validation=share, sample_weight=None)
        without = {"data": None, "engine": None, "ranks": None, "run": None, "callbacks": (), "ending": None}
        return {**vars(self), **without, "settings": settings}

    @property
    def batch_size(self) -> int:
        return self.settings.batch_size

    @property
    def epochs(self) -> int:
        return self.settings.epochs

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    @property
    def seen(self) -> int:
        return self.tally.samples

    @property
    def correct(self) -> int | None:
        return self.tally.correct

    def stop(self) -> None:
        """Ask for the training to end: after the current step, which ends the epoch too, or after the epoch."""
        self.stopping = True

    def factor(self, step: int) -> float:
        """Return by what the learning rate of the step after so many is multiplied beside the schedule."""
        return next((factor for since, factor in reversed(self.rates) if since <= step), 1.0)

    def multiply_lr(self, factor: float) -> None:
        """Multiply the learning rate that the schedule gives with a factor, from the next step on; it takes the place
        of an earlier one, and 1 leaves the schedule as it is.

        A run remembers it: where it is resumed, the factor holds from the same step on.

        Raises
        ------
        ArgumentError
            If it is no number of at least 0.
        """
        factor = number(factor, "factor", "a number of at least 0")
        before = [each for each in self.rates if each[0] < self.step]
        if factor != (before[-1][1] if before else 1.0):
            before.append((self.step, factor))
        self.rates[:] = before

    def hold(self) -> None:
        """Say that a callback holds the training on purpose, so that other ranks do not give this one up; it says so
        about every second for as long as it does."""
        if self.ranks is not None:
            self.ranks.hold()

    def holding(self) -> AbstractContextManager[None]:
        """Return a context in which that is said by itself: ``with training.holding():`` stands before what saves a
        file, however long that takes."""
        return holding(self.ranks)

    def end(self, error: BaseException) -> None:
        """Ask for `error` to be raised as soon as all callbacks have heard of the step or epoch; before the first step
        if training only begins. What ends it so leaves a checkpoint of that very moment, where there is a run.

        Raises
        ------
        ArgumentError
            If `error` is no exception.
        """
        if not isinstance(error, BaseException):
            raise ArgumentError(f"end: expected an exception, such as RuntimeError('…'), received {shown(error)}")
        self.ending = error
