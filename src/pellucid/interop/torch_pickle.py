"""The pickle inside a file of torch.save: which names may stand in it, and the tensors that they describe.

Such a pickle holds no numbers of tensors, only for each where they lie: which storage, from which number on, and by
which strides. These are checked here, before anything is allocated; the bytes are the business of `torch_file`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from ..limits import Limits, extent
from ..pickle_machine import Name, PickleMachine
from ..serialization.tensor_file import problem
from ..steps import Shape

STORAGES = {
    "torch FloatStorage": "F32", "torch DoubleStorage": "F64", "torch HalfStorage": "F16",
    "torch BFloat16Storage": "BF16", "torch LongStorage": "I64", "torch IntStorage": "I32",
    "torch ShortStorage": "I16", "torch CharStorage": "I8", "torch ByteStorage": "U8", "torch BoolStorage": "BOOL",
}  # fmt: skip
"""Dtypes by the names of torch's storages, spelt as in safetensors files."""

PARAMETERS = (
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_parameter_with_state",
    "torch.nn.parameter Parameter",
)
CALLS = (
    "collections OrderedDict",
    "torch Size",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    *PARAMETERS,
)
"""What a pickle of weights calls: containers, tensors, and parameters, which here are their tensors."""

FIX = (
    "names stand for code, and none was run; to get at the weights, load the file in PyTorch, if you trust where it "
    'comes from, and save them alone: torch.save(model.state_dict(), "weights.pth")'
)
CONTIGUOUS = "it takes some of them several times; in PyTorch, call .contiguous() on it before saving"
DIALECT = (
    "torch.save writes weights otherwise; load the file in PyTorch, if you trust where it comes from, and save them "
    'alone, with the default protocol: torch.save(model.state_dict(), "weights.pth")'
)
LAZY = "in PyTorch, call .resolve_neg().resolve_conj() on it before saving"
DAMAGED = "the file is damaged or was cut short, or torch.save did not write it; copy or save it again"


@dataclass(frozen=True, slots=True)
class Storage:
    """A row of `count` numbers, which tensors are views of."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where the numbers of a tensor lie in its storage: the first at `offset`, the others by the strides."""

    storage: Storage
    offset: int
    shape: Shape
    strides: Shape

    @property
    def dtype(self) -> str:
        return self.storage.dtype

    def __str__(self) -> str:
        return f"{'×'.join(map(str, self.shape)) or 'a single number'} ({self.dtype})"


class TorchMachine(PickleMachine):
    """Reads one pickle of a file of torch.save; a tensor in it becomes a `Tensor`, any container a list or dict.

    Attributes
    ----------
    storages : dict of str to Storage
        Those that tensors are views of.

    Raises
    ------
    ModelFileError
        For an opcode or a name outside of the known few, or for a tensor that leaves its storage.
    """

    what = "pickle of weights"
    names = frozenset((*CALLS, *STORAGES))
    more = MappingProxyType({
        0x47: lambda m: m.stack.append(struct.unpack(">d", m.take(8))[0]),  # BINFLOAT
        0x51: lambda m: m.stack.append(m.persistent(m.stack.pop())),  # BINPERSID
        0x81: lambda m: m.reduce(),  # NEWOBJ, by which torch 0.1 wrote its parameters
    })  # fmt: skip

    def __init__(self, data: bytes, path: str, limits: Limits, position: int = 0) -> None:
        super().__init__(data, limits.pickle_opcodes, position)
        self.path = path
        self.limits = limits
        self.storages: dict[str, Storage] = {}

    def refuse(self, expected: str, found: str, fix: str = DAMAGED) -> NoReturn:
        raise problem(self.path, f"expected {expected}, found {found}", fix, self.opcode_at)

    def refuse_dialect(self, expected: str, found: str) -> NoReturn:
        self.refuse(expected, found, DIALECT)

    def refuse_name(self, name: str) -> NoReturn:
        what = f"expected tensors in plain containers, found the name {name!r:.100}"
        raise problem(self.path, what, FIX, self.opcode_at)

    def string(self, raw: bytes) -> str:
        return raw.decode("utf-8")  # Python 2 wrote names so

    def persistent(self, identity: Any) -> Storage:
        """Return the storage that an identity describes: ("storage", type, key, device, count, None)."""
        match identity:
            case ("storage", Name(text=text), str(key), str(), int(count)) if text in STORAGES:
                pass
            case ("storage", Name(text=text), str(key), str(), int(count), None) if text in STORAGES:
                pass
            case _:
                self.refuse("a storage with its type, key, device and count of numbers", "something else")
        self.refuse_long(key)
        if not 0 <= count <= self.limits.elements:
            self.refuse(f"a storage of at most {self.limits.elements:,} numbers", f"{count:,}")
        storage = Storage(key, STORAGES[text], count)
        if self.storages.setdefault(key, storage) != storage:
            self.refuse(f"storage {key!r:.40} to be the same everywhere", "another type or size")
        if len(self.storages) > self.limits.tensors:
            self.refuse(f"at most {self.limits.tensors:,} storages", "more")
        return storage

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        match name, arguments:
            case "collections OrderedDict", ():
                return {}
            case "collections OrderedDict", (list(pairs),):  # as Python 2 wrote it
                self.spend(len(pairs))
                return {self.key(key): value for key, value in pairs}
            case "torch Size", (tuple(sizes),):
                return sizes
            case "torch._utils _rebuild_tensor", (Storage() as storage, offset, tuple(shape), tuple(strides)):
                return self.tensor(storage, offset, shape, strides)
            case "torch._utils _rebuild_tensor_v2", (Storage() as storage, offset, tuple(shape), tuple(strides), *more):
                if any(more[2:]):  # bits such as "negative", by which torch puts off its arithmetic
                    self.refuse("a tensor whose numbers are what is stored", "one that torch would still change", LAZY)
                return self.tensor(storage, offset, shape, strides)
            case _, (Tensor() as tensor, *_) if name in PARAMETERS:
                return tensor
        self.refuse("a tensor or a plain container", f"a call of {name} with {len(arguments)} other arguments")

    def tensor(self, storage: Storage, offset: Any, shape: Sequence[Any], strides: Sequence[Any]) -> Tensor:
        """Return a tensor all of whose numbers lie in its storage."""
        most = self.limits.elements
        if len(shape) > self.limits.dimensions or len(strides) != len(shape):
            self.refuse(f"at most {self.limits.dimensions} sizes and as many strides", f"{len(shape)}, {len(strides)}")
        if not all(type(number) is int and 0 <= number <= most for number in (offset, *shape, *strides)):
            self.refuse(f"an offset, sizes and strides from 0 to {most:,}", "others")
        if extent(shape) > most:
            self.refuse(f"a tensor of at most {most:,} numbers", "×".join(map(str, shape)))
        last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if 0 not in shape and last >= storage.count:
            self.refuse(f"a tensor inside its storage of {storage.count:,} numbers", f"one that goes to {last:,}")
        if (numbers := math.prod(shape)) > storage.count:  # as of expand: little in the file, much in the memory
            self.refuse(f"at most the {storage.count:,} numbers of its storage", f"a tensor of {numbers:,}", CONTIGUOUS)
        return Tensor(storage, offset, tuple(shape), tuple(strides))

    def build(self, target: Any, state: Any) -> None:
        """Pass over what torch hangs on to a state dict (versions of layers) or a parameter (whether it is learnt)."""
        if not isinstance(target, dict | Tensor):
            self.refuse("nothing to be added to a value", f"something for a {type(target).__name__}")
