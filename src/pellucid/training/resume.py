"""Going on with a training that was interrupted, to the very bits of one that never was."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

from .. import losses, optimizers, schedules
from ..errors import ArgumentError, ModelFileError
from ..inputs import Data
from ..layers import Layer
from ..losses import Loss
from ..network import Sequential
from ..schedules import Schedule
from ..serialization import load
from ..storage import expanded
from .callbacks import Callback
from .checkpoint import newest
from .fit import fit
from .history import History
from .keeping import EarlyStopping, KeepBest
from .run import CONFIG, RunWriter, read_config

Table: TypeAlias = Mapping[str, Any]

KINDS: Mapping[str, Mapping[str, type]] = {
    "callback": {kind.__name__: kind for kind in (EarlyStopping, KeepBest)},
    "loss": {kind.__name__: kind for kind in (losses.CrossEntropy, losses.MeanSquaredError)},
    "optimizer": {kind.__name__: kind for kind in (optimizers.SGD, optimizers.Adam, optimizers.AdamW)},
    "schedule": {
        kind.__name__: kind
        for kind in (
            schedules.Constant, schedules.Step, schedules.Drops, schedules.Cosine, schedules.OneCycle,
            schedules.LinearCycle, schedules.WarmUp,
        )
    },
}  # fmt: skip
"""What a run's config can name, and nothing else becomes an object."""


def resume(
    run: str | os.PathLike[str],
    train: Data,
    *,
    validation: Data | None = None,
    sample_weight: ArrayLike | None = None,
    loss: Loss | None = None,
    schedule: Schedule | None = None,
    callbacks: Sequence[Callback] = (),
    layers: Sequence[type[Layer]] = (),
    threads: int | None = None,
    checkpoint_every: str | int | None = None,
    progress: bool | None = None,
) -> tuple[Sequential, History]:
    """Go on with a training where its last checkpoint was written.

    The weights, the optimiser's memory and the history come out as if the training had never been interrupted, to the
    last bit (times excepted), whatever ended it: Ctrl-C, the power, or a kill. It may go on with another number of
    threads.

    Parameters
    ----------
    run : path
        The folder that `fit` was given as `out`.
    train : Dataset or (images, labels)
        The same data again.
    validation : Dataset or (images, labels), optional
        What was given then; a share that was held out is held out again.
    sample_weight : array (N,), optional
        The same weights again.
    loss, schedule : optional
        Where they were of one's own: the same again. All others are made from the run's config.
    callbacks : sequence of Callback
        Those of one's own again, in the same order; the library's own are made from the run's config.
    layers : sequence of class
        Classes of one's own that the network is made of, as for `load`.
    threads, checkpoint_every, progress
        As in `fit`.

    Returns
    -------
    network : Sequential
    history : History

    Raises
    ------
    ArgumentError
        If the run is finished, or the settings, the data or the callbacks are others.
    ModelFileError
        If there is no run, or no checkpoint of it is whole; a damaged one with a good one before it is a warning.
    """
    folder = expanded(run, "run")
    config = read_config(folder)
    checkpoint = newest(folder)
    if checkpoint is None:
        raise ModelFileError(
            f"{folder} has no checkpoint: it was ended before its first step; remove the folder, and train again"
        )
    if checkpoint.finished:
        raise ArgumentError(f"{folder} is finished: {len(checkpoint.history().epochs)} epochs are done")
    told = _Settings(str(folder / CONFIG), config)
    network = load(folder, layers)
    history = fit(
        network, train,
        validation=told.share() if validation is None else validation,
        sample_weight=sample_weight,
        epochs=told.get("epochs", int), batch_size=told.get("batch_size", int),
        loss=told.made("loss") if loss is None else loss,
        optimizer=told.made("optimizer"),
        schedule=told.made("schedule") if schedule is None else schedule,
        seed=told.get("seed", int), shuffle=told.get("shuffle", bool), engine=told.get("engine", str),
        callbacks=[
            *told.callbacks(), *callbacks, RunWriter(folder, checkpoint_every=checkpoint_every, resumed=checkpoint)
        ],
        threads=threads, progress=progress,
    )  # fmt: skip
    return network, history


class _Settings:
    """The table of a run's config that says what `fit` was told."""

    def __init__(self, path: str, config: Table):
        self._path, table, self._callbacks = path, config.get("training"), config.get("callbacks", [])
        if not isinstance(table, Mapping):
            raise ModelFileError(f"{path}: expected a table [training]")
        self._table = table

    def get(self, name: str, kind: type) -> Any:
        """Return a setting of that kind."""
        value = self._table.get(name)
        if not isinstance(value, kind):
            raise ModelFileError(f"{self._path}: training.{name}: expected {kind.__name__}, found {value!r:.80}")
        return value

    def share(self) -> float | None:
        """Return the share of the data that was held out, if it was one."""
        value = self._table.get("validation")
        if isinstance(value, Mapping):
            raise ArgumentError("validation: the run was begun with data to validate with; give them again")
        return None if value is None else float(value)

    def made(self, name: str) -> Any:
        """Return the loss, the optimiser or the schedule that the config describes."""
        return self._made(name, self._table.get(name))

    def callbacks(self) -> list[Callback]:
        """Return those of the library's own callbacks that the config names."""
        own = (each for each in self._callbacks if isinstance(each, Mapping) and each.get("name") in KINDS["callback"])
        return [self._made("callback", each) for each in own]

    def _made(self, name: str, table: object) -> Any:
        settings = dict(table) if isinstance(table, Mapping) else {}
        kind = settings.pop("name", None)
        if kind not in KINDS[name]:
            raise ArgumentError(f"{name}: the run was begun with one of its own, {kind!r:.80}; give the same again")
        if "after" in settings:  # what follows a warm-up
            settings["after"] = self._made(name, settings["after"])
        try:
            return KINDS[name][str(kind)](**settings)
        except TypeError as error:
            raise ModelFileError(f"{self._path}: training.{name}: {error}") from None
