"""`pellucid evaluate`, `predict`, `summary` and `data`, and the words that go with every verb."""

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import pellucid as p
from pellucid import schedules
from pellucid.augmented import mixed_with
from pellucid.cli import app
from pellucid.data import catalogue, split_indices
from pellucid.version import VERSION

Pellucid = Callable[..., Any]


# ---- evaluate


def test_evaluate_measures_on_the_runs_own_test_part(pellucid: Pellucid, trained: Path, toy: Path) -> None:
    result = pellucid("evaluate", trained)
    assert result.code == 0, result.err
    with np.load(toy) as arrays:
        scores = p.evaluate(p.load(trained / "model.safetensors"), (arrays["x_test"], arrays["y_test"]))
    assert result.out.splitlines() == [
        "stripes: 12 images",
        f"test loss {scores['loss']:.4f}",
        f"test accuracy {100 * scores['accuracy']:.2f} %",
    ]
    assert pellucid("evaluate", trained / "model.safetensors", "--data", toy).out == result.out


def test_evaluate_finds_the_validation_part_again(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    with np.load(toy) as arrays:
        np.savez(tmp_path / "whole.npz", x=arrays["x_train"], y=arrays["y_train"])
    words = ("--data", "whole.npz", "--seed", 5, "--epochs", 2, "--out", "run", "--no-progress")
    last = pellucid("train", *words).out.splitlines()[-1]
    shown = pellucid("evaluate", "run").out.splitlines()
    assert shown[0] == "whole: 5 images"
    assert shown[-1] == last


@pytest.mark.parametrize(("share", "part", "count"), [(0.25, "validation", 12), (0, "training", 48)])
def test_evaluate_refuses_data_that_have_changed(
    share: float, part: str, count: int, pellucid: Pellucid, toy: Path, tmp_path: Path
) -> None:
    with np.load(toy) as arrays:
        x, y = arrays["x_train"], arrays["y_train"]
    np.savez(tmp_path / "whole.npz", x=x, y=y)
    words = ("--data", "whole.npz", "--validation", share, "--epochs", 1, "--out", "run", "--no-progress")
    assert pellucid("train", *words).code == 0
    assert pellucid("evaluate", "run").code == 0, "the control: the same data"
    np.savez(tmp_path / "whole.npz", x=np.roll(x, 1, axis=0), y=np.roll(y, 1))
    result = pellucid("evaluate", "run")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(
        f"error: the data have changed since the run was trained: the {part} part of whole, {count} images, is not "
    )
    assert pellucid("evaluate", "run", "--data", "whole.npz").code == 0, "what is named is measured as it is"


def test_a_share_held_out_in_python_is_told_by_what_is_left(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    with np.load(toy) as arrays:
        data = p.Dataset(arrays["x_train"], arrays["y_train"], name="whole.npz")
    np.savez(tmp_path / "whole.npz", x=data.images, y=data.labels)
    network = p.models.small(3, (1, 6, 6))
    p.fit(network, data, validation=0.1, epochs=1, out=tmp_path / "run", progress=False)
    held_out = pellucid("evaluate", "run")
    assert (held_out.code, held_out.out.splitlines()[0]) == (0, "whole: 5 images"), held_out.err
    p.fit(network, data, validation=0.5, epochs=1, out=tmp_path / "half", progress=False)
    assert pellucid("evaluate", "half").err.startswith("error: the data have changed since the run was trained: ")


def test_confusion(pellucid: Pellucid, trained: Path, tmp_path: Path) -> None:
    network = p.load(trained / "model.safetensors")
    images = np.zeros((6, 1, 6, 6), np.uint8)
    for image, row in enumerate((0, 0, 0, 2, 2, 4)):
        images[image, 0, row] = 220
    assert p.predict_classes(network, images).tolist() == [0, 0, 0, 1, 1, 2], "the control: the network knows these"
    np.savez(tmp_path / "mixed.npz", x=images, y=[0, 0, 1, 1, 1, 0])
    shown = pellucid("evaluate", trained, "--data", "mixed.npz", "--confusion").out.splitlines()
    assert shown[0] == "mixed: 6 images"
    assert [line.split() for line in shown[3:7]] == [
        ["0", "1", "2"],
        ["0", "2", "·", "1"],
        ["1", "1", "2", "·"],
        ["2", "·", "·", "·"],
    ]
    assert shown[-1] == "overall accuracy 66.67 %"


def test_confusion_of_many_classes_lists_the_mistakes(pellucid: Pellucid, tmp_path: Path) -> None:
    network = p.Sequential([p.Flatten(), p.Linear(25, 25)], input_shape=(1, 5, 5))
    network["linear1"].weight.data[...] = np.eye(25)
    p.save(network, tmp_path / "eye.safetensors")
    np.savez(tmp_path / "eye.npz", x=np.eye(25, dtype=np.float32).reshape(25, 5, 5)[[3, 3, 7, 24]], y=[4, 4, 7, 0])
    shown = pellucid("evaluate", "eye.safetensors", "--data", "eye.npz", "--confusion").out.splitlines()
    assert shown[2] == "the 20 most frequent mistakes"
    assert [line.split() for line in shown[4:6]] == [["2", "4", "3"], ["1", "0", "24"]]
    assert shown[6] == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rum"], "there is no run or model file 'rum'; did you mean 'run'? `pellucid train` makes runs"),
        (["runs"], "there is no run or model file 'runs'; did you mean 'run'? `pellucid train` makes runs"),
        (["run", "--data", "empty", "--data-dir", "empty"], "--data-dir: goes with a set known by name, such as mnist"),
        (["model.safetensors"], " is a model file, which does not say what to measure it on; add --data"),
        (["run", "--data", "mnits"], "is neither a path nor the name of a data set; did you mean 'mnist'?"),
        (["run", "--data", "digits"], "the network expects images of shape (1, 6, 6), received (1, 8, 8)"),
        (["run", "--data", "more.npz"], "sample 2 has class 7, but the network has 3 outputs, for classes 0 to 2"),
        (["empty"], "empty/model.safetensors"),
        (["run/config.toml", "--data", "more.npz"], "run/config.toml"),
    ],
)  # fmt: skip
def test_evaluate_refuses(words: list[str], message: str, pellucid: Pellucid, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "empty").mkdir()
    shutil.copy(trained / "model.safetensors", tmp_path)
    np.savez(tmp_path / "more.npz", x=np.zeros((3, 6, 6), np.uint8), y=[0, 1, 7])
    result = pellucid("evaluate", *words)
    assert (result.code, result.out) == (1, "")
    assert message.replace("/", "\\" if str(Path("a/b")) == "a\\b" else "/") in result.err
    assert result.err.count("\n") == 1


