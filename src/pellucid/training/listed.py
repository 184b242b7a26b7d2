"""The callbacks of a run as its config lists them, and the same list again where the run goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from ..arguments import shown
from ..errors import ArgumentError, ModelFileError
from .callbacks import Callback, Hook
from .keeping import EarlyStopping, KeepBest
from .plain import Table, defaults, differences, plain_fields

KINDS: dict[str, type[Callback]] = {kind.__name__: kind for kind in (EarlyStopping, KeepBest)}
"""The callbacks that can be made anew from a name and settings; what stands above this module adds its own."""


def listed(callbacks: Sequence[Callback]) -> list[dict[str, Any]]:
    """Return who listens, in their order: the class, and its settings if it is a dataclass; of a function its name.

    One of one's own that says that it does not look at the weights (`Callback.sees_weights`), and has nothing to
    remember, "watches": the training is the same without it. The display, and what else belongs to the program, is not
    listed.
    """
    found = []
    for each in callbacks:
        kind, name = type(each), _name(each)
        if not _known(kind) and kind is not Hook and kind.__module__.partition(".")[0] == __name__.partition(".")[0]:
            continue
        entry = {"name": name, **_settings(each)} | {"name": name}
        watches = not each.sees_weights and not remembers(each)
        found.append({**entry, "watches": True} if watches and not _known(kind) else entry)
    return found


def again(entries: object, given: Sequence[Callback], where: str) -> list[Callback]:
    """Return the callbacks of a list in its order, and after them those that are new.

    Parameters
    ----------
    entries : list of tables
        As `listed` returned them.
    given : sequence of Callback
        Those of one's own, and any of the library's; all others of the library's are made anew.
    where : str
        The path of the config, for messages.

    Raises
    ------
    ArgumentError
        If one is missing that does more than watch, or has other settings.
    """
    left, found, missing = list(given), list[Callback](), list[str]()
    for entry in _tables(entries):
        name = str(entry.get("name"))
        mine = next((each for each in left if _name(each) == name), None)
        if mine is not None:
            left = [each for each in left if each is not mine]
            _refuse_changed(entry, mine)
            found.append(mine)
        elif name in KINDS:
            found.append(_made(entry, where))
        elif entry.get("watches") is not True:
            missing.append(name)
    if missing:
        again = ", ".join(name if name.endswith(")") else f"{name}(…)" for name in missing)
        raise ArgumentError(
            f"callbacks: the run was begun with {', '.join(missing)}, of its own; give the same again, "
            f"callbacks=[{again}], for without it this would be another training"
        )
    return [*found, *left]


def strangers(entries: object) -> list[str]:
    """Return the names of the callbacks of one's own that do more than watch."""
    return [
        str(each.get("name"))
        for each in _tables(entries)
        if each.get("name") not in KINDS and each.get("watches") is not True
    ]


def remembers(callback: Callback) -> bool:
    """Return whether a callback has something to remember."""
    return getattr(callback.state, "__func__", None) is not Callback.state


def _name(callback: Callback) -> str:
    """Return what a callback is called in a config: as its class, or as the function that is called."""
    return repr(callback) if isinstance(callback, Hook) else type(callback).__name__


def _settings(callback: object) -> dict[str, Any]:
    return plain_fields(callback) if is_dataclass(callback) else {}


def _known(kind: type) -> bool:
    return kind in KINDS.values()


def _tables(entries: object) -> list[Table]:
    return [each for each in entries if isinstance(each, Mapping)] if isinstance(entries, list) else []


def _made(entry: Table, where: str) -> Callback:
    settings = {name: value for name, value in entry.items() if name != "name"}
    try:
        return KINDS[str(entry["name"])](**settings)
    except TypeError as error:
        raise ModelFileError(f"{where}: callbacks: {error}") from None


def _refuse_changed(entry: Table, callback: Callback) -> None:
    """Refuse a callback that has other settings than it had."""
    before = {name: value for name, value in entry.items() if name not in ("name", "watches")}
    if not before or entry.get("watches") is True:
        return
    now = {name: value for name, value in _settings(callback).items() if name != "name"}
    for name, one, other in differences({**defaults(type(callback)), **before}, now):
        raise ArgumentError(
            f"callbacks: {type(callback).__name__}.{name} was {shown(one)} as the run was begun, received "
            f"{shown(other)}; give it the settings that it had"
        )
