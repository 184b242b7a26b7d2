"""Showing how training goes: a live bar in a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from .callbacks import Callback, Training
from .history import describe

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_RECENT = 20  # batches whose mean loss the bar shows: that of one batch flickers
_SOON = 10  # seconds: what is left is not worth a word
_PAUSE = 0.2  # seconds between two texts in a notebook, whose connection is slow


def progress_callbacks(progress: bool | None) -> list[Callback]:
    """Return what shows progress: nothing if `progress` is False; if None, nothing unless a person is watching."""
    if progress is False:
        return []
    if _in_notebook():
        return [EpochLines(sys.stdout, rewrite=True)]
    if sys.stderr.isatty():
        return [ProgressBar()]
    return [EpochLines(sys.stderr)] if progress else []


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    kernel = shell.get_ipython() if shell is not None else None
    return kernel is not None and type(kernel).__name__ == "ZMQInteractiveShell"


def _epoch_line(training: Training, seconds: float) -> str:
    """Return what an epoch came to; `seconds` hold all of it, the images a second are those of training alone."""
    epoch = training.history.epochs[-1]
    rate = training.seen / max(epoch["seconds"], 1e-9)
    width = len(str(training.epochs))
    spent = f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2f}"
    part = f", {epoch['steps']:,} of {training.steps_per_epoch:,} steps" if "steps" in epoch else ""
    number = f"epoch {training.epoch:{width}}/{training.epochs}{part}"
    return f"{number}: {describe(epoch)}, {spent} s, {rate:,.0f} images/s"


def _left(training: Training, each: float) -> str:
    """Return how long it will take until the last epoch, if each takes so many seconds; nothing if that is soon."""
    left = (training.epochs - training.epoch) * each
    if left < _SOON or training.stopping:
        return ""
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    amount = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"  # as the bar says it
    return f", about {amount} left"


class EpochLines(Callback):
    """Writes a plain line after every epoch; with `rewrite`, one that counts the batches in between."""

    sees_weights = False

    def __init__(self, stream: TextIO, rewrite: bool = False):
        self._stream, self._rewrite = stream, rewrite
        self._epoch_began = self._written = 0.0
        self._width = 0  # of the text that the next one replaces

    def on_begin(self, training: Training) -> None:
        self._epoch_began = time.perf_counter()

    def on_batch(self, training: Training) -> None:
        now = time.perf_counter()
        if self._rewrite and now - self._written > _PAUSE:
            self._written = now
            done = -(-training.seen // training.batch_size)
            text = f"epoch {training.epoch + 1}/{training.epochs}: batch {done}/{training.steps_per_epoch}"
            self._write(f"{text}, loss {training.history.batches[-1]:.4f}", end="")

    def on_epoch(self, training: Training) -> None:
        now = time.perf_counter()
        seconds = now - self._epoch_began + training.elapsed
        self._write(f"{_epoch_line(training, seconds)}{_left(training, seconds)}", end="\n")
        self._epoch_began = now

    def _write(self, text: str, end: str) -> None:
        # Spaces, for not every notebook knows the control sequence that clears a line.
        start = "\r" if self._rewrite else ""
        self._stream.write(f"{start}{text.ljust(self._width)}{end}")
        self._stream.flush()
        self._width = 0 if end else len(text)


class ProgressBar(Callback):
    """A live bar on the standard error stream: loss, accuracy, images a second, time left."""

    _bar: Progress
    _task: TaskID
    _epoch_began: float
    _seen_before: int
    """Of the epoch, before this process."""

    sees_weights = False

    def on_begin(self, training: Training) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[rate]}"),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("starting", total=training.total_steps, rate="")
        self._bar.start()
        self._epoch_began, self._seen_before = time.perf_counter(), -1

    def on_batch(self, training: Training) -> None:
        if self._seen_before < 0:  # the first batch; a training that is resumed had others before it
            self._seen_before = max(0, training.seen - training.batch_size)
        rate = (training.seen - self._seen_before) / max(time.perf_counter() - self._epoch_began, 1e-9)
        recent = training.history.batches[-_RECENT:]
        accuracy = "" if training.correct is None else f"  accuracy {training.correct / training.seen:.1%}"
        text = f"epoch {training.epoch + 1}/{training.epochs}  loss {sum(recent) / len(recent):.4f}{accuracy}"
        self._bar.update(self._task, completed=training.step, description=text, rate=f"{rate:,.0f} images/s")

    def on_epoch(self, training: Training) -> None:
        now = time.perf_counter()
        seconds = now - self._epoch_began + training.elapsed
        self._bar.console.print(_epoch_line(training, seconds), highlight=False)
        self._epoch_began, self._seen_before = now, 0

    def on_end(self, training: Training, error: BaseException | None) -> None:
        self._bar.stop()
