"""A run directory: what a training was told, what it measured, and the network that came of it.

``config.toml``        what is needed to repeat the run: settings, digests of data and first weights, versions
``metrics.jsonl``      one line an epoch, as JSON; null is a number that is not finite
``model.safetensors``  the network with its weights, saved before the first step, after every epoch and at the end
``checkpoint-….safetensors``  the two newest states of the training, from which it can be resumed

The layers of the network stand in ``model.safetensors`` alone. Callbacks of one's own are recorded only if they are
dataclasses, by their settings.
"""

from __future__ import annotations

import json
import math
import os
import platform
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import shown
from ..data import Dataset
from ..data.dataset import digest
from ..errors import ArgumentError, ModelFileError
from ..limits import LIMITS
from ..serialization import save
from ..serialization.model_file import MODEL
from ..storage import append_line, claim, expanded, locked, make_folder, read_file, remove_stumps, write_file
from ..toml_file import parse_toml
from ..version import VERSION
from .callbacks import Callback, Training
from .checkpoint import Checkpoint, Checkpoints, Interval, files

CONFIG, METRICS = "config.toml", "metrics.jsonl"
REPEATED = ("training", "data")
"""Tables of the config that must be the same where a run goes on."""
EVERY = "30s"
"""How often a checkpoint is written, where nothing is said."""


class RunWriter(Callback):
    """Writes a run directory while training goes on.

    Parameters
    ----------
    folder : path
        Made if need be; one that holds a run already is refused, and stays as it is.
    command : mapping, optional
        What the run was started with beyond what `fit` knows, such as the names of the model and the data; what is
        None is left out.
    checkpoint_every : str or int, optional
        As in `fit`.
    resumed : Checkpoint, optional
        Where the run in the folder goes on; without it a new one begins.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        command: Mapping[str, Any] | None = None,
        *,
        checkpoint_every: str | int | None = None,
        resumed: Checkpoint | None = None,
    ):
        self.folder, self.resumed = expanded(folder, "out"), resumed
        self._command = command or {}
        self._interval = Interval.of(EVERY if checkpoint_every is None else checkpoint_every)
        self._epochs = 0  # written to the log
        self._holding = ExitStack()

    @property
    def checkpoints(self) -> Checkpoints:
        """The checkpoints of the run, once it has begun."""
        return self._checkpoints

    def on_begin(self, training: Training) -> None:
        with self._letting_go():
            if self.resumed is None:
                self._begin(training)
            else:
                self._go_on(training, self.resumed)
        self._checkpoints = Checkpoints(self.folder, self._interval)

    def _begin(self, training: Training) -> None:
        import tomli_w

        refuse_taken(self.folder)
        config = tomli_w.dumps(self.config(training)).encode()
        make_folder(self.folder)
        if not claim(self.folder / CONFIG):  # another training began here at the same moment
            refuse_taken(self.folder)
        write_file(self.folder / CONFIG, config)
        self._hold()
        save(training.network, self.folder / MODEL)

    def _go_on(self, training: Training, checkpoint: Checkpoint) -> None:
        """Refuse a training that is not the one that was begun; let the log have the epochs of the checkpoint."""
        self._hold()
        remove_stumps(self.folder)
        config = read_config(self.folder)
        if changed := differences({key: config[key] for key in REPEATED}, self._repeated(training)):
            told = (f"{name} was {shown(before)} and is {shown(after)} now" for name, before, after in changed)
            raise ArgumentError(f"{self.folder} was begun with other settings: {'; '.join(told)}")
        epochs = checkpoint.history().epochs
        write_file(self.folder / METRICS, "".join(f"{json_line(epoch)}\n" for epoch in epochs).encode())
        self._epochs = len(epochs)

    def _hold(self) -> None:
        """Keep others from the run for as long as this training writes to it."""
        if not self._holding.enter_context(locked(self.folder / CONFIG)):
            raise ArgumentError(f"{self.folder} is being trained by another process; wait for it, or end it")

    @contextmanager
    def _letting_go(self) -> Iterator[None]:
        """Let others have the run where something fails."""
        with ExitStack() as holding:
            holding.callback(self._holding.close)
            yield
            holding.pop_all()

    def on_epoch(self, training: Training) -> None:
        self._write(training)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        with self._letting_go():
            self._write(training)
        if error is not None:
            self._holding.close()

    def finish(self, training: Training) -> None:
        """Save the network as all callbacks have left it, and let go of what was kept for going on."""
        with self._holding:
            save(training.network, self.folder / MODEL)
            self._checkpoints.finish(training)

    def _write(self, training: Training) -> None:
        """Write the epochs measured since the last time, and the network."""
        for epoch in training.history.epochs[self._epochs :]:
            append_line(self.folder / METRICS, json_line(epoch))
            self._epochs += 1
        save(training.network, self.folder / MODEL)

    def _repeated(self, training: Training) -> dict[str, Any]:
        """Return what must be the same where a run goes on, as it is read from its config."""
        import tomli_w

        config = self.config(training)
        return tomllib.loads(tomli_w.dumps({key: config[key] for key in REPEATED}))

    def config(self, training: Training) -> dict[str, Any]:
        """Return what ``config.toml`` says of a training."""
        return {"command": _plain(self._command), **described(training)}


def described(training: Training) -> dict[str, Any]:
    """Return what a training was told, what it began with, and by what it is done, as plain tables."""
    network = training.network
    parameters = network.parameters()
    return {
        "training": _plain_fields(training.settings),
        "callbacks": [_plain(each) for each in training.callbacks if is_dataclass(each)],
        "data": _plain(training.data),
        "network": {
            "seed": int(network.seed),
            "dtype": str(network.dtype),
            "parameters": sum(parameter.size for parameter in parameters.values()),
            "first_weights_sha256": digest(*(parameter.data for parameter in parameters.values())),
            "initializers": {path: _plain(parameter.initializer) for path, parameter in parameters.items()},
        },
        "versions": {
            "pellucid": VERSION,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
        },
    }


def differences(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the settings in which two configs differ, by their paths, as in ("training.batch_size", 64, 128); None
    stands for one that is not there."""
    before, after = flat(one), flat(two)
    names = dict.fromkeys((*before, *after))
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def flat(table: object, where: str = "") -> dict[str, Any]:
    """Return the settings of nested tables by their paths."""
    if not isinstance(table, Mapping) or not table:
        return {where: table} if where else {}
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= flat(value, f"{where}.{name}" if where else str(name))
    return found


