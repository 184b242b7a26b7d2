"""Compiled kernels on the disk: one file each, in a folder that nobody else can write to.

A file whose bits have changed would run as native code, and kill the process or, worse, give wrong numbers. So an entry
carries a SHA-256 over its key and its content, and nobody sees the content before that has been verified. Whatever is
wrong with an entry or the folder, the answer is "not here": the kernel is compiled again.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import stat
import sys
import time
from contextlib import suppress
from functools import cache as remember
from pathlib import Path

from .. import geometry, storage
from ..errors import StorageError

MAGIC = b"pellucid-kernel-1\n"
_IMPORTED = time.time()
DIGEST_BYTES = 32
LIMIT = 64 * 2**20
"""The largest entry that is read, in bytes; real ones have a thousandth of that."""


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
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        entry = storage.read_file(path, LIMIT)
    except OSError:
        return None
    start = len(MAGIC) + DIGEST_BYTES
    content = entry[start:]
    return content if entry[:start] == MAGIC + _digest(key, content) else None


def save(place: Path, key: str, content: bytes) -> None:
    """Keep content under a key, all of it or nothing; a disk that refuses is no reason to stop."""
    with suppress(StorageError):
        storage.write_file(place / key, MAGIC + _digest(key, content) + content, durable=False)


@remember
def sources(module: str) -> str | None:
    """Return a digest of all the source that decides what an emitter of that module emits: the compiler's, and its own
    where it is not one of the compiler's; or None where the source is not at hand."""
    own = _compilers_sources()
    if own is None or module.startswith(f"{__package__}."):
        return own
    emitters = inspect.getsourcefile(sys.modules[module])
    return _digest_of_files([emitters], own) if emitters else None


@remember
def _compilers_sources() -> str | None:
    folders = os.walk(Path(__file__).parent)
    files = [os.path.join(folder, name) for folder, _, names in folders for name in names if name.endswith(".py")]
    return _digest_of_files([*sorted(files), geometry.__file__])


def _digest_of_files(files: list[str], before: str = "") -> str | None:
    """Return a digest of files and of what came before them, or None where one cannot be read, or has changed since
    this process has begun, which may be running what it was before."""
    digest = hashlib.sha256(before.encode())
    try:
        for path in files:
            with open(path, "rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_mtime > _IMPORTED:
                    return None
                digest.update(f"{os.path.basename(path)}\n".encode() + hashlib.sha256(file.read()).digest())
    except OSError:
        return None
    return digest.hexdigest()


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
