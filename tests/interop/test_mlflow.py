"""Runs of MLflow, in a store in a file."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network

ROOT = Path(__file__).parents[2]
REASON = "mlflow is not installed: pip install '.[mlflow]'"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the package's own, of what it is built on


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A store that is empty, to be copied: making one takes some seconds."""
    mlflow = pytest.importorskip("mlflow", reason=REASON)
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(empty, tmp_path, monkeypatch):
    """The client of a store of this test's own."""
    import mlflow

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty, tmp_path)
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")


def runs(store):
    return store.search_runs([store.get_experiment_by_name("pellucid").experiment_id])


def fit(*callbacks, **how):
    return p.fit(network(), images(), callbacks=callbacks, **{**HOW, **how})


def measured(store, run, name):
    return [(metric.step, metric.value) for metric in store.get_metric_history(run.info.run_id, name)]


def test_a_run_has_settings_measures_and_the_network(store, tmp_path):
    made = network()
    history = p.fit(made, images(), callbacks=[p.MLflow(), p.EarlyStopping("loss")], out="lenet", **HOW)
    (run,) = runs(store)
    assert (run.info.run_name, run.info.status) == ("lenet", "FINISHED")
    assert run.data.params["training.optimizer.name"] == "Adam"
    assert float(run.data.params["training.optimizer.lr"]) == 0.01
    assert run.data.params["training.batch_size"] == "16"
    assert run.data.params["data.samples"] == "120"
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"):
        assert measured(store, run, name) == [(each["epoch"], each[name]) for each in history.epochs]
    (file,) = store.list_artifacts(run.info.run_id)
    assert file.path == "model.safetensors"
    kept = p.load(store.download_artifacts(run.info.run_id, file.path, str(tmp_path)))
    assert all(np.array_equal(each.data, made.parameters()[path].data) for path, each in kept.parameters().items())


def test_without_a_run_it_is_the_same_network(store, tmp_path):
    made, elsewhere = network(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy("mlflow.db", elsewhere)
    logger = p.MLflow("sqlite:///elsewhere/mlflow.db", experiment="mine", name="best")
    p.fit(made, images(), callbacks=[logger], **{**HOW, "epochs": 1})
    store = type(store)(tracking_uri=f"sqlite:///{elsewhere}/mlflow.db")
    (run,) = store.search_runs([store.get_experiment_by_name("mine").experiment_id])
    assert run.info.run_name == "best"
    assert run.info.artifact_uri.startswith((elsewhere / "mlruns").as_uri())
    kept = p.load(store.download_artifacts(run.info.run_id, "model.safetensors", str(tmp_path)))
    assert all(np.array_equal(each.data, made.parameters()[path].data) for path, each in kept.parameters().items())


# ---- interrupted
def test_what_ended_it_is_told_and_it_goes_on_in_the_same_run(store, tmp_path, monkeypatch):
    with pytest.raises(ZeroDivisionError):
        fit(p.MLflow(), BreakAt(20), out="run")
    (run,) = runs(store)
    assert run.info.status == "FAILED"
    assert [step for step, _ in measured(store, run, "loss")] == [1, 2]
    monkeypatch.chdir("/")  # the store is the same from any folder
    _, history = p.resume(tmp_path / "run", images(), progress=False)
    (run,) = runs(store)
    assert run.info.status == "FINISHED"
    assert measured(store, run, "loss") == [(each["epoch"], each["loss"]) for each in history.epochs]


def test_an_interruption_is_no_failure(store):
    class Interrupt(p.Callback):
        def on_batch(self, training):
            if training.step == 9:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(p.MLflow(), Interrupt())
    assert runs(store)[0].info.status == "KILLED"


KILLED = """
import os, signal
from oracles import interrupted
import pellucid as p

class Kill(p.Callback):
    sees_weights = False
    def on_epoch(self, training):
        if training.step == 16:
            os.kill(os.getpid(), signal.SIGKILL)

p.fit(interrupted.network(), interrupted.images(), out="run", checkpoint_every=8, callbacks=[p.MLflow(), Kill()],
      **interrupted.HOW)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal here")
def test_an_epoch_that_was_logged_before_a_kill_is_not_logged_again(store, tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=environment(), timeout=120)
    assert done.returncode == -signal.SIGKILL
    (run,) = runs(store)
    assert [step for step, _ in measured(store, run, "loss")] == [1, 2]
    _, history = p.resume(tmp_path / "run", images(), progress=False)
    (run,) = runs(store)
    assert measured(store, run, "loss") == [(each["epoch"], each["loss"]) for each in history.epochs]


# ---- failing
def test_a_store_that_fails_leaves_a_whole_run(store, tmp_path):
    class Drop(p.Callback):
        def on_batch(self, training):
            if training.step == 12:
                with sqlite3.connect("mlflow.db") as file:
                    file.execute("DROP TABLE metrics")

    with pytest.warns(UserWarning, match="MLflow: the log ends here, and the training goes on without it"):
        history = fit(p.MLflow(), Drop(), out="run", checkpoint_every=4)
    assert history.batches == fit().batches
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 5
    assert p.load("run").parameters().keys() == network().parameters().keys()


def test_a_store_that_cannot_be_used_is_refused_before_the_first_step(store, tmp_path):
    (tmp_path / "mlflow.db").write_text("no database " * 100)
    with pytest.raises(p.StorageError, match=r"MLflow cannot use sqlite:///.*mlflow\.db"):
        fit(p.MLflow(), out="run")
    assert not (tmp_path / "run").exists()


# ---- words, and the network
def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(p.MissingExtraError, match=r"pip install '\.\[mlflow\]'"):
        p.MLflow()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("mlflow.db", "uri: expected a store such as sqlite:///mlflow.db, received 'mlflow.db'"),
        ("https://me:secret@server", "uri: its password would stand in the run's config; set MLFLOW_TRACKING_URI"),
    ],
)
def test_a_store_that_makes_no_sense_is_refused(uri, message):
    with pytest.raises(p.ArgumentError) as caught:
        p.MLflow(uri)
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


def environment():
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}


OFFLINE = """
import socket, sys, time

def report(self, address):
    print("connected to", address)
    raise OSError("no network")

def asked(host, *rest, **more):
    print("asked for", host)
    raise OSError("no network")

socket.socket.connect = socket.socket.connect_ex = report
socket.getaddrinfo = asked
if sys.argv[1] == "control":
    try:
        socket.create_connection(("example.org", 80))
    except OSError:
        pass
from oracles import interrupted
import pellucid as p
p.fit(interrupted.network(), interrupted.images(), callbacks=[p.MLflow()], **{**interrupted.HOW, "epochs": 1})
time.sleep(1)
"""


@pytest.mark.parametrize(("what", "said"), [("control", "asked for example.org\n"), ("offline", "")])
def test_nothing_leaves_the_machine(what, said, store, tmp_path):
    quiet = ("CI", "DO_NOT_TRACK", "PYTEST_CURRENT_TEST", "PYTEST_VERSION")  # under which the package reports nothing
    free = {name: value for name, value in environment().items() if name not in quiet}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, what], cwd=tmp_path, env=free, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, said), done.stderr
