"""`pellucid resume`: a run goes on as if nothing had ended it, and refuses what cannot go on."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import BreakAt
from pellucid.cli import train as train_verb
from pellucid.training import fit as whole_fit
from pellucid.training.lock import locked_folder

WORDS = ("--epochs", "6", "--batch-size", "8", "--lr", "0.01", "--seed", "3", "--no-progress")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, pellucid: Any, toy: Path) -> Any:
    """Trains in the folder "run" until a step, and fails there."""

    def train(step: int, *words: object) -> None:
        def fit(*arguments: Any, callbacks: Any, **settings: Any) -> Any:
            return whole_fit(*arguments, callbacks=[*callbacks, BreakAt(step)], **settings)

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
    within = {5: "5 of 36, in epoch 1", 36: "36 of 36, in epoch 6", 37: "36 of 36, in epoch 6"}[step]
    assert shown.err.splitlines()[0] == f"run: going on after step {within}"
    assert shown.out.splitlines()[0] == "saved in run"
    assert shown.out.splitlines()[-1].startswith("test accuracy ")
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    assert measured(tmp_path / "run") == measured(tmp_path / "whole")


def test_what_a_kill_at_the_end_has_left_out_is_measured(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    assert pellucid("train", "small", "--data", toy, *WORDS, "--engine", "numpy", "--out", "run").code == 0
    metrics = tmp_path / "run/metrics.jsonl"
    lines = metrics.read_text().splitlines(True)
    metrics.write_text("".join(lines[:-1]))
    shown = pellucid("resume", "run")
    assert (shown.code, shown.err) == (0, "run: finished, and not measured at its end\n")
    assert shown.out.splitlines()[-1].startswith("test accuracy ")
    assert metrics.read_text().splitlines(True) == lines, "by the engine of the run"
    assert pellucid("resume", "run").code == 0


def test_a_finished_run_has_nothing_to_do(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    assert pellucid("train", "small", "--data", toy, *WORDS, "--out", "run").code == 0
    shown = pellucid("resume", "run")
    assert (shown.code, shown.out) == (0, "")
    assert shown.err.startswith("run: finished, nothing to do; to train on from its weights: ")
    settings = "--seed 3 --epochs 6 --batch-size 8 --lr 0.01"
    assert shown.err.endswith(f" train small --data {toy} {settings} --weights run\n")
    command = shlex.split(shown.err.partition("weights: ")[2])
    assert pellucid(*command[command.index("train") :], "--out", "on").code == 0
    assert pellucid("compare", "run", "on").out.startswith("setting"), "the weights that it began with"
    assert "training." not in pellucid("compare", "run", "on").out
    assert "words" not in pellucid("compare", "run", "on").out


def test_of_a_run_by_a_recipe_the_advice_names_the_recipe(pellucid: Any, toy: Path, tmp_path: Path) -> None:
    recipe = Path(shutil.copy(Path(p.recipes.__file__).with_name("notebook.toml"), tmp_path / "mine.toml"))
    recipe.write_text(re.sub("epochs = .*", "epochs = 1", recipe.read_text()))
    assert pellucid("train", "--recipe", "mine.toml", "--data", toy, "--seed", 3, "--out", "run").code == 0
    advice = f" train --recipe {recipe} --data {toy} --seed 3 --weights run\n"
    assert pellucid("resume", "run").err.endswith(advice)


def test_another_model_file_is_not_measured_as_the_one_that_was_trained(
    pellucid: Any, toy: Path, tmp_path: Path
) -> None:
    assert pellucid("train", "small", "--data", toy, *WORDS, "--out", "run").code == 0
    assert pellucid("train", "small", "--data", toy, "--epochs", "1", "--out", "other").code == 0
    (tmp_path / "run/model.safetensors").write_bytes((tmp_path / "other/model.safetensors").read_bytes())
    metrics = tmp_path / "run/metrics.jsonl"
    metrics.write_text("".join(metrics.read_text().splitlines(True)[:-1]))
    shown = pellucid("resume", "run")
    assert shown.code == 1
    assert "run/model.safetensors is another file than the training left" in shown.err


def test_the_data_are_those_that_the_run_was_begun_with(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    broken(9)
    config = tmp_path / "run/config.toml"
    config.write_text(config.read_text().replace(f'data = "{toy}"', 'data = "digits"'))
    assert 'data = "digits"' in config.read_text()
    shown = pellucid("resume", "run")
    assert shown.code == 0, shown.err
    assert "config.toml was changed since the run was begun (" in shown.err


def test_what_is_refused_is_not_announced(broken: Any, pellucid: Any, tmp_path: Path, toy: Path) -> None:
    broken(9)
    with np.load(toy) as file:
        arrays = dict(file)
    np.savez(tmp_path / "other.npz", **{**arrays, "x_train": 255 - arrays["x_train"]})
    shown = pellucid("resume", "run", "--data", "other.npz")
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == "error: run was begun with other settings: data: the data are others; give the same\n"


@pytest.mark.parametrize("validation", [0.25, None])
def test_a_run_of_python_whose_data_fit_divided_goes_on(
    validation: float | None, pellucid: Any, toy: Path, tmp_path: Path
) -> None:
    with np.load(toy) as arrays:
        data = p.Dataset(arrays["x_train"], arrays["y_train"], name="train")
    np.savez(tmp_path / "train.npz", x_train=data.images, y_train=data.labels)  # no test part, so that some is held out
    network = p.models.small(3, data.shape, seed=3)
    how: Any = {"validation": validation, "epochs": 3, "batch_size": 8, "progress": False}
    with pytest.raises(ZeroDivisionError):
        p.fit(network, data, out=tmp_path / "run", callbacks=[BreakAt(9)], **how)
    whole = p.models.small(3, data.shape, seed=3)
    p.fit(whole, data, **how)
    shown = pellucid("resume", "run", "--data", "train.npz")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[-1].startswith("training accuracy" if validation is None else "validation accuracy")
    for path, parameter in p.load(tmp_path / "run").parameters().items():
        assert (parameter.data == whole.parameters()[path].data).all(), path


def test_a_run_whose_settings_are_damaged_goes_on(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    assert pellucid("train", "small", "--data", toy, *WORDS, "--out", "whole").code == 0
    broken(9)
    (tmp_path / "run/config.toml").write_bytes(b"\xff")
    shown = pellucid("resume", "run")
    assert shown.code == 0, shown.err
    assert "run/config.toml was changed since the run was begun; it is written anew as it was then" in shown.err
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


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
    assert pellucid("resume", "run", "--no-progress").err == "run: going on after step 9 of 36, in epoch 2\n"
    again = pellucid("resume", "run")
    assert (again.code, again.out) == (0, "")


def test_early_stopping_survives_an_interruption(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    words = ("--epochs", "40", "--validation", "0.25", "--early-stopping", "3")
    assert pellucid("train", "small", "--data", toy, *WORDS, "--out", "whole", *words).code == 0
    done = len(measured(tmp_path / "whole")) - 1
    assert done < 40
    broken(5 * (done - 1) - 2, *words)
    assert pellucid("resume", "run").code == 0
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    assert measured(tmp_path / "run") == measured(tmp_path / "whole")


def test_the_best_networks_survive_an_interruption(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    words = ("--validation", "0.25", "--early-stopping", "4", "--keep-best", "2")
    assert pellucid("train", "small", "--data", toy, *WORDS, "--out", "whole", *words).code == 0
    broken(17, *words)
    (tmp_path / "run").rename(tmp_path / "moved")
    shown = pellucid("resume", "moved")
    assert shown.code == 0, shown.err
    assert f" in {Path('moved', 'best')}\n" in shown.out
    kept, whole = (
        {each.name: each.read_bytes() for each in (tmp_path / run / "best").iterdir()} for run in ("moved", "whole")
    )
    assert kept == whole


def test_a_patience_of_no_epochs_is_refused(pellucid: Any, toy: Path) -> None:
    shown = pellucid("train", "small", "--data", toy, "--early-stopping", "0")
    assert (shown.code, shown.out) == (1, "")
    assert "--early-stopping: expected a whole number of at least 1, received 0" in shown.err


def test_a_run_is_verified(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    broken(9)
    assert pellucid("resume", "run").code == 0
    shown = pellucid("verify", "run", "--threads", "1,3")
    assert shown.code == 0, shown.err
    *files, one, three, last = shown.out.splitlines()
    names = ["config.toml", "metrics.jsonl", "model.safetensors", "checkpoint-000000036.safetensors"]
    assert files == [f"{name}: whole" for name in names]
    assert one.removeprefix("1 thread: ") == three.removeprefix("3 threads: ")
    assert last == "files whole; the first steps are the same, bit for bit"


def test_a_run_that_is_being_trained_is_verified_with_a_word_about_that(broken: Any, pellucid: Any) -> None:
    broken(9)
    with locked_folder(Path("run").absolute()):
        shown = pellucid("verify", "run", "--threads", "1")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("run is being trained now: what is said of its files holds for this moment\n")


def test_all_that_is_wrong_with_a_run_is_told(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    broken(9)
    assert pellucid("resume", "run").code == 0
    model, metrics = tmp_path / "run/model.safetensors", tmp_path / "run/metrics.jsonl"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    metrics.write_text(metrics.read_text().replace('"accuracy": 0.', '"accuracy": 0.9', 1))
    shown = pellucid("verify", "run", "--threads", "1")
    assert shown.code == 1
    config, changed, damaged, whole = shown.out.splitlines()
    assert config == "config.toml: whole"
    assert changed.startswith("metrics.jsonl: wrong: run/metrics.jsonl was changed: epoch 1 is {")
    assert damaged.startswith("model.safetensors: wrong: run/model.safetensors, byte 35: expected the SHA-256")
    assert whole == "checkpoint-000000036.safetensors: whole"
    assert shown.err.startswith(
        "error: metrics.jsonl, model.safetensors: damaged or changed; not replayed: run/model.safetensors, byte 35: "
    )


def test_a_run_that_began_from_other_weights_says_so(pellucid: Any, toy: Path) -> None:
    assert pellucid("train", "small", "--data", toy, *WORDS, "--out", "first").code == 0
    assert pellucid("train", "small", "--data", toy, *WORDS, "--weights", "first", "--out", "second").code == 0
    shown = pellucid("verify", "second", "--threads", "1")
    assert shown.code == 0
    assert shown.out.splitlines()[-1] == (
        "files whole; not replayed: second began from other weights than its seed draws, such as those of a file"
    )
    assert "there is no run 'nowhere'" in pellucid("verify", "nowhere").err


@pytest.mark.parametrize("name", ["run", "run/model.safetensors"])
@pytest.mark.parametrize("verb", ["evaluate", "predict", "export"])
def test_the_network_of_an_unfinished_run_is_used_with_a_note(
    verb: str, name: str, broken: Any, pellucid: Any, toy: Path, tmp_path: Path
) -> None:
    broken(9)
    np.save(tmp_path / "image.npy", np.zeros((1, 6, 6), np.uint8))
    words = {"evaluate": ("--data", toy), "predict": ("image.npy",), "export": ("model.onnx",)}
    shown = pellucid(verb, name, *words[verb])
    said = "note: run is interrupted after 9 of 36 steps (pellucid resume run); this is its network as saved last\n"
    assert shown.err.startswith(said)
    assert shown.code == 0 or "onnx" in shown.err
    assert pellucid("resume", "run").code == 0
    assert "note:" not in pellucid(verb, name, *words[verb]).err


def test_clipped_gradients_and_averages_go_on(broken: Any, pellucid: Any, toy: Path, tmp_path: Path) -> None:
    words = ("--clip-norm", "0.1", "--average", "0.9")
    for out, more in {"whole": words, "plain": ()}.items():
        assert pellucid("train", "small", "--data", toy, *WORDS, *more, "--out", out).code == 0
    broken(9, *words)
    assert pellucid("resume", "run").code == 0
    run, whole, plain = ((tmp_path / each / "model.safetensors").read_bytes() for each in ("run", "whole", "plain"))
    assert run == whole
    assert run != plain


def test_an_error_of_the_disk_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, pellucid: Any, toy: Path, tmp_path: Path
) -> None:
    class Full(p.Callback):
        sees_weights = False

        def on_epoch(self, training: Any) -> None:
            raise p.StorageError("cannot write it: the disk is full")

    def fit(*arguments: Any, callbacks: Any, **settings: Any) -> Any:
        return whole_fit(*arguments, callbacks=[*callbacks, Full()], **settings)

    monkeypatch.setattr(train_verb, "fit", fit)
    shown = pellucid("train", "small", "--data", toy, *WORDS, "--out", "run")
    assert shown.code == 1
    assert "the disk is full; to go on when that is put right: " in shown.err
    assert shown.err.rstrip().endswith(" resume run")


def test_how_often_checkpoints_are_written_is_as_it_was(pellucid: Any) -> None:
    assert "[default: as was said last]" in " ".join(pellucid("resume", "--help").out.replace("│", " ").split())
