"""Runs that go on although something of them is damaged, older, or made elsewhere; and those that are in use."""

import math
import multiprocessing
import time
from dataclasses import dataclass

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.locking import locked
from pellucid.training import Callback, checkpoint
from pellucid.training import config as config_module
from pellucid.training.config import RunConfig


def weights(made):
    return {path: each.data.tobytes() for path, each in {**made.parameters(), **made.states()}.items()}


@pytest.fixture(scope="module")
def whole():
    made = network()
    p.fit(made, images(), **HOW)
    return weights(made)


@pytest.fixture
def run(tmp_path):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path / "run", checkpoint_every=5, callbacks=[BreakAt(20)], **HOW)
    return tmp_path / "run"


def resumed(folder, **how):
    return weights(p.resume(folder, images(), progress=False, **how)[0])


def flip(path, place=-1):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def names(folder):
    return [path.name for path in checkpoint.files(folder)]


# ---- damage
@pytest.mark.filterwarnings("ignore:.*going on from checkpoint")
def test_a_damaged_newest_checkpoint_counts_no_more(run, whole):
    assert names(run) == ["checkpoint-000000020.safetensors", "checkpoint-000000015.safetensors"]
    flip(checkpoint.files(run)[0])
    seen = []

    class Look(Callback):
        def on_batch(self, training):
            seen.append((training.step, len(names(run)), (run / f"{damaged}").exists()))

    damaged = "checkpoint-000000020.safetensors.damaged"
    with pytest.raises(ZeroDivisionError):
        p.resume(run, images(), callbacks=[Look(), BreakAt(18)], checkpoint_every=1, progress=False)
    assert seen == [(16, 1, True), (17, 2, True), (18, 2, True)]
    assert names(run) == ["checkpoint-000000018.safetensors", "checkpoint-000000017.safetensors"]
    assert resumed(run) == whole


@pytest.mark.filterwarnings("ignore:.*going on from checkpoint")
def test_a_run_that_ends_before_a_damaged_checkpoint_is_finished(run):
    flip(checkpoint.files(run)[0])

    class Stop(Callback):
        def on_batch(self, training):
            if training.step == 17:
                training.stop()

    p.resume(run, images(), callbacks=[Stop()], progress=False)
    assert names(run) == ["checkpoint-000000017.safetensors"]
    assert checkpoint.newest(run).finished


def test_what_is_refused_sets_nothing_aside(run):
    flip(checkpoint.files(run)[0])
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    x, y = images()
    with (
        pytest.warns(UserWarning, match="going on from checkpoint-000000015"),
        pytest.raises(p.ArgumentError, match="other settings"),
    ):
        p.resume(run, (255 - x, y), progress=False)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.parametrize("damage", [flip, lambda path: flip(path, 30), lambda path: path.unlink()])
def test_the_model_file_is_made_anew(damage, run, whole):
    damage(run / "model.safetensors")
    assert resumed(run) == whole
    assert weights(p.load(run)) == whole


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(path.read_text().replace("lr = 0.01", "lr = 0.02")),
        lambda path: path.write_bytes(b"\xff" + path.read_bytes()),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
)
def test_the_config_is_written_as_it_was(damage, run, whole):
    before = (run / "config.toml").read_bytes()
    damage(run / "config.toml")
    with pytest.warns(UserWarning, match=r"config\.toml was (changed|missing).*it is written anew as it was"):
        assert resumed(run) == whole
    assert (run / "config.toml").read_bytes() == before


def test_a_comment_in_the_config_is_left(run, whole):
    with (run / "config.toml").open("a") as file:
        file.write("# my best run\n")
    assert resumed(run) == whole
    assert (run / "config.toml").read_text().endswith("# my best run\n")


def test_a_run_whose_config_is_written_anew_is_held_by_one(run):
    (run / "config.toml").write_bytes(b"")

    class Look(Callback):
        sees_weights = False

        def on_epoch(self, training):
            with pytest.raises(p.ArgumentError, match="is being trained by another process"):
                p.resume(run, images(), progress=False)
            looked.append(training.epoch)

    looked = []
    with pytest.warns(UserWarning, match="written anew"):
        p.resume(run, images(), callbacks=[Look()], progress=False)
    assert looked == [3, 4, 5]


