"""What a study is asked, and what it answers: text, tables and figures, as plain data.

Nothing here draws, prints or writes; `rendering` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..errors import ArgumentError
from ..geometry import whole_number
from .figures import Plot

NOT_MEASURED = "…"
"""What stands in a cell where nothing was measured."""


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True)
class Options:
    """How a study is done.

    Attributes
    ----------
    quick : bool
        A small form of the study, to see that it works: fewer cases, fewer repeats, small trainings. Its result says
        so first; see `quick_note`.
    measure : bool
        Without it nothing is timed or trained: cells of measured columns hold `NOT_MEASURED`, figures made from them
        are left out, and the study takes seconds. Words and all other cells are the same with it and without.
    seeds : int
        How many trainings a figure of a study that trains is the mean of; at least 1.
    data_dir : Path, optional
        Where data sets lie, as in `datasets.mnist`.
    threads : int, optional
        Of the compiled engine, as in `fit`.
    progress : function of str
        Is told, in a few words, what is being done.

    Raises
    ------
    ArgumentError
        If `seeds` is no whole number of at least 1.
    """

    quick: bool = False
    measure: bool = True
    seeds: int = 3
    data_dir: Path | None = None
    threads: int | None = None
    progress: Callable[[str], None] = _silent

    def __post_init__(self) -> None:
        whole_number(self.seeds, "seeds")


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes
    ----------
    name : str
        Of this table among the study's, as a page refers to it.
    title : str
    columns : sequence of str
        Headings, each another.
    rows : sequence of sequences of str
        The first cell says what the row is about.
    measured : collection of str
        Headings of the columns that hold what was measured here: times, accuracies of trainings. They are others on
        another machine, so whoever compares a table with a page leaves them aside.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    measured: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if len(set(self.columns)) < len(self.columns) or not self.measured <= set(self.columns):
            raise ArgumentError(
                f"table {self.name}: expected headings that differ, and measured columns among them, received "
                f"{list(self.columns)} and {sorted(self.measured)}"
            )
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ArgumentError(f"table {self.name}: expected {len(self.columns)} cells in a row, received {row}")

    @property
    def numbers(self) -> list[str]:
        """Headings of the columns that hold numbers: every cell begins with one, or is a dash or empty.

        The first column says what a row is about, unless it holds nothing but digits.
        """
        columns = zip(self.columns, zip(*self.rows, strict=True), strict=False)
        return [
            name
            for name, cells in columns
            if all(map(str.isdecimal if name == self.columns[0] else _NUMBER.match, cells))
        ]

    @property
    def has_measured(self) -> bool:
        """Whether something in it was measured."""
        places = [place for place, name in enumerate(self.columns) if name in self.measured]
        return any(row[place] not in ("", NOT_MEASURED) for row in self.rows for place in places)

    @property
    def has_times(self) -> bool:
        """Whether something in it is a time, as `timing.Times` writes it."""
        return any(_TIME.search(cell) for row in self.rows for cell in row)

    def lasting(self) -> list[list[str]]:
        """Return headings and rows without the measured columns."""
        kept = [number for number, name in enumerate(self.columns) if name not in self.measured]
        return [[row[number] for number in kept] for row in (self.columns, *self.rows)]


_TIME = re.compile(r"s \([\d.,]+ – [\d.,]+\)$")
_NUMBER = re.compile(rf"[−+]?\d|[–{NOT_MEASURED}]?$")


@dataclass(frozen=True)
class Figure:
    """A picture of a study: what it shows, and what it says below.

    Attributes
    ----------
    name : str
        Of its file, without the ending.
    caption : str
        One sentence or a few; it also stands in for the picture where that cannot be seen.
    plot : Plot
    """

    name: str
    caption: str
    plot: Plot


Section: TypeAlias = str | Table | Figure
"""A paragraph of Markdown, a table, or a figure."""


@dataclass(frozen=True)
class Result:
    """What a study found, in the order in which it is to be read."""

    title: str
    sections: tuple[Section, ...]

    @property
    def tables(self) -> list[Table]:
        return [section for section in self.sections if isinstance(section, Table)]

    @property
    def figures(self) -> list[Figure]:
        return [section for section in self.sections if isinstance(section, Figure)]


def quick_note(options: Options, shown: str) -> list[str]:
    """Return what a quick result says first, with the words for what it shows; nothing for a full one."""
    return [f"Quick run, which only shows that the study works: {shown}."] if options.quick else []


@dataclass(frozen=True)
class Study:
    """A study as it is known by name.

    Attributes
    ----------
    name : str
        What `pellucid study` is told.
    about : str
        One line.
    takes : str
        About how long it takes on two processors: ``"3 min"``.
    function : function of Options
        Does it.
    pictures : tuple of str
        Names of all figures that it may have.
    trains : bool
        Whether it trains networks: it then reads `Options.seeds` and `Options.data_dir`, and takes minutes.
    """

    name: str
    about: str
    takes: str
    function: Callable[[Options], Result]
    pictures: tuple[str, ...]
    trains: bool = False
