"""Sums and maxima over the channels of a pixel, which lie along the lanes of vectors.

Sixteen partial results are kept, channel c in number c % 16, and then a tree combines them: number i with i + 8, then
with i + 4, i + 2 and i + 1. So no instruction set, whatever its number of lanes, changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..builder import Kernel
from ..cuts import full_pieces, runs
from ..packing import live_lanes
from ..tensors import Registers
from ..values import Integer, Vector, pick

PARTIAL = 16


class Row:
    """The channels of a pixel, as vectors."""

    def __init__(self, k: Kernel, channels: int):
        self.k, self.channels, self.lanes = k, channels, k.isa.lanes

    def vectors(self) -> Iterator[tuple[Integer, int, int]]:
        """Yield (first channel, how many lanes hold one, which vector of the partial results it belongs to)."""
        for run in runs(full_pieces(self.channels, PARTIAL)):
            with self.k.range(run.start, run.stop, run.size) as c:
                for v, live in enumerate(live_lanes(run.size, self.lanes)):
                    yield c + v * self.lanes, live, v

    def partial(self, number: float) -> Registers:
        """Return registers for the partial results, filled with a number."""
        registers = self.k.registers([0], PARTIAL // self.lanes, self.lanes)
        for v in range(registers.columns):
            registers[0, v] = self.k.constant(number, self.lanes)
        return registers

    def living(self, vector: Vector, live: int, otherwise: float) -> Vector:
        """Return a vector with a number in the lanes that hold no channel."""
        if live == self.lanes:
            return vector
        return (self.k.words(range(self.lanes)) < live).choose(vector, self.k.constant(otherwise, self.lanes))

    def combined(self, partial: Registers, join: Callable[[Vector, Vector], Vector]) -> Vector:
        """Return in every lane what becomes of all partial results; ``join(a, b)`` must be ``join(b, a)``."""
        vectors = [partial[0, v] for v in range(partial.columns)]
        while len(vectors) > 1:
            half = len(vectors) // 2
            vectors = [join(vectors[v], vectors[half + v]) for v in range(half)]
        result, distance = vectors[0], self.lanes // 2
        while distance:
            result = join(result, pick([result], [(0, lane ^ distance) for lane in range(self.lanes)]))
            distance //= 2
        return result
