"""When checkpoints are written, and what it takes."""

import gc
import sys
import tracemalloc
import weakref

import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid.training import Callback, checkpoint, saving
from pellucid.training import run as run_module

resume_module = sys.modules["pellucid.training.resume"]  # of which the package has the function only


def weights(made):
    return {path: each.data.tobytes() for path, each in {**made.parameters(), **made.states()}.items()}


@pytest.fixture
def run(tmp_path):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path / "run", checkpoint_every=5, callbacks=[BreakAt(20)], **HOW)
    return tmp_path / "run"


def resumed(folder, **how):
    return weights(p.resume(folder, images(), progress=False, **how)[0])


def test_checkpoints_are_written_as_often_as_before(run, monkeypatch):
    written = []
    put = saving.write_file
    monkeypatch.setattr(saving, "write_file", lambda path, data: (written.append(path.name), put(path, data)))
    resumed(run)
    assert [int(name[11:20]) for name in written] == [25, 30, 35, 40, 40, 40], "and not at once: that of 20 is there"


def test_a_save_takes_little_more_memory_than_what_is_saved(tmp_path, monkeypatch):
    """The optimiser's memory is read for it, 2 arrays a weight; beside that nothing of such a size."""
    big = p.Sequential([p.Flatten(), p.Linear(36, 20_000), p.ReLU(), p.Linear(20_000, 3)], input_shape=(1, 6, 6))
    size = sum(each.data.nbytes for each in big.parameters().values())
    peaks = []
    write = saving.Checkpoints.write

    def traced(*given):
        tracemalloc.start()
        write(*given)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    monkeypatch.setattr(saving.Checkpoints, "write", traced)
    p.fit(big, images(), out=tmp_path, epochs=1, batch_size=150, engine="numpy", progress=False)
    assert len(peaks) == 2
    assert max(peaks) < 2.5 * size, "the file has three times the size"


def test_a_slow_disk_is_not_written_to_all_the_time(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(saving.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(saving, "write_file", lambda *_: clock.__setitem__(0, clock[0] + 7.0))
    found = saving.Checkpoints(tmp_path, "30s", {})
    training = type("Training", (), {"history": p.training.History(), "step": 1})
    clock[0] += 30
    assert found.due(1)
    found._put({}, {}, training)
    clock[0] += 139
    assert not found.due(1)
    clock[0] += 1
    assert found.due(1), "after 20 times 7 seconds"


def test_the_network_is_saved_with_the_checkpoints(tmp_path, monkeypatch):
    saved = []
    save = run_module.save
    monkeypatch.setattr(run_module, "save", lambda network, path: (saved.append(path.name), save(network, path)))
    p.fit(network(), images(), out=tmp_path, checkpoint_every=20, **HOW)
    assert len(saved) == 5, "at first; after epochs 1, 3 and 5, as before each there was a checkpoint; at the end"


def test_what_was_read_to_go_on_is_let_go_of(run, monkeypatch):
    class Look(Callback):
        def on_batch(self, training):
            gc.collect()
            assert read[0]() is None

    def newest(folder):
        found = checkpoint.newest(folder)
        read.append(weakref.ref(found.file))
        return found

    read = []
    monkeypatch.setattr(resume_module, "newest", newest)
    resumed(run, callbacks=[Look()])
