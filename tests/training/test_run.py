"""The run directory: what it says, that it can be repeated from it, and that it is whole however training ends."""

import json
import tomllib
from dataclasses import dataclass

import numpy as np
import pytest

import pellucid as p
from pellucid import storage
from pellucid.data.dataset import digest
from pellucid.schedules import Cosine, WarmUp
from pellucid.training import Callback, saving
from pellucid.training import run as run_module
from pellucid.training.run import RunWriter, read_config

FILES = ["checkpoint-000000006.safetensors", "config.toml", "metrics.jsonl", "model.safetensors"]


def fit(network, data, out, **options):
    return p.fit(network, data, **{"epochs": 2, "batch_size": 8, "out": out, "progress": False, **options})


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def read_metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_whole(folder, network, epochs):
    """Config and model can be read, and the model is the network as it was left."""
    assert read_config(folder)["training"]["epochs"] >= epochs
    saved = p.load(folder)
    for path, parameter in network.parameters().items():
        np.testing.assert_array_equal(saved.parameters()[path].data, parameter.data, err_msg=path)
    metrics = folder / "metrics.jsonl"
    assert (len(read_metrics(folder)) if metrics.exists() else 0) == epochs


class InterruptAt(Callback):
    def __init__(self, step, moment="on_batch"):
        self._step = step
        setattr(self, moment, self._interrupt)

    def _interrupt(self, training):
        if training.step == self._step:
            raise KeyboardInterrupt


def test_a_run_holds_the_settings_the_measures_and_the_network(make, data, tmp_path):
    network, run = make(), tmp_path / "runs" / "first"
    history = fit(network, data, run, validation=0.2)
    assert sorted(content(run)) == FILES
    assert read_metrics(run) == history.epochs
    assert_whole(run, network, 2)
    assert p.evaluate(p.load(run / "model.safetensors"), data) == p.evaluate(network, data)


def test_the_config_says_what_was_told(make, data, tmp_path):
    network = make(seed=3)
    network["linear1"].weight.initializer = p.GlorotUniform()
    rest, _ = p.data.split(data, 0.2, seed=5)
    first_weights = digest(*(parameter.data for parameter in network.parameters().values()))
    fit(
        network, data, tmp_path, validation=0.2, seed=np.int64(5), loss=p.CrossEntropy(0.1, (1, 2, 3)),
        optimizer=p.SGD(np.float32(0.5), momentum=0.5, lr_scales={"conv1": 0.25}), schedule=WarmUp(2, Cosine(0.5)),
    )  # fmt: skip
    config = read_config(tmp_path)
    assert config["command"] == {}
    assert (config["format_version"], config["checkpoint_every"], config["callbacks"]) == (2, "30s", [])
    assert config["training"] == {
        "epochs": 2, "batch_size": 8, "seed": 5, "shuffle": True, "engine": "compiled", "augment": [],
        "validation": 0.2,
        "loss": {"name": "CrossEntropy", "label_smoothing": 0.1, "class_weights": [1.0, 2.0, 3.0]},
        "optimizer": {
            "name": "SGD", "lr": 0.5, "weight_decay": 0.0, "momentum": 0.5, "nesterov": False,
            "lr_scales": {"conv1": 0.25},
        },
        "schedule": {"name": "WarmUp", "steps": 2, "after": {"name": "Cosine", "final": 0.5}},
    }  # fmt: skip
    assert config["data"] == {
        "name": "stripes", "samples": len(rest), "shape": [1, 4, 4], "classes": 3, "sha256": rest.digest(),
    }  # fmt: skip
    assert config["network"] == {
        "seed": 3, "dtype": "float32", "parameters": 2 * 9 + 2 + 8 * 3 + 3, "first_weights_sha256": first_weights,
        "initializers": {
            "conv1.weight": {"name": "HeNormal"}, "conv1.bias": {"name": "Zeros"},
            "linear1.weight": {"name": "GlorotUniform"}, "linear1.bias": {"name": "Zeros"},
        },
    }  # fmt: skip
    assert config["versions"].keys() == {
        "pellucid", "numpy", "python", "machine", "engine", "fused_multiply_add"
    }  # fmt: skip
    assert config["versions"]["numpy"] == np.__version__


