"""A study's result as Markdown, and as a folder with that text and its pictures."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import MissingExtraError
from ..storage import make_folder, remove_file, write_file
from ..version import VERSION
from .result import Figure, Result, Section, Table

QUICK_MARK = "quick run"
TIMES = " Times: median (smallest – largest)."


def markdown(result: Result, *, pictures: bool = True, threads: int | None = None) -> str:
    """Return a result as a page of Markdown; the pictures it shows lie beside it, or are left out.

    With so many `threads` it was measured.
    """
    parts = [f"# {result.title}"]
    for section in result.sections:
        if isinstance(section, Figure):
            parts += [picture(section)] if pictures else []
        else:
            parts.append(_section(section))
    if any(table.has_measured for table in result.tables):
        parts.append(f"*{measured_on(result.tables, threads)}*")
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    if isinstance(section, Table):
        return f"## {section.title}\n\n{table_lines(section)}"
    return str(section)


def table_lines(table: Table) -> str:
    """Return a table as Markdown; columns of numbers are set to the right."""
    numbers = set(table.numbers)
    marks = ["---:" if name in numbers else "---" for name in table.columns]
    return "\n".join(map(_line, (table.columns, marks, *table.rows)))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def picture(figure: Figure, prefix: str = "") -> str:
    """Return a figure as Markdown: its picture, whose file's name begins with a prefix, and what it says below."""
    return f"![{figure.caption}]({prefix}{figure.name}.png)\n\n*{figure.caption}*"


def measured_on(tables: Iterable[Table], threads: int | None = None) -> str:
    """Return when, where and with how many threads measured columns come from, and how times in tables are written."""
    from ..compiler.threads import thread_count
    from ..compiler.tiles import instruction_set

    used, system = thread_count(threads), f"{platform.system()} {platform.machine()}"
    return (
        f"Measured {datetime.date.today().isoformat()} with Pellucid {VERSION}: {system}, {instruction_set().name}, "
        f"{used} thread{'s' if used > 1 else ''}.{TIMES if any(table.has_times for table in tables) else ''}"
    )


def write(
    result: Result,
    name: str,
    folder: Path,
    *,
    pictures: Iterable[str] = (),
    threads: int | None = None,
    quick: bool = False,
) -> tuple[list[Path], str]:
    """Write a result into a folder: ``name.md``, and a PNG for each figure; files of these names are replaced.

    Parameters
    ----------
    result : Result
    name : str
    folder : Path
    pictures : iterable of str
        Names of figures that a result of this name may have. Where the ``name.md`` that is there shows one of them,
        and this result does not have it, its file is removed: it does not belong to the new tables.
    threads : int, optional
        With which it was measured.
    quick : bool, default False
        Whether it is the result of a quick run, as its pictures then say.

    Returns
    -------
    list of Path, str
        What was written, the text first; and why pictures are missing, or nothing.
    """
    drawn, problem = draw(result.figures, QUICK_MARK if quick else "")
    make_folder(folder)
    files = {f"{name}.md": markdown(result, pictures=not problem, threads=threads).encode()}
    files |= {f"{figure.name}.png": image for figure, image in zip(result.figures, drawn, strict=False)}
    for file in _left_over(folder, name, pictures):
        if file not in files:
            remove_file(folder / file)
    for file, content in files.items():
        write_file(folder / file, content)
    return [folder / file for file in files], problem


def _left_over(folder: Path, name: str, pictures: Iterable[str]) -> list[str]:
    """Return which files of these pictures are there and are shown by the page of an earlier run."""
    page = folder / f"{name}.md"
    if not page.is_file():
        return []
    text = page.read_text(encoding="utf-8", errors="replace")
    files = [f"{picture}.png" for picture in pictures]
    return [file for file in files if f"]({file})" in text and (folder / file).is_file()]


def draw(figures: Sequence[Figure], mark: str = "") -> tuple[list[bytes], str]:
    """Return each figure as a PNG, with a mark on it; none of them, and why, where matplotlib is missing or broken.

    A study is not refused for that: its numbers are in the tables, and may have taken minutes.
    """
    from .drawing import png

    try:
        return [png(figure.plot, mark) for figure in figures], ""
    except MissingExtraError as error:
        return [], str(error)
    except Exception as error:  # whatever is wrong with it
        return [], f"pictures cannot be drawn: {type(error).__name__}: {error}"
