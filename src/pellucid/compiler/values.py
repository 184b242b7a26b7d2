"""What a kernel computes with while it is emitted: integers (`Index`), and lanes of floats, of words and of truths.

An `Index` is folded by Python for as long as it can be. A `Vector` is lanes of float32, a `Words` lanes of unsigned
integers, a `Mask` lanes of true and false. They stand for values of the machine; none of them knows any memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import llvmlite.ir as ir

if TYPE_CHECKING:
    from .builder import Kernel

Value: TypeAlias = Any
"""A value in LLVM's intermediate representation (IR); llvmlite has no types."""

FLOAT, INT, LANE, TRUTH, POINTER = ir.FloatType(), ir.IntType(64), ir.IntType(32), ir.IntType(1), ir.PointerType()


def integer(number: int) -> Value:
    """Return an integer that is known now, as a constant of the IR."""
    return ir.Constant(INT, number)


class Index:
    """An integer of the running kernel: ``constant + Σ factor·atom``, where an atom is a value of the IR.

    Sums and multiples only change the factors and emit nothing; `Kernel.emit_index` emits the value where it is needed.
    """

    __slots__ = ("constant", "kernel", "terms")

    def __init__(self, kernel: Kernel, terms: Mapping[Value, int], constant: int = 0):
        self.kernel, self.terms, self.constant = kernel, terms, constant

    def __add__(self, other: int | Index) -> Index:
        if isinstance(other, int):
            return Index(self.kernel, self.terms, self.constant + other)
        terms = dict(self.terms)
        for atom, factor in other.terms.items():
            terms[atom] = terms.get(atom, 0) + factor
        return Index(self.kernel, {a: f for a, f in terms.items() if f}, self.constant + other.constant)

    def __mul__(self, factor: int) -> Index:
        if not isinstance(factor, int):
            raise TypeError(f"an Index can be multiplied by an int that is known while emitting, not by {factor!r}")
        terms = {atom: own * factor for atom, own in self.terms.items() if own * factor}
        return Index(self.kernel, terms, self.constant * factor)

    def __neg__(self) -> Index:
        return self * -1

    def __sub__(self, other: int | Index) -> Index:
        return self + -other

    def __rsub__(self, other: int) -> Index:
        return -self + other

    def __floordiv__(self, divisor: int) -> Index:
        """The quotient, where ``self >= 0``; that is the caller's promise."""
        kernel = self.kernel
        return kernel.atom(kernel.ir.udiv(kernel.emit_index(self), integer(divisor))) if divisor != 1 else self

    __radd__, __rmul__ = __add__, __mul__


Integer: TypeAlias = int | Index
"""An integer, known while emitting or only while running."""


class Mask:
    """Lanes of true and false."""

    def __init__(self, kernel: Kernel, value: Value):
        self.kernel, self.value = kernel, value

    def choose(self, yes: Vector, no: Vector) -> Vector:
        """Return the lanes of `yes` where true, those of `no` where false."""
        return Vector(self.kernel, self.kernel.ir.select(self.value, yes.value, no.value))

    def __or__(self, other: Mask) -> Mask:
        return Mask(self.kernel, self.kernel.ir.or_(self.value, other.value))

    def __and__(self, other: Mask) -> Mask:
        return Mask(self.kernel, self.kernel.ir.and_(self.value, other.value))


