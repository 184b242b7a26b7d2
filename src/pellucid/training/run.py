"""A run directory: what a training was told, what it measured, and the network that came of it.

``config.toml``        what is needed to repeat the run: settings, digests of data and first weights, versions
``metrics.jsonl``      one line an epoch, as JSON; null is a number that is not finite
``model.safetensors``  the network with its weights, saved before the first step, after every epoch and at the end

The layers of the network stand in ``model.safetensors`` alone. Callbacks of one's own are recorded nowhere.
"""

from __future__ import annotations

import json
import math
import os
import platform
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset
from ..data.dataset import digest
from ..errors import ArgumentError, ModelFileError
from ..limits import LIMITS
from ..serialization import save
from ..serialization.model_file import MODEL
from ..storage import append_line, claim, expanded, make_folder, read_file, write_file
from ..version import VERSION
from .callbacks import Callback, Training

CONFIG, METRICS = "config.toml", "metrics.jsonl"


class RunWriter(Callback):
    """Writes a run directory while training goes on.

    Parameters
    ----------
    folder : path
        Made if need be; one that holds a run already is refused, and stays as it is.
    command : mapping, optional
        What the run was started with beyond what `fit` knows, such as the names of the model and the data; what is
        None is left out.
    """

    def __init__(self, folder: str | os.PathLike[str], command: Mapping[str, Any] | None = None):
        self.folder = expanded(folder, "out")
        self._command = command or {}
        self._saved_step = -1
        self._epochs = 0  # written to the log

    def on_begin(self, training: Training) -> None:
        import tomli_w

        refuse_taken(self.folder)
        config = tomli_w.dumps(self._config(training)).encode()
        make_folder(self.folder)
        if not claim(self.folder / CONFIG):  # another training began here at the same moment
            refuse_taken(self.folder)
        write_file(self.folder / CONFIG, config)
        self._write(training)

    def on_epoch(self, training: Training) -> None:
        self._write(training)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        self._write(training)

    def _write(self, training: Training) -> None:
        """Write what is new since the last time: epochs measured, steps done."""
        for epoch in training.history.epochs[self._epochs :]:
            append_line(self.folder / METRICS, json_line(epoch))
            self._epochs += 1
        if training.step != self._saved_step:
            save(training.network, self.folder / MODEL)
            self._saved_step = training.step

    def _config(self, training: Training) -> dict[str, Any]:
        network = training.network
        parameters = network.parameters()
        return {
            "command": _plain(self._command),
            "training": _plain_fields(training.settings),
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
    named = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: _plain(each) for name, each in named.items() if each is not None}


def refuse_taken(folder: Path) -> None:
    """Refuse a folder that holds a run, or what one has left."""
    if any((folder / name).exists() for name in (CONFIG, METRICS, MODEL)):
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
    content = read_file(path, LIMITS.header_bytes)
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, too many digits; tables too deep to be read
        raise ModelFileError(f"{path} is damaged: {error}") from error
