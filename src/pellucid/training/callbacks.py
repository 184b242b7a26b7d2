"""What may listen to a training: the progress display, the run directory, and a user's own code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..data import Dataset
from ..network import Sequential
from .history import History


@dataclass
class Training:
    """A training as its callbacks see it.

    Attributes
    ----------
    network : Sequential
        Its weights are current whenever a callback is called.
    data : Dataset
        What it is trained on.
    settings : dict
        What `fit` was told, as plain data: enough to repeat it.
    history : History
    batch_size, epochs, steps_per_epoch, total_steps : int
        Fixed from the start.
    epoch, step : int
        Finished epochs and steps.
    seen, correct : int
        Samples of the current epoch so far, and how many of them were classified rightly.
    lr : float
        Learning rate of the last step.
    stopping : bool
        Whether somebody has called `stop`.
    """

    network: Sequential
    data: Dataset
    settings: dict[str, Any]
    batch_size: int
    epochs: int
    history: History = field(default_factory=History)
    epoch: int = 0
    step: int = 0
    seen: int = 0
    correct: int | None = None
    lr: float = 0.0
    stopping: bool = False

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.data) // self.batch_size)

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def stop(self) -> None:
        """Ask for the training to end after the current epoch, or now if called between batches."""
        self.stopping = True


class Callback:
    """Base of the callbacks: override what is of interest.

    Examples
    --------
    >>> class StopWhenGood(Callback):
    ...     def on_epoch(self, training):
    ...         if training.history.epochs[-1]["accuracy"] > 0.99:
    ...             training.stop()
    """

    def on_begin(self, training: Training) -> None:
        """Called before the first step."""

    def on_batch(self, training: Training) -> None:
        """Called after every step."""

    def on_epoch(self, training: Training) -> None:
        """Called after every epoch, validation included."""

    def on_end(self, training: Training, error: BaseException | None) -> None:
        """Called once when training ends, whether it is finished or `error` ended it."""
