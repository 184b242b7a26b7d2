"""Files of torch.save, read without torch: what they say is believed only as far as it can be checked.

The files here are written opcode by opcode; tests/parity/test_torch_save.py reads torch's own.
"""

import os
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracles.torch_bytes import (
    call,
    group,
    mapping,
    name,
    number,
    numbers,
    old_file,
    pickled,
    storage,
    tensor,
    tensors,
    text,
    zip_file,
    zipped,
)
from pellucid.errors import ModelFileError, PellucidError
from pellucid.interop.torch_file import decode, is_torch
from pellucid.interop.torch_pickle import TorchMachine
from pellucid.limits import Limits

SIX = np.arange(6, dtype="f4")
ARRAYS = {
    "conv.weight": np.random.default_rng(0).normal(0, 1, (4, 3, 3, 3)).astype("f4"),
    "conv.bias": np.arange(4, dtype="f8"),
    "norm.steps": np.array(7, "i8"),
    "norm.mask": np.array([[True, False]]),
    "head.weight": np.arange(20, dtype="f2").reshape(4, 5).T,
}

Write = Callable[..., bytes]
both = pytest.mark.parametrize("write", [old_file, zip_file])


def read(content: bytes, **options: Any) -> dict[str, np.ndarray]:
    file = decode(content, "weights.pth", **options)
    return {key: file.array(key) for key in file.entries}


def refusal(content: bytes, **options: Any) -> str:
    with pytest.raises(ModelFileError) as caught:
        read(content, **options)
    assert str(caught.value).startswith("weights.pth")
    return str(caught.value)


def one(value: bytes, write: Write = zip_file) -> bytes:
    """A file that holds one value under the name "w", over six numbers."""
    return write(mapping({"w": value}), {"0": SIX})


# ---- what is right


@both
def test_arrays_of_all_dtypes_come_back(write: Write) -> None:
    found = read(write(*tensors(ARRAYS)))
    assert found.keys() == ARRAYS.keys()
    for key, array in ARRAYS.items():
        np.testing.assert_array_equal(found[key], array)
        assert (found[key].dtype, found[key].flags.writeable) == (array.dtype, False), key


@both
def test_views_of_one_storage(write: Write) -> None:
    held = storage()
    views = {
        "row": tensor(held, (3,), (1,), 3), "turned": tensor(held, (3, 2), (1, 3)), "one": tensor(held, (), (), 5),
        "again": tensor(held, (2, 2), (0, 1), 1), "none": tensor(held, (0, 3), (3, 1)),
    }  # fmt: skip
    found = read(write(mapping(views), {"0": SIX}))
    assert {key: array.tolist() for key, array in found.items()} == {
        "row": [3, 4, 5], "turned": [[0, 3], [1, 4], [2, 5]], "one": 5, "again": [[1, 2], [1, 2]], "none": [],
    }  # fmt: skip


@both
def test_bfloat16_becomes_float32(write: Write) -> None:
    halves = np.array([0x3FC0, 0xC000, 0x7F80], "u2")  # 1.5, -2, infinity
    held = storage("0", 3, "torch BFloat16Storage")
    (found,) = read(write(mapping({"w": tensor(held, (3,), (1,))}), {"0": halves})).values()
    assert (found.tolist(), found.dtype) == ([1.5, -2, np.inf], np.float32)


@both
def test_what_earlier_versions_of_torch_wrote(write: Write) -> None:
    """Python 2's strings, dicts as lists of pairs, tensors of five parts, and parameters that are made and filled."""
    plain = call("torch._utils _rebuild_tensor", storage(), number(0), numbers(2, 3), numbers(3, 1))
    parameter = name("torch.nn.parameter Parameter") + group(plain) + b"\x81" + group(b"\x88", b"\x89") + b"b"
    pairs = b"](](U\x01a" + plain + b"e](U\x01b" + parameter + b"ee"
    found = read(write(call("collections OrderedDict", pairs), {"0": SIX}))
    assert {key: array.tolist() for key, array in found.items()} == {key: [[0, 1, 2], [3, 4, 5]] for key in "ab"}


@both
def test_weights_beside_other_things(write: Write) -> None:
    weights = mapping({"w": tensor(storage(), (6,), (1,))})
    moments = mapping({"state": mapping({"m": tensor(storage(), (6,), (1,))}), "lr": b"G" + struct.pack(">d", 0.1)})
    size = call("torch Size", numbers(2, 3))
    whole = {"optimizer": moments, "best": b"G" + struct.pack(">d", 91.5), "state_dict": weights, "size": size}
    assert list(read(write(mapping(whole), {"0": SIX}))) == ["w"]
    assert list(read(write(mapping({"ema": weights, "epoch": number(3)}), {"0": SIX}))) == ["w"]
    message = refusal(write(mapping({"one": weights, "two": weights}), {"0": SIX}))
    assert "expected tensors by name, or one dict of them, found 'one', 'two'; in PyTorch, save with" in message


