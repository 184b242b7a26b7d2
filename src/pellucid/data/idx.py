"""Reads IDX, the format of MNIST and its relatives, plain or packed with gzip.

    byte 0, 1   0
    byte 2      type of the numbers: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    byte 3      number of axes D
    then        D sizes, four bytes each
    then        the numbers, last axis fastest

Everything is big-endian. The format has no checksum, so each declared size is held against the file.
Described by Y. LeCun, C. Cortes and C. J. C. Burges on the page of the MNIST database.
"""

from __future__ import annotations

import math
import os
import sys
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, path_text
from ..limits import LIMITS, Limits, extent, format_bytes
from .compressed import ByteSource
from .npy import mapped

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> NDArray[Any]:
    """Read an IDX file, packed with gzip or not (the first bytes tell, not the name).

    Parameters
    ----------
    path : str or path
        The file.
    limits : Limits
        Bounds on sizes, checked before anything is allocated.

    Returns
    -------
    array
        In the file's shape and type, native byte order. Only the declared bytes, and one more to see that nothing
        follows, are ever unpacked; no byte is read twice.

    Raises
    ------
    DataError
        If the file is missing, not IDX, too short, too long, or declares sizes beyond `limits`; the message names
        the file, the offset (in unpacked bytes), what was expected there and what was found.
    """
    with ByteSource(path, limits=limits) as source:
        dtype, shape = _read_header(source, limits)
        expected = math.prod(shape) * dtype.itemsize
        _check_size(source, shape, dtype, limits)
        array = np.empty(shape, dtype)
        start = source.offset
        found = source.readinto(array.reshape(-1).view(np.uint8).data)
        if found < expected:
            _refuse(source, start + found, f"{_product(shape, dtype)} bytes of data", f"only {found:,}")
        if source.read(1):
            following = "more" if source.compressed else f"{source.file_bytes - start - expected:,} more"
            _refuse(source, start + expected, f"the end after {_product(shape, dtype)} bytes", f"{following}")
    return array.astype(dtype.newbyteorder("="), copy=False)


def map_idx(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> NDArray[Any]:
    """Return the array in an IDX file that is not packed as it lies on the disk: what is looked at is read, and nothing
    else.

    Raises
    ------
    DataError
        As `read_idx`; and for a packed file, which cannot be read from the middle.
    """
    with ByteSource(path, limits=replace(limits, file_bytes=sys.maxsize)) as source:
        if source.compressed:
            raise DataError(f"{path_text(path)}: packed with gzip, where no image can be looked up; unpack it (gunzip)")
        dtype, shape = _read_header(source, limits)
        expected, present = math.prod(shape) * dtype.itemsize, source.file_bytes - source.offset
        if present != expected:
            _refuse(source, source.offset, f"{_product(shape, dtype)} bytes of data", f"{present:,}")
    with open(path, "rb") as file:
        return mapped(file, dtype, 4 + 4 * len(shape), shape)


def _read_header(source: ByteSource, limits: Limits) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = source.read(4)
    if len(magic) < 4:
        _refuse(source, 0, "an IDX header of 4 bytes", f"a file of {len(magic)}")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        _refuse(source, 0, "an IDX header: 00 00, then one of 08 09 0B 0C 0D 0E", magic.hex(" ").upper())
    axes = magic[3]
    if not 1 <= axes <= limits.dimensions:
        _refuse(source, 3, f"1 to {limits.dimensions} axes", str(axes))
    sizes = source.read(4 * axes)
    if len(sizes) < 4 * axes:
        _refuse(source, 4, f"{axes} sizes of 4 bytes", f"the end after {len(sizes)} bytes")
    return np.dtype(_TYPES[magic[2]]), tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * axes, 4))


def _check_size(source: ByteSource, shape: tuple[int, ...], dtype: np.dtype[Any], limits: Limits) -> None:
    """Hold the declared sizes against the limits and against the file, before anything is allocated."""
    expected = math.prod(shape) * dtype.itemsize  # Python integers: a product in int64 can wrap around to a small one
    if extent(shape) > limits.elements or expected > limits.decompressed_bytes:
        _refuse(
            source,
            4,
            f"at most {limits.elements:,} numbers and {format_bytes(limits.decompressed_bytes)}",
            f"sizes {_product(shape, dtype)} = {format_bytes(expected)}",
        )
    present = source.file_bytes - source.offset
    if not source.compressed and expected > present:
        _refuse(source, source.offset, f"{_product(shape, dtype)} bytes of data", f"only {present:,}")
    if source.compressed and expected > source.largest_possible:
        _refuse(
            source,
            4,
            f"sizes that a gzip file of {source.file_bytes:,} bytes can hold",
            f"{_product(shape, dtype)} bytes, more than {limits.expansion_ratio} to 1",
        )


def _product(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """The number of bytes with the sum worked out: ``"60,000·28·28 = 47,040,000"``."""
    factors = [f"{size:,}" for size in shape] + ([str(dtype.itemsize)] if dtype.itemsize > 1 else [])
    total = f"{math.prod(shape) * dtype.itemsize:,}"
    return total if len(factors) == 1 else f"{'·'.join(factors)} = {total}"


def _refuse(source: ByteSource, offset: int, expected: str, found: str) -> NoReturn:
    where = "unpacked byte" if source.compressed else "byte"
    raise DataError(f"{source.path}: at {where} {offset:,}: expected {expected}, found {found}")
