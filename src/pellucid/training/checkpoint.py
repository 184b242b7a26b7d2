"""A training's whole state in a file: all that it takes to go on as if nothing had happened.

That is the weights and states, the optimiser's memory, the counters, what callbacks remember, and the history. Random
numbers need no state of their own: each is drawn from the seed, the epoch and the sample it is for. The file is a
sealed safetensors file (`serialization.tensor_file`); arrays have a prefix that says what they are::

    network/conv1.weight    optimizer/first_moment(conv1.weight)    history/batches    callback 0/best/conv1.weight

Two generations are kept. The newest that is whole is used.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import shown, warn
from ..definitions.arrays import Array
from ..errors import ArgumentError, ModelFileError, StorageError
from ..geometry import whole_number
from ..inference import Tally
from ..limits import LIMITS, Limits
from ..serialization.fitting import compare, held, take
from ..serialization.tensor_file import WRITTEN, TensorFile, decode, encode, parse_json, problem
from ..storage import read_file, remove_file, write_file
from .callbacks import Callback, Training
from .engine import Engine
from .history import History

FORMAT, VERSION = "pellucid checkpoint", "1"
GENERATIONS = 2
"""Checkpoints that are kept: were the newest damaged, there is the one before."""

_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")
_EVERY = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Interval:
    """How often a checkpoint is written: every so many steps, or seconds; the other one is 0."""

    steps: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, every: str | int) -> Interval:
        """Return what is meant by 500, "500", "30s", "5min" or "1h".

        Raises
        ------
        ArgumentError
            If it is none of these, or 0.
        """
        if isinstance(every, str):
            found = _EVERY.fullmatch(every.strip())
            if found is not None and float(found[1]) > 0:
                return cls(seconds=float(found[1]) * _SECONDS[found[2]])
            if not every.strip().isdecimal():
                raise ArgumentError(
                    f"checkpoint_every: expected a number of steps such as 500, or a time such as 30s, 5min or 1h, "
                    f"received {shown(every)}"
                )
            every = int(every)
        return cls(steps=whole_number(every, "checkpoint_every"))


class Checkpoints:
    """The checkpoints of a run.

    Parameters
    ----------
    folder : Path
        Of the run.
    interval : Interval
    """

    def __init__(self, folder: Path, interval: Interval):
        self._folder, self._interval = folder, interval
        self._time = time.monotonic()

    def due(self, step: int) -> bool:
        """Return whether it is time for another one, after so many steps."""
        if self._interval.steps:
            return step % self._interval.steps == 0
        return time.monotonic() - self._time >= self._interval.seconds

    def write(self, training: Training, engine: Engine, callbacks: Sequence[Callback], elapsed: float) -> None:
        """Write the state after the last step; whatever lies between steps must be finished.

        Parameters
        ----------
        training, engine, callbacks
        elapsed : float
            Seconds that the running epoch has taken.
        """
        engine.pull()
        arrays = {f"network/{path}": each.data for path, each in held(training.network).items()}
        arrays |= {f"optimizer/{name}": array for name, array in engine.slots().items()}
        state: dict[str, Any] = {
            "epoch": training.epoch, "step": training.step, "lr": training.lr, "stopping": training.stopping,
            "updates": engine.updates, "elapsed": elapsed, "tally": vars(training.tally), "callbacks": [],
            "first_steps": training.first_steps,
        }  # fmt: skip
        for number, callback in enumerate(callbacks):
            known = callback.state()
            of_arrays = {name: value for name, value in known.items() if isinstance(value, np.ndarray)}
            arrays |= {f"callback {number}/{name}": value for name, value in of_arrays.items()}
            plain = {name: value for name, value in known.items() if name not in of_arrays}
            state["callbacks"].append({"name": type(callback).__name__, **plain})
        self._put(arrays, state, training)

    def finish(self, training: Training) -> None:
        """Note that the training is finished: its network is in the run's model file, and only the history is kept."""
        self._put({}, {"finished": True, "first_steps": training.first_steps}, training, keep=1)

    def _put(
        self, arrays: Mapping[str, Array], state: Mapping[str, Any], training: Training, keep: int = GENERATIONS
    ) -> None:
        arrays = {**arrays, "history/batches": np.array(training.history.batches, np.float64)}
        state = {**state, "epochs": [_as_json(epoch) for epoch in training.history.epochs]}
        metadata = {"format": FORMAT, "format_version": VERSION, "state": json.dumps(state, allow_nan=False)}
        write_file(self._folder / f"checkpoint-{training.step:09}.safetensors", encode(arrays, metadata))
        for path in files(self._folder)[keep:]:
            remove_file(path)
        self._time = time.monotonic()


