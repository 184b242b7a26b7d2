"""Weights beside an ONNX model, in files that the model names.

A model is data from somewhere, and the names in it could lead anywhere. So such files are read only where the caller
allows it, and only below the folder of the model itself: no symbolic link is followed on the way, the file is a
regular one with no second name elsewhere, and what is read lies within it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import path_text, printable
from ...limits import Limits, physical_memory
from ...serialization.tensor_file import problem
from ...storage import ANY_FILE, system
from .wire import DAMAGED

FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
STEP_BY_STEP = os.open in os.supports_dir_fd and NO_LINK != 0
"""Whether the system opens a name in a folder that is open, and says where that is a link."""


class Refused:
    """Refuses all weights outside the model's file, for callers that did not allow them."""

    def __init__(self, path: str):
        self.path = path

    def read(self, tensor: Any, length: int) -> bytes:
        raise problem(
            self.path,
            f"{_text(tensor.name)}: its numbers lie in another file",
            "if you trust where the model is from, and that file is beside it, load_onnx(path, external_data=True)",
        )


class BesideModel:
    """Reads weights from files below the folder of the model.

    Parameters
    ----------
    path : str
        Of the model's file.
    limits : Limits
        How many bytes all its tensors together may take.
    """

    def __init__(self, path: str, limits: Limits):
        self.path, self.folder = path, Path(path).parent
        self.left = min(limits.file_bytes, physical_memory() // 2)

    def read(self, tensor: Any, length: int) -> bytes:
        """Return the bytes of a tensor.

        Raises
        ------
        ModelFileError
            If the place that it names is not allowed, or there are other than `length` bytes.
        """
        stated = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
        called, location = _text(tensor.name), stated.get("location", "")
        begin = self._number(called, stated.get("offset", "0"))
        if self._number(called, stated.get("length", str(length))) != length:
            raise self._problem(called, f"expected {length:,} bytes, found {stated['length']:.20} in the model")
        self.left -= length
        if self.left < 0:
            raise self._problem(
                called, "all weights in other files together take more than is allowed", "use a larger machine"
            )
        with self._opened(called, location) as file:
            return self._part(called, location, file, begin, length)

    def _part(self, called: str, location: str, file: int, begin: int, length: int) -> bytes:
        status = system.status(file)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            what = "a regular file" if not stat.S_ISREG(status.st_mode) else "a file with one name"
            raise self._problem(
                called, f"expected {what}, found {printable(location)}, which is none", "copy the file itself"
            )
        if begin + length > status.st_size:
            has = f"{printable(location)}, which has {status.st_size:,}"
            raise self._problem(called, f"expected {length:,} bytes from byte {begin:,} on of {has}")
        system.seek(file, begin, os.SEEK_SET)
        pieces, missing = [], length
        while missing and (piece := system.read(file, missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)  # if the file has shrunk meanwhile, there are fewer, and the tensor is refused

    @contextmanager
    def _opened(self, called: str, location: str) -> Iterator[int]:
        """Open the file of a name, folder by folder."""
        parts = location.split("/")
        if not location or any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts):
            what = f"expected the name of a file below the model's folder, found {printable(location)}"
            raise self._problem(called, what)
        opened: list[int] = []
        try:
            self._open(parts, opened)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            for each in opened:
                system.close(each)
            where = f"{path_text(self.folder)}/{printable(location)}"
            fix = "put the file of the weights itself beside the model; links are not followed"
            raise self._problem(called, f"cannot open {where} ({reason})", fix) from None
        try:
            yield opened[-1]
        finally:
            for each in opened:
                system.close(each)

    def _open(self, parts: list[str], opened: list[int]) -> None:
        if STEP_BY_STEP:
            opened.append(system.open(os.fspath(self.folder), FOLDER))
            for part in parts[:-1]:
                opened.append(system.open(part, FOLDER | NO_LINK, dir_fd=opened[-1]))
            opened.append(system.open(parts[-1], ANY_FILE | NO_LINK, dir_fd=opened[-1]))
            return
        place = self.folder
        for part in parts:
            place /= part
            if place.is_symlink() or getattr(os.path, "isjunction", os.path.islink)(place):
                raise OSError(0, "a link")
        opened.append(system.open(os.fspath(place), ANY_FILE))

    def _number(self, called: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise self._problem(called, f"expected a number of bytes, found {printable(text)}")
        return int(text)

    def _problem(self, called: str, what: str, fix: str = DAMAGED) -> Exception:
        return problem(self.path, f"{printable(called)}: {what}", fix)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
