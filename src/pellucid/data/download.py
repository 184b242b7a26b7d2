"""Finds the files of a data set on this machine, or fetches them from the mirrors, checked by their checksums.

The order: the folder that the caller names, the folder in the environment variable PELLUCID_DATA, the user's cache,
the network. A file enters the cache only after its checksum was found right, so it is not hashed again at each load;
`verify` does that on demand. Files that the user placed are not hashed either: their readers notice damage.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import warn
from ..errors import DataError, StorageError
from ..limits import LIMITS, format_bytes
from ..storage import expanded, make_folder
from .catalogue import ENTRIES, DataFile, Entry, get_entry

if TYPE_CHECKING:
    from logging import Logger

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes received, and the bytes in all (None where the server does not say)."""

EMBEDDED = Path(__file__).parent / "embedded"
_TIMEOUT = 30.0  # seconds without an answer, or without a byte, after which a mirror is given up
_CHUNK = 1 << 16
_DISK_FAULTS = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO)


@dataclass(frozen=True)
class Verification:
    """What a checksum said of one file: `state` is "ok", "wrong", or "unknown" (no checksum is published for it)."""

    path: Path
    state: str
    expected: str
    found: str


def cache_folder() -> Path:
    """Where downloads are kept: the environment variable PELLUCID_CACHE, else the system's place for caches."""
    chosen = os.environ.get("PELLUCID_CACHE")
    if chosen:
        return Path(chosen) / "data"
    import pooch

    return Path(pooch.os_cache("pellucid")) / "data"


def obtain(
    entry: Entry, data_dir: str | os.PathLike[str] | None = None, progress: Progress | None = None
) -> list[Path]:
    """Return the files of a data set, in the order of ``entry.files``, downloading them if they are not here.

    Files from elsewhere than the folder that was named are used with a warning.
    """
    found = locate(entry, data_dir)
    if data_dir and entry.mirrors:
        root = expanded(data_dir, "data_dir")
        if found is None or not found[0].is_relative_to(root):
            taken = "downloaded" if found is None else f"taken from {found[0].parent}"
            warn(f"{entry.name} is not in {root}; it is {taken}")
    return found or fetch(entry, progress)


def locate(entry: Entry, data_dir: str | os.PathLike[str] | None = None) -> list[Path] | None:
    """Return the files of a data set that are on this machine, or None.

    The result has one path for each of ``entry.files`` (with or without .gz), or the one path of an alternative.

    Raises
    ------
    DataError
        If `data_dir` or PELLUCID_DATA does not exist, holds only some of the files, or another set's files.
    """
    if not entry.mirrors:
        return [EMBEDDED / file.name for file in entry.files]
    for setting, folder in (("data_dir", data_dir), ("PELLUCID_DATA", os.environ.get("PELLUCID_DATA"))):
        if not folder:
            continue
        root = expanded(folder, setting)
        if not root.exists():
            raise DataError(
                f"{setting} is {str(root)!r}, which does not exist; name the folder that {entry.name}/ is in"
            )
        if root.is_file():
            if len(entry.files) == 1:
                return [root]
            raise DataError(f"{setting} is {str(root)!r}, a file; expected the folder of the {len(entry.files)} files")
        for place in _places(entry, root):
            found = _files_in(entry, place)
            if found:
                _refuse_foreign(entry, found)
                return found
    cached = [cache_folder() / entry.name / file.name for file in entry.files]
    return cached if all(path.is_file() for path in cached) else None


def fetch(name: str | Entry, progress: Progress | None = None) -> list[Path]:
    """Download the files of a data set that the cache lacks, or holds damaged; return their paths there.

    Parameters
    ----------
    name : str or Entry
        Such as ``"mnist"``.
    progress : callable, optional
        Called as the bytes arrive.

    Raises
    ------
    DataError
        If no mirror gave a file with the right checksum; the message says of each what went wrong, and how to use
        files fetched by other means.
    """
    entry = name if isinstance(name, Entry) else get_entry(name)
    if not entry.mirrors:
        return [EMBEDDED / file.name for file in entry.files]
    return [_fetch_file(entry, file, progress) for file in entry.files]


def verify(name: str | Entry, data_dir: str | os.PathLike[str] | None = None) -> list[Verification]:
    """Compare the files that would be used with the published checksums.

    Raises
    ------
    DataError
        If the data set is not on this machine.
    """
    entry = name if isinstance(name, Entry) else get_entry(name)
    found = locate(entry, data_dir)
    if found is None:
        raise DataError(f"{entry.name} is not on this machine; pellucid data fetch {entry.name} downloads it")
    published = {file.name: file.checksum for file in entry.files}
    return [_verify_file(path, published.get(path.name, "")) for path in found]


def _places(entry: Entry, root: Path) -> Iterator[Path]:
    """Folders in which to look: one named like the set, then the given one, unless it is named like another set."""
    for name in dict.fromkeys((entry.name, entry.name.replace("-", "_"), entry.name.replace("cifar", "cifar-"))):
        yield root / name
    if root.resolve().name.lower().replace("_", "-") not in {other.name for other in ENTRIES} - {entry.name}:
        yield root


