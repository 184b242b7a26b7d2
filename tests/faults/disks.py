"""Broken disks: every call of a run fails in turn; and power cuts, after which the disk may hold any of many states.

A simulated disk stands under the one storage module. It notes what is written to files and what happens to names, and
what of it was forced to the disk. After a power cut that is there; of the rest each write may be there, torn or lost,
and of the changes of names any, in their order.
"""

from __future__ import annotations

import copy
import errno
import gc
import os
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import storage
from pellucid.errors import ModelFileError, PellucidError
from pellucid.training import checkpoint

from . import kills, work

FAULTS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR, errno.EACCES)
SECTOR = 512
RESUMED = 13
"""Of so many power cuts one ends in a training that goes on; it shares no factor with the number of calls."""


class FailingSystem(storage.System):
    """The real system calls, counted; number `failing` raises an error, or writes only a part."""

    def __init__(self, failing: int, number: int | None):
        self.count, self.failing, self.number, self.failed = 0, failing, number, ""

    def __getattribute__(self, name: str) -> Any:
        real = object.__getattribute__(self, name)
        if name not in vars(storage.System):
            return real

        def call(*arguments: Any, **keywords: Any) -> Any:
            self.count += 1
            if self.count != self.failing:
                return real(*arguments, **keywords)
            if self.number is None:
                return real(arguments[0], arguments[1][:1]) if name == "write" else real(*arguments, **keywords)
            self.failed = name
            if name == "close":
                real(*arguments)
            raise OSError(self.number, os.strerror(self.number))

        return call


