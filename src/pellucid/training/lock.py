"""Who may write to a run: one training at a time, which holds a file of its own there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from errno import ENOENT
from pathlib import Path

from ..arguments import warn
from ..errors import ArgumentError, StorageError
from ..locking import Hold, locked
from ..storage import claim, remove_file, write_file
from .checkpoint import known_config
from .config import CONFIG

LOCK = ".lock"
"""The file that is held: nobody edits it or puts another in its place, and who lets go removes it."""
TIMES = 10
"""How often it is made anew, at most, where it is removed in the very moment."""


@contextmanager
def locked_folder(folder: Path, patience: float = 0.0) -> Iterator[Hold]:
    """Keep others from a folder for as long as this training writes to it.

    Parameters
    ----------
    folder : Path
    patience : float, default 0
        Seconds to wait for a process that has it.

    Raises
    ------
    ArgumentError
        If another process has it.
    """
    until = time.monotonic() + patience
    with ExitStack() as ending:
        while (hold := _held(folder / LOCK, ending)) is None:
            if time.monotonic() >= until:
                raise ArgumentError(f"{folder} is being trained by another process; wait for it, or end it")
        try:
            yield hold
        finally:
            if hold.in_place():
                with suppress(StorageError):  # where it stays, it is held by nobody
                    remove_file(hold.path)


def _held(path: Path, ending: ExitStack) -> Hold | None:
    """Return the hold of a file, which is made where there is none, until `ending`; None if another process holds it.
    One that is removed in this moment, as who lets go of it does, is held by nobody, and is made anew."""
    for _ in range(TIMES):
        claim(path)  # where one lies there, it is from a process that was killed, or is held
        with ExitStack() as asked:
            try:
                hold = asked.enter_context(locked(path))
            except StorageError as error:
                if error.errno != ENOENT:
                    raise
                continue
            if hold:
                ending.push(asked.pop_all())
                return hold
            if hold.in_place():
                return None
    return None


@contextmanager
def locked_run(folder: Path) -> Iterator[Hold]:
    """Keep others from a run; its config is written anew where it is missing.

    Raises
    ------
    ArgumentError
        If another process holds it.
    ModelFileError
        If there is no run.
    """
    if not (folder / CONFIG).exists():
        known_config(folder)  # refuses a folder that is no run, before anything is written there
    with locked_folder(folder) as hold:
        if not (folder / CONFIG).exists():
            warn(f"{folder / CONFIG} was missing; it is written anew as it was when the run was begun")
            write_file(folder / CONFIG, known_config(folder).text().encode())
        yield hold


def locked_by_another(folder: Path) -> bool:
    """Return whether a training writes to a folder now."""
    if not (folder / LOCK).exists():
        return False
    with suppress(StorageError), locked(folder / LOCK, shared=True) as free:
        if free:
            return False
    return (folder / LOCK).exists()  # or else it was let go of in this moment


def refuse_lost(hold: Hold | None) -> None:
    """Refuse to write where others are no longer kept out.

    Raises
    ------
    StorageError
        If the file that is held was removed or replaced.
    """
    if hold is not None and not hold.in_place():
        raise StorageError(
            f"{hold.path} was removed or replaced while this training held it, so another one may write to the run "
            "now; nothing more is written here"
        )
