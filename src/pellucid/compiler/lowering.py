"""What the rules ask while a program becomes a plan: a kernel for every step, a place in memory for every value.

What a value's numbers are kept in follows from who needs them: what is read in the phase that makes it stays with the
thread, in its cache; what is read later is kept for the whole batch.

A `Lowering` knows values and memory. Which kernel does a step is known by the rules (see `rules`), which ask it; which
calls make a phase, by `planning`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..program import Program
from ..steps import Shape
from .drafting import Outline, Work
from .fusion import Operation
from .kernels.repack import repack
from .layout import aligned
from .packing import WeightShape, packed_size
from .placement import Placement
from .plan import CHUNK, Buffer, Call, Formula, Operand, Scalars, Scope
from .recipe import Recipe, checks_wanted
from .routing import Route, Routes
from .tiles import InstructionSet, lanes_for

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

    Attributes
    ----------
    outline : Outline
    routes : Routes
    placement : Placement
    prepare : list of tuple of Call
        Jobs that run before all else.
    scalars : list of Scalars
    scalar_count : int
        Floats of all scalars together.
    totals, partials : dict of int to Operand
        Where a sum over the batch lies when it is complete; where a leaf's part of it lies.
    kept : dict of int to Operand
        Where all other values lie that a step makes.
    all_given : dict of str to Buffer
        What is said anew at every step.
    """

    def __init__(self, program: Program, isa: InstructionSet, rules: Mapping[str, Rule], elements: Mapping[str, str]):
        self.program, self.isa, self.rules, self.elements = program, isa, rules, {**ELEMENTS, **elements}
        self.values = program.values
        self.outline = Outline(program, rules, {program.output} if program.loss is None else set())
        self.routes = Routes(program, self.outline)
        self.placement = Placement(program, self.outline, isa)
        self.prepare: list[tuple[Call, ...]] = []
        self.scalars: list[Scalars] = []
        self.scalar_count = 0
        self.totals: dict[int, Operand] = {}
        self.partials: dict[int, Operand] = {}
        self._winners: dict[int, Operand] = {}
        self._routed: dict[int, Operand] = {}
        self.kept: dict[int, Operand] = {}
        self.all_given: dict[str, Buffer] = {}
        self._for_inputs: dict[int, Operand] = {}
        self._calls: list[Call] = []

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
        if value == self.output and self.is_written_in_place:
            return self.given(OUTPUTS, self.size(value) * FLOAT_BYTES)
        if value not in self.outline.made:
            each = self.size(value) * BYTES_OF[self.element(value)]
            return self.given(known.name, each if known.over == "sample" else 0)
        if value not in self.kept:
            self.kept[value] = Operand(self._buffer(value))
        return self.kept[value]

    def winners(self, route: Route) -> Operand:
        """Return where the winners of a max pooling lie."""
        if route.pooled not in self._winners:
            name, size = f"{self.values[route.pooled].name}, winners", self.size(route.pooled)
            self._winners[route.pooled] = self.memory(name, size, passes=route.at_once)
        return self._winners[route.pooled]

    def routed(self, route: Route) -> Operand:
        """Return where a routed gradient lies: a number for each pooled output."""
        if not route.masked:
            return self.operand(route.grad_output)
        if route.grad not in self._routed:
            name, size = f"{self.values[route.grad].name}, routed", self.size(route.pooled)
            self._routed[route.grad] = self.memory(name, size, passes=True)
        return self._routed[route.grad]

    def sum(self, value: int) -> Operand:
        """Return where an operation adds to a sum over the batch: to its leaf's part, where there are leaves."""
        return self.partials[value] if value in self.partials else self.totals[value]

    def given(self, name: str, size: int = 0) -> Operand:
        """Return what is said anew at every step, of so many bytes a sample (0: samples share it)."""
        if name not in self.all_given:
            self.all_given[name] = Buffer(name, size, Scope.GIVEN)
        return Operand(self.all_given[name])

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

    def call_strips(
        self, operation: Operation, emitter: Callable[..., None], parameters: tuple[Hashable, ...], strips: int,
        *operands: Operand,
    ) -> None:  # fmt: skip
        """Add a call of a kernel that looks at pixels one by one, and is made for images of so many strips' size."""
        self.call(operation, emitter, parameters, *operands, times=strips, split=("images",), parts=strips)

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

    # ---- what the plan asks
    def lower(self, operations: list[Operation]) -> list[Call]:
        """Return the calls of operations, as the rules make them."""
        self._calls = []
        for operation in operations:
            self.rules[operation.kind](self, operation)
        return self._calls

    @property
    def output(self) -> int:
        """The value of the network's outputs."""
        return self.outline.original(self.program.output)

    @property
    def is_written_in_place(self) -> bool:
        """Whether the kernel that makes the outputs writes them where the caller wants them, in the caller's order."""
        made = self.outline.made.get(self.output)
        in_leaves = made is not None and self.outline.drafts[made].work is Work.LEAVES
        return self.program.loss is None and in_leaves and 1 in self.pixels(self.output)

    def _buffer(self, value: int) -> Buffer:
        known = self.values[value]
        if not known.has_samples:
            return self.whole(known.name, self.placement.layout(value).size).buffer
        scope = Scope.PASSING if self.outline.passes(value) else Scope.BATCH
        return Buffer(known.name, self.size(value) * BYTES_OF[self.element(value)], scope)
