"""A prediction's rows on the disk while it goes on: in parts of equal size, each whole or not there.

A part is a file that begins with a line: SHA-256 of the request and of all that follows, its number of rows, and how
many of them tell an error. So a part of another prediction, or one that was damaged, is none, and is made anew.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..errors import PellucidError, StateError, StorageError, path_text
from ..limits import GIB
from ..locking import locked
from ..storage import claim, make_folder, read_file, remove_file, remove_folder, write_file
from .request import Record, Request

LIST, LOCK = ".list", ".lock"
_OURS = re.compile(r"part-[0-9a-f]{16}-\d+|part-again|\.pellucid-[0-9a-f]+\.tmp|[a-z0-9-]+\.(list|lock)")
_HEAD = re.compile(rb"([0-9a-f]{64}) (\d{1,12}) (\d{1,12})\n")
_LARGEST = 4 * GIB
_WORK = "work"
_TURNS, _TURN = 60, 0.01


class Part(NamedTuple):
    """The rows of a part as they go into the output, and how many there are of them and of errors in them."""

    content: bytes
    rows: int
    failed: int


class DamagedPartError(StateError):
    """A part is no longer there, or no longer whole."""


class Parts:
    """The folder of the parts.

    Parameters
    ----------
    folder : Path
    request : Request
    """

    def __init__(self, folder: Path, request: Request):
        self.folder, self._request, self._digest = folder, request, request.digest()
        self._begin = f"part-{self._digest.hex()[:16]}-"

    def write(self, number: int, part: Part) -> None:
        """Put a part on the disk."""
        tail = f" {part.rows} {part.failed}\n".encode()
        head = self._sum(tail, part.content).encode() + tail
        write_file(self._path(number), [memoryview(head), memoryview(part.content)])

    def read(self, number: int) -> Part | None:
        """Return a part; None where there is none that is whole."""
        try:
            content = read_file(self._path(number), _LARGEST)
        except StorageError:
            return None
        head = _HEAD.match(content)
        if head is None:
            return None
        rest = content[head.end() :]
        if self._sum(content[64 : head.end()], rest).encode() != head[1] or int(head[2]) != self.rows(number):
            return None
        return Part(rest, int(head[2]), int(head[3]))

    def rows(self, number: int) -> int:
        """Return how many rows a part has: all the same but the last one."""
        return min(self._request.part, self._request.rows - number * self._request.part)

    def are_there(self) -> bool:
        """Return whether all parts are there, as far as their names tell."""
        try:
            found = sum(1 for name in os.listdir(self.folder) if re.fullmatch(rf"{self._begin}\d{{9}}", name))
        except FileNotFoundError:  # another process has finished, and removed the folder
            return False
        return found == self._request.parts

    def all(self) -> Iterator[Part]:
        """Yield all parts in their order.

        Raises
        ------
        DamagedPartError
            If one is no longer there, or no longer whole.
        """
        for number in range(self._request.parts):
            part = self.read(number)
            if part is None:
                where = path_text(self._path(number))
                raise DamagedPartError(
                    f"{where}: this part was damaged or removed meanwhile; the same command makes it anew"
                )
            yield part

    def _path(self, number: int) -> Path:
        return self.folder / f"{self._begin}{number:09}"

    def _sum(self, *content: bytes) -> str:
        digest = hashlib.sha256(self._digest)
        for each in content:
            digest.update(each)
        return digest.hexdigest()


@contextmanager
def alone(folder: Path, name: str) -> Iterator[bool]:
    """Hold a name in a folder, and say whether that was possible: not if another process does, or the folder is gone.

    However a process ends, it holds nothing any more.
    """
    with _held(folder, name, shared=False) as held:
        yield held


@contextmanager
def in_turn(folder: Path, name: str) -> Iterator[None]:
    """Hold a name in a folder that stays, as soon as no other process does: each does for a moment only.

    Raises
    ------
    StorageError
        If another one holds it for longer than a minute, or the folder is gone.
    """
    for _ in range(_TURNS):
        with alone(folder, name) as held:
            if held:
                yield
                return
        if not folder.is_dir():
            raise StorageError(f"{path_text(folder)} was removed while this process worked in it; begin anew")
    raise StorageError(f"{path_text(folder / name)}{LOCK}: another process holds it, and does not go on")


@contextmanager
def at_work(folder: Path, record: Path) -> Iterator[None]:
    """Be one of the processes at work in a folder, which is made: while one is, nobody removes it.

    The last one that leaves does so, if the record tells of a table that is complete, or if no part was made.

    Raises
    ------
    StorageError
        If the folder cannot be made.
    """
    with ExitStack() as stack:
        for turn in range(_TURNS):
            make_folder(folder)
            if stack.enter_context(_held(folder, _WORK, shared=True)):
                break
            stack.close()  # the last of others is removing the folder
            time.sleep(_TURN * turn)
        else:
            raise StorageError(f"{path_text(folder)}: cannot be worked in: it is removed again and again")
        try:
            yield
        finally:
            stack.close()
            _leave(folder, record)


def _leave(folder: Path, record: Path) -> None:
    """Remove a folder in which nobody is at work any more, if nothing in it is of use."""
    with suppress(OSError, PellucidError):
        if any(name.startswith("part-") for name in os.listdir(folder)):
            kept = Record.read(record)
            if kept is None or kept.outcome is None:
                return
        with alone(folder, _WORK) as held:
            for name in os.listdir(folder) if held else ():
                if _OURS.fullmatch(name):
                    remove_file(folder / name)
            if held:
                remove_folder(folder)


@contextmanager
def _held(folder: Path, name: str, *, shared: bool) -> Iterator[bool]:
    path = folder / f"{name}{LOCK}"
    with ExitStack() as stack:
        try:
            claim(path)
            held = bool(stack.enter_context(locked(path, shared=shared)))
        except StorageError as error:
            if error.errno != errno.ENOENT:
                raise
            held = False
        yield held
