"""Trainings that were interrupted and resumed: the same bits as those that never were."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, STEPS, BreakAt, FailAt, images, network
from pellucid import inference
from pellucid.layers import Parameter
from pellucid.training import Callback, checkpoint, saving
from pellucid.training.interval import Interval

ROOT = Path(__file__).parents[2]


def course(network, history):
    """Return all that must be the same: weights and states as bytes, and what was measured but for the seconds."""
    values = {**network.parameters(), **network.states()}
    epochs = [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in history.epochs]
    return {path: each.data.tobytes() for path, each in values.items()}, history.batches, epochs


def whole(**how):
    made = network()
    return course(made, p.fit(made, images(), **{**HOW, **how}))


def broken(folder, step, moment="on_batch", callbacks=(), **how):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=folder, callbacks=[*callbacks, BreakAt(step, moment)], **{**HOW, **how})


def resumed(folder, **how):
    return course(*p.resume(folder, images(), progress=False, **how))


# ---- the same bits
@pytest.mark.parametrize("step", [1, 7, 8, 9, 16, 30, 40])
@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_a_resumed_training_is_the_one_that_was_never_interrupted(step, engine, tmp_path):
    broken(tmp_path, step, engine=engine)
    assert resumed(tmp_path, threads=1) == whole(engine=engine, threads=2)


@pytest.mark.parametrize("step", [8, 24, 40])
def test_it_may_be_interrupted_at_the_end_of_an_epoch(step, tmp_path):
    broken(tmp_path, step, "on_epoch")
    assert resumed(tmp_path) == whole()


def test_it_may_be_interrupted_again_and_again(tmp_path):
    broken(tmp_path, 5)
    for step in (6, 13, 13 + 8, 39):
        with pytest.raises(ZeroDivisionError):
            p.resume(tmp_path, images(), callbacks=[BreakAt(step)], progress=False)
    assert resumed(tmp_path) == whole()


@pytest.mark.parametrize("optimizer", [p.SGD(0.05), p.SGD(0.05, momentum=0.9, nesterov=True), p.AdamW(0.01)])
def test_it_goes_on_with_any_optimiser(optimizer, tmp_path):
    broken(tmp_path, 12, optimizer=optimizer)
    assert resumed(tmp_path) == whole(optimizer=optimizer)


AUGMENT = [p.augment.Crop(1), p.augment.Flip(0.3), p.augment.Affine(0.5, 0.1, 0.1, 0.1), p.augment.Cutout(2)]


MIXED = [p.augment.MixUp(0.4), *AUGMENT]


@pytest.mark.parametrize("augment", [AUGMENT, MIXED], ids=["alone", "mixed"])
@pytest.mark.parametrize("step", [5, 12, 16])
def test_it_goes_on_with_the_same_augmentation(step, augment, tmp_path):
    expected = whole(augment=augment, threads=3)
    assert expected != whole(), "it changes something"
    broken(tmp_path, step, augment=augment, threads=2)
    assert resumed(tmp_path, threads=1) == expected


def test_by_the_definitions_it_goes_on_with_the_same_mixtures(tmp_path):
    broken(tmp_path, 11, augment=MIXED, engine="numpy")
    assert resumed(tmp_path) == whole(augment=MIXED, engine="numpy")


def test_the_files_of_both_say_the_same(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    whole(out=one)
    broken(other, 21)
    resumed(other)
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in other.iterdir())
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert len((other / "metrics.jsonl").read_text().splitlines()) == 5


def test_what_callbacks_remember_is_restored(tmp_path):
    early = p.EarlyStopping("loss", patience=1, min_delta=0.25)
    expected = whole(callbacks=[early])
    assert len(expected[2]) < 5, "it stops early"
    broken(tmp_path, len(expected[2]) * STEPS - 3, callbacks=[early])
    assert resumed(tmp_path) == expected


# ---- ended when not everything belonged together
class Shrink(Callback):
    """Changes the weights after every step; it has nothing to remember."""

    def on_batch(self, training):
        weight = training.network.parameters()["linear1.weight"]
        weight.data = weight.data * np.float32(0.99)


@pytest.mark.parametrize("step", [24, 32])
def test_an_epoch_of_which_not_all_were_told_is_done_again(step, tmp_path):
    """The averages lie in the network then, and who stops early has not counted the epoch."""
    early = p.EarlyStopping("loss", patience=1, min_delta=0.25)
    expected = whole(callbacks=[early])
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, checkpoint_every=5, callbacks=[FailAt(step, "on_epoch"), early], **HOW)
    assert checkpoint.newest(tmp_path).state["step"] == step // 5 * 5
    assert resumed(tmp_path) == expected


def test_a_step_of_which_not_all_were_told_is_done_again(tmp_path):
    expected = whole(callbacks=[Shrink()])
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, checkpoint_every=5, callbacks=[FailAt(13), Shrink()], **HOW)
    assert checkpoint.newest(tmp_path).state["step"] == 10
    assert resumed(tmp_path, callbacks=[Shrink()]) == expected


@pytest.mark.parametrize("moment", ["on_batch", "on_epoch"])
def test_what_ends_a_training_in_order_waits_until_all_were_told(moment, tmp_path):
    expected = whole(callbacks=[Shrink()])
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, callbacks=[BreakAt(16, moment), Shrink()], **HOW)
    assert checkpoint.newest(tmp_path).state["step"] == 16
    assert resumed(tmp_path, callbacks=[Shrink()]) == expected


def test_validation_that_is_interrupted_leaves_a_checkpoint(tmp_path, monkeypatch):
    scores, times = inference.scores, iter(range(9))

    def interrupted(*given, **how):
        if next(times) == 2:
            raise KeyboardInterrupt
        return scores(*given, **how)

    monkeypatch.setattr("pellucid.training.course.scores", interrupted)
    with pytest.raises(KeyboardInterrupt):
        p.fit(network(), images(), out=tmp_path, checkpoint_every="1h", **HOW)
    monkeypatch.undo()
    assert (checkpoint.newest(tmp_path).state["step"], checkpoint.newest(tmp_path).state["epoch"]) == (24, 2)
    assert resumed(tmp_path) == whole()


def test_averages_that_are_half_put_back_leave_no_checkpoint(tmp_path, monkeypatch):
    class Interrupt(Callback):
        """Lets the weights of the third epoch be put back by halves."""

        sees_weights = False

        def on_epoch(self, training):
            if training.step == 24:
                monkeypatch.setattr(Parameter, "data", property(Parameter.data.fget, halfway), raising=True)

    times, setter = count(), Parameter.data.fset

    def halfway(parameter, data):
        if next(times) == 2:
            raise KeyboardInterrupt
        setter(parameter, data)

    with pytest.raises(KeyboardInterrupt):
        p.fit(network(), images(), out=tmp_path, checkpoint_every=5, callbacks=[Interrupt()], **HOW)
    monkeypatch.undo()
    assert checkpoint.newest(tmp_path).state["step"] == 20
    assert resumed(tmp_path) == whole()


# ---- kills
KILLED = """
import os, signal, sys
from oracles import interrupted
from pellucid.training import Callback
import pellucid as p

