"""Bytes of a file, unpacked on the way when the file is gzip; never more of them than were asked for.

``gzip.open`` reads ahead by its own measure. Here ``zlib`` is given the number of bytes still wanted, so a file that
unpacks to far more than it declares costs nothing beyond the declared size. Every byte is read once, in order.
"""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ..errors import DataError, path_text
from ..limits import LIMITS, Limits, format_bytes

GZIP_MAGIC = b"\x1f\x8b"
_GZIP_FORMAT = 31  # zlib's wbits: a window of 2^15, with gzip's header and trailer
_CHUNK = 1 << 18


def open_regular(path: Path, limits: Limits = LIMITS) -> tuple[BinaryIO, int]:
    """Open a file of permitted size; return it with its size. A folder, a pipe or a device is refused."""
    where = path_text(path)
    if "\0" in str(path):
        raise DataError(f"{where}: no file can be called that")
    try:
        status = os.stat(path)  # before opening: opening a pipe would wait for a writer
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{where}: expected a file, found a {'folder' if path.is_dir() else 'special file'}")
        if status.st_size > limits.file_bytes:
            raise DataError(
                f"{where}: the file has {format_bytes(status.st_size)}; files up to {format_bytes(limits.file_bytes)} "
                "are read"
            )
        return open(path, "rb"), status.st_size
    except OSError as error:
        raise DataError(f"{where}: cannot be read: {error.strerror or error}") from error


class ByteSource:
    """The bytes of a file in order, unpacked when it is gzip, which the first two bytes tell, not the name.

    Parameters
    ----------
    path : str or path
        The file.
    limits : Limits
        The table of limits; ``file_bytes`` holds here.

    Attributes
    ----------
    compressed : bool
        Whether the file is gzip.
    file_bytes : int
        Size of the file on disk.
    offset : int
        Number of (unpacked) bytes delivered so far.

    Raises
    ------
    DataError
        On opening or reading: no such file, not a regular file, too large, a damaged or cut gzip stream.
    """

    def __init__(self, path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> None:
        self.path = Path(path)
        self._where = path_text(path)
        self.limits = limits
        self._file, self.file_bytes = open_regular(self.path, limits)
        self.offset = 0
        self._packed = self._file.read(2)  # bytes of the file that wait to be delivered or unpacked
        self.compressed = self._packed == GZIP_MAGIC
        self._inflate = zlib.decompressobj(_GZIP_FORMAT)

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def largest_possible(self) -> int:
        """The most bytes that a gzip file of this size can unpack to, by the nature of deflate."""
        return self.file_bytes * self.limits.expansion_ratio

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end of the file."""
        buffer = bytearray(size)
        return bytes(buffer[: self.readinto(memoryview(buffer))])

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` (of bytes) with the next bytes; return how many there were."""
        filled = 0
        while filled < len(buffer):
            wanted = min(len(buffer) - filled, _CHUNK)
            part = self._unpack(wanted) if self.compressed else self._plain(wanted)
            if not part:
                break
            buffer[filled : filled + len(part)] = part
            filled += len(part)
            self.offset += len(part)
        return filled

    def _plain(self, wanted: int) -> bytes:
        part = self._packed[:wanted] or self._file.read(wanted)
        self._packed = self._packed[wanted:]
        return part

    def _unpack(self, wanted: int) -> bytes:
        """Return 1 … `wanted` unpacked bytes, or none at the end of the last gzip member."""
        while True:
            if self._inflate.eof and not self._next_member():
                return b""
            if not self._packed:
                self._packed = self._file.read(_CHUNK)
            at_end = not self._packed
            try:
                # `wanted` is at least 1: zlib takes a limit of 0 for "no limit".
                part = self._inflate.decompress(self._packed, wanted)
            except zlib.error as error:
                raise DataError(
                    f"{self._where}: the gzip stream is damaged after {self.offset:,} unpacked bytes ({error}); "
                    "fetch the file again"
                ) from error
            self._packed = self._inflate.unconsumed_tail
            if part:
                return part
            if at_end and not self._inflate.eof:
                raise DataError(
                    f"{self._where}: the gzip stream ends early, after {self.offset:,} unpacked bytes: the file of "
                    f"{self.file_bytes:,} bytes is cut short; fetch it again"
                )

    def _next_member(self) -> bool:
        """Begin the gzip member that follows the finished one, if any: a gzip file may be several in a row."""
        rest = self._inflate.unused_data or self._file.read(_CHUNK)
        if not rest:
            return False
        if len(rest) == 1:
            rest += self._file.read(_CHUNK)
        if not rest.startswith(GZIP_MAGIC):
            raise DataError(
                f"{self._where}: trailing bytes: after {self.offset:,} unpacked bytes the gzip stream is complete, but "
                f"the file goes on with {rest[:4].hex(' ')}"
            )
        self._packed = rest
        self._inflate = zlib.decompressobj(_GZIP_FORMAT)
        return True
