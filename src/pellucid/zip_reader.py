"""The members of a zip file that lies in memory: checked before they are believed, and not copied if stored.

Python's ``zipfile`` makes an object of every entry in the directory before one can look at their number, and copies
what it reads, which for the weights of a large network is as much memory again. This reader takes what an archive of
arrays needs: one volume, members stored or deflated, each name once, no two members on the same bytes, and sizes that
the file can hold. Who reads a kind of file derives a class from `ZipReader` that says how such a file is refused.

The format is described in PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3 (files above 4 GB).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from .errors import printable
from .limits import LIMITS, Limits, format_bytes

ZIP_MAGIC = b"PK\x03\x04"

_END, _END64, _LOCATOR, _ENTRY = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_LONGEST_COMMENT = 0xFFFF
_STORED, _DEFLATED = 0, 8
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Member:
    """One file in the archive, as the directory describes it: `header` is where its own header begins."""

    name: str
    header: int
    size: int
    packed: int
    method: int
    crc: int

    @property
    def compressed(self) -> bool:
        return self.method != _STORED


class ZipReader:
    """A zip file whose directory was found in order.

    Parameters
    ----------
    content : bytes
    path : str
        What to call the file in messages.
    limits : Limits

    Attributes
    ----------
    members : dict of str to Member

    Raises
    ------
    whatever `refuse` raises
        If it is no zip file, is damaged or cut, or declares more than `limits` allow.
    """

    def __init__(self, content: bytes, path: str, limits: Limits = LIMITS) -> None:
        self.content, self.path, self.limits = content, path, limits
        count, begin, end = self._directory()
        self.members: dict[str, Member] = {}
        for member in self._entries(count, begin, end):
            if member.name in self.members:
                self.refuse(f"expected each name once, found {member.name!r:.80} twice", begin)
            self.members[member.name] = member
        self._check_sizes()
        self._check_places(begin)

    # ---- what a kind of file decides
    def refuse(self, what: str, at: int) -> NoReturn:
        """Raise the error that says what was expected at byte `at`, and what was found.

        The text may hold what stands in the file, up to 80 characters of a name; `errors.printable` shows such texts.
        """
        raise NotImplementedError

    def refuse_sum(self, what: str, at: int) -> NoReturn:
        """Refuse a member whose content does not have the checksum that the directory gives."""
        self.refuse(what, at)

    # ---- reading
    def read(self, name: str) -> memoryview | bytes:
        """Return the content of a member; the file's own memory where it is stored as it is."""
        member = self.members[name]
        if member.compressed:
            return io.BufferedReader(self.open(name)).read(member.size + 1)  # beyond the end, so that it is checked
        content = self._packed(member)
        self.check_sum(member, zlib.crc32(content))
        return content

    def open(self, name: str) -> _Stream:
        """Return the content of a member as a stream, of which no more is unpacked at a time than is asked for.

        Whether the content is sound is known when the stream has ended: a read beyond the last byte says so.
        """
        member = self.members[name]
        return _Stream(self, member, self._packed(member))

    def check_sum(self, member: Member, found: int) -> None:
        """Refuse a content with another CRC-32 than the directory gives."""
        if found != member.crc:
            what = f"{printable(member.name)}: expected the CRC-32 {member.crc:08x}, found {found:08x}"
            self.refuse_sum(what, self._begin(member))

    def _packed(self, member: Member) -> memoryview:
        begin = self._begin(member)
        return memoryview(self.content)[begin : begin + member.packed]

    def _directory(self) -> tuple[int, int, int]:
        """Return how many entries the directory has, and where it begins and ends."""
        content = self.content
        at = content.rfind(_END, max(0, len(content) - 22 - _LONGEST_COMMENT))
        if at < 0 or len(content) - at < 22:
            self.refuse("expected a zip file to end with the place of its directory", len(content))
        count, size, begin = struct.unpack_from("<HII", content, at + 10)
        if content[max(0, at - 20) : at][:4] == _LOCATOR:
            (at64,) = struct.unpack_from("<Q", content, at - 12)
            if content[at64 : at64 + 4] != _END64 or at64 + 56 > at:
                self.refuse(f"expected the end of the directory at byte {at64:,}", at - 20)
            count, size, begin = struct.unpack_from("<QQQ", content, at64 + 32)
            at = at64
        if begin + size > at:
            self.refuse(f"expected the directory to end before byte {at:,}, found {begin:,} + {size:,}", at)
        if count > self.limits.tensors or size > self.limits.header_bytes:
            most = f"at most {self.limits.tensors:,} entries in {format_bytes(self.limits.header_bytes)}"
            self.refuse(f"expected {most}, found {count:,} in {format_bytes(size)}", at)
        return count, begin, begin + size

    def _entries(self, count: int, at: int, end: int) -> Iterator[Member]:
        for _ in range(count):
            if self.content[at : at + 4] != _ENTRY or at + 46 > end:
                self.refuse(f"expected an entry of the directory, found {self.content[at : at + 4].hex(' ')}", at)
            flags, method, crc, packed, size, *lengths, header = struct.unpack_from(
                "<4xHH4xIIIHHH8xI", self.content, at + 4
            )
            name_length, extra_length, comment_length = lengths
            extra_at = at + 46 + name_length
            name = self.content[at + 46 : extra_at].decode("utf-8", "replace")
            extra = self.content[extra_at : extra_at + extra_length]
            if extra_at + extra_length + comment_length > end:
                self.refuse("expected the directory to go on", end)
            if flags & 1 or method not in (_STORED, _DEFLATED):
                self.refuse(f"{name!r:.80}: expected a member that is stored or deflated, and not encrypted", at)
            size, packed, header = _full_sizes(extra, size, packed, header)
            yield Member(name, header, size, packed, method, crc)
            at = extra_at + extra_length + comment_length

    def _check_sizes(self) -> None:
        """Hold what the directory declares against the limits, before anything is unpacked."""
        total = sum(member.size for member in self.members.values())
        if total > self.limits.decompressed_bytes:
            most = format_bytes(self.limits.decompressed_bytes)
            self.refuse(f"expected to unpack to at most {most}, found {format_bytes(total)}", 0)
        for member in self.members.values():
            stored = member.method == _STORED
            largest = member.packed if stored else member.packed * self.limits.expansion_ratio
            if member.size > largest or (stored and member.size < largest):
                what = f"{member.size:,} bytes from {member.packed:,}"
                self.refuse(f"{member.name!r:.80}: expected sizes that can be, found {what}", member.header)

    def _check_places(self, directory: int) -> None:
        """Refuse members that share bytes with each other or with the directory: one small part could be many."""
        end = 0
        for member in sorted(self.members.values(), key=lambda member: member.header):
            if member.header < end:
                self.refuse(f"{member.name!r:.80}: expected no member on the bytes of another", member.header)
            end = self._begin(member) + member.packed
        if end > directory:
            self.refuse(f"expected the members to end before the directory, found {end:,}", directory)

    def _begin(self, member: Member) -> int:
        """Return where a member's bytes begin, behind its own header, which must bear its name."""
        at = member.header
        if at + 30 > len(self.content) or self.content[at : at + 4] != ZIP_MAGIC:
            self.refuse(f"{member.name!r:.80}: expected its header at byte {at:,}", at)
        name_length, extra_length = (int(length) for length in struct.unpack_from("<HH", self.content, at + 26))
        if self.content[at + 30 : at + 30 + name_length].decode("utf-8", "replace") != member.name:
            self.refuse(f"{member.name!r:.80}: expected the same name in its header", at)
        return at + 30 + name_length + extra_length


