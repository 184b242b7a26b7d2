"""`pellucid train`: what it prints, what it leaves, what it refuses, and how it ends when it is made to."""

import json
import re
import signal
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from pellucid.cli import screen
from pellucid.cli.signals import BetweenSteps, Stopped
from pellucid.training import Callback, Training, fit

Pellucid = Callable[..., Any]
QUICK = ("--epochs", 1, "--no-progress")


def read_metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


# ---- what it does


def test_the_digits_that_come_with_the_package(pellucid: Pellucid, tmp_path: Path) -> None:
    result = pellucid("train", "--epochs", 1)
    assert result.code == 0, result.err
    *told, last = result.out.splitlines()
    assert told == [
        f"saved in {Path('runs/small-digits')}",
        f"next: pellucid evaluate {Path('runs/small-digits')} --confusion",
        f"      pellucid predict {Path('runs/small-digits')} YOUR-PICTURE.png",
    ]
    assert re.fullmatch(r"test accuracy \d\d\.\d\d %", last)
    began, data, epoch = result.err.splitlines()
    assert began == "small: 38,282 parameters"
    assert data == "digits: 1,438 images 1×8×8 to train on, 359 to test with; 10 classes"
    assert re.fullmatch(r"epoch 1/1: loss \d\.\d{4}, accuracy \d\d\.\d\d %, \d+\.\d{1,2} s, [\d,]+ images/s", epoch)
    network = p.load(tmp_path / "runs/small-digits/model.safetensors")
    assert network.class_names == tuple("0123456789")


def test_the_result_is_that_of_the_saved_network(pellucid: Pellucid, trained: Path, toy: Path) -> None:
    *_, epoch, test = read_metrics(trained)
    assert epoch["epoch"] == 8
    with np.load(toy) as arrays:
        scores = p.evaluate(p.load(trained / "model.safetensors"), (arrays["x_test"], arrays["y_test"]))
    assert test == {"test_loss": scores["loss"], "test_accuracy": scores["accuracy"]}
    assert scores["accuracy"] > 0.9, "nothing was learnt, so the other tests of this file say little"


