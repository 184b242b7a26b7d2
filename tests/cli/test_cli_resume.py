"""`pellucid resume`: a run goes on as if nothing had ended it, and refuses what cannot go on."""

import json
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli import train as train_verb
from pellucid.training import Callback
from pellucid.training import fit as whole_fit

WORDS = ("--epochs", "6", "--batch-size", "8", "--lr", "0.01", "--seed", "3", "--no-progress")


class Break(Callback):
    """Ends a training in order, as Ctrl-C does."""

    sees_weights = False

    def __init__(self, step: int):
        self._step = step

    def on_batch(self, training: Any) -> None:
        if training.step == self._step:
            training.end(ZeroDivisionError())


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, pellucid: Any, toy: Path) -> Any:
    """Trains in the folder "run" until a step, and fails there."""

    def train(step: int, *words: object) -> None:
        def fit(*arguments: Any, callbacks: Any, **settings: Any) -> Any:
            return whole_fit(*arguments, callbacks=[*callbacks, Break(step)], **settings)

        with monkeypatch.context() as patch:
            patch.setattr(train_verb, "fit", fit)
            shown = pellucid("train", "small", "--data", toy, *WORDS, "--out", "run", *words)
        assert "ZeroDivisionError" in shown.err

    return train


def measured(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.mark.parametrize("step", [5, 36, 37])
def test_a_resumed_run_is_the_one_that_was_never_interrupted(
    step: int, broken: Any, pellucid: Any, toy: Path, tmp_path: Path
) -> None:
    assert pellucid("train", "small", "--data", toy, *WORDS, "--out", "whole").code == 0
    broken(step, "--checkpoint-every", "4") if step < 36 else broken(min(step, 36))
    shown = pellucid("resume", "run", "--threads", "1")
    assert shown.code == 0, shown.err
    assert shown.err.splitlines()[0] == f"run: going on after step {min(step, 36)}"
    assert shown.out.splitlines()[0] == "saved in run"
    assert shown.out.splitlines()[-1].startswith("test accuracy ")
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    assert measured(tmp_path / "run") == measured(tmp_path / "whole")


def test_what_cannot_go_on_is_refused_in_a_line(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    broken(9)
    for words, code, message in (
        (("resume", "rum"), 1, "error: there is no run 'rum'; did you mean 'run'?"),
        (("resume", "run/model.safetensors"), 1, "error: run/model.safetensors is a file, not the folder of a run"),
        (("resume", ""), 2, "expected a name or a path, received nothing"),
        (("resume", "run", "--checkpoint-every", "soon"), 2, "--checkpoint-every: expected a number of steps such as"),
        (("resume", "run", "--data", "digits"), 1, "the network expects images of shape (1, 6, 6), received (1, 8, 8)"),
    ):
        shown = pellucid(*words)
        assert (shown.code, shown.out) == (code, "")
        assert message in shown.err
    assert pellucid("resume", "run", "--no-progress").err == "run: going on after step 9\n"
    again = pellucid("resume", "run")
    assert (again.code, again.err) == (1, "error: run is finished: 6 epochs are done\n")


def test_early_stopping_survives_an_interruption(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    words = ("--epochs", "40", "--validation", "0.25", "--early-stopping", "3")
    assert pellucid("train", "small", "--data", toy, *WORDS, "--out", "whole", *words).code == 0
    done = len(measured(tmp_path / "whole")) - 1
    assert done < 40
    broken(5 * (done - 1) - 2, *words)
    assert pellucid("resume", "run").code == 0
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    assert measured(tmp_path / "run") == measured(tmp_path / "whole")


def test_a_patience_of_no_epochs_is_refused(pellucid: Any, toy: Path) -> None:
    shown = pellucid("train", "small", "--data", toy, "--early-stopping", "0")
    assert (shown.code, shown.out) == (1, "")
    assert "--early-stopping: expected a whole number of at least 1, received 0" in shown.err


def test_a_run_is_verified(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    broken(9)
    assert pellucid("resume", "run").code == 0
    shown = pellucid("verify", "run", "--threads", "1,3")
    assert shown.code == 0, shown.err
    whole, noted, one, three, last = shown.out.splitlines()
    assert (whole, noted) == ("model.safetensors: whole", "checkpoint-000000036.safetensors: whole")
    assert one.removeprefix("1 thread: ") == three.removeprefix("3 threads: ")
    assert last == "the first steps are the same, bit for bit"
    model = tmp_path / "run/model.safetensors"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    assert "run/model.safetensors" in pellucid("verify", "run").err
    assert "there is no run 'nowhere'" in pellucid("verify", "nowhere").err
