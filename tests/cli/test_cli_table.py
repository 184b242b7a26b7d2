"""`pellucid predict --input`: any number of files into a table, also by several processes."""

import csv
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.cli import processes
from pellucid.inference.ranks import Rank

from .conftest import stripes
from .processes import POSIX, ended, environment, start


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Images of stripes in arrays, and a file that holds none."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(4):
        np.save(folder / f"{number}.npy", stripes(300, number)[0])
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_table_says_what_predict_prints(pellucid: Any, trained: Path, files: Path, tmp_path: Path) -> None:
    result = pellucid("predict", trained, "--input", "in/*.npy", "--out", "out.csv", "--classes", "top,middle,low")
    assert result.code == 0
    assert re.fullmatch(r"out\.csv: 1,200 rows, \d+\.\d s\n", result.out)
    assert result.err == ""
    rows = table(tmp_path / "out.csv")
    printed = pellucid("predict", trained, "in/1.npy", "--classes", "top,middle,low", "--top", 1).out.splitlines()
    found = [f"{float(r['probability']) * 100:.1f} %" for r in rows if r["file"] == "in/1.npy"]
    assert [line.split()[-2:] for line in printed] == [text.split() for text in found]
    assert [line.split()[1] for line in printed] == [r["class"] for r in rows if r["file"] == "in/1.npy"]


def test_output_serves_as_out_and_several_inputs_are_one_list(
    pellucid: Any, trained: Path, files: Path, tmp_path: Path
) -> None:
    Path("list.txt").write_text("in/2.npy\n\nin/0.npy\n")
    words = ("predict", trained, "--input", "list.txt", "--input", "in/[01].npy")
    assert pellucid(*words, "--output", "out.csv", "--top", 2, "--probabilities").code == 0
    rows = table(tmp_path / "out.csv")
    assert list(rows[0])[2:] == ["class", "probability", "class_2", "probability_2", "p_0", "p_1", "p_2", "error"]
    assert [row["file"] for row in rows[::300]] == ["in/0.npy", "in/1.npy", "in/2.npy"]
    assert len(rows) == 900


def test_what_is_broken_is_counted_and_ends_nothing_else(
    pellucid: Any, trained: Path, files: Path, tmp_path: Path
) -> None:
    (files / "broken.png").write_bytes(b"no picture")
    (files / "gone.npy").symlink_to("nowhere")
    words = ("predict", trained, "--input", "in", "--out", "out.csv")
    for _ in range(2):  # a table that is complete says it again
        result = pellucid(*words)
        assert result.code == 1
        assert result.out.startswith("out.csv: 1,202 rows")
        failed = '2 of 1,202 inputs could not be predicted; the column "error" of out.csv says why'
        assert result.err == f"error: {failed}\n"
    errors = {row["file"]: row["error"] for row in table(tmp_path / "out.csv") if row["error"]}
    assert set(errors) == {"in/broken.png", "in/gone.npy"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "error: FILE: expected a picture or an array; or --input, for a table. See pellucid predict --help"),
        (("--input", "in", "x.npy"), 2, "error: --input: goes without other files, and there is x.npy; put the pat"),
        (("--input", "in"), 2, "error: --out: expected a name, ….csv or ….parquet, to go with --input."),
        (("--input", "in", "--out", "x.txt"), 2, "error: --out: expected ….csv or ….parquet, received x.txt."),
        (("--input", "", "--out", "x.csv"), 2, "error: --input: expected a name or a path, received nothing."),
        (("x.npy", "--out", "x.csv"), 2, "error: --out: goes with --input, for a table."),
        (("x.npy", "--probabilities"), 2, "error: --probabilities: goes with --input, for a table."),
        (("x.npy", "--ranks", 2), 2, "error: --ranks: goes with --input, for a table."),
        (("--input", "in", "--out", "x.csv", "--ranks", 0), 2, "error: --ranks: expected a whole number of at least 1"),
        (("--input", "in/*.jpg", "--out", "x.csv"), 1, "error: in/*.jpg: matches no file"),
    ],
)
def test_words_that_make_no_sense(
    words: tuple[object, ...], code: int, message: str, pellucid: Any, trained: Path, files: Path
) -> None:
    result = pellucid("predict", trained, *words)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(message)
    assert not Path("x.csv.parts").exists()


