"""The one door to the disk: whatever Pellucid writes goes through these functions.

Who opens a file sees the old content or the new, never a half of it: `write_file` writes beside the target, forces the
bytes to the disk, reads them back, and only then gives them the target's name. Logs, which only grow, use
`append_line`. What the bytes mean is no concern of this module.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from .errors import ArgumentError, StorageError, path_text
from .paths import expanded as expanded

Content: TypeAlias = bytes | bytearray | memoryview | Sequence[memoryview]

BINARY = getattr(os, "O_BINARY", 0)  # without it Windows would translate line ends
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY
LOG_FILE = os.O_RDWR | os.O_CREAT | os.O_APPEND | BINARY
ANY_FILE = os.O_RDONLY | BINARY | getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for its writer

ADVICE = {
    errno.ENOSPC: "the disk is full; free some space, or choose a folder on another disk",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "access is not allowed; check the permissions, or use another folder"),
    errno.EROFS: "this disk can only be read; choose a folder on another one",
    errno.EISDIR: "a folder has this name; choose another name, or name a file inside the folder",
    errno.ENOTDIR: "a part of this path is a file, not a folder; choose another path",
    errno.EEXIST: "a file has this name; choose another name",
    errno.ELOOP: "these symbolic links lead in a circle; name the file itself",
    errno.ENAMETOOLONG: "a name in this path is longer than the system allows; choose a shorter one",
    errno.EIO: "the disk reports a fault; use another one, and have this one checked",
}


GATHERED = 1 << 20
"""Bytes of many small pieces that are written together, and at most read back at a time."""


def _sync(file: int) -> None:
    """Force a file to the disk; on macOS also out of the disk's own memory, which fsync does not do there."""
    if sys.platform == "darwin":
        import fcntl

        with suppress(OSError):  # a disk that does not know the command
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
            return
    os.fsync(file)


class System:
    """The system calls of this module, gathered in one place so that a test can make each of them fail."""

    open = staticmethod(os.open)
    read = staticmethod(os.read)
    write = staticmethod(os.write)
    seek = staticmethod(os.lseek)
    status = staticmethod(os.fstat)
    sync = staticmethod(_sync)
    close = staticmethod(os.close)
    replace = staticmethod(os.replace)
    remove = staticmethod(os.unlink)
    date = staticmethod(os.utime)
    make_folders = staticmethod(os.makedirs)
    remove_folder = staticmethod(os.rmdir)


system = System()


def write_file(path: str | os.PathLike[str], data: Content, *, durable: bool = True) -> None:
    """Put `data` into the file at `path`: all of it, or nothing; the folder must exist (see `make_folder`).

    The data, which may come in pieces, go into a temporary file in the same folder, `.pellucid-….tmp`, which takes the
    name `path` once its content has been forced to the disk and read back, from the disk and not from memory where the
    system can be asked for that. Whatever fails before that, the temporary file is removed, an earlier file at `path`
    stays as it was, and a `StorageError` says what failed and what to do. (Only a process that is killed outright
    leaves its temporary file behind.) A symbolic link at `path` is replaced, not followed; a device, a pipe or a socket
    is refused, for others may have it open.

    With `durable=False` nobody waits for the disk, so that a power cut may leave anything under the new name: for what
    its reader verifies and can make again, as a cache does.
    """
    target = Path(path)
    content = [memoryview(data)] if isinstance(data, (bytes, bytearray, memoryview)) else list(data)
    content = [each.cast("B") for each in content if each.nbytes]  # an empty view of rank two has no cast
    size = sum(each.nbytes for each in content)
    with explained(f"cannot write {path_text(target)} ({size:,} bytes)", target.parent):
        _refuse_no_file(target)
        temporary = target.with_name(f".pellucid-{os.urandom(8).hex()}.tmp")
        try:
            with _opened(temporary, NEW_FILE) as file:
                for each in _gathered(content):
                    _write_all(file, each)
                if durable:
                    system.sync(file)  # never tried twice: after a failure the system may call the lost pages clean
                    _forget(file)
            if durable:
                _verify(temporary, content)
            system.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                system.remove(temporary)
            raise
    if not durable:
        return
    written = f"{path_text(target)} is complete"
    with explained(f"{written}, but a power cut might still bring the old one back", target.parent):
        _sync_folder(target.parent)


