"""A plan written down for the runner: words of memory that say which kernels to call on which addresses.

A schedule is made for a largest batch. For a smaller one, such as the last of an epoch, a few words are written anew:
how many leaves there are, how many samples the last of them has, and how many samples the kernels are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CompilerError
from . import memory, runner
from .cuts import even_pieces
from .jit import Compiled
from .plan import (
    Buffer,
    Call,
    Count,
    DefinitionPhase,
    JobPhase,
    LeafPhase,
    NodePhase,
    Operand,
    Phase,
    Plan,
    Range,
    Scope,
    Send,
    Wait,
)
from .recipe import SAMPLES, Recipe
from .sharing import Share

ABSOLUTE, ARENA, FIRST_GIVEN = 0, 1, 2
"""Indices into a thread's table of base addresses: 0 itself, the thread's own memory, and what is given."""

Native = LeafPhase | JobPhase | NodePhase
"""Phases that are work for the runner."""
Segment = range | DefinitionPhase | Send | Wait
"""Phases that one native call runs through, a step in NumPy, or what ranks exchange."""


class Schedule:
    """A plan in memory.

    Parameters
    ----------
    plan : Plan
    code : mapping of Recipe to Compiled
    samples : int
        Of the largest batch.
    threads : int
        The most that take part.
    share_few : bool
        Whether few samples are cut into smaller leaves, so that all threads have one. Sums over the batch would have
        other bits: this is for programs without any.
    rank, ranks : int
        Whose part of the work this is, and among how many.

    Attributes
    ----------
    segments : list of Segment
        What to run, one after the other.
    share : Share
        Who does which samples of the batch at hand.
    bases : int64 array (threads, names)
        Each thread's table of base addresses.
    """

    def __init__(
        self, plan: Plan, code: Mapping[Recipe, Compiled], samples: int, threads: int, share_few: bool = False,
        rank: int = 0, ranks: int = 1,
    ):  # fmt: skip
        self.plan, self.samples, self._code = plan, samples, code
        self._rank, self._ranks = rank, ranks
        self._leaf_size = plan.program.leaf_size
        self._fewest = threads if share_few else 1
        self._leaves = max(-(-samples // self._leaf_size), min(samples, self._fewest))
        self._given = {name: FIRST_GIVEN + at for at, name in enumerate(plan.given)}
        self._rooms = self._find_rooms()
        self._addresses = {buffer: room.ctypes.data for buffer, room in self._rooms.items()}
        self._counts: list[tuple[int, Count, int]] = []  # words that depend on the batch, with how many times that
        self._owned: dict[Buffer, list[int]] = {}  # where each rank's part of a sum begins, and where all of it ends
        native: list[Native] = []
        self.segments: list[Segment] = []
        for phase in plan.phases:
            if not isinstance(phase, Native):
                self.segments.append(phase)
                continue
            last = self.segments[-1] if self.segments else None
            first = len(native)
            if isinstance(last, range) and len(last) < runner.PHASES:
                first = last.start
                self.segments.pop()
            native.append(phase)
            self.segments.append(range(first, len(native)))
        self._write(native)
        arena_bytes = max((self._arena(phase)[1] for phase in native), default=0)
        most = max((int(count) for count in self._phases[:, runner.PhaseWord.ITEM_COUNT]), default=1)
        threads = min(threads, 1 << max(0, most - 1).bit_length())  # no more find work, see `runtime.run`
        self._arenas = [memory.rooms([arena_bytes])[0] for _ in range(threads)]
        self.bases = np.zeros((threads, FIRST_GIVEN + len(self._given)), np.int64)
        self.bases[:, ARENA] = [own.ctypes.data for own in self._arenas]
        self.set_batch(samples)

    def give(self, name: str, array: NDArray[Any]) -> None:
        """Say where something given lies; the array must live for as long as it is used."""
        if name in self._given:
            self.bases[:, self._given[name]] = array.__array_interface__["data"][0]  # quicker than array.ctypes

    def view(self, operand: Operand, size: int, dtype: Any = np.float32) -> NDArray[Any]:
        """Return `size` numbers that lie at an operand, as an array that shares its memory."""
        stop = operand.offset + size * np.dtype(dtype).itemsize
        return self._rooms[operand.buffer][operand.offset : stop].view(dtype)

    def set_batch(self, samples: int) -> None:
        """Make ready for a batch of so many samples."""
        if not 0 < samples <= self.samples:
            raise CompilerError(f"memory was made for batches of up to {self.samples} samples, not for {samples}")
        size = min(self._leaf_size, -(-samples // self._fewest))
        self.share = share = Share(samples, size, self._rank, self._ranks)
        leaves = np.arange(share.own_leaves.start, share.own_leaves.stop)
        for phase, items in self._leaf_items:
            self._phases[phase, runner.PhaseWord.ITEM_COUNT] = len(leaves)
            own = items[: len(leaves)]
            own[:, runner.ItemWord.FIRST] = size * leaves
            own[:, runner.ItemWord.SAMPLES] = np.minimum(size, samples - size * leaves)
            own[:, runner.ItemWord.LEAF] = leaves
        for phase, items, spans in self._node_items:
            found = [
                [*span, share.leaves_of(node).start, len(share.leaves_of(node)), node]
                for span in spans
                for node in share.own_nodes
            ]
            self._phases[phase, runner.PhaseWord.ITEM_COUNT] = len(found)
            items[: len(found)] = np.array(found, np.int64).reshape(-1, len(runner.ItemWord))
        told = {Count.BATCH: samples, Count.LEAVES: share.leaves, Count.NODES: share.nodes}
        for at, count, times in self._counts:
            self._calls[at] = told[count] * times
        self.batch = samples

    def travelling(self, buffer: Buffer) -> tuple[NDArray[np.uint8], list[int]]:
        """Return what of a buffer belongs to the batch at hand, and where each rank's part of it begins, in bytes; last
        comes where it ends."""
        if buffer in self._owned:
            return self._rooms[buffer], self._owned[buffer]
        if buffer.scope is Scope.WHOLE:
            raise CompilerError(f"nobody knows whose the parts of {buffer.name} are")
        bounds = self.share.node_bounds if buffer.scope is Scope.NODE else self.share.sample_bounds
        return self._rooms[buffer][: bounds[-1] * buffer.size], [bound * buffer.size for bound in bounds]

    def phases(self, segment: range) -> int:
        """Return the address of a segment's first phase."""
        return int(self._phases[segment.start :].ctypes.data)

    def items(self, segment: range) -> int:
        """Return the largest number of items in a phase of a segment: no more threads than that find work."""
        return max(1, int(self._phases[segment.start : segment.stop, runner.PhaseWord.ITEM_COUNT].max()))

    def until(self, call: Call) -> list[list[NDArray[np.int64]]]:
        """Return what must run before a call, and the call itself, each as a phase of its own: in a leaf all calls up
        to it, of a job it alone. Of every phase these are its words, and those that they point to; they are for the
        samples of the first leaf."""
        owner = next((p for p in self.plan.phases if isinstance(p, LeafPhase) and call in p.calls), None)
        ahead = [call] if owner is None else owner.calls[: owner.calls.index(call) + 1]
        return [self._single(each, owner) for each in ahead]

    def _single(self, call: Call, owner: LeafPhase | None) -> list[NDArray[np.int64]]:
        """Return the words of a phase that is one call, out of a phase of leaves or of a job."""
        samples, micro = (min(self._leaf_size, self.samples), owner.micro) if owner else (1, 1)
        if isinstance(call.count, Count) and call.count is not Count.AT_HAND:
            call = replace(call, count=self.samples if call.count is Count.BATCH else self._leaves)
        words: list[int] = []
        self._write_call(words, call, self._arena(owner)[0] if owner else {}, {})
        calls = np.array(words, np.int64)
        item = np.array([calls.ctypes.data, calls.ctypes.data + calls.nbytes, 0, samples, 0], np.int64)
        return [np.array([item.ctypes.data, 1, micro], np.int64), item, calls]

    # ---- memory
    def _find_rooms(self) -> dict[Buffer, NDArray[np.uint8]]:
        """Return room for all that is kept."""
        times = {Scope.WHOLE: 1, Scope.BATCH: self.samples, Scope.LEAF: self._leaves, Scope.NODE: self._leaves}
        buffers = dict.fromkeys(o.buffer for o in _operands(self.plan) if o.buffer.scope in times)
        found = memory.rooms([buffer.size * times[buffer.scope] for buffer in buffers])
        return dict(zip(buffers, found, strict=True))

    def _arena(self, phase: Native) -> tuple[dict[Buffer, int], int]:
        """Return where passing buffers lie in a thread's memory, and how much of it they take."""
        if not isinstance(phase, LeafPhase):
            return {}, 0
        places, each = memory.arena(phase.calls)
        return {buffer: place * phase.micro for buffer, place in places.items()}, each * phase.micro

    # ---- words
    def _write(self, native: Sequence[Native]) -> None:
        """Write calls, items and phases; addresses within the words follow once all are there."""
        words: list[int] = []
        items: list[list[int]] = []
        phases: list[list[int]] = []
        spans: list[tuple[int, int]] = []
        for phase in native:
            first = len(items)
            if isinstance(phase, LeafPhase):
                places, _ = self._arena(phase)
                begin = len(words)
                for call in phase.calls:
                    self._write_call(words, call, places, {})
                leaf = self._leaf_size
                items += [[begin, len(words), i * leaf, leaf, i] for i in range(self._leaves)]
                phases.append([first, self._leaves, phase.micro])
            elif isinstance(phase, NodePhase):
                for call in phase.calls:
                    begin = len(words)
                    self._write_call(words, call, {}, {}, of_node=True)
                    items += [[begin, len(words), 0, 0, 0]] * self._leaves
                phases.append([first, len(items) - first, self._leaves])
            else:
                for job in phase.jobs:
                    for parts in self._parts(job):
                        begin = len(words)
                        for call in job:
                            self._write_call(words, call, {}, parts)
                        items.append([begin, len(words), 0, 1, 0])
                phases.append([first, len(items) - first, 1])
            spans.append((first, len(items)))
            if len(items) - first >= runner.MOST_ITEMS:
                raise CompilerError(
                    f"a step would have {len(items) - first:,} pieces of work at a time, and the limit is "
                    f"{runner.MOST_ITEMS - 1:,}: take a smaller batch_size"
                )
        self._calls = np.array(words, np.int64)
        self._items = np.array(items, np.int64).reshape(-1, len(runner.ItemWord))
        self._items[:, :2] = self._items[:, :2] * 8 + self._calls.ctypes.data
        self._phases = np.array(phases, np.int64).reshape(-1, len(runner.PhaseWord))
        self._phases[:, 0] = self._phases[:, 0] * (8 * len(runner.ItemWord)) + self._items.ctypes.data
        self._leaf_items = [
            (number, self._items[first:last])
            for number, (phase, (first, last)) in enumerate(zip(native, spans, strict=True))
            if isinstance(phase, LeafPhase)
        ]
        self._node_items = [
            (number, self._items[first:last], self._items[first : last : self._leaves, :2].tolist())
            for number, (phase, (first, last)) in enumerate(zip(native, spans, strict=True))
            if isinstance(phase, NodePhase)
        ]

    def _parts(self, job: tuple[Call, ...]) -> Iterator[dict[str, Range]]:
        """Yield the parts that a job is cut into for several threads: along its first range, and along the next one
        where that does not give enough of them.

        A job of several calls, whose ranges differ even where they have one name, is never cut.
        """
        if len(job) > 1 or job[0].parts == 1:
            yield {}
            return
        left, known = job[0].parts, dict(self._code[job[0].recipe].handle().ranges)
        if isinstance(job[0].count, int):
            known = {name: job[0].count * job[0].times if whole == SAMPLES else whole for name, whole in known.items()}
        cuts: dict[str, list[Range]] = {}
        for name in job[0].split:
            own = self._own(job[0], known[name]) if job[0].owned and not cuts else range(known[name])
            pieces = even_pieces(len(own), max(1, -(-len(own) // left)))
            cuts[name] = [(own.start + start, own.start + start + size) for start, size in pieces]
            left = -(-left // max(1, len(pieces)))
        for ranges in product(*cuts.values()):
            yield dict(zip(cuts, ranges, strict=True))

    def _own(self, call: Call, pieces: int) -> range:
        """Return which of the pieces that a sum is cut into are this rank's, and note where each rank's part of the sum
        begins."""
        firsts = [rank * pieces // self._ranks for rank in range(self._ranks + 1)]
        total = call.operands[-1].buffer
        self._owned[total] = [*(first * call.slab for first in firsts[:-1]), total.size]
        return range(*firsts[self._rank : self._rank + 2])

    def _write_call(
        self, words: list[int], call: Call, places: Mapping[Buffer, int], parts: Mapping[str, Range],
        of_node: bool = False,
    ) -> None:  # fmt: skip
        handle = self._code[call.recipe].handle()
        if len(call.operands) > runner.MOST_OPERANDS or len(handle.ranges) > runner.MOST_RANGES:
            raise CompilerError(
                f"{call.recipe.name}: expected at most {runner.MOST_OPERANDS} tensors and {runner.MOST_RANGES} ranges, "
                f'received {len(call.operands)} and {len(handle.ranges)}; use engine="numpy"'
            )
        own = {**dict(call.ranges), **parts}
        length = runner.CallWord.HEAD + runner.OperandWord.WORDS * len(call.operands) + 2 * len(handle.ranges)
        if isinstance(call.count, int):
            told = call.count * call.times
        else:
            told = -call.times
            if call.count is not Count.AT_HAND:
                self._counts.append((len(words) + runner.CallWord.COUNT, call.count, call.times))
        words += [handle.address, length, len(call.operands), len(handle.ranges), told, int(call.once)]
        for operand in call.operands:
            words += self._write_operand(operand, places, of_node)
        for name, whole in handle.ranges:
            words += own.get(name, (0, -1 if whole == SAMPLES else whole))

    def _write_operand(self, operand: Operand, places: Mapping[Buffer, int], of_node: bool) -> list[int]:
        """Return base, offset, bytes a sample and bytes a leaf; where an item is a node, its leaves are its samples,
        and its own number is where that of a leaf stands."""
        buffer, offset = operand.buffer, operand.offset
        match buffer.scope:
            case Scope.PASSING:
                return [ARENA, places[buffer] + offset, 0, 0]
            case Scope.GIVEN:
                return [self._given[buffer.name], offset, buffer.size, 0]
            case Scope.BATCH:
                return [ABSOLUTE, self._addresses[buffer] + offset, buffer.size, 0]
            case Scope.LEAF if of_node:
                return [ABSOLUTE, self._addresses[buffer] + offset, buffer.size, 0]
            case Scope.LEAF | Scope.NODE:
                return [ABSOLUTE, self._addresses[buffer] + offset, 0, buffer.size]
            case Scope.WHOLE:
                return [ABSOLUTE, self._addresses[buffer] + offset, 0, 0]


def calls(phases: Sequence[Phase]) -> Iterator[Call]:
    """Yield all calls of kernels."""
    for phase in phases:
        if isinstance(phase, LeafPhase | NodePhase):
            yield from phase.calls
        elif isinstance(phase, JobPhase):
            for job in phase.jobs:
                yield from job


def _operands(plan: Plan) -> Iterator[Operand]:
    for call in calls(plan.phases):
        yield from call.operands
    for phase in plan.phases:
        if isinstance(phase, DefinitionPhase):
            yield from (*phase.inputs, *phase.outputs)
    yield from plan.totals.values()
