"""The plan of a program: which kernels run, in which order, on which memory. Plain data; nothing here computes.

`planning` makes a plan from a program, `schedule` writes it down for the runner, `memory` finds room for its buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from ..program import Program
from ..steps import Step
from .layout import aligned
from .placement import Placement
from .recipe import Recipe

Range: TypeAlias = tuple[int, int]
"""First, and one past the last."""
Formula: TypeAlias = Callable[..., tuple[float, ...]]
"""Gives numbers of a step; see `Scalars`."""
CHUNK, MOST_CHUNKS = 4096, 1024
"""Numbers that are one thread's work at a time where samples are no matter, and in how many such chunks all are cut."""
PART, MOST_PARTS = 2048, 256
"""Numbers of a sum over the batch that are one thread's work at a time, and in how many such parts one is cut."""
WORTH_SHARING = 1 << 18
"""Multiply-adds of one sample that are worth another thread: some microseconds."""
STRIP, MOST_STRIPS = 8192, 16
"""Numbers of one sample that are worth another thread where little is done with each, and in how many strips of so many
an image is cut at most."""


class Scope(Enum):
    """How long a buffer holds its numbers, and for whom."""

    PASSING = "passing"
    """Within one phase: a thread's own, for the samples that it has at hand."""
    BATCH = "batch"
    """For every sample of the batch, from one phase to another."""
    LEAF = "leaf"
    """For every leaf of the order of sums: partial sums."""
    NODE = "node"
    """For every node of the order of sums that ranks exchange: partial sums."""
    WHOLE = "whole"
    """Once."""
    GIVEN = "given"
    """Where it lies is said anew at every step: a data set, an index, the weights before and after."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """Memory that kernels read and write.

    Attributes
    ----------
    name : str
    size : int
        Bytes: of one sample (PASSING, BATCH), of one leaf (LEAF) or node (NODE), of all (WHOLE), or, where it is GIVEN,
        of one sample; 0 for what samples share.
    scope : Scope
    """

    name: str
    size: int
    scope: Scope


@dataclass(frozen=True)
class Operand:
    """A tensor of a call: where it begins in a buffer, in bytes."""

    buffer: Buffer
    offset: int = 0


class Count(Enum):
    """The number of samples that a kernel is told."""

    AT_HAND = "at hand"
    BATCH = "batch"
    LEAVES = "leaves"
    NODES = "nodes"


@dataclass(frozen=True)
class Call:
    """One kernel at work on its tensors.

    Attributes
    ----------
    recipe : Recipe
    operands : tuple of Operand
        In the order of the kernel's tensors.
    steps : tuple of Step
        What of the program it does; several where they are fused, none where it only moves numbers.
    count : Count or int
        The number of samples that it is told.
    times : int
        How many samples each of those counts for: an image may be told as so many smaller ones, one after the other.
    once : bool
        Whether it runs but once a leaf, before the leaf's first samples.
    split : tuple of str
        Ranges that can be cut, each part being work for another thread.
    parts : int
        In about how many parts it is worth cutting; leaves are not cut.
    terms, slab : int
        Of a sum over the batch: how many terms each sample has; and how many bytes of its last tensor each number of
        the first range `split` fills, one after the other, or 0 where they do not lie so.
    owned : bool
        Whether each of several ranks does its share of the first range `split`.
    ranges : mapping of str to Range
        Parts of the work; what is not named is done whole.
    """

    recipe: Recipe
    operands: tuple[Operand, ...]
    steps: tuple[Step, ...] = ()
    count: Count | int = Count.AT_HAND
    times: int = 1
    once: bool = False
    split: tuple[str, ...] = ()
    parts: int = 1
    terms: int = 1
    slab: int = 0
    owned: bool = False
    ranges: tuple[tuple[str, Range], ...] = ()


@dataclass
class LeafPhase:
    """Leaves of samples that go through the calls one after the other; any thread may take any leaf.

    Attributes
    ----------
    calls : list of Call
    micro : int
        Samples that go through together, so that what lies between the calls stays in a thread's cache.
    """

    calls: list[Call] = field(default_factory=list)
    micro: int = 1


@dataclass
class JobPhase:
    """Work on the whole batch, or on what samples share. Any thread may take any job; a job's calls stay together."""

    jobs: list[tuple[Call, ...]] = field(default_factory=list)


