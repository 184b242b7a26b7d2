"""`pellucid study`: its list, its words, what it prints and what it leaves behind."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli import study as command
from pellucid.studies import STUDIES, Figure, Options, Result, Study, Table, output_size
from pellucid.studies.figures import Points, Series

Pellucid = Callable[..., Any]


def test_without_a_name_it_lists_the_studies(pellucid: Pellucid, tmp_path: Path) -> None:
    shown = pellucid("study")
    assert (shown.code, shown.err) == (0, "")
    names = [line.split("  ")[0] for line in shown.out.splitlines()[1:]]
    assert names == list(STUDIES)
    for line, study in zip(shown.out.splitlines()[1:], STUDIES.values(), strict=True):
        assert study.takes in line
        assert study.about in line
    assert list(tmp_path.iterdir()) == []


def test_a_study_is_printed_and_written(pellucid: Pellucid, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    shown = pellucid("study", "output-size", "--input", "8", "--kernel", "3,5", "--stride", "2")
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert lines[0] == "OUTPUT SIZES"
    assert any(re.match(r" *8 +3 +2 +0 +1 +\(8 \+ 2·0 − 3\)//2 \+ 1 = 3 +3 +7$", line) for line in lines), shown.out
    assert lines[-1] == "written: studies/output-size-chosen/ (2 files)"
    folder = tmp_path / "studies/output-size-chosen"
    assert "| 8 | 5 | 2 |" in (folder / "output-size.md").read_text(encoding="utf-8")
    assert (folder / "windows.png").stat().st_size > 1000


def test_chosen_windows_replace_no_page_of_the_study(pellucid: Pellucid, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pellucid("study", "output-size")
    folder = tmp_path / "studies/output-size"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(before) == ["output-size.md", "windows.png"]
    assert pellucid("study", "output-size", "--input", "224").code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_of_other_files_is_refused_before_the_work(pellucid: Pellucid, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/windows.png").write_bytes(b"a photograph")
    shown = pellucid("study", "output-size", "--out", "mine")
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == (
        "error: mine holds no page of a study, but windows.png; name a new or empty folder with --out\n"
    )
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["windows.png"]
    assert (tmp_path / "mine/windows.png").read_bytes() == b"a photograph"


def test_the_folder_may_be_named(pellucid: Pellucid, tmp_path: Path) -> None:
    shown = pellucid("study", "output-size", "--input", "99", "--out", "here/there")
    assert shown.out.splitlines()[-1] == "written: here/there/output-size.md"
    again = pellucid("study", "output-size", "--input", "98", "--out", "here/there")
    assert again.code == 0, "what an earlier time left is replaced"
    assert "| 98 |" in (tmp_path / "here/there/output-size.md").read_text(encoding="utf-8")


def test_of_what_is_not_given_one_is_taken(pellucid: Pellucid) -> None:
    rows = [line.split()[:5] for line in pellucid("study", "output-size", "--stride", "1,3").out.splitlines()]
    assert ["28", "3", "1", "0", "1"] in rows
    assert ["28", "3", "3", "0", "1"] in rows


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            [
                "output-size",
                "--input",
                ",".join(map(str, range(1, 401))),
                "--kernel",
                ",".join(map(str, range(1, 401))),
            ],
            1,
            "error: expected at most 1,000 windows, received 400 · 400 · 1 · 1 · 1 = 160,000",
        ),
        (["output-siz"], 2, "error: no such command 'output-siz'; did you mean 'output-size'?"),
        (["output-size", "--input", "12,"], 2, "--input: expected whole numbers such as 3,5,7, received '12,'"),
        (["output-size", "--kernel", "x"], 2, "--kernel: expected whole numbers such as 3,5,7, received 'x'"),
        (
            ["output-size", "--padding", "valid"],
            2,
            "--padding: expected whole numbers, or same, such as 0,1,same, received 'valid'",
        ),
        (["output-size", "--padding=-1"], 2, "--padding: expected whole numbers of at least 0, received '-1'"),
        (["output-size", "--kernel", "0"], 2, "--kernel: expected whole numbers of at least 1, received '0'"),
        (["output-size", "--input", "8,0"], 2, "--input: expected whole numbers of at least 1, received '8,0'"),
        (["output-size", "--input="], 2, "--input: expected whole numbers such as 3,5,7, received ''"),
        (["depth", "--seeds", "0"], 2, "--seeds: expected a whole number of at least 1, received 0"),
        (["output-size", "--input", "1000000000000"], 1, "input: expected at most 65,536, received 1,000,000,000,000"),
        (["output-size", "--inputs", "3"], 2, "--inputs: there is no such option; did you mean '--input'?"),
        (["models", "--out", ""], 2, "expected a folder, received nothing"),
        (["models", "--seeds", "3"], 2, "--seeds: there is no such option"),
    ],
)
def test_wrong_words_are_told_in_one_line(words: list[str], code: int, message: str, pellucid: Pellucid) -> None:
    shown = pellucid("study", *words)
    assert (shown.code, shown.out) == (code, ""), shown.err
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_without_matplotlib_there_is_a_note(
    pellucid: Pellucid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    shown = pellucid("study", "output-size")
    assert shown.code == 0
    assert shown.err.startswith("note: pictures need matplotlib, which is not installed: pip install ")
    assert shown.out.splitlines()[-1] == "written: studies/output-size/output-size.md"


def test_a_folder_that_cannot_be_made_is_told_before_the_work(pellucid: Pellucid, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    shown = pellucid("study", "output-size", "--out", str(tmp_path / "taken" / "here"))
    assert (shown.code, shown.out) == (1, "")
    assert "cannot make the folder" in shown.err


@pytest.mark.parametrize("trains", [False, True])
def test_what_is_asked_reaches_the_study(trains: bool, pellucid: Pellucid, tmp_path: Path) -> None:
    asked: list[Options] = []

    def function(how: Options) -> Result:
        asked.append(how)
        how.progress("half done")
        table = Table("t", "Numbers", ("a", "b"), [("x", "1"), ("y", "12")])
        figure = Figure("f", "c", Points("x", "y", [Series("", (1,), (1,))]))
        return Result("Made up", ("Words with\nbreaks.", table, figure))

    made = command._command(Study("made-up", "nothing", "seconds", function, ("f",), trains))
    words = {"out": tmp_path, "quick": True, "threads": 2}
    made(**words, **({"seeds": 5, "data_dir": tmp_path} if trains else {}))
    (how,) = asked
    assert (how.quick, how.measure, how.threads) == (True, True, 2)
    assert (how.seeds, how.data_dir) == ((5, tmp_path) if trains else (3, None))


def test_a_quick_result_does_not_replace_a_full_one(pellucid: Pellucid, tmp_path: Path) -> None:
    pellucid("study", "one-by-one", "--quick")
    assert [path.name for path in (tmp_path / "studies").iterdir()] == ["one-by-one-quick"]
    page = (tmp_path / "studies/one-by-one-quick/one-by-one.md").read_text(encoding="utf-8")
    assert page.splitlines()[2].startswith("Quick run, which only shows that the study works: ")


def test_the_measured_line_has_the_number_of_threads(pellucid: Pellucid, tmp_path: Path) -> None:
    for threads, text in ((1, "1 thread."), (2, "2 threads.")):
        shown = pellucid("study", "one-by-one", "--quick", "--threads", threads, "--out", "here")
        said = f", {text} Times: median (smallest – largest)."
        page = (tmp_path / "here/one-by-one.md").read_text(encoding="utf-8")
        assert page.endswith(f"{said}*\n")
        assert said in " ".join(shown.out.split())
        assert "for 1 image\n" in page
        assert "1 images" not in page


def test_lines_of_a_study_are_broken_between_words(pellucid: Pellucid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = pellucid("study", "one-by-one", "--quick").out.splitlines()
    prose = [line for line in lines if "   " not in line]  # rows of tables are as wide as they are
    assert max(map(len, prose)) <= 60


def test_pictures_of_an_earlier_run_go_and_other_files_stay(pellucid: Pellucid, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "studies/output-size-chosen"
    pellucid("study", "output-size", "--input", "8")
    (folder / "mine.png").write_bytes(b"mine")
    assert (folder / "windows.png").exists(), "the control"
    shown = pellucid("study", "output-size", "--input", "99")
    assert "There is no picture: windows are drawn on inputs of up to 24 pixels a side, where they fit." in " ".join(
        shown.out.split()
    )
    assert sorted(path.name for path in folder.iterdir()) == ["mine.png", "output-size.md"]
    (folder / "windows.png").write_bytes(b"somebody's own")
    pellucid("study", "output-size", "--input", "99")
    assert (folder / "windows.png").exists(), "no page showed it"


def test_help_shows_how(pellucid: Pellucid) -> None:
    for name in STUDIES:
        shown = pellucid("study", name, "--help")
        assert shown.code == 0
        assert f"pellucid study {name}" in shown.out
    assert "pellucid study output-size --input 224 --kernel" in pellucid("study", "output-size", "-h").out
    assert "--seeds" not in pellucid("study", "models", "--help").out
    assert output_size.Windows().inputs == (28,), "as the help of --input says"
