"""What the pages show of the studies is current, measured columns left aside; and the tool that keeps it so."""

import re
import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # `pytest` by itself does not look for tools in the project's folder

from tools import studies as tool

from pellucid.studies import NOT_MEASURED, STUDIES, Figure, Options, Result, Table
from pellucid.studies.figures import Points, Series

LARGEST_PICTURE = 70_000  # bytes


@cache
def results(name: str) -> Result:
    return STUDIES[name].function(Options(measure=False))


def test_tables_are_current() -> None:
    shown = list(tool.blocks(tool.DOCS))
    assert {"models", "filter-size", "output-size", "one-by-one"} <= {block.study for block in shown}
    found = list(tool.stale(tool.DOCS, results))
    assert not found, "\n".join([*found, "python tools/studies.py refreshes them"])


def test_every_mark_is_understood() -> None:
    for page in tool.DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        marks = re.findall(r"<!-- (?:table|figure) ", text)
        assert len(marks) == text.count("<!-- end -->") == len(tool.BLOCK.findall(text)), page.name


def test_pictures_are_small_and_all_are_shown() -> None:
    pictures = sorted((tool.DOCS / tool.PICTURES).glob("*.png"))
    assert pictures
    shown = "".join(page.read_text(encoding="utf-8") for page in tool.DOCS.glob("*.md"))
    for picture in pictures:
        assert picture.stat().st_size < LARGEST_PICTURE, picture.name
        assert f"({tool.PICTURES}/{picture.name})" in shown, picture.name


# ---- the tool itself, on a page of its own


def made_up(measured: str) -> Result:
    rows = [("one", "1", measured), ("a|b", "2", measured)]
    table = Table("costs", "Costs", ("what", "weights", "time"), rows, frozenset({"time"}))
    line = Figure("line", "A line.", Points("x", "y", [Series("", (1, 2), (1, 2))]))
    return Result("Made up", (table, line) if measured != NOT_MEASURED else (table,))


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tool, "STUDIES", {"made-up": None})
    page = (
        "# Page\n\n<!-- table made-up.costs -->\n<!-- end -->\n\nWords.\n\n<!-- figure made-up.line -->\n<!-- end -->\n"
    )
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    return tmp_path


def test_a_page_is_filled_and_then_current(docs: Path) -> None:
    pytest.importorskip("matplotlib")
    assert list(tool.stale(docs, lambda _: made_up("…"))), "the control: nothing is there yet"
    tool.refresh(docs, ["made-up"], lambda _: made_up("1 ms"))
    page = (docs / "page.md").read_text(encoding="utf-8")
    assert (
        "**Costs**\n\n| what | weights | time |\n| --- | ---: | ---: |\n| one | 1 | 1 ms |\n| a\\|b | 2 | 1 ms |"
        in page
    )
    assert "*Measured 20" in page
    assert "![A line.](assets/studies/made-up-line.png)" in page
    assert (docs / "assets/studies/made-up-line.png").exists()
    for measured in ("…", "2 ms"):
        assert list(tool.stale(docs, lambda _, measured=measured: made_up(measured))) == []
    tool.refresh(docs, ["made-up"], lambda _: made_up("1 ms"))
    assert (docs / "page.md").read_text(encoding="utf-8") == page


def test_unmeasured_figures_and_other_studies_stay(docs: Path) -> None:
    pytest.importorskip("matplotlib")
    tool.refresh(docs, ["made-up"], lambda _: made_up("1 ms"))
    page = (docs / "page.md").read_text(encoding="utf-8")
    tool.refresh(docs, [], lambda _: made_up("2 ms"))
    assert (docs / "page.md").read_text(encoding="utf-8") == page
    tool.refresh(docs, ["made-up"], lambda _: made_up("…"))
    renewed = (docs / "page.md").read_text(encoding="utf-8")
    assert "| one | 1 | … |" in renewed
    assert "Measured" not in renewed
    assert "made-up-line.png" in renewed


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("| one | 1 |", "| one | 7 |", "expected ['one', '1'], found ['one', '7']"),
        (
            "| weights |",
            "| weight |",
            "expected the columns ['what', 'weights', 'time'], found ['what', 'weight', 'time']",
        ),
        ("| a\\|b | 2 | 1 ms |\n", "", "expected 2 rows, found 1"),
    ],
)
def test_what_is_not_current_is_found(old: str, new: str, found: str, docs: Path) -> None:
    pytest.importorskip("matplotlib")
    tool.refresh(docs, ["made-up"], lambda _: made_up("1 ms"))
    page = docs / "page.md"
    page.write_text(page.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert list(tool.stale(docs, lambda _: made_up("…"))) == [f"page.md: table made-up.costs: {found}"]


def test_only_what_is_named_is_looked_at(docs: Path) -> None:
    assert list(tool.stale(docs, lambda _: made_up("…"), ["made-up"])), "the control"
    assert list(tool.stale(docs, lambda _: made_up("…"), ["another"])) == []


def test_a_picture_that_is_missing_is_found(docs: Path) -> None:
    pytest.importorskip("matplotlib")
    tool.refresh(docs, ["made-up"], lambda _: made_up("1 ms"))
    (docs / "assets/studies/made-up-line.png").unlink()
    assert list(tool.stale(docs, lambda _: made_up("1 ms"))) == [
        "page.md: figure made-up.line: assets/studies/made-up-line.png is missing"
    ]


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("table other.costs", "there is no such study; known: made-up"),
        ("table made-up.cost", "there is none; known: costs"),
    ],
)
def test_a_mark_that_names_nothing_is_refused(mark: str, message: str, docs: Path) -> None:
    (docs / "page.md").write_text(f"<!-- {mark} -->\n<!-- end -->\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=re.escape(message)):
        list(tool.stale(docs, lambda _: made_up("1 ms")))
