"""Trainings as TensorBoard shows them, through its package's own writer of event files."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..definitions.arrays import Array
from ..errors import MissingExtraError, installing
from ..geometry import whole_number
from ..storage import expanded, fresh_folder, writable_folder
from ..training.callbacks import Training
from .logger import Logger

_BINS = 30
"""Of a histogram; as many as TensorBoard's own."""
_QUEUE = 1000
"""Events that may wait for the disk before training does."""


@dataclass
class TensorBoard(Logger):
    """Writes curves that ``tensorboard --logdir FOLDER`` shows.

    These are "batch/loss" and "batch/lr", and "epoch/…" for all that an epoch measures, over the number of steps. A
    training that is resumed goes on in its curves; points after the checkpoint are taken back.

    Parameters
    ----------
    folder : path
        Every training gets a folder of its own in it.
    every : int, default 10
        How many steps lie between two points of a curve over batches; each takes less than a tenth of a millisecond.
    histograms : bool, default False
        Whether to write how the weights are distributed, after every epoch.
    name : str, optional
        What the training is called; by default like the folder of its run, or "run". If that is taken, -2, -3, … is
        put behind it.

    Raises
    ------
    MissingExtraError
        If the package tensorboard is not installed.
    """

    folder: str | os.PathLike[str]
    every: int = 10
    histograms: bool = False
    name: str | None = None
    _writer: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        whole_number(self.every, "every")
        self.folder = str(expanded(self.folder, "folder").absolute())
        _tensorboard()

    def on_begin(self, training: Training) -> None:
        super().on_begin(training)
        self._writer = None
        writable_folder(self.folder)

    def on_batch(self, training: Training) -> None:
        if (training.step - 1) % self.every == 0:
            self._attempt(self._write_batch, training)

    def on_epoch(self, training: Training) -> None:
        self._attempt(self._write_epoch, training)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if self._writer is not None:
            with suppress(Exception):  # what its thread could not write was warned of, or will never be missed
                self._writer.close()

    def _complete(self) -> None:
        self._opened().flush()

    def _write_batch(self, training: Training) -> None:
        self._add(training.step, _point("batch/loss", training.history.batches[-1]), _point("batch/lr", training.lr))

    def _write_epoch(self, training: Training) -> None:
        measured = training.history.epochs[-1].items()
        values = [_point(f"epoch/{name}", value) for name, value in measured if name != "epoch"]
        if self.histograms:
            parameters = training.network.parameters().items()
            values += [{"tag": path, "histo": _histogram(each.data)} for path, each in parameters]
        self._add(training.step, *values)

    def _add(self, step: int, *values: Mapping[str, Any], **other: Any) -> None:
        """Hand an event to the writer, whose thread puts it into the file."""
        _, event = _tensorboard()
        summary = {"summary": {"value": values}} if values else {}
        self._opened().add_event(event(wall_time=time.time(), step=step, **summary, **other))

    def _opened(self) -> Any:
        """Return the writer of the event file."""
        if self._writer is None:
            writer, _ = _tensorboard()
            if self._place is None:
                self._place = fresh_folder(self.folder, self._called(self.name)).name
            folder = Path(self.folder, self._place)
            if self._resumed:
                _wait_for_a_later_name(folder)
            self._writer = writer(str(folder), max_queue_size=_QUEUE)
            if self._resumed:
                self._take_back(self._training)
        return self._writer

    def _take_back(self, training: Training) -> None:
        """Have readers forget what an earlier process has written after the checkpoint.

        They forget from a step on. Between the last step of an epoch and its validation that is the step itself, whose
        epoch is measured again, and its batch is told once more.
        """
        measured_again = training.step == (training.epoch + 1) * training.steps_per_epoch
        self._add(training.step + (not measured_again), session_log={"status": "START"})
        if measured_again:
            self.on_batch(training)


def _tensorboard() -> tuple[Any, Any]:
    """Return TensorBoard's writer of event files, and what makes an event."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise MissingExtraError(f"curves for TensorBoard need a package: {installing('tensorboard')}") from error
    return EventFileWriter, Event


def _point(curve: str, value: float) -> dict[str, Any]:
    """Return a point of a curve, as TensorBoard holds it."""
    return {"tag": curve, "simple_value": float(value)}


def _histogram(weights: Array) -> dict[str, Any]:
    """Return how weights are distributed, as TensorBoard holds it."""
    values = weights.astype(np.float64).reshape(-1)
    counts, edges = np.histogram(values, _BINS)
    return {
        "min": values.min(), "max": values.max(), "num": values.size, "sum": values.sum(),
        "sum_squares": np.square(values).sum(), "bucket_limit": edges[1:].tolist(), "bucket": counts.tolist(),
    }  # fmt: skip


def _wait_for_a_later_name(folder: Path) -> None:
    """Let a second pass, where the newest event file began in this one: files are read in the order of their names,
    and the names hold the second."""
    newest = max((path.name.split(".")[3] for path in folder.glob("events.out.tfevents.*")), default="")
    if newest == f"{int(time.time()):010}":
        time.sleep(1 - time.time() % 1)
