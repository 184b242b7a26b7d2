"""What the processor can do at most: a loop of multiply-adds between registers, to measure everything else against."""

from __future__ import annotations

from ..builder import Kernel
from ..tiles import InstructionSet

UNROLL = 8


def peak(k: Kernel, turns: int, lanes: int, chains: int) -> None:
    """``sum[s] += a · b``, `chains` sums in registers, again and again: nothing but multiply-adds"""
    numbers, sums = k.tensor("numbers", 2 * lanes), k.tensor("sums", chains * lanes)
    a, b = numbers.load(0, lanes=lanes), numbers.load(lanes, lanes=lanes)
    acc = k.registers(range(chains), 1, lanes)
    for s in range(chains):
        acc[s, 0] = sums.load(s * lanes, lanes=lanes)
    for _ in k.unrolled(turns * UNROLL, UNROLL):
        for s in range(chains):
            acc[s, 0] += a * b
    for s in range(chains):
        sums.store(acc[s, 0], s * lanes)


def peak_chains(isa: InstructionSet) -> int:
    """Return how many sums keep the arithmetic units busy."""
    return min(isa.in_flight + 4, isa.registers - 4)


def peak_multiply_adds(isa: InstructionSet, turns: int) -> int:
    """Return how many multiply-adds of single numbers the loop does in so many turns."""
    return turns * UNROLL * peak_chains(isa) * isa.lanes
