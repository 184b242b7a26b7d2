"""What the folder of a run says of its state, whatever has become of its files."""

import json
import os

import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid import storage
from pellucid.training import checkpoint
from pellucid.training.record import Record, records


def broken(folder, step=20, **how):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=folder, callbacks=[BreakAt(step)], **{**HOW, **how})


def test_states(tmp_path):
    p.fit(network(), images(), out=tmp_path / "a", **HOW)
    broken(tmp_path / "b")
    broken(tmp_path / "c")
    for path in checkpoint.files(tmp_path / "c"):
        path.unlink()
    with pytest.raises(p.NonFiniteError):
        p.fit(network(), images(), out=tmp_path / "d", **{**HOW, "optimizer": p.SGD(1e25)})
    found = {each.folder.name: each for each in records(tmp_path)}
    states = {name: each.state for name, each in found.items()}
    assert states == {"a": "finished", "b": "interrupted", "c": "no checkpoint", "d": "diverged"}
    assert "became NaN or infinite" in found["d"].reason
    assert found["a"].reason == found["b"].reason == ""


def test_a_run_is_running_while_it_is_and_others_may_look_at_once(tmp_path):
    class Look(p.Callback):
        sees_weights = False

        def on_epoch(self, training):
            seen.append(Record.of(tmp_path / "run").state)

    seen = []
    p.fit(network(), images(), out=tmp_path / "run", callbacks=[Look()], **HOW)
    assert seen == ["running"] * 5


def test_of_a_checkpoint_only_the_beginning_is_read(tmp_path, monkeypatch):
    broken(tmp_path)
    size = checkpoint.files(tmp_path)[0].stat().st_size

    class Reading(storage.System):
        read = staticmethod(lambda file, count: (lengths.append(count), os.read(file, count))[1])

    lengths = []
    monkeypatch.setattr(storage, "system", Reading())
    assert Record.of(tmp_path).state == "interrupted"
    monkeypatch.undo()
    header = int.from_bytes(checkpoint.files(tmp_path)[0].read_bytes()[:8], "little")
    assert 8 + header in lengths
    assert max(lengths) < size


def test_half_a_line_is_no_matter_wherever_it_stands(tmp_path):
    p.fit(network(), images(), out=tmp_path, **HOW)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"epo')
    storage.append_line(tmp_path / "metrics.jsonl", json.dumps({"test_accuracy": 0.5}))
    found = Record.of(tmp_path)
    assert (len(found.epochs), found.accuracy()) == (5, ("test", 0.5))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs a POSIX system")
def test_one_run_that_cannot_be_read_does_not_hide_the_others(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        broken(tmp_path / name)

    class Refusing(storage.System):
        @staticmethod
        def open(path, *arguments):
            if path.parent.name == "b":
                raise PermissionError(13, "Permission denied")
            return os.open(path, *arguments)

    monkeypatch.setattr(storage, "system", Refusing())
    found = list(records(tmp_path))
    assert [type(each).__name__ for each in found] == ["Record", "StorageError", "Record"]
    assert "b/config.toml: Permission denied" in str(found[1])


def test_a_file_that_is_gone_in_the_same_moment_has_no_size(tmp_path):
    broken(tmp_path)
    (tmp_path / ".pellucid-0123456789abcdef.tmp").symlink_to(tmp_path / "gone")
    assert Record.of(tmp_path).bytes > 1000