class _Stream(io.RawIOBase):
    """What `ZipReader.open` returns."""

    def __init__(self, archive: ZipReader, member: Member, packed: memoryview) -> None:
        self._archive, self._member, self._packed = archive, member, packed
        self._inflate = zlib.decompressobj(-15) if member.compressed else None  # -15: no header of zlib's before it
        self._found = self._sum = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the beginning of a buffer; return how many bytes that were, none at the end, which is checked."""
        into = memoryview(buffer).cast("B")
        if not len(into):
            return 0
        part = self._stored(len(into)) if self._inflate is None else self._inflated(len(into), self._inflate)
        into[: len(part)] = part
        self._sum = zlib.crc32(part, self._sum)
        self._found += len(part)
        if not part:
            self._archive.check_sum(self._member, self._sum)
        return len(part)

    def _stored(self, most: int) -> memoryview:
        part, self._packed = self._packed[:most], self._packed[most:]
        return part

    def _inflated(self, most: int, inflate: zlib._Decompress) -> bytes:
        """Return up to `most` bytes, none at the end of the stream, where there must be as many as were declared."""
        member = self._member
        left = member.size - self._found
        part = b""
        while not part and not inflate.eof:
            waiting: bytes | memoryview = inflate.unconsumed_tail
            if not waiting:
                waiting, self._packed = self._packed[:_CHUNK], self._packed[_CHUNK:]
            at_end = not waiting
            try:  # one byte more than there should be shows a stream that goes on
                part = inflate.decompress(waiting, min(most, left + 1))
            except zlib.error as error:
                self._archive.refuse(f"{member.name!r:.80}: expected a deflate stream, found {error}", member.header)
            if at_end and not part:
                break
        if len(part) > left or (not part and (left or not inflate.eof)):
            what = f"{self._found + len(part):,} that end{'' if inflate.eof else ' too early or too late'}"
            self._archive.refuse(f"{member.name!r:.80}: expected {member.size:,} bytes, found {what}", member.header)
        return part


def _full_sizes(extra: bytes, *sizes: int) -> list[int]:
    """Return the numbers of an entry; one that 4 bytes cannot hold stands in an "extra field" of kind 1."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        if kind == 1:
            full = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
            return [next(full, size) if size == 0xFFFFFFFF else size for size in sizes]
        at += 4 + length
    return list(sizes)
