"""`pellucid train --log`: where it logs, what it refuses, and that `pellucid resume` goes on there."""

import sys
from pathlib import Path
from typing import Any

import pytest

from oracles.interrupted import FailAt
from pellucid.cli import train as train_verb
from pellucid.training import fit as whole_fit

WORDS = ("train", "small", "--batch-size", "8", "--no-progress", "--epochs", "4")
REASON = "tensorboard is not installed: pip install '.[tensorboard]'"


def test_a_training_is_logged_and_goes_on_where_it_was(
    pellucid: Any, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=REASON)

    def fit(*arguments: Any, callbacks: Any, **settings: Any) -> Any:
        return whole_fit(*arguments, callbacks=[*callbacks, FailAt(15)], **settings)

    with monkeypatch.context() as patch:
        patch.setattr(train_verb, "fit", fit)
        pellucid(*WORDS, "--data", toy, "--log", "tensorboard:logs", "--early-stopping", "4")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    shown = pellucid("resume", "../runs/small-stripes")
    assert shown.code == 0, shown.err
    read = accumulator.EventAccumulator(str(tmp_path / "logs" / "small-stripes")).Reload()
    assert [event.step for event in read.Scalars("epoch/loss")] == [6, 12, 18, 24]
    assert [event.step for event in read.Scalars("batch/loss")] == [1, 11, 21]


@pytest.mark.parametrize("text", ["tensorbord:logs", "logs", "mlflow:"])
def test_what_is_no_logger_is_a_mistake_in_the_words(text: str, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    shown = pellucid(*WORDS, "--data", toy, "--log", text)
    assert shown.code == 2
    assert f"--log: expected tensorboard:FOLDER or mlflow:URI, received '{text}'" in " ".join(shown.err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_told_before_anything_begins(
    pellucid: Any, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    shown = pellucid(*WORDS, "--data", toy, "--log", "mlflow")
    assert shown.code == 1
    assert shown.err == "error: runs of MLflow need its package: pip install '.[mlflow]' in Pellucid's folder\n"
    assert list(tmp_path.iterdir()) == []
