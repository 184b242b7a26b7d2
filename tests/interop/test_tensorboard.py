"""Curves for TensorBoard, read back with its own reader."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, STEPS, BreakAt, images, network
from pellucid.interop import loggers

ROOT = Path(__file__).parents[2]
UNNAMED = "Adam-lr0.01-batch16"
"""What a training without a folder is called, by how it learns."""
REASON = "tensorboard is not installed: pip install '.[tensorboard]'"


@pytest.fixture
def curves():
    """Reads a folder: the points of each curve, and the histograms of each parameter, as (step, …)."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=REASON)

    def read(folder):
        found = accumulator.EventAccumulator(str(folder), {"scalars": 0, "histograms": 0}).Reload()
        points = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
        bars = {tag: [(e.step, e.histogram_value) for e in found.Histograms(tag)] for tag in found.Tags()["histograms"]}
        return points, bars

    return read


def test_the_settings_are_a_text(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=REASON)
    fit(p.TensorBoard(tmp_path), p.EarlyStopping("loss", patience=9))
    found = accumulator.EventAccumulator(str(tmp_path / UNNAMED), {"tensors": 0}).Reload()
    assert found.PluginTagToContent("text").keys() == {"settings"}
    (event,) = found.Tensors("settings")
    text = event.tensor_proto.string_val[0].decode()
    assert (event.step, text.splitlines()[:2]) == (0, ["| setting | value |", "|---|---|"])
    assert "| callbacks.EarlyStopping.patience | 9 |" in text
    assert "| training.optimizer.lr | " in text


def fit(*callbacks, **how):
    return p.fit(network(), images(), callbacks=callbacks, **{**HOW, **how})


def steps(points):
    return [step for step, _ in points]


def values(points):
    return [value for _, value in points]


def test_what_is_measured_is_in_the_curves(tmp_path, curves):
    rates = []

    class Rates(p.Callback):
        def on_batch(self, training):
            rates.append(training.lr)

    history = fit(p.TensorBoard(tmp_path, every=3), Rates())
    points, bars = curves(tmp_path / UNNAMED)
    assert steps(points["batch/loss"]) == list(range(1, 5 * STEPS + 1, 3))
    assert values(points["batch/loss"]) == pytest.approx(history.batches[::3], rel=1e-6)
    assert values(points["batch/lr"]) == pytest.approx(rates[::3], rel=1e-6)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"):
        assert steps(points[f"epoch/{name}"]) == [STEPS * epoch for epoch in range(1, 6)]
        assert values(points[f"epoch/{name}"]) == pytest.approx([each[name] for each in history.epochs], rel=1e-6)
    assert len(points) == 8
    assert bars == {}


def test_histograms_are_of_the_weights_after_each_epoch(tmp_path, curves):
    made = network()
    p.fit(made, images(), callbacks=[p.TensorBoard(tmp_path, histograms=True)], **HOW)
    _, bars = curves(tmp_path / UNNAMED)
    assert bars.keys() == made.parameters().keys()
    for path, parameter in made.parameters().items():
        assert steps(bars[path]) == [STEPS * epoch for epoch in range(1, 6)]
        last, weights = bars[path][-1][1], np.float64(parameter.data)
        assert (last.num, sum(last.bucket)) == (parameter.size, parameter.size)
        assert (last.min, last.max) == (weights.min(), weights.max())
        assert last.sum == pytest.approx(weights.sum(), rel=1e-9, abs=1e-9)


def test_hyperparameters_tell_trainings_apart(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=REASON)
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    fit(p.TensorBoard(tmp_path), epochs=1, schedule=p.schedules.Cosine(), seed=2**63)
    found = accumulator.EventAccumulator(str(tmp_path / UNNAMED)).Reload()
    (content,) = found.PluginTagToContent("hparams").values()
    told = HParamsPluginData.FromString(content).session_start_info.hparams
    assert (told["lr"].number_value, told["batch_size"].number_value) == (0.01, 16)
    assert (told["optimizer"].string_value, told["schedule"].string_value) == ("Adam", "Cosine")
    assert told["layers"].string_value == " ".join(type(layer).__name__ for layer in network())
    assert told["seed"].string_value == str(2**63)


def test_two_trainings_are_two_curves(tmp_path, curves):
    logs = tmp_path / "logs"
    fit(p.TensorBoard(logs), epochs=1)
    fit(p.TensorBoard(logs), epochs=1)
    fit(p.TensorBoard(logs), epochs=1, out=tmp_path / "lenet")
    fit(p.TensorBoard(logs, name="best"), epochs=1, out=tmp_path / "other")
    assert sorted(path.name for path in logs.iterdir()) == [UNNAMED, f"{UNNAMED}-2", "best", "lenet"]
    for folder in logs.iterdir():
        assert steps(curves(folder)[0]["epoch/loss"]) == [STEPS]


