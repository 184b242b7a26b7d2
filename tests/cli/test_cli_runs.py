"""`pellucid runs`, `compare` and `find-lr`: what was trained, what two runs differ in, how to begin."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.cli import runs as verb
from pellucid.cli import screen
from pellucid.training.checkpoint import files
from pellucid.training.record import Record


@pytest.fixture
def runs(pellucid: Any, toy: Path, tmp_path: Path) -> Path:
    """Two finished runs, and one that looks as if it had been killed."""
    for name, words in {"one": (), "two": ("--lr", "0.003", "--batch-size", "8"), "killed": ()}.items():
        words = ("train", "small", "--data", toy, "--epochs", 2, *words, "--no-progress", "--out", f"runs/{name}")
        assert pellucid(*words).code == 0
    for path in files(tmp_path / "runs/killed"):
        path.unlink()
    (tmp_path / "runs/killed/checkpoint-000000003.safetensors").write_bytes(b"half")
    metrics = tmp_path / "runs/killed/metrics.jsonl"
    metrics.write_text(metrics.read_text().splitlines()[0] + '\n{"epoch": 2, "lo')
    (tmp_path / "runs/notes").mkdir()
    return tmp_path / "runs"


@pytest.mark.usefixtures("runs")
def test_runs_are_listed_with_how_far_they_came(pellucid: Any) -> None:
    shown = pellucid("runs")
    heads, *rows, last = shown.out.splitlines()
    assert heads.split() == ["run", "state", "model", "data", "epochs", "accuracy", "time", "size"]
    cells = [re.split(r"\s{3,}", row) for row in rows]
    assert [[*each[:5], each[5].split(" % ")[1]] for each in cells] == [
        ["killed", "interrupted", "small", "stripes", "1/2", "training"],
        ["one", "finished", "small", "stripes", "2/2", "test"],
        ["two", "finished", "small", "stripes", "2/2", "test"],
    ]
    assert last.endswith("resume runs/killed")


def test_runs_stand_in_one_table_of_80_columns(pellucid: Any, monkeypatch: Any, trained: Path) -> None:
    """With usual names; what there is no room for is the size, then the data, then the time."""
    here = Record.of(trained)
    hours = [{**here.epochs[0], "seconds": 43_800.0}] * 20

    def records(_: object) -> list[Record]:
        mnist = {**here.config, "data": {"name": "mnist"}, "training": {"epochs": 20, "batch_size": 8}}
        lenet = replace(here, config={**mnist, "command": {"model": "lenet"}}, folder=Path("runs/lenet-mnist-2"))
        recipe = {**mnist, "command": {"model": "mnist_s8", "recipe": "/somewhere/mnist-99.toml"}}
        known = replace(here, config=recipe, folder=Path("runs/mnist-99-mnist"))
        return {
            "lenet": [lenet, replace(lenet, state="interrupted", epochs=hours[:1], step=700)],
            "recipe": [known, replace(known, state="interrupted", epochs=here.epochs[:1], step=700)],
            "both": [known, replace(lenet, state="interrupted", epochs=hours[:1], step=700)],
        }[which]

    monkeypatch.setattr(verb, "records", records)
    monkeypatch.setattr(screen, "console", lambda: Console(width=80))
    heads = {}
    for which in ("lenet", "recipe", "both"):
        lines = pellucid("runs", trained.parent).out.splitlines()
        heads[which] = lines[0].split()
        assert len([line for line in lines[:3] if line]) == 3
        assert max(map(len, lines[:3])) <= 80
        assert ("12 h 10 min" in lines[2]) == (which == "lenet")
        assert " test" in lines[1]
    assert " mnist_s8 (mnist-99) " in lines[1]
    assert verb._row(replace(here, results={"validation_accuracy": 0.9855}))[5] == "98.55 % val"
    assert heads["lenet"] == ["run", "state", "model", "data", "epochs", "accuracy", "time"]
    assert heads["recipe"] == ["run", "state", "model", "epochs", "accuracy", "time"]
    assert heads["both"] == ["run", "state", "model", "epochs", "accuracy"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (59.96, "1 min 0 s"), (3_599.6, "1 h 0 min"), (43_800, "12 h 10 min")],
)
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert screen.duration(seconds) == text


@pytest.mark.usefixtures("runs")
def test_runs_are_compared(pellucid: Any) -> None:
    lines = [line.split() for line in pellucid("compare", "runs/one", "runs/two").out.splitlines()]
    assert lines[:3] == [
        ["setting", "one", "two"], ["training.batch_size", "32", "8"], ["training.optimizer.lr", "0.001", "0.003"]
    ]  # fmt: skip
    assert [line[0] for line in lines[4:]] == [
        "measured", "state", "epochs", "loss", "accuracy", "test_loss", "test_accuracy", "time"
    ]  # fmt: skip
    assert pellucid("compare", "runs/one", "runs/one").out.startswith("the same settings\n")
    assert "–" in pellucid("compare", "runs/one", "runs/killed").out


def test_what_cannot_be_shown_is_told(pellucid: Any, runs: Path) -> None:
    assert "there is no folder 'nowhere'" in pellucid("runs", "nowhere").err
    assert "there are no runs in runs/notes" in pellucid("runs", "runs/notes").err
    assert "runs/notes is no run" in pellucid("compare", "runs/one", "runs/notes").err
    (runs / "two/config.toml").write_text("[training\n")
    (runs / "one/metrics.jsonl").write_text('half a line\n{"epoch": 1}\n')
    shown = pellucid("runs")
    assert shown.code == 0
    assert "note: " in shown.err
    assert "two/config.toml is damaged" in shown.err
    rows = [line.split()[:5] for line in shown.out.splitlines()[2:-1]]
    assert rows == [["one", "finished", "small", "stripes", "1/2"]]


def test_a_run_that_flew_off_is_not_to_be_resumed(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    words = ("small", "--data", toy, "--epochs", 2, "--batch-size", 8, "--no-progress")
    assert pellucid("train", *words, "--optimizer", "sgd", "--lr", "1e25", "--out", "my runs/far").code == 1
    shown = pellucid("runs", "my runs")
    assert shown.out.splitlines()[1].split()[:2] == ["far", "diverged"]
    assert "far diverged: step 2 (epoch 1): " in shown.out.splitlines()[2]
    assert shown.out.splitlines()[2].endswith(". Try a smaller --lr than 1e+25, or --clip-norm 1; train it anew")
    assert "next:" not in shown.out
    (tmp_path / "my runs/half").mkdir()
    for name in ("config.toml", "model.safetensors"):
        (tmp_path / "my runs/half" / name).write_bytes((tmp_path / "my runs/far" / name).read_bytes())
    (tmp_path / "my runs/half/checkpoint-000000003.safetensors").write_bytes(b"half")
    assert pellucid("runs", "my runs").out.splitlines()[-1].endswith("resume 'my runs/half'")


def test_a_learning_rate_is_found_and_drawn(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    asked = ("--batch-size", 8, "--optimizer", "nesterov", "--augment", "mixup:0.2", "--augment", "crop:1")
    shown = pellucid("find-lr", "small", "--data", toy, *asked, "--out", "it.png")
    first, second, *flown, third, last = shown.out.splitlines()
    assert not flown or re.fullmatch(r"it flies off at [\d.e-]+", *flown)
    assert first.startswith("small, nesterov, batches of 8: ")
    rate = second.removeprefix("the loss falls most steeply at a learning rate of ")
    assert 1e-5 < float(rate) < 1
    assert third == "written: it.png"
    assert last.endswith(f"train small --data {toy} {' '.join(map(str, asked))} --lr {rate}")
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")
    assert "unknown optimiser 'adma'; did you mean 'adam'?" in pellucid("find-lr", "--optimizer", "adma").err
    assert "--augment: unknown augmentation 'corp'" in pellucid("find-lr", "--augment", "corp").err


def test_a_training_that_stopped_early_is_measured_by_the_weights_that_are_kept(
    pellucid: Any, toy: Path, tmp_path: Path
) -> None:
    words = ("small", "--data", toy, "--epochs", 40, "--batch-size", 8, "--lr", 0.01, "--validation", 0.3)
    assert pellucid("train", *words, "--early-stopping", 2, "--no-progress", "--out", "runs/early").code == 0
    assert pellucid("train", "resnet20", *words[1:3], "--epochs", 1, "--no-progress", "--out", "runs/other").code == 0
    record = Record.of(tmp_path / "runs/early")
    best, last = record.best_epoch, len(record.epochs)
    assert (best, last, record.results.keys()) == (last - 2, record.stopped_epoch, {"test_loss", "test_accuracy"})
    assert best + 2 < 40
    assert f"{last}/40, best {best}" in pellucid("runs").out
    assert pellucid("runs").out.splitlines()[1].split()[:3] == ["early", "stopped", "early"]
    rows = {
        line.split()[0]: line.split()[1:]
        for line in pellucid("compare", "runs/early", "runs/other").out.splitlines()
        if line
    }
    assert rows["val_loss"][0] == f"{record.epochs[best - 1]['val_loss']:.4f}"
    assert rows["callbacks.EarlyStopping.patience"] == ["2", "–"]
    assert " ".join(rows["network.initializers"]) == (
        "HeNormal (4), Zeros (4) HeNormal (20), Constant(value=1.0) (19), Zeros (20)"
    )
    assert not any(name.startswith("network.initializers.") for name in rows)


def test_a_run_without_its_config_is_listed_and_only_what_can_go_on_is_next(
    pellucid: Any, runs: Path, tmp_path: Path
) -> None:
    for name in ("killed", "two"):
        (runs / name / "config.toml").unlink()
    for each in runs.glob("killed/checkpoint-*"):
        each.unlink()
    shown = pellucid("runs")
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == ["one", "two"]


def test_a_run_of_python_that_the_command_cannot_resume_is_not_next(pellucid: Any, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path / "runs/mine", callbacks=[BreakAt(12)], **HOW)
    shown = pellucid("runs")
    assert shown.out.splitlines()[1].split()[:2] == ["mine", "interrupted"]
    assert "next:" not in shown.out


def test_a_run_that_was_stopped_within_an_epoch_says_so(pellucid: Any, tmp_path: Path) -> None:
    class Stop(p.Callback):
        sees_weights = False

        def on_batch(self, training: Any) -> None:
            if training.step == 12:
                training.stop()

    history = p.fit(network(), images(), out=tmp_path / "runs/mine", callbacks=[Stop()], **HOW)
    assert [epoch.get("steps") for epoch in history.epochs] == [None, 4]
    row = pellucid("runs").out.splitlines()[1]
    assert " 1.5/5 " in row
    assert row.split()[:2] == ["mine", "stopped"]


def test_how_far_runs_have_come_and_which_can_be_resumed_is_shown(
    pellucid: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.cli.runs._MOST_NEXT", 2)
    data = p.Dataset(*images(), name=str(tmp_path / "images.npz"))
    np.savez(data.name, x=data.images, y=data.labels)
    for name in "abcd":
        with pytest.raises(ZeroDivisionError):
            p.fit(network(), data, out=tmp_path / "runs" / name, callbacks=[BreakAt(12)], **HOW)
    *rows, first, second, more = pellucid("runs").out.splitlines()[1:]
    assert len(rows) == 4
    assert all(" 1.5/5 " in row for row in rows)
    assert [row.split()[:2] for row in rows] == [[name, "interrupted"] for name in "abcd"]
    far = "  # after 12 of 40 steps"
    assert [line.split("resume ")[1] for line in (first, second)] == [f"runs/a{far}", f"runs/b{far}"]
    assert more.strip() == "… and 2 more"
    state, epochs, *_ = pellucid("compare", "runs/a", "runs/b").out.splitlines()[3:]
    assert state.split("state")[1].strip().startswith("interrupted after 12 of 40 steps")
    assert epochs.split() == ["epochs", "1.5/5", "1.5/5"]
    record = Record.of(tmp_path / "runs/a")
    assert record.seconds > sum(epoch["seconds"] for epoch in record.epochs), "with the epoch in whose midst it is"
