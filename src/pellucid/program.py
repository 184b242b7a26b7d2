"""The Program: a network lowered for one input shape, as values and steps between them.

It is the one thing that everything else walks: the interpreter and the compiler run it, the summary and the exporters
read its forward steps. It says *what* is computed, in NCHW with canonical weights, unfused; never how.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from .definitions import combine
from .steps import Role, Step, Value


@dataclass(frozen=True)
class LayerPlace:
    """Where a layer stands in a program: its path, its class, the value it reads and the value it makes."""

    path: str
    kind: str
    input: int
    output: int


@dataclass(frozen=True)
class Program:
    """Values, and the steps between them in an order that can be run.

    Attributes
    ----------
    values, steps : tuple
        All of them; ``values[id].id == id``.
    forward, backward : int
        Steps before `forward` are the network's own; those before `backward` are they, the loss and the gradients; the
        rest are the optimiser's and come last, behind a barrier.
    input, output : int
        Ids of the network's input and output.
    layers : tuple of LayerPlace
        In the order of the data's flow; containers follow what they hold.
    loss, correct : int or None
        Ids of the batch's loss, and of the number of samples classified rightly.
    gradients : mapping
        Id of a value -> id of its gradient.
    renewed : mapping
        Id of a parameter or state -> id of what it is after the program has run.
    dtype : str
        "float32" or "float64": what is computed in.
    """

    values: tuple[Value, ...]
    steps: tuple[Step, ...]
    forward: int
    backward: int
    input: int
    output: int
    layers: tuple[LayerPlace, ...]
    loss: int | None
    correct: int | None
    gradients: Mapping[int, int]
    renewed: Mapping[int, int]
    dtype: str

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """Name of a value -> its id."""
        return MappingProxyType({value.name: value.id for value in self.values})

    def named(self, role: Role) -> dict[str, int]:
        """Return the ids of all values of a role, by name, those excepted that replace another after the run."""
        after = set(self.renewed.values())
        return {v.name: v.id for v in self.values if v.role == role and v.id not in after}

    @cached_property
    def stages(self) -> tuple[tuple[Step, ...], ...]:
        """The steps between barriers.

        A step runs in the stage of its inputs, or in the one after where an input is a sum over the batch: that sum
        is complete only when every sample has been seen. Within a stage all is done sample by sample. The optimiser's
        steps share the last stage.
        """
        stage_of: dict[int, int] = {}
        stages: list[list[Step]] = []
        for number, step in enumerate(self.steps):
            if number == self.backward:
                stages.append([])
            ready = [stage_of[v] + (self.values[v].over == "sum") for v in step.inputs if v in stage_of]
            at = max(ready, default=0) if number < self.backward else len(stages) - 1
            stage_of.update(dict.fromkeys(step.outputs, at))
            while len(stages) <= at:
                stages.append([])
            stages[at].append(step)
        return tuple(map(tuple, stages))

    @property
    def leaf_size(self) -> int:
        """Samples in a leaf of the order of sums, which `definitions.combine` states."""
        return combine.leaf_size(max(math.prod(v.shape) for v in self.values if v.over == "sample"))

    @property
    def weight(self) -> int | None:
        """Id of what the loss is a mean over: the sum of the samples' weights, without weights their number."""
        return self.ids.get("total_weight", self.ids.get("count"))

    def activation_bytes(self) -> int:
        """Return how many bytes one sample's values take if all are kept."""
        numbers = sum(math.prod(v.shape) for v in self.values if v.over == "sample")
        return numbers * (8 if self.dtype == "float64" else 4)

    def __repr__(self) -> str:
        return f"Program({len(self.steps)} steps, {len(self.values)} values, {len(self.stages)} stages)"


def unused(program: Program, wanted: Collection[int]) -> list[list[int]]:
    """Return for each step the values that nobody reads after it: they can be let go."""
    last: dict[int, int] = {}
    for number, step in enumerate(program.steps):
        for value in (*step.inputs, *step.outputs):
            last[value] = number
    gone: list[list[int]] = [[] for _ in program.steps]
    for value, number in last.items():
        if value not in wanted:
            gone[number].append(value)
    return gone
