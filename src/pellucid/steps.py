"""Value and Step: the plain data that a lowered network consists of.

A `Step` is one operation of a certain *kind* ("conv2d", "conv2d.grad_weight", "adam", …) between
values. Nothing here computes; `program` puts steps together, `definitions` says what each kind means.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

Shape: TypeAlias = tuple[int, ...]

Role: TypeAlias = Literal["input", "target", "activation", "saved", "parameter", "gradient", "state", "scalar"]
Over: TypeAlias = Literal["sample", "sum", "none"]
Combine: TypeAlias = Literal["add", "moments"]


@dataclass(frozen=True)
class Value:
    """Something that a step reads or writes.

    Attributes
    ----------
    id : int
        Its place in ``Program.values``.
    name : str
        Such as "conv1.output", "conv1.weight", "grad(conv1.output)"; unique within a program.
    shape : tuple of int
        Without the axis of samples, where its arrays have one (`has_samples`).
    role : str
        What it is for: input, target, activation, saved (from forward for backward), parameter, gradient, state
        (running statistics, an optimiser's moments) or scalar (what is given anew at every run and is the same for all
        samples, such as the learning rate; or a total over them).
    over : str
        "sample": there is one for every sample of the batch; "sum": it is a sum over all samples of the batch, complete
        only when all of them have been seen; "none": neither, as with parameters, and with a resident data set.
    combine : str
        How two partial sums become one: "add", or "moments" for (count, mean, M2) by Chan's formula.
    """

    id: int
    name: str
    shape: Shape
    role: Role
    over: Over = "sample"
    combine: Combine = "add"

    @property
    def has_samples(self) -> bool:
        """Whether its arrays have an axis of samples before `shape`: the batch's, or the resident data set's."""
        return self.over == "sample" or self.role in ("input", "target")


@dataclass(frozen=True)
class Step:
    """One operation of a program.

    Attributes
    ----------
    kind : str
        Names the definition, and the kernel where there is one.
    layer : str
        Path of the layer (or name of the loss or optimiser) that it came from.
    inputs, outputs : tuple of int
        Ids of values, in the order of the definition's arguments and results.
    attributes : tuple of (str, hashable)
        The definition's keyword arguments, sorted by name: a window, groups, eps, …
    """

    kind: str
    layer: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: tuple[tuple[str, Hashable], ...] = ()

    @property
    def keywords(self) -> dict[str, Any]:
        """The attributes as keyword arguments for the definition."""
        return dict(self.attributes)


class Build(Protocol):
    """What layers, losses and optimisers speak to when they lower themselves: they ask for values, known by their
    ids, and add steps between them. `layers.base.LayerBuild` has what layers need beyond this.
    """

    @property
    def dtype(self) -> str:
        """ "float32" or "float64": what the program computes in."""

    def shape(self, value: int) -> Shape:
        """Return the shape of a value, without the batch axis where it has one."""

    def activation(self, shape: Shape, name: str = "output") -> int:
        """Return a new value of each sample."""

    def saved(self, name: str, shape: Shape, over: Over = "sample", combine: Combine = "add") -> int:
        """Return a new value that forward leaves for backward."""

    def total(self, name: str) -> int:
        """Return a new number that is a sum over the batch."""

    def scalar(self, name: str, shape: Shape = ()) -> int:
        """Return the value of a number (or of few, of a `shape`) given at run time, the same one for every asker."""

    def slot(self, name: str, of: int) -> int:
        """Return a new state of the shape of the value `of`, for an optimiser's memory; it begins as zeros."""

    def renewed(self, value: int) -> int:
        """Return a new value: what the parameter or state `value` is after the program has run."""

    def step(self, kind: str, inputs: Sequence[int], outputs: Sequence[int], **attributes: Hashable) -> None:
        """Add a step."""
