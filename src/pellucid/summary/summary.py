"""The summary of a network: a table with a row a layer, read off the program's forward steps. No weight is drawn."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..build import lower
from ..columns import fitting, left_out_line, text_width
from ..definitions import WITHOUT_KERNEL
from ..geometry import ReceptiveField
from ..limits import format_bytes
from ..network import Network
from ..program import LayerPlace, Program
from ..steps import Shape, Step
from .arithmetic import (
    MULTIPLY_ADDS,
    Factors,
    Field,
    by_axis,
    equation,
    field_lines,
    field_of,
    group_note,
    groups_of,
    number,
    output_lines,
    parameter_factors,
    product,
)


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
        What the layer makes of one sample, if it is kept.
    native : bool
        False for what runs its NumPy code in a compiled network too: a layer of one's own, and a few of the library's.
    arithmetic : tuple of str
        The formulas of these numbers, with the numbers in them.
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
        return "\n".join(_lines(self, width))


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
        self._sizes: dict[str, list[str]] = {}
        self._sights: dict[str, list[str]] = {}
        for step in program.steps[: program.forward]:
            self._follow(step)

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
            native=all(step.kind not in WITHOUT_KERNEL for step in steps),
            arithmetic=(*self._sizes.get(place.path, ()), *costs, *self._sights.get(place.path, ())),
        )

    def _groups(self, steps: Sequence[Step]) -> dict[str, int]:
        """Return in how many groups channels are convolved, by the path of the weights, where there are several."""
        values = self._program.values
        counts = {
            values[step.inputs[1]].name: groups_of(*(values[v].shape for v in step.inputs[:2]))
            for step in steps
            if step.kind == "conv2d"
        }
        return {path: count for path, count in counts.items() if count > 1}

    def _multiply_adds(self, step: Step) -> Factors:
        values = self._program.values
        return MULTIPLY_ADDS[step.kind]([values[v].shape for v in step.inputs], values[step.outputs[0]].shape)


def _above(path: str) -> Iterator[str]:
    """Yield the paths of what holds the layer at a path: "a.b" and "a" for "a.b.c"."""
    while path := path.rpartition(".")[0]:
        yield path


# ---- the table

_TITLES = ("layer", "class", "output", "parameters", "mult-adds", "field", "stride", "offset", "bytes")
_GAPS = (0, 2, 2, 2, 2, 2, 1, 1, 2)  # before each column: LeNet's table fills a terminal of 80 columns
_LEFT_ALIGNED = ("layer", "class", "output")
_EXPENDABLE = ("bytes", "offset", "stride", "field", "class", "mult-adds")
"""What is left out of a table that is too wide, in this order."""
_LEAST = 20
"""Characters to which words are broken at least, however narrow a terminal is."""


def _lines(table: Summary, width: int | None) -> Iterator[str]:
    totals = table.totals
    sums = ("total", "", "", number(totals.parameters), number(totals.multiply_adds), "", "", "")
    foot = (*sums, number(totals.activation_bytes))
    rows = [_cells(row) for row in table.rows]
    widths = [max(map(text_width, column)) for column in zip(_TITLES, foot, *rows, strict=True)]
    needed = {name: gap + wide for name, gap, wide in zip(_TITLES, _GAPS, widths, strict=True)}
    shown, left_out = fitting(needed, _EXPENDABLE, width)
    whole = sum(needed[name] for name in shown)
    rule = "─" * (whole if width is None else min(whole, width))

    def aligned(cells: Sequence[str]) -> str:
        line = ""
        for name, cell, gap, wide in zip(_TITLES, cells, _GAPS, widths, strict=True):
            if name in shown:
                space = " " * (wide - text_width(cell))
                line += " " * gap + (cell + space if name in _LEFT_ALIGNED else space + cell)
        return line.rstrip()

    yield f"Input {_shape(table.input_shape)}, {table.dtype}"
    yield rule
    yield aligned(_TITLES)
    yield rule
    for row, cells in zip(table.rows, rows, strict=True):
        yield aligned(cells)
        if table.with_arithmetic:
            for line in row.arithmetic:
                yield from _wrapped(line, width, "    ")
    yield rule
    yield aligned(foot)
    for line in _below(table, shown, left_out):
        yield from _wrapped(line, width)


def _below(table: Summary, shown: Sequence[str], left_out: Sequence[str]) -> Iterator[str]:
    """Yield what stands below a table: what is not in it, the sum of its weights, and what its columns mean."""
    if left_out:
        yield left_out_line(left_out)
    totals = table.totals
    trainable = "all trainable" if totals.trainable == totals.parameters else f"{totals.trainable:,} trainable"
    yield f"{totals.parameters:,} parameters, {trainable}: {format_bytes(totals.weight_bytes)} of weights"
    where = " and ".join(name for name in ("stride", "offset") if name in shown)
    meanings = {
        "field": "field: input pixels that one number sees" + (f"; {where}: where they lie" if where else ""),
        "mult-adds": "mult-adds: multiply-adds of one sample",
        "bytes": "bytes: what one sample's outputs take",
    }
    if "field" in shown:
        yield meanings["field"]
        if any(row.field == "unknown" for row in table.rows):
            yield "?: a field that cannot be told, as behind a layer of one's own or another order of axes"
    costs = [meanings[name] for name in ("mult-adds", "bytes") if name in shown]
    if costs:
        yield "; ".join(costs)
    own = [f"{row.path} ({row.kind})" for row in table.rows if not row.native]
    if own:
        yield f"Run by their own NumPy code, not compiled: {', '.join(own)}"


def _wrapped(line: str, width: int | None, indent: str = "") -> list[str]:
    """Return a line as lines of a terminal: broken between words, and set in from the second on."""
    if width is None:
        return [indent + line]
    return textwrap.wrap(
        line, max(width, _LEAST), initial_indent=indent, subsequent_indent=f"{indent}  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _cells(row: Row) -> tuple[str, ...]:
    match row.field:
        case ReceptiveField(size, stride, offset):
            seen = by_axis(size), by_axis(stride), by_axis(offset)
        case "all":
            seen = "all", "", ""
        case "unknown":
            seen = "?", "", ""
        case _:
            seen = "", "", ""
    counts = number(row.parameters), number(row.multiply_adds)
    return row.path, row.kind, _shape(row.output_shape), *counts, *seen, number(row.activation_bytes)


def _shape(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "1"