def test_a_file_of_a_machine_with_the_other_byte_order() -> None:
    content = mapping({"w": tensor(storage(), (6,), (1,))})
    turned = zip_file(content, {"0": SIX.astype(">f4")}, {"archive/byteorder": b"big"})
    np.testing.assert_array_equal(read(turned)["w"], SIX)
    assert read(turned)["w"].dtype.isnative
    assert "little or big, found 'middle'" in refusal(zip_file(content, {"0": SIX}, {"archive/byteorder": b"middle"}))


def test_numbers_are_not_compressed(traced: None) -> None:
    """torch.save stores them as they are; compressed, a file of a thousandth could become all memory that there is."""
    bomb = zip_file(mapping({"w": tensor(storage(count=10**7), (6,), (1,))}), {"0": np.zeros(10**7, "f4")})
    held = peak_while_reading(bomb, None)
    packed = zip_file(
        mapping({"w": tensor(storage(count=10**7), (6,), (1,))}), {"0": np.zeros(10**7, "f4")},
        method=zipfile.ZIP_DEFLATED,
    )  # fmt: skip
    message = "archive/data/'0': expected numbers that are stored, found them compressed; load the file in PyTorch"
    assert message in refusal(packed)
    assert peak_while_reading(packed, None) < 10**6
    assert held < 10**6  # the control: what is stored is not copied


def test_which_files_are_torchs() -> None:
    assert is_torch(old_file(*tensors(ARRAYS)))
    assert is_torch(zip_file(*tensors(ARRAYS)))
    assert not is_torch(b"\x80\x02\x00\x00\x00\x00\x00\x00{")  # safetensors, with a header of 640 bytes
    assert not is_torch(b"\x89HDF\r\n\x1a\n")


# ---- what would run


