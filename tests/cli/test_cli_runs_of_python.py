"""Runs that were made in Python, on the command line: what they do not say is given there, or asked for by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import BreakAt, FailAt
from pellucid.training import Callback


@pytest.fixture
def broken(toy: Path, tmp_path: Path) -> Any:
    """Trains on arrays, in the folder "run", until the ninth step."""

    def train(**how: Any) -> dict[str, np.ndarray]:
        with np.load(toy) as file:
            arrays = dict(file)
        network = p.models.small(3, (1, 6, 6), seed=3)
        how = {"epochs": 3, "batch_size": 8, "progress": False, **how}
        if how.get("validation") is True:
            how["validation"] = arrays["x_test"], arrays["y_test"]
        with pytest.raises(ZeroDivisionError):
            p.fit(
                network, (arrays["x_train"], arrays["y_train"]), out=tmp_path / "run",
                **{**how, "callbacks": [*how.get("callbacks", ()), BreakAt(9)]},
            )  # fmt: skip
        return arrays

    return train


@pytest.mark.parametrize("validation", [None, True, 0.25])
def test_a_run_made_from_arrays_goes_on_and_is_verified_with_the_data_that_are_named(
    validation: bool | float | None, broken: Any, pellucid: Any, toy: Path
) -> None:
    broken(validation=validation)
    bare = pellucid("resume", "run")
    assert (bare.code, bare.err) == (1, "error: run does not say what it was trained on; add --data\n")
    shown = pellucid("resume", "run", "--data", toy)
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[-1].startswith("test accuracy ")
    assert "not replayed: run does not say what it was trained on; add --data" in pellucid("verify", "run").out
    verified = pellucid("verify", "run", "--threads", "1", "--data", toy)
    assert verified.code == 0, verified.err
    assert verified.out.splitlines()[-1] == "files whole; the first steps are the same, bit for bit"


def test_what_a_kill_has_left_is_verified_as_far_as_there_is_anything(pellucid: Any, toy: Path) -> None:
    with np.load(toy) as arrays:
        data = p.Dataset(arrays["x_train"], arrays["y_train"], name=str(toy))
    with pytest.raises(ZeroDivisionError):
        p.fit(p.models.small(3, (1, 6, 6)), data, callbacks=[FailAt(4)], batch_size=8, out="run", progress=False)
    shown = pellucid("verify", "run", "--threads", "1")
    assert (shown.code, shown.err) == (0, "")
    first, *_, last = shown.out.splitlines()
    assert first == "metrics.jsonl: none yet, as no epoch is done"
    assert "metrics.jsonl: whole" not in shown.out
    assert last == (
        "files whole; not replayed: run: its first 5 steps were in no checkpoint when it was ended; resume it, then "
        "verify it"
    )
    assert pellucid("resume", "run").code == 0
    assert pellucid("verify", "run", "--threads", "1").out.endswith("the first steps are the same, bit for bit\n")


@pytest.mark.parametrize("words", [("--data", "digits"), ("--data-dir", "here")])
def test_data_without_a_run_are_not_verified(words: tuple[str, ...], pellucid: Any) -> None:
    shown = pellucid("verify", *words)
    assert shown.code == 2
    assert f"{words[0]}: goes with RUN: without one, nothing is read" in " ".join(shown.err.split())


class Own(Callback):
    """May look at the weights, so that it must be given again."""


def test_what_goes_on_in_python_only_is_not_advised_on_the_command_line(broken: Any, pellucid: Any, toy: Path) -> None:
    broken(callbacks=[Own()])
    shown = pellucid("resume", "run", "--data", toy)
    assert (shown.code, shown.out) == (1, "")
    assert "callbacks: the run was begun with Own, of its own; give the same again" in shown.err
    assert shown.err.endswith(". The command cannot give it: p.resume('run', …) in Python can\n")
    taken = pellucid("train", "--data", toy, "--out", "run")
    assert taken.err == (
        "error: run holds a run already; choose another folder; to go on: p.resume('run', …) in Python\n"
    )


def test_what_goes_on_with_data_that_are_named_is_advised_with_them(broken: Any, pellucid: Any, toy: Path) -> None:
    broken()
    assert pellucid("train", "--data", toy, "--out", "run").err.endswith(
        "; to go on: p.resume('run', …) in Python, or pellucid resume run --data 'NAME|PATH'\n"
    )
