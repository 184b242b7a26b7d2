"""A run's ``config.toml``: what a training was told, and how that becomes the same training again.

Written once, as the training begins; every checkpoint holds a copy under its seal. Objects stand there by their class
and their settings, data by their digest. The classes that can be made anew are the library's own (`KINDS`).
"""

from __future__ import annotations

import os
import platform
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import losses, optimizers, schedules
from ..arguments import shown, warn
from ..data import augment
from ..data.dataset import digest
from ..errors import ArgumentError, ModelFileError
from ..inputs import Data
from ..limits import LIMITS
from ..losses import Loss
from ..native import uses_compiler
from ..network import Network
from ..optimizers import Optimizer
from ..schedules import Schedule
from ..serialization.format_version import check_version
from ..storage import read_file
from ..toml_file import parse_toml
from ..version import VERSION
from .callbacks import Callback
from .listed import again, listed, strangers
from .plain import Table, by_name, defaults, differences, flat, plain, plain_fields, without_names
from .state import Settings, Training

CONFIG = "config.toml"
EVERY = "30s"
"""How often a checkpoint is written, where nothing is said."""
FORMAT_VERSION = OLDEST = 2
"""What is written, and the oldest that can be read."""

KINDS: Mapping[str, Mapping[str, type]] = {
    "augment": {kind.__name__: kind for kind in augment.KINDS.values()},
    "loss": losses.KINDS,
    "optimizer": optimizers.KINDS,
    "schedule": schedules.KINDS,
}
"""What can be made anew from its name and its settings."""

_PLAIN = {"epochs": int, "batch_size": int, "seed": int, "shuffle": bool, "engine": str}
"""Settings that are no objects."""


