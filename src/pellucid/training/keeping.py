"""Callbacks that go by how well an epoch did: ending when nothing improves any more, keeping the best networks."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..arguments import number
from ..definitions.arrays import Array
from ..errors import ArgumentError
from ..geometry import whole_number
from ..serialization import save
from ..serialization.fitting import held, take
from ..storage import expanded, make_folder, remove_file, remove_stumps
from .callbacks import Callback, Hook
from .state import Training


def measure(training: Training, monitor: str) -> float:
    """Return what the last epoch measured under a name, such that more is better; NaN counts as the worst.

    Raises
    ------
    ArgumentError
        If nothing of that name was measured.
    """
    epoch = training.history.epochs[-1]
    if monitor not in epoch:
        known = ", ".join(name for name in epoch if name.endswith(("loss", "accuracy")))
        advice = "; validation=… measures val_loss and val_accuracy" if monitor.startswith("val_") else ""
        raise ArgumentError(f"monitor: expected one of {known}, received {monitor!r}{advice}")
    value = float(epoch[monitor])
    better = value if monitor.endswith("accuracy") else -value
    return -math.inf if math.isnan(better) else better


def refuse_unmeasured(training: Training, monitor: str) -> None:
    """Refuse a measure of validation where there is none, unless a callback of one's own may measure it.

    Raises
    ------
    ArgumentError
    """
    if monitor not in ("val_loss", "val_accuracy") or training.settings.validation is not None:
        return
    library = __name__.partition(".")[0]
    if not any(
        isinstance(each, Hook) or type(each).__module__.partition(".")[0] != library for each in training.callbacks
    ):
        raise ArgumentError(
            f"monitor: {monitor!r} is measured with validation=… only, and none is given; give it, or monitor "
            f"{monitor.removeprefix('val_')!r}"
        )


@dataclass
class EarlyStopping(Callback):
    """Ends a training when a measure has not improved for some epochs, and takes the best epoch's weights back.

    Parameters
    ----------
    monitor : str, default "val_loss"
        What of an epoch's history is looked at; of names that end with "accuracy" more is better, of others less.
    patience : int, default 5
        Epochs without an improvement after which the training ends.
    min_delta : float, default 0
        By how much an epoch must be better than the best before, to be an improvement.
    restore_best : bool, default True
        Whether the network has the weights of the best epoch when training has come to its end, however many epochs
        there were.

    Attributes
    ----------
    best_epoch : int
        The best epoch so far, counted from 1; 0 before the first.
    stopped_epoch : int
        After which epoch it has ended the training; 0 where it has not.

    Examples
    --------
    >>> EarlyStopping("val_accuracy", patience=3)
    EarlyStopping(monitor='val_accuracy', patience=3, min_delta=0.0, restore_best=True)
    """

    monitor: str = "val_loss"
    patience: int = 5
    min_delta: float = 0.0
    restore_best: bool = True
    best_epoch: int = field(default=0, init=False, repr=False)
    stopped_epoch: int = field(default=0, init=False, repr=False)
    _best: float = field(default=-math.inf, init=False, repr=False)
    _weights: dict[str, Array] = field(default_factory=dict, init=False, repr=False, compare=False)

    sees_weights = False
    for_all_ranks = True

    def __post_init__(self) -> None:
        whole_number(self.patience, "patience")
        self.min_delta = number(self.min_delta, "min_delta", "a number of at least 0")

    def on_begin(self, training: Training) -> None:
        refuse_unmeasured(training, self.monitor)
        self._best, self.best_epoch, self.stopped_epoch, self._weights = -math.inf, 0, 0, {}

    def on_epoch(self, training: Training) -> None:
        value = measure(training, self.monitor)
        if value > self._best + self.min_delta or training.epoch == 1:
            self._best, self.best_epoch = value, training.epoch
            if self.restore_best:
                self._weights = {path: each.data.copy() for path, each in held(training.network).items()}
        elif training.epoch - self.best_epoch >= self.patience:
            self.stopped_epoch = training.epoch
            training.stop()

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if error is None and self._weights:
            take(training.network, self._weights)
        self._weights = {}

    def state(self) -> Mapping[str, Any]:
        weights = {f"weights/{path}": array for path, array in self._weights.items()}
        best = None if math.isinf(self._best) else self._best
        return {"best": best, "best_epoch": self.best_epoch, "stopped_epoch": self.stopped_epoch, **weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._best = -math.inf if state["best"] is None else float(state["best"])
        self.best_epoch, self.stopped_epoch = state["best_epoch"], state["stopped_epoch"]
        self._weights = {name.removeprefix("weights/"): w for name, w in state.items() if name.startswith("weights/")}


@dataclass
class KeepBest(Callback):
    """Keeps the networks of the best epochs, each as a model file ``epoch-007.safetensors`` in a folder.

    Parameters
    ----------
    folder : path, default "best"
        Within the folder of the run, where there is one, so that it goes where that goes; else within the current
        folder. Made if need be; one that holds the networks of another training is refused.
    count : int, default 1
        How many are kept; of equally good ones those of the earlier epochs.
    monitor : str, default "val_loss"
        As in `EarlyStopping`.

    Attributes
    ----------
    paths : list of Path
        The files that are kept, the best first.
    best_path : Path or None
        The file of the best epoch; None before the first.

    Examples
    --------
    >>> KeepBest(count=3, monitor="val_accuracy")
    KeepBest(folder='best', count=3, monitor='val_accuracy')
    """

    folder: str | os.PathLike[str] = "best"
    count: int = 1
    monitor: str = "val_loss"
    _place: Path = field(default=Path(), init=False, repr=False)
    _kept: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    sees_weights = False

    def __post_init__(self) -> None:
        whole_number(self.count, "count")
        self.folder = str(expanded(self.folder, "folder"))

    @property
    def paths(self) -> list[Path]:
        return [self._place / name for name in sorted(self._kept, key=lambda name: -self._kept[name])]

    @property
    def best_path(self) -> Path | None:
        return self.paths[0] if self._kept else None

    def on_begin(self, training: Training) -> None:
        refuse_unmeasured(training, self.monitor)
        run = None if training.run is None else training.run.folder
        self._kept, self._place = {}, Path(run or "", self.folder).absolute()
        if run is None or Path(self.folder).is_absolute():  # the folder of a run is the run's to make
            make_folder(self._place)
        elif training.resumed:  # the run is this training's alone: what lies half written there, nobody writes any more
            remove_stumps(self._place)
        if not training.resumed and (others := sorted(self._place.glob("epoch-*.safetensors"))):
            raise ArgumentError(
                f"{self._place} holds {others[0].name} of another training already; choose another folder"
            )

    def on_epoch(self, training: Training) -> None:
        value, name = measure(training, self.monitor), f"epoch-{training.epoch:03}.safetensors"
        if len(self._kept) >= self.count and value <= min(self._kept.values()):
            return
        with training.holding():
            save(training.network, make_folder(self._place) / name)
        self._kept[name] = value
        while len(self._kept) > self.count:
            worst = min(reversed(self._kept), key=lambda each: self._kept[each])
            del self._kept[worst]
            if (self._place / worst).exists():  # a training that was killed and resumed may have removed it already
                remove_file(self._place / worst)

    def state(self) -> Mapping[str, Any]:
        return {"kept": {name: None if math.isinf(value) else value for name, value in self._kept.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._kept = {name: -math.inf if value is None else value for name, value in state["kept"].items()}
