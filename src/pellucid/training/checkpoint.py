"""A training's whole state in a file: all that it takes to go on as if nothing had happened.

That is the weights and states, the optimiser's memory, the counters, what callbacks remember, and the history; and
what else is needed to begin, the architecture of the network and the text of ``config.toml``. Random numbers need no
state of their own: each is drawn from the seed, the epoch and the sample it is for. The file is a sealed safetensors
file (`serialization.tensor_file`); arrays have a prefix that says what they are::

    network/conv1.weight    optimizer/first_moment(conv1.weight)    history/batches    callback 0/best/conv1.weight

Two generations are kept. The newest that is whole is used.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import warn
from ..definitions.arrays import Array
from ..errors import ModelFileError, StorageError
from ..inference import Tally
from ..layers import Layer
from ..limits import LIMITS, Limits
from ..network import Network
from ..serialization.fitting import compare, held, take
from ..serialization.format_version import OtherVersionError, check_version
from ..serialization.model_file import made
from ..serialization.tensor_file import WRITTEN, TensorFile, decode, metadata_of, parse_json, pieces, problem
from ..storage import read_beginning, read_file, remove_file, rename_file, write_file
from .callbacks import Callback, Training
from .config import RunConfig
from .engine import Engine
from .history import History
from .interval import Interval as Interval
from .remembered import decoded, encoded, packed, unpacked

FORMAT, VERSION = "pellucid checkpoint", "2"
"""1 has neither architecture nor config, and what callbacks remember beside their names."""
GENERATIONS = 2
"""Checkpoints that are kept: were the newest damaged, there is the one before."""
SHARE = 20
"""Where the interval is a time, a save is due at the earliest after so many times what the last one took."""

_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")


class Checkpoints:
    """The checkpoints of a run that is being trained.

    Parameters
    ----------
    folder : Path
        Of the run.
    interval : Interval
    begun : mapping of str to str
        What a training begins from, for every checkpoint: the "architecture" of the network as JSON, and the text of
        the "config".
    at : (int, int), optional
        Step and epoch of the checkpoint that the training goes on from: it is not written again.
    """

    def __init__(self, folder: Path, interval: Interval, begun: Mapping[str, str], at: tuple[int, int] | None = None):
        self._folder, self._interval, self._begun, self._at = folder, interval, dict(begun), at
        self._time, self._took = time.monotonic(), 0.0
        self.written, self.failed = 0, ""
        """How many were written; and the number that was not finite, in words, if one has ended the training."""

    def due(self, step: int) -> bool:
        """Return whether it is time for another one, after so many steps."""
        if self._interval.steps:
            return step % self._interval.steps == 0
        return time.monotonic() - self._time >= max(self._interval.seconds, SHARE * self._took)

    def write(self, training: Training, engine: Engine, callbacks: Sequence[Callback], elapsed: float) -> None:
        """Write the state after the last step; whatever lies between steps must be finished.

        Parameters
        ----------
        training, engine, callbacks
        elapsed : float
            Seconds that the running epoch has taken.

        Raises
        ------
        ArgumentError
            If a callback remembers what a file cannot give back, or the history holds such a thing.
        """
        at, self._at = self._at, None
        if at == (training.step, training.epoch):
            return
        engine.pull()
        arrays = {f"network/{path}": each.data for path, each in held(training.network).items()}
        arrays |= {f"optimizer/{name}": array for name, array in engine.slots().items()}
        state: dict[str, Any] = {
            "epoch": training.epoch, "step": training.step, "lr": training.lr, "stopping": training.stopping,
            "updates": engine.updates, "elapsed": elapsed, "tally": vars(training.tally), "callbacks": [],
            "first_steps": training.first_steps, "failed": self.failed,
        }  # fmt: skip
        for number, callback in enumerate(callbacks):
            known, kept = packed(callback)
            state["callbacks"].append(known)
            arrays |= {f"callback {number}/{name}": array for name, array in kept.items()}
        self._put(arrays, state, training)

    def finish(self, training: Training, model: str) -> None:
        """Note that the training is finished: its network is in the run's model file, and only the history is kept.

        Parameters
        ----------
        training : Training
        model : str
            The SHA-256 in the model file.
        """
        state = {"finished": True, "first_steps": training.first_steps, "model_sha256": model}
        self._put({}, state, training, keep=1)

    def _put(
        self, arrays: Mapping[str, Array], state: Mapping[str, Any], training: Training, keep: int = GENERATIONS
    ) -> None:
        """Write a file, and let go of all but it and those before it that are kept."""
        began = time.monotonic()
        arrays = {**arrays, "history/batches": np.array(training.history.batches, np.float64)}
        epochs = [encoded(dict(epoch), f"history.epochs[{n}]") for n, epoch in enumerate(training.history.epochs)]
        text = json.dumps({**state, "epochs": epochs}, allow_nan=False)
        metadata = {"format": FORMAT, "format_version": VERSION, "state": text, **self._begun}
        path = self._folder / f"checkpoint-{training.step:09}.safetensors"
        write_file(path, pieces(arrays, metadata))
        before = [each for each in files(self._folder) if step_of(each) < training.step]
        for each in files(self._folder):
            if each != path and each not in before[: keep - 1]:
                remove_file(each)
        self._time = time.monotonic()
        self._took = self._time - began
        self.written += 1


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

    @property
    def begun(self) -> dict[str, str]:
        """What the training began from: "architecture" and "config", as texts; nothing in the first version."""
        return {name: self.file.metadata[name] for name in ("architecture", "config") if name in self.file.metadata}

    def config(self) -> RunConfig | None:
        """Return the config of the run as it was written; None if it is not kept here."""
        text = self.file.metadata.get("config")
        return None if text is None else RunConfig.parsed(text.encode(), f"{self.path}, config")

    def network(self, layers: Sequence[type[Layer]] = (), limits: Limits = LIMITS) -> Network | None:
        """Return the network with its weights; None if the architecture or the weights are not kept here."""
        text = self.file.metadata.get("architecture")
        if text is None or self.finished:
            return None
        network = made(parse_json(text, self.path, "the architecture", limits), self.file, layers)
        self._put_into(network)
        return network

    def history(self) -> History:
        """Return what had been measured."""
        first = self.file.metadata.get("format_version") == "1"
        epochs = [_of_first_version(each) if first else decoded(each) for each in self.state["epochs"]]
        return History(batches=self.file.array("history/batches").tolist(), epochs=epochs)

    def restore(self, training: Training, engine: Engine, callbacks: Sequence[Callback]) -> float:
        """Let a training go on from here, and return the seconds that its running epoch had taken.

        Raises
        ------
        ModelFileError
            If it is of another network, optimiser or callbacks; nothing is changed then.
        """
        state, slots = self.state, self._arrays("optimizer/")
        expected = {name: array.shape for name, array in engine.slots().items()}
        if expected != {name: array.shape for name, array in slots.items()}:
            raise problem(self.path, "this checkpoint is of another optimiser", OTHER)
        names, told = [type(each).__name__ for each in callbacks], state["callbacks"]
        if names != [each["name"] for each in told]:
            saved = ", ".join(str(each["name"]) for each in told) or "none"
            received = ", ".join(names) or "none"
            raise problem(
                self.path, f"expected the callbacks that remember something, {saved}; received {received}", OTHER
            )
        self._put_into(training.network)
        engine.restore(slots, state["updates"])
        first = self.file.metadata.get("format_version") == "1"
        for number, (callback, plain) in enumerate(zip(callbacks, told, strict=True)):
            known = {**unpacked(plain, first=first), **self._arrays(f"callback {number}/")}
            try:
                callback.restore(known)
            except KeyError as error:
                what = f"{type(callback).__name__} finds nothing called {error} in what it remembered"
                raise problem(self.path, what, "resume it with the version that the run was begun with") from error
        training.epoch, training.step, training.lr = state["epoch"], state["step"], state["lr"]
        training.stopping, training.tally, training.history = state["stopping"], Tally(**state["tally"]), self.history()
        training.first_steps = state["first_steps"]
        return float(state["elapsed"])

    def _put_into(self, network: Network) -> None:
        """Give a network the weights and states, or refuse them."""
        weights = self._arrays("network/")
        entries = {name: self.file.entries[f"network/{name}"] for name in weights}
        if differences := compare(network, entries, [WRITTEN[str(network.dtype)]]):
            raise problem(self.path, f"this checkpoint is of another network: {differences}", OTHER)
        take(network, weights)

    def _arrays(self, prefix: str) -> dict[str, Array]:
        """Return the arrays whose names begin with a prefix, without it, as copies."""
        found = (name for name in self.file.entries if name.startswith(prefix))
        return {name.removeprefix(prefix): self.file.array(name).copy() for name in found}


OTHER = "resume a training with the settings that it was begun with"


def _of_first_version(epoch: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an epoch measured, where texts stand for numbers that are not finite."""
    return {name: float(value) if isinstance(value, str) else value for name, value in epoch.items()}


