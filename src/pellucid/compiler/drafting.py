"""Which work goes into which phase: the first half of lowering, before anything is known of kernels or memory."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum

from ..definitions import combine
from ..program import Program
from ..steps import Step
from .fusion import Operation, Readers, flattened, operations


class Work(Enum):
    """What the operations of a phase have in common."""

    SINGLES = "what concerns no sample"
    LEAVES = "sample by sample"
    SUMS = "sums over the whole batch"
    DEFINITION = "a step that runs in NumPy"
    UPDATE = "the optimiser"


@dataclass
class Draft:
    """A phase: its operations, in an order in which they can run."""

    work: Work
    operations: list[Operation] = field(default_factory=list)


class Outline:
    """A program cut into phases.

    Attributes
    ----------
    drafts : list of Draft
    readers : Readers
    made, last_read : dict of int to int
        Value -> the phase that makes it, and the last one that reads it. Those of views are their originals'.
    phases : dict of Step to int
        The phase in which a step is done.
    operations : dict of Step to Operation
        What does a step, with what rides along.
    """

    def __init__(self, program: Program, native: Collection[str], wanted: Collection[int]):
        self.program, self.wanted = program, wanted
        self._native = native
        self._makers = {value: step for step in program.steps for value in step.outputs}
        self.readers = Readers(program.steps, wanted)
        self._views = _views(program, flattened(program, self.readers))
        self.drafts: list[Draft] = []
        learns = program.backward < len(program.steps)
        for number, stage in enumerate(program.stages):
            steps = [step for step in stage if not self._is_view(step)]
            if learns and number == len(program.stages) - 1:
                self.drafts.append(Draft(Work.UPDATE, [Operation(step) for step in steps]))
            else:
                self._draft_stage(operations(steps, self.readers))
        self.made, self.last_read = self._spans()
        numbered = [(number, op) for number, draft in enumerate(self.drafts) for op in draft.operations]
        self.phases = {step: number for number, operation in numbered for step in operation.steps}
        self.operations = {step: operation for _, operation in numbered for step in operation.steps}

    def original(self, value: int) -> int:
        """Return the value whose numbers a value shares: itself, unless it is a view."""
        while value in self._views:
            value = self._views[value]
        return value

    def passes(self, value: int) -> bool:
        """Return whether a value is needed within one phase alone, so that a thread can keep it to itself."""
        value = self.original(value)
        made = self.made.get(value)
        within = made is not None and self.last_read.get(value, made) == made
        return within and self.drafts[made or 0].work is Work.LEAVES

    def _is_serial(self, value: int) -> bool:
        """Return whether a value is the gradient of a parameter that is summed without leaves; see `combine`."""
        values = self.program.values
        if values[value].role != "gradient" or values[value].over != "sum":
            return False
        maker = self._makers[value]
        read = sum(math.prod(values[v].shape) for v in maker.inputs if values[v].has_samples)
        return combine.is_serial(math.prod(values[value].shape), read, self.program.leaf_size)

    def _is_view(self, step: Step) -> bool:
        return any(value in self._views for value in step.outputs)

    def _draft_stage(self, found: list[Operation]) -> None:
        leaves, sums, singles = Draft(Work.LEAVES), Draft(Work.SUMS), Draft(Work.SINGLES)
        pieces = [leaves]
        for operation in found:
            if operation.kind not in self._native:
                pieces += [Draft(Work.DEFINITION, [operation]), Draft(Work.LEAVES)]
            elif self._is_serial(operation.outputs[0]):
                sums.operations.append(operation)
            elif self._is_of_samples(operation):
                pieces[-1].operations.append(operation)
            else:
                singles.operations.append(operation)
        self.drafts += [draft for draft in (singles, *pieces) if draft.operations]
        self.drafts.append(sums)  # also where it is empty: the leaves' sums are completed in it

    def _is_of_samples(self, operation: Operation) -> bool:
        values = self.program.values
        return any(values[v].has_samples for v in (*operation.inputs, *operation.outputs))

    def _spans(self) -> tuple[dict[int, int], dict[int, int]]:
        made: dict[int, int] = {}
        last_read: dict[int, int] = {}
        for number, draft in enumerate(self.drafts):
            for operation in draft.operations:
                made.update({self.original(v): number for v in operation.outputs if self.original(v) not in made})
                last_read.update({self.original(v): number for v in operation.inputs})
        last_read.update({self.original(v): len(self.drafts) for v in self.wanted})
        return made, last_read


def _views(program: Program, in_place: Collection[int]) -> dict[int, int]:
    """Return the values that are other values' numbers under another name, with those values: a flatten step that moves
    nothing passes its gradient on in the same way."""
    views: dict[int, int] = {}
    passed_on = {gradient for value, gradient in program.gradients.items() if value in in_place}
    for step in program.steps:
        forward = step.kind == "flatten" and step.outputs[0] in in_place
        backward = step.kind == "flatten.grad_input" and step.inputs[0] in passed_on
        if forward or backward:
            views[step.outputs[0]] = step.inputs[0]
    return views