class NewFile:
    """A file that is written piece by piece, for content that is larger than the memory; a context.

    It is `write_file` in steps: the pieces go into a temporary file, and when the context ends without an error, they
    are forced to the disk, read back and held against the SHA-256 of what was written; then the file takes the name
    `path`. After an error it is as if nothing had been written.

    Parameters
    ----------
    path : str or path
    workshop : str or path, optional
        Folder of the temporary file, on the same disk; by default that of `path`.

    Attributes
    ----------
    size : int
        Bytes written so far.
    sha256 : str
        Of them.
    """

    def __init__(self, path: str | os.PathLike[str], workshop: str | os.PathLike[str] | None = None):
        self._target = Path(path)
        folder = self._target.parent if workshop is None else Path(workshop)
        self._temporary = folder / f".pellucid-{os.urandom(8).hex()}.tmp"
        self._digest, self._file, self.size = hashlib.sha256(), -1, 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        with self._explained():
            _refuse_no_file(self._target)
            self._file = system.open(self._temporary, NEW_FILE, 0o666)
        return self

    def write(self, piece: bytes | bytearray | memoryview) -> int:
        """Add a piece, and return its number of bytes."""
        with self._explained():
            _write_all(self._file, memoryview(piece).cast("B"))
        self._digest.update(piece)
        self.size += len(piece)
        return len(piece)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        finished = False
        try:
            if error is None:
                with self._explained():
                    self._finish()
                    finished = True
        finally:
            if not finished:
                if self._file >= 0:
                    with suppress(OSError):
                        system.close(self._file)
                with suppress(OSError):
                    system.remove(self._temporary)
        if error is None:
            with explained(f"{path_text(self._target)} is complete, but a power cut might still undo it", Path()):
                _sync_folder(self._target.parent)

    def _finish(self) -> None:
        system.sync(self._file)
        _forget(self._file)
        file, self._file = self._file, -1
        system.close(file)
        found = hashlib.sha256()
        with _opened(self._temporary, ANY_FILE) as file:
            while piece := system.read(file, GATHERED):
                found.update(piece)
        if found.digest() != self._digest.digest():
            raise OSError(errno.EIO, "the disk gave back other bytes than it was given")
        system.replace(self._temporary, self._target)

    def _explained(self) -> AbstractContextManager[None]:
        return explained(f"cannot write {path_text(self._target)} ({self.size:,} bytes so far)", self._temporary.parent)


def rename_file(path: str | os.PathLike[str], name: str) -> Path:
    """Give the file at `path` another name in its folder, and return it; a file that has the name is replaced."""
    source = Path(path)
    with explained(f"cannot rename {path_text(source)}", source.parent, missing="there is no such file"):
        system.replace(source, source.with_name(name))
    return source.with_name(name)


def sync_file(path: str | os.PathLike[str]) -> None:
    """Force the content of the file at `path`, a log that has grown, to the disk."""
    target = Path(path)
    with explained(f"cannot force {path_text(target)} to the disk", target.parent), _opened(target, LOG_FILE) as file:
        system.sync(file)


def claim(path: str | os.PathLike[str]) -> bool:
    """Make an empty file at `path` and return True, or False if there is one: of several that ask, one gets it."""
    target = Path(path)
    with explained(f"cannot write {path_text(target)}", target.parent):
        try:
            with _opened(target, NEW_FILE):
                return True
        except FileExistsError:
            return False


