"""Zip files whose directory does not tell the truth; the control beside each is Python's own writer."""

import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from typing import Any, NoReturn

import pytest

from oracles.torch_bytes import zipped
from pellucid.limits import Limits
from pellucid.zip_reader import ZipReader

TEXT = b"as it was written " * 50
MEMBERS = {"a/text": TEXT, "a/empty": b"", "a/ä": bytes(range(256))}
STORED, DEFLATED = zipped(MEMBERS), zipped(MEMBERS, zipfile.ZIP_DEFLATED)


class RefusedError(Exception):
    """What an archive of these tests raises."""


class Archive(ZipReader):
    def refuse(self, what: str, at: int) -> NoReturn:
        raise RefusedError(f"{self.path}, byte {at}: {what}")


def read_all(content: bytes, **options: Any) -> dict[str, bytes]:
    archive = Archive(content, "file.zip", **options)
    return {name: bytes(archive.read(name)) for name in archive.members}


def refusal(content: bytes, **options: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        read_all(content, **options)
    assert str(caught.value).startswith("file.zip")
    return str(caught.value)


def entry(content: bytes, place: int = 0) -> int:
    """Where an entry of the directory begins."""
    at = -1
    for _ in range(place + 1):
        at = content.index(b"PK\x01\x02", at + 1)
    return at


def patched(content: bytes, at: int, layout: str, value: int) -> bytes:
    return content[:at] + struct.pack("<" + layout, value) + content[at + struct.calcsize("<" + layout) :]


@pytest.mark.parametrize("content", [STORED, DEFLATED])
def test_members_are_read(content: bytes) -> None:
    assert read_all(content) == MEMBERS


def test_a_stored_member_is_not_copied() -> None:
    view = Archive(STORED, "file.zip").read("a/text")
    assert isinstance(view, memoryview)
    assert view.obj is STORED


@pytest.mark.parametrize("content", [STORED, DEFLATED])
@pytest.mark.parametrize("step", [1, 7, 899, 900, 901, 5000])
def test_a_member_is_read_part_by_part(content: bytes, step: int) -> None:
    stream = Archive(content, "file.zip").open("a/text")
    parts = []
    while part := stream.read(step):
        assert len(part) <= step
        parts.append(part)
    assert b"".join(parts) == TEXT
    assert stream.read(step) == b""


def test_a_stream_says_at_its_end_that_it_was_damaged() -> None:
    for content in (STORED, DEFLATED):
        stream = Archive(patched(content, entry(content) + 16, "I", 5), "file.zip").open("a/text")
        assert stream.read(500) + stream.read(400) == TEXT
        with pytest.raises(RefusedError, match="a/text: expected the CRC-32 00000005, found "):
            stream.read(1)


def test_a_long_stream_is_unpacked_as_it_is_asked_for() -> None:
    """Random numbers, of which several chunks are packed, and zeros, of which one chunk is very many."""
    members = {"random": random.Random(0).randbytes(500_000), "zeros": bytes(20_000_000)}
    content = zipped(members, zipfile.ZIP_DEFLATED)
    assert read_all(content) == members
    archive = Archive(content, "file.zip")
    tracemalloc.start()
    stream = archive.open("zeros")
    assert stream.read(1000) == bytes(1000)
    assert stream.read(1_000_000).count(0) == 1_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_what_a_kind_of_file_does_not_decide_is_left_open() -> None:
    with pytest.raises(NotImplementedError):
        ZipReader(b"no zip", "file.zip")


def test_sizes_of_more_than_four_bytes() -> None:
    """The fields that zip files of 4 GB and more have, with small numbers in them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("big", "w", force_zip64=True) as member:
        member.write(TEXT)
    content = file.getvalue()
    at, end = entry(content), content.index(b"PK\x05\x06")
    size, begin = struct.unpack_from("<II", content, end + 12)
    offset = len(content[:at])
    extra = struct.pack("<HHQQQ", 1, 24, len(TEXT), len(TEXT), 0)
    directory = content[at:end] + extra
    for field in (20, 24, 42):
        directory = patched(directory, field, "I", 0xFFFFFFFF)
    directory = patched(directory, 30, "H", len(extra))
    assert (size, begin) == (end - at, at)
    end64 = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(directory), offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + len(directory), 1)
    last = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    full = content[:at] + directory + end64 + locator + last
    assert zipfile.ZipFile(io.BytesIO(full)).read("big") == TEXT  # the control of our writer
    assert read_all(full) == {"big": TEXT}
    assert "expected the end of the directory at byte" in refusal(
        full.replace(locator, patched(locator, 8, "Q", 2**63))
    )


def test_a_name_twice() -> None:
    twice = zipped({"x": b"one", "y": b"two"}).replace(b"y", b"x")
    with zipfile.ZipFile(io.BytesIO(twice)) as archive:
        assert archive.namelist() == ["x", "x"]  # the control: Python's reader takes it
    assert "expected each name once, found 'x' twice" in refusal(twice)


def test_members_on_the_same_bytes() -> None:
    """Many entries on one small part are how little becomes much without a high ratio."""
    first, second = entry(STORED), entry(STORED, 1)
    same = STORED[:second] + STORED[first:second] + STORED[second:]
    end = same.index(b"PK\x05\x06")
    same = patched(patched(same, end + 10, "H", 4), end + 12, "I", end - first)
    same = same.replace(b"a/text", b"b/text")  # both headers and the first entry
    at = entry(same, 1)
    assert "expected each name once" in refusal(same)
    renamed = same[: at + 46] + b"c/text" + same[at + 52 :]
    assert "'c/text': expected no member on the bytes of another" in refusal(renamed)


def test_a_bomb() -> None:
    zeros = zipped({"bomb": bytes(1_000_000)}, zipfile.ZIP_DEFLATED)
    assert read_all(zeros) == {"bomb": bytes(1_000_000)}  # deflate's best is allowed
    at = entry(zeros)
    assert "expected sizes that can be, found 2,000,000,000 bytes from" in refusal(
        patched(zeros, at + 24, "I", 2 * 10**9)
    )
    assert "expected 900,000 bytes, found 900,001 that end too early or too late" in refusal(
        patched(zeros, at + 24, "I", 900_000)
    )
    assert "expected 1,000,001 bytes, found 1,000,000 that end" in refusal(patched(zeros, at + 24, "I", 1_000_001))
    assert "expected to unpack to at most 10.0 kB, found 1.0 MB" in refusal(
        zeros, limits=Limits(decompressed_bytes=10_000)
    )


@pytest.mark.parametrize(
    ("field", "layout", "value", "found"),
    [
        (8, "H", 1, "expected a member that is stored or deflated, and not encrypted"),
        (10, "H", 12, "expected a member that is stored or deflated, and not encrypted"),
        (16, "I", 5, "a/text: expected the CRC-32 00000005, found "),
        (20, "I", 5, "'a/text': expected sizes that can be, found 900 bytes from 5"),
        (24, "I", 5, "'a/text': expected sizes that can be, found 5 bytes from 900"),
        (28, "H", 60_000, "expected the directory to go on"),
        (30, "H", 60_000, "expected the directory to go on"),
        (42, "I", 2**31, "'a/text': expected its header at byte 2,147,483,648"),
        (42, "I", 1, "'a/text': expected its header at byte 1"),
    ],
)  # fmt: skip
def test_an_entry_that_lies(field: int, layout: str, value: int, found: str) -> None:
    assert found in refusal(patched(STORED, entry(STORED) + field, layout, value))


def test_a_member_that_reaches_into_the_directory() -> None:
    at = entry(STORED, 2)
    larger = patched(patched(STORED, at + 20, "I", 300), at + 24, "I", 300)
    assert "expected the members to end before the directory" in refusal(larger)


def test_another_name_in_the_members_own_header() -> None:
    assert "'a/text': expected the same name in its header" in refusal(STORED.replace(b"a/text", b"b/text", 1))


def test_the_end_of_the_directory() -> None:
    end = STORED.index(b"PK\x05\x06")
    assert "expected a zip file to end with the place of its directory" in refusal(STORED[:end])
    assert "expected an entry of the directory, found 50 4b 05 06" in refusal(patched(STORED, end + 10, "H", 4))
    assert "expected the directory to end before byte" in refusal(patched(STORED, end + 12, "I", 2**31))
    assert "expected at most 2 entries in 16.8 MB, found 3" in refusal(STORED, limits=Limits(tensors=2))
    assert "expected at most 65,536 entries in 100 bytes" in refusal(STORED, limits=Limits(header_bytes=100))


def test_a_deflate_stream_that_is_none() -> None:
    archive = Archive(DEFLATED, "file.zip")
    begin = DEFLATED.index(b"a/text") + len(b"a/text")
    packed = archive.members["a/text"].packed
    assert zlib.decompress(DEFLATED[begin : begin + packed], -15) == TEXT  # the control: here it is
    damaged = DEFLATED[:begin] + b"\xff" * packed + DEFLATED[begin + packed :]
    assert "'a/text': expected a deflate stream, found" in refusal(damaged)
