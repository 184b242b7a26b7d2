"""`pellucid train --keep-best`: the networks of the best epochs, in the folder of the run."""

import json
from pathlib import Path
from typing import Any

import pytest

import pellucid as p

WORDS = ("--epochs", "6", "--batch-size", "8", "--lr", "0.01", "--seed", "3", "--no-progress")


@pytest.mark.parametrize(
    ("words", "monitor"), [((), "loss"), (("--validation", "0.25"), "val_accuracy")], ids=["training", "validation"]
)
def test_the_best_networks_are_kept(
    words: tuple[str, ...], monitor: str, pellucid: Any, toy: Path, tmp_path: Path
) -> None:
    shown = pellucid("train", "small", "--data", toy, *WORDS, *words, "--keep-best", 2)
    assert shown.code == 0, shown.err
    run = Path("runs/small-stripes")
    measured = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][:6]
    sign = 1 if monitor == "loss" else -1
    best = sorted(measured, key=lambda epoch: sign * epoch[monitor])[:2]
    names = [f"epoch-{epoch['epoch']:03}.safetensors" for epoch in best]
    assert sorted(path.name for path in (run / "best").iterdir()) == sorted(names)
    assert shown.out.splitlines()[0] == f"best by {monitor}: {', '.join(names)} in {run / 'best'}"
    assert pellucid("evaluate", run / "best" / names[0], "--data", toy).code == 0
    assert p.load(tmp_path / run / "best" / names[0]).input_shape == (1, 6, 6)


def test_each_run_has_a_folder_of_its_own(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    for _ in range(2):
        shown = pellucid("train", "small", "--data", toy, *WORDS, "--keep-best", 1)
        assert shown.code == 0, shown.err
    assert len([*(tmp_path / "runs").glob("small-stripes*/best/epoch-*.safetensors")]) == 2


def test_to_keep_none_is_refused(pellucid: Any, toy: Path) -> None:
    shown = pellucid("train", "small", "--data", toy, "--keep-best", "0")
    assert (shown.code, shown.out) == (1, "")
    assert "--keep-best: expected a whole number of at least 1, received 0" in shown.err
