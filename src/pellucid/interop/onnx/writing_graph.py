"""The graph of an ONNX model as plain data, while a program's steps become its nodes. Nothing here needs onnx."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ArgumentError
from ...program import Program
from ...steps import Shape, Step

Attribute: TypeAlias = int | float | str | Sequence[int]

INPUT, OUTPUT = "input", "output"
"""What the graph's input and output are called."""

INPUT_TYPES = ("float32", "uint8")
"""In which type a model may take its input."""


class Node(NamedTuple):
    """One operator of the graph, between tensors known by name."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Attribute]


class OnnxGraph:
    """What the rules speak to: they add nodes between a program's values, and constants.

    Attributes
    ----------
    program : Program
    input_type : str
        "float32", or "uint8" for images as files hold them.
    opset : int
        Version of the operators.
    nodes : list of Node
    constants : dict of str to array
        float32 or int64, by name: what is neither a parameter nor a state.
    made : dict of str to Shape
        Shapes of the program's values that some node makes, by name, without the batch axis.
    written : dict of str to Shape
        Shapes in which parameters and states that some node reads are written, by name.
    """

    def __init__(self, program: Program, input_type: str, opset: int):
        self.program, self.input_type, self.opset = program, input_type, opset
        self.nodes: list[Node] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.made: dict[str, Shape] = {}
        self.written: dict[str, Shape] = {}
        self._names = {value.id: value.name for value in program.values}
        self._names |= {program.input: INPUT, program.output: OUTPUT}
        self._taken = {*self._names.values()}
        self._taken_by_nodes: set[str] = set()
        self._path = ""

    def begin(self, step: Step) -> None:
        """Let what follows be named after a step's layer; images are scaled before the first, by "input.scale"."""
        self._path = step.layer or f"{INPUT}.{step.kind}"  # as no layer can be called, for none is called "input"

    # ---- what is there
    def shape(self, value: int) -> Shape:
        """Return the shape of a value of the program, without the batch axis."""
        return self.program.values[value].shape

    def size(self, value: int) -> tuple[int, int]:
        """Return (height, width) of a value that holds images."""
        _, height, width = self.shape(value)
        return height, width

    def name(self, value: int | str) -> str:
        """Return the name of the tensor that holds a value of the program; a name stands for itself."""
        return value if isinstance(value, str) else self._names[value]

    def held(self, value: int, shape: Shape) -> str:
        """Return the name of a parameter or state that is written in another shape, of as many numbers.

        Where it is read in two shapes, it is reshaped from the first of them to the other.
        """
        name = self.name(value)
        if self.written.setdefault(name, shape) == shape:
            return name
        return self.node("Reshape", [name, self.constant("shape", shape)])

    def _read(self, value: int | str) -> str:
        """Return the name of the tensor that a node is to read."""
        if isinstance(value, str) or self.program.values[value].role not in ("parameter", "state"):
            return self.name(value)
        return self.held(value, self.shape(value))

    # ---- what rules add
    def node(
        self, operator: str, inputs: Sequence[int | str], output: int | None = None, **attributes: Attribute
    ) -> str:
        """Add a node and return the name of what it makes.

        Parameters
        ----------
        operator : str
            ONNX's name of it.
        inputs : sequence of int or str
            Values of the program, constants, and what other nodes make.
        output : int, optional
            The value of the program that it makes; the node is then called as the layer is. By default it is something
            on the way there, for another node of the same rule.
        **attributes
            Of the operator.
        """
        inner = f"{self._path}.{operator.lower()}"
        name = _unique(self._path if output is not None else inner, self._taken_by_nodes)
        made = self.name(output) if output is not None else _unique(f"{inner}.output", self._taken)
        if output is not None:
            self.made[made] = self.shape(output)
        self.nodes.append(Node(operator, name, tuple(map(self._read, inputs)), made, attributes))
        return made

    def constant(self, name: str, numbers: ArrayLike) -> str:
        """Add a constant of the layer's and return its full name; whole numbers become int64, all others float32."""
        array = np.asarray(numbers)
        unique = _unique(f"{self._path}.{name}", self._taken)
        self.constants[unique] = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        return unique

    def alias(self, value: int, of: int) -> None:
        """Let a value of the program be the same tensor as another one, for steps that change nothing."""
        if value == self.program.output:
            self.node("Identity", [of], value)
        else:
            self._names[value] = self._names[of]


Rule: TypeAlias = Callable[[OnnxGraph, Step], None]
"""Adds the nodes that a step becomes."""


def check_input_type(input_type: object) -> str:
    """Return the type in which a model is to take its input, or refuse it."""
    if isinstance(input_type, str) and input_type in INPUT_TYPES:
        return input_type
    raise ArgumentError(f"input_type: expected {' or '.join(map(repr, INPUT_TYPES))}, received {input_type!r}")


def _unique(name: str, taken: set[str]) -> str:
    """Return the name, or name#2, name#3, …, and take it."""
    numbered = (name if number == 1 else f"{name}#{number}" for number in count(1))
    unique = next(each for each in numbered if each not in taken)
    taken.add(unique)
    return unique