def forget_checkpoints(run: Path) -> None:
    """Leave ``config.toml`` as the only one that knows how a run was begun."""
    for path in run.glob("checkpoint-*"):
        path.unlink()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[command]", "[command", "config.toml is damaged: "),
        ("seed = 0", 'seed = "a"', "config.toml: command.seed: expected int, found 'a'"),
        ("seed = 0", "validation = []", "config.toml: command.validation: expected float, found []"),
    ],
)
def test_a_config_that_was_spoilt(
    old: str, new: str, message: str, pellucid: Pellucid, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    forget_checkpoints(tmp_path / "run")
    config = tmp_path / "run/config.toml"
    config.write_text(config.read_text().replace(old, new, 1))
    result = pellucid("evaluate", "run")
    assert result.code == 1
    assert message in result.err


def test_evaluate_refuses_classes_of_other_names(pellucid: Pellucid, tmp_path: Path) -> None:
    network = p.models.notebook(10, (1, 8, 8), class_names=[f"letter {letter}" for letter in "ABCDEFGHIJ"])
    p.save(network, tmp_path / "letters.safetensors")
    result = pellucid("evaluate", "letters.safetensors", "--data", "digits")
    assert result.err == (
        "error: the classes of the data, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, are not those that the network has learnt, "
        "letter A, letter B, letter C, letter D, letter E, letter F, letter G, letter H, letter I, letter J\n"
    )


def test_a_run_made_in_python_is_measured_on_the_data_of_its_name(pellucid: Pellucid, tmp_path: Path) -> None:
    train, test = p.datasets.digits()
    network = p.models.small()
    p.fit(network, train.subset(range(100)), epochs=1, out=tmp_path / "run", progress=False)
    shown = pellucid("evaluate", "run").out.splitlines()
    assert shown[0] == "digits: 359 images"
    assert shown[-1] == f"test accuracy {100 * p.evaluate(network, test)['accuracy']:.2f} %"


# ---- what classes are called


def test_names_in_a_file_of_arrays_are_those_of_the_network(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    with np.load(toy) as arrays:
        np.savez(tmp_path / "named.npz", **arrays, class_names=["top", "middle", "low"])
        np.save(tmp_path / "one.npy", arrays["x_test"][0])
    assert pellucid("train", "--data", "named.npz", "--epochs", 1, "--out", "run").code == 0
    assert p.load(tmp_path / "run").class_names == ("top", "middle", "low")
    shown = pellucid("predict", "run", "one.npy").out
    assert all(name in shown for name in ("top", "middle", "low"))
    assert pellucid("evaluate", "run", "--data", toy).code == 0, "data without names are taken"


def test_classes_are_called_as_one_says(pellucid: Pellucid, trained: Path, toy: Path, tmp_path: Path) -> None:
    with np.load(toy) as arrays:
        np.save(tmp_path / "one.npy", arrays["x_test"][0])
    shown = pellucid("predict", trained, "one.npy", "--classes", "top, middle,low").out.split()
    assert shown[1] == "top"
    assert {"top", "middle", "low"} < {*shown}
    confusion = pellucid("evaluate", trained, "--confusion", "--classes", "top,middle,low").out
    assert all(name in confusion for name in ("top", "middle", "low"))
    measured = pellucid("evaluate", "small", "--weights", trained, "--classes", "a,b,c", "--data", toy, "--confusion")
    assert [line.split()[0] for line in measured.out.splitlines()[3:7]] == ["a", "a", "b", "c"]


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_names_that_do_not_fit_are_refused(verb: str, pellucid: Pellucid, trained: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.zeros((6, 6), np.uint8))
    words = (verb, trained, *(["one.npy"] if verb == "predict" else []), "--classes")
    said = "error: --classes: expected 3 names, one for each class, received 2\n"
    assert pellucid(*words, "top,low") == (1, "", said)
    for text in ("top,,low", "", "top,low,top"):
        said = f"error: --classes: expected names that differ, such as cat,dog, received {text!r}"
        assert pellucid(*words, text) == (2, "", f"{said}. See pellucid {verb} --help\n")


# ---- predict


def stripe(row: int) -> np.ndarray:
    image = np.full((6, 6), 20, np.uint8)
    image[row] = 220
    return image


def test_predict_arrays(pellucid: Pellucid, trained: Path, tmp_path: Path) -> None:
    images = np.stack([stripe(0), stripe(2), stripe(4)])
    np.save(tmp_path / "three.npy", images)
    np.save(tmp_path / "one.npy", stripe(4))
    np.save(tmp_path / "scaled.npy", stripe(4)[None, None].astype(np.float32))
    shown = pellucid("predict", trained, "three.npy", "one.npy", "--top", 2).out.splitlines()
    probabilities = p.predict_proba(p.load(trained / "model.safetensors"), images)
    for number, (line, row) in enumerate(zip(shown, [*probabilities, probabilities[2]], strict=True)):
        name = f"three.npy[{number}]" if number < 3 else "one.npy"
        best, second = np.argsort(-row)[:2]
        assert line.split() == [
            name,
            f"{best}",
            f"{100 * row[best]:.1f}",
            "%",
            f"{second}",
            f"{100 * row[second]:.1f}",
            "%",
        ]
    assert [line.split()[1] for line in shown] == ["0", "1", "2", "2"]
    assert pellucid("predict", trained, "scaled.npy", "--top", 99).out.count("%") == 3


def test_predict_pictures_of_any_kind(pellucid: Pellucid, trained: Path, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    grey = image.fromarray(stripe(2))
    grey.save(tmp_path / "grey.png")
    grey.convert("RGB").save(tmp_path / "rgb.png")
    image.fromarray(255 - stripe(2)).save(tmp_path / "ink.png")
    grey.resize((60, 30), image.Resampling.NEAREST).save(tmp_path / "large.jpg")

    def line(*words: str) -> list[str]:
        return pellucid("predict", trained, *words).out.split()[1:]

    assert line("grey.png")[0] == "1"
    assert line("rgb.png") == line("grey.png")
    assert line("ink.png", "--invert") == line("grey.png")
    assert line("ink.png") != line("grey.png")
    assert line("large.jpg")[0] == "1"
    reduced = "30×60 pixels reduced to 6×6: what is to be recognised should fill the picture"
    assert pellucid("predict", trained, "grey.png", "large.jpg").err == f"note: large.jpg: {reduced}\n"


def test_predict_shows_class_names(pellucid: Pellucid, tmp_path: Path) -> None:
    p.save(p.models.notebook(2, (1, 6, 6), class_names=["cat", "[dog]"]), tmp_path / "pets.safetensors")
    np.save(tmp_path / "pet.npy", stripe(0))
    shown = pellucid("predict", "pets.safetensors", "pet.npy").out
    assert re.fullmatch(r"pet\.npy  (cat|\[dog\]) \d+\.\d %   (cat|\[dog\]) \d+\.\d %\n", shown)


def test_predict_reports_what_it_cannot_read_and_goes_on(pellucid: Pellucid, trained: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", stripe(0))
    np.save(tmp_path / "nan.npy", np.full((1, 1, 6, 6), np.nan, np.float32))
    np.save(tmp_path / "small.npy", np.zeros((1, 1, 5, 5), np.float32))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "good.npy").read_bytes()[:-1])
    (tmp_path / "text.png").write_text("no picture")
    result = pellucid("predict", trained, "no.npy", "nan.npy", "small.npy", "cut.npy", "good.npy")
    assert result.code == 1
    assert [line.split()[:2] for line in result.out.splitlines()] == [["good.npy", "0"]]
    errors = result.err.splitlines()
    assert len(errors) == 4
    assert errors[0].startswith("error: no.npy: ")
    assert errors[1] == "error: nan.npy: images: sample 0 holds NaN or infinity"
    assert errors[2].startswith("error: small.npy: expected images of shape (1, 6, 6), found (1, 5, 5)")
    assert errors[3].startswith("error: cut.npy: ")


def test_predict_wants_a_file(pellucid: Pellucid, trained: Path) -> None:
    result = pellucid("predict", trained, "")
    assert (result.code, result.out) == (2, "")
    assert "expected a name or a path, received nothing" in result.err


def test_predict_shows_odd_names_escaped(pellucid: Pellucid, trained: Path) -> None:
    odd, shown = "\x1b[2J\nerror: none.npy", "\\x1b[2J\\nerror: none.npy"
    np.save(odd, np.zeros((6, 6), np.uint8))
    result = pellucid("predict", trained, odd, f"no{odd}", "--top", 1)
    assert (result.code, result.out[: len(shown) + 3], result.out.count("\n")) == (1, f"{shown}    "[:-1], 1)
    assert result.err == f"error: no{shown}: cannot be read: No such file or directory\n"


def test_a_name_that_is_too_long_is_an_error_in_a_line(pellucid: Pellucid, trained: Path) -> None:
    name, why = "n" * 5_000, "a name in this path is longer than the system allows; choose a shorter one"
    for words in (
        ("predict", name, "x.npy"),
        ("evaluate", name),
        ("train", "--weights", name),
        ("train", "--out", name),
    ):
        result = pellucid(*words)
        assert (result.code, result.err.count("\n"), why in result.err) == (1, 1, True), words
        assert len(result.err) < 600


def test_predict_shows_at_least_one_class(pellucid: Pellucid, trained: Path) -> None:
    result = pellucid("predict", trained, "x.npy", "--top", 0)
    assert result.code == 2
    assert result.err.startswith("error: --top: expected a whole number of at least 1, received 0. See pellucid pred")


def test_predict_needs_a_network_of_pictures(pellucid: Pellucid, tmp_path: Path) -> None:
    p.save(p.Sequential([p.Linear(4, 2)], input_shape=(4,)), tmp_path / "flat.safetensors")
    result = pellucid("predict", "flat.safetensors", "x.npy")
    assert (result.code, result.err) == (1, "error: flat.safetensors takes inputs of shape (4,), not pictures\n")


# ---- summary


def test_summary_of_models_runs_and_files(pellucid: Pellucid, trained: Path) -> None:
    assert pellucid("summary", "lenet").out == f"{p.summary(p.models.lenet())}\n"
    larger = p.models.lenet(input_shape=(3, 32, 32))
    assert pellucid("summary", "lenet", "--input", "3x32x32").out == f"{p.summary(larger)}\n"
    shown = pellucid("summary", "lenet", "--arithmetic").out
    assert shown == f"{p.summary(p.models.lenet(), arithmetic=True)}\n"
    assert "(28 + 2·0 − 5)//1 + 1 = 24" in shown
    assert (
        pellucid("summary", "lenet", "--input", "1X32X32").out == pellucid("summary", "lenet", "--input", "1x32x32").out
    )
    run = pellucid("summary", trained)
    assert run.out == f"{p.summary(p.load(trained / 'model.safetensors'))}\n"
    assert pellucid("summary", trained / "model.safetensors").out == run.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["lenett"], 1, "error: there is no model, run or model file 'lenett'; did you mean 'lenet'?"),
        (["rum"], 1, "error: there is no model, run or model file 'rum'; did you mean 'run'?"),
        (["mnits"], 1, "error: there is no model, run or model file 'mnits'. Known: small, notebook, "),
        (["runs/lenet"], 1, "error: there is no run or model file 'runs/lenet'. `pellucid train` makes runs"),
        (["./lenet"], 1, "error: there is no run or model file './lenet'. `pellucid train` makes runs"),
        (["lenet", "--input", "1x4x4"], 1, "error: conv1 (layer 1): "),
        (["lenet", "--input", "large"], 2, "expected a shape CxHxW such as 3x144x144, received 'large'"),
        (["lenet", "--input", "8x8"], 2, "received '8x8'; for one channel write 1x8x8"),
        (["lenet", "--input", f"1x{'9' * 5000}x3"], 2, "expected a shape CxHxW such as 3x144x144, received '1x999"),
        (["lenet", "--input", "1x٣٢x32"], 2, "expected a shape CxHxW such as 3x144x144, received '1x٣٢x32'"),
        (["lenet", "--input", "1x1x8x8"], 2, "received '1x1x8x8'. See"),
        ([], 2, "error: expected MODEL|RUN|FILE. See pellucid summary --help"),
    ],
)
def test_summary_refuses(words: list[str], code: int, message: str, pellucid: Pellucid, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    result = pellucid("summary", *words)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    if code == 1:
        assert pellucid("explain", words[0]) == result or "--input" in words


# ---- data


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let mnist have one mirror, at a port of this machine where nobody answers."""
    entry = replace(catalogue.CATALOGUE["mnist"], mirrors=("http://127.0.0.1:9/",))
    monkeypatch.setitem(catalogue.CATALOGUE, "mnist", entry)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_data_list(pellucid: Pellucid, tmp_path: Path) -> None:
    lines = pellucid("data", "list").out.splitlines()
    assert lines[0].split() == ["name", "images", "shape", "what,", "and", "where"]
    assert lines[3] == "mnist           60,000 + 10,000   1×28×28   MNIST handwritten digits"
    assert lines[4].strip() == "not downloaded"
    for name in (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ):
        (tmp_path / "mnist").mkdir(exist_ok=True)
        (tmp_path / "mnist" / name).write_text("")
    assert pellucid("data", "list", "--data-dir", tmp_path).out.splitlines()[4].strip() == str(tmp_path / "mnist")


def test_data_verify(pellucid: Pellucid, tmp_path: Path) -> None:
    good = pellucid("data", "verify", "digits")
    assert good.code == 0, good.err
    assert [line.split()[-1] for line in good.out.splitlines()] == ["checksum", "ok", "ok"]
    for file in catalogue.CATALOGUE["mnist"].files:
        (tmp_path / file.name).write_text("something else")
    bad = pellucid("data", "verify", "mnist", "--data-dir", tmp_path)
    assert bad.code == 1
    assert bad.out.count("wrong") == 4
    assert bad.err.startswith("error: mnist: not as published: train-images-idx3-ubyte.gz, ")
    assert "`pellucid data fetch mnist`" in bad.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "fetch", "mnist"], "mnist: train-images-idx3-ubyte.gz could not be downloaded (http://127.0.0.1:9/"),
        (["train", "--data", "mnist"], "mnist: train-images-idx3-ubyte.gz could not be downloaded (http://127.0.0.1:9/"),
        (["data", "verify", "mnist"], "mnist is not on this machine; pellucid data fetch mnist downloads it"),
        (["data", "fetch", "mnits"], "unknown data set 'mnits'; did you mean 'mnist'?"),
        (["data", "verify", "mnits"], "unknown data set 'mnits'; did you mean 'mnist'?"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("offline")
def test_data_that_cannot_be_had(
    words: list[str], message: str, pellucid: Pellucid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "nothing"))
    result = pellucid(*words)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1
    if "downloaded (" in message:
        assert "--data-dir FOLDER" in result.err


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("words", [["data", "fetch", "mnist"], ["train", "--data", "mnist"]], ids=" ".join)
def test_a_folder_of_data_that_is_not_there_is_named(
    words: list[str], pellucid: Pellucid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_DATA", "nowhere")
    message = "error: PELLUCID_DATA is 'nowhere', which does not exist; name the folder that mnist/ is in\n"
    assert pellucid(*words) == (1, "", message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--out", ""], "--out: expected a folder, received nothing. See pellucid train --help"),
        (["train", "--data", ""], "--data: expected a name or a path, received nothing. See pellucid train --help"),
        (["train", "--data-dir", ""], "--data-dir: expected a folder, received nothing. See pellucid train --help"),
        (["evaluate", "x", "--data", ""], "--data: expected a name or a path, received nothing. See pellucid evaluate"),
        *(
            ([verb, ""], f"MODEL|RUN|FILE: expected a name or a path, received nothing. See pellucid {verb}")
            for verb in ("summary", "explain")
        ),
        (["evaluate", ""], "RUN|MODEL: expected a name or a path, received nothing. See pellucid evaluate"),
        (["predict", "", "x.png"], "RUN|MODEL: expected a name or a path, received nothing. See pellucid predict"),
        (["recipes", ""], "NAME|FILE: expected a name or a path, received nothing. See pellucid recipes"),
        (["data", "list", "--data-dir", ""], "--data-dir: expected a folder, received nothing. See pellucid data list"),
    ],
)  # fmt: skip
def test_an_empty_word_is_no_path(words: list[str], message: str, pellucid: Pellucid) -> None:
    result = pellucid(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {message}")


@pytest.mark.usefixtures("offline")
def test_data_show_writes_what_train_sees(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    with np.load(toy) as arrays:
        data = p.Dataset(arrays["x_train"], arrays["y_train"])
    result = pellucid("data", "show", toy, "--sample", 7, "--scale", 1)
    assert result == (0, "sample 7: class 1\naugmented: no, in epoch 1\nsaved in stripes-7-epoch-1.png\n", "")
    assert np.array_equal(np.asarray(image.open(tmp_path / "stripes-7-epoch-1.png")), data.images[7, 0])
    asked = (
        "--augment",
        "crop:2",
        "--augment",
        "affine:1,0.3",
        "--epoch",
        3,
        "--seed",
        5,
        "--scale",
        1,
        "--out",
        "seven.png",
    )
    assert pellucid("data", "show", toy, "--sample", 7, *asked).code == 0
    expected = p.augmented(data, [7], [p.augment.Crop(2), p.augment.Affine(1.0, 0.3)], seed=5, epoch=3)
    assert np.array_equal(np.asarray(image.open(tmp_path / "seven.png")), expected[0, 0])


@pytest.mark.usefixtures("offline")
def test_data_show_says_what_an_image_is_mixed_with(pellucid: Pellucid, toy: Path, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    with np.load(toy) as arrays:
        data = p.Dataset(arrays["x_train"], arrays["y_train"])
    mixing = p.augment.MixUp(8.0)
    partner, share = mixed_with(len(data), [7], mixing, seed=5, epoch=3)
    asked = (
        "--augment",
        "mixup:8",
        "--augment",
        "crop:2",
        "--epoch",
        3,
        "--seed",
        5,
        "--scale",
        1,
        "--out",
        "seven.png",
    )
    shown = pellucid("data", "show", toy, "--sample", 7, *asked)
    assert shown.out.splitlines()[:3] == [
        "sample 7: class 1",
        "augmented: mixup:8, crop:2, in epoch 3",
        f"{100 * (1 - share[0]):.1f} % of the picture is sample {partner[0]}: class {data.labels[partner[0]]}",
    ]
    expected = p.augmented(data, [7], [mixing, p.augment.Crop(2)], seed=5, epoch=3)
    assert np.array_equal(np.asarray(image.open(tmp_path / "seven.png")), expected[0, 0])


def test_data_show_counts_what_is_left_to_train_on_and_names_the_file(pellucid: Pellucid, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install '.[images]'")
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(10):
            picture = image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
            picture.save(tmp_path / "pets" / name / f"{number}.png")
    whole = p.datasets.load("pets")[0]
    for words, share in (((), 0.1), (("--validation", 0), 0), (("--validation", 0.4), 0.4)):
        order = split_indices(whole, share)[0] if share else np.arange(20)
        for sample in (0, len(order) - 1):
            result = pellucid("data", "show", "pets", "--sample", sample, "--scale", 1, *words)
            (class_name, file) = ("cats", "dogs")[order[sample] // 10], f"{order[sample] % 10}.png"
            assert result.out.splitlines()[:3] == [
                f"sample {sample}: class {class_name}",
                "augmented: no, in epoch 1",
                f"from {Path('pets', class_name, file)}",
            ]
            shown = np.asarray(image.open(tmp_path / f"pets-{sample}-epoch-1.png"))
            assert np.array_equal(shown.transpose(2, 0, 1), whole.images[order[sample]])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--sample", 48), 1, "--sample: expected 0 to 47, received 48"),
        (("--sample", -1), 1, "--sample: expected 0 to 47, received -1"),
        (("--epoch", 0), 1, "epoch: expected a whole number of at least 1, received 0"),
        (("--out", "a.jpg"), 2, "--out: expected a file that ends in .png, received"),
        (("--augment", "corp"), 2, "--augment: unknown augmentation 'corp'; did you mean 'crop'?"),
        (("--augment", "jitter:0.2"), 1, "ColourJitter: expects images of 3 channels"),
        (("--augment", "flip", "--augment", "mixup"), 1, "augment: MixUp(alpha=0.2) is number 2 of the list, but must"),
    ],
)
def test_data_show_refuses(
    words: tuple[Any, ...], code: int, message: str, pellucid: Pellucid, toy: Path, tmp_path: Path
) -> None:
    result = pellucid("data", "show", toy, *words)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"error: {message}")
    assert not list(tmp_path.glob("*.png"))


def test_data_show_without_pillow_says_what_to_install(
    pellucid: Pellucid, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    result = pellucid("data", "show", toy)
    assert (result.code, result.out) == (1, "")
    assert "pip install '.[images]' in Pellucid's folder" in result.err


def test_data_fetch_leaves_alone_what_is_here(pellucid: Pellucid, tmp_path: Path) -> None:
    assert pellucid("data", "fetch", "digits").out.startswith("digits is here already: ")


# ---- every verb


def test_version(pellucid: Pellucid) -> None:
    assert pellucid("--version") == (0, f"pellucid {VERSION}\n", "")


def test_an_unknown_verb_suggests_the_nearest(pellucid: Pellucid) -> None:
    result = pellucid("trian")
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: no such command 'trian'; did you mean 'train'? See pellucid --help\n"
    assert pellucid("trian", "--debug") == result


NOWHERE = "~nosuchuser/there"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, f"train --data {NOWHERE}"),
        (2, f"train --data mnist --data-dir {NOWHERE}"),
        (2, f"train --out {NOWHERE}"),
        (2, f"train --weights {NOWHERE}"),
        (1, f"train --recipe {NOWHERE}.toml"),
        (1, f"recipes {NOWHERE}.toml"),
        (1, f"evaluate {NOWHERE}"),
        (1, f"evaluate run --data {NOWHERE}"),
        (1, f"predict {NOWHERE} picture.png"),
        (1, f"summary {NOWHERE}"),
        (1, f"explain {NOWHERE}"),
    ],
)
def test_the_home_of_nobody_is_refused_in_a_line(
    code: int, words: str, pellucid: Pellucid, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    result = pellucid(*words.split())
    assert (result.code, result.out) == (code, "")
    assert re.match(r"error: .*the home folder that '~nosuchuser/there(\.toml)?' begins with is not known", result.err)
    assert len(result.err.splitlines()) == 1


def every_verb(command: Any, words: tuple[str, ...] = ()) -> list[list[str]]:
    """The words of a command and of all below it, such as `data list`; none for `pellucid` itself."""
    below = getattr(command, "commands", {})
    return [list(words), *(found for name in below for found in every_verb(below[name], (*words, name)))]


VERBS = every_verb(typer.main.get_command(app))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("columns", [80, 120])
def test_help(verb: list[str], columns: int, pellucid: Pellucid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = pellucid(*verb, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert max(map(len, shown.out.splitlines())) <= columns
    examples = shown.out.partition("Examples:\n")[2].splitlines()
    assert examples
    assert all(line.startswith(f"    pellucid {' '.join(verb)}".rstrip()) for line in examples)
    assert "\x1b" not in shown.out
    assert pellucid(*verb, "-h").out == shown.out


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_the_help_shows_no_types_of_python(verb: list[str], pellucid: Pellucid) -> None:
    assert re.findall("<[^>]*>", pellucid(*verb, "--help").out) == []


def test_the_help_of_train_says_what_there_is(pellucid: Pellucid) -> None:
    shown = " ".join(pellucid("train", "--help").out.split()).replace("- ", "-")  # lines may end at a hyphen
    families = {re.match("[a-z]+", model)[0] for model in p.models.MODELS}  # vgg for vgg11, vgg16_bn and so on
    assert all(re.search(rf"\b{family}", shown.partition("Options:")[0]) for family in families)
    for form, defaults in (
        ("cosine:FINAL", "0"),
        ("one-cycle:START:PEAK_AT:FINAL", "0.04:0.3:0"),
        ("linear:START:PEAK_AT", "0.1:0.2"),
        ("step:EVERY_EPOCHS:FACTOR", "10:0.1"),
    ):
        assert re.search(rf"{form}[^:;]* \({defaults}\)", shown)
        name = form.partition(":")[0]
        assert schedules.by_name(name) == schedules.by_name(f"{name}:{defaults}")


def test_the_examples_in_the_help_are_commands_that_exist(pellucid: Pellucid) -> None:
    """Each example's words are understood: adding --help to it shows help, and not a usage error."""
    for verb in VERBS:
        for line in pellucid(*verb, "--help").out.partition("Examples:\n")[2].splitlines():
            words = line.split()[1:]
            assert pellucid(*words, "--help").code == 0, line
            if words[0] == "summary" and "/" not in words[1]:
                assert pellucid(*words).code == 0, line


def test_the_program_is_named_after_the_package() -> None:
    verbs = {
        "train",
        "resume",
        "runs",
        "compare",
        "find-lr",
        "recipes",
        "evaluate",
        "predict",
        "export",
        "report",
        "summary",
        "explain",
        "verify",
        "view",
    }
    assert {command.name for command in app.registered_commands} == verbs