def remove_stumps(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes have left in a folder where nobody else writes now."""
    for path in Path(folder).glob(".pellucid-*.tmp"):
        remove_file(path)


def append_line(path: str | os.PathLike[str], text: str) -> None:
    """Append `text` and a line end to the log at `path`, which is made if need be.

    Where an earlier line has lost its end, as a killed process or a full disk leaves it, the new line starts afresh
    instead of growing onto the stump. The line is handed to the system but not forced to the disk: it survives the
    process, not a power cut.
    """
    if "\n" in text:
        lines = text.count("\n") + 1
        raise ArgumentError(f"{path_text(path)}: expected one line, received {lines}; append them one by one")
    log, start = Path(path), ""
    with explained(f"cannot append to {path_text(log)}", log.parent), _opened(log, LOG_FILE) as file:
        if system.seek(file, 0, os.SEEK_END) > 0:
            system.seek(file, -1, os.SEEK_END)
            start = "" if system.read(file, 1) == b"\n" else "\n"
        _write_all(file, memoryview(f"{start}{text}\n".encode()))


def read_file(path: str | os.PathLike[str], limit: int) -> bytes:
    """Return the content of the file at `path`; more than `limit` bytes are refused before any is read."""
    source, size, pieces = Path(path), 0, []
    with (
        explained(f"cannot read {path_text(source)}", source.parent, missing="there is no such file"),
        _opened(source, ANY_FILE) as file,
    ):
        status = system.status(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "expected a regular file, found a folder, a pipe, a socket or a device")
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes, the limit is {limit:,}")
        while piece := system.read(file, max(status.st_size - size, 0) + 1):  # one byte more shows a growing file
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise OSError(errno.EFBIG, f"it grew past the limit of {limit:,} bytes while it was read")
    return b"".join(pieces)


def read_beginning(path: str | os.PathLike[str], count: int) -> bytes:
    """Return the first bytes of the file at `path`, at most `count`."""
    source, found = Path(path), b""
    with (
        explained(f"cannot read {path_text(source)}", source.parent, missing="there is no such file"),
        _opened(source, ANY_FILE) as file,
    ):
        if not stat.S_ISREG(system.status(file).st_mode):
            raise OSError(errno.EINVAL, "expected a regular file, found a folder, a pipe, a socket or a device")
        while len(found) < count and (piece := system.read(file, count - len(found))):
            found += piece
    return found


def remove_file(path: str | os.PathLike[str]) -> None:
    """Remove the file at `path`."""
    with explained(f"cannot remove {path_text(path)}", Path(path).parent, missing="there is no such file"):
        system.remove(path)


def remove_folder(path: str | os.PathLike[str]) -> None:
    """Remove the folder at `path`, in which nothing is left."""
    with explained(f"cannot remove the folder {path_text(path)}", Path(path).parent, missing="there is no such folder"):
        system.remove_folder(path)


def date_file(path: str | os.PathLike[str]) -> None:
    """Let the file at `path` be as young as if it had been written now."""
    with explained(f"cannot date {path_text(path)}", Path(path).parent, missing="there is no such file"):
        system.date(path)


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make the folder at `path`, and those above it that are missing, and return it."""
    folder = Path(path)
    with explained(f"cannot make the folder {path_text(folder)}", folder.parent):
        _make_folders(folder, exist_ok=True)
    return folder


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder like `make_folder`, and see that files can be written there, before work begins that ends there."""
    folder = make_folder(path)
    probe = folder / f".{os.urandom(8).hex()}.tmp"
    write_file(probe, b"", durable=False)
    remove_file(probe)
    return folder


def make_private_folder(path: str | os.PathLike[str]) -> Path:
    """Make the folder at `path` for this user alone, and those above it that are missing; one that is there stays as
    it is."""
    folder = Path(path)
    make_folder(folder.parent)
    with explained(f"cannot make the folder {path_text(folder)}", folder.parent), suppress(FileExistsError):
        system.make_folders(folder, 0o700)
    return folder


def fresh_folder(parent: str | os.PathLike[str], name: str) -> Path:
    """Make a folder that nobody else has and return it: `name` in `parent`, or else `name-2`, `name-3` and so on.

    Making a folder is what claims its name: two processes that ask at the same moment get two folders.
    """
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise ArgumentError(f"expected the plain name of a folder, received {name!r}; put the path into `parent`")
    folder, number = Path(parent, name), 1
    with explained(f"cannot make the folder {path_text(folder)}", folder.parent):
        while True:
            try:
                _make_folders(folder)
                return folder
            except FileExistsError:
                number += 1
                folder = folder.with_name(f"{name}-{number}")


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """Open `path` and close it again; a failure to close counts, for it may be a write that failed late."""
    file = system.open(path, flags, 0o666)
    try:
        yield file
    except BaseException:
        with suppress(OSError):
            system.close(file)
        raise
    system.close(file)


def _refuse_no_file(target: Path) -> None:
    """Refuse what a new file must not take the name of: a folder, a device, a pipe, a socket, or a link to one."""
    with suppress(FileNotFoundError):
        mode = os.lstat(target).st_mode
        if stat.S_ISLNK(mode):
            try:
                mode = os.stat(target).st_mode
            except OSError:  # it leads nowhere, or in a circle
                return
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, "Is a directory")
        if not stat.S_ISREG(mode):
            kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
            kind = kinds.get(stat.S_IFMT(mode), "a device")
            raise OSError(errno.EINVAL, f"it is {kind}, which no file can replace; name a file")


def _write_all(file: int, content: memoryview) -> None:
    """Write until nothing is left, for the system may take less than it is given."""
    while content.nbytes:
        content = content[system.write(file, content) :]


def _gathered(content: Sequence[memoryview]) -> Iterator[memoryview]:
    """Yield the same bytes in fewer pieces: small ones are written together."""
    small = bytearray()
    for each in content:
        if small and len(small) + each.nbytes > GATHERED:
            yield memoryview(small)
            small = bytearray()
        if each.nbytes > GATHERED:
            yield each
        else:
            small += each
    if small:
        yield memoryview(small)


def _forget(file: int) -> None:
    """Ask the system to forget what it holds of a file in memory, so that it is read from the disk."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)


def _verify(path: Path, content: Sequence[memoryview]) -> None:
    """Refuse the file at `path` unless it holds exactly `content`."""
    position, equal = 0, True
    with _opened(path, ANY_FILE) as file:
        for each in _gathered(content):
            while each.nbytes and equal:
                piece = system.read(file, min(each.nbytes, GATHERED))
                equal = bool(piece) and bytes(each[: len(piece)]) == piece
                position += len(piece) if equal else 0
                each = each[len(piece) :]
        equal = equal and not system.read(file, 1)
    if not equal:
        raise OSError(errno.EIO, f"the disk gave back other bytes than it was given, from byte {position:,} on")


def _make_folders(folder: Path, *, exist_ok: bool = False) -> None:
    """Make a folder, and those above it that are missing, and force their names to the disk."""
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    system.make_folders(folder, exist_ok=exist_ok)
    for each in reversed(missing):  # a folder's name lies in the one above it
        _sync_folder(each.parent)


def _sync_folder(folder: Path) -> None:
    """Force the names in `folder` to the disk, as far as the system can do that."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    with _opened(folder, os.O_RDONLY) as handle:
        try:
            system.sync(handle)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks cannot sync a folder
                raise


def _no_place(folder: Path) -> str:
    """Return what to say where the system finds no place for something in a folder."""
    if os.path.isdir(folder):  # as /proc, which takes nothing
        return f"nothing can be made in {path_text(folder)}; choose another folder"
    return f"there is no folder {path_text(folder)}; make it first"


@contextmanager
def explained(problem: str, folder: Path, missing: str = "") -> Iterator[None]:
    """Turn what the system reports into a `StorageError` that says what to do about it.

    `missing` is said where nothing is there; by default, that the folder must be made.
    """
    try:
        yield
    except ValueError as error:  # a NUL character in a name, or half of a surrogate pair
        written = problem.replace("\0", "\\0")
        raise ArgumentError(f"{written}: no file or folder can be called that ({error})") from error
    except OSError as error:
        parts = [f"{problem}: {error.strerror or error}", ADVICE.get(error.errno or 0, "")]
        if error.errno == errno.ENOENT:
            parts = [f"{problem}: {missing or _no_place(folder)}"]
        if error.errno == errno.ENOSPC:
            import shutil  # takes its time, and is for this alone

            with suppress(OSError):
                parts.append(f"{shutil.disk_usage(folder).free:,} bytes are free there")
        told = StorageError("; ".join(filter(None, parts)))
        told.errno = error.errno
        raise told from error
