"""The learning rate of a step: the optimiser's, times the schedule's factor, times that of `Training.multiply_lr`."""

from __future__ import annotations

from math import isclose

from ..arguments import number, warn
from .state import Training


def rate(training: Training, step: int | None = None) -> float:
    """Return the learning rate of the step after so many, by default of the next one.

    Raises
    ------
    ArgumentError
        If the schedule gives no number of at least 0.
    """
    done = training.step if step is None else step
    factor = training.settings.schedule(done, training.total_steps, training.steps_per_epoch)
    return training.settings.optimizer.lr * number(factor, "schedule", "a number of at least 0") * training.factor(done)


def warn_of_other_rate(training: Training) -> None:
    """Warn where the schedule gives another rate for the last step than that step had: it is another function of the
    same name, which no config tells apart."""
    expected = rate(training, training.step - 1)
    if not isclose(expected, training.lr, rel_tol=1e-12):
        warn(
            f"schedule: step {training.step:,} had the learning rate {training.lr:g}, and would have {expected:g} now; "
            "give the schedule that the run was begun with"
        )
