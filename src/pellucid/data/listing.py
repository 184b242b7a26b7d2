"""What there is to predict: a list of files on the disk, with the number of images in each.

The list is made once. So files that come or go meanwhile change nothing, and it need not fit into the memory; and its
SHA-256 tells whether the inputs are still those with which a prediction began.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError, StorageError, path_text


class InputFile(NamedTuple):
    """A file with inputs, as it was when the list was made.

    Attributes
    ----------
    name : str
        Its path.
    images : int
        How many it holds; 1 where it holds none that could be read.
    size, changed : int
        Its bytes, and the time of its last change in nanoseconds; -1 where there is no such file.
    """

    name: str
    images: int
    size: int
    changed: int

    def unchanged(self) -> bool:
        """Return whether it is still as it was."""
        return _status(self.name) == (self.size, self.changed)


class Piece(NamedTuple):
    """Images `begin` … `end` - 1 of a file."""

    file: InputFile
    begin: int
    end: int


@dataclass(frozen=True)
class Listing:
    """A list of inputs on the disk.

    Attributes
    ----------
    path : Path
        Of the list.
    sha256 : str
        Of all that it says.
    files, images : int
        How many there are.
    """

    path: Path
    sha256: str
    files: int
    images: int

    def walk(self) -> Walk:
        """Return what goes through the list from its beginning, which is this one still; else that ends with a
        `DataError`."""
        return Walk(_read(self.path, self.sha256))


class Walk:
    """Goes through a list of inputs, from image to image, and never back."""

    def __init__(self, files: Iterator[InputFile]):
        self._files = files
        self._file: InputFile | None = None
        self._start = 0

    def pieces(self, begin: int, end: int) -> Iterator[Piece]:
        """Yield where images `begin` … `end` - 1 of all are, counted through all files; `begin` never goes back."""
        while begin < end:
            while self._file is None or begin >= self._start + self._file.images:
                self._start += 0 if self._file is None else self._file.images
                self._file = next(self._files)
            first, last = begin - self._start, min(end - self._start, self._file.images)
            yield Piece(self._file, first, last)
            begin = self._start + last


def looked_at(names: Iterable[str], count: Callable[[str], int]) -> Iterator[InputFile]:
    """Yield files by name as they are now; `count` says how many images one holds."""
    for name in names:
        size, changed = _status(name)
        yield InputFile(name, count(name), size, changed)


def lines(files: Iterable[InputFile]) -> Iterator[tuple[bytes, InputFile]]:
    """Yield for each file its line in a list."""
    for file in files:
        yield json.dumps(file).encode() + b"\n", file


def _read(path: Path, sha256: str) -> Iterator[InputFile]:
    try:
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise DataError(f"{path_text(path)}: this list of inputs was replaced or damaged; begin again")
            file.seek(0)
            for line in file:
                yield InputFile(*json.loads(line))
    except OSError as error:
        raise StorageError(f"{path_text(path)}: cannot be read: {error.strerror or error}") from error


def _status(name: str) -> tuple[int, int]:
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return -1, -1
    return status.st_size, status.st_mtime_ns
