"""Where a kernel's values live: in memory (`Tensor`), or in registers for as long as a block lasts (`Registers`)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import llvmlite.ir as ir

from .values import FLOAT, LANE, POINTER, Index, Integer, Mask, Value, Vector, Words, integer

if TYPE_CHECKING:
    from .builder import Kernel


@dataclass(frozen=True)
class Element:
    """What a tensor is made of; `name` is NumPy's name of it."""

    name: str
    type: Any

    @property
    def bits(self) -> int:
        """How many bits one number has."""
        return 32 if self.type is FLOAT else int(self.type.width)


FLOAT32 = Element("float32", FLOAT)
UINT8 = Element("uint8", ir.IntType(8))
UINT32 = Element("uint32", ir.IntType(32))
UINT64 = Element("uint64", ir.IntType(64))
INT64 = Element("int64", ir.IntType(64))
BY_NAME = {element.name: element for element in (FLOAT32, UINT8, UINT32, UINT64, INT64)}


class Tensor:
    """A pointer that knows its shape (row-major). The last axis is the one that vectors run along.

    The first axis may be an `Index`, such as the number of samples; no address depends on it, only the bounds check.
    """

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        base: Value,
        element: Element,
        shape: Sequence[Integer],
        offset: Integer = 0,
        leading: tuple[Integer, ...] = (),
    ):
        self.kernel, self.name, self.base, self.element = kernel, name, base, element
        self.shape, self.offset, self.leading = tuple(shape), offset, leading
        self.strides = [1]
        for size in reversed(self.shape[1:]):
            if not isinstance(size, int):
                raise TypeError(f"{kernel.name}: {name}: only the first axis may be unknown while emitting")
            self.strides.insert(0, self.strides[0] * size)

    def view(self, offset: Integer, *shape: Integer) -> Tensor:
        """Return the part that begins `offset` elements further on, seen with another shape."""
        return Tensor(self.kernel, self.name, self.base, self.element, shape, self.offset + offset)

    def at(self, *leading: Integer) -> Tensor:
        """Return the part of this tensor whose first indices are these; the others remain to be given."""
        return Tensor(
            self.kernel, self.name, self.base, self.element, self.shape, self.offset, (*self.leading, *leading)
        )

    def splat(self, *index: Integer, lanes: int) -> Vector:
        """Return one float in every lane."""
        self._expect(FLOAT32)
        k, vector = self.kernel, ir.VectorType(FLOAT, lanes)
        number = k.ir.load(self._address(index, 1), typ=FLOAT, align=4)
        undefined = ir.Constant(vector, ir.Undefined)
        first = k.ir.insert_element(undefined, number, ir.Constant(LANE, 0))
        return Vector(k, k.ir.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(LANE, lanes), [0] * lanes)))

    def load(self, *index: Integer, lanes: int, live: int | None = None) -> Vector:
        """Return `lanes` neighbours along the last axis. Beyond the first `live` nothing is read, the lanes are 0."""
        self._expect(FLOAT32)
        k, live = self.kernel, lanes if live is None else live
        address = self._address(index, live)
        if live == lanes:
            return Vector(k, k.ir.load(address, typ=ir.VectorType(FLOAT, lanes), align=4))
        mask = ir.Constant(ir.VectorType(ir.IntType(1), lanes), [1] * live + [0] * (lanes - live))
        return k.intrinsic("llvm.masked.load", address, mask, k.zeros(lanes), suffix=".p0")

    def gather(self, *leading: Integer, at: Words, where: Mask, otherwise: Vector) -> Vector:
        """Return for every lane the number at its own place along the last axis. Where false nothing is read, and the
        lane is that of `otherwise`."""
        self._expect(FLOAT32)
        k, lanes = self.kernel, at.lanes
        if k.checked:
            read = k.ir.select(where.value, at.value, ir.Constant(at.value.type, None))
            for lane in range(lanes):
                k.check(self, (*self.leading, *leading, Words(k, read).index(lane)), 1)
        begin = k.addresses.find(self.base, self.element, self._flat((*self.leading, *leading, 0)))
        addresses = k.ir.gep(begin, [at.value], source_etype=FLOAT)
        addresses.type = ir.VectorType(POINTER, lanes)  # llvmlite takes it for one pointer
        align = ir.Constant(LANE, self._align)
        return k.intrinsic("llvm.masked.gather", addresses, align, where.value, otherwise, suffix=f".v{lanes}p0")

    def load_words(self, *index: Integer, lanes: int) -> Words:
        """Return `lanes` neighbouring unsigned integers along the last axis, or the words of signed ones."""
        self._expect(UINT8, UINT32, UINT64, INT64)
        vector = ir.VectorType(self.element.type, lanes)
        return Words(self.kernel, self.kernel.ir.load(self._address(index, lanes), typ=vector, align=self._align))

    def integer(self, *index: Integer) -> Index:
        """Return one integer of the tensor as an `Index`: a sample's number, a class."""
        self._expect(UINT8, UINT32, UINT64, INT64)
        k = self.kernel
        value = k.ir.load(self._address(index, 1), typ=self.element.type, align=self._align)
        return k.atom(value if self.element.bits == 64 else k.ir.zext(value, ir.IntType(64)))

    def store(self, vector: Vector | Words, *index: Integer, live: int | None = None) -> None:
        """Write the first `live` lanes, in parts whose sizes are powers of two."""
        self._expect(*((FLOAT32,) if isinstance(vector, Vector) else (UINT8, UINT32, UINT64, INT64)))
        k, value, size, done = self.kernel, vector.value, vector.lanes, 0
        if value.type.element != self.element.type:
            raise TypeError(f"{k.name}: {self.name} holds {self.element.name}, it cannot store {value.type.element}")
        live = vector.lanes if live is None else live
        address = self._address(index, live)
        while done < live:
            while size > live - done:
                size //= 2
            part = value
            if size < vector.lanes:
                picks = ir.Constant(ir.VectorType(LANE, size), list(range(done, done + size)))
                part = k.ir.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), picks)
            at = k.ir.gep(address, [integer(done)], source_etype=self.element.type) if done else address
            k.ir.store(part, at, align=self._align)
            done += size

    def fetch(self, *index: Integer) -> None:
        """Ask for what lies at an index to be in the second-level cache soon. It may lie outside the tensor."""
        k, number = self.kernel, ir.IntType(32)
        function = k.module.globals.get("llvm.prefetch.p0")
        if function is None:
            type = ir.FunctionType(ir.VoidType(), [POINTER, number, number, number])
            function = ir.Function(k.module, type, "llvm.prefetch.p0")
        address = k.addresses.find(self.base, self.element, self._flat((*self.leading, *index)))
        # For reading (0), into the second level (2), data (1). Asked for writing, lines go to the first level.
        k.ir.call(function, [address, *(ir.Constant(number, what) for what in (0, 2, 1))])

    @property
    def _align(self) -> int:
        return self.element.bits // 8

    def _expect(self, *elements: Element) -> None:
        if self.element not in elements:
            names = " or ".join(element.name for element in elements)
            raise TypeError(f"{self.kernel.name}: {self.name} holds {self.element.name}, this needs {names}")

    def _address(self, index: Sequence[Integer], lanes: int) -> Value:
        """Return the address of an element, after refusing an index that cannot be right."""
        index = (*self.leading, *index)
        where = f"{self.kernel.name}: {self.name}[{', '.join(map(str, index))}]"
        if len(index) != len(self.shape):
            raise TypeError(f"{where}: {self.name} has {len(self.shape)} axes, {len(index)} were given")
        for axis, (i, size) in enumerate(zip(index, self.shape, strict=True)):
            room = lanes if axis == len(index) - 1 else 1
            if isinstance(i, int) and not (i >= 0 and (not isinstance(size, int) or i + room <= size)):
                raise IndexError(f"{where} ({lanes} lanes) lies outside {list(self.shape)} along axis {axis}")
        if self.kernel.checked:
            self.kernel.check(self, index, lanes)
        return self.kernel.addresses.find(self.base, self.element, self._flat(index))

    def _flat(self, index: Sequence[Integer]) -> Integer:
        flat = self.offset
        for i, stride in zip(index, self.strides, strict=True):
            flat = flat + i * stride
        return flat


class VectorSource(Protocol):
    """What vectors can be loaded from: a tensor, or something that stands for one."""

    def load(self, *index: Integer, lanes: int) -> Vector:
        """Return `lanes` neighbours along the last axis."""


class Registers:
    """A tile of vectors that stay in registers for as long as the surrounding block lasts.

    Rows are any keys (outputs, taps); columns are neighbouring vectors of channels. ``tile[row, column]`` reads one and
    ``tile[row, column] = vector`` replaces it, inside a loop too.
    """

    def __init__(self, kernel: Kernel, rows: Iterable[Hashable], columns: int, lanes: int):
        self.kernel, self.columns, self.lanes = kernel, columns, lanes
        self._slots = {(row, column): kernel.variable() for row in rows for column in range(columns)}

    def __getitem__(self, at: tuple[Hashable, int]) -> Vector:
        return Vector(self.kernel, self._slots[at][0])

    def __setitem__(self, at: tuple[Hashable, int], vector: Vector) -> None:
        self._slots[at][0] = vector.value
