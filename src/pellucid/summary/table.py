"""The table that a summary is when it is printed: its columns, as many as there is room for, and what they mean."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..columns import fitting, left_out_line, text_width
from ..geometry import ReceptiveField
from ..limits import format_bytes
from ..steps import Shape
from .arithmetic import by_axis, number

if TYPE_CHECKING:
    from .summary import Row, Summary

_GAPS = {
    "layer": 0, "class": 2, "reads": 2, "output": 2, "parameters": 2, "mult-adds": 2, "field": 2, "stride": 1,
    "offset": 1, "bytes": 2,
}  # fmt: skip
"""The columns, and the spaces before each: LeNet's table fills a terminal of 80 columns."""
_LEFT_ALIGNED = ("layer", "class", "reads", "output")
_EXPENDABLE = ("bytes", "offset", "stride", "field", "class", "mult-adds", "reads")
"""What is left out of a table that is too wide, in this order."""
_LEAST = 20
"""Characters to which words are broken at least, however narrow a terminal is."""


_MOST_READ, _LONGEST = 3, 30
"""How many names of what a row reads are shown, and how many characters of them."""


def table_lines(table: Summary, width: int | None) -> Iterator[str]:
    """Yield the lines of a summary's table; `width` is as in `Summary.text`."""
    titles = [name for name in _GAPS if name != "reads" or any(row.reads for row in table.rows)]
    foot, rows = _foot(table), [_cells(row) for row in table.rows]
    columns = {name: [name, foot.get(name, ""), *(cells[name] for cells in rows)] for name in titles}
    widths = {name: max(map(text_width, column)) for name, column in columns.items()}
    needed = {name: _GAPS[name] + wide for name, wide in widths.items()}
    shown, left_out = fitting(needed, [name for name in _EXPENDABLE if name in needed], width)
    whole = sum(needed[name] for name in shown)
    rule = "─" * (whole if width is None else min(whole, width))

    def aligned(cells: Mapping[str, str]) -> str:
        line = ""
        for name in shown:
            cell = cells.get(name, "")
            space = " " * (widths[name] - text_width(cell))
            line += " " * _GAPS[name] + (cell + space if name in _LEFT_ALIGNED else space + cell)
        return line.rstrip()

    yield f"Input {size_text(table.input_shape)}, {table.dtype}"
    yield rule
    yield aligned({name: name for name in titles})
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
    more = ", and what layers make on the way to them" if any(row.makes_more for row in table.rows) else ""
    meanings = {
        "field": "field: input pixels that one number sees" + (f"; {where}: where they lie" if where else ""),
        "mult-adds": "mult-adds: multiply-adds of one sample",
        "bytes": f"bytes: what one sample's outputs take{more}",
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


def _foot(table: Summary) -> dict[str, str]:
    totals = table.totals
    sums = {
        "parameters": totals.parameters, "mult-adds": totals.multiply_adds, "bytes": totals.activation_bytes
    }  # fmt: skip
    return {"layer": "total", **{name: number(total) for name, total in sums.items()}}


def _cells(row: Row) -> dict[str, str]:
    match row.field:
        case ReceptiveField(size, stride, offset):
            seen = {"field": by_axis(size), "stride": by_axis(stride), "offset": by_axis(offset)}
        case "all":
            seen = {"field": "all"}
        case "unknown":
            seen = {"field": "?"}
        case _:
            seen = {}
    counts = {"parameters": row.parameters, "mult-adds": row.multiply_adds, "bytes": row.activation_bytes}
    return {
        "layer": row.path, "class": row.kind, "reads": reads_text(row.reads), "output": size_text(row.output_shape),
        "field": "", "stride": "", "offset": "", **seen, **{name: number(count) for name, count in counts.items()},
    }  # fmt: skip


def reads_text(names: Sequence[str]) -> str:
    """Return what a row reads as it is shown: not too many names, and not too long.

    Examples
    --------
    >>> reads_text(("conv1", "input")), reads_text(("a", "b", "c", "d", "e"))
    ('conv1, input', 'a, b, c and 2 more')
    """
    more = f" and {len(names) - _MOST_READ} more" if len(names) > _MOST_READ else ""
    text, room = ", ".join(names[:_MOST_READ]), _LONGEST - len(more)
    return (text if len(text) <= room else f"{text[: room - 1]}…") + more


def size_text(shape: Shape) -> str:
    """Return a shape as it is shown: ``6×24×24``."""
    return "×".join(map(str, shape)) or "1"
