"""What help says, and how messages stand in a terminal."""

import os
import sys
from typing import Any

import pytest

from pellucid.cli import run, screen


def test_what_a_verb_does_stands_in_a_line_of_80_columns(pellucid: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ((), ("data",)):
        verbs = pellucid(*words, "--help").out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
        assert len(verbs) > 3
        assert [line for line in verbs if line.endswith("...") or not line[2:3].strip()] == []


@pytest.mark.parametrize("verb", [("find-lr",), ("data", "show")])
def test_words_that_verbs_share_are_told_as_they_are_there(verb: tuple[str, ...], pellucid: Any) -> None:
    shown = " ".join(pellucid(*verb, "--help").out.split())
    for told in ("Train by", "--epochs", "after every epoch"):
        assert told not in shown


def test_the_help_says_which_arrays_a_file_of_data_has(pellucid: Any) -> None:
    shown = " ".join(pellucid("train", "--help").out.split())
    assert "a .npz file with the arrays x_train and y_train, and perhaps x_test and y_test, or else x and y" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("find-lr", "--lr", 0.1), "--lr: it finds the rate; leave that out. See pellucid find-lr --help"),
        (("find-lr", "--epochs", 3), "--epochs: it takes a hundred steps; leave that out. See pellucid find-lr --help"),
        (("train", "--early-stopping"), "--early-stopping: expected N behind it. See pellucid train --help"),
        (("data", "show", "--augment"), "--augment: expected FORM behind it. See pellucid data show --help"),
    ],
)
def test_what_is_wrong_with_words_is_told_with_the_command(
    words: tuple[object, ...], message: str, pellucid: Any
) -> None:
    assert pellucid(*words) == (2, "", f"error: {message}\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal of 40 columns, whose texts are captured."""
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True)
    monkeypatch.setattr(screen.shutil, "get_terminal_size", lambda: os.terminal_size((40, 20)))


@pytest.mark.usefixtures("terminal")
def test_a_long_message_is_broken_between_words_in_a_terminal() -> None:
    text = "error: " + "some words that come to more than a line " * 3
    lines = screen.folded(text).splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= 40
    assert " ".join(lines).split() == text.split()
    path = "x" * 60
    assert f"{path}:" in screen.folded(f"error: cannot read {path}: there is no such file").split("\n")
    assert screen.folded("error: short") == "error: short"


@pytest.mark.usefixtures("terminal")
def test_a_command_at_its_end_can_be_copied() -> None:
    command = "pellucid train lenet --data mnist --epochs 6 --weights run"
    lines = screen.folded(f"run: finished, nothing to do; to train on from its weights: {command}").splitlines()
    assert lines == ["run: finished, nothing to do; to train", "on from its weights:", command]


def test_elsewhere_a_message_is_one_line() -> None:
    text = "error: " + "word " * 100
    assert screen.folded(text) == text


@pytest.mark.usefixtures("terminal")
def test_errors_and_notes_are_broken_so(capsys: pytest.CaptureFixture[str]) -> None:
    screen.say("note: " + "word " * 20)
    assert run(["data", "fetch", "a set that nobody knows"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 4
    assert max(map(len, lines)) <= 40
