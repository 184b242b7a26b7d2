"""From a program to a plan: a kernel for every step, a place in memory for every value.

What a value's numbers are kept in follows from who needs them: what is read in the phase that makes it stays with the
thread, in its cache; what is read later is kept for the whole batch. Sums over the batch are made in the order that
`definitions.combine` states: leaf by leaf and completed by the fixed tree, or, where they are large, as a whole.

A `Lowering` knows values and memory. Which kernel does a step is known by the rules (see `rules`), which ask it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..program import Program
from ..steps import Shape
from .drafting import Draft, Kind, Outline
from .fusion import Operation
from .jit import Recipe, checks_wanted
from .kernels.norm import moments_leaves
from .kernels.reduction import add_leaves, zero
from .kernels.repack import repack
from .kernels.shuffle import flatten, flatten_grad_input
from .layout import Layout, aligned
from .memory import micro_batch
from .packing import WeightShape, packed_size
from .placement import Placement, one_after_the_other
from .plan import (
    CHUNK,
    Buffer,
    Call,
    Count,
    DefinitionPhase,
    Formula,
    JobPhase,
    LeafPhase,
    Operand,
    Phase,
    Plan,
    Scalars,
    Scope,
    chunked,
    parts_of,
)
from .routing import Route, routes
from .tiles import InstructionSet, lanes_for
from .update import update_phases

FLOAT_BYTES = 4
BYTES_OF = {"uint8": 1, "uint32": 4, "float32": 4, "int64": 8}
OUTPUTS = "outputs"
"""Name of the buffer, given at every run, that the network's outputs are written to, channels first."""
ELEMENTS = {"index": "int64", "position": "int64"}


class Rule(Protocol):
    """Adds the calls of an operation."""

    def __call__(self, lowering: Lowering, operation: Operation, /) -> None: ...


