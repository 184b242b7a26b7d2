"""The IDX reader: a file written by hand, all types, and every way in which a file can be wrong."""

import gzip
import math
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data import compressed, read_idx
from pellucid.errors import DataError
from pellucid.limits import Limits

# 2 rows of 3 numbers of type uint8, byte by byte as the format says.
BY_HAND = bytes.fromhex("00 00 08 02 00000002 00000003 01 02 03 04 05 FF")

Writer = Callable[..., bytes]


def put(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def packed(content: bytes) -> bytes:
    """Pack with gzip, without the time of day: the bytes stand in the names of tests, on which processes must agree."""
    return gzip.compress(content, mtime=0)


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_idx(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_a_file_written_by_hand(tmp_path: Path, pack: Callable[[bytes], bytes], name: str) -> None:
    array = read_idx(put(tmp_path, pack(BY_HAND), name))  # the content decides, not the name
    assert array.dtype == np.uint8
    assert array.tolist() == [[1, 2, 3], [4, 5, 255]]


def test_numbers_of_several_bytes_are_big_endian(tmp_path: Path) -> None:
    int32 = bytes.fromhex("00 00 0C 01 00000002 00000102 FFFFFFFE")
    float32 = bytes.fromhex("00 00 0D 01 00000002 3F800000 C0200000")
    assert read_idx(put(tmp_path, int32)).tolist() == [258, -2]
    array = read_idx(put(tmp_path, float32))
    assert array.tolist() == [1.0, -2.5]
    assert array.dtype.isnative


@settings(max_examples=40, deadline=None)
@given(
    array=st.sampled_from([np.uint8, np.int8, np.int16, np.int32, np.float32, np.float64]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
    ),
    packed=st.booleans(),
)
def test_any_array_comes_back(
    tmp_path_factory: pytest.TempPathFactory, idx_bytes: Writer, array: np.ndarray, packed: bool
) -> None:
    content = idx_bytes(array)
    path = put(tmp_path_factory.mktemp("idx"), gzip.compress(content) if packed else content)
    result = read_idx(path)
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_no_beginning_of_a_file_passes_for_the_whole(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(BY_HAND)
    for length in range(len(whole)):
        assert "file" in refusal(put(tmp_path, whole[:length]))
    assert read_idx(put(tmp_path, whole)).size == 6  # the control


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "at byte 0: expected an IDX header of 4 bytes, found a file of 0"),
        (
            b"\x89PNG\r\n",
            "at byte 0: expected an IDX header: 00 00, then one of 08 09 0B 0C 0D 0E, found 89 50 4E 47",
        ),
        (
            b"\0\0\x0a\x01",
            "at byte 0: expected an IDX header: 00 00, then one of 08 09 0B 0C 0D 0E, found 00 00 0A 01",
        ),
        (b"\0\0\x08\x00", "at byte 3: expected 1 to 8 axes, found 0"),
        (b"\0\0\x08\x09", "at byte 3: expected 1 to 8 axes, found 9"),
        (b"\0\0\x08\x02\0\0\0\x01", "at byte 4: expected 2 sizes of 4 bytes, found the end after 4 bytes"),
        (BY_HAND[:-2], "at byte 12: expected 2·3 = 6 bytes of data, found only 4"),
        (BY_HAND + b"xy", "at byte 18: expected the end after 2·3 = 6 bytes, found 2 more"),
    ],
)
def test_a_damaged_plain_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = put(tmp_path, content)
    assert refusal(path) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed(BY_HAND[:-2]), "at unpacked byte 16: expected 2·3 = 6 bytes of data, found only 4"),
        (packed(BY_HAND + b"xy"), "at unpacked byte 18: expected the end after 2·3 = 6 bytes, found more"),
        (
            packed(BY_HAND) + b"junk",
            "trailing bytes: after 18 unpacked bytes the gzip stream is complete, but the file goes on with "
            "6a 75 6e 6b",
        ),
    ],
)
def test_a_damaged_packed_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = put(tmp_path, content)
    assert refusal(path) == f"{path}: {message}"


