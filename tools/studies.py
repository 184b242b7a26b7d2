"""Brings the tables and figures of studies in docs/ up to date, or says which are not.

    python tools/studies.py                    measure everything anew (on a machine that does nothing else)
    python tools/studies.py models one-by-one  only these studies
    python tools/studies.py --unmeasured       leave out what is measured: … stands in its place
    python tools/studies.py --check            change nothing; end with 1 if something but measured columns differs;
                                               with names, of these studies

A page takes a table or figure between two marks, each on a line of its own; what is between them is replaced:

    <!-- table models.imagenet -->
    <!-- end -->
    <!-- figure models.accuracy -->
    <!-- end -->
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pellucid.storage import make_folder, write_file
from pellucid.studies import STUDIES, Figure, Options, Result, Table
from pellucid.studies.drawing import png
from pellucid.studies.rendering import measured_on, picture, table_lines

DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURES = "assets/studies"
BLOCK = re.compile(r"^<!-- (table|figure) ([\w-]+)\.([\w-]+) -->\n(.*?)^<!-- end -->$", re.DOTALL | re.MULTILINE)

Results = Callable[[str], Result]


class Block(NamedTuple):
    """A place in a page where a table or a figure belongs."""

    page: Path
    kind: str
    study: str
    name: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.name}: {self.kind} {self.study}.{self.name}"


def blocks(docs: Path) -> Iterator[Block]:
    """Yield all places of all pages."""
    for page in sorted(docs.glob("*.md")):
        for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
            yield Block(page, *match.groups())


def find(block: Block, results: Results) -> Table | Figure | None:
    """Return what belongs there; None for a figure that is made of measurements, where nothing was measured."""
    if block.study not in STUDIES:
        raise SystemExit(f"{block.place}: there is no such study; known: {', '.join(STUDIES)}")
    result = results(block.study)
    found = result.tables if block.kind == "table" else result.figures
    for each in found:
        if each.name == block.name:
            return each
    if block.kind == "figure" and not all(table.has_measured for table in result.tables if table.measured):
        return None
    raise SystemExit(f"{block.place}: there is none; known: {', '.join(each.name for each in found)}")


# ---- looking


def stale(docs: Path, results: Results, names: Collection[str] | None = None) -> Iterator[str]:
    """Yield what differs from its study, measured columns left aside, and pictures that are missing.

    With `names`, only of these studies.
    """
    for block in blocks(docs):
        if names is not None and block.study not in names:
            continue
        found = find(block, results)
        if isinstance(found, Table):
            yield from (f"{block.place}: {difference}" for difference in differences(block.text, found))
        elif found is not None and not (docs / _file(block)).exists():
            yield f"{block.place}: {_file(block)} is missing"


def differences(text: str, table: Table) -> Iterator[str]:
    """Yield how a table in a page differs from what it should be, measured columns left aside."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    shown = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    cells = [[cell.strip().replace("\\|", "|") for cell in row] for row in shown]
    if not cells or cells[0] != list(table.columns):
        yield f"expected the columns {list(table.columns)}, found {cells[0] if cells else 'no table'}"
        return
    kept = [place for place, name in enumerate(table.columns) if name not in table.measured]
    rows = [[row[place] for place in kept] for row in (cells[0], *cells[2:])]
    wanted = table.lasting()
    yield from (f"expected {want}, found {row}" for row, want in zip(rows, wanted, strict=False) if row != want)
    if len(rows) != len(wanted):
        yield f"expected {len(wanted) - 1} rows, found {len(rows) - 1}"


# ---- replacing


def refresh(docs: Path, names: Sequence[str], results: Results) -> None:
    """Replace the tables and figures of these studies in all pages, and their pictures."""
    make_folder(docs / PICTURES)
    for page in sorted({block.page for block in blocks(docs)}):
        old = page.read_text(encoding="utf-8")
        new, files = _renewed(page, old, names, results)
        for file, content in files.items():
            write_file(docs / file, content)
        if new != old:
            write_file(page, new.encode())


def _renewed(page: Path, text: str, names: Sequence[str], results: Results) -> tuple[str, dict[str, bytes]]:
    """Return a page with its blocks renewed, and its pictures by file.

    Blocks of other studies, and those that are not to be had, stay as they are.
    """
    parts: list[str] = []
    files: dict[str, bytes] = {}
    end = 0
    for match in BLOCK.finditer(text):
        block = Block(page, *match.groups())
        found = find(block, results) if block.study in names else None
        if found is None:
            continue
        if isinstance(found, Table):
            note = f"\n\n*{measured_on([found])}*" if found.has_measured else ""
            inside = f"**{found.title}**\n\n{table_lines(found)}{note}"
        else:
            files[_file(block)] = png(found.plot)
            inside = picture(found, f"{PICTURES}/{block.study}-")
        begin = f"<!-- {block.kind} {block.study}.{block.name} -->"
        parts += [text[end : match.start()], f"{begin}\n\n{inside}\n\n<!-- end -->"]
        end = match.end()
    return "".join([*parts, text[end:]]), files


def _file(block: Block) -> str:
    return f"{PICTURES}/{block.study}-{block.name}.png"


# ---- studies


def carry_out(options: Options) -> Results:
    """Return what carries a study out when it is first asked for."""
    done: dict[str, Result] = {}

    def result(name: str) -> Result:
        if name not in done:
            print(f"{name} …", file=sys.stderr)
            done[name] = STUDIES[name].function(options)
        return done[name]

    return result


def main() -> int:
    parser = argparse.ArgumentParser(description="Refresh what docs/ shows of the studies.")
    parser.add_argument("names", nargs="*", metavar="STUDY", help="by default all that are shown")
    parser.add_argument("--check", action="store_true", help="change nothing; say what differs")
    parser.add_argument("--unmeasured", action="store_true", help="leave out what is measured")
    parser.add_argument("--data-dir", type=Path, help="where data sets are")
    words = parser.parse_args()
    unknown = [name for name in words.names if name not in STUDIES]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(STUDIES)}")
    measure = not (words.check or words.unmeasured)
    results = carry_out(
        Options(measure=measure, data_dir=words.data_dir, progress=lambda text: print(text, file=sys.stderr))
    )
    if words.check:
        found = list(stale(DOCS, results, words.names or None))
        print("\n".join(found) or "all is current")
        return bool(found)
    refresh(DOCS, words.names or list(STUDIES), results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