# ---- versions
def test_other_versions_are_named(run, monkeypatch, whole):
    monkeypatch.setattr(config_module, "VERSION", "9.9")
    monkeypatch.setattr(config_module.np, "__version__", "1.0")
    with pytest.warns(UserWarning, match="other versions") as caught:
        assert resumed(run) == whole
    (text,) = [str(each.message) for each in caught]
    assert text.startswith(f"{run} was begun with other versions, or on another machine, so the last bits may come out")
    assert "pellucid was '0.1.0' and is '9.9' now; numpy was " in text
    assert "python" not in text


def test_a_processor_of_another_kind_is_named(run, monkeypatch):
    monkeypatch.setenv("PELLUCID_ISA", "generic")
    with pytest.warns(UserWarning, match="fused_multiply_add was True and is False now"):
        resumed(run)


def as_if_written(folder, change):
    """Let the config, and the copies of it, be as an older version wrote them."""

    def parsed(content, where):
        found = RunConfig(config_module.parse_toml(content), where)
        table = {name: dict(value) if isinstance(value, dict) else value for name, value in found.table.items()}
        change(table)
        return RunConfig(table, where)

    return parsed


def test_what_an_older_version_did_not_know_has_its_default(run, monkeypatch, whole):
    def older(table):
        del table["training"]["augment"]
        table["training"]["optimizer"] = {"name": "Adam", "lr": 0.01, "average": 0.9, "clip_norm": 1.0}

    monkeypatch.setattr(RunConfig, "parsed", as_if_written(run, older))
    assert resumed(run) == whole


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("3", "expected the config of a run of format version 2, found 3; it is of a newer Pellucid: update Pellucid"),
        ("1", "expected the config of a run of format version 2, found 1; it is of an older Pellucid, which this one"),
        ('""', "found ''; the file is damaged"),
        ('"two"', "found 'two'; the file is damaged"),
        ("true", "found True; the file is damaged"),
    ],
)
def test_a_config_of_another_format_is_refused_by_name(version, says, run):
    text = (run / "config.toml").read_text().replace("format_version = 2", f"format_version = {version}")
    (run / "config.toml").write_text(text)
    with pytest.raises(p.ModelFileError) as caught:
        RunConfig.read(run)
    assert str(caught.value).startswith(f"{run / 'config.toml'}: ")
    assert says in str(caught.value)


# ---- settings that are the same
def test_data_may_be_called_otherwise(tmp_path, whole):
    x, y = images()
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), p.Dataset(x, y, name="photos"), out=tmp_path, callbacks=[BreakAt(20)], **HOW)
    made, _ = p.resume(tmp_path, p.Dataset(x, y, ("a", "b", "c"), "moved"), progress=False)
    assert weights(made) == whole


def test_an_optimiser_of_ones_own_is_given_again(tmp_path):
    class Mine(p.SGD):
        pass

    how = {**HOW, "optimizer": Mine(0.05, momentum=0.9)}
    made = network()
    p.fit(made, images(), **how)
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, callbacks=[BreakAt(20)], **how)
    with pytest.raises(
        p.ArgumentError, match="optimizer: the run was begun with one of its own, 'Mine'; give the same"
    ):
        resumed(tmp_path)
    with pytest.raises(p.ArgumentError, match=r"training\.optimizer\.momentum was 0\.9 and is 0\.5 now"):
        resumed(tmp_path, optimizer=Mine(0.05, momentum=0.5))
    assert resumed(tmp_path, optimizer=Mine(0.05, momentum=0.9)) == weights(made)


# ---- held by another one
def hold(path, seconds, held):
    with locked(path, shared=True) as free:
        held.send(bool(free))
        time.sleep(seconds)


def test_who_looks_for_a_moment_does_not_stand_in_the_way(run, whole):
    here, there = multiprocessing.Pipe()
    (run / ".lock").touch()
    looking = multiprocessing.get_context("fork").Process(target=hold, args=(run / ".lock", 0.3, there))
    looking.start()
    assert here.recv() is True
    assert resumed(run) == whole
    looking.join()


@pytest.mark.parametrize("how", ["fit", "resume"])
def test_a_callback_that_fails_at_the_end_leaves_the_run_to_others(how, tmp_path, whole):
    class Fail(Callback):
        sees_weights = False

        def on_end(self, training, error):
            raise RuntimeError("at the end")

    with pytest.raises(RuntimeError, match="at the end"):
        p.fit(network(), images(), out=tmp_path, callbacks=[Fail()], **HOW)
    if how == "resume":
        with pytest.raises(RuntimeError, match="at the end"):
            p.resume(tmp_path, images(), callbacks=[Fail()], progress=False)
    assert resumed(tmp_path) == whole


