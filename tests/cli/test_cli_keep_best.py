"""`pellucid train --keep-best`: the networks of the best epochs, in the folder of the run."""

import json
from pathlib import Path
from typing import Any

import pytest

import pellucid as p

WORDS = ("--epochs", "6", "--batch-size", "8", "--lr", "0.01", "--seed", "3", "--no-progress")


@pytest.mark.parametrize(
    ("words", "monitor"), [((), "loss"), (("--validation", "0.25"), "val_loss")], ids=["training", "validation"]
)
def test_the_best_networks_are_kept(
    words: tuple[str, ...], monitor: str, pellucid: Any, toy: Path, tmp_path: Path
) -> None:
    shown = pellucid("train", "small", "--data", toy, *WORDS, *words, "--keep-best", 2)
    assert shown.code == 0, shown.err
    run = Path("runs/small-stripes")
    measured = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][:6]
    best = sorted(measured, key=lambda epoch: epoch[monitor])[:2]
    names = [f"epoch-{epoch['epoch']:03}.safetensors" for epoch in best]
    assert sorted(path.name for path in (run / "best").iterdir()) == sorted(names)
    assert shown.out.splitlines()[0] == f"best by {monitor}: {', '.join(names)} in {run / 'best'}"
    assert shown.out.splitlines()[-2].endswith(f" evaluate {run / 'best' / names[0]}")
    alone = pellucid("evaluate", run / "best" / names[0])
    assert (alone.code, alone.err) == (0, f"data: those of the run {run}\n")
    named = pellucid("evaluate", run / "best" / names[0], "--data", toy)
    assert alone.out.splitlines()[1:] == named.out.splitlines()[1:]
    assert p.load(tmp_path / run / "best" / names[0]).input_shape == (1, 6, 6)


def test_early_stopping_gives_back_the_best_network_that_is_kept(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    words = ("--epochs", "40", *WORDS[2:], "--validation", "0.25", "--early-stopping", 3, "--keep-best", 1)
    shown = pellucid("train", "small", "--data", toy, *words, "--out", "run")
    assert shown.code == 0, shown.err
    (kept,) = (tmp_path / "run/best").iterdir()
    one, two = (p.load(path).parameters() for path in (kept, tmp_path / "run"))
    assert all((each.data == two[path].data).all() for path, each in one.items())


def test_a_network_beside_the_settings_of_something_else_does_not_say_its_data(
    trained: Path, pellucid: Any, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text("[server]\nport = 80\n")
    (tmp_path / "model.safetensors").write_bytes((trained / "model.safetensors").read_bytes())
    assert "which does not say what to measure it on; add --data" in pellucid("evaluate", "model.safetensors").err


def test_each_run_has_a_folder_of_its_own(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    for _ in range(2):
        shown = pellucid("train", "small", "--data", toy, *WORDS, "--keep-best", 1)
        assert shown.code == 0, shown.err
    assert len([*(tmp_path / "runs").glob("small-stripes*/best/epoch-*.safetensors")]) == 2


def test_to_keep_none_is_refused(pellucid: Any, toy: Path) -> None:
    shown = pellucid("train", "small", "--data", toy, "--keep-best", "0")
    assert (shown.code, shown.out) == (1, "")
    assert "--keep-best: expected a whole number of at least 1, received 0" in shown.err