def failing_call(number: int) -> str:
    """One call of a run fails in one way: a clear error, and the last good checkpoint loads."""
    calls = kills.calls_of_a_run()
    way = [*FAULTS, None][number // calls % (len(FAULTS) + 1)]
    gc.collect()  # an error of the case before may hold its kernels: nobody would read them
    with tempfile.TemporaryDirectory() as folder:
        run, system = Path(folder, "run"), FailingSystem(1 + number % calls, way)
        storage.system = system
        try:
            work.begin(run, work.SMALL)
        except PellucidError as error:
            if not system.failed or str(folder) not in str(error):
                return f"{system.failed} failed with {way}, and the error is {error}"
        except Exception as error:
            return f"{system.failed} failed with {way}, and out came {type(error).__name__}: {error}"
        finally:
            storage.system = storage.System()
        if system.count < system.failing:
            return "no call failed"
        wrong = kills.finished(run, work.SMALL, 1)
        return wrong and f"{system.failed} failed with {way}: {wrong}"


# ---- power cuts
@dataclass
class Inode:
    """A file's content: what is on the disk, and the writes (offset, bytes) since it was last forced there; of a folder
    nothing."""

    durable: bytes = b""
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    folder: bool = False

    def now(self) -> bytes:
        content = bytearray(self.durable)
        for offset, piece in self.writes:
            content[offset : offset + len(piece)] = piece
        return bytes(content)

    def after_a_cut(self, rng: np.random.Generator) -> bytes:
        """Return what may be found: every write whole, torn at a sector, or lost (zeros where the file has grown)."""
        content = bytearray(self.durable)
        for offset, piece in self.writes:
            way = rng.random()
            kept = len(piece) if way < 0.4 else 0 if way < 0.7 else int(rng.integers(len(piece) // SECTOR + 1)) * SECTOR
            grown = len(piece) if rng.random() < 0.5 else kept
            content.extend(b"\0" * max(0, offset + grown - len(content)))
            content[offset : offset + kept] = piece[:kept]
        return bytes(content)


@dataclass(frozen=True)
class Change:
    """A change of names in one folder that is not forced to the disk yet: a name gets an inode, or (None) loses it."""

    names: tuple[tuple[str, Inode | None], ...]

    @property
    def folder(self) -> str:
        return os.path.dirname(self.names[0][0])


class Disk(storage.System):
    """Real system calls, whose traces in a folder are kept. `states` has one for every call: what a power cut would
    find."""

    def __init__(self, folder: str) -> None:
        self._root = folder + os.sep  # beside it there are the compiled kernels
        self._open: dict[int, tuple[str, Inode]] = {}
        self.names: dict[str, Inode] = {}
        self.durable: dict[str, Inode] = {}
        self.pending: list[Change] = []
        self.promised = -1
        """The step of the newest checkpoint whose save had come to its end."""
        self.states: list[tuple[dict[str, Inode], list[Change], int]] = []

    def _note(self) -> None:
        self.states.append(copy.deepcopy((self.durable, self.pending, self.promised)))

    def make_folders(self, path: Any, mode: int = 0o777, exist_ok: bool = False) -> None:  # type: ignore[override]
        missing = [each for each in (Path(path), *Path(path).parents) if not each.exists()]
        os.makedirs(path, mode, exist_ok)
        for each in reversed(missing):
            if str(each).startswith(self._root):
                self.names[str(each)] = Inode(folder=True)
                self.pending.append(Change(((str(each), self.names[str(each)]),)))
                self._note()

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]
        file, name = os.open(path, flags, mode), str(path)
        if os.path.isdir(path) or not name.startswith(self._root):
            self._open[file] = (name, Inode(folder=True))
            return file
        if name not in self.names:
            self.names[name] = Inode(Path(path).read_bytes())
            self.pending.append(Change(((name, self.names[name]),)))
        self._open[file] = (name, self.names[name])
        self._note()
        return file

    def write(self, file: int, content: Any) -> int:  # type: ignore[override]
        name, inode = self._open[file]
        count = os.write(file, content)
        if not name.startswith(self._root):
            return count
        inode.writes.append((len(inode.now()), bytes(content[:count])))  # files here only grow
        self._note()
        return count

    def sync(self, file: int) -> None:  # type: ignore[override]
        os.fsync(file)
        name, inode = self._open[file]
        if os.path.isdir(name):
            for each in self.pending:
                if each.folder == name:
                    self._apply(self.durable, each)
            self.pending = [each for each in self.pending if each.folder != name]
            if names := [path.name for path in checkpoint.files(Path(name))]:
                self.promised = int(names[0].split("-")[1].split(".")[0])
        else:
            inode.durable, inode.writes = inode.now(), []
        self._note()

    def close(self, file: int) -> None:  # type: ignore[override]
        self._open.pop(file, None)
        os.close(file)

    def replace(self, source: Any, target: Any) -> None:  # type: ignore[override]
        os.replace(source, target)
        if not str(target).startswith(self._root):
            return
        inode = self.names.pop(str(source))
        self.names[str(target)] = inode
        self.pending.append(Change(((str(target), inode), (str(source), None))))
        self._note()

    def remove(self, path: Any) -> None:  # type: ignore[override]
        os.unlink(path)
        if not str(path).startswith(self._root):
            return
        self.names.pop(str(path), None)
        self.pending.append(Change(((str(path), None),)))
        self._note()

    @staticmethod
    def _apply(names: dict[str, Inode], change: Change) -> None:
        for name, inode in change.names:
            if inode is None:
                names.pop(name, None)
            else:
                names[name] = inode


@cache
def traced() -> tuple[Disk, str]:
    """Return a small run on a simulated disk, and the folder above the two that were made for it."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk(folder)
        storage.system = disk
        try:
            work.begin(Path(folder, "runs", "run"), work.SMALL)
        finally:
            storage.system = storage.System()
        return disk, folder


def found_after(number: int, after: Path) -> int:
    """Put what a power cut after one call of a run may leave into a folder; return the step that was promised."""
    disk, folder = traced()
    rng = np.random.default_rng(number)
    names, pending, promised = disk.states[number % len(disk.states)]
    found = dict(names)
    in_order = int(rng.integers(len(pending) + 1)) if rng.random() < 0.5 else None
    for place, change in enumerate(pending):
        if place < in_order if in_order is not None else rng.random() < 0.5:
            Disk._apply(found, change)
    for name, inode in sorted(found.items()):  # a folder before what is in it
        place = after / os.path.relpath(name, folder)
        if not place.parent.is_dir():
            continue  # a file in a folder that is lost
        if inode.folder:
            place.mkdir()
        else:
            place.write_bytes(inode.after_a_cut(rng))
    return promised


def power_cut(number: int) -> str:
    """A power cut after one call of a run: a verified generation loads, none older than the last that was promised. In
    some cases the training goes on from there, and must come to what it would have come to."""
    with tempfile.TemporaryDirectory() as folder:
        promised, run = found_after(number, Path(folder)), Path(folder, "runs", "run")
        try:
            newest = checkpoint.newest(run)
        except ModelFileError as error:
            return "" if promised < 0 else f"step {promised} was saved, and nothing can be read: {error}"
        if newest is None:
            return "" if promised < 0 else f"step {promised} was saved, and there is no checkpoint"
        step = int(Path(newest.path).name.split("-")[1].split(".")[0])
        if step < promised:
            return f"step {promised} was saved, and the newest that is whole is {step}"
        return kills.finished(run, work.SMALL, 1 + number % 3) if number % RESUMED == 0 else ""
