"""Writes files of torch.save opcode by opcode, so that a test can also write what torch never would."""

import io
import struct
import zipfile

import numpy as np

KINDS = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long", "i4": "Int", "u1": "Byte", "?": "Bool"}


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    return b"\x8a\x08" + value.to_bytes(8, "little", signed=True)


def name(value: str) -> bytes:
    return b"c" + value.replace(" ", "\n").encode() + b"\n"


def group(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def numbers(*values: int) -> bytes:
    return group(*map(number, values))


def mapping(items: dict[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def call(callee: str, *arguments: bytes) -> bytes:
    return name(callee) + group(*arguments) + b"R"


def storage(key: str = "0", count: int = 6, kind: str = "torch FloatStorage") -> bytes:
    return group(text("storage"), name(kind), text(key), text("cpu"), number(count)) + b"Q"


def tensor(held: bytes, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    hooks = call("collections OrderedDict")
    return call(
        "torch._utils _rebuild_tensor_v2", held, number(offset), numbers(*shape), numbers(*strides), b"\x89", hooks
    )


def tensors(arrays: dict[str, np.ndarray]) -> tuple[bytes, dict[str, np.ndarray]]:
    """A state dict of arrays, each of which is a storage of its own, and the storages."""
    items, storages = {}, {}
    for place, (key, array) in enumerate(arrays.items()):
        kind = f"torch {KINDS[array.dtype.str[1:] if array.dtype != bool else '?']}Storage"
        strides = tuple(stride // array.itemsize for stride in array.strides)
        items[key] = tensor(storage(str(place), array.size, kind), array.shape, strides)
        storages[str(place)] = array.ravel("K")  # as it lies in memory
    return mapping(items), storages


def pickled(value: bytes) -> bytes:
    return b"\x80\x02" + value + b"."


def old_file(value: bytes, storages: dict[str, np.ndarray], keys: bytes | None = None) -> bytes:
    start = pickled(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") + pickled(number(1001)) + pickled(b"}")
    listed = b"](" + b"".join(map(text, storages)) + b"e" if keys is None else keys
    rows = b"".join(struct.pack("<q", row.size) + row.tobytes() for row in storages.values())
    return start + pickled(value) + pickled(listed) + rows


def zip_file(
    value: bytes,
    storages: dict[str, np.ndarray],
    more: dict[str, bytes] | None = None,
    method: int = zipfile.ZIP_STORED,
) -> bytes:
    members = {"archive/data.pkl": pickled(value), "archive/byteorder": b"little", "archive/version": b"3\n"}
    members |= {f"archive/data/{key}": row.tobytes() for key, row in storages.items()}
    return zipped(members | (more or {}), method)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return file.getvalue()
