"""One training writes to a run: what is done to the files there meanwhile lets no other one in."""

import os
import re

import pytest

import pellucid as p
from oracles.interrupted import HOW, BreakAt, images, network
from pellucid import locking
from pellucid.errors import StorageError
from pellucid.training import Callback, lock
from pellucid.training.lock import locked_by_another, locked_folder
from pellucid.training.record import Record

pytest.importorskip("fcntl")


class Do(Callback):
    """Does something after a step."""

    sees_weights = False

    def __init__(self, step, function):
        self._step, self._function = step, function

    def on_batch(self, training):
        if training.step == self._step:
            self._function()


def saved_in_an_editor(path):
    """Put another file with the same content in a file's place."""
    (path.parent / "new").write_bytes(path.read_bytes())
    (path.parent / "new").replace(path)


def test_a_config_that_is_saved_in_an_editor_lets_no_other_training_in(tmp_path):
    def look():
        saved_in_an_editor(tmp_path / "config.toml")
        states.append(Record.of(tmp_path).state)
        with pytest.raises(p.ArgumentError, match="is being trained by another process"):
            p.resume(tmp_path, images(), progress=False)

    states = []
    p.fit(network(), images(), out=tmp_path, checkpoint_every=4, callbacks=[Do(12, look)], **HOW)
    assert states == ["running"]
    assert Record.of(tmp_path).state == "finished"
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("lose", [saved_in_an_editor, os.unlink])
def test_a_training_whose_lock_is_gone_writes_nothing_more(lose, tmp_path):
    def look():
        lose(tmp_path / ".lock")
        before.update({path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".lock"})

    before = {}
    with pytest.raises(StorageError, match=r"\.lock was removed or replaced while this training held it"):
        p.fit(network(), images(), out=tmp_path, checkpoint_every=4, callbacks=[Do(13, look)], **HOW)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".lock"} == before


def test_a_lock_that_a_killed_process_has_left_is_no_matter(tmp_path):
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out=tmp_path, callbacks=[BreakAt(12)], **HOW)
    (tmp_path / ".lock").touch()
    assert Record.of(tmp_path).state == "interrupted"
    p.resume(tmp_path, images(), progress=False)
    assert Record.of(tmp_path).state == "finished"


def test_a_folder_that_is_no_run_stays_as_it_is(tmp_path):
    with pytest.raises(p.ModelFileError, match="is no run"):
        p.resume(tmp_path, images(), progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_is_the_same_one_wherever_the_process_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    leave = Do(5, lambda: os.chdir(tmp_path / "elsewhere"))
    p.fit(network(), images(), out="run", checkpoint_every=4, callbacks=[leave], **HOW)
    assert Record.of(tmp_path / "run").state == "finished"
    assert list((tmp_path / "elsewhere").iterdir()) == []


# ---- letting go
def removed_before(monkeypatch, module, name, path):
    """Let a file be removed, as who lets go of it does, just before the first call of a function."""
    function, left = getattr(module, name), [path]

    def called(*given, **how):
        while left:
            os.unlink(left.pop())
        return function(*given, **how)

    monkeypatch.setattr(module, name, called)


@pytest.mark.parametrize(("module", "name"), [(lock, "locked"), (locking, "_flock")])
def test_who_lets_go_in_this_moment_keeps_nobody_out(module, name, tmp_path, monkeypatch):
    (tmp_path / ".lock").touch()
    removed_before(monkeypatch, module, name, tmp_path / ".lock")
    assert not locked_by_another(tmp_path)
    (tmp_path / ".lock").touch()
    removed_before(monkeypatch, module, name, tmp_path / ".lock")
    with locked_folder(tmp_path) as hold:
        assert hold.in_place()
        assert locked_by_another(tmp_path)
    assert not (tmp_path / ".lock").exists()


def test_where_files_never_stay_in_their_place_the_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "_is_at", lambda file, path: False)
    with pytest.raises(p.ArgumentError, match="is being trained by another process"), locked_folder(tmp_path):
        pass


# ---- what has left nothing
class Fail(Callback):
    def on_begin(self, training):
        raise ZeroDivisionError


class Odd(Callback):
    def state(self):
        return {"a": (1, 2)}


@pytest.mark.parametrize("callback", [Fail(), Odd()])
def test_a_training_that_ended_before_its_first_step_leaves_room_for_another(callback, tmp_path):
    where = {"out": tmp_path / "run", **HOW}
    with pytest.raises((ZeroDivisionError, p.ArgumentError)):
        p.fit(network(), images(), callbacks=[callback], **where)
    p.fit(network(), images(), **where)
    assert Record.of(tmp_path / "run").state == "finished"


@pytest.mark.parametrize("empty", [False, True])
def test_what_a_kill_before_the_first_step_has_left_gives_way(empty, tmp_path):
    p.fit(network(), images(), out=tmp_path, **HOW)
    for path in tmp_path.glob("checkpoint-*"):
        path.unlink()
    (tmp_path / "metrics.jsonl").unlink()
    if empty:
        (tmp_path / "config.toml").write_bytes(b"")
    p.fit(network(), images(), out=tmp_path, **HOW)
    assert Record.of(tmp_path).state == "finished"


def test_a_model_file_that_is_no_runs_is_not_replaced(tmp_path):
    p.save(network(), tmp_path / "model.safetensors")
    with pytest.raises(p.ArgumentError, match=r"holds a run already; choose another folder$"):
        p.fit(network(), images(), out=tmp_path, **HOW)


def test_a_folder_with_an_interrupted_run_says_how_it_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZeroDivisionError):
        p.fit(network(), images(), out="w", callbacks=[BreakAt(12)], **HOW)
    advice = re.escape("; to go on: p.resume('w', …) in Python, or pellucid resume w --data 'NAME|PATH'")
    with pytest.raises(p.ArgumentError, match=f"^w holds a run already; choose another folder{advice}$"):
        p.fit(network(), images(), out="w", **HOW)
    p.resume("w", images(), progress=False)
    with pytest.raises(p.ArgumentError, match=r"holds a run already; choose another folder$"):
        p.fit(network(), images(), out="w", **HOW)
