"""Where parameters, states and an optimiser's memory lie in a compiled step.

They share one flat block of floats, of which there are two: the weights before the step and those after it, so that a
step that goes wrong can be forgotten. Parameters that learn come first, in the optimiser's order, then what else there
is, then the optimiser's memory, each kind of it in the order of the parameters. So an update runs through many
parameters as if they were one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from ..errors import CompilerError
from ..program import Program
from ..steps import Step
from .drafting import Outline
from .fusion import ANY_ORDER
from .layout import Layout, Packed, Plain, aligned
from .tiles import InstructionSet, lanes_for


class Placement:
    """The block of weights, before anything is in it.

    Attributes
    ----------
    layouts : dict of int to Layout
        How each parameter, state and slot of the optimiser's memory lies.
    starts : dict of int to int
        How many floats lie before it.
    size : int
        Floats of all together.
    learning : list of int
        The parameters that learn, in the optimiser's order.
    """

    def __init__(self, program: Program, outline: Outline, isa: InstructionSet):
        self._values, self._before = program.values, {after: value for value, after in program.renewed.items()}
        held = [v.id for v in program.values if v.role in ("parameter", "state") and v.id not in self._before]
        self.layouts: dict[int, Layout] = {v: Plain(program.values[v].shape) for v in held}
        self.layouts |= _packed(program, outline, isa)
        self._parameter_of = dict(_gradients(program))
        slots = self._follow_update(program)
        self.learning = list(dict.fromkeys(slots.values())) or _renewed_parameters(program)
        first = [*self.learning, *(v for v in held if v not in self.learning and v not in slots)]
        self.starts, self.size = one_after_the_other((v, self.layouts[v].size) for v in first)
        block = sum(aligned(self.layouts[v].size) for v in self.learning)
        for family in dict.fromkeys(self._family(slot) for slot in slots):
            for slot, parameter in slots.items():
                if self._family(slot) == family:
                    self.starts[slot] = self.size + self.starts[parameter]
            self.size += block

    def before(self, value: int) -> int:
        """Return the parameter or state that a value replaces, or itself."""
        return self._before.get(value, value)

    def layout(self, value: int) -> Layout:
        """Return how a value lies that has no samples: what belongs to a parameter as the parameter does."""
        value = self.before(value)
        return self.layouts.get(self._parameter_of.get(value, value)) or Plain(self._values[value].shape)

    def parameter_of(self, value: int) -> int | None:
        """Return the parameter that a value is the gradient or the optimiser's memory of."""
        return self._parameter_of.get(self.before(value))

    def _family(self, slot: int) -> str:
        """Return what a slot is, such as "first_moment", of whichever parameter."""
        return self._values[slot].name.partition("(")[0]

    def _follow_update(self, program: Program) -> dict[int, int]:
        """Note whose every value of the optimiser's steps is, and return the slots with their parameters."""
        slots: dict[int, int] = {}
        update = program.steps[program.backward :]
        common = {v for step in update for v in step.inputs if program.values[v].role == "scalar"}
        common |= {v for step in update if step.kind == "clip_factor" for v in step.outputs}
        for step in update:
            known = (self._whose(v) for v in step.inputs)
            parameter = next((v for v in known if v is not None), None)
            if parameter is None or step.kind == "clip_factor":
                continue
            for value in (*step.inputs, *step.outputs):
                if value in common or value == parameter:
                    continue
                if program.values[value].role == "state" and value not in self._before:
                    slots[value], self.layouts[value] = parameter, self.layouts[parameter]
                if self.before(value) != parameter:
                    self._parameter_of[self.before(value)] = parameter
        return slots

    def _whose(self, value: int) -> int | None:
        value = self.before(value)
        return value if self._values[value].role == "parameter" else self._parameter_of.get(value)


def one_after_the_other(sizes: Iterable[tuple[int, int]]) -> tuple[dict[int, int], int]:
    """Return where each value begins, all of them from lines of the cache on, and the size of all; in floats."""
    starts: dict[int, int] = {}
    end = 0
    for value, size in sizes:
        starts[value] = end
        end += aligned(size)
    return starts, end


def _packed(program: Program, outline: Outline, isa: InstructionSet) -> dict[int, Layout]:
    """Return how the weights of convolutions and linear layers are packed."""
    found: dict[int, Layout] = {}
    for step in program.steps[: program.forward]:
        if step.kind not in ("conv2d", "conv_transpose2d", "linear"):
            continue
        weight = step.inputs[1]
        shape = program.values[weight].shape
        if step.kind != "linear":
            layout = _of_filters(shape, step.keywords["groups"], isa)
        else:
            image = flattened_image(program, outline, step.inputs[0])
            layout = Packed(shape, (shape[0], *image), lanes_for(shape[0], isa))
        if found.setdefault(weight, layout) != layout:
            raise CompilerError(
                f"{program.values[weight].name} is shared by layers that read their inputs in different orders; "
                'use engine="numpy"'
            )
    return found


def _of_filters(shape: tuple[int, ...], groups: int, isa: InstructionSet) -> Packed:
    filters, channels, rows, columns = shape
    if is_depthwise(shape, groups):
        return Packed(shape, (filters, 1, rows, columns), lanes_for(filters, isa))
    return Packed(shape, (filters, channels, rows, columns), lanes_for(filters // groups, isa), groups)


def is_depthwise(shape: tuple[int, ...], groups: int) -> bool:
    """Return whether every channel has one filter of its own; shape is that of the weights, (F, C/G, KH, KW)."""
    return groups > 1 and shape[0] == groups and shape[1] == 1


def flattened_image(program: Program, outline: Outline, value: int) -> tuple[int, int, int]:
    """Return (C, H, W) of the image whose numbers features are, in the order of memory; (F, 1, 1) if of none."""
    makers = {v: step for step in program.steps[: program.forward] for v in step.outputs}
    while value in makers and makers[value].kind in ANY_ORDER:
        value = makers[value].inputs[0]
    shape = program.values[outline.original(value)].shape
    channels, *size = shape
    rows, columns = size if len(size) == 2 else (math.prod(size), 1)
    return (channels, rows, columns) if channels > 1 else (rows * columns, 1, 1)  # the same order, one name for it


def _gradients(program: Program) -> Iterator[tuple[int, int]]:
    """Yield the gradients of parameters, and what they were added up from, each with its parameter."""
    makers: Mapping[int, Step] = {v: step for step in program.steps for v in step.outputs}
    for value, gradient in program.gradients.items():
        ahead = [gradient] if program.values[value].role == "parameter" else []
        while ahead:
            gradient = ahead.pop()
            yield gradient, value
            if makers[gradient].kind == "add":
                ahead += makers[gradient].inputs


def _renewed_parameters(program: Program) -> list[int]:
    """Return the parameters that an optimiser without memory changes."""
    return [v for v in program.renewed if program.values[v].role == "parameter"]
