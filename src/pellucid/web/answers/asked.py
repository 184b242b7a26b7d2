"""What a request asks for: its query and its body, read and checked one word at a time; and whether anybody still
waits for the answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from ...arguments import nearest, shown
from ...errors import ArgumentError


class GoneError(Exception):
    """Whoever has asked does not wait for the answer any more."""


class Asked:
    """The words of a query, and the body.

    Parameters
    ----------
    words : mapping of str to str
    body : bytes

    Attributes
    ----------
    gone : Event
        Whether whoever has asked has gone, as the page does with what it no longer wants.
    """

    def __init__(self, words: Mapping[str, str], body: bytes = b""):
        self._words, self.body = words, body
        self.gone = threading.Event()

    def go_on(self) -> None:
        """End what takes long, by a GoneError, if nobody waits for it any more."""
        if self.gone.is_set():
            raise GoneError

    def text(self, name: str, default: str | None = None) -> str:
        """Return a word, or refuse a query without it."""
        value = self._words.get(name, default)
        if value is None:
            raise ArgumentError(f"{name}: expected in the query, received nothing")
        return value

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return a word out of a few."""
        value = self.text(name, default)
        if value not in choices:
            raise ArgumentError(f"{name}: expected one of {', '.join(choices)}, received {shown(value)}")
        return value

    def known(self, name: str, known: Mapping[str, object]) -> str:
        """Return a word that is a key of `known`, such as the path of a layer."""
        value = self.text(name)
        if value not in known:
            raise ArgumentError(f"{name}: there is no {shown(value)}{nearest(value, known)}")
        return value

    def flag(self, name: str) -> bool:
        """Return whether a word is "1" rather than "0"; it is 0 where it is missing."""
        return self.choice(name, ("0", "1"), "0") == "1"

    def whole(self, name: str, below: int, default: int | None = None) -> int:
        """Return a whole number from 0 up to but not `below`."""
        return _whole(name, self.text(name, None if default is None else str(default)), below)

    def wholes(self, name: str, below: int, most: int) -> list[int]:
        """Return at least one and at most so many whole numbers, such as ``3,14,15``."""
        parts = self.text(name).split(",")
        if len(parts) > most:
            raise ArgumentError(f"{name}: expected at most {most} numbers, received {len(parts):,}")
        return [_whole(name, part, below) for part in parts]

    def index(self, name: str, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the place of a number in an array of a shape, such as ``17,5,9``."""
        parts = self.text(name).split(",")
        if len(parts) != len(shape):
            raise ArgumentError(f"{name}: expected {len(shape)} numbers, received {shown(self.text(name))}")
        return tuple(_whole(name, part, size) for part, size in zip(parts, shape, strict=True))


def _whole(name: str, text: str, below: int) -> int:
    # isascii and isdecimal: int() would also take "+1", "1_0", " 1" and digits of other scripts
    if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text) < below):
        raise ArgumentError(f"{name}: expected a whole number from 0 to {below - 1:,}, received {shown(text)}")
    return int(text)