@dataclass
class NodePhase:
    """A rank's nodes of the order of sums, each made from its leaves; any thread may take any call for any node.

    Attributes
    ----------
    calls : list of Call
        They are told how many leaves the node has.
    """

    calls: list[Call] = field(default_factory=list)


@dataclass(frozen=True)
class Send:
    """Every rank's samples or nodes in these buffers begin to travel to all others."""

    buffers: tuple[Buffer, ...]


@dataclass(frozen=True)
class Wait:
    """What travels is there, in these buffers, from here on."""

    buffers: tuple[Buffer, ...]


@dataclass
class DefinitionPhase:
    """A step that has no kernel: its NumPy definition runs, on the whole batch.

    Attributes
    ----------
    step : Step
    inputs, outputs : tuple of Operand
        What it reads and writes, float32 in NCHW for every sample.
    """

    step: Step
    inputs: tuple[Operand, ...] = ()
    outputs: tuple[Operand, ...] = ()


Phase: TypeAlias = LeafPhase | JobPhase | NodePhase | DefinitionPhase | Send | Wait


@dataclass(frozen=True)
class Scalars:
    """Numbers that Python computes anew at every step and gives to a kernel.

    Attributes
    ----------
    offset : int
        Where they lie among all scalars.
    formula : callable
        Called with the run's numbers of the names `takes` ("lr", "step", "count"), and with `keywords`.
    """

    offset: int
    formula: Formula
    takes: tuple[str, ...]
    keywords: tuple[tuple[str, Hashable], ...]


@dataclass
class Plan:
    """What a program becomes.

    Attributes
    ----------
    program : Program
    phases : list of Phase
    placement : Placement
        Where parameters and states lie.
    scalars : list of Scalars
    scalar_count : int
        Floats of all scalars together.
    totals : mapping of int to Operand
        Where the sums over the batch lie when the step is done, by their value; so do those of a shared parameter's
        gradient that are added up.
    given : mapping of str to Buffer
        What must be said at every step: where these lie.
    chunks : int
        Parts of the update. The buffer "flags" has a float for each: NaN where a new weight is not finite.
    """

    program: Program
    phases: list[Phase]
    placement: Placement
    scalars: list[Scalars]
    scalar_count: int
    totals: dict[int, Operand]
    given: dict[str, Buffer]
    chunks: int


def parts_of(numbers: int) -> int:
    """Return in how many parts a sum over the batch is worth cutting."""
    return min(MOST_PARTS, -(-numbers // PART))


def shares_of(multiply_adds: int) -> int:
    """Return in how many parts the work on one sample is worth cutting."""
    return max(1, min(MOST_PARTS, multiply_adds // WORTH_SHARING))


def strips_of(pixels: int, channels: int) -> int:
    """Return in how many strips an image is worth cutting where little is done with each number."""
    return max(1, min(MOST_STRIPS, pixels * channels // STRIP))


def equal_strips_of(pixels: int, channels: int) -> int:
    """Return the same for strips that have as many pixels, one as the other."""
    most = strips_of(pixels, channels)
    return max(strips for strips in range(1, most + 1) if pixels % strips == 0)


def chunked(calls: list[Call], size: int) -> list[tuple[Call, ...]]:
    """Return calls of kernels that work on a range of `numbers` as jobs, a chunk of all `size` numbers each."""
    size = aligned(size)
    chunk = max(CHUNK, aligned(-(-size // MOST_CHUNKS)))
    return [
        tuple(replace(call, ranges=(("numbers", (start, min(start + chunk, size))),)) for call in calls)
        for start in range(0, size, chunk)
    ]
