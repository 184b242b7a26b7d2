"""The optimiser's phases: many parameters as one, cut into chunks that any thread may take.

A chunk's job adds up the leaves' parts of the gradient, clips them where that is wanted, makes the new weights and the
optimiser's new memory, and averages the weights; all of it while the numbers are in the cache.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from .fusion import Operation
from .layout import aligned
from .plan import Buffer, Call, Count, JobPhase, chunked

if TYPE_CHECKING:
    from .lowering import Lowering

FLAGS = "flags"
"""Name of the buffer, given at every step, that has one float for every chunk of the update."""


@dataclass(frozen=True)
class Learning:
    """A parameter, and the calls that change it."""

    start: int
    size: int
    calls: tuple[Call, ...]

    def signature(self, shared: Collection[Buffer]) -> Hashable:
        """Return what neighbours have in common that the same calls can change: the kernels, the buffers, and how far
        in those a parameter's numbers begin, counted from its own start; in `shared` ones from theirs."""
        return tuple(
            (
                call.recipe,
                tuple((o.buffer, o.offset - 4 * self.start * (o.buffer not in shared)) for o in call.operands),
            )
            for call in self.calls
        )


def update_phases(
    lowering: Lowering, operations: list[Operation], late: Mapping[int, Call]
) -> tuple[list[JobPhase], int]:
    """Return the phases of the optimiser's steps, and the number of chunks; `late` are the sums that are completed
    only here, with the calls that do it."""
    clipping = [operation for operation in operations if operation.kind == "clip_factor"]
    phases = [JobPhase([tuple(lowering.lower(clipping))])] if clipping else []
    shared = {lowering.given("scalars").buffer, lowering.given(FLAGS).buffer}
    shared |= {lowering.operand(v).buffer for operation in clipping for v in operation.outputs}
    found = [_learning(lowering, parameter, operations, late) for parameter in lowering.placement.learning]
    jobs: list[tuple[Call, ...]] = []
    for _, run in groupby(found, key=lambda learning: learning.signature(shared)):
        jobs += _jobs(list(run), len(jobs))
    return [*phases, JobPhase(jobs)], len(jobs)


def _learning(lowering: Lowering, parameter: int, operations: list[Operation], late: Mapping[int, Call]) -> Learning:
    """Return a parameter with the calls of all operations that are about it."""
    placement = lowering.placement
    own = [
        operation
        for operation in operations
        if operation.kind != "clip_factor"
        and any(parameter in (placement.before(v), placement.parameter_of(v)) for v in operation.inputs)
    ]
    read = dict.fromkeys(v for operation in own for v in operation.inputs if v in late)
    calls = (*(late[v] for v in read), *lowering.lower(own))
    return Learning(placement.starts[parameter], placement.layout(parameter).size, calls)


def _jobs(run: list[Learning], number: int) -> list[tuple[Call, ...]]:
    """Return the jobs of neighbouring parameters, a chunk each; the first is job `number` of all."""
    size = sum(aligned(each.size) for each in run)
    calls = [replace(call, count=size) if call.count is Count.AT_HAND else call for call in run[0].calls]
    return [
        tuple(_with_flag(call, chunk) for call in job) for chunk, job in enumerate(chunked(calls, size), start=number)
    ]


def _with_flag(call: Call, chunk: int) -> Call:
    """Return a call with the chunk's own flag, where it has one among its operands."""
    operands = tuple(replace(o, offset=4 * chunk) if o.buffer.name == FLAGS else o for o in call.operands)
    return replace(call, operands=operands)