@dataclass(frozen=True)
class RunConfig:
    """What a training was told.

    Attributes
    ----------
    table : mapping
        As it stands in the file.
    where : str
        The path of the file, for messages.
    """

    table: Table
    where: str = CONFIG

    @classmethod
    def of(cls, training: Training, command: Table | None = None, every: str | int | None = None) -> RunConfig:
        """Return the config of a training that begins.

        Parameters
        ----------
        training : Training
        command : mapping, optional
            What it was started with beyond what `fit` knows; what is None is left out.
        every : str or int, optional
            How often a checkpoint is written.
        """
        network = training.network
        parameters = network.parameters()
        return cls({
            "format_version": FORMAT_VERSION, "checkpoint_every": plain(every or EVERY),
            "command": plain(command or {}), "callbacks": listed(training.callbacks), **repeated(training),
            "network": {
                "seed": int(network.seed), "dtype": str(network.dtype),
                "parameters": sum(parameter.size for parameter in parameters.values()),
                "first_weights_sha256": digest(*(parameter.data for parameter in parameters.values())),
                "initializers": {path: plain(parameter.initializer) for path, parameter in parameters.items()},
            },
            "versions": versions(network, training.settings.engine),
        })  # fmt: skip

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> RunConfig:
        """Return the config that lies in the folder of a run.

        Raises
        ------
        ModelFileError
            If the folder is no run, or the file is damaged or of another version.
        """
        path = Path(folder) / CONFIG
        if not path.exists():
            raise ModelFileError(f"{folder} is no run: it has no {CONFIG}; runs are made by `pellucid train`")
        return cls.parsed(read_file(path, LIMITS.toml_bytes), str(path))

    @classmethod
    def parsed(cls, content: bytes, where: str) -> RunConfig:
        """Return the config that a file's content is; `where` is its path."""
        try:
            table = parse_toml(content)
        except ValueError as error:
            raise ModelFileError(f"{where} is damaged: {error}") from error
        check_version(table.get("format_version"), where, "the config of a run", FORMAT_VERSION, OLDEST)
        return cls(table, where)

    def text(self) -> str:
        """Return it as TOML."""
        import tomli_w

        return tomli_w.dumps(self.table)

    def readable_text(self) -> str:
        """Return it as TOML that can be read again.

        Raises
        ------
        ArgumentError
            If it could not; the setting is named.
        """
        if _readable(self.table):
            return self.text()
        apart = {name: value for name, value in self.table.items() if name != "callbacks"}
        named = flat({**apart, "callbacks": by_name(self.table.get("callbacks", []))})
        name = next((name for name, value in named.items() if not _readable({"a": value})), "the settings")
        raise ArgumentError(
            f"{name}: a run could not read this again from its {CONFIG}: expected whole numbers of 64 bits, texts of "
            "Unicode, and no long lists. What is large belongs into a callback's state()"
        )

    # ---- the same training again
    def fit_arguments(
        self, validation: Data | None = None, loss: Loss | None = None, schedule: Schedule | None = None,
        optimizer: Optimizer | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Return what decides the course of a training, as keyword arguments of `fit`; what is given takes precedence.

        Raises
        ------
        ArgumentError
            If something was of one's own and is not given.
        ModelFileError
            If the config is damaged.
        """
        table = self._training()
        given = {"loss": loss, "optimizer": optimizer, "schedule": schedule}
        made = {name: self._made(name, table.get(name)) if each is None else each for name, each in given.items()}
        augmented = [self._made("augment", each) for each in table["augment"]]
        for name, kind in _PLAIN.items():
            if not isinstance(table.get(name), kind):
                raise ModelFileError(
                    f"{self.where}: training.{name}: expected {kind.__name__}, found {table.get(name)!r:.80}"
                )
        share = self._share(table.get("validation")) if validation is None else validation
        return {"validation": share, **made, "augment": augmented, **{name: table[name] for name in _PLAIN}}

    def learning_rate(self) -> tuple[float, Schedule]:
        """Return the optimiser's learning rate, and the schedule that multiplies it.

        Raises
        ------
        ArgumentError, ModelFileError
            As for `fit_arguments`.
        """
        table = self._training()
        return float(self._made("optimizer", table.get("optimizer")).lr), self._made("schedule", table.get("schedule"))

    def callbacks(self, given: Sequence[Callback]) -> list[Callback]:
        """Return the callbacks that the training was begun with, in their order; see `listed.again`."""
        return again(self.table.get("callbacks"), given, self.where)

    def strangers(self) -> list[str]:
        """Return the names of the callbacks of one's own that may have had a part in the training."""
        return strangers(self.table.get("callbacks"))

    def refuse_other(self, training: Training, run: str | os.PathLike[str]) -> None:
        """Refuse a training that was told something else, or has other data.

        Raises
        ------
        ArgumentError
            It names what is other.
        """
        now = RunConfig(tomllib.loads(RunConfig(repeated(training)).text()))
        one, two = ({"training": each._training(), "data": each.table.get("data", {})} for each in (self, now))
        if changed := differences(without_names(one, two), without_names(two, one)):
            raise ArgumentError(f"{run} was begun with other settings: {'; '.join(_in_words(changed))}")

    def warn_of_versions(self, network: Network, run: str | os.PathLike[str]) -> None:
        """Warn where the run goes on with other versions, or on another machine, and name what is other."""
        before = self.table.get("versions")
        now = versions(network, str(self._training().get("engine")))
        told = [
            f"{name} was {shown(each)} and is {shown(now.get(name))} now"
            for name, each in (before if isinstance(before, Mapping) else {}).items()
            if each != now.get(name)
        ]
        if told:
            where = f"{run} was begun with other versions, or on another machine"
            warn(f"{where}, so the last bits may come out otherwise: {'; '.join(told)}")

    def _training(self) -> dict[str, Any]:
        """Return the settings of the training; what an older version did not know has its default."""
        table = self.table.get("training")
        if not isinstance(table, Mapping):
            raise ModelFileError(f"{self.where}: expected a table [training]")
        found = {**defaults(Settings), **table}
        if not isinstance(found["augment"], list):
            raise ModelFileError(f"{self.where}: training.augment: expected a list, found {found['augment']!r:.80}")
        found["augment"] = [_filled("augment", each) for each in found["augment"]]
        return {**found, **{name: _filled(name, found.get(name)) for name in ("loss", "optimizer", "schedule")}}

    def _share(self, value: object) -> float | None:
        """Return the share of the data that was held out, if it was one."""
        if isinstance(value, Mapping):
            raise ArgumentError("validation: the run was begun with data to validate with; give them again")
        if value is None or isinstance(value, (int, float)):
            return None if value is None else float(value)
        raise ModelFileError(f"{self.where}: training.validation: expected a share, found {value!r:.80}")

    def _made(self, name: str, table: object) -> Any:
        settings = dict(table) if isinstance(table, Mapping) else {}
        kind = settings.pop("name", None)
        if not isinstance(kind, str) or kind not in KINDS[name]:
            raise ArgumentError(f"{name}: the run was begun with one of its own, {kind!r:.80}; give the same again")
        if "after" in settings:  # what follows a warm-up
            settings["after"] = self._made(name, settings["after"])
        try:
            return KINDS[name][kind](**settings)
        except TypeError as error:
            raise ModelFileError(f"{self.where}: {name}: {error}") from None


def _in_words(changed: Sequence[tuple[str, Any, Any]]) -> Iterator[str]:
    """Yield what is other: of data that they are, of objects of another class only the class."""
    other = {name.removesuffix(".name") for name, *_ in changed if name.endswith(".name")}
    data = {name.rpartition(".")[0] for name, *_ in changed if name.endswith(".sha256")}
    for place in sorted(data):
        counts = next((each for each in changed if each[0] == f"{place}.samples"), None)
        count = "" if counts is None else f", {shown(counts[1])} samples then and {shown(counts[2])} now"
        yield f"{place.removeprefix('training.')}: the data are others{count}; give the same"
    for name, before, after in changed:
        place = name.rpartition(".")[0]
        if place in data or (place in other and not name.endswith(".name")):
            continue
        yield f"{name.removesuffix('.name')} was {shown(before)} and is {shown(after)} now"


def versions(network: Network, engine: str) -> dict[str, Any]:
    """Return what the bits of a training may depend on beside what it is told."""
    found: dict[str, Any] = {
        "pellucid": VERSION, "numpy": np.__version__, "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    if not uses_compiler(network, engine):
        return {**found, "engine": "numpy"}
    from ..compiler.tiles import instruction_set  # takes its time

    return {**found, "engine": "compiled", "fused_multiply_add": instruction_set().fused}


def repeated(training: Training) -> dict[str, Any]:
    """Return what must be the same where a run goes on."""
    return {"training": plain_fields(training.settings), "data": plain(training.data)}


def _readable(table: Table) -> bool:
    """Return whether a table can be read again once it is written."""
    try:
        parse_toml(RunConfig(table).text().encode())
    except (ValueError, RecursionError):  # of a lone surrogate, too
        return False
    return True


def _filled(name: str, entry: Any) -> Any:
    """Return an object's entry with the defaults of what does not stand there."""
    kind = KINDS[name].get(str(entry.get("name"))) if isinstance(entry, Mapping) else None
    if kind is None:
        return entry
    found = {**defaults(kind), **entry}
    return {**found, "after": _filled(name, found["after"])} if "after" in found else found
