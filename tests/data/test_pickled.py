"""The reader of CIFAR-10's batches: the files' own notation is read, and nothing in a file is ever run.

Two writers serve as source: one spells the opcodes as Python 2 wrote them in the published files, the other is
Python's own ``pickle`` with protocol 2, whose bytes and arrays are spelt differently.
"""

import contextlib
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.pickled import read_batch
from pellucid.errors import DataError
from pellucid.limits import Limits

IMAGES = np.random.default_rng(1).integers(0, 256, (3, 3072), np.uint8)
LABELS = [6, 9, 300]


def python2_batch(images: np.ndarray, labels: list[int]) -> bytes:
    """A batch in the notation of the published files, opcode by opcode."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85U\x01b\x87Rq\x0a"
        b"(K\x01" + number(images.shape[0]) + number(images.shape[1]) + b"\x86"
        b"cnumpy\ndtype\nq\x0bU\x02u1K\x00K\x01\x87Rq\x0c(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<I", images.size) + images.tobytes() + b"tb"
    )
    return (
        b"\x80\x02}q\x01(" + text(b"batch_label") + b"q\x02" + text(b"training batch 1 of 5") + b"q\x03"
        + text(b"labels") + b"q\x04]q\x05(" + b"".join(map(number, labels)) + b"e"
        + text(b"data") + b"q\x0d" + array
        + text(b"filenames") + b"r\x00\x01\x00\x00]q\x0e(" + text(b"a.png") + b"h\x03e" + b"u."
    )  # fmt: skip


def python3_batch(images: np.ndarray, labels: list[int]) -> bytes:
    batch = {b"batch_label": b"training", b"labels": labels, b"data": images, b"filenames": [b"a.png", b"b.png"]}
    return pickle.dumps(batch, protocol=2)


def refusal(content: bytes, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_batch(content, "batch", **options)
    return str(caught.value)


@pytest.mark.parametrize("write", [python2_batch, python3_batch])
def test_a_batch_is_read(write: Any) -> None:
    batch = read_batch(write(IMAGES, LABELS), "batch")
    assert set(batch) == {b"batch_label", b"labels", b"data", b"filenames"}
    np.testing.assert_array_equal(batch[b"data"], IMAGES)
    assert batch[b"data"].dtype == np.uint8
    assert batch[b"labels"] == LABELS
    assert batch[b"filenames"][0] == b"a.png"


def test_the_writer_spells_what_python_reads_the_same_way() -> None:
    theirs = pickle.loads(python2_batch(IMAGES, LABELS), encoding="bytes")  # noqa: S301 - the control of our writer
    np.testing.assert_array_equal(theirs[b"data"], IMAGES)
    assert theirs[b"filenames"] == [b"a.png", b"training batch 1 of 5"]
    assert read_batch(python2_batch(IMAGES, LABELS), "batch")[b"filenames"] == theirs[b"filenames"]


class Trap:
    """Pickled, it makes a folder as soon as ``pickle`` reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_call_in_a_file_is_refused_and_not_made(tmp_path: Path) -> None:
    trapped = pickle.dumps({b"data": Trap(tmp_path / "sprung")}, protocol=2)
    message = refusal(trapped)
    assert not (tmp_path / "sprung").exists()
    assert f"found '{os.mkdir.__module__} mkdir'; nothing else is accepted" in message
    pickle.loads(trapped)  # noqa: S301 - a trap of our own
    assert (tmp_path / "sprung").exists()  # the control: Python's own reader falls into it


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x80\x02cbuiltins\neval\n.", "found 'builtins eval'"),
        (b"\x80\x02(ios\nsystem\n.", "0x69 (INST)"),
        (b"\x80\x02(o.", "0x6f (OBJ)"),
        (b"\x80\x02)\x81.", "0x81 (NEWOBJ)"),
        (b"\x80\x02\x93.", "0x93 (STACK_GLOBAL)"),
        (b"\x80\x02Pid\n.", "0x50 (PERSID)"),
        (b"\x80\x02\x82\x01.", "0x82 (EXT1)"),
        (b"\x80\x02\xff.", "0xff (unknown)"),
        (b"\x80\x04.", "expected protocol 2 or 3, found 4"),
        (b"\x80\x02cnumpy\nndarray\nK\x05\x85R.", "found a call of numpy ndarray with 1 arguments"),
        (b"\x80\x02cnumpy\ndtype\nU\x02O8\x85R.", "found a call of numpy dtype with 1 arguments"),
        (b"\x80\x02}K\x01K\x02s.", "expected a key of bytes or text, found a int"),
        (b"\x80\x02}X\xe9\x03\x00\x00" + b"k" * 1_001 + b"K\x02s.", "at most 1,000 letters, found one of 1,001"),
        (b"\x80\x02K\x01.", "expected a dict, found a int"),
        (b"\x80\x02}.extra", "expected the end of the file, found 5 more bytes"),
        (b"\x80\x02h\x07.", "found a damaged one (KeyError: 7)"),
        (b"\x80\x02}}e.", "expected a mark on the stack, found none"),
        (b"\x80\x02K\x01\x86.", "expected 2 values on the stack, found 1"),
        (b"\x80\x02s.", "found a damaged one (IndexError"),
        (b"\x80\x02(}K\x01u.", "found a damaged one"),
        (b"\x80\x02\x8a\x11.", "expected an integer of at most 16 bytes, found one of 17"),
        (b"\x80\x02T\xff\xff\xff\xff.", "expected 4,294,967,295 bytes, found the end of the file after 1"),
    ],
)
def test_what_does_not_belong_is_refused(content: bytes, found: str) -> None:
    message = refusal(content)
    assert message.startswith("batch: at byte ")
    assert found in message


