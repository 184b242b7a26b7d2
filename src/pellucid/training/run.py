"""A run directory: what a training was told, what it measured, and the network that came of it.

``config.toml``        everything needed to repeat the run: settings, data digest, versions
``metrics.jsonl``      one line an epoch, as JSON
``model.safetensors``  the network with its weights, saved after every epoch and at the end
"""

from __future__ import annotations

import json
import os
import platform
import tomllib
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, ModelFileError
from ..limits import LIMITS
from ..network import Sequential
from ..serialization import load, save
from ..storage import append_line, make_folder, read_file, write_file
from ..version import VERSION
from .callbacks import Callback, Training

CONFIG, METRICS, MODEL = "config.toml", "metrics.jsonl", "model.safetensors"


class RunWriter(Callback):
    """Writes a run directory while training goes on.

    Parameters
    ----------
    folder : path
        Made if need be; one that holds a run already is refused.
    command : dict, optional
        What the run was started with beyond what `fit` knows, such as the names of the model and the data.
    """

    def __init__(self, folder: str | os.PathLike[str], command: dict[str, Any] | None = None):
        self.folder = Path(folder)
        self._command = command or {}
        self._saved_step = -1

    def on_begin(self, training: Training) -> None:
        if (self.folder / CONFIG).exists() or (self.folder / MODEL).exists():
            raise ArgumentError(f"{self.folder} holds a run already; choose another folder")
        make_folder(self.folder)
        import tomli_w

        write_file(self.folder / CONFIG, tomli_w.dumps(self._config(training)).encode())
        self._save(training)

    def on_epoch(self, training: Training) -> None:
        append_line(self.folder / METRICS, json.dumps(training.history.epochs[-1]))
        self._save(training)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        began = self._saved_step >= 0  # else the folder is another run's, or could not be written
        if began and training.step != self._saved_step:
            self._save(training)

    def _save(self, training: Training) -> None:
        save(training.network, self.folder / MODEL)
        self._saved_step = training.step

    def _config(self, training: Training) -> dict[str, Any]:
        data = training.data
        return {
            "command": self._command,
            "training": {name: plain(value) for name, value in training.settings.items()},
            "data": {
                "name": data.name,
                "samples": len(data),
                "shape": list(data.shape),
                "classes": data.classes,
                "sha256": data.digest(),
            },
            "versions": {
                "pellucid": VERSION,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "machine": f"{platform.system()} {platform.machine()}",
            },
        }


def plain(value: object) -> Any:
    """Return settings as plain data: a loss, optimiser or schedule becomes a table with its class's name."""
    if is_dataclass(value) and not isinstance(value, type):
        fields = {name: plain(each) for name, each in asdict(value).items() if each is not None}
        return {"name": type(value).__name__, **fields}
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return value


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a run's ``config.toml``."""
    path = Path(folder) / CONFIG
    if not path.exists():
        raise ModelFileError(f"{folder} is no run: it has no {CONFIG}; runs are made by `pellucid train`")
    try:
        return tomllib.loads(read_file(path, LIMITS.header_bytes).decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error


def read_network(folder: str | os.PathLike[str]) -> Sequential:
    """Return a run's network, with its weights; a path of a model file serves too."""
    path = Path(folder)
    return load(path / MODEL if path.is_dir() else path)