def files(folder: Path) -> list[Path]:
    """Return the checkpoints of a run, the newest first."""
    found = (path for path in folder.iterdir() if _NAME.fullmatch(path.name)) if folder.is_dir() else ()
    return sorted(found, key=step_of, reverse=True)


def step_of(path: Path) -> int:
    """Return the step that a checkpoint's name says."""
    name = _NAME.fullmatch(path.name)
    return int(name[1]) if name else -1


def newest(folder: Path, limits: Limits = LIMITS) -> Checkpoint | None:
    """Return the newest checkpoint of a run that is whole, with a warning for each newer one that is not.

    Raises
    ------
    ModelFileError
        If there are some, and none is whole; or one is of a version that cannot be read here.
    """
    damaged: list[Exception] = []
    for path in files(folder):
        try:
            return read(path, limits)
        except OtherVersionError:  # no older one may be taken in its place
            raise
        except (ModelFileError, StorageError) as error:
            warn(f"{error}. The checkpoint before it is used, if there is one")
            damaged.append(error)
    if damaged:
        raise damaged[0]
    return None


def set_aside(folder: Path, found: Checkpoint) -> None:
    """Give the checkpoints that are newer than the one found, and damaged, a name that says so: they count no more."""
    for path in files(folder):
        if step_of(path) > step_of(Path(found.path)):
            rename_file(path, f"{path.name}.damaged")