class Kill(Callback):
    sees_weights = False
    def on_batch(self, training):
        if training.step == {step}:
            os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "fit":
    p.fit(interrupted.network(), interrupted.images(), out="run", checkpoint_every={every}, callbacks=[Kill()],
          augment=[p.augment.by_name(text) for text in {augment}], **interrupted.HOW)
else:
    p.resume("run", interrupted.images(), checkpoint_every={every}, callbacks=[Kill()], progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal here")
@pytest.mark.parametrize(
    ("every", "steps", "augment"),
    [(1, (3, 17), []), (4, (15, 31), []), ("'1h'", (20, 25), []), (3, (10, 21), ["mixup:0.4", "crop:1"])],
)
def test_a_kill_loses_no_bit(every, steps, augment, tmp_path):
    for verb, step in zip(("fit", "resume"), steps, strict=True):
        code = KILLED.format(step=step, every=every, augment=augment)
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
        done = subprocess.run([sys.executable, "-c", code, verb], cwd=tmp_path, env=environment, timeout=120)
        assert done.returncode == -signal.SIGKILL
    assert resumed(tmp_path / "run") == whole(augment=[p.augment.by_name(text) for text in augment])


# ---- damaged and foreign checkpoints
def test_of_two_generations_the_whole_one_is_used(tmp_path):
    broken(tmp_path, 20, checkpoint_every=4)
    newest, before = checkpoint.files(tmp_path)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 4
    newest.write_bytes(content)
    with pytest.warns(UserWarning, match=f"{newest.name}.*; going on from {before.name}"):
        assert resumed(tmp_path) == whole()
    assert before.name == "checkpoint-000000016.safetensors"


def test_where_none_is_whole_the_first_fault_is_told(tmp_path):
    broken(tmp_path, 20, checkpoint_every=4)
    for path in checkpoint.files(tmp_path):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(p.ModelFileError, match=r"checkpoint-000000020\.safetensors.*No checkpoint is whole"):
        p.resume(tmp_path, images())


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("3", "it is of a newer Pellucid: update Pellucid to read it"),
        ("1", "it is of an older Pellucid, which this one reads no more: use that version"),
    ],
)
def test_another_version_is_refused_by_its_number(version, says, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "VERSION", version)
    broken(tmp_path, 20)
    monkeypatch.undo()
    with pytest.raises(
        p.ModelFileError,
        match=rf"000000020\.safetensors: expected a checkpoint of format version 2, found '{version}'; {says}",
    ):
        p.resume(tmp_path, images())
    assert checkpoint.files(tmp_path), "it is not damaged"