# ---- interrupted
KILLED = """
import os, signal, sys
from oracles import interrupted
import pellucid as p

class Kill(p.Callback):
    sees_weights = False
    def kill(self, training):
        if training.step == {step}:
            os.kill(os.getpid(), signal.SIGKILL)

kill = Kill()
kill.{moment} = kill.kill
p.fit(interrupted.network(), interrupted.images(), out="run", checkpoint_every={every},
      callbacks=[p.TensorBoard("logs", every=1, histograms=True), kill], **interrupted.HOW)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal here")
@pytest.mark.parametrize(
    ("moment", "step", "every"),
    [("on_batch", 15, 4), ("on_epoch", 16, 8), ("on_batch", 9, 8), ("on_batch", 7, 1000)],
)
def test_after_a_kill_the_curves_go_on_and_no_point_is_there_twice(moment, step, every, tmp_path, curves):
    code = KILLED.format(moment=moment, step=step, every=every)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, timeout=120)
    assert done.returncode == -signal.SIGKILL
    _, history = p.resume(tmp_path / "run", images(), progress=False)
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["run"]
    points, bars = curves(tmp_path / "logs" / "run")
    assert steps(points["batch/loss"]) == list(range(1, 5 * STEPS + 1))
    assert values(points["batch/loss"]) == pytest.approx(history.batches, rel=1e-6)
    assert steps(points["batch/lr"]) == list(range(1, 5 * STEPS + 1))
    for name in ("loss", "val_accuracy"):
        assert steps(points[f"epoch/{name}"]) == [STEPS * epoch for epoch in range(1, 6)]
        assert values(points[f"epoch/{name}"]) == pytest.approx([each[name] for each in history.epochs], rel=1e-6)
    assert all(steps(each) == [STEPS * epoch for epoch in range(1, 6)] for each in bars.values())


def test_an_error_in_between_changes_nothing_either(tmp_path, curves):
    with pytest.raises(ZeroDivisionError):
        fit(p.TensorBoard(tmp_path / "logs", every=2), BreakAt(13), out=tmp_path / "run")
    _, history = p.resume(tmp_path / "run", images(), progress=False)
    points, _ = curves(tmp_path / "logs" / "run")
    assert steps(points["batch/loss"]) == list(range(1, 5 * STEPS + 1, 2))
    assert values(points["batch/loss"]) == pytest.approx(history.batches[::2], rel=1e-6)


def test_a_copy_of_a_run_has_curves_of_its_own(tmp_path, curves):
    with pytest.raises(ZeroDivisionError):
        fit(p.TensorBoard(tmp_path / "logs", every=1), BreakAt(13), out=tmp_path / "run")
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    p.resume(tmp_path / "run", images(), progress=False)
    original = curves(tmp_path / "logs" / "run")[0]
    with pytest.warns(UserWarning, match="the run lies in another folder than when its log was begun; a new log"):
        p.resume(tmp_path / "copy", images(), progress=False)
    assert curves(tmp_path / "logs" / "run")[0] == original
    assert steps(curves(tmp_path / "logs" / "copy")[0]["batch/loss"]) == list(range(14, 5 * STEPS + 1))


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_a_run_that_is_reached_on_another_way_is_no_copy(tmp_path, curves):
    with pytest.raises(ZeroDivisionError):
        fit(p.TensorBoard(tmp_path / "logs", every=1), BreakAt(13), out=tmp_path / "run")
    (tmp_path / "link").symlink_to("run")
    p.resume(tmp_path / "link", images(), progress=False)
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["run"]


def test_a_run_in_the_folder_one_is_in_bears_its_name(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason=REASON)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    fit(p.TensorBoard(tmp_path / "logs"), epochs=1, out=".")
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["here"]


# ---- failing
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("every", [1, 100])
def test_a_log_that_fails_leaves_a_whole_run(every, tmp_path, curves):
    class Remove(p.Callback):
        def on_batch(self, training):
            if training.step == 12:
                shutil.rmtree(tmp_path / "logs")

    how = {"out": tmp_path / "run", "checkpoint_every": 4}
    with pytest.warns(UserWarning, match="TensorBoard: the log ends here, and the training goes on without it"):
        history = fit(p.TensorBoard(tmp_path / "logs", every=every), Remove(), **how)
    assert history.batches == fit().batches
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 5
    assert p.load(tmp_path / "run").parameters().keys() == network().parameters().keys()


def test_a_log_that_cannot_be_begun_is_refused_before_the_first_step(tmp_path):
    pytest.importorskip("tensorboard", reason=REASON)
    (tmp_path / "logs").write_text("a file")
    made = network()
    first = {path: each.data.copy() for path, each in made.parameters().items()}
    with pytest.raises(p.StorageError, match="a file has this name"):
        p.fit(made, images(), callbacks=[p.TensorBoard(tmp_path / "logs")], out=tmp_path / "run", **HOW)
    assert not (tmp_path / "run").exists()
    assert all(np.array_equal(each.data, first[path]) for path, each in made.parameters().items())


# ---- words
def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(p.MissingExtraError, match=r"pip install '\.\[tensorboard\]'"):
        p.TensorBoard("logs")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tensorbord:logs", "received 'tensorbord:logs'; did you mean 'tensorboard'?"),
        ("tensorboard:", "received 'tensorboard:'"),
        ("logs", "expected tensorboard:FOLDER or mlflow:URI, received 'logs'"),
    ],
)
def test_words_that_name_no_logger_are_refused(text, message):
    with pytest.raises(p.ArgumentError) as caught:
        loggers.by_name(text)
    assert message in str(caught.value)


def test_settings_are_checked(tmp_path):
    with pytest.raises(p.ArgumentError, match="every"):
        p.TensorBoard(tmp_path, every=0)


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\\b", "..", ".", "a\0b", "\ud800", "x" * 300, "ü" * 101, 3, ["a"]], ids=repr
)
def test_a_name_that_no_folder_can_have_is_refused(name, tmp_path):
    with pytest.raises(p.ArgumentError, match="name: expected "):
        p.TensorBoard(tmp_path, name=name)
