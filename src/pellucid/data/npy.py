"""Reads NumPy's .npy and .npz files without trusting a size that they declare.

``numpy.load`` multiplies the declared sizes in 64 bits and allocates first. Here the header must have the one form
that NumPy writes, the product is taken in Python integers, and an array is allocated only when the file holds exactly
its bytes. Arrays of Python objects, which would need pickle, are refused.

The format is described in ``numpy.lib.format``: six magic bytes, two of version, the header's length, the header.
"""

from __future__ import annotations

import io
import math
import os
import re
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, printable
from ..limits import LIMITS, Limits, format_bytes
from ..zip_reader import ZipReader
from .compressed import open_regular

Samples: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
"""Images, and a label for each."""

NPY_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?(?:b1|[iu][1248]|f[248]))', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,20}L?, ?)*(?:\d{1,20}L?)?)\), \} *\n"
)
_LONGEST_HEADER = 1 << 16
_LONGEST_MESSAGE = 2000
_CHUNK = 1 << 20


def read_npy(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> NDArray[Any]:
    """Read the array of numbers in a .npy file.

    Raises
    ------
    DataError
        If the file is missing, not .npy, of another length than its header says, of Python objects, or too large.
    """
    file, size = open_regular(Path(path), limits)
    with file:
        return _read_array(file, size, str(path), limits)


def read_npz(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> dict[str, NDArray[Any]]:
    """Read all arrays of a .npz file, by name.

    Raises
    ------
    DataError
        As `read_npy`, and for a zip that is damaged, encrypted, has two arrays of one name, or unpacks to more than
        the limits allow.
    """
    file, size = open_regular(Path(path), limits)
    with file:
        try:
            archive = _ArrayZip(file.read(size), str(path), limits)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    arrays: dict[str, NDArray[Any]] = {}
    for member in archive.members.values():
        name = member.name.removesuffix(".npy")
        if name in arrays:
            archive.refuse(f"expected each array once, found {name!r:.80} with .npy behind it and without", 0)
        where = f"{path}: {printable(member.name)}"
        arrays[name] = _read_array(io.BufferedReader(archive.open(member.name)), member.size, where, limits)
    return arrays


class _ArrayZip(ZipReader):
    """The zip of numpy.savez."""

    def refuse(self, what: str, at: int) -> NoReturn:
        fix = "not a .npz file, or a damaged one: copy it again, or save it with np.savez"
        raise DataError(f"{self.path}: at byte {at:,}: {printable(what, _LONGEST_MESSAGE)}; {fix}")


def read_npz_pairs(path: Path, *, limits: Limits = LIMITS) -> tuple[Samples, Samples | None]:
    """Read (x_train, y_train) and, if there, (x_test, y_test) from a .npz file; or (x, y) alone.

    Images may have their channels last, (N, H, W, 3), as other libraries save them; they are returned (N, 3, H, W).
    """
    arrays = read_npz(path, limits=limits)
    for x, y in (("x_train", "y_train"), ("x", "y")):
        if x in arrays and y in arrays:
            train = (_channels_first(arrays[x]), arrays[y])
            break
    else:
        raise DataError(
            f"{path}: expected the arrays x_train and y_train (x_test and y_test may follow), or x and y; found "
            f"{', '.join(arrays) or 'none'}"
        )
    if "x_test" in arrays and "y_test" in arrays:
        return train, (_channels_first(arrays["x_test"]), arrays["y_test"])
    return train, None


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    """Move the last axis to the second place when only the last can be the channels (1, 3 or 4 of them)."""
    if images.ndim == 4 and images.shape[1] not in (1, 3, 4) and images.shape[3] in (1, 3, 4):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))  # (N, H, W, C) -> (N, C, H, W)
    return images


def _read_array(stream: IO[bytes], size: int, where: str, limits: Limits) -> NDArray[Any]:
    """Read one array from a stream of `size` bytes."""
    shape, fortran_order, dtype, header = _read_header(stream, where)
    elements = math.prod(shape)
    expected = elements * dtype.itemsize
    if len(shape) > limits.dimensions or elements > limits.elements or expected > limits.decompressed_bytes:
        raise DataError(
            f"{where}: declares shape {shape}, {format_bytes(expected)}; up to {limits.dimensions} axes, "
            f"{limits.elements:,} numbers and {format_bytes(limits.decompressed_bytes)} are read"
        )
    if header + expected != size:
        raise DataError(
            f"{where}: at byte {header:,}: expected {expected:,} bytes for shape {shape} of {dtype}, "
            f"found {size - header:,}"
        )
    # An array in column order is the transpose of one in row order with the axes reversed.
    array = np.empty(shape[::-1] if fortran_order else shape, dtype)
    _fill(stream, array.reshape(-1).view(np.uint8).data, where)
    array = array.T if fortran_order else array
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether in column order, type, and the number of bytes before the data."""
    start = stream.read(8)
    if start[:6] != NPY_MAGIC or start[6:] not in (b"\x01\x00", b"\x02\x00"):
        raise DataError(
            f"{where}: at byte 0: expected .npy, 93 4E 55 4D 50 59 with version 01 00 or 02 00, found "
            f"{start.hex(' ').upper() or 'nothing'}"
        )
    width = 2 * start[6]  # the header's length has two bytes in version 1.0 and four in 2.0
    length = int.from_bytes(stream.read(width), "little")
    if length > _LONGEST_HEADER:
        raise DataError(f"{where}: at byte 8: expected a header of at most {_LONGEST_HEADER:,} bytes, found {length:,}")
    text = stream.read(length)
    match = _HEADER.fullmatch(text)
    if match is None:
        raise DataError(
            f"{where}: at byte {8 + width}: expected {{'descr': type of number, 'fortran_order': …, 'shape': (…), }}, "
            f"found {text[:100]!r}; Python objects and records are not read"
        )
    shape = tuple(int(number) for number in re.findall(rb"\d+", match[3]))
    return shape, match[2] == b"True", np.dtype(match[1].decode()), 8 + width + length


def _fill(stream: IO[bytes], buffer: memoryview, where: str) -> None:
    filled = 0
    while filled < len(buffer):
        part = stream.read(min(len(buffer) - filled, _CHUNK))
        if not part:
            raise DataError(f"{where}: expected {len(buffer):,} bytes of data, found only {filled:,}")
        buffer[filled : filled + len(part)] = part
        filled += len(part)
    if stream.read(1):  # in a zip, reading past the last byte is also what checks the CRC
        raise DataError(f"{where}: trailing bytes after the {len(buffer):,} of the array")
