"""What of a program needs no kernel of its own: views of other values, and ReLUs that ride along with their neighbours.

Lowering decides this, never the program: the steps stay what they are, and the results too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..program import Program
from ..steps import Step

TAKES_RELU = frozenset({"conv2d", "linear", "add", "batch_norm", "batch_norm_running"})
"""Kinds whose kernel can pass its result through a ReLU on its way to memory."""
TAKES_MASK = frozenset({"conv2d.grad_input", "linear.grad_input", "max_pool2d.grad_input"})
"""Kinds of gradients whose kernel can multiply its result by the derivative of the ReLU below."""
ANY_ORDER = frozenset(
    {
        "relu", "leaky_relu", "relu6", "sigmoid", "tanh", "clip", "hard_sigmoid", "hard_swish", "elu", "silu",
        "softplus", "gelu",
    }
)  # fmt: skip
"""Kinds that work number by number, whatever the order of a sample's numbers in memory."""


@dataclass(frozen=True)
class Operation:
    """A step, and the ReLU or the gradient of one that its kernel does too."""

    step: Step
    relu: Step | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """All that it does."""
        return (self.step,) if self.relu is None else (self.step, self.relu)

    @property
    def kind(self) -> str:
        """The kind of its step."""
        return self.step.kind

    @property
    def mask(self) -> int | None:
        """The ReLU's output where it is a gradient that takes its derivative along."""
        backward = self.relu is not None and self.relu.kind == "relu.grad_input"
        return self.relu.inputs[0] if backward and self.relu is not None else None

    @property
    def inputs(self) -> tuple[int, ...]:
        """The values that it reads."""
        return self.step.inputs if self.mask is None else (*self.step.inputs, self.mask)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The values that it writes."""
        return self.step.outputs if self.relu is None else self.relu.outputs


class Readers:
    """Who reads a program's values."""

    def __init__(self, steps: Iterable[Step], wanted: Collection[int]):
        self.wanted = wanted
        self._of: dict[int, list[Step]] = {}
        for step in steps:
            for value in step.inputs:
                self._of.setdefault(value, []).append(step)

    def of(self, value: int) -> list[Step]:
        """Return the steps that read a value."""
        return self._of.get(value, [])

    def only(self, value: int) -> Step | None:
        """Return the one step that reads a value, if nobody else wants it."""
        readers = self.of(value)
        return readers[0] if len(readers) == 1 and value not in self.wanted else None


def operations(steps: Iterable[Step], readers: Readers) -> list[Operation]:
    """Return the steps in their order, with the ReLUs that ride along taken into their neighbours."""
    taken: set[Step] = set()
    found: list[Operation] = []
    for step in steps:
        if step in taken:
            continue
        relu = readers.only(step.outputs[0]) if len(step.outputs) == 1 else None
        if relu is None or not _rides_along(step, relu):
            found.append(Operation(step))
        else:
            taken.add(relu)
            found.append(Operation(step, relu))
    return found


def _rides_along(step: Step, relu: Step) -> bool:
    if step.kind in TAKES_RELU:
        return relu.kind == "relu"
    if step.kind not in TAKES_MASK or relu.kind != "relu.grad_input" or relu.inputs[1] != step.outputs[0]:
        return False
    return step.kind != "max_pool2d.grad_input" or relu.inputs[0] == step.inputs[0]


def flattened(program: Program, readers: Readers) -> set[int]:
    """Return the outputs of those flatten steps that need not move any number.

    Images have their channels last in memory, so a flattened one has its numbers in another order than the program
    says. Nobody notices where it is read by linear layers alone, whose weights are packed in that same order, and by
    steps that work number by number.
    """
    return {
        step.outputs[0]
        for step in program.steps
        if step.kind == "flatten" and (_is_vector(program, step.inputs[0]) or _unnoticed(step.outputs[0], readers))
    }


def _is_vector(program: Program, value: int) -> bool:
    """Return whether a value has one pixel, so that there is but one order."""
    return all(size == 1 for size in program.values[value].shape[1:])


def _unnoticed(value: int, readers: Readers) -> bool:
    seen, ahead = {value}, [value]
    while ahead:
        value = ahead.pop()
        if value in readers.wanted:
            return False
        for step in readers.of(value):
            if step.kind in ANY_ORDER and step.outputs[0] not in seen:
                seen.add(step.outputs[0])
                ahead.append(step.outputs[0])
            elif step.kind not in ("linear", "linear.grad_weight", *ANY_ORDER, *(f"{k}.grad_input" for k in ANY_ORDER)):
                return False
    return True