def test_data_given_beside_are_known_by_their_digest(make, data, tmp_path):
    drawn = np.random.default_rng(0).random(30)
    fit(make(), data, tmp_path, validation=data.subset([0, 1, 2]), sample_weight=drawn)
    training = read_config(tmp_path)["training"]
    assert training["validation"]["sha256"] == data.subset([0, 1, 2]).digest()
    assert training["validation"]["samples"] == 3
    assert training["sample_weight"] == {"shape": [30], "sha256": digest(drawn)}


def test_objects_of_ones_own_are_known_by_their_names(make, data, tmp_path):
    @dataclass(frozen=True)
    class Halves:
        every: int = 3

        def __call__(self, step, total_steps, steps_per_epoch):
            return 0.5 ** (step // self.every)

    def flat(step, total_steps, steps_per_epoch):
        return 1.0

    fit(make(), data, tmp_path / "a", schedule=Halves())
    fit(make(), data, tmp_path / "b", schedule=flat)
    assert read_config(tmp_path / "a")["training"]["schedule"] == {"name": "Halves", "every": 3}
    assert read_config(tmp_path / "b")["training"]["schedule"]["name"].endswith("flat")


def test_the_same_training_leaves_the_same_run(make, data, tmp_path):
    for name in ("a", "b"):
        fit(make(p.Dropout(0.2)), data, tmp_path / name, validation=0.2, seed=1)
    a, b = content(tmp_path / "a"), content(tmp_path / "b")
    assert a["config.toml"] == b["config.toml"]
    assert a["model.safetensors"] == b["model.safetensors"]
    lines = [[{**epoch, "seconds": 0} for epoch in read_metrics(tmp_path / name)] for name in "ab"]
    assert lines[0] == lines[1]


def test_other_first_weights_show(make, data, tmp_path):
    for seed in (0, 1):
        fit(make(seed=seed), data, tmp_path / str(seed))
    first, second = (read_config(tmp_path / name)["network"]["first_weights_sha256"] for name in "01")
    assert first != second


# ---- folders


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_anything_of_a_run_is_refused_and_stays_untouched(name, make, data, tmp_path, weights):
    (tmp_path / name).write_text("mine")
    (tmp_path / "notes.txt").write_text("more of mine")
    before, network = content(tmp_path), make()
    first = weights(network)
    with pytest.raises(p.ArgumentError) as caught:
        fit(network, data, tmp_path)
    assert str(caught.value) == f"{tmp_path} holds a run already; choose another folder"
    assert content(tmp_path) == before
    assert all((weights(network)[path] == first[path]).all() for path in first)


def test_a_folder_with_other_files_takes_a_run(make, data, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    fit(make(), data, tmp_path)
    checkpoint, *files = content(tmp_path)
    assert checkpoint.startswith("checkpoint-")
    assert files == [*FILES[1:], "notes.txt"]


def test_a_folder_that_cannot_be_made_changes_nothing(make, data, tmp_path, weights):
    (tmp_path / "file").write_text("")
    network = make()
    first = weights(network)
    with pytest.raises(p.StorageError, match="cannot make the folder"):
        fit(network, data, tmp_path / "file" / "run")
    assert all((weights(network)[path] == first[path]).all() for path in first)


# ---- ends


@pytest.mark.parametrize(("step", "epochs"), [(1, 0), (4, 0), (6, 1)])
@pytest.mark.parametrize("average", [None, 0.9])
def test_an_interrupt_between_steps_leaves_a_whole_run(step, epochs, average, make, data, tmp_path, weights):
    network = make()
    first = weights(network)
    with pytest.raises(KeyboardInterrupt):
        fit(network, data, tmp_path, callbacks=[InterruptAt(step)], optimizer=p.Adam(average=average))
    assert_whole(tmp_path, network, epochs)
    assert any((weights(network)[path] != first[path]).any() for path in first)


def test_an_interrupt_after_an_epoch_leaves_a_whole_run(make, data, tmp_path):
    network = make()
    with pytest.raises(KeyboardInterrupt):
        fit(network, data, tmp_path, callbacks=[InterruptAt(4, "on_epoch")], epochs=5)
    assert_whole(tmp_path, network, 1)


def test_what_callbacks_add_to_the_history_is_written(make, data, tmp_path):
    class Add(Callback):
        def on_epoch(self, training):
            training.history.epochs[-1]["mine"] = 10 * training.epoch

    fit(make(), data, tmp_path, callbacks=[Add()])
    assert [epoch["mine"] for epoch in read_metrics(tmp_path)] == [10, 20]


def test_a_loss_that_is_not_finite_leaves_the_last_good_weights(make, data, tmp_path):
    network = make()
    with pytest.raises(p.NonFiniteError):
        fit(network, data, tmp_path, optimizer=p.SGD(1e25), epochs=9)
    assert all(np.isfinite(parameter.data).all() for parameter in network.parameters().values())
    assert_whole(tmp_path, network, len(read_metrics(tmp_path)) if (tmp_path / "metrics.jsonl").exists() else 0)


@pytest.mark.parametrize(("step", "tried"), [(0, 1), (3, 2)])
def test_a_full_disk_is_told_by_the_write_that_met_it_first(step, tried, make, data, tmp_path, monkeypatch):
    """The network is not saved again before the first step; where it is, that this fails too is a note."""

    def write(path, *more, **named):
        if failed or path.name == f"checkpoint-{step:09}.safetensors":
            failed.append(path.name)
            raise p.StorageError(f"cannot write {path.name}")
        return real(path, *more, **named)

    failed, real = [], storage.write_file
    for module in (saving, storage):
        monkeypatch.setattr(module, "write_file", write)
    with pytest.raises(p.StorageError) as caught:
        fit(make(), data, tmp_path, checkpoint_every=3)
    assert str(caught.value) == f"cannot write checkpoint-{step:09}.safetensors"
    assert len(failed) == tried
    notes = [note for note in getattr(caught.value, "__notes__", []) if note.startswith("cannot write")]
    assert notes == (["cannot write model.safetensors"] if step else [])


# ---- reading


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(p.ModelFileError) as caught:
        read_config(tmp_path)
    assert str(caught.value) == f"{tmp_path} is no run: it has no config.toml; runs are made by `pellucid train`"


@pytest.mark.parametrize("text", [b"a = ", b"\xff\xfe", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000], ids=len)
def test_a_damaged_config_is_named(text, tmp_path):
    (tmp_path / "config.toml").write_bytes(text)
    with pytest.raises(p.ModelFileError) as caught:
        read_config(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'config.toml'} is damaged: ")


def test_a_config_can_be_read_by_anybody(make, data, tmp_path):
    fit(make(), data, tmp_path)
    with open(tmp_path / "config.toml", "rb") as file:
        assert tomllib.load(file) == read_config(tmp_path)


def test_what_is_not_finite_is_null_in_the_metrics(make, data, tmp_path):
    loud = (np.full((2, 1, 4, 4), 3e38, np.float32), [0, 1])
    network = make()
    network["conv1"].weight.data[...] = 10
    with np.errstate(all="ignore"):
        history = p.fit(network, data, validation=loud, epochs=1, out=tmp_path, progress=False)
    assert np.isnan(history.epochs[0]["val_loss"])

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line, parse_constant=refuse)["val_loss"] is None


def test_a_model_file_serves_in_place_of_its_run(make, data, tmp_path):
    fit(make(), data, tmp_path)
    one, other = p.load(tmp_path), p.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(p.predict(one, data.images), p.predict(other, data.images))


def test_of_two_trainings_that_begin_in_one_folder_at_once_one_is_refused(make, data, tmp_path, monkeypatch):
    run, look = tmp_path / "run", run_module.refuse_taken

    def look_just_before_the_other_begins(folder, *named):
        look(folder, *named)
        monkeypatch.setattr(run_module, "refuse_taken", look)
        fit(make(), data, run)

    monkeypatch.setattr(run_module, "refuse_taken", look_just_before_the_other_begins)
    with pytest.raises(p.ArgumentError, match="holds a run already"):
        fit(make(), data, run, seed=7)
    assert read_config(run)["training"]["seed"] == 0, "the first one's run is whole"
    assert len(read_metrics(run)) == 2


def test_a_training_is_one_run(make, data, tmp_path):
    with pytest.raises(p.ArgumentError) as caught:
        fit(make(), data, tmp_path / "run", callbacks=[RunWriter(tmp_path / "other")])
    folders = f"{tmp_path / 'other'} and {tmp_path / 'run'}"
    assert str(caught.value) == f"fit: expected one folder for the run, received {folders}; leave out all but one"
    assert list(tmp_path.iterdir()) == []
