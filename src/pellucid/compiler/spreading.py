"""One sample on several threads: what one of them does with a leaf is cut inside the image.

A phase of leaves gives threads nothing to share where there is one sample. Its calls then follow each other as phases
of their own: the rows, or the filters, of large work are shared, and all else one thread does between.
"""

from __future__ import annotations

from dataclasses import replace

from . import memory
from .plan import Buffer, Call, JobPhase, LeafPhase, Operand, Phase, Plan, Scope

PARTS_EACH = 4
"""Parts of a call for every thread, so that one that is held up leaves its work to others."""


def spread(plan: Plan, threads: int) -> Plan | None:
    """Return the plan of one sample on so many threads, for a program without a loss; None where it is too little work
    to be shared."""
    if threads == 1 or plan.program.loss is not None:
        return None
    phases: list[Phase] = []
    shared = False
    for phase in plan.phases:
        if isinstance(phase, LeafPhase):
            calls = _for_one_sample(phase.calls, threads)
            shared |= any(call.parts > 1 for call in calls)
            phases += _phases(calls)
        else:
            phases.append(phase)
    return replace(plan, phases=phases) if shared else None


def _for_one_sample(calls: list[Call], threads: int) -> list[Call]:
    """Return a leaf's calls for its only sample. What passes from one to another lies where all threads find it."""
    places, size = memory.arena(calls)
    room = Buffer("one sample", size, Scope.WHOLE)

    def moved(operand: Operand) -> Operand:
        passes = operand.buffer.scope is Scope.PASSING
        return Operand(room, places[operand.buffer] + operand.offset) if passes else operand

    return [
        replace(call, operands=tuple(map(moved, call.operands)), count=1, parts=min(call.parts, PARTS_EACH * threads))
        for call in calls
    ]


def _phases(calls: list[Call]) -> list[JobPhase]:
    """Return calls that follow each other as phases: those that are cut alone, neighbours that are not as one job."""
    phases: list[JobPhase] = []
    whole: list[Call] = []
    for call in calls:
        if call.parts == 1:
            whole.append(call)
            continue
        phases += [JobPhase([job]) for job in (tuple(whole), (call,)) if job]
        whole = []
    return phases + [JobPhase([tuple(whole)])] * bool(whole)
