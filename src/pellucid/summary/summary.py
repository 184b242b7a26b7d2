"""The summary of a network: a table with a row a layer, read off the program's forward steps. No weight is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..build import lower
from ..definitions import WITHOUT_KERNEL
from ..geometry import ReceptiveField
from ..layers import Layer
from ..network import Graph, Network
from ..network.graph import INPUT
from ..program import LayerPlace, Program
from ..steps import Shape, Step
from .arithmetic import (
    MULTIPLY_ADDS,
    Factors,
    Field,
    equation,
    field_lines,
    field_of,
    group_note,
    groups_of,
    output_lines,
    parameter_factors,
    product,
)
from .table import table_lines


@dataclass(frozen=True)
class Row:
    """One layer of a summary.

    Attributes
    ----------
    path, kind : str
        Where it is, as in "conv1" or "residual1.body.conv2", and its class.
    output_shape : tuple of int
        Of one sample.
    parameters, trainable : int
        Numbers that it learns, and those of them that are not frozen. A shared parameter counts where it comes first.
    multiply_adds : int
        For one sample: OH·OW·F·(C/G)·KH·KW for a convolution, I·O for a dense layer, 0 for all others.
    field : ReceptiveField, "all", "unknown" or None
        What one number of the output sees of the input image; None where the input is no image.
    activation_bytes : int
        What the layer makes of one sample, if it is kept: its output, and what it makes on the way there.
    makes_more : bool
        Whether it makes more than its output.
    native : bool
        False for what runs its NumPy code in a compiled network too: a layer of one's own, and a few of the library's.
    arithmetic : tuple of str
        The formulas of these numbers, with the numbers in them.
    reads : tuple of str
        In a network that holds a `Graph`, "input" or the rows that it reads; else nothing, for each row reads the one
        before.
    """

    path: str
    kind: str
    output_shape: Shape
    parameters: int
    trainable: int
    multiply_adds: int
    field: Field
    activation_bytes: int
    native: bool
    arithmetic: tuple[str, ...]
    makes_more: bool = False
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Totals:
    """Sums over all layers; `weight_bytes` are those of all parameters."""

    parameters: int
    trainable: int
    multiply_adds: int
    activation_bytes: int
    weight_bytes: int


@dataclass(frozen=True, repr=False)
class Summary:
    """What `summary` returns; printed, it is the table.

    Attributes
    ----------
    input_shape : tuple of int
    dtype : str
    rows : tuple of Row
    totals : Totals
    with_arithmetic : bool
        Whether the table shows each row's formulas.
    """

    input_shape: Shape
    dtype: str
    rows: tuple[Row, ...]
    totals: Totals
    with_arithmetic: bool = False

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__  # so that a notebook shows the table

    def text(self, width: int | None = None) -> str:
        """Return the table as text.

        Parameters
        ----------
        width : int, optional
            Characters that a line may have: columns that find no room are left out, and named below the table.
        """
        return "\n".join(table_lines(self, width))


def summary(network: Network, input_shape: Sequence[int] | None = None, *, arithmetic: bool = False) -> Summary:
    """Return a network's layers as a table: sizes, parameters, multiply-adds, receptive fields, memory.

    Parameters
    ----------
    network : Network
    input_shape : tuple of int, optional
        By default the one that the network was made for.
    arithmetic : bool, default False
        Whether the printed table shows the formulas, with their numbers, beneath each row.

    Raises
    ------
    ShapeError
        If a layer cannot take what `input_shape` leads to.

    Notes
    -----
    Multiply-adds are those of convolutions and dense layers for one sample, as is usual; biases, activations, pooling
    and normalisation are few beside them and count 0. A receptive field is stated by its size, by the stride between
    the fields of neighbouring places, and by the offset where that of the first place begins; within padding the
    offset is negative, and a field may be larger than the image.

    Examples
    --------
    >>> import pellucid as p
    >>> network = p.Sequential([p.Conv2d(3, 6, 3), p.ReLU()], input_shape=(3, 144, 144))
    >>> summary(network).rows[0].multiply_adds
    3266568
    """
    program = lower(network, input_shape)
    rows = tuple(_Walk(network, program).rows())
    parameters = network.parameters().values()
    count = sum(q.size for q in parameters)
    totals = Totals(
        count,
        sum(q.size for q in parameters if q.trainable),
        sum(row.multiply_adds for row in rows),
        sum(row.activation_bytes for row in rows),
        count * network.dtype.itemsize,
    )
    return Summary(program.values[program.input].shape, program.dtype, rows, totals, bool(arithmetic))


# ---- rows


class _Walk:
    """Goes through a program's forward steps and keeps what each value sees and which parameters were counted."""

    def __init__(self, network: Network, program: Program):
        self._program, self._parameters = program, network.parameters()
        self._bytes = network.dtype.itemsize
        self._counted: dict[str, str] = {}  # path of a parameter -> path of the layer where it was counted
        image = len(program.values[program.input].shape) == 3
        self._fields: dict[int, Field] = {program.input: ReceptiveField() if image else None}
        self._nodes = dict(_nodes(network))
        self._entries: dict[str, str] = {}
        self._inputs = {place.path: place.input for place in program.layers}
        self._rows: dict[int, str] = {program.input: INPUT}  # value -> the row that makes it
        self._sizes: dict[str, list[str]] = {}
        self._sights: dict[str, list[str]] = {}
        for step in program.steps[: program.forward]:
            self._follow(step)
            if not step.layer:  # what scales the input
                self._rows |= dict.fromkeys(step.outputs, INPUT)

    def _follow(self, step: Step) -> None:
        """Note the receptive field of what a step makes, and the formulas of its size and its field."""
        values = self._program.values
        inputs = [values[v].shape for v in step.inputs]
        fields = [self._fields[v] for v in step.inputs if v in self._fields] or ["unknown"]
        for v in step.outputs:
            self._fields[v] = field_of(step, fields, inputs, values[v].shape)
            self._sizes.setdefault(step.layer, []).extend(output_lines(step, inputs, values[v].shape))
            self._sights.setdefault(step.layer, []).extend(field_lines(step, fields, self._fields[v]))

    def rows(self) -> Iterator[Row]:
        steps: dict[str, list[Step]] = {}
        for step in self._program.steps[: self._program.forward]:
            steps.setdefault(step.layer, []).append(step)
        places = self._program.layers
        holders = {path for place in places for path in _above(place.path)}
        for place in places:
            if place.path in steps or place.path not in holders:
                yield self._row(place, steps.get(place.path, []))
                self._rows[place.output] = place.path

    def _reads(self, place: LayerPlace, steps: Sequence[Step]) -> tuple[str, ...]:
        """Return what a row reads: of a graph's node what the graph says, of what is inside a node the rows before."""
        if not self._nodes:
            return ()
        if place.path in self._nodes:
            graph, sources = self._nodes[place.path]
            entering = self._entering(graph)
            return tuple(dict.fromkeys(entering if name == INPUT else f"{graph}{name}" for name in sources))
        read = [v for step in steps for v in step.inputs] or [place.input]
        return tuple(dict.fromkeys(self._rows[v] for v in read if v in self._rows))

    def _entering(self, graph: str) -> str:
        """Return the row that makes what a graph reads, by the beginning of its nodes' paths: as it was at the graph's
        first row, for a Dropout inside it makes the same value."""
        return self._entries.setdefault(graph, self._rows[self._inputs[graph[:-1]]] if graph else INPUT)

    def _row(self, place: LayerPlace, steps: Sequence[Step]) -> Row:
        values = self._program.values
        paths = [values[v].name for step in steps for v in step.inputs if values[v].role == "parameter"]
        own = [path for path in dict.fromkeys(paths) if self._counted.setdefault(path, place.path) == place.path]
        products = [self._multiply_adds(step) for step in steps if step.kind in MULTIPLY_ADDS]
        made = [values[v].shape for step in steps for v in step.outputs if values[v].over == "sample"]
        groups = self._groups(steps)
        factors = [parameter_factors(self._parameters[path].shape, groups.get(path, 1)) for path in own]
        notes = "".join(group_note(groups[path], self._parameters[path].shape) for path in own if path in groups)
        costs = [f"parameters: {equation(factors)}{notes}"] if own else []
        costs += [f"{path}: shared with {self._counted[path]}" for path in dict.fromkeys(paths) if path not in own]
        costs += [f"multiply-adds: {equation(products)}"] if products else []
        return Row(
            path=place.path,
            kind=place.kind,
            output_shape=values[place.output].shape,
            parameters=sum(self._parameters[path].size for path in own),
            trainable=sum(self._parameters[path].size for path in own if self._parameters[path].trainable),
            multiply_adds=sum(map(product, products)),
            field=self._fields[place.output],
            activation_bytes=sum(map(math.prod, made)) * self._bytes,
            makes_more=sum(map(math.prod, made)) > math.prod(values[place.output].shape),
            reads=self._reads(place, steps),
            native=all(step.kind not in WITHOUT_KERNEL for step in steps),
            arithmetic=(*self._sizes.get(place.path, ()), *costs, *self._sights.get(place.path, ())),
        )

    def _groups(self, steps: Sequence[Step]) -> dict[str, int]:
        """Return in how many groups channels are convolved, by the path of the weights, where there are several."""
        values = self._program.values
        over = {"conv2d": lambda step: step.inputs[0], "conv_transpose2d": lambda step: step.outputs[0]}
        counts = {
            values[step.inputs[1]].name: groups_of(values[over[step.kind](step)].shape, values[step.inputs[1]].shape)
            for step in steps
            if step.kind in over
        }
        return {path: count for path, count in counts.items() if count > 1}

    def _multiply_adds(self, step: Step) -> Factors:
        values = self._program.values
        return MULTIPLY_ADDS[step.kind]([values[v].shape for v in step.inputs], values[step.outputs[0]].shape)


def _above(path: str) -> Iterator[str]:
    """Yield the paths of what holds the layer at a path: "a.b" and "a" for "a.b.c"."""
    while path := path.rpartition(".")[0]:
        yield path


def _nodes(layer: Layer, prefix: str = "") -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Yield the path of each node of all graphs in a layer, with what the paths of its graph's nodes begin with, and
    the names of what it reads."""
    if isinstance(layer, Graph):
        yield from ((f"{prefix}{name}", (prefix, node.sources)) for name, node in layer.nodes.items())
    for name, child in layer.children().items():
        yield from _nodes(child, f"{prefix}{name}.")
