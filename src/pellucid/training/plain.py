"""Objects and settings as plain data that TOML can hold, and what two tables of them differ in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np

from ..arguments import shown
from ..data import Dataset
from ..data.dataset import digest

Table: TypeAlias = Mapping[str, Any]

_MOST_CHANGES = 5
"""Changed settings that are named."""


def plain(value: object) -> Any:
    """Return a setting as data that TOML can hold.

    An object becomes a table with its class's name and its settings, a function its name; data become their digest.
    """
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    if isinstance(value, Dataset):
        of = {"name": value.name, "samples": len(value), "shape": list(value.shape), "classes": value.classes}
        return {**of, "sha256": value.digest()}
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "sha256": digest(value)}
    if is_dataclass(value) and not isinstance(value, type):
        named = {"name": type(value).__name__}
        return named | plain_fields(value) | named  # which a setting of that name does not replace
    return {"name": getattr(value, "__qualname__", type(value).__qualname__)}


def plain_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as plain data, without those that are None: TOML has no such value."""
    named = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    return {name: plain(each) for name, each in named.items() if each is not None}


def defaults(kind: type) -> dict[str, Any]:
    """Return the defaults of a dataclass's fields as plain data."""
    found = {}
    for field in fields(kind) if is_dataclass(kind) else ():
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if field.init and default is not MISSING and default is not None:
            found[field.name] = plain(default)
    return found


def differences(one: Table, two: Table) -> list[tuple[str, Any, Any]]:
    """Return the settings in which two tables differ, by their paths, as in ("training.batch_size", 64, 128); None
    stands for one that is not there."""
    before, after = flat(one), flat(two)
    names = dict.fromkeys((*before, *after))
    pairs = ((name, before.get(name), after.get(name)) for name in names)
    return [(name, one, other) for name, one, other in pairs if not _equal(one, other)]


def changes_in_words(now: Table, before: Table) -> str:
    """Return what has changed from one table to another, as messages say it; nothing where they are the same."""
    changes = differences(now, before)
    named = [f"{name} is {shown(new)}, and was {shown(old)}" for name, new, old in changes[:_MOST_CHANGES]]
    if more := len(changes) - len(named):
        named.append(f"and {more} more")
    return "; ".join(named)


def _equal(one: object, other: object) -> bool:
    """Return whether two settings are the same; NaN is the same as NaN."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one == other or (one != one and other != other)


def flat(value: object, where: str = "") -> dict[str, Any]:
    """Return the settings of nested tables, and lists of tables, by their paths."""
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        value = {str(number): each for number, each in enumerate(value)}
    if not isinstance(value, Mapping):
        return {} if value == [] else {where: value}
    found: dict[str, Any] = {}
    for name, each in value.items():
        found |= flat(each, f"{where}.{name}" if where else str(name))
    return found


def shown_settings(config: Table) -> dict[str, Any]:
    """Return the settings of a run as they are shown: callbacks by name, and what begins parameters summed up; without
    the words of the command, which say the same once more."""
    table = dict(config)
    if isinstance(command := table.get("command"), Mapping):
        table["command"] = {name: value for name, value in command.items() if name != "words"}
    if isinstance(callbacks := table.get("callbacks"), list):
        table["callbacks"] = by_name(callbacks)
    network = table.get("network")
    begun = network.get("initializers") if isinstance(network, Mapping) else None
    if isinstance(network, Mapping) and isinstance(begun, Mapping):
        table["network"] = {**network, "initializers": counted(begun.values())}
    return table


def by_name(entries: Iterable[object]) -> dict[str, Table]:
    """Return tables by what they say is their name; of several with one name, the further ones with their number."""
    found: dict[str, Table] = {}
    for entry in entries:
        if isinstance(entry, Mapping):
            name, before = str(entry.get("name")), Counter(str(each.get("name")) for each in found.values())
            found[f"{name} {before[name] + 1}" if before[name] else name] = entry
    return found


def counted(entries: Iterable[object]) -> str:
    """Return how many objects of each kind and settings there are, in words.

    Examples
    --------
    >>> counted([{"name": "HeNormal"}, {"name": "Zeros"}, {"name": "HeNormal"}, {"name": "Normal", "std": 0.1}])
    'HeNormal (2), Zeros (1), Normal(std=0.1) (1)'
    """
    return ", ".join(f"{kind} ({count})" for kind, count in Counter(map(_kind, entries)).items())


def _kind(entry: object) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    settings = ", ".join(f"{name}={value}" for name, value in entry.items() if name != "name")
    return f"{entry.get('name')}({settings})" if settings else str(entry.get("name"))


def without_names(one: Table, other: Table) -> dict[str, Any]:
    """Return tables without those of data that have the same digest in the other."""
    found = {}
    for name, value in one.items():
        there = other.get(name)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            if "sha256" in value and value["sha256"] == there.get("sha256"):
                continue
            value = without_names(value, there)
        found[name] = value
    return found
