"""Showing how training goes: a live bar in a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from .callbacks import Callback, Training
from .history import describe


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
    epoch = training.history.epochs[-1]
    rate = len(training.data) / max(epoch["seconds"], 1e-9)
    width = len(str(training.epochs))
    return f"epoch {training.epoch:{width}}/{training.epochs}: {describe(epoch)}, {seconds:.1f} s, {rate:,.0f} images/s"


class EpochLines(Callback):
    """Writes a plain line after every epoch; with `rewrite`, one that counts the batches in between."""

    def __init__(self, stream: TextIO, rewrite: bool = False):
        self._stream, self._rewrite = stream, rewrite
        self._began = self._shown = 0.0

    def on_begin(self, training: Training) -> None:
        self._began = time.perf_counter()

    def on_batch(self, training: Training) -> None:
        now = time.perf_counter()
        if self._rewrite and now - self._shown > 0.2:
            self._shown = now
            done = training.step % training.steps_per_epoch
            self._write(
                f"epoch {training.epoch + 1}/{training.epochs}: batch {done}/{training.steps_per_epoch}, "
                f"loss {training.history.batches[-1]:.4f}",
                end="",
            )

    def on_epoch(self, training: Training) -> None:
        now = time.perf_counter()
        self._write(_epoch_line(training, now - self._began), end="\n")
        self._began = now

    def _write(self, text: str, end: str) -> None:
        clear = "\r\x1b[K" if self._rewrite else ""
        self._stream.write(f"{clear}{text}{end}")
        self._stream.flush()


class ProgressBar(Callback):
    """A live bar on the standard error stream: loss, accuracy, images a second, time left."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._began = 0.0
        self._lines = 0.0

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
        self._began = self._lines = time.perf_counter()

    def on_batch(self, training: Training) -> None:
        seconds = time.perf_counter() - self._began
        rate = training.step * training.batch_size / max(seconds, 1e-9)
        recent = training.history.batches[-20:]
        accuracy = "" if training.correct is None else f"  accuracy {training.correct / training.seen:.1%}"
        text = f"epoch {training.epoch + 1}/{training.epochs}  loss {sum(recent) / len(recent):.4f}{accuracy}"
        self._bar.update(self._task, completed=training.step, description=text, rate=f"{rate:,.0f} images/s")

    def on_epoch(self, training: Training) -> None:
        now = time.perf_counter()
        self._bar.console.print(_epoch_line(training, now - self._lines), highlight=False)
        self._lines = now

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if self._bar is not None:
            self._bar.stop()
