"""One number of a program that has run, and what its step read: what the function of each kind is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..program import Program
from ..steps import Shape, Step
from .details import Copied, Source
from .made import Made, Terms


@dataclass(frozen=True, eq=False)
class Cell:
    """One number, by its place in what a step makes.

    Attributes
    ----------
    program : Program
    values : mapping of int to array
        Id of a value -> its numbers for the one sample, without the axis of samples.
    makers : mapping of int to Step
        Id of a value -> the step that makes it.
    step : Step
        The one that makes this number.
    index : tuple of int
        Where in the step's output, without the axis of samples.
    """

    program: Program
    values: Mapping[int, NDArray[Any]]
    makers: Mapping[int, Step]
    step: Step
    index: Shape

    @property
    def inputs(self) -> tuple[NDArray[Any], ...]:
        """What the step reads, in the order of the definition's arguments, as stored."""
        return tuple(self.values[value] for value in self.step.inputs)

    @property
    def keywords(self) -> dict[str, Any]:
        """The definition's keyword arguments."""
        return self.step.keywords

    @property
    def stored(self) -> float:
        """The number itself."""
        return float(self.values[self.step.outputs[0]][self.index])

    def number(self, position: int, index: Shape) -> float:
        """Return one number of the input at a position."""
        return float(self.inputs[position][index])

    def source(self, position: int, index: Shape) -> Source:
        """Return where a number of the input at a position stands, who made it, and the number."""
        value = self.step.inputs[position]
        maker = self.makers.get(value)
        return {
            "value": value,
            "layer": "input" if maker is None else maker.layer or "input",
            "index": index,
            "number": self.number(position, index),
        }

    def alone(self, index: Shape, amount: float, position: int = 0) -> Terms:
        """Return one number of the input at a position as the only term."""
        return Terms.of(self.step.inputs[position], [index], [amount])


def copied(cell: Cell, formula: str, index: Shape, position: int = 0, *, padding: bool = False, note: str = "") -> Made:
    """Return how a number is made that only stands elsewhere in the input at a position; `padding` says whether it was
    put round the others."""
    number = cell.number(position, index)
    details: Copied = {"from": cell.source(position, index)}
    if padding:
        details["padding"] = True
    if note:
        details["note"] = note
    return Made(formula, number, cell.alone(index, number, position), {"x": number}, ["y = x"], details)
