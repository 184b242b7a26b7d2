"""How a run goes on: by the command, from what the run says; or in Python, where something was of one's own."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from ..data.catalogue import find_entry
from ..errors import ArgumentError, ModelFileError, StorageError
from ..storage import expanded
from .checkpoint import known_config
from .config import RunConfig


def refuse_own(config: RunConfig) -> None:
    """Refuse a run that goes on in Python only: a loss, an optimiser, a schedule or a callback was of one's own.

    Raises
    ------
    ArgumentError
        It names what was.
    ModelFileError
        If the config is damaged.
    """
    given = isinstance(_setting(config, "training", "validation"), Mapping)  # data, as the command may give them too
    config.fit_arguments(validation=((), ()) if given else None)
    config.callbacks([])


def says_its_data(config: RunConfig) -> bool:
    """Return whether a run says which data it was trained on, and they are where they were."""
    data = str(_setting(config, "command", "data") or _setting(config, "data", "name") or "")
    return bool(data) and (find_entry(data) is not None or expanded(data).exists())


def goes_on(config: RunConfig) -> bool:
    """Return whether ``pellucid resume`` has all that a run needs."""
    try:
        refuse_own(config)
    except (ArgumentError, ModelFileError):
        return False
    return says_its_data(config)


def way_on(folder: Path, named: Path) -> str:
    """Return what to type to go on with a run that was interrupted; `named` is how the folder was named."""
    try:
        config = known_config(folder)
        refuse_own(config)
    except (ArgumentError, ModelFileError, StorageError):
        return in_python(named)
    command = f"pellucid resume {shlex.quote(str(named))}"
    return command if says_its_data(config) else f"{in_python(named)}, or {command} --data 'NAME|PATH'"


def in_python(run: object) -> str:
    """Return what goes on with a run in Python."""
    return f"p.resume({str(run)!r}, …) in Python"


def _setting(config: RunConfig, table: str, name: str) -> object:
    found = config.table.get(table)
    return found.get(name) if isinstance(found, Mapping) else None