def test_a_checkpoint_without_what_it_began_from_is_none(tmp_path, monkeypatch):
    pieces = saving.pieces
    monkeypatch.setattr(saving, "pieces", lambda arrays, texts: texts.pop("config") and pieces(arrays, texts))
    broken(tmp_path, 20)
    with pytest.raises(p.ModelFileError, match=r"000000020\.safetensors: this checkpoint has no config; remove it"):
        p.resume(tmp_path, images())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: ((255 - x, y)), "was begun with other settings: data: the data are others; give the same$"),
        (lambda x, y: (x[:-1], y[:-1]), r"data: the data are others, 120 samples then and \d+ now; give the same"),
    ],
)
def test_other_data_are_refused(change, message, tmp_path):
    broken(tmp_path, 20)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(p.ArgumentError, match=message):
        p.resume(tmp_path, change(*images()), progress=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_callbacks_are_refused(tmp_path):
    class Remembering(Callback):
        def state(self):
            return {"number": 1}

    broken(tmp_path / "one", 20, callbacks=[Remembering()])
    with pytest.raises(
        p.ArgumentError, match=r"was begun with Remembering, of its own; give the same again, callbacks="
    ):
        p.resume(tmp_path / "one", images(), progress=False)
    broken(tmp_path / "two", 20)
    with pytest.raises(p.ModelFileError, match="remember something, none; received Remembering"):
        p.resume(tmp_path / "two", images(), callbacks=[Remembering()], progress=False)


def test_a_loss_of_ones_own_must_be_given_again(tmp_path):
    def own(step, total_steps, steps_per_epoch):
        return 0.5

    broken(tmp_path, 20, schedule=own)
    with pytest.raises(p.ArgumentError, match=r"schedule: the run was begun with one of its own, .*; give the same"):
        p.resume(tmp_path, images(), progress=False)
    assert resumed(tmp_path, schedule=own) == whole(schedule=own)


def test_a_finished_run_is_not_resumed(tmp_path):
    whole(out=tmp_path)
    with pytest.raises(p.ArgumentError, match=r"is finished: 5 epochs are done, .+ weights: p\.fit\(p\.load\("):
        p.resume(tmp_path, images())


def test_a_run_without_a_checkpoint_says_so(tmp_path):
    whole(out=tmp_path)
    for path in checkpoint.files(tmp_path):
        path.unlink()
    with pytest.raises(p.ModelFileError, match="ended before its first step; train again"):
        p.resume(tmp_path, images())


# ---- how often
@pytest.mark.parametrize(
    ("text", "interval"),
    [
        (500, Interval(steps=500)), ("500", Interval(steps=500)), ("30s", Interval(seconds=30)),
        ("1.5 min", Interval(seconds=90)), ("2h", Interval(seconds=7200)),
    ],
)  # fmt: skip
def test_intervals(text, interval):
    assert Interval.of(text) == interval


@pytest.mark.parametrize("text", ["0", 0, "0s", "-1", "soon", "", "1d", 2.5, True])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(p.ArgumentError, match="checkpoint_every"):
        Interval.of(text)


@pytest.fixture
def written(monkeypatch):
    """The steps of the checkpoints that are written, as they come."""
    found, put = [], saving.write_file
    monkeypatch.setattr(saving, "write_file", lambda path, data: (found.append(int(path.name[11:20])), put(path, data)))
    return found


def test_checkpoints_are_written_as_often_as_asked(tmp_path, written):
    whole(out=tmp_path, checkpoint_every=15)
    assert written == [0, 15, 30, 40, 40]


def test_how_often_is_remembered_by_what_is_written_next(tmp_path, written):
    """And not by the config: that says what the run was begun with, and stays as it is."""
    broken(tmp_path, 12, checkpoint_every=15)
    config = (tmp_path / "config.toml").read_bytes()
    for step, how in ((16, {"checkpoint_every": 7}), (23, {})):
        with pytest.raises(ZeroDivisionError):
            p.resume(tmp_path, images(), callbacks=[BreakAt(step)], progress=False, **how)
    assert resumed(tmp_path) == whole()
    assert written == [0, 12, 14, 16, 21, 23, 28, 35, 40, 40]
    assert (tmp_path / "config.toml").read_bytes() == config
    assert checkpoint.known_config(tmp_path).table["checkpoint_every"] == 15


def test_a_checkpoint_that_does_not_say_how_often_leaves_it_to_the_config(tmp_path, written, monkeypatch):
    broken(tmp_path, 12, checkpoint_every=15)
    real = checkpoint.read

    def older(path, *more):
        found = real(path, *more)
        return replace(found, state={name: each for name, each in found.state.items() if name != "checkpoint_every"})

    monkeypatch.setattr(checkpoint, "read", older)
    resumed(tmp_path)
    assert written == [0, 12, 15, 30, 40, 40]


def test_checkpoints_need_a_folder():
    with pytest.raises(p.ArgumentError, match="checkpoint_every: checkpoints lie in the folder of a run"):
        p.fit(network(), images(), checkpoint_every=5)


# ---- two at once
def test_a_run_is_trained_by_one_process_at_a_time(tmp_path):
    class Look(Callback):
        sees_weights = False

        def on_epoch(self, training):
            with pytest.raises(p.ArgumentError, match="is being trained by another process; wait for it, or end it"):
                p.resume(tmp_path, images(), progress=False)

    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, checkpoint_every=4, callbacks=[Look(), BreakAt(12)], **HOW)
    assert resumed(tmp_path) == whole()


def test_what_killed_processes_have_left_is_removed(tmp_path):
    broken(tmp_path, 12)
    (tmp_path / ".pellucid-0123456789abcdef.tmp").write_bytes(b"half a checkpoint")
    resumed(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jsonl", ".safetensors", ".safetensors", ".toml"]
