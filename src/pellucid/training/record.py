"""What the folder of a run says about it: read, summed up, compared."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelFileError
from ..limits import LIMITS
from ..storage import expanded, locked, read_file
from .checkpoint import files, newest_readable
from .run import CONFIG, METRICS, read_config


@dataclass(frozen=True)
class Record:
    """A run.

    Attributes
    ----------
    folder : Path
    config : mapping
        The settings, as they stand in ``config.toml``.
    epochs : list of dict
        What was measured, epoch by epoch; see `History`.
    results : dict
        What was measured when all was done, such as "test_accuracy".
    state : str
        "finished", "running", or "interrupted".
    bytes : int
        Size of all files.
    """

    folder: Path
    config: Mapping[str, Any]
    epochs: list[dict[str, Any]]
    results: dict[str, Any]
    state: str
    bytes: int

    @classmethod
    def of(cls, run: str | os.PathLike[str]) -> Record:
        """Return what a folder says.

        Raises
        ------
        ModelFileError
            If it is no run, or a file of it is damaged.
        """
        folder = expanded(run, "run")
        config = read_config(folder)
        lines = _lines(folder / METRICS)
        epochs = [line for line in lines if "epoch" in line]
        results = {name: value for line in lines if "epoch" not in line for name, value in line.items()}
        return cls(folder, config, epochs, results, _state(folder), sum(_sizes(folder)))

    def setting(self, table: str, name: str, default: Any = None) -> Any:
        """Return a setting of a table of the config; the default where there is none."""
        found = self.config.get(table)
        return found.get(name, default) if isinstance(found, Mapping) else default

    @property
    def model(self) -> str:
        """Name of the recipe or the model, where one is known."""
        return str(self.setting("command", "recipe") or self.setting("command", "model") or "")

    @property
    def data(self) -> str:
        """Name of the data that it was trained on."""
        return str(self.setting("data", "name") or self.setting("command", "data") or "")

    @property
    def seconds(self) -> float:
        """Seconds that the epochs took."""
        return sum(float(epoch.get("seconds") or 0) for epoch in self.epochs)

    def accuracy(self) -> tuple[str, float] | None:
        """Return what says most about how good it is, with its name: measured on the test part, else on what was held
        out, else in training."""
        last = self.epochs[-1] if self.epochs else {}
        for name, found in (
            ("test", self.results.get("test_accuracy")),
            ("validation", self.results.get("validation_accuracy", last.get("val_accuracy"))),
            ("training", last.get("accuracy")),
        ):
            if isinstance(found, (int, float)):
                return name, float(found)
        return None


def records(folder: str | os.PathLike[str]) -> Iterator[Record | ModelFileError]:
    """Yield the runs that lie in a folder, by name; for one that cannot be read, why."""
    for place in sorted(expanded(folder, "folder").iterdir()):
        if (place / CONFIG).is_file():
            try:
                yield Record.of(place)
            except ModelFileError as error:
                yield error


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; the last one may be a stump that a killed process has left."""
    if not path.exists():
        return []
    texts = read_file(path, LIMITS.header_bytes).decode(errors="replace").splitlines()
    found = []
    for number, text in enumerate(texts):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            if number < len(texts) - 1 and text:
                raise ModelFileError(f"{path}, line {number + 1}: expected JSON, found {text!r:.80}") from None
            continue
        if isinstance(line, dict):
            found.append(line)
    return found


def _state(folder: Path) -> str:
    with locked(folder / CONFIG) as free:
        if not free:
            return "running"
    found = newest_readable(folder)
    return "interrupted" if files(folder) and (found is None or not found.finished) else "finished"


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.iterdir():
        if path.is_file():
            yield path.stat().st_size
