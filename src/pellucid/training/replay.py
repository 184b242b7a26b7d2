"""Whether a run can be repeated here: its first steps are done again, and must come to the same bits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from numpy.typing import ArrayLike

from ..data.dataset import digest
from ..errors import ArgumentError, ModelFileError, StateError
from ..initializers import KINDS
from ..inputs import Data
from ..layers import Layer
from ..network import Network
from ..serialization.fitting import held
from ..storage import expanded
from .callbacks import Callback
from .checkpoint import Checkpoint, newest, rates_in, rates_in_words
from .config import RunConfig
from .fit import fit
from .state import FIRST_STEPS, Training


def replay(
    run: str | os.PathLike[str],
    train: Data,
    *,
    validation: Data | None = None,
    sample_weight: ArrayLike | None = None,
    layers: Sequence[type[Layer]] = (),
    threads: int | None = None,
) -> str:
    """Do the first steps of a run again, and return the SHA-256 of weights and states after them.

    Parameters
    ----------
    run : path
    train, validation, sample_weight
        The same data again, as for `resume`.
    layers : sequence of class
        As for `load`.
    threads : int, optional

    Raises
    ------
    StateError
        If the weights come out otherwise.
    ArgumentError
        If the run did not begin from what its network's initialisers draw, was shorter than so many steps, or a loss,
        an optimiser, a schedule or a callback of one's own had a part in it, or its learning rate was changed by hand
        so early: then it cannot be done again from what the run holds. If the data, or the sample weights, are others.
    """
    folder = expanded(run, "run")
    found = newest(folder)
    if found is None:
        RunConfig.read(folder)  # which may be no run at all
    if found is None or not (expected := str(found.state.get("first_steps", ""))):
        raise ArgumentError(f"{folder}: {_not_noted(found)}")
    config = found.config()
    rates = rates_in(found.state)
    if any(step < FIRST_STEPS for step, _ in rates):
        raise ArgumentError(f"{folder}: the learning rate was changed by hand, {rates_in_words(rates)}")
    if own := config.strangers():
        raise ArgumentError(f"{folder} was trained with {', '.join(own)}, callbacks of its own")
    network = begun(found.network(layers), config.table, str(folder))
    told = config.fit_arguments(validation)
    first = _First(config, str(folder))
    with suppress(_Done):
        fit(
            network, train, sample_weight=sample_weight, callbacks=[first], threads=threads, progress=False, **told
        )  # fmt: skip
    if first.weights != expected:
        raise StateError(
            f"{folder}: after {FIRST_STEPS} steps the weights are {first.weights[:12]}… here, and were "
            f"{expected[:12]}…: another version, or a processor that does not multiply and add at once"
        )
    return expected


def _not_noted(found: Checkpoint | None) -> str:
    """Return why a run has not noted the weights after its first steps."""
    if found is None:
        return f"no checkpoint is left, so that its first {FIRST_STEPS} steps are not known"
    if found.finished:
        return f"it had fewer than {FIRST_STEPS} steps"
    return f"its first {FIRST_STEPS} steps were in no checkpoint when it was ended; resume it, then verify it"


def begun(network: Network, config: Mapping[str, Any], run: str) -> Network:
    """Return a run's network with the weights that it began with, drawn anew."""
    table = config.get("network")
    table = table if isinstance(table, dict) else {}
    for path, parameter in network.parameters().items():
        known = dict(table.get("initializers", {}).get(path, {}))
        kind = KINDS.get(known.pop("name", ""))
        if kind is None:
            raise ArgumentError(f"{run}: {path} was begun by an initialiser of its own")
        try:
            parameter.initializer = kind(**known)
        except TypeError as error:
            raise ModelFileError(f"{run}: network.initializers.{path}: {error}") from None
    network.initialize(network.seed)
    if digest(*(parameter.data for parameter in network.parameters().values())) != table.get("first_weights_sha256"):
        raise ArgumentError(f"{run} began from other weights than its seed draws, such as those of a file")
    return network


class _Done(Exception):  # noqa: N818  # no error
    """The first steps are done."""


class _First(Callback):
    """Refuses other data than the run's, notes the weights after the first steps, and ends the training there."""

    def __init__(self, config: RunConfig, run: str):
        self._config, self._run, self.weights = config, run, ""

    def on_begin(self, training: Training) -> None:
        self._config.refuse_other(training, self._run)

    def on_batch(self, training: Training) -> None:
        if training.step == FIRST_STEPS:
            self.weights = digest(*(each.data for each in held(training.network).values()))
            raise _Done
