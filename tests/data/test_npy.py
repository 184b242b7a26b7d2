""".npy and .npz: what NumPy writes is read back; what declares too much, or holds objects, is refused."""

import contextlib
import io
import math
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.npy import read_npy, read_npz, read_npz_pairs
from pellucid.errors import DataError
from pellucid.limits import Limits


def npy(array: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def header(shape: str, descr: str = "<f4", order: str = "False") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def refusal(path: Path, content: bytes, read: Any = read_npy, **options: Any) -> str:
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path, **options)
    return str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    array=arrays.arrays(
        st.sampled_from(["bool", "u1", "i1", "<u2", ">i2", "<i4", ">u8", "<f2", "<f4", ">f4", "<f8"]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    ),
    column_order=st.booleans(),
    version=st.sampled_from([(1, 0), (2, 0)]),
)
def test_what_numpy_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, column_order: bool, version: tuple[int, int]
) -> None:
    path = tmp_path_factory.mktemp("npy") / "x.npy"
    path.write_bytes(npy(np.asarray(array, order="F" if column_order else "C"), version=version))
    result = read_npy(path)
    assert result.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(result, array)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_zip_of_arrays(tmp_path: Path, save: Any) -> None:
    saved = {"x": np.arange(12, dtype=np.uint8).reshape(3, 4), "y": np.array([0.5, 2.0], np.float32)}
    save(tmp_path / "both.npz", **saved)
    result = read_npz(tmp_path / "both.npz")
    assert list(result) == ["x", "y"]
    for name, array in saved.items():
        np.testing.assert_array_equal(result[name], array)
        assert result[name].dtype == array.dtype


NAMES = ("tabby", "golden retriever", "Siamkatze", "猫", "🐈", "")


@pytest.mark.parametrize("order", "<>")
def test_names_of_classes_are_text(tmp_path: Path, order: str) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((6, 2, 2)), y=np.arange(6), class_names=np.array(NAMES, f"{order}U16"))
    assert read_npz_pairs(tmp_path / "x.npz").class_names == NAMES
    np.savez(tmp_path / "x.npz", x=np.zeros((6, 2, 2)), y=np.arange(6))
    assert read_npz_pairs(tmp_path / "x.npz").class_names == ()


def in_zip(path: Path, content: bytes) -> Path:
    """Write a .npz file whose names of classes are these bytes."""
    np.savez(path, x=np.zeros((2, 2, 2)), y=np.arange(2))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("class_names.npy", content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        npy(np.array(["cat", "dog"], object), allow_pickle=True),
        npy(np.array([[1, 2]])),
        npy(np.array([["cat", "dog"]])),
        npy(np.array("cat")),
        header("(2,)", "<U0"),
        header("(2,)", "<U1") + struct.pack("<2I", 65, 0x110000),
        header("(2,)", "<U1") + struct.pack("<2I", 0xD800, 65),
        header("(2,)", "<U2") + struct.pack("<2I", 65, 66),
        header("(99999999999,)", "<U99999") + struct.pack("<2I", 65, 66),
    ],
    ids=["objects", "numbers", "table", "one", "empty", "beyond", "half", "short", "absurd"],
)
def test_names_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"x\.npz: class_names\.npy: "):
        read_npz_pairs(in_zip(tmp_path / "x.npz", content))


