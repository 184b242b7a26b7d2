"""Whether arrays in a file fit a network, said name by name, and putting them there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from ..errors import printable
from ..layers import Parameter, State
from ..network import Network
from ..steps import Shape


class Entry(Protocol):
    """An array in a file: its text is its shape and dtype, as in "64×3 (F32)"."""

    @property
    def shape(self) -> Shape: ...

    @property
    def dtype(self) -> str: ...


@dataclass(frozen=True)
class Differences:
    """What does not fit between a network and a file of weights; false if all fits. Its text names three of each kind.

    Attributes
    ----------
    missing : dict of str to str
        Paths that only the network has, and their shapes.
    extra : dict of str to str
        Names that only the file has, and their shapes and dtypes.
    misshapen : dict of str to str
        Paths whose arrays have another shape, or a dtype that is not known, and what was expected and found.
    """

    missing: Mapping[str, str]
    extra: Mapping[str, str]
    misshapen: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.misshapen)

    def __str__(self) -> str:
        found = {"missing in the file": self.missing, "extra in the file": self.extra, "misshapen": self.misshapen}
        return "; ".join(f"{title}: {listed(names)}" for title, names in found.items() if names) or "none"


def listed(names: Mapping[str, str], most: int = 3) -> str:
    """Return the first of some arrays' names, each with what is to be said of it, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"{printable(name)} {what}" for name, what in list(names.items())[:most]) + more


def held(network: Network) -> dict[str, Parameter | State]:
    """Return what of a network is in a file: parameters and states by path."""
    return {**network.parameters(), **network.states()}


def compare(
    network: Network, entries: Mapping[str, Entry], dtypes: Collection[str], names: Mapping[str, str] | None = None
) -> Differences:
    """Return what does not fit.

    Parameters
    ----------
    network : Network
    entries : mapping of str to Entry
        The arrays in the file by name.
    dtypes : collection of str
        Which are accepted.
    names : mapping of str to str, optional
        What the file calls each path of the network, if not by that path.
    """
    called = {path: (names or {}).get(path, path) for path in held(network)}
    missing, misshapen = {}, {}
    for path, values in held(network).items():
        name = called[path]
        alias = "" if name == path else f"({printable(name)}) "
        entry = entries.get(name)
        if entry is None:
            missing[path] = f"{alias}{_text(values.shape)}"
        elif entry.shape != values.shape or entry.dtype not in dtypes:
            wanted = "" if entry.dtype in dtypes else f" ({' or '.join(dtypes)})"
            misshapen[path] = f"{alias}(expected {_text(values.shape)}{wanted}, found {entry})"
    known = set(called.values())
    extra = {name: str(entry) for name, entry in entries.items() if name not in known}
    return Differences(missing, extra, misshapen)


def _text(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "a single number"


def take(network: Network, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give a network the arrays that fit it, by path; the others keep what they have."""
    for path, values in held(network).items():
        if path in arrays:
            values.data = arrays[path]