def test_a_shape_that_does_not_fit_its_bytes() -> None:
    whole = python2_batch(IMAGES, LABELS)
    assert whole.count(b"K\x03M\x00\x0c\x86") == 1  # (3, 3072)
    assert "expected 4·3072 bytes, as the shape says, found 9,216" in refusal(
        whole.replace(b"K\x03M\x00\x0c\x86", b"K\x04M\x00\x0c\x86")
    )
    # A shape of (4294967295, (1,)) would be multiplied into a tuple of 34 GB.
    assert "expected a shape of integers" in refusal(
        whole.replace(b"K\x03M\x00\x0c\x86", b"\x8a\x04\xff\xff\xff\x7fK\x01\x85\x86")
    )
    assert "as the shape says" in refusal(whole, limits=Limits(dimensions=1))
    assert whole.count(b"\x89T") == 1  # column order: False
    assert "expected a uint8 array in row order" in refusal(whole.replace(b"\x89T", b"\x88T"))


def test_a_text_cannot_be_turned_into_bytes_again_and_again() -> None:
    text = b"X" + struct.pack("<I", 1000) + b"a" * 1000 + b"q\x01X\x06\x00\x00\x00latin1q\x02c_codecs\nencode\nq\x030"
    once = b"h\x03h\x01h\x02\x86R"  # eight bytes of file for a thousand of memory
    text = text.removesuffix(b"0")
    assert "as many bytes from text as the file has" in refusal(b"\x80\x02" + text + once * 100 + b".")


def test_no_beginning_of_a_batch_passes_for_the_whole() -> None:
    whole = python2_batch(IMAGES[:, :100], LABELS)
    for length in range(len(whole)):
        refusal(whole[:length])
    assert read_batch(whole, "batch")[b"labels"] == LABELS  # the control


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_gives_a_batch_or_an_error_of_ours(changes: list[tuple[int, int]]) -> None:
    content = bytearray(python2_batch(IMAGES[:, :4], LABELS))
    for place, value in changes:
        content[place % len(content)] = value
    with contextlib.suppress(DataError):  # anything else fails this test
        read_batch(bytes(content), "batch")
