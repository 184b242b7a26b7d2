"""The source that decides a kernel's code, as a digest: a part of the name under which the code is kept on the disk.

A process goes on running what it has imported. Where a file has changed meanwhile its digest would name what does not
run here, so there is none then. Whether one has is not asked of the clock: an archive or a container may have brought
files that are dated in the future.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TypeAlias

Mark: TypeAlias = tuple[int, int]
"""By which a file is known to be what it was: when it was changed, whatever clock that was, and its size."""


def _mark(status: os.stat_result) -> Mark:
    return status.st_mtime_ns, status.st_size


def _marks() -> dict[str, Mark]:
    """Return the files of the compiler's source, as they are now; none where they are not at hand."""
    here = Path(__file__).parent
    found = [os.path.join(folder, name) for folder, _, names in os.walk(here) for name in names if name.endswith(".py")]
    try:
        return {path: _mark(os.stat(path)) for path in (*sorted(found), str(here.parent / "geometry.py"))}
    except OSError:
        return {}


_BEGUN, _SEEN = time.time(), _marks()


@cache
def digest(module: str) -> str | None:
    """Return a digest of all the source that decides what an emitter of that module emits: the compiler's, and its own
    where it is not one of the compiler's. None where the source is not at hand, or may not be what runs here."""
    own = _compilers_digest()
    if own is None or module.startswith(f"{__package__}."):
        return own
    path = getattr(sys.modules.get(module), "__file__", None)
    if path is None or module == "__main__":  # which may hold what was typed in besides
        return None
    # Nobody has noted what it was when it was imported, but what is older than this process has not changed since.
    return _digest_of([path], lambda _, status: status.st_mtime <= _BEGUN, own)


@cache
def _compilers_digest() -> str | None:
    return _digest_of(_SEEN, lambda path, status: _mark(status) == _SEEN[path]) if _SEEN else None


def _digest_of(
    files: Iterable[str], is_unchanged: Callable[[str, os.stat_result], bool], before: str = ""
) -> str | None:
    """Return a digest of files and of what came before them, or None where one cannot be read or has changed."""
    found = hashlib.sha256(before.encode())
    try:
        for path in files:
            with open(path, "rb", buffering=0) as file:
                if not is_unchanged(path, os.fstat(file.fileno())):
                    return None
                found.update(f"{os.path.basename(path)}\n".encode() + hashlib.sha256(file.read()).digest())
    except OSError:
        return None
    return found.hexdigest()
