"""What the folder of a run says of its state, whatever has become of its files."""

import json
import os

import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid import storage
from pellucid.training import checkpoint
from pellucid.training.plain import by_name
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


def test_settings_are_those_that_the_run_was_begun_with_whatever_its_config_says_now(tmp_path):
    broken(tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(path.read_text().replace("epochs = 5", "epochs = 9"))
    found = Record.of(tmp_path)
    assert (found.setting("training", "epochs"), found.how_far) == (5, "20 of 40 steps")


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


def test_the_epoch_whose_weights_are_kept_is_recorded(tmp_path):
    early = p.EarlyStopping("loss", patience=1, min_delta=100)
    p.fit(network(), images(), out=tmp_path / "a", callbacks=[early], **HOW)
    found = Record.of(tmp_path / "a")
    assert (found.best_epoch, found.stopped_epoch, len(found.epochs), found.results) == (1, 2, 2, {})
    assert found.measured == found.epochs[0]
    assert found.accuracy() == ("validation", found.epochs[0]["val_accuracy"])
    last = p.EarlyStopping("loss", patience=1, min_delta=100, restore_best=False)
    p.fit(
        network(), images(), out=tmp_path / "b", callbacks=[last, p.KeepBest(tmp_path / "kept", monitor="loss")], **HOW
    )
    found = Record.of(tmp_path / "b")
    assert (found.best_epoch, found.stopped_epoch, found.measured) == (0, 2, found.epochs[1])
    assert list(found.settings["callbacks"]) == ["EarlyStopping", "KeepBest"]
    storage.append_line(tmp_path / "b/metrics.jsonl", '{"best_epoch": 9, "stopped_epoch": "x"}')
    found = Record.of(tmp_path / "b")
    assert (found.best_epoch, found.stopped_epoch) == (0, 0)  # there are no such epochs


def test_callbacks_of_one_name_are_told_apart():
    entries = [{"name": "Mine", "a": 1}, {"name": "Other"}, {"name": "Mine", "a": 2}]
    assert by_name(entries) == {"Mine": entries[0], "Other": entries[1], "Mine 2": entries[2]}
