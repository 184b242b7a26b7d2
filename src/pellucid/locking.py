"""Who may write to what several processes know of: one at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from . import storage
from .errors import path_text
from .storage import explained

LOOKING = 1.0
"""Seconds for which who wants to hold a file waits for those who only look at it."""


@dataclass(frozen=True)
class Hold:
    """What came of asking for a file: true where it is held.

    Attributes
    ----------
    path : Path
    file : int or None
        The open file; None where the system has no locks.
    got : bool
    """

    path: Path
    file: int | None
    got: bool

    def __bool__(self) -> bool:
        return self.got

    def in_place(self) -> bool:
        """Return whether the file still bears its name, so that who asks for it meets this hold."""
        return self.file is None or _is_at(self.file, self.path)


@contextmanager
def locked(path: str | os.PathLike[str], *, shared: bool = False) -> Iterator[Hold]:
    """Hold the file at `path` for this process, and say whether that was possible: not if another one holds it.

    With `shared` it is only looked at, together with all others that look: who wants to hold it for itself waits for
    them, up to `LOOKING` seconds. However a process ends, it holds nothing any more. Where the system has no such
    locks, as Windows, nobody is kept out.
    """
    target = Path(path)
    try:
        import fcntl
    except ImportError:
        yield Hold(target, None, True)
        return
    with explained(f"cannot open {path_text(path)}", target.parent):
        # Where the disk is another machine's (NFS), only a file that is open for writing can be held by one alone.
        file = storage.system.open(target, os.O_RDONLY if shared else os.O_RDWR)
    try:
        until = time.monotonic() + (0.0 if shared else LOOKING)
        how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        while not (held := _flock(file, how)) and time.monotonic() < until:
            time.sleep(0.02)
        yield Hold(
            target, file, held and _is_at(file, target)
        )  # who held it before may have put another file in its place
    finally:
        with suppress(OSError):
            storage.system.close(file)


def waited_until_free(path: str | os.PathLike[str]) -> bool:
    """Wait for as long as another process holds the file at `path` for itself. False where that cannot be known: the
    file is gone, or the system has no such locks."""
    try:
        import fcntl

        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
    except (ImportError, OSError):
        return False
    return True


def _flock(file: int, how: int) -> bool:
    import fcntl

    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError:  # a network disk that cannot
        return True
    return True


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False