class Trap:
    """Pickled, it makes a folder as soon as ``pickle`` reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@both
def test_a_call_in_a_file_is_refused_and_not_made(write: Write, tmp_path: Path) -> None:
    trapped = pickle.dumps({"w": Trap(tmp_path / "sprung")}, protocol=2)
    message = refusal(write(trapped[2:-1], {}))
    assert f"found the name '{os.mkdir.__module__} mkdir'; names stand for code, and none was run" in message
    assert 'torch.save(model.state_dict(), "weights.pth")' in message
    assert not (tmp_path / "sprung").exists()
    pickle.loads(trapped)  # noqa: S301 - a trap of our own
    assert (tmp_path / "sprung").exists()  # the control: Python's own reader falls into it


@both
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (call("os system", text("true")), "found the name 'os system'"),
        (name("torch.nn.modules.container Sequential") + b")\x81}b", "'torch.nn.modules.container Sequential'"),
        (name("torch.hub load"), "found the name 'torch.hub load'"),
        (name("torch ComplexFloatStorage"), "found the name 'torch ComplexFloatStorage'"),
        (name("torch._utils _rebuild_tensor_v2.__globals__"), "_rebuild_tensor_v2.__globals__'"),
        (group(text("module"), name("torch Size"), b"N", b"N") + b"Q", "found something else"),
        (text("0") + b"Q", "expected a storage with its type, key, device and count of numbers"),
        (group(text("storage"), name("torch Size"), text("0"), text("cpu"), number(6)) + b"Q", "something else"),
        (b"(ios\nsystem\n", "0x69 (INST)"),
        (b"(o", "0x6f (OBJ)"),
        (text("os") + text("system") + b"\x93", "0x93 (STACK_GLOBAL)"),
        (b"P0\n", "0x50 (PERSID)"),
        (b"\x82\x01", "0x82 (EXT1)"),
        (b"]}b", "expected nothing to be added to a value, found something for a list"),
        (name("torch Size") + b"}b", "expected nothing to be added to a value, found something for a Name"),
        (storage() + b"}b", "expected nothing to be added to a value, found something for a Storage"),
        (text("os") + b")R", "expected a name and its arguments, found a str and a tuple"),
        (name("torch Size") + b"]R", "expected a name and its arguments, found a Name and a list"),
        (name("torch Size") + group(text("x")) + b"R", "found a call of torch Size with 1 other arguments"),
        (call("torch._utils _rebuild_parameter", storage()), "a call of torch._utils _rebuild_parameter"),
        (call("collections OrderedDict", number(5)), "a call of collections OrderedDict with 1 other"),
        (name("torch FloatStorage") + b")R", "a call of torch FloatStorage with 0 other arguments"),
        (b"}(" + numbers(1) + b"Nu", "expected a number or text as key, found a tuple; torch.save writes"),
        (b"}(" + storage() + b"Nu", "expected a number or text as key, found a Storage"),
        (b"\x80\x04", "expected protocol 2 or 3, found 4; torch.save writes weights otherwise; load the file"),
        (b"\x80\x06", "expected protocol 2 or 3, found 6; the file is damaged"),
        (b"p0\n", "0x70 (PUT); torch.save writes weights otherwise"),
        (b"F1.5\n", "0x46 (FLOAT); torch.save writes weights otherwise"),
        (b"(l", "0x6c (LIST); torch.save writes weights otherwise"),
        (b"(d", "0x64 (DICT); torch.save writes weights otherwise"),
        (b"g0\n", "0x67 (GET); torch.save writes weights otherwise"),
        (b"\xff", "0xff (unknown); the file is damaged"),
        (b"\x8a\x11" + bytes(17), "an integer of at most 16 bytes, found one of 17; torch.save writes "),
        (call("torch._tensor _rebuild_parameter_v9", storage()), "found the name 'torch._tensor _rebuild_param"),
    ],
)  # fmt: skip
def test_what_is_no_data_is_refused(write: Write, value: bytes, found: str) -> None:
    message = refusal(one(value, write))
    assert found in message
    assert ", byte " in message


@both
def test_what_is_hung_on_to_a_dict_is_passed_over(write: Write) -> None:
    state = mapping({"__class__": text("os"), "_metadata": mapping({"": number(1)})})
    content = mapping({"w": tensor(storage(), (6,), (1,))}) + state + b"b"
    assert list(read(write(content, {"0": SIX}))) == ["w"]


# ---- what does not fit


@both
@pytest.mark.parametrize(
    ("held", "shape", "strides", "offset", "found"),
    [
        (storage(), (7,), (1,), 0, "expected a tensor inside its storage of 6 numbers, found one that goes to 6"),
        (storage(), (6,), (1,), 1, "inside its storage of 6 numbers, found one that goes to 6"),
        (storage(), (2, 3), (4, 1), 0, "inside its storage of 6 numbers, found one that goes to 6"),
        (storage(), (), (), 6, "inside its storage of 6 numbers, found one that goes to 6"),
        (storage(), (6,), (-1,), 5, "an offset, sizes and strides from 0 to 4,294,967,296"),
        (storage(), (6,), (1,), -1, "an offset, sizes and strides from 0"),
        (storage(), (-6,), (1,), 0, "an offset, sizes and strides from 0"),
        (storage(), (2**62,), (2**62,), 0, "an offset, sizes and strides from 0"),
        (storage(), (2**31, 2**31), (0, 0), 0, "of at most 4,294,967,296 numbers, found 2147483648×2147483648"),
        (storage(), (2**32, 0, 2**32), (0, 0, 0), 0, "of at most 4,294,967,296 numbers"),
        (storage(), (2, 3), (1,), 0, "at most 8 sizes and as many strides, found 2, 1"),
        (storage(), (1,) * 9, (1,) * 9, 0, "at most 8 sizes and as many strides, found 9, 9"),
        (storage(count=2**40), (6,), (1,), 0, "a storage of at most 4,294,967,296 numbers, found 1,099,511,627,776"),
        (storage(count=-1), (6,), (1,), 0, "a storage of at most 4,294,967,296 numbers, found -1"),
        (storage("1"), (6,), (1,), 0, "expected "),
        (storage(count=7), (6,), (1,), 0, "expected "),
        (storage(), (7, 1), (0, 1), 0, "at most the 6 numbers of its storage, found a tensor of 7; it takes some"),
        (storage(), (2**26, 64), (0, 0), 5, "found a tensor of 4,294,967,296; it takes some of them several times"),
        (storage(), (4, 3), (1, 1), 0, "found a tensor of 12; it takes some of them several times; in PyTorch, call"),
        (storage(kind="torch DoubleStorage"), (6,), (1,), 0, "expected "),
    ],
)  # fmt: skip
def test_a_tensor_that_cannot_be(
    write: Write, held: bytes, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, found: str
) -> None:
    assert found in refusal(one(tensor(held, shape, strides, offset), write))


@both
def test_numbers_that_are_none(write: Write) -> None:
    rebuild, hooks = "torch._utils _rebuild_tensor_v2", call("collections OrderedDict")
    odd = call(rebuild, storage(), number(0), group(b"\x88", number(2)), numbers(1, 1), b"\x89", hooks)
    assert "an offset, sizes and strides from 0" in refusal(one(odd, write))
    odd = call(rebuild, storage(), text("0"), numbers(2), numbers(1), b"\x89", hooks)
    assert "an offset, sizes and strides from 0" in refusal(one(odd, write))
    negated = mapping({"neg": b"\x88"})
    odd = call(rebuild, storage(), number(0), numbers(2), numbers(1), b"\x89", hooks, negated)
    message = refusal(one(odd, write))
    assert "expected a tensor whose numbers are what is stored, found one that torch would still change" in message
    assert "call .resolve_neg()" in message


@both
def test_one_storage_is_one_thing(write: Write) -> None:
    two = {"a": tensor(storage(), (6,), (1,)), "b": tensor(storage(kind="torch DoubleStorage"), (3,), (1,))}
    assert "expected storage '0' to be the same everywhere, found another type" in refusal(
        write(mapping(two), {"0": SIX})
    )


@both
@pytest.mark.parametrize("value", [tensor(storage(), (6,), (1,)), b"]", number(5), b"}", mapping({"epoch": number(5)})])
def test_weights_without_names(write: Write, value: bytes) -> None:
    assert "expected tensors by name" in refusal(write(value, {"0": SIX} if b"storage" in value else {}))


def test_nothing_saved_is_said_so() -> None:
    assert "expected tensors by name, found None; in PyTorch, save with" in refusal(zip_file(b"N", {}))


# ---- what would not end


@both
def test_deep_nesting(write: Write) -> None:
    deep = write(b"N" + b"\x85" * 50_000, {})
    assert "expected tensors by name, found a tuple" in refusal(deep)
    assert "expected tensors by name, found a list" in refusal(write(b"]" * 20_000 + b"a" * 19_999, {}))
    assert "expected at most 49,999 steps, found more" in refusal(deep, limits=Limits(pickle_opcodes=49_999))


@both
def test_a_list_copied_again_and_again(write: Write) -> None:
    pairs = b"](" + (b"](" + text("k") + b"Ne") * 1000 + b"e"
    again = b"](" + name("collections OrderedDict") + b"q\x01" + pairs + b"\x85q\x02" + b"h\x01h\x02R" * 100 + b"e"
    few = Limits(pickle_opcodes=50_000)
    assert "expected at most 50,000 steps, found more" in refusal(write(again, {}), limits=few)
    assert "expected tensors by name, found a list" in refusal(write(again, {}))  # the control


@both
def test_numbers_as_keys_have_no_hashes_that_a_file_can_choose(write: Write) -> None:
    """Python's hash of a whole number is its remainder by 2^61 − 1, of a float likewise: one place for all."""
    keys = [k * (2**61 - 1) for k in range(1, 101)] + [0, -5]
    assert len(set(map(hash, keys))) == 2  # the control
    pairs = b"".join(b"\x8a\x0f" + key.to_bytes(15, "little", signed=True) + b"N" for key in keys)
    floats = b"".join(b"G" + struct.pack(">d", 2.0 ** (61 * k)) + b"N" for k in range(16))
    machine = TorchMachine(pickled(b"}(" + pairs + floats + b"u"), "weights.pth", Limits())
    found = machine.run()
    assert len(found) == len(set(map(hash, found))) == 118
    weights = mapping({"w": tensor(storage(), (6,), (1,))})
    moments = b"}(" + number(140_234_567_890_123) + b"N" + number(7) + b"N" + text("w") + b"Nu"
    whole = write(mapping({"model": weights, "state": moments}), {"0": SIX})
    assert list(read(whole)) == ["w"]  # what torch before 1.7 wrote of its optimisers
    assert "one dict of them, found '7'" in refusal(write(b"}(" + number(7) + b"Nu", {}))


