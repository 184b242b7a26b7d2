"""Whether a run can be repeated here: its first steps are done again, and must come to the same bits."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .. import initializers
from ..data.dataset import digest
from ..errors import ArgumentError, ModelFileError, StateError
from ..inputs import Data
from ..layers import Layer
from ..network import Network
from ..serialization import load
from ..serialization.fitting import held
from ..storage import expanded
from .callbacks import FIRST_STEPS, Callback, Training
from .checkpoint import files, newest, read
from .fit import fit
from .resume import Told
from .run import CONFIG, read_config

INITIALIZERS = {
    kind.__name__: kind
    for kind in (
        initializers.HeNormal, initializers.HeUniform, initializers.GlorotNormal, initializers.GlorotUniform,
        initializers.Normal, initializers.Constant, initializers.Zeros,
    )
}  # fmt: skip
"""What a run's config can name."""


def check_files(run: str | os.PathLike[str], layers: Sequence[type[Layer]] = ()) -> list[str]:
    """Read all files of a run, and return the names of those that bear a seal: the SHA-256 of all their bytes.

    Raises
    ------
    ModelFileError
        If the folder is no run, or one of the files is damaged.
    """
    folder = expanded(run, "run")
    read_config(folder)
    load(folder, layers)
    for path in files(folder):
        read(path)
    return ["model.safetensors", *(path.name for path in files(folder))]


def replay(
    run: str | os.PathLike[str],
    train: Data,
    *,
    validation: Data | None = None,
    layers: Sequence[type[Layer]] = (),
    threads: int | None = None,
) -> str:
    """Do the first steps of a run again, and return the SHA-256 of weights and states after them.

    Parameters
    ----------
    run : path
    train, validation
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
        a schedule or a callback of one's own had a part in it: then it cannot be done again from what the run holds.
    """
    folder = expanded(run, "run")
    config, checkpoint = read_config(folder), newest(folder)
    expected = "" if checkpoint is None else str(checkpoint.state.get("first_steps", ""))
    if not expected:
        raise ArgumentError(f"{folder} has not noted its first {FIRST_STEPS} steps: it was ended before")
    network = begun(load(folder, layers), config, str(folder))
    stop = _Stop()
    fit(network, train, callbacks=[stop], threads=threads, progress=False,
        **Told(str(folder / CONFIG), config).arguments(validation))  # fmt: skip
    if stop.found != expected:
        raise StateError(
            f"{folder}: after {FIRST_STEPS} steps the weights are {stop.found[:12]}… here, and were {expected[:12]}…: "
            "another version, or a processor that does not multiply and add at once"
        )
    return expected


def begun(network: Network, config: dict[str, object], run: str) -> Network:
    """Return a run's network with the weights that it began with, drawn anew."""
    table = config.get("network")
    table = table if isinstance(table, dict) else {}
    for path, parameter in network.parameters().items():
        known = dict(table.get("initializers", {}).get(path, {}))
        kind = INITIALIZERS.get(known.pop("name", ""))
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


class _Stop(Callback):
    """Notes the weights after the first steps, and ends the training there."""

    found = ""

    def on_batch(self, training: Training) -> None:
        if training.step == FIRST_STEPS:
            self.found = digest(*(each.data for each in held(training.network).values()))
            training.stop()
