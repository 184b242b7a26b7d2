"""Tables in terminals of any width."""

import re

import pytest
from rich.console import Console

from pellucid.cli import screen

COLUMNS = ["model", "parameters", "multiply-adds", "source"]
ROWS = [["vgg16", "138,357,544", "15.5 G", "torchvision"], ["lenet5", "61,706", "417 k", "LeCun 1998"]]


@pytest.mark.parametrize("width", [25, 30, 40, 60, 200])
def test_no_cell_is_broken_however_narrow_the_terminal(width, capsys, monkeypatch):
    monkeypatch.setattr(screen, "console", lambda: Console(width=width))
    screen.print_table(COLUMNS, ROWS, right=["parameters", "multiply-adds"])
    shown = capsys.readouterr().out
    for part in shown.split("\n\n"):
        head, *rows = part.splitlines()
        assert [row.split()[0] for row in rows] == ["vgg16", "lenet5"]
        assert head.split()[0] == "model"
        assert len(head) <= width
    cells = re.split(r"\s{2,}|\n", shown)
    assert all(cell in cells for cell in [*COLUMNS, *(cell for row in ROWS for cell in row)])


def test_prose_is_broken_between_words(capsys, monkeypatch):
    monkeypatch.setattr(screen, "console", lambda: Console(width=40))
    text = "the mean over ten crops of each of the validation images"
    screen.print_table(["source", "what it is"], [["torchvision", text]])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2
    assert " ".join(line.removeprefix("torchvision").strip() for line in lines[1:]) == text


KEYED = ["input", "kernel", "padding", "places along an axis"]
KEYED_ROWS = [["28", str(kernel), padding, f"{kernel} and {padding}"] for kernel in (3, 5) for padding in ("0", "same")]


@pytest.mark.parametrize(("width", "repeated"), [(40, ["kernel", "padding"]), (26, ["row"])])
def test_a_table_that_goes_on_below_says_again_which_row_is_which(width, repeated, capsys, monkeypatch):
    """Inputs are all alike, so they tell nothing; where no room is left beside what does, rows are numbered."""
    monkeypatch.setattr(screen, "console", lambda: Console(width=width))
    screen.print_table(KEYED, KEYED_ROWS, right=["input", "kernel"])
    first, *others = capsys.readouterr().out.split("\n\n")
    assert others
    for part in (first, *others):
        assert max(map(len, part.splitlines())) <= width
    for part in others:
        head, *rows = part.splitlines()
        assert head.split()[: len(repeated)] == repeated
        assert len({tuple(row.split()[: len(repeated)]) for row in rows}) == len(KEYED_ROWS)


def test_a_table_with_room_has_no_numbers_of_rows(capsys, monkeypatch):
    monkeypatch.setattr(screen, "console", lambda: Console(width=200))
    screen.print_table(KEYED, [*KEYED_ROWS, *KEYED_ROWS], right=["input", "kernel"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == KEYED[:3]
    assert len(rows) == 2 * len(KEYED_ROWS)