def _as_json(measured: Mapping[str, float]) -> dict[str, float | str]:
    """Return what an epoch measured as JSON can hold it: what is not finite as a text, "nan" or "inf"."""
    return {name: value if math.isfinite(value) else repr(value) for name, value in measured.items()}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and found whole.

    Attributes
    ----------
    path : str
    state : mapping
        Counters and what else is no array.
    file : TensorFile
        The arrays.
    """

    path: str
    state: Mapping[str, Any]
    file: TensorFile

    @property
    def finished(self) -> bool:
        """Whether the training had come to its end."""
        return self.state.get("finished") is True

    def history(self) -> History:
        """Return what had been measured."""
        return History(
            batches=self.file.array("history/batches").tolist(),
            epochs=[
                {name: float(value) if isinstance(value, str) else value for name, value in epoch.items()}
                for epoch in self.state["epochs"]
            ],
        )

    def restore(self, training: Training, engine: Engine, callbacks: Sequence[Callback]) -> float:
        """Let a training go on from here, and return the seconds that its running epoch had taken.

        Raises
        ------
        ModelFileError
            If it is of another network, optimiser or callbacks; nothing is changed then.
        """
        state = self.state
        weights, slots = self._arrays("network/"), self._arrays("optimizer/")
        entries = {name: self.file.entries[f"network/{name}"] for name in weights}
        if differences := compare(training.network, entries, [WRITTEN[str(training.network.dtype)]]):
            raise problem(self.path, f"this checkpoint is of another network: {differences}", OTHER)
        expected = {name: array.shape for name, array in engine.slots().items()}
        if expected != {name: array.shape for name, array in slots.items()}:
            raise problem(self.path, "this checkpoint is of another optimiser", OTHER)
        names, known = [type(each).__name__ for each in callbacks], state["callbacks"]
        if names != [each["name"] for each in known]:
            saved = ", ".join(str(each["name"]) for each in known) or "none"
            received = ", ".join(names) or "none"
            raise problem(
                self.path, f"expected the callbacks that remember something, {saved}; received {received}", OTHER
            )
        take(training.network, weights)
        engine.restore(slots, state["updates"])
        for number, (callback, plain) in enumerate(zip(callbacks, known, strict=True)):
            rest = {name: value for name, value in plain.items() if name != "name"}
            callback.restore({**rest, **self._arrays(f"callback {number}/")})
        training.epoch, training.step, training.lr = state["epoch"], state["step"], state["lr"]
        training.stopping, training.tally, training.history = state["stopping"], Tally(**state["tally"]), self.history()
        training.first_steps = state["first_steps"]
        return float(state["elapsed"])

    def _arrays(self, prefix: str) -> dict[str, Array]:
        """Return the arrays whose names begin with a prefix, without it, as copies."""
        found = (name for name in self.file.entries if name.startswith(prefix))
        return {name.removeprefix(prefix): self.file.array(name).copy() for name in found}


OTHER = "resume a training with the settings that it was begun with"


def files(folder: Path) -> list[Path]:
    """Return the checkpoints of a run, the newest first."""
    found = {path: _NAME.fullmatch(path.name) for path in folder.iterdir()} if folder.is_dir() else {}
    numbered = [(int(name[1]), path) for path, name in found.items() if name]
    return [path for _, path in sorted(numbered, reverse=True)]


def newest(folder: Path, limits: Limits = LIMITS) -> Checkpoint | None:
    """Return the newest checkpoint of a run that is whole, with a warning for each newer one that is not.

    Raises
    ------
    ModelFileError
        If there are some, and none is whole; or one is of a newer version.
    """
    damaged: list[Exception] = []
    for path in files(folder):
        try:
            return read(path, limits)
        except (ModelFileError, StorageError) as error:
            if isinstance(error, _NewerError):
                raise
            warn(f"{error}. The checkpoint before it is used, if there is one")
            damaged.append(error)
    if damaged:
        raise damaged[0]
    return None


def newest_readable(folder: Path, limits: Limits = LIMITS) -> Checkpoint | None:
    """Return the newest checkpoint that can be read; None if there is none, whatever the reason. Nobody is warned."""
    for path in files(folder):
        with suppress(ModelFileError, StorageError):
            return read(path, limits)
    return None


class _NewerError(ModelFileError):
    """A checkpoint of a newer version: no older one may be taken in its place."""


def read(path: Path, limits: Limits = LIMITS) -> Checkpoint:
    """Return a checkpoint.

    Raises
    ------
    ModelFileError
        If it is damaged, no checkpoint, or of a newer version.
    StorageError
        If it cannot be read.
    """
    file = decode(read_file(path, limits.file_bytes), str(path), limits)
    if not file.sealed or file.metadata.get("format") != FORMAT:
        raise problem(str(path), "expected a checkpoint with its SHA-256, found another file", "remove it")
    version = file.metadata.get("format_version", "")
    if version != VERSION:
        what = f"expected a checkpoint of version {VERSION}, found {version!r:.20}"
        raise _NewerError(f"{path}: {what}; update Pellucid to resume this run")
    return Checkpoint(str(path), parse_json(file.metadata["state"], str(path), "the state", limits), file)
