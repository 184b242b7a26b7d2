"""What the verbs share in speaking to people: tables, the progress of a download, names."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..columns import text_width
from ..data import Dataset
from ..data.download import Progress
from ..errors import printable
from ..limits import format_bytes
from ..network import Network

if TYPE_CHECKING:
    from rich.console import Console

_UNBOUNDED = 10_000
GAP, NARROW_GAP = 3, 2
"""Spaces between columns; and where only that lets all of them stand side by side."""


def console() -> Console:
    """Return the standard output as rich sees it; its tables are not squeezed where no terminal sets a width."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _UNBOUNDED
    return Console(width=width, markup=False, highlight=False)


def print_table(
    columns: Iterable[str], rows: Iterable[Iterable[str]], *, right: Iterable[str] = (), spare: Iterable[str] = ()
) -> None:
    """Print rows under their headings; the columns named in `right` hold numbers.

    Where a terminal is too narrow, columns stand closer, and those named in `spare` are left out, the first one first.
    Where that does not do, columns go on in further tables below, each behind those of the first columns that
    tell the rows apart; where these leave no room for others, rows are numbered. Only what is prose, and too long for a
    line, is broken.
    """
    screen = console()
    heads, lines = _fitting(list(columns), [list(row) for row in rows], screen.width, spare)
    numbers = set(right)
    parts = _parts(_widths(heads, lines), screen.width, _telling(lines))
    if parts is None:
        heads, numbers = ["row", *heads], {"row", *numbers}
        lines = [[str(number), *line] for number, line in enumerate(lines, start=1)]
        parts = _filled(_widths(heads, lines), screen.width, [0])
    for number, part in enumerate(parts):
        if number:
            print()
        _print_columns(screen, [heads[i] for i in part], [[line[i] for i in part] for line in lines], numbers)


def _fitting(
    heads: list[str], rows: list[list[str]], room: int, spare: Iterable[str]
) -> tuple[list[str], list[list[str]]]:
    """Return the columns without so many of the spare ones as it takes to fit; with all, where none of it does."""
    kept, lines = heads, rows
    for name in spare:
        if _width(_widths(kept, lines), NARROW_GAP) <= room:
            return kept, lines
        at = kept.index(name)
        kept, lines = [*kept[:at], *kept[at + 1 :]], [[*row[:at], *row[at + 1 :]] for row in lines]
    return (kept, lines) if _width(_widths(kept, lines), NARROW_GAP) <= room else (heads, rows)


def _width(widths: Sequence[int], gap: int) -> int:
    """Return how wide columns are side by side."""
    return sum(widths) + gap * (len(widths) - 1)


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how wide each column is: as its longest line."""
    columns = zip(heads, *rows, strict=True)
    return [max(text_width(line) for cell in cells for line in cell.split("\n")) for cells in columns]


def _telling(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return by which columns rows can be told apart: the first ones, as many as it takes, but those without need."""

    def apart(columns: Sequence[int]) -> bool:
        return len({tuple(row[column] for column in columns) for row in rows}) == len(rows)

    widest = len(rows[0]) if rows else 1
    telling = next((list(range(count)) for count in range(1, widest + 1) if apart(range(count))), [0])
    for column in telling[:-1]:
        others = [each for each in telling if each != column]
        if apart(others):
            telling = others
    return telling


def _parts(widths: Sequence[int], room: int, telling: Sequence[int]) -> list[list[int]] | None:
    """Return which columns stand side by side in each table; None where those that tell rows apart take all room."""
    if _width(widths, NARROW_GAP) <= room:
        return [[*range(len(widths))]]
    parts = _filled(widths, room, telling)
    alone = [width for column, width in enumerate(widths) if column not in telling and width <= room]
    least = sum(widths[column] + GAP for column in telling) + max(alone, default=0)
    return None if len(parts) > 1 and len(telling) > 1 and least > room else parts


def _filled(widths: Sequence[int], room: int, repeated: Sequence[int]) -> list[list[int]]:
    """Return which columns stand side by side in each table; all tables but the first begin with those repeated."""
    parts = [[0]]
    for column in range(1, len(widths)):
        if column in parts[-1]:
            continue
        if sum(widths[each] + GAP for each in (*parts[-1], column)) - GAP > room and parts[-1] != [*repeated]:
            parts.append([*repeated])
        if column not in parts[-1]:
            parts[-1].append(column)
    return parts


