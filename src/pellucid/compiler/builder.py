"""The emitter: a kernel is written as its loop nest, in Python, and comes out as LLVM's IR.

There are two kinds of loop. ``for p in range(4):`` is Python's: it unrolls, now. ``with k.range(0, n) as i:`` is the
machine's: it runs later. What is computed with are the `values` and `tensors` beside this module.

No instruction here carries a fast-math flag: sums keep their order and NaN and infinities keep their meaning.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llvmlite.ir as ir

from .addresses import Addresses
from .cuts import full_runs
from .tensors import FLOAT32, Element, Registers, Tensor
from .tiles import InstructionSet
from .values import FLOAT, INT, POINTER, TRUTH, Index, Integer, Value, Vector, Words, integer

Span = tuple[Integer, Integer]
"""First, and one past the last."""

MAX_AXES = 8
CACHE_LINE = 64
OWN_FILES = {str(Path(__file__).with_name(name)) for name in ("builder.py", "tensors.py", "values.py")}


class Kernel:
    """One native function while it is emitted.

    It is called as ``f(piece, tensors)``. The *piece* says what of the work to do, as integers: the number of samples
    first and then the first and last of every range that `piece` declared. `tensors` are the addresses of the tensors
    in the order of their declaration. So all kernels are called alike, and the runtime need not know them.

    Parameters
    ----------
    name : str
        The function's name.
    isa : InstructionSet
        Decides whether ``a * b + c`` is one instruction.
    checked : bool
        Whether every load and store first checks its index, as ``PELLUCID_CHECK=1`` asks for.
    """

    def __init__(self, name: str, isa: InstructionSet, checked: bool = False):
        self.name, self.isa, self.checked = name, isa, checked
        self.module = ir.Module(name)
        # The loops are a function of their own, because only arguments can be promised not to overlap.
        self.function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), []), f"{name}.loops")
        self.function.linkage = "internal"
        self.function.attributes.add("nounwind")
        self.entry = self.function.append_basic_block("entry")  # the piece and hoisted addresses only
        self.ir: Any = ir.IRBuilder(self.function.append_basic_block("body"))
        self.addresses = Addresses(self)
        self._live: list[list[list[Value]]] = [[]]  # the registers' slots, scope by scope
        self.tensors: list[Tensor] = []
        self.ranges: list[tuple[str, Integer]] = []
        self.sites: list[str] = []
        self._piece = self._argument("piece", POINTER)
        self.samples = self._piece_field(0)
        if checked:  # [0]: 1 + number of the site; then the index along every axis
            self.fault = ir.GlobalVariable(self.module, ir.ArrayType(INT, 1 + MAX_AXES), "fault")
            self.fault.initializer = ir.Constant(ir.ArrayType(INT, 1 + MAX_AXES), [0] * (1 + MAX_AXES))

    # ---- arguments
    def tensor(self, name: str, *shape: Integer, element: Element = FLOAT32) -> Tensor:
        """Declare an argument that points to a tensor. No two tensors of a kernel may overlap."""
        if len(shape) > MAX_AXES:
            raise TypeError(f"{self.name}: {name}: expected at most {MAX_AXES} axes, received {len(shape)}")
        base = self._argument(name, POINTER)
        base.add_attribute("noalias")
        self.tensors.append(Tensor(self, name, base, element, shape))
        return self.tensors[-1]

    def table(self, name: str, numbers: Sequence[float]) -> Tensor:
        """Return numbers that are part of the code as a tensor (len(numbers),); each is rounded to float32."""
        type = ir.ArrayType(FLOAT, len(numbers))
        place = ir.GlobalVariable(self.module, type, self.module.get_unique_name(name))
        place.initializer, place.global_constant, place.linkage = ir.Constant(type, list(numbers)), True, "internal"
        return Tensor(self, name, place, FLOAT32, (len(numbers),))

    def scratch(self, name: str, size: int) -> Tensor:
        """Return memory on the stack for a few numbers (size,), which hold nothing when a call begins.

        It begins where a line of the cache does.
        """
        emit = ir.IRBuilder(self.entry)
        emit.position_at_start(self.entry)  # every address may then be computed behind it
        place = emit.alloca(ir.ArrayType(FLOAT, size))
        place.align = CACHE_LINE
        place.type = POINTER  # not one to the whole array, to which llvmlite would let nobody store a vector
        return Tensor(self, name, place, FLOAT32, (size,))

    def piece(self, name: str, whole: Integer) -> Span:
        """Declare a range of the work, and return the part of it that a call is to do; `whole` is how much there is."""
        at = 1 + 2 * len(self.ranges)
        self.ranges.append((name, whole))
        return self._piece_field(at), self._piece_field(at + 1)

    def _argument(self, name: str, type: Any) -> Value:
        argument = ir.Argument(self.function, type, name)
        self.function.args += (argument,)
        self.function.ftype.args += (type,)
        return argument

    def _piece_field(self, at: int) -> Index:
        emit = ir.IRBuilder(self.entry)
        return self.atom(emit.load(emit.gep(self._piece, [integer(at)], source_etype=INT), typ=INT, align=8))

    # ---- integers
    def atom(self, value: Value) -> Index:
        """Return an integer of the IR as an `Index`."""
        self.addresses.born(value)
        return Index(self, {value: 1})

    def emit_index(self, index: Integer) -> Value:
        """Emit here the integer of the IR that an `Index` stands for."""
        if isinstance(index, int):
            return integer(index)
        total = None
        for atom, factor in index.terms.items():
            term = atom if factor == 1 else self.ir.mul(atom, integer(factor), flags=["nsw"])
            total = term if total is None else self.ir.add(total, term, flags=["nsw"])
        if total is None:
            return integer(index.constant)
        return self.ir.add(total, integer(index.constant), flags=["nsw"]) if index.constant else total

    def maximum(self, a: Integer, b: Integer) -> Integer:
        """Return the larger of two integers."""
        return max(a, b) if isinstance(a, int) and isinstance(b, int) else self._choose(">", a, b)

    def minimum(self, a: Integer, b: Integer) -> Integer:
        """Return the smaller of two integers."""
        return min(a, b) if isinstance(a, int) and isinstance(b, int) else self._choose("<", a, b)

    def _choose(self, relation: str, a: Integer, b: Integer) -> Index:
        left, right = self.emit_index(a), self.emit_index(b)
        return self.atom(self.ir.select(self.ir.icmp_signed(relation, left, right), left, right))

    def shifted_left(self, index: Integer, places: Integer) -> Index:
        """Return ``index · 2^places``."""
        return self.atom(self.ir.shl(self.emit_index(index), self.emit_index(places)))

    def shifted_right(self, index: Integer, places: Integer) -> Index:
        """Return ``⌊index / 2^places⌋``, where ``index >= 0``."""
        return self.atom(self.ir.lshr(self.emit_index(index), self.emit_index(places)))

    def bit_length(self, index: Integer) -> Index:
        """Return how many bits a number takes, where ``index >= 0``: 0 for 0."""
        function = self.module.globals.get("llvm.ctlz.i64")
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(INT, [INT, TRUTH]), "llvm.ctlz.i64")
        zeros = self.ir.call(function, [self.emit_index(index), ir.Constant(TRUTH, 0)])
        return self.atom(self.ir.sub(integer(64), zeros))

    def overlap(self, a: Span, b: Span) -> Span:
        """Return what two ranges have in common; empty is a range whose end is not after its start."""
        return self.maximum(a[0], b[0]), self.minimum(a[1], b[1])

    # ---- loops
    @contextmanager
    def range(self, start: Integer, stop: Integer, step: int = 1, nonempty: bool = False) -> Iterator[Integer]:
        """``for i in range(start, stop, step)`` at run time.

        One turn that is known now is inlined, and `i` is an int. `nonempty` promises at least one turn, which saves
        the test before the first: a test round a full tile of registers costs more than it looks.
        """
        if isinstance(start, int) and isinstance(stop, int):
            nonempty = nonempty or start < stop
            if start < stop <= start + step:
                self._live.append([])
                yield start
                self._live.pop()
                return
        first, last, before = self.emit_index(start), self.emit_index(stop), self.ir.block
        body, after = (self.function.append_basic_block(name) for name in ("loop", "after"))
        if nonempty:
            self.ir.branch(body)
        else:
            self.ir.cbranch(self.ir.icmp_signed("<", first, last), body, after)
        self.ir.position_at_end(body)
        i = self._phi(INT, (first, before))
        carried = [slot for scope in self._live for slot in scope if slot[0] is not None]
        entering = [slot[0] for slot in carried]
        phis = [self._phi(value.type, (value, before)) for value in entering]
        for slot, phi in zip(carried, phis, strict=True):
            slot[0] = phi
        self._live.append([])
        yield self.atom(i)
        self._live.pop()
        following, end = self.ir.add(i, integer(step), flags=["nsw"]), self.ir.block
        self.ir.cbranch(self.ir.icmp_signed("<", following, last), body, after)
        for phi, value in zip([i, *phis], [following, *(slot[0] for slot in carried)], strict=True):
            phi.add_incoming(value, end)
        self.ir.position_at_end(after)
        if not nonempty:
            for slot, value in zip(carried, entering, strict=True):
                slot[0] = self._phi(value.type, (value, before), (slot[0], end))

    def unrolled(self, stop: int, step: int) -> Iterator[Integer]:
        """``for i in range(stop)`` at run time, `step` turns of it in one; the body is emitted for each of them."""
        for part in full_runs(stop, step):
            with self.range(part.start, part.stop, part.size) as first:
                for i in range(part.size):
                    yield first + i

    def _phi(self, type: Any, *incoming: tuple[Value, Value]) -> Value:
        phi = self.ir.phi(type)
        for value, block in incoming:
            phi.add_incoming(value, block)
        return phi

    # ---- vectors
    def registers(self, rows: Iterable[Hashable], columns: int, lanes: int) -> Registers:
        """Return a tile of registers, to be filled before it is read."""
        return Registers(self, rows, columns, lanes)

    def variable(self) -> list[Value]:
        """Return a slot for a vector that loops of this scope carry along."""
        self._live[-1].append([None])
        return self._live[-1][-1]

    def zeros(self, lanes: int) -> Vector:
        """Return 0.0 in every lane."""
        return self.constant(0.0, lanes)

    def constant(self, number: float, lanes: int) -> Vector:
        """Return the float32 nearest to a number in every lane."""
        return Vector(self, ir.Constant(ir.VectorType(FLOAT, lanes), [number] * lanes))

    def words(self, numbers: Sequence[int], width: int = 32) -> Words:
        """Return unsigned integers that are known now, one a lane."""
        return Words(self, ir.Constant(ir.VectorType(ir.IntType(width), len(numbers)), list(numbers)))

    def spread(self, index: Integer, lanes: int, width: int = 32) -> Words:
        """Return an integer, cut to its low `width` bits, in every lane."""
        value, vector = self.emit_index(index), ir.VectorType(ir.IntType(width), lanes)
        value = value if width == 64 else self.ir.trunc(value, ir.IntType(width))
        undefined, picks = (
            ir.Constant(vector, ir.Undefined),
            ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes),
        )
        first = self.ir.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        return Words(self, self.ir.shuffle_vector(first, undefined, picks))

    def multiply_add(self, a: Vector, b: Vector, c: Vector) -> Vector:
        """``a * b + c``: rounded once where the instruction set can; else twice, for a library call takes 30 times as
        long."""
        if self.isa.fused:
            return self.intrinsic("llvm.fma", a, b, c)
        return Vector(self, self.ir.fadd(self.ir.fmul(a.value, b.value), c.value))

    def intrinsic(self, name: str, *operands: Vector | Value, suffix: str = "") -> Vector:
        """Call an LLVM intrinsic that is overloaded on its last operand, a vector of floats."""
        values = [v.value if isinstance(v, Vector) else v for v in operands]
        type = values[-1].type
        name = f"{name}.v{type.count}f32{suffix}"
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(type, [v.type for v in values]), name)
        return Vector(self, self.ir.call(function, values))

    # ---- checked mode
    def check(self, tensor: Tensor, index: Sequence[Integer], lanes: int) -> None:
        """Refuse an access outside the tensor while the kernel runs: note site and index, and leave."""
        shape = ", ".join(str(size) if isinstance(size, int) else "samples" for size in tensor.shape)
        self.sites.append(f"{tensor.name}[{shape}], {lanes} lanes, at {_emitters_line()}")
        values = [self.emit_index(i) for i in index]
        inside = ir.Constant(TRUTH, 1)
        for axis, (value, size) in enumerate(zip(values, tensor.shape, strict=True)):
            room = size - (lanes - 1 if axis == len(index) - 1 else 0)
            limit = self.emit_index(max(room, 0) if isinstance(room, int) else room)
            inside = self.ir.and_(inside, self.ir.icmp_unsigned("<", value, limit))  # a negative index is huge
        outside, fine, claim, leave = map(self.function.append_basic_block, ("outside", "inside", "claim", "leave"))
        self.ir.cbranch(inside, fine, outside)
        self.ir.position_at_end(outside)
        slots = [self.ir.gep(self.fault, [integer(0), integer(slot)]) for slot in range(1 + len(values))]
        # Of several threads that go astray at once, the first one reports.
        won = self.ir.cmpxchg(slots[0], integer(0), integer(len(self.sites)), "monotonic", "monotonic")
        self.ir.cbranch(self.ir.extract_value(won, 1), claim, leave)
        self.ir.position_at_end(claim)
        for slot, value in zip(slots[1:], values, strict=True):
            self.ir.store(value, slot)
        self.ir.branch(leave)
        self.ir.position_at_end(leave)
        self.ir.ret_void()
        self.ir.position_at_end(fine)

    def finish(self) -> str:
        """Close the function and return the module as text."""
        self.ir.ret_void()
        ir.IRBuilder(self.entry).branch(self.function.blocks[1])
        self._entry_point()
        return str(self.module)

    def _entry_point(self) -> None:
        """Emit the function that others call: it takes the tensors' addresses from memory and starts the loops."""
        type = ir.FunctionType(ir.VoidType(), [POINTER, POINTER])
        function = ir.Function(self.module, type, self.name)
        function.attributes.add("nounwind")
        emit = ir.IRBuilder(function.append_basic_block())
        piece, tensors = function.args
        addresses = [
            emit.load(emit.gep(tensors, [integer(at)], source_etype=POINTER), typ=POINTER, align=8)
            for at in range(len(self.tensors))
        ]
        emit.call(self.function, [piece, *addresses])
        emit.ret_void()


def _emitters_line() -> str:
    """Return file and line of the nearest caller that is no part of the emitter itself."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename in OWN_FILES and frame.f_back is not None:
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