def test_the_same_words_give_the_same_bytes(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    for seed, out in ((1, "a"), (1, "b"), (2, "c")):
        assert pellucid("train", "--data", toy, "--seed", seed, "--out", out, *QUICK).code == 0
    a, b, c = ((tmp_path / out / "model.safetensors").read_bytes() for out in "abc")
    assert a == b
    assert a != c


def test_runs_get_folders_of_their_own(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    first, second = (pellucid("train", "--data", toy, *QUICK) for _ in range(2))
    assert first.out.startswith(f"saved in {Path('runs/small-stripes')}\n")
    assert second.out.startswith(f"saved in {Path('runs/small-stripes-2')}\n")
    assert sorted(folder.name for folder in (tmp_path / "runs").iterdir()) == ["small-stripes", "small-stripes-2"]


def test_every_word_is_kept_in_the_config(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    result = pellucid(
        "train", "notebook", "--data", toy, "--validation", 0.25, "--epochs", 2, "--batch-size", 7, "--lr", 0.02,
        "--optimizer", "nesterov", "--schedule", "step:1:0.5", "--weight-decay", 0.001, "--clip-norm", 2,
        "--average", 0.9, "--label-smoothing", 0.1, "--initializer", "glorot-uniform", "--scaling", "0.2:0.5",
        "--seed", 3, "--out", "run",
    )  # fmt: skip
    assert result.code == 0, result.err
    config = tomllib.loads((tmp_path / "run/config.toml").read_text())
    assert config["command"] == {
        "model": "notebook", "data": str(toy), "validation": 0.25, "seed": 3, "initializer": "glorot-uniform",
        "scaling": "0.2:0.5",
        "words": "--epochs 2 --batch-size 7 --optimizer nesterov --lr 0.02 --schedule step:1:0.5 "
        "--weight-decay 0.001 --clip-norm 2.0 --average 0.9 --label-smoothing 0.1 --scaling 0.2:0.5",
    }  # fmt: skip
    training = config["training"]
    assert (training["epochs"], training["batch_size"], training["seed"]) == (2, 7, 3)
    assert training["loss"]["label_smoothing"] == 0.1
    assert training["optimizer"] == {
        "name": "SGD", "lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.001, "clip_norm": 2.0,
        "average": 0.9, "lr_scales": {},
    }  # fmt: skip
    assert training["schedule"] == {"name": "Step", "every_epochs": 1, "factor": 0.5}
    assert config["data"]["samples"] == 36
    first, second, _ = read_metrics(tmp_path / "run")
    assert (first["lr"], second["lr"]) == (0.02, 0.01)
    assert {"val_loss", "val_accuracy"} <= first.keys()
    assert p.load(tmp_path / "run/model.safetensors").scaling == p.Scaling(0.2, 0.5)


@pytest.mark.parametrize(
    ("words", "part", "share"),
    [
        ((), "validation", "27 images 1×6×6 to train on, 3 to validate with"),
        (("--validation", 0), "training", "30 images 1×6×6 to train on;"),
    ],
)  # fmt: skip
def test_data_without_a_test_part(
    words: tuple[object, ...], part: str, share: str, pellucid: Pellucid, toy: Path, tmp_path: Path
) -> None:
    with np.load(toy) as arrays:
        np.savez(tmp_path / "whole.npz", x=arrays["x_train"][:30], y=arrays["y_train"][:30])
    result = pellucid("train", "--data", "whole.npz", "--epochs", 1, "--out", "run", *words)
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1].startswith(f"{part} accuracy ")
    assert f"whole: {share}" in result.err
    assert {f"{part}_loss", f"{part}_accuracy"} == read_metrics(tmp_path / "run")[-1].keys()


BEGUN = "small: 23,491 parameters\nstripes: 48 images 1×6×6 to train on, 12 to test with; 3 classes\n"


def test_without_progress_it_says_what_is_trained_and_no_more(pellucid: Pellucid, toy: Path) -> None:
    assert pellucid("train", "--data", toy, *QUICK).err == BEGUN


# ---- what it refuses, in one line, before anything is written


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["smal"], "unknown model 'smal'; did you mean 'small'?"),
        (["--data", "mnits"], "data: 'mnits' is neither a path nor the name of a data set; did you mean 'mnist'?"),
        (["--optimizer", "adma"], "unknown optimiser 'adma'; did you mean 'adam'?"),
        (["--schedule", "cosin"], "unknown schedule 'cosin'; did you mean 'cosine'?"),
        (["--initializer", "he-norml"], "unknown initialiser 'he-norml'; did you mean 'he-normal'?"),
        (["--validation", 1.5], "--validation: expected a number from 0 up to but not 1, received 1.5"),
        (["--validation", "nan"], "--validation: expected a number from 0 up to but not 1, received nan"),
        (["--epochs", 0], "epochs: expected "),
        (["--batch-size", -3], "batch_size: expected "),
        (["--lr", "nan"], "lr: expected "),
        (["--lr", -1], "lr: expected "),
        (["--weight-decay", -1], "weight_decay: expected "),
        (["--clip-norm", 0], "clip_norm: expected "),
        (["--average", 1], "average: expected "),
        (["--label-smoothing", 1], "label_smoothing: expected "),
        (["--seed", -1], "seed: expected "),
        (["--scaling", "0.5:0"], "Scaling.std: expected "),
        (["--data-dir", "nowhere", "--data", "mnist"], "data_dir is 'nowhere', which does not exist"),
        (["--data-dir", "x"], "--data-dir: digits come with the package and need no folder; name the set "),
        (["--data-dir", "x", "--data", "."], "--data-dir: goes with a set known by name, such as mnist; '.' is a path"),
        (["--data-dir", "x", "--data", "mnits"], "data: 'mnits' is neither a path nor the name of a data set; did "),
        (["lenet"], "conv2 (layer 4): "),
    ],
)  # fmt: skip
def test_a_mistake_takes_one_line(words: list[object], message: str, pellucid: Pellucid, tmp_path: Path) -> None:
    result = pellucid("train", *words, *(() if "--epochs" in words else QUICK))
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scaling", "0.5"], "--scaling: expected MEAN:STD, such as 0.1307:0.3081, or imagenet, received '0.5'."),
        (["--scaling", "a:b"], "--scaling: expected MEAN:STD, such as 0.1307:0.3081, or imagenet, received 'a:b'."),
        (["--epochs", "ten"], "--epochs: expected a whole number, received 'ten'."),
        (["--batch-size", "3.5"], "--batch-size: expected a whole number, received '3.5'."),
        (["--lr", "small"], "--lr: expected a number, received 'small'."),
        (["--epoch", "3"], "--epoch: there is no such option; did you mean '--epochs'?"),
        (["--colour", "3"], "--colour: there is no such option."),
    ],
)
def test_words_that_make_no_sense_are_usage_errors(words: list[str], message: str, pellucid: Pellucid) -> None:
    assert pellucid("train", *words) == (2, "", f"error: {message} See pellucid train --help\n")