class Vector:
    """Lanes of float32.

    ``a * b`` waits: added to or subtracted from something it becomes one multiply-add, rounded once where the
    instruction set has it and twice where it has not. Of ``a * b + c * d`` the second product is the one that fuses.
    A product that must be rounded by itself says so: ``(a * b).rounded() + c``.
    """

    def __init__(self, kernel: Kernel, value: Value, factors: tuple[Vector, Vector] | None = None):
        self.kernel, self._value, self._factors = kernel, value, factors

    @property
    def value(self) -> Value:
        """The value of the IR; a product that waited is emitted."""
        if self._factors is not None:
            a, b = self._factors
            self._value, self._factors = self.kernel.ir.fmul(a.value, b.value), None
        return self._value

    @property
    def lanes(self) -> int:
        """How many floats there are."""
        vector = self._factors[0] if self._factors is not None else self
        return int(vector.value.type.count)

    def rounded(self) -> Vector:
        """Return this vector as one that no multiply-add can swallow."""
        return Vector(self.kernel, self.value)

    def __mul__(self, other: Vector) -> Vector:
        return Vector(self.kernel, None, (self, other))

    def __add__(self, other: Vector) -> Vector:
        if other._factors is not None:
            return self.kernel.multiply_add(*other._factors, self)
        if self._factors is not None:
            return self.kernel.multiply_add(*self._factors, other)
        return Vector(self.kernel, self.kernel.ir.fadd(self.value, other.value))

    def __sub__(self, other: Vector) -> Vector:
        if other._factors is not None:
            a, b = other._factors
            return self.kernel.multiply_add(-a, b, self)
        if self._factors is not None:
            return self.kernel.multiply_add(*self._factors, -other)
        return Vector(self.kernel, self.kernel.ir.fsub(self.value, other.value))

    def __truediv__(self, other: Vector) -> Vector:
        return Vector(self.kernel, self.kernel.ir.fdiv(self.value, other.value))

    def __neg__(self) -> Vector:
        return Vector(self.kernel, self.kernel.ir.fneg(self.value))

    def __lt__(self, other: Vector) -> Mask:
        return self._compare("<", other)

    def __gt__(self, other: Vector) -> Mask:
        return self._compare(">", other)

    def __le__(self, other: Vector) -> Mask:
        return self._compare("<=", other)

    def __ge__(self, other: Vector) -> Mask:
        return self._compare(">=", other)

    def _compare(self, relation: str, other: Vector) -> Mask:
        """Compare lane by lane; with a NaN on either side the answer is false."""
        return Mask(self.kernel, self.kernel.ir.fcmp_ordered(relation, self.value, other.value))

    def equals(self, other: Vector) -> Mask:
        """Return which lanes are equal; a NaN equals nothing."""
        return self._compare("==", other)

    def is_nan(self) -> Mask:
        """Return which lanes are NaN."""
        return Mask(self.kernel, self.kernel.ir.fcmp_unordered("uno", self.value, self.value))

    def sqrt(self) -> Vector:
        """Return the square root, correctly rounded."""
        return self.kernel.intrinsic("llvm.sqrt", self)

    def maximum(self, other: Vector) -> Vector:
        """Return the larger lanes; NaN where either is NaN, and of equals (0.0 and -0.0 are) the lane of `self`."""
        return ((other > self) | other.is_nan()).choose(other, self)

    def minimum(self, other: Vector) -> Vector:
        """Return the smaller lanes; NaN where either is NaN, and of equals the lane of `self`."""
        return ((other < self) | other.is_nan()).choose(other, self)

    def relu(self) -> Vector:
        """``0 > a ? 0 : a``: NaN stays NaN, and -0.0 stays as it is."""
        zero = self.kernel.zeros(self.lanes)
        return (zero > self).choose(zero, self)

    def lane(self, number: int) -> Vector:
        """Return one lane, as a vector of its own."""
        return _shuffled(self, self, [number])

    def bits(self) -> Words:
        """Return the 32 bits of every float."""
        return Words(self.kernel, self.kernel.ir.bitcast(self.value, ir.VectorType(ir.IntType(32), self.lanes)))