def read(path: Path, limits: Limits = LIMITS) -> Checkpoint:
    """Return a checkpoint.

    Raises
    ------
    ModelFileError
        If it is damaged, no checkpoint, or of a version that cannot be read here.
    StorageError
        If it cannot be read.
    """
    file = decode(read_file(path, limits.file_bytes), str(path), limits)
    if not file.sealed or file.metadata.get("format") != FORMAT:
        raise problem(str(path), "expected a checkpoint with its SHA-256, found another file", "remove it")
    check_version(file.metadata.get("format_version", ""), str(path), "a checkpoint", int(VERSION))
    return Checkpoint(str(path), parse_json(file.metadata["state"], str(path), "the state", limits), file)


def glance(folder: Path, limits: Limits = LIMITS) -> Mapping[str, Any] | None:
    """Return the counters of the newest checkpoint whose header can be read, or None; the rest is not looked at, and
    nobody is warned."""
    for path in files(folder):
        try:
            length = int.from_bytes(read_beginning(path, 8), "little")
            beginning = read_beginning(path, 8 + min(length, limits.header_bytes))
            text = metadata_of(beginning, str(path), limits).get("state")
            state = parse_json(str(text), str(path), "the state", limits)
        except (ModelFileError, StorageError):
            continue
        if isinstance(state, dict):
            return state
    return None


def known_config(folder: Path) -> RunConfig:
    """Return the config of a run; where the file is damaged, the copy in the newest checkpoint that is whole.

    Raises
    ------
    ModelFileError
        If there is none.
    """
    try:
        return RunConfig.read(folder)
    except OtherVersionError:
        raise
    except (ModelFileError, StorageError):
        for path in files(folder):
            with suppress(ModelFileError, StorageError):
                if (found := read(path).config()) is not None:
                    return found
        raise
