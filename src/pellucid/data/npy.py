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
import sys
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, path_text, printable
from ..limits import LIMITS, Limits, extent, format_bytes
from ..zip_reader import ZipReader
from .compressed import open_regular

Samples: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
"""Images, and a label for each."""


class Pairs(NamedTuple):
    """What a .npz file of data holds: samples to train on, perhaps some to test with, perhaps names of classes."""

    train: Samples
    test: Samples | None
    class_names: tuple[str, ...]


CLASS_NAMES = "class_names"
NPY_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?(?:b1|[iu][1248]|f[248]))', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,20}L?, ?)*(?:\d{1,20}L?)?)\), \} *\n"
)
_TEXT_HEADER = re.compile(
    rb"\{'descr': '([<>]U[1-9]\d{0,4})', 'fortran_order': (True|False), 'shape': \((\d{1,20}L?),\), \} *\n"
)
_TYPE = re.compile(rb"""['"]descr['"] *: *['"][<>|=]?([A-Za-z?])""")
_OTHERS = {
    "c": "complex numbers are not read: save their real parts, or np.abs(x)",
    **dict.fromkeys("SUa", "texts are read as class_names of a .npz file alone, in one row"),
    **dict.fromkeys("Mm", "times are not read: save numbers"),
    **dict.fromkeys("biuf?", "NumPy writes headers otherwise, or the type is not read: save it anew with np.save"),
}
"""What to say of an array that is not read, by the letter of its type."""
_NUMBERS = "{'descr': type of number, 'fortran_order': …, 'shape': (…), }"
_UNBOUNDED = {"file_bytes": sys.maxsize, "elements": sys.maxsize, "decompressed_bytes": sys.maxsize}
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


def map_npy(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> NDArray[Any]:
    """Return the array of numbers in a .npy file as it lies on the disk: what is looked at is read, and nothing else.

    So its size is bounded by the disk alone; of `limits`, that of axes holds.

    Raises
    ------
    DataError
        As `read_npy`.
    """
    unbounded, where = replace(limits, **_UNBOUNDED), path_text(path)
    file, size = open_regular(Path(path), unbounded)
    with file:
        shape, fortran_order, dtype, header = _read_header(file, where, _HEADER, _NUMBERS)
        _refuse_wrong_size(shape, dtype, size - header, header, where, unbounded)
        order: Literal["F", "C"] = "F" if fortran_order else "C"
        return mapped(file, dtype, header, shape, order)


def mapped(
    file: BinaryIO, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], order: Literal["F", "C"] = "C"
) -> NDArray[Any]:
    """Return numbers that lie in a file from a byte on; none, where the array is empty, which no system maps."""
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(file, dtype, "r", offset, shape, order)


def read_npz(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> dict[str, NDArray[Any]]:
    """Read all arrays of a .npz file, by name: of numbers, and the one called class_names of text.

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
        read = _read_text if name == CLASS_NAMES else _read_array
        arrays[name] = read(io.BufferedReader(archive.open(member.name)), member.size, where, limits)
    return arrays


class _ArrayZip(ZipReader):
    """The zip of numpy.savez."""

    def refuse(self, what: str, at: int) -> NoReturn:
        fix = "not a .npz file, or a damaged one: copy it again, or save it with np.savez"
        raise DataError(f"{self.path}: at byte {at:,}: {printable(what, _LONGEST_MESSAGE)}; {fix}")


def read_npz_pairs(path: Path, *, limits: Limits = LIMITS) -> Pairs:
    """Read (x_train, y_train), or (x, y), from a .npz file; and (x_test, y_test) and class_names if they are there.

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
    there = "x_test" in arrays and "y_test" in arrays
    test = (_channels_first(arrays["x_test"]), arrays["y_test"]) if there else None
    return Pairs(train, test, tuple(arrays[CLASS_NAMES].tolist() if CLASS_NAMES in arrays else ()))


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    """Move the last axis to the second place when only the last can be the channels (1, 3 or 4 of them)."""
    if images.ndim == 4 and images.shape[1] not in (1, 3, 4) and images.shape[3] in (1, 3, 4):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))  # (N, H, W, C) -> (N, C, H, W)
    return images


def _read_text(stream: IO[bytes], size: int, where: str, limits: Limits) -> NDArray[np.str_]:
    """Read a list of texts from a stream of `size` bytes: NumPy keeps four bytes a letter, its code point."""
    fix = "a list of texts, saved as class_names=np.array(['cat', 'dog'])"
    names = _read_array(stream, size, where, limits, _TEXT_HEADER, fix)
    letters = names.view(np.uint32)
    if ((letters > 0x10FFFF) | ((letters >= 0xD800) & (letters < 0xE000))).any():
        raise DataError(f"{where}: expected {fix}, found numbers that stand for no letter")
    return names


def _read_array(
    stream: IO[bytes],
    size: int,
    where: str,
    limits: Limits,
    form: re.Pattern[bytes] = _HEADER,
    expected_form: str = _NUMBERS,
) -> NDArray[Any]:
    """Read one array from a stream of `size` bytes, whose header has a form."""
    shape, fortran_order, dtype, header = _read_header(stream, where, form, expected_form)
    _refuse_wrong_size(shape, dtype, size - header, header, where, limits)
    # An array in column order is the transpose of one in row order with the axes reversed.
    array = np.empty(shape[::-1] if fortran_order else shape, dtype)
    _fill(stream, array.reshape(-1).view(np.uint8).data, where)
    array = array.T if fortran_order else array
    return array.astype(dtype.newbyteorder("="), copy=False)


def _refuse_wrong_size(
    shape: tuple[int, ...], dtype: np.dtype[Any], found: int, header: int, where: str, limits: Limits
) -> None:
    """Hold the bytes of an array against the limits, and against what was found behind a header of so many bytes."""
    expected = math.prod(shape) * dtype.itemsize
    if len(shape) > limits.dimensions or extent(shape) > limits.elements or expected > limits.decompressed_bytes:
        raise DataError(
            f"{where}: declares shape {shape}, {format_bytes(expected)}; up to {limits.dimensions} axes, "
            f"{limits.elements:,} numbers and {format_bytes(limits.decompressed_bytes)} are read"
        )
    if expected != found:
        raise DataError(
            f"{where}: at byte {header:,}: expected {expected:,} bytes for shape {shape} of {dtype}, found {found:,}"
        )


def _read_header(
    stream: IO[bytes], where: str, form: re.Pattern[bytes], expected_form: str
) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
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
    match = form.fullmatch(text)
    if match is None:
        raise DataError(f"{where}: at byte {8 + width}: expected {expected_form}, found {text[:100]!r}; {_why(text)}")
    shape = tuple(int(number) for number in re.findall(rb"\d+", match[3]))
    return shape, match[2] == b"True", np.dtype(match[1].decode()), 8 + width + length


def _why(header: bytes) -> str:
    """Return why an array with such a header is not read."""
    kind = _TYPE.search(header)
    letter = "" if kind is None else kind[1].decode()
    return _OTHERS.get(letter, "Python objects and records are not read")


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