class Words:
    """Lanes of unsigned integers of 8, 32 or 64 bits; sums and products wrap round."""

    def __init__(self, kernel: Kernel, value: Value):
        self.kernel, self.value = kernel, value

    @property
    def lanes(self) -> int:
        """How many integers there are."""
        return int(self.value.type.count)

    @property
    def width(self) -> int:
        """Bits of each integer."""
        return int(self.value.type.element.width)

    def _other(self, other: Words | int) -> Value:
        return other.value if isinstance(other, Words) else ir.Constant(self.value.type, [other] * self.lanes)

    def __add__(self, other: Words | int) -> Words:
        return Words(self.kernel, self.kernel.ir.add(self.value, self._other(other)))

    def __sub__(self, other: Words | int) -> Words:
        return Words(self.kernel, self.kernel.ir.sub(self.value, self._other(other)))

    def __mul__(self, other: Words | int) -> Words:
        return Words(self.kernel, self.kernel.ir.mul(self.value, self._other(other)))

    def __xor__(self, other: Words | int) -> Words:
        return Words(self.kernel, self.kernel.ir.xor(self.value, self._other(other)))

    def __and__(self, other: Words | int) -> Words:
        return Words(self.kernel, self.kernel.ir.and_(self.value, self._other(other)))

    def __or__(self, other: Words | int) -> Words:
        return Words(self.kernel, self.kernel.ir.or_(self.value, self._other(other)))

    def __lshift__(self, places: int) -> Words:
        return Words(self.kernel, self.kernel.ir.shl(self.value, self._other(places)))

    def __rshift__(self, places: int) -> Words:
        return Words(self.kernel, self.kernel.ir.lshr(self.value, self._other(places)))

    def __lt__(self, other: Words | int) -> Mask:
        return Mask(self.kernel, self.kernel.ir.icmp_unsigned("<", self.value, self._other(other)))

    def __ge__(self, other: Words | int) -> Mask:
        return Mask(self.kernel, self.kernel.ir.icmp_unsigned(">=", self.value, self._other(other)))

    def equals(self, other: Words | int) -> Mask:
        """Return which lanes are equal."""
        return Mask(self.kernel, self.kernel.ir.icmp_unsigned("==", self.value, self._other(other)))

    def to(self, width: int) -> Words:
        """Return the integers with `width` bits: zeros are put before them, or their high bits are cut off."""
        if width == self.width:
            return self
        convert = self.kernel.ir.zext if width > self.width else self.kernel.ir.trunc
        return Words(self.kernel, convert(self.value, ir.VectorType(ir.IntType(width), self.lanes)))

    def index(self, lane: int = 0) -> Index:
        """Return one lane as an `Index`."""
        k = self.kernel
        value = k.ir.extract_element(self.value, ir.Constant(LANE, lane))
        return k.atom(value if self.width == 64 else k.ir.zext(value, INT))

    def floats(self) -> Vector:
        """Return the integers as floats, rounded to the nearest where they have more than 24 bits."""
        return Vector(self.kernel, self.kernel.ir.uitofp(self.value, ir.VectorType(FLOAT, self.lanes)))

    def as_floats(self) -> Vector:
        """Return the floats whose bits these are; the reverse of `Vector.bits`."""
        return Vector(self.kernel, self.kernel.ir.bitcast(self.value, ir.VectorType(FLOAT, self.lanes)))


Lanes = TypeVar("Lanes", Vector, Words)


def pick(sources: Sequence[Lanes], places: Sequence[tuple[int, int]]) -> Lanes:
    """Return lanes brought together from several vectors: lane i is lane ``places[i][1]`` of ``sources[places[i][0]]``.

    All have as many lanes as there are places. One shuffle takes in one more source.
    """
    first, *others = sorted({number for number, _ in places})
    picked, at = sources[first], [lane for _, lane in places]
    for number in others or [first]:
        picks = [len(places) + lane if source == number else at[i] for i, (source, lane) in enumerate(places)]
        picked, at = _shuffled(picked, sources[number], picks), list(range(len(places)))
    return picked


def transposed(square: Sequence[Lanes]) -> list[Lanes]:
    """Return the transposed square of as many vectors as they have lanes, a power of two.

    Blocks trade places across the diagonal, then the blocks within them. Blocks of four by four are interleaved twice,
    for which every processor has an instruction.
    """
    vectors, lanes = list(square), range(len(square))
    quads: list[range] = [range(q, q + 4) for q in range(0, len(square), 4)] if len(square) >= 4 else []
    distance = len(square) // 2
    while distance >= (4 if quads else 1):
        own = [(0, lane) if not lane & distance else (1, lane - distance) for lane in lanes]
        other = [(number, lane + distance) for number, lane in own]
        for r in (r for r in lanes if not r & distance):
            pair = vectors[r], vectors[r + distance]
            vectors[r], vectors[r + distance] = pick(pair, own), pick(pair, other)
        distance //= 2
    low, high = ([(lane % 2, lane // 4 * 4 + lane % 4 // 2 + half) for lane in lanes] for half in (0, 2))
    for quad in [*quads, *quads]:
        a, b, c, d = (vectors[r] for r in quad)
        vectors[quad.start : quad.stop] = pick((a, c), low), pick((a, c), high), pick((b, d), low), pick((b, d), high)
    return vectors


def _shuffled(a: Lanes, b: Lanes, picks: Sequence[int]) -> Lanes:
    mask = ir.Constant(ir.VectorType(LANE, len(picks)), list(picks))
    return type(a)(a.kernel, a.kernel.ir.shuffle_vector(a.value, b.value, mask))
