"""What a study answers, as plain data, and how it becomes Markdown and files."""

import sys
from pathlib import Path

import pytest

import pellucid as p
from pellucid.studies import NOT_MEASURED, Figure, Result, Table, drawing
from pellucid.studies.amounts import amount, digits
from pellucid.studies.figures import Points, Series
from pellucid.studies.rendering import markdown, table_lines, write

TABLE = Table(
    "costs", "Costs", ("filters", "field", "weights", "time"),
    [("one 7×7", "7×7", "49", "1.20 ms (1.10 – 1.30)"), ("a|b", "–", "1,024", "98.0 µs (97.0 – 101)")],
    measured=frozenset({"time"}),
)  # fmt: skip
FIGURE = Figure("line", "A line, which rises.", Points("x", "y", [Series("", (1, 2), (3, 4), joined=True)]))


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # so that importing it fails


# ---- tables


def test_columns_of_numbers_are_known_by_their_cells() -> None:
    assert TABLE.numbers == ["field", "weights", "time"]
    words = Table("t", "T", ("a", "b", "c"), [("1", "−3 %", "same"), ("2", NOT_MEASURED, "1")])
    assert words.numbers == ["a", "b"]
    assert Table("t", "T", ("a",), [("3×3",), ("5×5",)]).numbers == [], "the first column says what a row is about"
    assert Table("t", "T", ("a", "b"), []).numbers == []


def test_measured_columns_do_not_last() -> None:
    assert TABLE.lasting() == [["filters", "field", "weights"], ["one 7×7", "7×7", "49"], ["a|b", "–", "1,024"]]
    assert TABLE.has_measured
    rows = [("one 7×7", "7×7", "49", NOT_MEASURED), ("all", "", "", "")]
    assert not Table("costs", "Costs", TABLE.columns, rows, TABLE.measured).has_measured


@pytest.mark.parametrize(
    ("columns", "rows", "measured", "message"),
    [
        (("a", "a"), [], (), "expected headings that differ"),
        (("a", "b"), [], ("c",), "measured columns among them"),
        (("a", "b"), [("1",)], (), "expected 2 cells in a row, received ('1',)"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(columns, rows, measured, message) -> None:
    with pytest.raises(p.ArgumentError) as caught:
        Table("wrong", "Wrong", columns, rows, frozenset(measured))
    assert str(caught.value).startswith("table wrong: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1.00"), (999.4, "999"), (999.6, "1.00 k"), (416_520, "417 k"), (999_600, "1.00 M"),
        (714_188_480, "714 M"), (15_470_264_320, "15.5 G"), (2.5e12, "2,500 G"),
    ],
)  # fmt: skip
def test_amounts(value: float, text: str) -> None:
    assert amount(value) == text


def test_digits() -> None:
    assert [digits(value) for value in (0.1, 7.776, 9.996, 12.34, 99.96, 1234.5)] == [
        "0.10", "7.78", "10.0", "12.3", "100", "1,234",
    ]  # fmt: skip


# ---- Markdown and files


def test_a_table_in_markdown() -> None:
    assert table_lines(TABLE).splitlines() == [
        "| filters | field | weights | time |",
        "| --- | ---: | ---: | ---: |",
        "| one 7×7 | 7×7 | 49 | 1.20 ms (1.10 – 1.30) |",
        "| a\\|b | – | 1,024 | 98.0 µs (97.0 – 101) |",
    ]


def test_a_page_says_where_it_was_measured_if_something_was() -> None:
    page = markdown(Result("Title", ("Words.", TABLE, FIGURE)))
    assert page.startswith("# Title\n\nWords.\n\n## Costs\n\n| filters |")
    assert "![A line, which rises.](line.png)\n\n*A line, which rises.*\n" in page
    assert page.splitlines()[-1].startswith("*Measured 20")
    assert "Measured" not in markdown(Result("Title", ("Words.", FIGURE)))
    assert "line.png" not in markdown(Result("Title", (FIGURE,)), pictures=False)


def test_pictures_of_a_quick_run_say_so(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = Result("Title", (TABLE, FIGURE))
    (_, quick), _ = write(result, "mine", tmp_path / "quick", quick=True)
    (_, full), _ = write(result, "mine", tmp_path / "full")
    assert full.read_bytes() == drawing.png(FIGURE.plot)
    assert quick.read_bytes() == drawing.png(FIGURE.plot, "quick run") != full.read_bytes()


def test_a_page_without_times_does_not_explain_them() -> None:
    rows = [("one 7×7", "7×7", "49", "91.2 ± 0.3")]
    accuracies = Table("costs", "Costs", TABLE.columns, rows, TABLE.measured)
    assert not accuracies.has_times
    assert "Measured" in markdown(Result("Title", (accuracies,)))
    assert "Times:" not in markdown(Result("Title", (accuracies,)))
    assert markdown(Result("Title", (TABLE, accuracies))).endswith(" Times: median (smallest – largest).*\n")


def test_a_result_becomes_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = Result("Title", (TABLE, FIGURE))
    written, problem = write(result, "mine", tmp_path / "new" / "folder")
    assert problem == ""
    assert [path.name for path in written] == ["mine.md", "line.png"]
    assert written[0].read_text(encoding="utf-8") == markdown(result)
    assert written[1].read_bytes().startswith(b"\x89PNG\r\n")


def test_where_matplotlib_fails_there_are_tables_and_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def png(plot: object, mark: str = "") -> bytes:
        raise ValueError("'webagg' is not a valid value for backend")

    monkeypatch.setattr(drawing, "png", png)
    written, problem = write(Result("Title", (TABLE, FIGURE)), "mine", tmp_path)
    assert problem == "pictures cannot be drawn: ValueError: 'webagg' is not a valid value for backend"
    assert [path.name for path in written] == ["mine.md"]


def test_without_matplotlib_there_are_tables_and_a_note(tmp_path: Path, no_matplotlib: None) -> None:
    written, problem = write(Result("Title", (TABLE, FIGURE)), "mine", tmp_path)
    assert problem == "pictures need matplotlib, which is not installed: pip install '.[plot]' in Pellucid's folder"
    assert [path.name for path in written] == ["mine.md"]
    page = written[0].read_text(encoding="utf-8")
    assert "| one 7×7 |" in page
    assert "line.png" not in page