@pytest.mark.parametrize(
    "names", [("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PELLUCID_RANK", "PELLUCID_RANKS")]
)
def test_ranks_of_one_of_several_processes_are_refused(
    names: tuple[str, str], pellucid: Any, trained: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(names, "02", strict=True):
        monkeypatch.setenv(name, value)
    result = pellucid("predict", trained, "--input", "in", "--out", "out.csv", "--ranks", 2)
    said = f"{' and '.join(names)} say that several processes were started already"
    assert result == (1, "", f"error: --ranks: {said}; leave it out\n")
    result = pellucid("predict", trained, "--input", "in", "--out", "out.csv")
    assert result == (0, "", "process 0 of 2 has done its share of out.csv; the last one makes the table\n")


def test_progress_is_shown_in_a_terminal_alone(
    pellucid: Any, trained: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pellucid("predict", trained, "--input", "in", "--out", "quiet.csv").err == ""
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "1,200 of 1,200" in pellucid("predict", trained, "--input", "in", "--out", "shown.csv").err


# ---- processes


def test_ranks_make_the_same_bytes(pellucid: Any, trained: Path, files: Path, tmp_path: Path) -> None:
    (files / "broken.png").write_bytes(b"no picture")
    pellucid("predict", trained, "--input", "in", "--out", "alone.csv")
    with ended(
        start("predict", trained, "--input", "in", "--out", "shared.csv", "--ranks", 3, folder=tmp_path)
    ) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out.startswith("shared.csv: 1,201 rows")
    assert err.startswith("error: 1 of 1,201 inputs could not be predicted")
    assert Path("shared.csv").read_bytes() == Path("alone.csv").read_bytes()


def test_what_all_processes_refuse_is_said_once(trained: Path, files: Path, tmp_path: Path) -> None:
    with ended(start("predict", trained, "--input", "no*", "--out", "x.csv", "--ranks", 2, folder=tmp_path)) as process:
        assert process.communicate(timeout=120) == ("", "error: no*: matches no file\n")
        assert process.returncode == 1


@POSIX
def test_ctrl_c_in_the_terminal_is_heard_by_the_first_process_alone() -> None:
    """The terminal sends it to all; the others, which may be starting, are ended by the first one."""
    with processes._without_ctrl_c():
        child = processes._child(["--help"], Rank(0, 1), environment())
    with ended(child):
        while child.poll() is None:
            child.send_signal(signal.SIGINT)
            time.sleep(0.01)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (0, "")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@POSIX
@pytest.mark.parametrize(
    ("which", "ranks"), [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGTERM, None), (signal.SIGINT, 2)]
)
def test_it_goes_on_after_a_signal(
    which: signal.Signals, ranks: int | None, pellucid: Any, trained: Path, files: Path, tmp_path: Path
) -> None:
    np.save(files / "large.npy", np.zeros((100_000, 6, 6), np.uint8))
    words = ("predict", trained, "--input", "in", "--out", "out.csv", *(() if ranks is None else ("--ranks", ranks)))
    with ended(start(*words, folder=tmp_path)) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("out.csv.parts/part-*")) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(which)
        _, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if which == signal.SIGKILL else 128 + which)
    if which != signal.SIGKILL:
        assert err.endswith("; the same command goes on where it stopped\n")
    assert not Path("out.csv").exists()
    with ended(start(*words, folder=tmp_path)) as process:
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert pellucid("predict", trained, "--input", "in", "--out", "whole.csv").code == 0
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert sorted(os.listdir()) == ["in", "out.csv", "out.csv.json", "whole.csv", "whole.csv.json"]
