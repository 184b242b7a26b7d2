"""What the folder of a run says about it: read, summed up, compared."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelFileError, StorageError, path_text
from ..limits import LIMITS
from ..storage import expanded, read_file
from .checkpoint import files, glance, known_config, rates_in, step_of
from .config import CONFIG, RunConfig
from .lock import locked_by_another
from .plain import shown_settings
from .run import METRICS


@dataclass(frozen=True)
class Record:
    """A run.

    Attributes
    ----------
    folder : Path
    config : mapping
        The settings that the run was begun with; see `known_config`.
    epochs : list of dict
        What was measured, epoch by epoch; see `History`.
    results : dict
        What was measured when all was done, such as "test_accuracy".
    state : str
        "finished", "running", "interrupted", "diverged" (a number became NaN or infinite), or "no checkpoint".
    reason : str
        Which number it was, and where, if it has diverged.
    bytes : int
        Size of all files.
    best_epoch, stopped_epoch : int
        The epoch whose weights the network was given back at the end, and the one after which the training was ended
        early (`EarlyStopping`); 0 where there is none.
    step : int or None
        After how many steps it ended, or goes on; None where no checkpoint says it.
    elapsed : float
        Seconds that the epoch in which it goes on had taken.
    rates : list of (int, float)
        By what the learning rate was multiplied by hand, and after how many steps; see `Training.rates`.
    """

    folder: Path
    config: Mapping[str, Any]
    epochs: list[dict[str, Any]]
    results: dict[str, Any]
    state: str
    reason: str
    bytes: int
    best_epoch: int = 0
    stopped_epoch: int = 0
    step: int | None = None
    elapsed: float = 0.0
    rates: Sequence[tuple[int, float]] = ()

    @classmethod
    def of(cls, run: str | os.PathLike[str]) -> Record:
        """Return what a folder says.

        Raises
        ------
        ModelFileError
            If it is no run, or a file of it is damaged.
        """
        folder = expanded(run, "run")
        if (folder / CONFIG).exists():
            RunConfig.read(folder)  # one that is damaged is named
        config = known_config(folder).table
        lines = measures(folder / METRICS)
        epochs = [line for line in lines if "epoch" in line]
        results = {name: value for line in lines if "epoch" not in line for name, value in line.items()}
        best, stopped = (_epoch(results.pop(name, 0), len(epochs)) for name in ("best_epoch", "stopped_epoch"))
        known = glance(folder)
        state, reason = _state(folder, known)
        step, elapsed = (0, 0.0) if known is None else (_step(folder, known), _elapsed(known))
        size = sum(_sizes(folder))
        return cls(
            folder, config, epochs, results, state, reason, size, best, stopped, step or None, elapsed, _rates(known)
        )

    def setting(self, table: str, name: str, default: Any = None) -> Any:
        """Return a setting of a table of the config; the default where there is none."""
        found = self.config.get(table)
        return found.get(name, default) if isinstance(found, Mapping) else default

    @property
    def model(self) -> str:
        """Name of the model, where one is known; in brackets that of the recipe, of a file's without its folder."""
        model, recipe = (str(self.setting("command", name) or "") for name in ("model", "recipe"))
        name = Path(recipe).name.removesuffix(".toml")
        return f"{model} ({name})" if model and name else model or name

    @property
    def data(self) -> str:
        """Name of the data that it was trained on."""
        return str(self.setting("data", "name") or self.setting("command", "data") or "")

    @property
    def seconds(self) -> float:
        """Seconds that the epochs took, with what there was of the one in which it goes on."""
        return sum(float(epoch.get("seconds") or 0) for epoch in self.epochs) + self.elapsed

    @property
    def outcome(self) -> str:
        """The state; of a finished run that was ended before its last step by whom: "stopped early" by `EarlyStopping`,
        "stopped" by `Training.stop`."""
        if self.state == "finished" and self.stopped_epoch:
            return "stopped early"
        ended = self.state == "finished" and self.step is not None and self.step < self.total_steps
        return "stopped" if ended else self.state

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch; 0 where the config does not say it."""
        samples, size = self.setting("data", "samples"), self.setting("training", "batch_size")
        whole = isinstance(samples, int) and isinstance(size, int) and samples > 0 and size > 0
        return -(-samples // size) if whole else 0

    @property
    def total_steps(self) -> int:
        """Steps that it was to have; 0 where the config does not say it."""
        epochs = self.setting("training", "epochs")
        return self.steps_per_epoch * epochs if isinstance(epochs, int) else 0

    @property
    def how_far(self) -> str:
        """How many steps it has done of how many, in words; nothing where that is not known."""
        return f"{self.step:,} of {self.total_steps:,} steps" if self.step and self.total_steps else ""

    @property
    def epochs_done(self) -> str:
        """How many epochs it has done, in words: with a part of one, such as "2.4", where it is in the midst of it."""
        if not (self.step and self.steps_per_epoch):
            return str(len(self.epochs))
        whole, part = divmod(self.step, self.steps_per_epoch)
        if part:
            return f"{whole}.{10 * part // self.steps_per_epoch}"
        return str(len(self.epochs) if self.state == "finished" else whole)

    @property
    def measured(self) -> dict[str, Any]:
        """What was measured in the epoch whose weights the network has: the last one, unless a better one's were taken
        back."""
        return self.epochs[(self.best_epoch or len(self.epochs)) - 1] if self.epochs else {}

    @property
    def settings(self) -> dict[str, Any]:
        """The config as it is shown: callbacks by their names, and what begins parameters summed up."""
        return shown_settings(self.config)

    def accuracy(self) -> tuple[str, float] | None:
        """Return what says most about how good it is, with its name: measured on the test part, else on what was held
        out, else in training."""
        measured = self.measured
        for name, found in (
            ("test", self.results.get("test_accuracy")),
            ("validation", self.results.get("validation_accuracy", measured.get("val_accuracy"))),
            ("training", measured.get("accuracy")),
        ):
            if isinstance(found, (int, float)):
                return name, float(found)
        return None


def records(folder: str | os.PathLike[str]) -> Iterator[Record | ModelFileError | StorageError]:
    """Yield the runs that lie in a folder, by name; for one that cannot be read, why."""
    for place in sorted(expanded(folder, "folder").iterdir()):
        try:
            if (place / CONFIG).is_file() or files(place):
                yield Record.of(place)
        except (ModelFileError, StorageError) as error:
            yield error
        except OSError as error:  # a folder that may not be looked into
            yield StorageError(f"cannot read {path_text(place)}: {error.strerror}")


def measures(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; those that a killed process or a full disk has left half are no matter."""
    if not path.exists():
        return []
    found = []
    for text in read_file(path, LIMITS.header_bytes).decode(errors="replace").splitlines():
        with suppress(ValueError, RecursionError):
            line = json.loads(text)
            if isinstance(line, dict):
                found.append(line)
    return found