class Lowering:
    """One program on its way to a plan.

    Parameters
    ----------
    program : Program
    isa : InstructionSet
    rules : mapping of str to Rule
        By kind of step.
    elements : mapping of str to str
        NumPy's names of the types of "input" and "target": "uint8", "float32" or "int64"; float32 where not given.
    """

    def __init__(self, program: Program, isa: InstructionSet, rules: Mapping[str, Rule], elements: Mapping[str, str]):
        self.program, self.isa, self.rules, self.elements = program, isa, rules, {**ELEMENTS, **elements}
        self.values = program.values
        self.outline = Outline(program, rules, {program.output} if program.loss is None else set())
        self.routes = routes(program, self.outline)
        self.placement = Placement(program, self.outline, isa)
        self.prepare: list[tuple[Call, ...]] = []
        self.scalars: list[Scalars] = []
        self.scalar_count = 0
        self.totals: dict[int, Operand] = {}
        self.partials: dict[int, Operand] = {}
        self._short: dict[int, Operand] = {}
        self._given: dict[str, Buffer] = {}
        self._kept: dict[int, Operand] = {}
        self._for_inputs: dict[int, Operand] = {}
        self._completed: set[int] = set()
        self._calls: list[Call] = []
        self._late = _read_by_update_alone(program)

    # ---- what rules ask
    def shape(self, value: int) -> Shape:
        """Return the shape of a value, without the axis of samples."""
        return self.values[value].shape

    def size(self, value: int) -> int:
        """Return how many numbers a value has, those of one sample where there is one for each."""
        return math.prod(self.shape(value))

    def pixels(self, value: int) -> tuple[int, int]:
        """Return (pixels, channels) of a value: an image (C, H, W), or features, which are channels of one pixel."""
        channels, *size = self.shape(value)
        return math.prod(size), channels

    def layout(self, parameter: int) -> Layout:
        """Return how a parameter lies in memory."""
        return self.placement.layouts[parameter]

    def element(self, value: int) -> str:
        """Return NumPy's name of the type of a value's numbers."""
        return self.elements.get(self.values[value].name.removesuffix(".data"), "float32")

    def operand(self, value: int) -> Operand:
        """Return where a value lies; of a sum over the batch, where it lies when it is complete."""
        value = self.outline.original(value)
        known, before = self.values[value], self.placement.before(value)
        if known.over == "sum":
            return self.totals[value]
        if known.role in ("parameter", "state"):
            block = self.given("weights" if value == before else "new weights")
            return replace(block, offset=self.placement.starts[before] * FLOAT_BYTES)
        if value == self._output and self._is_written_in_place:
            return self.given(OUTPUTS, self.size(value) * FLOAT_BYTES)
        if value not in self.outline.made:
            each = self.size(value) * BYTES_OF[self.element(value)]
            return self.given(known.name, each if known.over == "sample" else 0)
        if value not in self._kept:
            self._kept[value] = Operand(self._buffer(value))
        return self._kept[value]

    def winners(self, route: Route) -> Operand:
        """Return where the winners of a max pooling lie."""
        if route.pooled not in self._short:
            name, size = f"{self.values[route.pooled].name}, winners", self.size(route.pooled)
            self._short[route.pooled] = self.memory(name, size, passes=route.at_once)
        return self._short[route.pooled]

    def routed(self, route: Route) -> Operand:
        """Return where a routed gradient lies: a number for each pooled output."""
        if not route.masked:
            return self.operand(route.grad_output)
        if route.grad not in self._short:
            name, size = f"{self.values[route.grad].name}, routed", self.size(route.pooled)
            self._short[route.grad] = self.memory(name, size, passes=True)
        return self._short[route.grad]

    def sum(self, value: int) -> Operand:
        """Return where an operation adds to a sum over the batch: to its leaf's part, where there are leaves."""
        return self.partials[value] if value in self.partials else self.totals[value]

    def given(self, name: str, size: int = 0) -> Operand:
        """Return what is said anew at every step, of so many bytes a sample (0: samples share it)."""
        if name not in self._given:
            self._given[name] = Buffer(name, size, Scope.GIVEN)
        return Operand(self._given[name])

    def numbers(self, formula: Formula, *takes: str, **keywords: Hashable) -> Operand:
        """Return where a kernel finds the numbers that a formula gives anew at every step."""
        ordered = tuple(sorted(keywords.items()))
        for known in self.scalars:
            if (known.formula, known.takes, known.keywords) == (formula, takes, ordered):
                return replace(self.given("scalars"), offset=known.offset * FLOAT_BYTES)
        self.scalars.append(Scalars(self.scalar_count, formula, takes, ordered))
        self.scalar_count += aligned(len(formula(*[1.0 for _ in takes], **keywords)))
        return replace(self.given("scalars"), offset=self.scalars[-1].offset * FLOAT_BYTES)

    def whole(self, name: str, size: int) -> Operand:
        """Return new memory for so many floats that samples share."""
        return Operand(Buffer(name, aligned(size) * FLOAT_BYTES, Scope.WHOLE))

    def memory(self, name: str, size: int, passes: bool) -> Operand:
        """Return new memory for so many floats of a sample: for the phase at hand, or else for the whole batch."""
        return Operand(Buffer(name, size * FLOAT_BYTES, Scope.PASSING if passes else Scope.BATCH))

    def recipe(self, emitter: Callable[..., None], *parameters: Hashable) -> Recipe:
        """Return a kernel's recipe."""
        return Recipe(emitter, parameters, self.isa, checks_wanted())

    def call(
        self, operation: Operation, emitter: Callable[..., None], parameters: tuple[Hashable, ...], *operands: Operand,
        **how: Any,
    ) -> None:  # fmt: skip
        """Add a call of a kernel, which does an operation."""
        self._calls.append(Call(self.recipe(emitter, *parameters), operands, operation.steps, **how))

    def for_inputs(self, weight: int, shape: WeightShape, groups: int = 1) -> Operand:
        """Return where weights of `shape` (F, C/G, KH, KW) lie a second time, input channels along the lanes: a kernel
        brings them there before all else."""
        filters, channels, rows, columns = shape
        if weight not in self._for_inputs:
            own, lanes = lanes_for(filters // groups, self.isa), lanes_for(channels, self.isa)
            size = packed_size((channels * groups, filters // groups, rows, columns), lanes, groups)
            there = self.whole(f"{self.values[weight].name}, for inputs", size)
            recipe = self.recipe(repack, shape, own, lanes, groups)
            call = Call(recipe, (self.operand(weight), there), split=("blocks",), parts=-(-size // CHUNK))
            self.prepare.append((call,))
            self._for_inputs[weight] = there
        return self._for_inputs[weight]

    # ---- the plan
    def plan(self) -> Plan:
        """Return the plan."""
        phases: list[Phase] = []
        chunks = 0
        for draft in self.outline.drafts:
            match draft.kind:
                case Kind.SINGLES:
                    phases.append(JobPhase([tuple(self.lower(draft.operations))]))
                case Kind.LEAVES:
                    phases.append(self._leaves(draft))
                case Kind.SUMS:
                    phases.append(self._sums(draft))
                case Kind.UPDATE:
                    update, chunks = update_phases(self, draft.operations)
                    phases += update
                case Kind.DEFINITION:
                    phases += self._definition(draft.operations[0])
        if self.program.loss is None and not self._is_written_in_place:
            outputs = self.given(OUTPUTS, self.size(self._output) * FLOAT_BYTES)
            move = Call(self.recipe(flatten, *self.pixels(self._output)), (self.operand(self._output), outputs))
            phases.append(LeafPhase([move], self.program.leaf_size))
        phases = [JobPhase(self.prepare), *phases]
        phases = [phase for phase in phases if not isinstance(phase, JobPhase) or any(phase.jobs)]
        added = {v: o for v, o in self._kept.items() if self.values[v].role == "gradient" and not self._of_samples(v)}
        return Plan(
            self.program, phases, self.placement, self.scalars, self.scalar_count, {**self.totals, **added},
            self._given, chunks,
        )  # fmt: skip

    def lower(self, operations: list[Operation]) -> list[Call]:
        """Return the calls of operations."""
        self._calls = []
        for operation in operations:
            self.rules[operation.kind](self, operation)
        return self._calls

    def _leaves(self, draft: Draft) -> LeafPhase:
        """Return a phase of leaves: their parts of sums are set to 0, then come the operations.

        Gradients lie in the order of their parameters, so that an update can run through several at once.
        """
        sums = [v for op in draft.operations for v in op.outputs if self.values[v].over == "sum"]
        rank: dict[int | None, int] = {parameter: number for number, parameter in enumerate(self.placement.learning)}
        sums.sort(key=lambda value: rank.get(self.placement.parameter_of(value), len(rank)))
        starts, size = one_after_the_other((v, self.placement.extent(v)) for v in sums)
        parts, totals = Buffer("parts of sums", size * FLOAT_BYTES, Scope.LEAF), self.whole("sums", size)
        for value, start in starts.items():
            self.partials[value] = Operand(parts, start * FLOAT_BYTES)
            self.totals[value] = replace(totals, offset=start * FLOAT_BYTES)
        calls = [Call(self.recipe(zero), (Operand(parts),), count=aligned(size), once=True)] if sums else []
        calls += self.lower(draft.operations)
        return LeafPhase(calls, micro_batch(calls, self.program.leaf_size))

    def _sums(self, draft: Draft) -> JobPhase:
        """Return the phase that completes the sums of the leaves before it, and makes those that know no leaves."""
        jobs: list[tuple[Call, ...]] = []
        for operation in draft.operations:
            value, size = operation.outputs[0], self.placement.extent(operation.outputs[0])
            self.totals[value] = self.whole(self.values[value].name, size)
            self.prepare += chunked([Call(self.recipe(zero), (self.totals[value],), count=aligned(size))], size)
            calls = [replace(call, count=Count.BATCH) for call in self.lower([operation])]
            jobs.append((replace(calls[0], parts=parts_of(size)),) if len(calls) == 1 else tuple(calls))
        for value in [v for v in self.partials if v not in self._completed and v not in self._late]:
            self._completed.add(value)
            jobs += self._completing(value)
        return JobPhase(jobs)

    def _completing(self, value: int) -> list[tuple[Call, ...]]:
        """Return the jobs that add up the leaves' parts of a sum."""
        if self.values[value].combine == "moments":
            part, (_, channels) = self.partials[value], self.shape(value)
            recipe = self.recipe(moments_leaves, channels, part.buffer.size // FLOAT_BYTES)
            return [(Call(recipe, (part, self.totals[value]), count=Count.LEAVES),)]
        return chunked([self.completing(value)], self.placement.extent(value))

    def completing(self, value: int) -> Call:
        """Return the call that adds up the leaves' parts of a sum, and of whatever lies behind it."""
        part = self.partials[value]
        return Call(
            self.recipe(add_leaves, part.buffer.size // FLOAT_BYTES), (part, self.totals[value]), count=Count.LEAVES
        )

    def late(self, value: int) -> bool:
        """Return whether the update itself completes a sum: nobody else reads it."""
        return value in self._late and value in self.partials

    # ---- memory
    @property
    def _output(self) -> int:
        """The value of the network's outputs."""
        return self.outline.original(self.program.output)

    @property
    def _is_written_in_place(self) -> bool:
        """Whether the kernel that makes the outputs writes them where the caller wants them, in the caller's order."""
        made = self.outline.made.get(self._output)
        in_leaves = made is not None and self.outline.drafts[made].kind is Kind.LEAVES
        return self.program.loss is None and in_leaves and 1 in self.pixels(self._output)

    def _buffer(self, value: int) -> Buffer:
        known = self.values[value]
        if not known.has_samples:
            return self.whole(known.name, self.placement.extent(value)).buffer
        scope = Scope.PASSING if self.outline.passes(value) else Scope.BATCH
        return Buffer(known.name, self.size(value) * BYTES_OF[self.element(value)], scope)

    def _definition(self, operation: Operation) -> list[Phase]:
        """Return the phases of a step that runs in NumPy: around it, images get their channels first, and last."""
        before, after = LeafPhase(micro=self.program.leaf_size), LeafPhase(micro=self.program.leaf_size)
        inputs = tuple(self._channels_first(v, before, flatten) for v in operation.inputs if self._of_samples(v))
        for value in operation.outputs:
            if not self._of_samples(value):
                self.totals[value] = self.whole(self.values[value].name, self.placement.extent(value))
        outputs = tuple(
            self._channels_first(v, after, flatten_grad_input) if self._of_samples(v) else self.totals[v]
            for v in operation.outputs
        )
        phases: list[Phase] = [before, DefinitionPhase(operation.step, inputs, outputs), after]
        return [phase for phase in phases if not isinstance(phase, LeafPhase) or phase.calls]

    def _channels_first(self, value: int, phase: LeafPhase, emitter: Callable[..., None]) -> Operand:
        """Return a value with its channels first; where that is another order, `phase` gets the call that moves it."""
        here, (pixels, channels) = self.operand(value), self.pixels(value)
        if pixels == 1 or channels == 1:
            return here
        name = f"{self.values[value].name}, channels first"
        there = Operand(Buffer(name, self.size(value) * FLOAT_BYTES, Scope.BATCH))
        ends = (here, there) if emitter is flatten else (there, here)
        phase.calls.append(Call(self.recipe(emitter, pixels, channels), ends))
        return there

    def _of_samples(self, value: int) -> bool:
        return self.values[value].has_samples


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