def _files_in(entry: Entry, folder: Path) -> list[Path] | None:
    """The set's files in one folder, or None if there is none of them; only some of them is an error."""
    found, missing = [], []
    for file in entry.files:
        candidates = [folder / file.name, folder / file.name.removesuffix(".gz")]
        present = [path for path in candidates if path.is_file()]
        found.extend(present[:1])
        if not present:
            missing.append(file.name)
    if found and missing:
        raise DataError(f"{folder}: holds only some files of {entry.name}; missing: {', '.join(missing)}")
    if found:
        return found
    return next(([folder / other] for other in entry.alternatives if (folder / other).exists()), None)


def _refuse_foreign(entry: Entry, found: list[Path]) -> None:
    """Notice the files of another set: MNIST, Fashion-MNIST and KMNIST all call theirs by the same names.

    The test labels tell them apart and are 5 kB long, so this costs nothing.
    """
    smallest = found[-1]
    for other in ENTRIES:
        last = other.files[-1]
        if other.name == entry.name or last.name != smallest.name:
            continue
        if _verify_file(smallest, last.checksum).state == "ok":
            raise DataError(
                f"{smallest}: this is a file of {other.name}, not of {entry.name}; keep each set in a folder of its "
                f"own name, such as {entry.name}/"
            )


def _verify_file(path: Path, expected: str) -> Verification:
    if not expected or not path.is_file():
        return Verification(path, "unknown", "", "")
    algorithm, _, digest = expected.partition(":")
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    return Verification(path, "ok" if found == digest else "wrong", expected, f"{algorithm}:{found}")


def _fetch_file(entry: Entry, file: DataFile, progress: Progress | None) -> Path:
    """Try one mirror after the other until one gives the file with the right checksum."""
    import pooch

    folder = cache_folder() / entry.name
    failures = []
    for mirror in entry.mirrors:
        url = mirror + file.name
        meter = _Meter(file.name, progress)
        # Data that the server unpacks on the way would not match the checksum: ask for the bytes as they lie there.
        download = pooch.HTTPDownloader(
            progressbar=meter, chunk_size=_CHUNK, timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"}
        )
        try:
            make_folder(folder)
            with _quiet(pooch.get_logger()):
                return Path(pooch.retrieve(url, file.checksum, file.name, folder, downloader=download))
        except (OSError, ValueError) as error:  # what requests and pooch raise: no answer, 404, a cut, a wrong checksum
            if error is meter.callers_error:
                raise
            if isinstance(error, StorageError | PermissionError) or getattr(error, "errno", None) in _DISK_FAULTS:
                raise DataError(
                    f"{folder}: downloads cannot be kept here ({error}); set PELLUCID_CACHE to another folder"
                ) from error
            failures.append(f"{url}: {_reason(error)}")
    raise DataError(
        f"{entry.name}: {file.name} could not be downloaded ({'; '.join(failures)}). Fetch the data "
        f"set's files ({len(entry.files)}) in another way, put them into FOLDER/{entry.name}/ and "
        "pass --data-dir FOLDER (in Python data_dir=FOLDER), or set PELLUCID_DATA=FOLDER"
    )


def _reason(error: Exception) -> str:
    """One short line of what went wrong with a mirror."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code} {response.reason}"
    cause = error.args[0] if error.args else error
    cause = getattr(cause, "reason", cause)  # requests wraps what urllib3 wraps
    text = " ".join(str(cause).split()).rpartition("): ")[2]
    if "does not match" in text and "hash" in text:
        return "wrong checksum, the file was thrown away"
    return f"{type(error).__name__}: {text[:200]}"


@contextmanager
def _quiet(logger: Logger) -> Iterator[None]:
    """Keep pooch from writing a line for each file to the terminal, where a progress bar may be running."""
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


class _Meter:
    """What pooch takes for a progress bar: passes the count on, and ends a download that never ends."""

    def __init__(self, name: str, progress: Progress | None) -> None:
        self.name = name
        self.progress = progress
        self.total = 0  # set by pooch to the announced length, 0 where there is none
        self.done = 0
        self.callers_error: Exception | None = None

    def update(self, count: int) -> None:
        self.done = min(self.done + count, self.total) if self.total else self.done + count
        if max(self.done, self.total) > LIMITS.archive_bytes:  # more than any file of the catalogue
            raise DataError(f"more than {format_bytes(LIMITS.archive_bytes)}, given up")
        if self.progress is not None:
            try:
                self.progress(self.name, self.done, self.total or None)
            except Exception as error:
                self.callers_error = error  # no fault of the mirror
                raise

    def reset(self) -> None:
        """Pooch calls this, and then `update` with the total, when all has arrived."""
        self.done = 0

    def close(self) -> None:
        """Pooch calls this at the end; there is nothing to close."""
