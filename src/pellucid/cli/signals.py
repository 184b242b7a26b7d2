"""Ctrl-C, SIGTERM and SIGHUP: how they end the program, and how a training puts them off until it can be resumed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..training import Callback, Training
from ..training.checkpoint import files, step_of
from ..training.progress import ProgressBar
from . import resuming
from .watch import SIGNALS, watch


class Stopped(SystemExit):
    """A signal ended the program, whose exit code becomes 128 + the signal's number: 130, 143 or 129.

    Parameters
    ----------
    number : int
        Of the signal.
    outcome : str, default ""
        What became of the work, as the message goes on: " after …", or "; …".
    """

    code: int

    def __init__(self, number: int, outcome: str = ""):
        super().__init__(128 + number)
        self.number, self.outcome = number, outcome

    def __str__(self) -> str:
        return f"{SIGNALS[signal.Signals(self.number)]}{self.outcome}"


def stop(number: int, frame: FrameType | None) -> None:
    """End the program from wherever it is; what it has opened is closed on the way."""
    watch.hear()
    raise Stopped(number)


def handle(handler: Callable[[int, FrameType | None], None] = stop) -> dict[signal.Signals, Any]:
    """Let `handler` have these signals and return who had them; one that is ignored, as under nohup, stays ignored."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handled in before.items():
        if handled is not signal.SIG_IGN:
            signal.signal(number, handler)
    return before


def named(number: int) -> str:
    """Return a signal by its name, where it has one.

    Examples
    --------
    >>> named(9)
    'SIGKILL'
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Do what goes on until Ctrl-C, which is how it ends, and no failure."""
    try:
        yield
    except Stopped as stopped:
        if stopped.number != signal.SIGINT:
            raise


def ignore() -> None:
    """Let no signal change the exit code any more: the work is done."""
    watch.hear()
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def outcome(training: Training, *, within_step: bool = False) -> str:
    """Return how far a training that a signal has ended had come, and how to go on: from there, or from the checkpoint
    before where it was ended within a step, or there is none of that moment."""
    go_on = resuming.command_of(training)
    if training.run is None or not go_on:
        return ""
    step = step_of(files(training.run.folder)[0])
    if within_step or step != training.step:
        return f"; to go on from step {step:,}: {go_on}"
    return f" after {training.step:,} of {training.total_steps:,} steps; to go on: {go_on}"


class BetweenSteps(Callback):
    """Ends a training at the next moment at which it can be resumed from.

    A second signal ends it at once, also in the midst of native code (`Watch`). During validation nothing changes, so
    there the first one does.
    """

    sees_weights = False

    def __init__(self) -> None:
        self._training: Training | None = None
        self._before: dict[signal.Signals, Any] = {}

    def on_begin(self, training: Training) -> None:
        self._training = training
        self._before = handle(self._receive)
        watch.training_begins(self)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        watch.training_ends()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if error is None and training.ending is not None:  # it came when the last step was done
            raise training.ending

    def bar(self) -> bool:
        return any(each.shows for each in self._bars())

    def clear(self) -> None:
        for each in self._bars():
            each.clear()

    def outcome(self) -> str:
        return "" if self._training is None else outcome(self._training, within_step=True)

    def _bars(self) -> list[ProgressBar]:
        callbacks = () if self._training is None else self._training.callbacks
        return [each for each in callbacks if isinstance(each, ProgressBar)]

    def _receive(self, number: int, frame: FrameType | None) -> None:
        watch.hear()
        if self._training is None or self._training.validating or self._training.ending is not None:
            raise Stopped(number)
        self._training.end(Stopped(number))