def _epoch(number: object, last: int) -> int:
    """Return the number of an epoch that was read; 0 if there is no such epoch."""
    return number if isinstance(number, int) and 0 < number <= last else 0


def _step(folder: Path, state: Mapping[str, Any]) -> int:
    """Return after how many steps a run ended, or goes on; where it is finished, only the file's name says it."""
    step = step_of(files(folder)[0]) if state.get("finished") is True else state.get("step")
    return step if isinstance(step, int) else 0


def _elapsed(state: Mapping[str, Any]) -> float:
    """Return the seconds that the running epoch of a run had taken."""
    elapsed = state.get("elapsed")
    return float(elapsed) if isinstance(elapsed, (int, float)) and state.get("finished") is not True else 0.0


def _state(folder: Path, state: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return in which state a run is, and which number that is not finite has ended it, in words."""
    if locked_by_another(folder):
        return "running", ""
    if state is None:
        return ("interrupted" if files(folder) else "no checkpoint"), ""
    reason = state.get("failed", "")
    if state.get("finished") is True:
        return "finished", ""
    return ("diverged", reason) if isinstance(reason, str) and reason else ("interrupted", "")


def _rates(known: Mapping[str, Any] | None) -> list[tuple[int, float]]:
    with suppress(TypeError, ValueError):  # a header that has no list of pairs there
        return rates_in(known or {})
    return []


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.iterdir():
        with suppress(OSError):  # one that was there a moment ago
            status = path.stat()
            yield status.st_size if stat.S_ISREG(status.st_mode) else 0
