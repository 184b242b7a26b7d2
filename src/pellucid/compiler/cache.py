"""Compiled kernels on the disk: one file each, in a folder that nobody else can write to.

A file whose bits have changed would run as native code, and kill the process or, worse, give wrong numbers. So an entry
carries a SHA-256 over its key and its content, and nobody sees the content before that has been verified. Whatever is
wrong with an entry or the folder, the answer is "not here": the kernel is compiled again.

The folder does not grow for ever: what nobody has used for longest goes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

from .. import storage
from ..errors import StorageError

MAGIC = b"pellucid-kernel-1\n"
DIGEST_BYTES = 32
LIMIT = 64 * 2**20
"""The largest entry that is read, in bytes; real ones have a thousandth of that."""
FOLDER_LIMIT = 256 * 2**20
"""Bytes of all entries beyond which some go, until a quarter of this is free."""
OCCASION = "00"
"""With what a key begins at which the folder is looked at: keys are digests, so it is one that is saved in 256."""
DAY = 86_400.0
"""Seconds. An entry's date is the day of its last use, more or less: else every use would write to the disk."""


def folder() -> Path | None:
    """Return the folder of the cache, made if need be, or None where there is none that can be trusted.

    It lies in the environment variable PELLUCID_CACHE, or else in the system's place for a user's caches; never in a
    temporary folder that users share. On Windows that place belongs to the user alone; elsewhere the folder must be
    the user's own, open to nobody else and no symbolic link.
    """
    try:
        place = _base() / "kernels"
        with suppress(StorageError):
            storage.make_private_folder(place)
        return place if _is_private(place) else None
    except (OSError, RuntimeError):  # no home, or one that cannot be entered
        return None


def load(place: Path, key: str) -> bytes | None:
    """Return the content that was saved under a key, or None where there is none that is whole."""
    path = place / key
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return None
        entry = storage.read_file(path, LIMIT)
    except OSError:
        return None
    if time.time() - status.st_mtime > DAY:
        with suppress(StorageError):
            storage.date_file(path)
    start = len(MAGIC) + DIGEST_BYTES
    content = entry[start:]
    return content if entry[:start] == MAGIC + _digest(key, content) else None


def save(place: Path, key: str, content: bytes) -> None:
    """Keep content under a key, all of it or nothing; a disk that refuses is no reason to stop."""
    with suppress(StorageError):
        storage.write_file(place / key, MAGIC + _digest(key, content) + content, durable=False)
    if key.startswith(OCCASION):
        _make_room(place)


def _make_room(place: Path) -> None:
    """Remove what nobody has used for longest, if the folder holds more than it should.

    Others may do so at the same time: all remove the same. Who misses an entry compiles it again.
    """
    found: list[tuple[float, str, int]] = []
    with suppress(OSError), os.scandir(place) as files:
        for file in files:
            with suppress(OSError):  # gone already
                status = file.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.append((status.st_mtime, file.path, status.st_size))
    held = sum(size for _, _, size in found)
    if held <= FOLDER_LIMIT:
        return
    for _, path, size in sorted(found):
        if held <= FOLDER_LIMIT * 3 // 4:
            return
        with suppress(StorageError):
            storage.remove_file(path)
        held -= size


def _digest(key: str, content: bytes) -> bytes:
    """The key is part of it: an entry under the name of another is refused."""
    return hashlib.sha256(key.encode() + b"\n" + content).digest()


def _base() -> Path:
    chosen = os.environ.get("PELLUCID_CACHE")
    if chosen:
        return Path(chosen).absolute()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "pellucid" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pellucid"
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(chosen) if os.path.isabs(chosen) else Path.home() / ".cache") / "pellucid"


def _is_private(place: Path) -> bool:
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    if sys.platform == "win32":
        return True
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        return False
    # Who may rename a folder above could put another in its place; in a sticky one only its owner may.
    above = [parent.stat() for parent in place.parents]
    return not any(each.st_mode & stat.S_IWOTH and not each.st_mode & stat.S_ISVTX for each in above)