def test_settings_are_as_read(run):
    assert RunConfig.read(run).table["training"]["optimizer"]["betas"] == [0.9, 0.999]
    assert np.isclose(RunConfig.read(run).fit_arguments()["validation"], 0.2)


# ---- an epoch that was to be the last, and callbacks that cannot go on
def test_an_epoch_that_was_asked_to_be_the_last_is_counted_where_it_was_interrupted(tmp_path):
    class Budget(Callback):
        def on_batch(self, training):
            if training.step == 20:
                training.stop()

    made = network()
    expected = p.fit(made, images(), callbacks=[Budget()], **HOW)
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, callbacks=[Budget(), BreakAt(20)], **HOW)
    resumed_network, history = p.resume(tmp_path, images(), callbacks=[Budget()], progress=False)
    assert len(history.epochs) == len(expected.epochs) == 3
    assert history.batches == expected.batches
    assert weights(resumed_network) == weights(made)


def test_a_callback_that_cannot_go_on_leaves_network_and_files_as_they_are(tmp_path):
    class Other(Callback):
        def state(self):
            return {"a": 1}

        def restore(self, state):
            raise KeyError("b")

    folder = tmp_path / "other"
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=folder, callbacks=[Other(), BreakAt(20)], **HOW)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(p.ModelFileError, match="Other finds nothing called 'b' in what it remembered"):
        p.resume(folder, images(), callbacks=[Other()], progress=False)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# ---- what cannot be read again, and what is other
@dataclass
class Told(Callback):
    numbers: object

    sees_weights = False


@pytest.mark.parametrize("value", [[0.123456789] * 100_000, 10**30, "\ud800"])
def test_what_could_not_be_read_again_is_refused_before_anything_is_written(value, tmp_path):
    with pytest.raises(p.ArgumentError, match=r"callbacks\.Told\.numbers: a run could not read this again"):
        p.fit(network(), images(), out=tmp_path / "run", callbacks=[Told(value)], **HOW)
    assert not (tmp_path / "run").exists()


def test_a_number_that_is_none_is_the_same_as_it_was(tmp_path):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, callbacks=[Scaled(math.nan), BreakAt(12)], **HOW)
    p.resume(tmp_path, images(), callbacks=[Scaled(math.nan)], progress=False)


@dataclass
class Scaled(Callback):
    by: float


def test_of_another_object_only_the_class_is_named(run):
    with pytest.raises(
        p.ArgumentError, match=r"begun with other settings: training\.optimizer was 'Adam' and is 'SGD' now$"
    ):
        p.resume(run, images(), optimizer=p.SGD(0.1), progress=False)


def test_where_no_checkpoint_is_whole_the_weights_are_named(run):
    for path in checkpoint.files(run):
        flip(path)
    with pytest.raises(p.ModelFileError, match=r"No checkpoint is whole; model\.safetensors has .* train … --weights"):
        p.resume(run, images(), progress=False)


def test_another_schedule_of_the_same_name_is_told(tmp_path):
    how = {**HOW, "schedule": lambda *_: 1.0}
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, callbacks=[BreakAt(12)], **how)
    with pytest.warns(UserWarning, match=r"schedule: step 12 had the learning rate 0\.01, and would have 1e-05 now"):
        p.resume(tmp_path, images(), schedule=lambda *_: 0.001, progress=False)


@pytest.mark.parametrize("state", [None, [1]])
def test_what_a_callback_remembers_is_a_mapping(state, tmp_path):
    class Odd(Callback):
        def state(self):
            return state

    with pytest.raises(p.ArgumentError, match=r"Odd\.state\(\): expected a mapping, \{\} for nothing, received"):
        p.fit(network(), images(), out=tmp_path, callbacks=[Odd()], **HOW)


def test_a_training_ends_with_an_exception():
    class Text(Callback):
        def on_batch(self, training):
            training.end("enough")

    with pytest.raises(p.ArgumentError, match=r"end: expected an exception, .* received 'enough'"):
        p.fit(network(), images(), callbacks=[Text()], **HOW)


def test_an_error_of_the_disk_says_how_to_go_on(tmp_path, monkeypatch):
    class Full(Callback):
        sees_weights = False

        def on_batch(self, training):
            raise p.StorageError("the disk is full")

    with pytest.raises(p.StorageError) as caught:
        p.fit(network(), images(), out=tmp_path, callbacks=[Full()], **HOW)
    assert caught.value.__notes__ == [f"to go on when that is put right: p.resume({str(tmp_path)!r}, …)"]
