"""Going on with a training that was interrupted, to the very bits of one that never was."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

from .. import losses, optimizers, schedules
from ..data import augment
from ..errors import ArgumentError, ModelFileError
from ..inputs import Data
from ..layers import Layer
from ..losses import Loss
from ..network import Network
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

CALLBACKS: dict[str, type[Callback]] = {kind.__name__: kind for kind in (EarlyStopping, KeepBest)}
"""The library's own callbacks that a run's config can name; what stands above this module adds its own."""

KINDS: Mapping[str, Mapping[str, type]] = {
    "augment": {kind.__name__: kind for kind in augment.KINDS.values()},
    "callback": CALLBACKS,
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
) -> tuple[Network, History]:
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
    network : Network
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
    told = Told(str(folder / CONFIG), config)
    network = load(folder, layers)
    writer = RunWriter(folder, checkpoint_every=checkpoint_every, resumed=checkpoint)
    history = fit(
        network, train, sample_weight=sample_weight, callbacks=[*told.callbacks(), *callbacks, writer],
        threads=threads, progress=progress, **told.arguments(validation, loss, schedule),
    )  # fmt: skip
    return network, history


class Told:
    """What `fit` was told for a run, from its config.

    Parameters
    ----------
    path : str
        Of the config, for messages.
    config : mapping
    """

    def __init__(self, path: str, config: Table):
        self._path, table, self._callbacks = path, config.get("training"), config.get("callbacks", [])
        if not isinstance(table, Mapping):
            raise ModelFileError(f"{path}: expected a table [training]")
        self._table = table

    def arguments(
        self, validation: Data | None = None, loss: Loss | None = None, schedule: Schedule | None = None
    ) -> dict[str, Any]:
        """Return what decides the course of a training, as keyword arguments of `fit`; what is given takes precedence.

        Raises
        ------
        ArgumentError
            If something was of one's own and is not given.
        ModelFileError
            If the config is damaged.
        """
        return {
            "validation": self._share() if validation is None else validation,
            "epochs": self._get("epochs", int), "batch_size": self._get("batch_size", int),
            "loss": self._made("loss", self._table.get("loss")) if loss is None else loss,
            "optimizer": self._made("optimizer", self._table.get("optimizer")),
            "schedule": self._made("schedule", self._table.get("schedule")) if schedule is None else schedule,
            "augment": [self._made("augment", each) for each in self._table.get("augment", [])],
            "seed": self._get("seed", int), "shuffle": self._get("shuffle", bool), "engine": self._get("engine", str),
        }  # fmt: skip

    def learning_rate(self) -> tuple[float, Schedule]:
        """Return the optimiser's learning rate, and the schedule that multiplies it.

        Raises
        ------
        ArgumentError, ModelFileError
            As for `arguments`.
        """
        optimizer = self._made("optimizer", self._table.get("optimizer"))
        return float(optimizer.lr), self._made("schedule", self._table.get("schedule"))

    def _get(self, name: str, kind: type) -> Any:
        """Return a setting of that kind."""
        value = self._table.get(name)
        if not isinstance(value, kind):
            raise ModelFileError(f"{self._path}: training.{name}: expected {kind.__name__}, found {value!r:.80}")
        return value

    def _share(self) -> float | None:
        """Return the share of the data that was held out, if it was one."""
        value = self._table.get("validation")
        if isinstance(value, Mapping):
            raise ArgumentError("validation: the run was begun with data to validate with; give them again")
        return None if value is None else float(value)

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
