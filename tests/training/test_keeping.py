"""Stopping when nothing improves any more, and the networks of the best epochs."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.training import Callback
from pellucid.training.run import read_config


class Script(Callback):
    """Writes given numbers into the history, and notes the weights of each epoch."""

    def __init__(self, name, numbers):
        self._name, self._numbers, self.weights = name, numbers, []

    def on_epoch(self, training):
        training.history.epochs[-1][self._name] = self._numbers[training.epoch - 1]
        self.weights.append(training.network.parameters()["linear1.weight"].data.copy())


def trained(callback, numbers, name="val_loss"):
    """Return the network, the epochs that were done, and the weights after each, where epochs measure these numbers."""
    rng = np.random.default_rng(0)
    network = p.Sequential([p.Flatten(), p.Linear(4, 2)], input_shape=(1, 2, 2))
    script = Script(name, numbers)
    data = rng.random((20, 1, 2, 2), np.float32), rng.integers(0, 2, 20)
    history = p.fit(network, data, epochs=len(numbers), callbacks=[script, callback], progress=False)
    return network.parameters()["linear1.weight"].data, len(history.epochs), script.weights


@pytest.mark.parametrize(
    ("numbers", "patience", "epochs", "best"),
    [
        ([3, 2, 1, 2, 3, 4], 2, 5, 3),
        ([3, 2, 1, 2, 1, 0.5], 2, 5, 3),
        ([3, 2, 1, 2, 0.5, 1], 2, 6, 5),
        ([3, 3, 3, 3], 1, 2, 1),
        ([math.nan, 2, math.nan, 3], 2, 4, 2),
        ([math.nan, math.nan, math.nan], 2, 3, 1),
    ],
)
def test_it_stops_after_epochs_without_an_improvement_and_takes_the_best_back(numbers, patience, epochs, best):
    early = p.EarlyStopping(patience=patience)
    weights, done, after = trained(early, numbers)
    assert done == epochs
    assert early.best_epoch == best
    assert early.stopped_epoch == (done if done - best >= patience else 0)
    assert np.array_equal(weights, after[best - 1])


def test_of_accuracies_the_largest_is_the_best():
    weights, done, after = trained(p.EarlyStopping("mine_accuracy", 2), [0.1, 0.5, 0.4, 0.3, 0.9], "mine_accuracy")
    assert done == 4
    assert np.array_equal(weights, after[1])


def test_a_small_improvement_may_be_none():
    _, done, _ = trained(p.EarlyStopping(patience=2, min_delta=0.5), [3, 2.8, 2.6, 2.4, 2.2])
    assert done == 3


def test_the_last_weights_may_stay():
    weights, done, after = trained(p.EarlyStopping(patience=1, restore_best=False), [1, 2, 3])
    assert done == 2
    assert np.array_equal(weights, after[-1])


def test_the_best_are_kept(tmp_path):
    _, _, after = trained(p.KeepBest(tmp_path / "best", count=2), [3, 2, 4, 1, 1, math.nan])
    kept = sorted(path.name for path in (tmp_path / "best").iterdir())
    assert kept == ["epoch-004.safetensors", "epoch-005.safetensors"]
    network = p.load(tmp_path / "best" / kept[0])
    assert np.array_equal(network.parameters()["linear1.weight"].data, after[3])


def test_the_networks_of_another_training_are_not_replaced(tmp_path):
    trained(p.KeepBest(tmp_path), [3, 2, 1])
    with pytest.raises(p.ArgumentError, match=r"holds epoch-003.safetensors of another training already; choose anoth"):
        trained(p.KeepBest(tmp_path), [3, 2, 1])


def test_of_equally_good_epochs_the_earlier_is_kept(tmp_path):
    trained(p.KeepBest(tmp_path), [2, 2, 2])
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-001.safetensors"]


def test_the_files_that_are_kept_are_told_the_best_first(tmp_path):
    best = p.KeepBest(tmp_path, count=3)
    assert (best.paths, best.best_path) == ([], None)
    trained(best, [3, 1, 2, 1, 5])
    assert best.paths == [tmp_path / f"epoch-00{epoch}.safetensors" for epoch in (2, 4, 3)]
    assert best.best_path == best.paths[0]


def test_without_a_run_a_relative_folder_lies_where_training_began(tmp_path, monkeypatch):
    class Leave(Callback):
        def on_epoch(self, training):
            os.chdir(tmp_path / "elsewhere")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    best = p.KeepBest(monitor="loss")
    p.fit(network(), images(), callbacks=[Leave(), best], **HOW)
    assert best.best_path.parent == tmp_path / "best"
    assert best.best_path.exists()


def test_a_run_that_is_moved_takes_its_best_networks_along(tmp_path):
    where = {"callbacks": [p.KeepBest(count=2)], **HOW}
    p.fit(network(), images(), out=tmp_path / "whole", **where)
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path / "old", **{**where, "callbacks": [p.KeepBest(count=2), BreakAt(21)]})
    assert read_config(tmp_path / "old")["callbacks"][0]["folder"] == "best"
    (tmp_path / "old").rename(tmp_path / "new")
    p.resume(tmp_path / "new", images(), progress=False)
    assert not (tmp_path / "old").exists()
    kept = {path.name: path.read_bytes() for path in (tmp_path / "new/best").iterdir()}
    assert kept == {path.name: path.read_bytes() for path in (tmp_path / "whole/best").iterdir()}
    assert len(kept) == 2


def test_where_one_was_killed_as_a_network_was_kept_nothing_is_left_of_that(tmp_path):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path / "run", **{**HOW, "callbacks": [p.KeepBest(), BreakAt(21)]})
    stump = tmp_path / "run/best/.pellucid-0123456789abcdef.tmp"
    stump.write_bytes(b"half a network")
    p.resume(tmp_path / "run", images(), progress=False)
    assert not stump.exists()
    assert [path.suffix for path in (tmp_path / "run/best").iterdir()] == [".safetensors"]


def test_a_folder_that_holds_a_run_already_stays_as_it_is(tmp_path):
    p.fit(network(), images(), out=tmp_path, **HOW)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(p.ArgumentError, match="holds a run already"):
        p.fit(network(), images(), out=tmp_path, callbacks=[p.KeepBest()], **HOW)
    assert sorted(tmp_path.iterdir()) == before


def test_an_absolute_folder_stays_where_it_is(tmp_path):
    best = p.KeepBest(tmp_path / "best")
    p.fit(network(), images(), out=tmp_path / "run", callbacks=[best], **HOW)
    assert best.best_path.parent == tmp_path / "best"
    assert Path(read_config(tmp_path / "run")["callbacks"][0]["folder"]) == tmp_path / "best"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: p.EarlyStopping(patience=0), "patience: expected a whole number of at least 1"),
        (lambda: p.EarlyStopping(min_delta=-1), "min_delta: expected a number of at least 0"),
        (lambda: p.KeepBest("x", count=0), "count: expected a whole number of at least 1"),
        (
            lambda: trained(p.EarlyStopping("val_accuracy"), [1, 2]),
            "monitor: expected one of loss, accuracy, val_loss, received 'val_accuracy'; validation=… measures",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(p.ArgumentError, match=message):
        make()


@pytest.mark.parametrize("callback", [p.EarlyStopping(), p.KeepBest(monitor="val_accuracy")])
def test_a_measure_of_validation_needs_one_before_the_first_step(callback, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    how = {name: value for name, value in HOW.items() if name != "validation"}
    with pytest.raises(
        p.ArgumentError, match=r"monitor: 'val_.*' is measured with validation=… only, and none is given"
    ):
        p.fit(network(), images(), callbacks=[callback], out="run", **how)
    assert list(tmp_path.iterdir()) == []