@pytest.mark.parametrize(("words", "word"), [(["small", "lenet"], "lenet"), (["--lr"], "--lr")])
def test_words_too_many_and_too_few_are_usage_errors(words: list[str], word: str, pellucid: Pellucid) -> None:
    result = pellucid("train", *words)  # in the parser's own words, which differ from version to version
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(rf"error: .*{word}.* See pellucid( train)? --help\n", result.err)


def test_a_network_that_needs_larger_images_is_told_with_the_way_out(pellucid: Pellucid, toy: Path) -> None:
    needs = "; lenet needs images of at least 16×16 pixels: "
    assert pellucid("train", "lenet").err.endswith(f"{needs}add --data mnist, or choose small\n")
    assert pellucid("train", "lenet", "--data", toy).err.endswith(f"{needs}choose small\n")


# ---- what it notes


def test_labels_from_one_are_noted_before_the_result(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    with np.load(toy) as arrays:
        np.savez(tmp_path / "one.npz", x=arrays["x_train"], y=arrays["y_train"] + 1)
    result = pellucid("train", "--data", "one.npz", *QUICK)
    told = "small: 23,556 parameters\none: 43 images 1×6×6 to train on, 5 to validate with; 4 classes\n"
    assert result.err.replace(told, "") == (
        "note: labels count from 1? All classes from 1 to 3 occur, and 0 never does: write labels - 1, and give the "
        "last layer 3 outputs\n"
    )
    assert (result.code, result.out.splitlines()[-1].split()[:2]) == (0, ["validation", "accuracy"])


def test_large_floats_are_noted_once(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    with np.load(toy) as arrays:
        parts = {name: arrays[name].astype(np.float32) if name[0] == "x" else arrays[name] for name in arrays}
    np.savez(tmp_path / "loud.npz", **{**parts, "x_test": parts["x_train"], "y_test": parts["y_train"]})
    result = pellucid("train", "--data", "loud.npz", *QUICK)
    told = "small: 23,491 parameters\nloud: 48 images 1×6×6 to train on, 48 to test with; 3 classes\n"
    assert result.err.replace(told, "") == (
        f"note: the images are floats up to {parts['x_train'].max():g}: floats are taken as they are; divide by 255, "
        "or pass uint8\n"
    )


def test_a_training_that_only_guesses_is_noted_before_the_result(pellucid: Pellucid, toy: Path) -> None:
    result = pellucid("train", "--data", toy, "--lr", 1, "--epochs", 9, "--batch-size", 8, "--no-progress")
    assert re.fullmatch(
        r"note: the loss, [\d.]+, is not below ln 3 = 1\.10, the level of guessing: try a smaller lr than 1\n",
        result.err.removeprefix(BEGUN),
    )
    assert result.out.splitlines()[-1].startswith("test accuracy ")


@pytest.mark.parametrize(
    ("called", "on_path", "shown"),
    [
        (".venv/bin/pellucid", "", ".venv/bin/pellucid"),
        (".venv/bin/pellucid", ".venv/bin", "pellucid"),
        ("my tools/pellucid", ".venv/bin", "'my tools/pellucid'"),
        ("lib/pellucid/__main__.py", ".venv/bin", "snake -m pellucid"),
        ("lib/pytest/__main__.py", ".venv/bin", "pellucid"),
    ],
)
def test_what_comes_next_works_as_typed(
    called: str, on_path: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (".venv/bin", "my tools"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "pellucid").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / on_path) if on_path else "")
    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setattr("sys.orig_argv", ["snake", "-m", "pellucid"])
    assert screen.called() == shown


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, y: (x.astype(np.float32) * np.nan, y), "images: sample 0 holds NaN or infinity"),
        (lambda x, y: (np.where(x == x[5].max(), np.inf, x), y), " holds NaN or infinity"),
        (lambda x, y: (x, y - 1), "labels: class number -1 of sample 0 is negative; classes count from 0"),
        (lambda x, y: (x.astype(np.int64), y), "images: expected uint8 or floats, received int64"),
        (lambda x, y: (x[:-1], y), "47 images, but 48 labels: each image needs one label"),
        (lambda x, y: (x[:0], y[:0]), "images: expected at least one, received an empty array of shape (0, 6, 6)"),
        (lambda x, y: (x, y.astype(np.float32) / 2), "data: expected labels that are classes"),
    ],
)  # fmt: skip
def test_data_that_make_no_sense(spoil: Any, message: str, pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    with np.load(toy) as arrays:
        x, y = spoil(arrays["x_train"], arrays["y_train"])
    np.savez(tmp_path / "bad.npz", x=x, y=y)
    result = pellucid("train", "--data", "bad.npz", "--validation", 0, *QUICK)
    assert result.code == 1
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_folder_with_a_run_in_it_stays_as_it_is(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    assert pellucid("train", "--data", toy, "--out", "run", *QUICK).code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    result = pellucid("train", "--data", toy, "--out", "run", "--seed", 1, *QUICK)
    assert (result.code, result.err) == (1, "error: run holds a run already; choose another folder\n")
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_folder_that_cannot_be_made(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = pellucid("train", "--data", toy, "--out", "file/run", *QUICK)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: cannot make the folder {tmp_path / 'file/run'}: ")
    assert result.err.count("\n") == 1


def test_a_loss_that_is_not_finite(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    result = pellucid("train", "--data", toy, "--optimizer", "sgd", "--lr", 1e30, "--out", "run", "--no-progress")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"{BEGUN}error: step ")
    advice = "Try a smaller --lr than 1e+30, or --clip-norm 1. The weights"
    assert f"the weights before this step are kept. {advice}" in result.err
    assert result.err.endswith(". The weights that are kept are saved in run\n")
    network = p.load(tmp_path / "run/model.safetensors")
    assert all(np.isfinite(parameter.data).all() for parameter in network.parameters().values())


def test_a_package_that_is_missing_is_no_fault(pellucid: Pellucid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    result = pellucid("data", "list")
    assert result.code == 1
    assert result.err.startswith("error: rich is not installed, or is broken (import of rich.console halted")
    assert result.err.endswith("mend that with: python -m pip install --force-reinstall pellucid\n")
    assert result.err.count("\n") == 1


def test_a_fault_of_our_own_says_so(pellucid: Pellucid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.cli.beginning.load_parts", lambda *_, **__: {}["parts"])
    said = (
        "error: KeyError: 'parts'\n"
        "This is a fault of Pellucid's; please report it with what the same command shows with --debug.\n"
    )
    assert pellucid("train") == (1, "", said)
    for words in (["--debug", "train"], ["train", "--debug"]):
        shown = pellucid(*words).err
        assert shown.startswith("Traceback (most recent call last):\n")
        assert shown.endswith(said)


# ---- signals


class Signals(Callback):
    """Sends its own process a signal after given steps."""

    training: Training

    def __init__(self, *steps: int, number: signal.Signals = signal.SIGINT):
        self._steps, self._number = steps, number

    def on_begin(self, training: Training) -> None:
        self.training = training

    def on_batch(self, training: Training) -> None:
        for _ in range(self._steps.count(training.step)):
            signal.raise_signal(self._number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("steps", "ends_at"),
    [
        ((2,), 2),  # a first signal waits until all have been told of the step
        ((2, 2), 2),  # a second does not
        ((6,), 6),  # and so after an epoch's last step, before validation
    ],
)
def test_a_signal_ends_training_between_steps(
    steps: tuple[int, ...], ends_at: int, number: signal.Signals, toy: Path
) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    network, sender = p.models.small(3, (1, 6, 6)), Signals(*steps, number=number)
    train, test = p.datasets.load(toy)
    with pytest.raises(Stopped) as stopped:
        fit(network, train, validation=test, batch_size=8, callbacks=[BetweenSteps(), sender], progress=False)
    assert stopped.value.code == 128 + number
    assert sender.training.step == ends_at
    assert {each: signal.getsignal(each) for each in before} == before


def test_a_signal_that_is_ignored_stays_ignored(toy: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        network, sender = p.models.small(3, (1, 6, 6)), Signals(2)
        fit(
            network, p.datasets.load(toy)[0], epochs=1, batch_size=8, callbacks=[BetweenSteps(), sender], progress=False
        )
        assert sender.training.step == 6
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_was_learnt_is_saved(
    pellucid: Pellucid, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.cli.train.BetweenSteps", lambda: BetweenThenSignal())
    result = pellucid("train", "--data", toy, "--batch-size", 8, "--epochs", 9, "--out", "run", "--no-progress")
    assert result == (130, "", f"{BEGUN}interrupted after 3 of 54 steps; to go on: pellucid resume run\n")
    weights = p.load(tmp_path / "run/model.safetensors").parameters()
    first = p.models.small(3, (1, 6, 6)).parameters()
    assert all((weights[path].data != first[path].data).any() for path in first)


class BetweenThenSignal(BetweenSteps):
    def on_batch(self, training: Training) -> None:
        super().on_batch(training)
        if training.step == 3:
            signal.raise_signal(signal.SIGINT)


def test_a_tilde_that_the_shell_left_is_the_home_folder(
    pellucid: Pellucid, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert pellucid("train", "--data", toy, "--epochs", 1, "--no-progress", "--out=~/run").code == 0
    assert (home / "run/model.safetensors").is_file()
    assert not (tmp_path / "~").exists()


# ---- augmentation


def test_images_are_augmented_as_asked_and_in_that_order(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    words = ("mixup:0.3", "crop:2", "cutout:3", "affine:0.5,0.1")
    asked = tuple(word for text in words for word in ("--augment", text))
    result = pellucid("train", "small", "--data", toy, *asked, "--out", "run", *QUICK)
    assert result.code == 0, result.err
    assert tomllib.loads((tmp_path / "run/config.toml").read_text())["training"]["augment"] == [
        {"name": "MixUp", "alpha": 0.3},
        {"name": "Crop", "padding": 2},
        {"name": "Cutout", "size": 3},
        {"name": "Affine", "shift": 0.5, "rotate": 0.1, "scale": 0.0, "shear": 0.0},
    ]
    network, how = p.load(tmp_path / "run"), [p.augment.by_name(text) for text in words]
    with np.load(toy) as arrays:
        data = p.Dataset(arrays["x_train"], arrays["y_train"])
    other = p.models.small(3, (1, 6, 6), seed=0)
    fit(other, data, epochs=1, batch_size=32, augment=how, progress=False)
    for path, parameter in other.parameters().items():
        assert parameter.data.tobytes() == network.parameters()[path].data.tobytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--augment", "corp:2"), "--augment: unknown augmentation 'corp'; did you mean 'crop'?"),
        (("--augment", "crop:x"), "--augment: augmentation 'crop:x': expected the form crop:PADDING"),
        (("--augment", "flip:2"), "--augment: Flip.p: expected a number from 0 to 1, received 2.0"),
        (("--recipe", "mnist-99", "--augment", "flip"), "--recipe: mnist-99 decides --augment; leave out that, or the"),
    ],
)
def test_what_is_no_augmentation_is_refused(pellucid: Pellucid, words: tuple[str, ...], said: str) -> None:
    result = pellucid("train", *words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {said}")


def test_an_augmentation_that_does_not_fit_leaves_no_run(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    result = pellucid("train", "--data", toy, "--augment", "jitter:0.2", *QUICK)
    assert result.code == 1
    assert "ColourJitter: expects images of 3 channels, red, green and blue, received 1" in result.err
    result = pellucid("train", "--data", toy, "--augment", "flip", "--augment", "mixup:0.2", *QUICK)
    assert result.code == 1
    assert "augment: MixUp(alpha=0.2) is number 2 of the list, but must come first, and once" in result.err
    assert not (tmp_path / "runs").exists()


def test_words_about_the_page_need_the_page(pellucid: Pellucid) -> None:
    result = pellucid("train", "--data", "digits", "--port", "8000")
    assert result.code == 2
    assert "add --view" in result.err