def test_objects_and_records_are_refused(tmp_path: Path) -> None:
    objects = npy(np.array([{"a": 1}], object), allow_pickle=True)
    assert np.load(io.BytesIO(objects), allow_pickle=True)[0] == {"a": 1}  # the control: a sound file of objects
    records = npy(np.zeros(2, [("a", "f4"), ("b", "i2")]))
    for content in (objects, records):
        assert "Python objects and records are not read" in refusal(tmp_path / "x.npy", content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (npy(np.array([1j])), "complex numbers are not read: save their real parts, or np.abs(x)"),
        (npy(np.array(["text"])), "texts are read as class_names of a .npz file alone"),
        (npy(np.array([b"text"])), "texts are read as class_names of a .npz file alone"),
        (npy(np.zeros(2, "m8[s]")), "times are not read: save numbers"),
        (npy(np.zeros(2, "f4")).replace(b"'descr': ", b"'descr':  "), "NumPy writes headers otherwise, or the type is"),
        (header("(2,)", descr="<f16"), "NumPy writes headers otherwise, or the type is not read: save it anew"),
    ],
)
def test_why_an_array_is_not_read(tmp_path: Path, content: bytes, why: str) -> None:
    message = refusal(tmp_path / "x.npy", content)
    assert why in message
    assert "objects" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "at byte 0: expected .npy, 93 4E 55 4D 50 59 with version 01 00 or 02 00, found nothing"),
        (b"GIF89a..", "at byte 0: expected .npy, 93 4E 55 4D 50 59 with version 01 00 or 02 00, found 47 49 46"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "at byte 8: expected a header of at most 65,536 bytes, found 4,294"),
        (header("(2,)") + bytes(7), "at byte 68: expected 8 bytes for shape (2,) of float32, found 7"),
        (header("(2,)") + bytes(9), "at byte 68: expected 8 bytes for shape (2,) of float32, found 9"),
        (header("(-2,)"), "at byte 10: expected {'descr': type of number"),
        (header("(__import__('os').getpid(),)"), "at byte 10: expected {'descr': type of number"),
        (header("(" + "(" * 500 + ")" * 500 + ")"), "at byte 10: expected {'descr': type of number"),
    ],
)
def test_a_damaged_array(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.npy"
    assert refusal(path, content).startswith(f"{path}: {message}")


def test_sizes_whose_product_wraps_around_in_64_bits(tmp_path: Path) -> None:
    sizes = (4_194_305, 4_194_305, 211_106_198_978_564)
    assert int(np.prod(np.array(sizes, np.int64))) == 4  # the trap: four bytes would pass for the whole
    message = refusal(tmp_path / "x.npy", header(str(sizes), "|u1") + bytes(4))
    assert f"declares shape {sizes}" in message
    assert math.prod(sizes) > 2**64


def test_no_numbers_at_all_in_more_places_than_there_are_addresses(tmp_path: Path) -> None:
    sizes = (0, 2**32 - 1, 2**32 - 1, 2**32 - 1)  # NumPy makes no array of such a shape
    assert f"declares shape {sizes}" in refusal(tmp_path / "x.npy", header(str(sizes), "<f8"))


def test_a_declared_size_allocates_nothing(tmp_path: Path) -> None:
    tracemalloc.start()
    message = refusal(tmp_path / "x.npy", header("(500000000,)") + bytes(100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "expected 2,000,000,000 bytes" in message
    assert peak < 1_000_000


@pytest.mark.parametrize(
    "limits", [Limits(file_bytes=50), Limits(elements=5), Limits(decompressed_bytes=20), Limits(dimensions=1)]
)
def test_limits_hold(tmp_path: Path, limits: Limits) -> None:
    content = npy(np.zeros((2, 3), np.float32))
    (tmp_path / "x.npy").write_bytes(content)
    assert read_npy(tmp_path / "x.npy").shape == (2, 3)  # the control
    assert str(tmp_path) in refusal(tmp_path / "x.npy", content, limits=limits)


def test_a_zip_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "zeros.npz", a=np.zeros(3_000_000, np.uint8), b=np.zeros(3_000_000, np.uint8))
    content = (tmp_path / "zeros.npz").read_bytes()
    assert len(content) < 10_000
    path = tmp_path / "x.npz"
    assert "expected to unpack to at most 5.0 MB, found 6.0 MB" in refusal(
        path, content, read_npz, limits=Limits(decompressed_bytes=5_000_000)
    )
    declared = "'a.npy': expected sizes that can be, found 3,000,128 bytes from"
    assert declared in refusal(path, content, read_npz, limits=Limits(expansion_ratio=100))
    assert "expected at most 1 entries" in refusal(path, content, read_npz, limits=Limits(tensors=1))
    assert read_npz(path)["b"].size == 3_000_000  # the control


def test_a_damaged_zip(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    assert "not a .npz file" in refusal(path, b"no zip at all", read_npz)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy(np.arange(100, dtype=np.uint8)))
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[200] ^= 1  # among the numbers: only the CRC can tell
    assert "x.npy: expected the CRC-32 " in refusal(path, bytes(flipped), read_npz)
    assert "not a .npz file" in refusal(path, content[: len(content) // 2], read_npz)


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x.npy", npy(np.arange(100)))
    message = refusal(path, path.read_bytes(), read_npz)
    assert "'x.npy': expected a member that is stored or deflated, and not encrypted; not a .npz file" in message
    assert "save it with np.savez" in message


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("x.npy", "x.npy"), "expected each name once, found 'x.npy' twice"),
        (("x.npy", "x"), "expected each array once, found 'x' with .npy behind it and without"),
    ],
)
def test_two_arrays_of_one_name_are_refused(tmp_path: Path, names: tuple[str, str], message: str) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python says that the name is there already, and writes it
        for number, name in enumerate(names):
            archive.writestr(name, npy(np.array([number])))
    assert message in refusal(path, path.read_bytes(), read_npz)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy(np.array([1])))
        archive.writestr("y", npy(np.array([2])))
    assert list(read_npz(path)) == ["x", "y"]  # the control


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_zip_takes_no_more_memory_than_the_file_and_the_arrays(tmp_path: Path, save: Any) -> None:
    path = tmp_path / "x.npz"
    save(path, x=np.arange(2_000_000, dtype=np.uint32), y=np.zeros(100))
    file, arrays = path.stat().st_size, 8_000_000 + 800
    tracemalloc.start()
    result = read_npz(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < file + arrays + 3_000_000
    assert result["x"].flags.writeable
    assert result["x"][-1] == 1_999_999


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 10_000))
def test_damage_gives_an_array_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, cut: int
) -> None:
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    np.savez_compressed(path, x=np.arange(50), y=np.arange(3))
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    if cut % 3 == 0:
        del content[cut % len(content) :]
    path.write_bytes(content)
    with contextlib.suppress(DataError):  # anything else fails this test
        read_npz(path)