def test_a_flipped_bit_in_a_packed_file_is_noticed(tmp_path: Path, idx_bytes: Writer) -> None:
    whole = bytearray(gzip.compress(idx_bytes(np.arange(200, dtype=np.uint8)), mtime=0))
    for place in (len(whole) // 2, len(whole) - 6, len(whole) - 1):  # data, checksum, length
        damaged = whole.copy()
        damaged[place] ^= 0x10
        assert "gzip stream" in refusal(put(tmp_path, bytes(damaged)))


@pytest.mark.parametrize("chunk", [1, 7, 1 << 18])
def test_a_gzip_file_of_several_members_is_one_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(compressed, "_CHUNK", chunk)  # wherever a piece may end
    path = put(tmp_path, gzip.compress(BY_HAND[:7]) + gzip.compress(b"") + gzip.compress(BY_HAND[7:]))
    assert read_idx(path).tolist() == [[1, 2, 3], [4, 5, 255]]


def test_sizes_whose_product_wraps_around_in_64_bits(tmp_path: Path) -> None:
    sizes = (65_536,) * 4  # 2^64, which is 0 in 64 bits
    assert int(np.prod(np.array(sizes, np.int64))) == 0  # the trap
    path = put(tmp_path, b"\0\0\x08\x04" + b"".join(size.to_bytes(4, "big") for size in sizes))
    assert refusal(path) == (
        f"{path}: at byte 4: expected at most 4,294,967,296 numbers and 8.6 GB, found sizes "
        f"65,536·65,536·65,536·65,536 = {math.prod(sizes):,} = 18,446.7 PB"
    )


def test_no_numbers_at_all_in_more_places_than_there_are_addresses(tmp_path: Path) -> None:
    path = put(tmp_path, b"\0\0\x0e\x04" + bytes(4) + b"\xff" * 12)  # NumPy makes no array of such a shape
    assert refusal(path).startswith(f"{path}: at byte 4: expected at most 4,294,967,296 numbers")


def test_a_small_file_that_declares_much_allocates_nothing(tmp_path: Path) -> None:
    header = b"\0\0\x08\x01" + (2_000_000_000).to_bytes(4, "big")
    for content in (header, gzip.compress(header + bytes(1000))):
        path = put(tmp_path, content)
        tracemalloc.start()
        message = refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "2,000,000,000" in message
        assert peak < 2_000_000


def test_a_file_that_unpacks_to_more_than_it_declares_is_not_unpacked(tmp_path: Path) -> None:
    content = gzip.compress(b"\0\0\x08\x01\0\0\0\x08" + bytes(32_000_000), compresslevel=1)
    path = put(tmp_path, content)

    def peak(read: Callable[[], Any]) -> int:
        tracemalloc.start()
        read()
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    assert peak(lambda: gzip.decompress(content)) > 32_000_000  # the control: this measure sees the whole
    assert peak(lambda: refusal(path)) < 2_000_000


def test_limits_hold(tmp_path: Path) -> None:
    path = put(tmp_path, BY_HAND)
    assert read_idx(path, limits=Limits(file_bytes=18, elements=6, decompressed_bytes=6, dimensions=2)).size == 6
    for limits in (Limits(file_bytes=17), Limits(elements=5), Limits(decompressed_bytes=5), Limits(dimensions=1)):
        assert str(path) in refusal(path, limits=limits)


class Counting:
    """A file that notes how many bytes were taken, and cannot go back."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.taken = 0

    def read(self, size: int) -> bytes:
        part = self.content[self.taken : self.taken + size]
        self.taken += len(part)
        return part

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_byte_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idx_bytes: Writer, pack: Callable[[bytes], bytes]
) -> None:
    array = np.random.default_rng(0).integers(0, 256, (3, 400, 500), np.uint8)
    content = pack(idx_bytes(array))
    file = Counting(content)
    monkeypatch.setattr(compressed, "open_regular", lambda *_: (file, len(content)))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), array)
    assert file.taken == len(content)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: expected a file, found a folder"
    missing = tmp_path / "missing"
    assert refusal(missing) == f"{missing}: cannot be read: No such file or directory"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "special file" in refusal(tmp_path / "pipe")


def test_the_real_mnist(data_folder: Path) -> None:
    images = read_idx(data_folder / "mnist" / "train-images-idx3-ubyte.gz")
    labels = read_idx(data_folder / "mnist" / "train-labels-idx1-ubyte.gz")
    assert images.dtype == np.uint8
    assert images.shape == (60_000, 28, 28)
    assert labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]  # as in the many figures of this set
    counts = np.bincount(images.reshape(-1), minlength=256)
    values = np.arange(256) / 255
    mean = counts @ values / images.size
    deviation = math.sqrt(counts @ values**2 / images.size - mean**2)
    assert (round(mean, 4), round(deviation, 4)) == (0.1307, 0.3081)  # the published ones
