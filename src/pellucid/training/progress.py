"""Showing how training goes: a live bar in a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from .callbacks import Callback
from .history import describe
from .state import Training

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SOON = 10  # seconds: what is left is not worth a word
_PAUSE = 0.2  # seconds between two texts in a notebook, whose connection is slow
_WIDE = 100  # columns of a terminal in which images a second have room beside a bar
_BESIDE = 4  # columns at the bar's end that stay free for ^C, which a terminal writes there


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


def _epoch_line(training: Training, seconds: float, room: int | None = None) -> str:
    """Return what an epoch came to; `seconds` hold all of it, the images a second are those of training alone, and are
    left out where a line of `room` columns would not hold them."""
    epoch = training.history.epochs[-1]
    rate = training.seen / max(epoch["seconds"], 1e-9)
    width = len(str(training.epochs))
    spent = f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2f}"
    part = f", {epoch['steps']:,} of {training.steps_per_epoch:,} steps" if "steps" in epoch else ""
    number = f"epoch {training.epoch:{width}}/{training.epochs}{part}"
    short = f"{number}: {describe(epoch)}, {spent} s"
    whole = f"{short}, {rate:,.0f} images/s"
    return whole if room is None or len(whole) <= room else short


def _seconds(training: Training, since: float) -> float:
    """Return how long the last epoch took, with validation, if it has been shown `since` then; where that is less than
    training alone took, as it was another process that showed it before, what is in the history."""
    return max(since + training.elapsed - training.held, training.history.epochs[-1]["seconds"])


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
        seconds = _seconds(training, now - self._epoch_began)
        self._write(f"{_epoch_line(training, seconds)}{_left(training, seconds)}", end="\n")
        self._epoch_began = now

    def _write(self, text: str, end: str) -> None:
        # Spaces, for not every notebook knows the control sequence that clears a line.
        start = "\r" if self._rewrite else ""
        self._stream.write(f"{start}{text.ljust(self._width)}{end}")
        self._stream.flush()
        self._width = 0 if end else len(text)


class ProgressBar(Callback):
    """A live bar on the standard error stream, of the whole training: with the means of the epoch so far, images a
    second where there is room, time left."""

    _task: TaskID
    _epoch_began: float
    _seen_before: int
    """Of the epoch, before this process."""

    sees_weights = False

    def __init__(self) -> None:
        self._bar = _bar()

    def on_begin(self, training: Training) -> None:
        self._task = self._bar.add_task("starting", total=training.total_steps, rate="")
        self._bar.start()
        self._epoch_began, self._seen_before = time.perf_counter(), -1

    def on_batch(self, training: Training) -> None:
        if self._seen_before < 0:  # the first batch; a training that is resumed had others before it
            self._seen_before = max(0, training.seen - training.batch_size)
        seconds = time.perf_counter() - self._epoch_began - training.held
        rate = (training.seen - self._seen_before) / max(seconds, 1e-9)
        wide = self._bar.console.width >= _WIDE
        self._bar.update(
            self._task, completed=training.step, description=_so_far(training),
            rate=f"{rate:,.0f} images/s" if wide else "",
        )  # fmt: skip

    def on_epoch(self, training: Training) -> None:
        now = time.perf_counter()
        seconds = _seconds(training, now - self._epoch_began)
        line = _epoch_line(training, seconds, self._bar.console.width)
        self._bar.console.print(line, highlight=False, soft_wrap=True)
        self._epoch_began, self._seen_before = now, 0

    @property
    def shows(self) -> bool:
        """Whether the bar is on the screen."""
        return self._bar.live.is_started

    def clear(self) -> None:
        """Take the bar off the screen, for good."""
        self._bar.stop()

    def on_end(self, training: Training, error: BaseException | None) -> None:
        self.clear()


def _so_far(training: Training) -> str:
    """Return what the running epoch has come to so far: means over its samples, as the epoch's own line will say."""
    mean = training.tally.loss / training.tally.weight if training.tally.weight else 0.0
    measured = {"loss": mean}
    if training.correct is not None:
        measured["accuracy"] = training.correct / training.seen
    return f"epoch {training.epoch + 1}/{training.epochs}: {describe(measured)}"


def _bar() -> Progress:
    """Return a bar that goes when it is stopped, and leaves some columns free."""
    from rich.console import Console, RenderableType
    from rich.constrain import Constrain
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    screen = Console(stderr=True)

    class Bar(Progress):
        def get_renderable(self) -> RenderableType:
            return Constrain(super().get_renderable(), max(1, screen.width - _BESIDE))

    columns = (
        TextColumn("{task.description}"), TextColumn("{task.fields[rate]}"), TextColumn("all epochs"),
        BarColumn(bar_width=None), TextColumn("left"), TimeRemainingColumn(compact=True),
    )  # fmt: skip
    return Bar(*columns, console=screen, transient=True, expand=True)
