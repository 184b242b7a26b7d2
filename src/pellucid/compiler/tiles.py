"""Instruction sets, and the tile of registers that a kernel works on with each of them.

A tile is a number of vectors of channels times a number of rows (pixels, samples or taps) whose sums stay in
registers while a loop runs. It decides speed alone, by a factor of two and more, never a bit of the result: every sum
is one chain in an order that shapes give. So a tile may be chosen by the machine.
"""

from __future__ import annotations

import difflib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm

from ..errors import ArgumentError

VARIABLE = "PELLUCID_ISA"


@dataclass(frozen=True)
class InstructionSet:
    """What a kernel needs to know of a processor.

    Attributes
    ----------
    name : str
    lanes : int
        Floats in a vector.
    registers : int
        Vectors that registers can hold.
    fused : bool
        Whether ``a * b + c`` is one instruction. Where it is not, results differ in the last bits.
    in_flight : int
        Multiply-adds that must be under way at once to keep the arithmetic units busy: units × latency, and some more.
    spare : int
        Registers that a step needs besides the sums and the weights: for the number that is spread over all lanes
        (AVX-512 and NEON multiply by it where it lies), and for a product where it is no part of the sum.
    tile_rows : tuple of int
        The tiles: for 1, 2, … vectors side by side the most rows of sums.
    needs : tuple of str
        LLVM's names of the features without which it does not run.
    baseline : str
        LLVM's name of the plainest processor that has it, for when it is forced.
    """

    name: str
    lanes: int
    registers: int
    fused: bool
    in_flight: int
    spare: int
    tile_rows: tuple[int, ...]
    needs: tuple[str, ...]
    baseline: str

    def fits(self, vectors: int, rows: int, others: int) -> bool:
        """Return whether vectors × rows sums and `others` more vectors find room in the registers."""
        return vectors * rows + others + self.spare <= self.registers


# The best first.
X86 = (
    InstructionSet(
        "avx512",
        16,
        32,
        True,
        10,
        0,
        (16, 12, 8, 6),
        ("avx512f", "avx512vl", "avx512bw", "avx512dq", "fma"),
        "x86-64-v4",
    ),
    InstructionSet("avx2", 8, 16, True, 10, 1, (12, 6, 4), ("avx2", "fma"), "x86-64-v3"),
    InstructionSet("sse", 4, 16, False, 8, 2, (8, 4), ("sse2",), "x86-64"),
)
ARM = (InstructionSet("neon", 4, 32, True, 16, 1, (16, 10, 8, 5), ("neon",), "generic"),)
GENERIC = InstructionSet("generic", 4, 16, False, 8, 2, (8, 4), (), "")
BY_NAME: Mapping[str, InstructionSet] = {isa.name: isa for isa in (*X86, *ARM, GENERIC)}


@dataclass(frozen=True)
class Target:
    """What LLVM emits code for: its names of the system, the processor and the features."""

    triple: str
    cpu: str
    features: str


@cache
def supported() -> tuple[InstructionSet, ...]:
    """Return what this machine can run, the best first."""
    family = {"x86_64": X86, "amd64": X86, "aarch64": ARM, "arm64": ARM}.get(platform.machine().lower(), ())
    features: dict[str, bool] = dict(llvm.get_host_cpu_features())
    if family is ARM:
        features["neon"] = True  # every 64-bit Arm has it, though some systems do not say so
    return (*(isa for isa in family if all(features.get(need) for need in isa.needs)), GENERIC)


def instruction_set(name: str | None = None) -> InstructionSet:
    """Return the instruction set of a name, of the environment variable PELLUCID_ISA, or else this machine's best.

    Raises
    ------
    ArgumentError
        If there is no such instruction set, or this machine cannot run it.
    """
    source = "instruction set"
    if name is None:
        name, source = os.environ.get(VARIABLE, "").strip().lower(), VARIABLE
    if not name:
        return supported()[0]
    here = ", ".join(isa.name for isa in supported())
    if name not in BY_NAME:
        near = difflib.get_close_matches(name, BY_NAME, 1, 0.4)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ArgumentError(
            f"{source}: expected one of {', '.join(BY_NAME)}, received {name!r}; {hint}This machine can run {here}"
        )
    if BY_NAME[name] not in supported():
        needs = ", ".join(BY_NAME[name].needs)
        raise ArgumentError(f"{source}: {name} needs a processor with {needs}; this machine can run {here}")
    return BY_NAME[name]


@cache
def target(isa: InstructionSet) -> Target:
    """Return what to emit code for: this very processor for its best instruction set, else the plainest that has it."""
    triple = str(llvm.get_process_triple())
    if isa == supported()[0] and isa is not GENERIC:
        return Target(triple, str(llvm.get_host_cpu_name()), str(llvm.get_host_cpu_features().flatten()))
    plainest = {"x86_64": "x86-64"}.get(triple.partition("-")[0], "generic")
    return Target(triple, isa.baseline or plainest, "")


@dataclass(frozen=True)
class ForwardTile:
    """`rows` outputs side by side times `vectors` of channels, in registers while the filter runs over its taps.

    `unroll` input channels are taken in one turn of the innermost loop.

    With a `chunk` the lanes of vectors run along as many neighbouring pixels instead, as suits an image of one channel
    with a few filters: then a tile is `rows` rows of outputs times `vectors` chunks, of all filters. The weights lie in
    vectors of `lanes` filters all the same.
    """

    lanes: int
    vectors: int
    rows: int
    unroll: int = 2
    chunk: int = 0


@dataclass(frozen=True)
class WeightTile:
    """Gradients of `filter_rows` × `filter_columns` × `channels` weights times `vectors` of filters, in registers.

    They stay there while a band of `band` output rows passes (whole images where a band has more), `pixels` outputs at
    a time; the band is short enough to stay in the cache while every tile passes over it.

    With `taps` the tile is no such box: the filter's weights, row by row and channels innermost, are cut into runs of
    at most so many, as suits small filters.
    """

    lanes: int
    vectors: int
    filter_rows: int = 1
    filter_columns: int = 1
    channels: int = 6
    pixels: int = 1
    band: int = 4
    taps: int = 0


def lanes_for(channels: int, isa: InstructionSet) -> int:
    """Return the lanes of a vector: the machine's, or fewer where half of them hold all the channels."""
    lanes = isa.lanes
    while lanes >= 2 * channels and lanes > 1:
        lanes //= 2
    return lanes


def turn_cost(isa: InstructionSet, multiply_adds: int, loads: int, chain: int = 1) -> int:
    """Return half cycles for one turn of an innermost loop, on a machine that starts two multiply-adds and two loads a
    cycle: whichever of the two takes longer (loads never go quite that fast), and no less than it takes to add
    `chain` times to the same sum."""
    return max(multiply_adds, loads * 5 // 4, isa.in_flight * chain)
