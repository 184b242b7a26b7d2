"""From a program to its plan: which calls make a phase, in which order.

Sums over the batch are made in the order that `definitions.combine` states: leaf by leaf and completed by the fixed
tree, or, where they are large, as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..program import Program
from .drafting import Draft, Work
from .fusion import Operation
from .kernels.norm import moments_leaves
from .kernels.reduction import add_leaves, zero
from .kernels.shuffle import flatten, flatten_grad_input
from .layout import aligned
from .lowering import FLOAT_BYTES, OUTPUTS, Lowering, Rule
from .memory import micro_batch
from .placement import one_after_the_other
from .plan import (
    Buffer,
    Call,
    Count,
    DefinitionPhase,
    JobPhase,
    LeafPhase,
    Operand,
    Phase,
    Plan,
    Scope,
    chunked,
    parts_of,
)
from .tiles import InstructionSet
from .update import update_phases


def planned(program: Program, isa: InstructionSet, rules: Mapping[str, Rule], elements: Mapping[str, str]) -> Plan:
    """Return the plan of a program; the parameters are those of `Lowering`."""
    low = Lowering(program, isa, rules, elements)
    left_to_update = _read_by_update_alone(program)
    last = max((number for number, draft in enumerate(low.outline.drafts) if draft.work is Work.LEAVES), default=0)
    phases: list[Phase] = []
    completed: set[int] = set()
    chunks = 0
    for number, draft in enumerate(low.outline.drafts):
        match draft.work:
            case Work.SINGLES:
                phases.append(JobPhase([tuple(low.lower(draft.operations))]))
            case Work.LEAVES:
                phases.append(_leaves(low, draft, left_to_update if number < last else set()))
            case Work.SUMS:
                ready = low.partials.keys() - completed - left_to_update
                phases.append(_sums(low, draft, [value for value in low.partials if value in ready]))
                completed |= ready
            case Work.UPDATE:
                late = {value: _adding_up(low, value) for value in low.partials if value in left_to_update}
                update, chunks = update_phases(low, draft.operations, late)
                phases += update
            case Work.DEFINITION:
                phases += _definition(low, draft.operations[0])
    if program.loss is None and not low.is_written_in_place:
        ends = low.operand(low.output), low.given(OUTPUTS, low.size(low.output) * FLOAT_BYTES)
        phases.append(LeafPhase([Call(low.recipe(flatten, *low.pixels(low.output)), ends)], program.leaf_size))
    phases = [JobPhase(low.prepare), *phases]
    phases = [phase for phase in phases if not isinstance(phase, JobPhase) or any(phase.jobs)]
    added = {v: o for v, o in low.kept.items() if low.values[v].role == "gradient" and not low.values[v].has_samples}
    return Plan(
        program, phases, low.placement, low.scalars, low.scalar_count, {**low.totals, **added}, low.all_given, chunks
    )


def _leaves(low: Lowering, draft: Draft, late: set[int]) -> LeafPhase:
    """Return a phase of leaves: their parts of sums are set to 0, then come the operations.

    Sums that are read `late`, when other phases of leaves have run, lie apart from the others: where several ranks
    share the work, they are under way meanwhile.
    """
    sums = [v for op in draft.operations for v in op.outputs if low.values[v].over == "sum"]
    calls = _parts(low, [v for v in sums if v not in late], "") + _parts(low, [v for v in sums if v in late], "late ")
    calls += low.lower(draft.operations)
    return LeafPhase(calls, micro_batch(calls, low.program.leaf_size))


def _parts(low: Lowering, sums: list[int], name: str) -> list[Call]:
    """Make room for sums and the leaves' parts of them, and return the call that sets these to 0.

    Gradients lie in the order of their parameters, so that an update can run through several at once.
    """
    if not sums:
        return []
    rank: dict[int | None, int] = {parameter: number for number, parameter in enumerate(low.placement.learning)}
    sums.sort(key=lambda value: rank.get(low.placement.parameter_of(value), len(rank)))
    starts, size = one_after_the_other((v, low.placement.layout(v).size) for v in sums)
    parts = Buffer(f"parts of {name}sums", size * FLOAT_BYTES, Scope.LEAF)
    totals = low.whole(f"{name}sums", size)
    for value, start in starts.items():
        low.partials[value] = Operand(parts, start * FLOAT_BYTES)
        low.totals[value] = replace(totals, offset=start * FLOAT_BYTES)
    return [Call(low.recipe(zero), (Operand(parts),), count=aligned(size), once=True)]


def _sums(low: Lowering, draft: Draft, ready: list[int]) -> JobPhase:
    """Return the phase that makes the sums which know no leaves, and completes those whose leaves are `ready`."""
    jobs: list[tuple[Call, ...]] = []
    for operation in draft.operations:
        value, size = operation.outputs[0], low.placement.layout(operation.outputs[0]).size
        low.totals[value] = total = low.whole(low.values[value].name, size)
        low.prepare += chunked([Call(low.recipe(zero), (total,), count=aligned(size))], size)
        (call,) = low.lower([operation])  # one, so that it can be cut
        jobs.append((replace(call, count=Count.BATCH, parts=parts_of(size)),))
    for value in ready:
        jobs += _completing(low, value)
    return JobPhase(jobs)


def _completing(low: Lowering, value: int) -> list[tuple[Call, ...]]:
    """Return the jobs that add up the leaves' parts of a sum."""
    if low.values[value].combine == "moments":
        part, (_, channels) = low.partials[value], low.shape(value)
        recipe = low.recipe(moments_leaves, channels, part.buffer.size // FLOAT_BYTES)
        return [(Call(recipe, (part, low.totals[value]), count=Count.LEAVES),)]
    return chunked([_adding_up(low, value)], low.placement.layout(value).size)


def _adding_up(low: Lowering, value: int) -> Call:
    """Return the call that adds up the leaves' parts of a sum, and of whatever lies behind it."""
    part = low.partials[value]
    recipe = low.recipe(add_leaves, part.buffer.size // FLOAT_BYTES)
    return Call(recipe, (part, low.totals[value]), count=Count.LEAVES)


def _definition(low: Lowering, operation: Operation) -> list[Phase]:
    """Return the phases of a step that runs in NumPy: around it, images get their channels first, and last."""
    before, after = LeafPhase(micro=low.program.leaf_size), LeafPhase(micro=low.program.leaf_size)
    of_samples = [v for v in operation.inputs if low.values[v].has_samples]
    inputs = tuple(_channels_first(low, v, before, flatten) for v in of_samples)
    for value in operation.outputs:
        if not low.values[value].has_samples:
            low.totals[value] = low.whole(low.values[value].name, low.placement.layout(value).size)
    outputs = tuple(
        _channels_first(low, v, after, flatten_grad_input) if low.values[v].has_samples else low.totals[v]
        for v in operation.outputs
    )
    phases: list[Phase] = [before, DefinitionPhase(operation.step, inputs, outputs), after]
    return [phase for phase in phases if not isinstance(phase, LeafPhase) or phase.calls]


def _channels_first(low: Lowering, value: int, phase: LeafPhase, emitter: Callable[..., None]) -> Operand:
    """Return a value with its channels first; where that is another order, `phase` gets the call that moves it."""
    here, (pixels, channels) = low.operand(value), low.pixels(value)
    if pixels == 1 or channels == 1:
        return here
    name = f"{low.values[value].name}, channels first"
    there = Operand(Buffer(name, low.size(value) * FLOAT_BYTES, Scope.BATCH))
    ends = (here, there) if emitter is flatten else (there, here)
    phase.calls.append(Call(low.recipe(emitter, pixels, channels), ends))
    return there


def _read_by_update_alone(program: Program) -> set[int]:
    """Return the sums that an update reads and nobody else, number by number, so that it may complete them itself."""
    readers: dict[int, list[tuple[int, str]]] = {}
    for number, step in enumerate(program.steps):
        for value in step.inputs:
            readers.setdefault(value, []).append((number, step.kind))
    return {
        value
        for value, reading in readers.items()
        if all(number >= program.backward and kind != "clip_factor" for number, kind in reading)
    }