def json_line(measured: Mapping[str, float]) -> str:
    """Return a line of ``metrics.jsonl``: JSON, which knows no NaN and no infinity; null stands for them."""
    plain = {name: value if math.isfinite(value) else None for name, value in measured.items()}
    return json.dumps(plain, allow_nan=False)


def _plain(value: object) -> Any:
    """Return a setting as data that TOML can hold.

    An object becomes a table with its class's name and its settings, a function its name; data become their digest.
    """
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, Dataset):
        of = {"name": value.name, "samples": len(value), "shape": list(value.shape), "classes": value.classes}
        return {**of, "sha256": value.digest()}
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "sha256": digest(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {"name": type(value).__name__, **_plain_fields(value)}
    return {"name": getattr(value, "__qualname__", type(value).__qualname__)}


def _plain_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as plain data, without those that are None: TOML has no such value."""
    named = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    return {name: _plain(each) for name, each in named.items() if each is not None}


def refuse_taken(folder: Path) -> None:
    """Refuse a folder that holds a run, or what one has left."""
    if any((folder / name).exists() for name in (CONFIG, METRICS, MODEL)) or files(folder):
        raise ArgumentError(f"{folder} holds a run already; choose another folder")


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a run's ``config.toml``.

    Raises
    ------
    ModelFileError
        If the folder is no run, or the file is damaged.
    """
    path = Path(folder) / CONFIG
    if not path.exists():
        raise ModelFileError(f"{folder} is no run: it has no {CONFIG}; runs are made by `pellucid train`")
    content = read_file(path, LIMITS.toml_bytes)
    try:
        return parse_toml(content)
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error
