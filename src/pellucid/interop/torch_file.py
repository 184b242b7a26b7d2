"""Reads the tensors in a file of torch.save (.pt, .pth, .th), without torch and without running anything in it.

There are two formats. Since version 1.6 a file is a zip::

    NAME/data.pkl      a pickle (`torch_pickle`): what was saved, with a reference in place of each row of numbers
    NAME/data/KEY      the numbers of the storage KEY
    NAME/byteorder     "little" or "big"; without it, little

The older one is, one after the other::

    5 pickles          a magic number, a version, facts about the machine, what was saved, the storages' keys
    for each key       how many numbers (8 bytes), and the numbers; always little-endian

The numbers are not copied: arrays are views of the file's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import printable
from ..limits import LIMITS, Limits
from ..serialization.tensor_file import BYTES, problem
from ..zip_reader import ZIP_MAGIC, ZipReader
from .torch_pickle import DAMAGED, Storage, Tensor, TorchMachine

Buffer: TypeAlias = bytes | memoryview

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001

NUMPY = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": "u2", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1"}
NUMPY |= {"U8": "u1", "BOOL": "u1"}
"""The stored numbers by dtype. NumPy has no bfloat16, which is the upper half of a float32."""

USUAL = ("state_dict", "model_state_dict", "model", "net")
"""Under which names training scripts put the weights beside other things."""

SAVE = 'in PyTorch, save with torch.save(model.state_dict(), "weights.pth")'


class TorchFile:
    """The named tensors in a file that was read and found in order.

    Attributes
    ----------
    path : str
    entries : mapping of str to Tensor
    """

    def __init__(
        self, path: str, entries: Mapping[str, Tensor], read: Callable[[Storage], Buffer], byteorder: str = "little"
    ) -> None:
        self.path = path
        self.entries = entries
        self._read = read
        self._byteorder = byteorder
        self._numbers: dict[str, NDArray[Any]] = {}

    def array(self, name: str) -> NDArray[Any]:
        """Return a read-only array; bfloat16 becomes float32.

        Raises
        ------
        ModelFileError
            If the bytes are not those that were saved.
        """
        tensor = self.entries[name]
        if 0 in tensor.shape:
            return np.empty(tensor.shape, "f4" if tensor.dtype == "BF16" else NUMPY[tensor.dtype])
        if tensor.storage.key not in self._numbers:
            self._numbers[tensor.storage.key] = self._convert(tensor.storage)
        numbers = self._numbers[tensor.storage.key]
        width = numbers.itemsize
        strides = [stride * width if size > 1 else 0 for size, stride in zip(tensor.shape, tensor.strides, strict=True)]
        view: NDArray[Any] = np.ndarray(tensor.shape, numbers.dtype, numbers.data, tensor.offset * width, strides)
        view.flags.writeable = False
        return view

    def _convert(self, storage: Storage) -> NDArray[Any]:
        stored = np.dtype(NUMPY[storage.dtype]).newbyteorder("<" if self._byteorder == "little" else ">")
        numbers = np.frombuffer(self._read(storage), stored)
        numbers = numbers.astype(stored.newbyteorder("="), copy=False)
        if storage.dtype == "BF16":
            return (numbers.astype("u4") << 16).view("f4")
        return numbers != 0 if storage.dtype == "BOOL" else numbers


def is_torch(content: bytes) -> bool:
    """Return whether a file begins as those of torch.save do, or as any zip, tar or pickle does."""
    is_pickle = content[:1] == b"\x80" and content[8:9] != b"{"  # which stands there in a safetensors file
    return content[:4] == ZIP_MAGIC or _is_tar(content) or is_pickle


def decode(content: bytes, path: str, limits: Limits = LIMITS) -> TorchFile:
    """Read a file of torch.save; its tensors' bytes are looked at when they are asked for.

    Parameters
    ----------
    content : bytes
    path : str
        What to call the file in messages.
    limits : Limits
        What sizes are believed.

    Raises
    ------
    ModelFileError
        If the file is damaged, names anything but tensors and plain containers, is a TorchScript program or a whole
        module, or holds no tensors by name.
    """
    if content[:4] == ZIP_MAGIC:
        return _decode_zip(TorchZip(content, path, limits), limits)
    if _is_tar(content):
        what = "expected a zip or a row of pickles, found a tar, which only versions before 0.1.10 wrote"
        raise problem(path, what, "load it with PyTorch and save it again with torch.save")
    return _decode_old(content, path, limits)


class TorchZip(ZipReader):
    """The zip of a newer torch.save."""

    def refuse(self, what: str, at: int) -> NoReturn:
        raise problem(self.path, what, DAMAGED, at)

    def refuse_sum(self, what: str, at: int) -> NoReturn:
        fix = "copy or save it again; torch.save needs its checksums on (torch.serialization.set_crc32_options)"
        raise problem(self.path, what, fix, at)


def _is_tar(content: bytes) -> bool:
    return content[257:262] == b"ustar"


def _decode_zip(archive: TorchZip, limits: Limits) -> TorchFile:
    path, members = archive.path, archive.members
    if any("/code/" in name or name.endswith("/constants.pkl") for name in members):
        raise problem(path, "expected weights, found a TorchScript program, which is code", SAVE)
    folders = [name.removesuffix("/data.pkl") for name in members if name.count("/") == 1 and name[-9:] == "/data.pkl"]
    if len(folders) != 1:
        what = f"expected the zip of torch.save, with one data.pkl in it, found {len(folders)}"
        raise problem(path, what, f"check the file's name, or {SAVE}")
    (folder,) = folders
    named = printable(folder)
    pickled = _short(archive, f"{folder}/data.pkl", limits.header_bytes)
    machine = TorchMachine(pickled, f"{path}: {named}/data.pkl", limits)
    saved = machine.run()
    machine.expect_end()
    for key, storage in machine.storages.items():
        member, needed = members.get(f"{folder}/data/{key}"), storage.count * BYTES[storage.dtype]
        if member is None or member.size != needed:
            found = "no such member" if member is None else f"{member.size:,}"
            raise problem(path, f"{named}/data/{key!r:.40}: expected {needed:,} bytes, found {found}", DAMAGED)
        if member.compressed:  # torch.save stores them as they are; a little file could become gigabytes
            what = f"{named}/data/{key!r:.40}: expected numbers that are stored, found them compressed"
            raise problem(path, what, "load the file in PyTorch and save it again, or zip it anew with `zip -0`")
    byteorder = "little"
    if f"{folder}/byteorder" in members:
        byteorder = str(_short(archive, f"{folder}/byteorder", 10), "ascii", "replace")
    if byteorder not in ("little", "big"):
        raise problem(path, f"expected the byte order to be little or big, found {byteorder!r}", DAMAGED)
    return TorchFile(
        path, _state_dict(saved, path), lambda storage: archive.read(f"{folder}/data/{storage.key}"), byteorder
    )


def _short(archive: TorchZip, name: str, most: int) -> bytes:
    if archive.members[name].size > most:
        raise problem(archive.path, f"{printable(name)}: expected at most {most:,} bytes, found more", DAMAGED)
    return bytes(archive.read(name))


def _decode_old(content: bytes, path: str, limits: Limits) -> TorchFile:
    position = 0
    for expected in (MAGIC_NUMBER, PROTOCOL_VERSION):
        machine = TorchMachine(content, path, limits, position)
        found = machine.run()
        if found != expected:
            what = f"expected a file of torch.save, which begins with {MAGIC_NUMBER:#x} and {PROTOCOL_VERSION}"
            raise problem(path, f"{what}, found another pickle", f"check the file's name, or {SAVE}", position)
        position = machine.position
    about_the_machine = TorchMachine(content, path, limits, position)
    about_the_machine.run()  # its byte order among them, but torch turns the numbers round
    machine = TorchMachine(content, path, limits, about_the_machine.position)
    saved = machine.run()
    keys = TorchMachine(content, path, limits, machine.position)
    parts = _old_parts(content, keys.run(), keys.position, machine.storages, path)
    return TorchFile(path, _state_dict(saved, path), lambda storage: parts[storage.key])


def _old_parts(
    content: bytes, keys: object, position: int, storages: Mapping[str, Storage], path: str
) -> dict[str, memoryview]:
    """Return the bytes of each storage, which fill the file to its end in the order of `keys`."""
    # Each is looked for, for their order would compare long ones that are the same with each other.
    listed = isinstance(keys, list) and all(isinstance(key, str) and key in storages for key in keys)
    if not isinstance(keys, list) or not listed or not len(keys) == len(set(keys)) == len(storages):
        raise problem(path, "expected the list of all storages", DAMAGED, position)
    parts = {}
    for key in keys:
        storage = storages[key]
        needed = storage.count * BYTES[storage.dtype]
        begin, end = position + 8, position + 8 + needed
        if end > len(content) or int.from_bytes(content[position:begin], "little") != storage.count:
            what = f"expected {storage.count:,} as the size of storage {key!r:.40} and {needed:,} bytes after it"
            raise problem(path, f"{what}, found another size or the end of the file", DAMAGED, position)
        parts[key] = memoryview(content)[begin:end]
        position = end
    if position != len(content):
        more = len(content) - position
        raise problem(path, f"expected the end of the file, found {more:,} more bytes", DAMAGED, position)
    return parts


def _state_dict(saved: object, path: str) -> dict[str, Tensor]:
    """Return the tensors by name, from what was saved or from a dict in it, beside which there are other things."""
    if not isinstance(saved, dict):
        raise problem(path, f"expected tensors by name, found {_kind(saved)}", SAVE)
    for name in USUAL:
        if isinstance(saved.get(name), dict) and (tensors := _tensors(saved[name])):
            return tensors
    if tensors := _tensors(saved):
        return tensors
    nested = {id(value): value for value in saved.values() if isinstance(value, dict)}  # a pickle can repeat one often
    found = [tensors for value in nested.values() if (tensors := _tensors(value))]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(repr(_readable(name))[:40] for name in list(saved)[:10]) or "nothing"
    raise problem(path, f"expected tensors by name, or one dict of them, found {listed}", SAVE)


def _kind(saved: object) -> str:
    return "None" if saved is None else f"a {type(saved).__name__.lower()}"


def _readable(key: Any) -> Any:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else key


def _tensors(held: dict[Any, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in held.items() if isinstance(name, str) and isinstance(value, Tensor)}