def _print_columns(screen: Console, columns: list[str], rows: list[list[str]], right: set[str]) -> None:
    from rich.table import Table

    gap = GAP if _width(_widths(columns, rows), GAP) <= screen.width else NARROW_GAP
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    with screen.capture() as text:
        screen.print(table)
    for line in text.get().splitlines():
        print(line.rstrip())  # rich fills the last column with spaces


def duration(seconds: float) -> str:
    """Write a time for people: ``duration(43_800) == "12 h 10 min"``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def say(text: str) -> None:
    """Print what is good to know beside the results, which alone are on the standard output."""
    print(folded(text), file=sys.stderr)


def folded(text: str) -> str:
    """Return a message as it goes to the standard error stream: in a terminal, lines that are too long for it are
    broken between words, and a command at a line's end is left whole, below, so that it can be copied."""
    if not sys.stderr.isatty():
        return text
    room = shutil.get_terminal_size().columns
    lines: list[str] = []
    for line in text.split("\n"):
        before, colon, command = line.partition(f": {called()} ") if len(line) > room else (line, "", "")
        lines += textwrap.wrap(f"{before}{colon[:1]}", room, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [f"{colon[2:]}{command}"] if colon else []
    return "\n".join(lines)


def examples(*commands: str) -> str:
    """Return the end of a help text: commands to try, each on a line of its own."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


def called() -> str:
    """Return how this program was called, so that a command that begins with it works as it is shown."""
    name = Path(sys.argv[0])
    if name.name == "__main__.py" and name.parent.name == "pellucid":
        return f"{shlex.quote(sys.orig_argv[0])} -m pellucid"
    found = shutil.which("pellucid")
    if name.stem != "pellucid" or (found is not None and name.exists() and Path(found).samefile(name)):
        return "pellucid"
    return shlex.quote(sys.argv[0])


@contextmanager
def notes() -> Iterator[None]:
    """Let each warning be a line on the standard error stream, ``note: …``, and the same one only once."""
    said: set[str] = set()
    with warnings.catch_warnings():
        show_others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if not issubclass(category, UserWarning):
                show_others(message, category, *place)
            elif str(message) not in said:
                said.add(str(message))
                say(f"note: {message}")

        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show  # type: ignore[assignment]  # its arguments that are not looked at are passed on
        yield


def class_name(network: Network, number: int) -> str:
    """Return the name of a class, or its number where there is no name."""
    return printable(network.class_names[number]) if number < len(network.class_names) else str(number)


def some(names: Sequence[str], most: int = 10) -> str:
    """Return the first names of classes, for a message."""
    return ", ".join(map(printable, names[:most])) + (", …" if len(names) > most else "")


@contextmanager
def download_progress(show: bool = True) -> Iterator[Progress | None]:
    """Give what shows the progress of downloads: a bar each in a terminal, a line each elsewhere."""
    if not show:
        yield None
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=Console(stderr=True)) as bars:
            tasks: dict[str, object] = {}

            def show_bar(name: str, done: int, total: int | None) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=total)
                bars.update(tasks[name], completed=done, total=total)  # type: ignore[arg-type]

            yield show_bar


def passed_on(datasets: Iterable[Dataset], images: int) -> Iterator[Dataset]:
    """Pass data sets on one by one; in a terminal, show how many of all the images are through."""
    if not sys.stderr.isatty():
        yield from datasets
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    counted = TextColumn("{task.completed:,} of {task.total:,} images")
    with Progress(BarColumn(), counted, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=images)
        for dataset in datasets:
            yield dataset
            bar.advance(task, len(dataset))


class _Lines:
    """Says once of every file that it is being downloaded."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def __call__(self, name: str, done: int, total: int | None) -> None:
        if name not in self._named:
            self._named.add(name)
            size = "" if total is None else f" ({format_bytes(total)})"
            print(f"downloading {name}{size}", file=sys.stderr, flush=True)
