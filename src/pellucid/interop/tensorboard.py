"""Trainings as TensorBoard shows them, through its package's own writer of event files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import shown
from ..definitions.arrays import Array
from ..errors import ArgumentError, MissingExtraError, installing
from ..geometry import whole_number
from ..storage import expanded, fresh_folder, writable_folder
from ..training.config import RunConfig
from ..training.plain import flat, shown_settings
from ..training.state import Training
from .logger import Logger

_BINS = 30
"""Of a histogram; as many as TensorBoard's own."""
_LONGEST = 200
"""Bytes of a name, with room for what tells several of one name apart."""
_QUEUE = 1000
"""Events that may wait for the disk before training does."""


@dataclass
class TensorBoard(Logger):
    """Writes curves that ``tensorboard --logdir FOLDER`` shows.

    These are "batch/loss" and "batch/lr", and "epoch/…" for all that an epoch measures, over the number of steps; the
    settings of the training, as a text; and the few of them by which trainings are compared, as hyperparameters. A
    training that is resumed goes on in its curves; points after the
    checkpoint are taken back. Where a copy of its run is resumed, in another folder, new curves begin.

    Parameters
    ----------
    folder : path
        Every training gets a folder of its own in it.
    every : int, default 10
        How many steps lie between two points of a curve over batches; each takes less than a tenth of a millisecond.
    histograms : bool, default False
        Whether to write how the weights are distributed, after every epoch.
    name : str, optional
        What the training is called; by default like the folder of its run, or if it has none by how it learns, as in
        "Adam-lr0.001-batch32". If that is taken, -2, -3, … is put behind it.

    Raises
    ------
    ArgumentError
        If a setting makes no sense, such as a name that no folder can have.
    MissingExtraError
        If the package tensorboard is not installed.
    """

    folder: str | os.PathLike[str]
    every: int = 10
    histograms: bool = False
    name: str | None = None
    _writer: Any = field(default=None, init=False, repr=False)
    _records: _Records | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        whole_number(self.every, "every")
        _refuse_no_folder(self.name)
        self.folder = str(expanded(self.folder, "folder").absolute())
        _tensorboard()

    def on_begin(self, training: Training) -> None:
        writable_folder(self.folder)
        super().on_begin(training)

    def on_batch(self, training: Training) -> None:
        if (training.step - 1) % self.every == 0:
            self._attempt(self._write_batch, training)

    def on_epoch(self, training: Training) -> None:
        self._attempt(self._write_epoch, training)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if self._writer is not None:
            with suppress(Exception):  # what cannot be written is warned of below, or will never be missed
                self._writer.close()
            self._attempt(self._tell)
        self._writer = self._records = None
        super().on_end(training, error)

    def _complete(self) -> None:
        self._opened().flush()
        self._tell()

    def _tell(self) -> None:
        """Raise what the writer's thread has met with."""
        if self._records is not None and self._records.error is not None:
            raise self._records.error

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
        self._tell()

    def _opened(self) -> Any:
        """Return the writer of the event file."""
        if self._writer is None:
            writer, _ = _tensorboard()
            if self._place is None:
                name = self.name if self._training.run is not None else self.name or _by_settings(self._training)
                self._place = fresh_folder(self.folder, self._called(name)).name
            folder = Path(self.folder, self._place)
            if self._resumed:
                _wait_for_a_later_name(folder)
            self._writer = writer(str(folder), max_queue_size=_QUEUE)
            self._records = _Records.put_into(self._writer)
            if self._resumed:
                self._take_back(self._training)
            else:
                self._add(0, _text("settings", self._settings()))
                self._opened().add_event(_hyperparameters(self._training, self._place))
        return self._writer

    def _settings(self) -> str:
        """Return what the training was told, as a table of Markdown."""
        run = self._training.run
        config = RunConfig.of(self._training) if run is None else run.config(self._training)
        rows = [
            f"| {name} | {str(value).replace('|', '¦')} |" for name, value in flat(shown_settings(config.table)).items()
        ]
        return "\n".join(["| setting | value |", "|---|---|", *rows])

    def _take_back(self, training: Training) -> None:
        """Have readers forget what an earlier process has written after the checkpoint.

        They forget from a step on. Between the last step of an epoch and its validation that is the step itself, whose
        epoch is measured again, and its batch is told once more.
        """
        measured_again = training.step == (training.epoch + 1) * training.steps_per_epoch
        self._add(training.step + (not measured_again), session_log={"status": "START"})
        if measured_again:
            self.on_batch(training)


class _Records:
    """What the writer's thread hands its records to.

    It keeps an error for the training to warn of, in a line, where the thread would end with a traceback.
    """

    def __init__(self, file: Any):
        self._file = file
        self.error: Exception | None = None

    @classmethod
    def put_into(cls, writer: Any) -> _Records | None:
        """Put one between a writer's thread and its file, if the parts have the names that they are known by."""
        queue: Any = getattr(writer, "_async_writer", None)
        thread: Any = getattr(queue, "_worker", None)
        if not (hasattr(queue, "_writer") and hasattr(thread, "_record_writer")):
            return None
        queue._writer = thread._record_writer = records = cls(queue._writer)
        return records

    def write(self, data: bytes) -> None:
        self._unless_failed(self._file.write, data)

    def flush(self) -> None:
        self._unless_failed(self._file.flush)

    def close(self) -> None:
        self._file.close()

    def _unless_failed(self, do: Callable[..., None], *arguments: Any) -> None:
        if self.error is None:
            try:
                do(*arguments)
            except Exception as error:
                self.error = error


def _refuse_no_folder(name: object) -> None:
    """Refuse a name that cannot be that of a folder, before the training begins."""
    if name is None:
        return
    if not isinstance(name, str) or not name.isprintable() or name in (".", "..") or "/" in name or "\\" in name:
        raise ArgumentError(f"name: expected the plain name of a folder, received {shown(name)}")
    if len(name.encode()) > _LONGEST:
        raise ArgumentError(f"name: expected at most {_LONGEST} bytes, received {len(name.encode()):,}: {shown(name)}")


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


def _text(tag: str, words: str) -> dict[str, Any]:
    """Return a text, as TensorBoard holds it."""
    kind = {"plugin_data": {"plugin_name": "text"}}
    return {"tag": tag, "metadata": kind, "tensor": {"dtype": "DT_STRING", "string_val": [words.encode()]}}


def _by_settings(training: Training) -> str:
    """Return the name of a training that has no folder."""
    settings = training.settings
    optimizer = settings.optimizer
    return f"{type(optimizer).__name__}-lr{optimizer.lr:g}-batch{settings.batch_size}"


def _hyperparameters(training: Training, place: str) -> Any:
    """Return the event that the page HPARAMS reads: how a training differs from others."""
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    settings, network = training.settings, training.network
    optimizer = settings.optimizer
    values: dict[str, Any] = {
        "optimizer": type(optimizer).__name__,
        "lr": float(optimizer.lr),
        "batch_size": int(settings.batch_size),
        "parameters": sum(each.size for each in network.parameters().values()),
        "layers": " ".join(type(layer).__name__ for layer in network)[:_LONGEST],
        "seed": str(settings.seed),
    }
    if (decay := getattr(optimizer, "weight_decay", None)) is not None:
        values["weight_decay"] = float(decay)
    if settings.schedule is not None:
        values["schedule"] = type(settings.schedule).__name__
    _, event = _tensorboard()
    return event(wall_time=time.time(), step=0, summary=hparams_pb(values, trial_id=place))


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