@both
def test_what_is_too_long_for_a_key(write: Write) -> None:
    """Keys that are equal are compared to the end, each time: 2 of 20 MB, in turn, would take minutes."""
    longest, longer = "k" * 1_000, "k" * 1_001
    value = tensor(storage(), (6,), (1,))
    assert list(read(write(mapping({longest: value}), {"0": SIX}))) == [longest]
    assert list(read(write(mapping({"w": tensor(storage(longest), (6,), (1,))}), {longest: SIX}))) == ["w"]
    wanted = "expected a key of at most 1,000 letters, found one of 1,001"
    assert wanted in refusal(write(mapping({longer: value}), {"0": SIX}))
    assert wanted in refusal(write(call("collections OrderedDict", b"](](" + text(longer) + value + b"ee"), {"0": SIX}))
    assert wanted in refusal(write(mapping({"w": tensor(storage(longer), (6,), (1,))}), {"0": SIX}))
    listed = b"](" + text("0") + 2 * text(longer) + b"e"
    assert "expected the list of all storages" in refusal(old_file(mapping({"w": value}), {"0": SIX}, listed))


def test_the_old_format_at_its_seams() -> None:
    value, storages = tensors(ARRAYS)
    whole = old_file(value, storages)
    assert len(read(whole)) == 5  # the control
    assert "found 3 more bytes" in refusal(whole + b"abc")
    assert "expected the list of all storages" in refusal(old_file(value, storages, b"](" + text("0") + b"e"))
    assert "expected the list of all storages" in refusal(old_file(value, storages, b"]]a"))
    assert "expected the list of all storages" in refusal(old_file(value, storages | {"9": SIX}))
    assert "found another pickle" in refusal(pickled(value))
    assert "found another pickle" in refusal(whole.replace(number(1001), number(1002)))
    at = whole.index(storages["0"].tobytes()) - 8
    for size in (107, 109, -1, 2**60):
        odd = whole[:at] + struct.pack("<q", size) + whole[at + 8 :]
        assert "expected 108 as the size of storage '0' and 432 bytes after it" in refusal(odd)


