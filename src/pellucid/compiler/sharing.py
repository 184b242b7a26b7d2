"""One batch on several ranks: who does which samples, and what ranks tell each other; the bits stay what they are.

The leaves of a batch are cut into *nodes*: the aligned runs of 2^level leaves that are one part of the tree of sums at
that level (`definitions.combine`). A rank owns nodes that lie side by side, with the samples in them. It does its own
samples' part of a phase of leaves, and combines its leaves' parts of sums up to its nodes, by the kernels that complete
sums. Then the nodes travel, and every rank completes the sums from all nodes, by the same kernels: the same additions
in the same order as in one process.

What is summed over all samples one after the other, or done in NumPy on the whole batch, needs all samples: what it
reads travels instead, and every rank does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

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
        """Nodes have 2^level leaves: as many as there can be without giving any rank more than an equal share."""
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
        return max(stop - start for start, stop in zip(bounds, bounds[1:], strict=False))


def shared(plan: Plan) -> Plan:
    """Return the plan of a program on several ranks, whatever their number: it says what travels, and when.

    An exchange begins as soon as what travels is there, and is waited for where it is read first.
    """
    nodes = {buffer: Buffer(f"{buffer.name}, of nodes", buffer.size, Scope.NODE) for buffer in _parts(plan)}
    phases: list[Phase] = []
    away: set[Buffer] = set()
    for number, phase in enumerate(plan.phases):
        phase = _completing_nodes(phase, nodes)
        read = [buffer for buffer in _reads(phase) if buffer in away]
        if read:
            phases.append(Wait(tuple(read)))
            away.difference_update(read)
        phases.append(phase)
        if isinstance(phase, LeafPhase):
            later = plan.phases[number + 1 :]
            calls = [call for call in _completing(later) if call.operands[0].buffer in _buffers(phase)]
            if calls:
                phases.append(NodePhase([_up_to_node(call, nodes) for call in calls]))
            sent = [nodes[buffer] for buffer in dict.fromkeys(call.operands[0].buffer for call in calls)]
            whole = dict.fromkeys(buffer for each in later for buffer in _reads(each))
            sent += [buffer for buffer in whole if buffer in _buffers(phase) and buffer not in _made_before(plan, number)]
            if sent:
                phases.append(Send(tuple(sent)))
                away.update(sent)
    return replace(plan, phases=phases)


def _parts(plan: Plan) -> Iterator[Buffer]:
    """Yield the buffers of leaves' parts of sums."""
    yield from dict.fromkeys(call.operands[0].buffer for call in _completing(plan.phases))


def _completing(phases: list[Phase]) -> Iterator[Call]:
    """Yield the calls that complete sums from parts, each of which reads its parts as its first tensor."""
    for phase in phases:
        for job in phase.jobs if isinstance(phase, JobPhase) else ():
            yield from (call for call in job if call.count is Count.LEAVES)


def _completing_nodes(phase: Phase, nodes: dict[Buffer, Buffer]) -> Phase:
    """Return a phase that completes sums from nodes, instead of leaves."""
    if not isinstance(phase, JobPhase):
        return phase
    return JobPhase([tuple(_from_nodes(call, nodes) for call in job) for job in phase.jobs])


def _from_nodes(call: Call, nodes: dict[Buffer, Buffer]) -> Call:
    if call.count is not Count.LEAVES:
        return call
    parts, *others = call.operands
    return replace(call, operands=(_node(parts, nodes), *others), count=Count.NODES)


def _up_to_node(call: Call, nodes: dict[Buffer, Buffer]) -> Call:
    """Return the call that combines the leaves of a node as another one would combine all."""
    parts = call.operands[0]
    return replace(call, operands=(parts, _node(parts, nodes)), count=Count.AT_HAND)


def _node(parts: Operand, nodes: dict[Buffer, Buffer]) -> Operand:
    return Operand(nodes[parts.buffer], parts.offset)


def _buffers(phase: LeafPhase) -> set[Buffer]:
    return {operand.buffer for call in phase.calls for operand in call.operands}


def _made_before(plan: Plan, number: int) -> set[Buffer]:
    """Return the buffers that an earlier phase than this one writes, or reads."""
    found: set[Buffer] = set()
    for phase in plan.phases[:number]:
        if isinstance(phase, LeafPhase):
            found |= _buffers(phase)
        elif isinstance(phase, DefinitionPhase):
            found.update(operand.buffer for operand in (*phase.inputs, *phase.outputs))
    return found


def _reads(phase: Phase) -> list[Buffer]:
    """Return what a phase reads of all samples or nodes, each once."""
    if isinstance(phase, DefinitionPhase):
        return list(dict.fromkeys(o.buffer for o in phase.inputs if o.buffer.scope is Scope.BATCH))
    if not isinstance(phase, JobPhase):
        return []
    operands = (operand for job in phase.jobs for call in job for operand in call.operands)
    return list(dict.fromkeys(o.buffer for o in operands if o.buffer.scope in (Scope.BATCH, Scope.NODE)))
