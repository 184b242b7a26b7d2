"""Paths as users give them."""

from __future__ import annotations

import os
from pathlib import Path

from .arguments import shown
from .errors import ArgumentError


def expanded(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Return a path that a user gave, the ``~`` or ``~user`` that it begins with replaced by that folder.

    Raises
    ------
    ArgumentError
        If it is no path, holds what no system has in a name, or begins with the home folder of nobody known here; the
        message begins with `name`.
    """
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise ArgumentError(f"{name}: expected the path of a file or folder as text, received {shown(path)}")
    _refuse_unwritable(text, name)
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ArgumentError(f"{name}: the home folder that {shown(text)} begins with is not known") from None


def _refuse_unwritable(path: str, name: str) -> None:
    """Refuse a path with a NUL character in it, or half of a surrogate pair, as no system takes such a one."""
    try:
        writable = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        writable = False
    if not writable:
        raise ArgumentError(f"{name}: expected a path, received {shown(path)}, which no file or folder can be called")
