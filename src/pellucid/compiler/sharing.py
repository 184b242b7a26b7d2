"""One batch on several ranks: who does which samples, and what ranks tell each other; the bits stay what they are.

The leaves of a batch are cut into *nodes*: the aligned runs of 2^level leaves that are one part of the tree of sums at
that level (`definitions.combine`). A rank owns nodes that lie side by side, with the samples in them. It does its own
samples' part of a phase of leaves, and combines its leaves' parts of sums up to its nodes, by the kernels that complete
sums. Then the nodes travel, and every rank completes the sums from all nodes, by the same kernels: the same additions
in the same order as in one process.

What is summed over all samples one after the other, or done in NumPy on the whole batch, needs all samples: what it
reads travels instead. Then every rank does it; or, where a sum takes longer to be made than to travel, each rank makes
a part of its numbers, which travel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from ..errors import CompilerError
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
    Scope,
    Send,
    Wait,
)

WORTH_SENDING = 256
"""Terms of a sum that take as long to be added up as it takes to send the sum: at 50 thousand million multiply-adds a
second, and 10 Gb/s, each of them 4 bytes."""


@dataclass(frozen=True)
class Share:
    """Who does which samples of a batch; the same for all ranks, but for `rank`.

    Parameters
    ----------
    samples, leaf_size : int
    rank, ranks : int
        This one, and how many there are.
    """

    samples: int
    leaf_size: int
    rank: int = 0
    ranks: int = 1

    @cached_property
    def leaves(self) -> int:
        """How many there are."""
        return -(-self.samples // self.leaf_size)

    @cached_property
    def level(self) -> int:
        """Nodes have 2^level leaves: as many as there can be without giving any rank more than an equal share.

        That is the largest l for which max over ranks r of leaves(r, l) ≤ ⌈leaves / ranks⌉. Of 9 leaves and 4 ranks
        (133 samples), a rank's share is 3 at most. Nodes of one leaf give the ranks 2, 2, 2 and 3 of them, and so do
        nodes of two leaves with 2, 2, 2 and 3 (the last node has but one); of four leaves one rank would have 4.
        """
        level = 0
        while 1 << level < self.leaves and self._longest(level + 1) <= -(-self.leaves // self.ranks):
            level += 1
        return level

    @cached_property
    def nodes(self) -> int:
        """How many there are; the last one may have fewer leaves."""
        return self._nodes(self.level)

    @cached_property
    def node_bounds(self) -> tuple[int, ...]:
        """Rank r owns the nodes from the r-th of these numbers up to the next; some may have none."""
        return self._bounds(self.level)

    @cached_property
    def sample_bounds(self) -> tuple[int, ...]:
        """Rank r does the samples from the r-th of these numbers up to the next."""
        each = self.leaf_size << self.level
        return tuple(min(self.samples, bound * each) for bound in self.node_bounds)

    @property
    def own_nodes(self) -> range:
        """This rank's."""
        return range(*self.node_bounds[self.rank : self.rank + 2])

    @property
    def own_leaves(self) -> range:
        """This rank's."""
        own = self.own_nodes
        return range(min(self.leaves, own.start << self.level), min(self.leaves, own.stop << self.level))

    def leaves_of(self, node: int) -> range:
        """Return the leaves of a node."""
        return range(node << self.level, min(self.leaves, node + 1 << self.level))

    def _nodes(self, level: int) -> int:
        return -(-self.leaves // (1 << level))

    def _bounds(self, level: int) -> tuple[int, ...]:
        return tuple(rank * self._nodes(level) // self.ranks for rank in range(self.ranks + 1))

    def _longest(self, level: int) -> int:
        """Return how many leaves the rank with the most of them would have."""
        bounds = [min(self.leaves, bound << level) for bound in self._bounds(level)]
        return max(stop - start for start, stop in pairwise(bounds))


def shared(plan: Plan, samples: int) -> Plan:
    """Return the plan of a program on several ranks, whatever their number: it says what travels, and when.

    An exchange begins as soon as what travels is there, and is waited for where it is read first.

    Parameters
    ----------
    plan : Plan
    samples : int
        Of the largest batch.
    """
    return replace(plan, phases=_Sharing(plan, samples).phases)


class _Sharing:
    """A plan on its way to one for several ranks.

    Attributes
    ----------
    phases : list of Phase
    """

    def __init__(self, plan: Plan, samples: int):
        self._samples, self.phases = samples, list[Phase]()
        self._nodes: dict[Buffer, Buffer] = {}  # of the buffers of leaves' parts
        self._away: dict[Buffer, None] = {}  # what travels, and nobody has waited for, in the order of sending
        self._made: set[Buffer] = set()  # what was made before the phase at hand
        self._serial: list[Call] = []  # sums over all samples that nobody has asked for yet
        for number, phase in enumerate(plan.phases):
            if isinstance(phase, LeafPhase):
                self._add_leaves(phase, plan.phases[number + 1 :])
            elif isinstance(phase, JobPhase):
                self._add_jobs(phase)
            else:
                self._add(phase)
        self._sum_serially()
        self._wait(self._away.keys())

    def _add(self, phase: Phase) -> None:
        """Add a phase; before it comes what it reads. (A leaf reads its own piece of what is under way, too, and writes
        to nothing of that.)"""
        touched = _touched(phase)
        if isinstance(phase, LeafPhase) and any(call.operands[-1].buffer in self._away for call in phase.calls):
            raise CompilerError("a phase of leaves would write to what travels to other ranks")
        if touched & {_total(call) for call in self._serial}:
            self._sum_serially()
        self._wait(touched if not isinstance(phase, LeafPhase) else _of_all(touched))
        self.phases.append(phase)
        self._made |= touched

    def _wait(self, buffers: Set[Buffer]) -> None:
        if found := tuple(buffer for buffer in self._away if buffer in buffers):
            self.phases.append(Wait(found))
            self._away = {buffer: None for buffer in self._away if buffer not in found}

    def _send(self, buffers: Iterable[Buffer]) -> None:
        if found := tuple(dict.fromkeys(buffers)):
            self.phases.append(Send(found))
            self._away |= dict.fromkeys(found)

    def _add_leaves(self, phase: LeafPhase, later: Sequence[Phase]) -> None:
        """Add a phase of leaves; then sums go up to the nodes, and travel, as does what is read of all samples."""
        new = _touched(phase) - self._made
        self._add(phase)
        calls = [call for call in _completing(later) if call.operands[0].buffer in new]
        for buffer in dict.fromkeys(call.operands[0].buffer for call in calls):
            self._nodes[buffer] = Buffer(f"{buffer.name}, of nodes", buffer.size, Scope.NODE)
        if calls:
            self.phases.append(NodePhase([self._up_to_node(call) for call in calls]))
        whole = [buffer for each in later for buffer in _read_whole(each) if buffer in new]
        self._send([*(self._nodes[call.operands[0].buffer] for call in calls), *whole])

    def _add_jobs(self, phase: JobPhase) -> None:
        """Add a phase of jobs, which complete sums from nodes. Sums over all samples wait until they are asked for."""
        serial = [job[0] for job in phase.jobs if job[0].count is Count.BATCH]
        others = [tuple(map(self._from_nodes, job)) for job in phase.jobs if job[0].count is not Count.BATCH]
        self._serial += [replace(call, owned=self._is_worth_sending(call)) for call in serial]
        if others:
            self._add(JobPhase(others))

    def _sum_serially(self) -> None:
        """Add the sums over all samples that wait."""
        calls, self._serial = self._serial, []
        if calls:
            self._add(JobPhase([(call,) for call in calls]))
            self._send(_total(call) for call in calls if call.owned)

    def _is_worth_sending(self, call: Call) -> bool:
        """Return whether a sum that can be cut takes longer to be made, of so many terms, than to travel."""
        return call.slab > 0 and call.parts > 1 and self._samples * call.terms > WORTH_SENDING

    def _from_nodes(self, call: Call) -> Call:
        """Return a call that completes a sum from nodes, instead of leaves."""
        if call.count is not Count.LEAVES:
            return call
        parts, *others = call.operands
        return replace(call, operands=(self._node(parts), *others), count=Count.NODES)

    def _up_to_node(self, call: Call) -> Call:
        """Return the call that combines the leaves of a node as another one would combine all."""
        parts = call.operands[0]
        return replace(call, operands=(parts, self._node(parts)), count=Count.AT_HAND)

    def _node(self, parts: Operand) -> Operand:
        return Operand(self._nodes[parts.buffer], parts.offset)


def _completing(phases: Sequence[Phase]) -> Iterator[Call]:
    """Yield the calls that complete sums from parts, each of which reads its parts as its first tensor."""
    for phase in phases:
        for job in phase.jobs if isinstance(phase, JobPhase) else ():
            yield from (call for call in job if call.count is Count.LEAVES)


def _touched(phase: Phase) -> set[Buffer]:
    """Return what a phase reads or writes."""
    match phase:
        case LeafPhase() | NodePhase():
            return {operand.buffer for call in phase.calls for operand in call.operands}
        case JobPhase():
            return {operand.buffer for job in phase.jobs for call in job for operand in call.operands}
        case DefinitionPhase():
            return {operand.buffer for operand in (*phase.inputs, *phase.outputs)}
        case Send() | Wait():
            return set(phase.buffers)


def _of_all(buffers: set[Buffer]) -> set[Buffer]:
    """Return those of which a leaf reads more than its own part."""
    return {buffer for buffer in buffers if buffer.scope is Scope.WHOLE}


def _read_whole(phase: Phase) -> list[Buffer]:
    """Return what a phase reads of all samples."""
    if isinstance(phase, DefinitionPhase):
        return [operand.buffer for operand in phase.inputs if operand.buffer.scope is Scope.BATCH]
    calls = (call for job in phase.jobs for call in job) if isinstance(phase, JobPhase) else ()
    return [operand.buffer for call in calls for operand in call.operands if operand.buffer.scope is Scope.BATCH]


def _total(call: Call) -> Buffer:
    """Return where a sum over all samples lies."""
    return call.operands[-1].buffer
