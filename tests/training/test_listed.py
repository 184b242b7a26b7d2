"""Which callbacks a run was begun with, and that it goes on with the same in the same order."""

from dataclasses import dataclass

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.training import Callback
from pellucid.training.config import RunConfig

LIBRARY_STOP = {
    "name": "EarlyStopping", "monitor": "loss", "patience": 9, "min_delta": 0.0, "restore_best": True
}  # fmt: skip


class Measure(Callback):
    """Measures what `EarlyStopping` goes by, so it must be told before that."""

    def on_epoch(self, training):
        training.history.epochs[-1]["my_accuracy"] = 1 / training.epoch


class Shrink(Callback):
    """Changes the weights, and remembers nothing."""

    def on_batch(self, training):
        weight = training.network.parameters()["linear1.weight"]
        weight.data = weight.data * np.float32(0.9)


@dataclass
class Every(Callback):
    steps: int = 3

    def state(self):
        return {"steps": self.steps}


def weights(made):
    return {path: each.data.tobytes() for path, each in made.parameters().items()}


def broken(folder, *callbacks, step=20):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=folder, callbacks=[*callbacks, BreakAt(step)], **HOW)


def resume(folder, *callbacks):
    return p.resume(folder, images(), callbacks=callbacks, progress=False)


def test_all_callbacks_are_listed_in_their_order(tmp_path):
    broken(tmp_path, Measure(), p.EarlyStopping("loss", 9), Every(4), Shrink())
    assert RunConfig.read(tmp_path).table["callbacks"] == [
        {"name": "Measure"}, LIBRARY_STOP, {"name": "Every", "steps": 4}, {"name": "Shrink"},
        {"name": "BreakAt", "watches": True},
    ]  # fmt: skip


def test_those_of_ones_own_come_before_the_librarys_again(tmp_path):
    whole = network()
    expected = p.fit(whole, images(), callbacks=[Measure(), p.EarlyStopping("my_accuracy", 2)], **HOW)
    assert len(expected.epochs) == 3, "it stops early"
    broken(tmp_path, Measure(), p.EarlyStopping("my_accuracy", 2))
    made, history = resume(tmp_path, Measure())
    assert [len(history.epochs), weights(made)] == [3, weights(whole)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_what_remembers_gets_its_own_back_whatever_the_order_given(order, tmp_path):
    began = [Every(4), p.EarlyStopping("loss", 9), Shrink()]
    broken(tmp_path, *began)
    whole = network()
    p.fit(whole, images(), callbacks=began, **HOW)
    again = [Every(4), p.EarlyStopping("loss", 9), Shrink()]
    made, _ = resume(tmp_path, *(again[place] for place in order))
    assert weights(made) == weights(whole)


def test_one_that_is_missing_is_named_also_where_it_remembers_nothing(tmp_path):
    broken(tmp_path, Shrink(), p.EarlyStopping("loss", 9), Measure())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(p.ArgumentError) as caught:
        resume(tmp_path, Measure())
    assert str(caught.value) == (
        "callbacks: the run was begun with Shrink, of its own; give the same again, callbacks=[Shrink(…)], for without "
        "it this would be another training"
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_settings_are_refused(tmp_path):
    broken(tmp_path, Every(4), p.EarlyStopping("loss", 9))
    with pytest.raises(p.ArgumentError, match=r"Every\.steps was 4 as the run was begun, received 5; give it the set"):
        resume(tmp_path, Every(5))
    with pytest.raises(p.ArgumentError, match=r"EarlyStopping\.patience was 9 as the run was begun, received 8"):
        resume(tmp_path, Every(4), p.EarlyStopping("loss", 8))


def test_what_belongs_to_the_program_is_not_listed(tmp_path):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, callbacks=[BreakAt(3)], **{**HOW, "progress": True})
    assert [each["name"] for each in RunConfig.read(tmp_path).table["callbacks"]] == ["BreakAt"]