def test_the_zip_format_at_its_seams() -> None:
    value, storages = tensors(ARRAYS)
    assert len(read(zip_file(value, storages))) == 5  # the control
    assert "found 5 more bytes" in refusal(zip_file(value + b".more", storages))
    assert "with one data.pkl in it, found 0" in refusal(zipped({"x.npy": b""}))
    assert "with one data.pkl in it, found 2" in refusal(zip_file(value, storages, {"b/data.pkl": b""}))
    assert "archive/data/'0': expected 432 bytes, found no such member" in refusal(zip_file(value, {}))
    assert "archive/data/'0': expected 432 bytes, found 24" in refusal(zip_file(value, storages | {"0": SIX}))
    assert "found a TorchScript program" in refusal(zip_file(value, storages, {"archive/code/__torch__.py": b""}))
    assert "found a TorchScript program" in refusal(zip_file(value, storages, {"archive/constants.pkl": b""}))
    small = Limits(header_bytes=100 + len(pickled(value)) // 2)
    assert "archive/data.pkl: expected at most" in refusal(zip_file(value, {}), limits=small)


def test_the_oldest_format_is_named() -> None:
    tar = b"sys_info".ljust(257, b"\0") + b"ustar".ljust(300, b"\0")
    assert "found a tar, which only versions before 0.1.10 wrote" in refusal(tar)


# ---- damage


def peak_while_reading(content: bytes, right: dict[str, np.ndarray] | None) -> int:
    """Read a damaged file; return the most memory that this took. `right` is the only result that there may be."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        found = read(content)
        if right is not None:
            assert found.keys() == right.keys()
            assert all(np.array_equal(found[key], right[key]) for key in right)
    except PellucidError:
        pass  # anything else fails the test
    return tracemalloc.get_traced_memory()[1] - before


@pytest.fixture
def traced() -> Any:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@both
def test_no_part_of_a_file_passes_for_the_whole(write: Write) -> None:
    whole = write(*tensors(ARRAYS))
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        refusal(whole[:length])
    assert read(whole).keys() == ARRAYS.keys()  # the control


def test_a_damaged_zip_is_refused_with_what_to_do() -> None:
    whole = zip_file(*tensors(ARRAYS))
    message = refusal(whole[:-30])
    assert "expected a zip file to end with the place of its directory; the file is damaged or was cut short" in message
    entry = whole.index(b"PK\x01\x02")
    message = refusal(whole[: entry + 16] + b"\0\0\0\0" + whole[entry + 20 :])
    assert "archive/data.pkl: expected the CRC-32 00000000, found " in message
    assert "torch.save needs its checksums on (torch.serialization.set_crc32_options)" in message


@both
def test_flipped_bits_give_an_error_of_ours_or_the_right_arrays(write: Write, traced: None) -> None:
    """In the old format, which has no checksums, a flip among the numbers is just another number."""
    whole = write(*tensors(ARRAYS))
    right = ARRAYS if write is zip_file else None
    allowed = 50 * len(whole)
    assert peak_while_reading(whole, ARRAYS) < allowed
    places = random.Random(1)
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[places.randrange(len(whole))] ^= 1 << places.randrange(8)
        assert peak_while_reading(bytes(damaged), right) < allowed
