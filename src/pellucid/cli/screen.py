"""What the verbs share in speaking to people: tables, the progress of a download, names."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from ..data.download import Progress
from ..errors import ArgumentError
from ..limits import format_bytes
from ..network import Sequential

if TYPE_CHECKING:
    from rich.console import Console

Choice = TypeVar("Choice")

_UNBOUNDED = 10_000


def console() -> Console:
    """Return the standard output as rich sees it; its tables are not squeezed where no terminal sets a width."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _UNBOUNDED
    return Console(width=width, markup=False, highlight=False)


def print_table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, right: Iterable[str] = ()) -> None:
    """Print rows under their headings; the columns named in `right` hold numbers."""
    from rich.table import Table

    table, numbers = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0)), set(right)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    screen = console()
    with screen.capture() as text:
        screen.print(table)
    for line in text.get().splitlines():
        print(line.rstrip())  # rich fills the last column with spaces


def examples(*commands: str) -> str:
    """Return the end of a help text: commands to try, each on a line of its own."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


def choose(name: str, known: Mapping[str, Choice], what: str) -> Choice:
    """Return what `name` stands for, or refuse it with the nearest name."""
    plain = name.lower().replace("_", "-")
    if plain in known:
        return known[plain]
    near = difflib.get_close_matches(plain, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ArgumentError(f"unknown {what} {name!r}{hint} Known: {', '.join(known)}")


def class_name(network: Sequential, number: int) -> str:
    """Return the name of a class, or its number where there is no name."""
    return network.class_names[number] if number < len(network.class_names) else str(number)


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


class _Lines:
    """Says once of every file that it is being downloaded."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def __call__(self, name: str, done: int, total: int | None) -> None:
        if name not in self._named:
            self._named.add(name)
            size = "" if total is None else f" ({format_bytes(total)})"
            print(f"downloading {name}{size}", file=sys.stderr, flush=True)
