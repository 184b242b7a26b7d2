"""What is made of all numbers of a row: the channels of a pixel, the classes of a sample.

The numbers lie along the lanes of vectors. Up to 16 interleaved chains take them in, and a tree combines the chains,
number i with i + half, until there is one. A chain begins anew every 256 numbers, and what it comes to is taken in by
a chain of these: so that in rows of many thousand little rounding gathers. All of it follows from the length of the
row, so that no instruction set, whatever its number of lanes, changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..builder import Kernel
from ..cuts import full_runs
from ..packing import live_lanes
from ..tensors import Registers, Tensor
from ..values import Integer, Mask, Vector, pick

CHAINS = 16
"""The most chains of a row."""
STRETCH = 256 * CHAINS
"""Numbers of a row after which its chains begin anew."""


@dataclass(frozen=True)
class Part:
    """`lanes` neighbouring numbers of a row, of which the first `live` exist; chains of one `vector` take them."""

    k: Kernel
    vector: int
    first: Integer
    live: int
    lanes: int

    def load(self, tensor: Tensor, *index: Integer, dead: float = 0.0) -> Vector:
        """Return the numbers, and `dead` where there are none."""
        numbers = tensor.load(*index, self.first, lanes=self.lanes, live=self.live)
        return self.alive(numbers, dead) if dead else numbers

    def alive(self, numbers: Vector, dead: float) -> Vector:
        """Return the numbers with `dead` in the lanes that mean nothing."""
        if self.live == self.lanes:
            return numbers
        return (self.k.words(range(self.lanes)) < self.live).choose(numbers, self.k.constant(dead, self.lanes))

    def is_number(self, number: Integer) -> Mask:
        """Return which lane has a certain number, if any."""
        return self.k.words(range(self.lanes)).equals(self.k.spread(number - self.first, self.lanes))

    def numbers(self) -> Vector:
        """Return each lane's number as a float: exact up to 2²⁴."""
        return (self.k.spread(self.first, self.lanes) + self.k.words(range(self.lanes))).floats()


class Row:
    """The numbers of a row, a vector at a time, and what folds them into one."""

    def __init__(self, k: Kernel, size: int):
        self.k, self.size = k, size
        self.chains = min(CHAINS, 1 << (size - 1).bit_length())
        self.lanes = min(k.isa.lanes, self.chains)

    def parts(self, start: Integer = 0, size: int | None = None) -> Iterator[Part]:
        """``for part in parts`` of a stretch of the row, at run time; as many numbers in a turn as there are chains."""
        for run in full_runs(self.size if size is None else size, self.chains):
            with self.k.range(run.start, run.stop, run.size) as first:
                for v, live in enumerate(live_lanes(run.size, self.lanes)):
                    yield Part(self.k, v, start + first + v * self.lanes, live, self.lanes)

    def fold(
        self, number: Callable[[Part], Vector], combine: Callable[[Vector, Vector], Vector], empty: float
    ) -> Vector:
        """Return all numbers combined, in every lane: first each chain, number by number, then halves of the chains."""
        stretches = full_runs(self.size, STRETCH)
        whole = self._chains(empty)
        for run in stretches:
            with self.k.range(run.start, run.stop, run.size) as start:
                acc = whole if len(stretches) == run.count == 1 else self._chains(empty)
                for part in self.parts(start, run.size):
                    acc["chains", part.vector] = combine(acc["chains", part.vector], number(part))
                if acc is not whole:
                    for v in range(acc.columns):
                        whole["chains", v] = combine(whole["chains", v], acc["chains", v])
        return _tree([whole["chains", v] for v in range(whole.columns)], combine)

    def _chains(self, empty: float) -> Registers:
        """Return registers for all chains, nothing taken in yet."""
        chains = self.k.registers(["chains"], self.chains // self.lanes, self.lanes)
        for v in range(chains.columns):
            chains["chains", v] = self.k.constant(empty, self.lanes)
        return chains


def _tree(vectors: Sequence[Vector], combine: Callable[[Vector, Vector], Vector]) -> Vector:
    """Return the combination of all lanes, in every lane: number i with i + half, until there is one."""
    while len(vectors) > 1:
        half = len(vectors) // 2
        vectors = [combine(a, b) for a, b in zip(vectors[:half], vectors[half:], strict=True)]
    folded, lanes = vectors[0], vectors[0].lanes
    half = lanes // 2
    while half:
        folded = combine(folded, pick((folded,), [(0, (lane + half) % lanes) for lane in range(lanes)]))
        half //= 2
    return pick((folded,), [(0, 0)] * lanes)  # the other lanes may differ in the sign of a zero
