"""Files that one process holds, and others look at."""

import os
import time

import pytest

from pellucid import locking, storage
from pellucid.errors import ArgumentError, StorageError
from pellucid.locking import locked

fcntl = pytest.importorskip("fcntl")


@pytest.fixture
def file(tmp_path):
    (tmp_path / "config.toml").write_text("a = 1\n")
    return tmp_path / "config.toml"


def test_one_holds_and_several_look(file, monkeypatch):
    monkeypatch.setattr(locking, "LOOKING", 0.1)
    with locked(file) as free:
        assert free
        with locked(file) as other:
            assert not other
        with locked(file, shared=True) as looked:
            assert not looked
    with locked(file, shared=True) as one, locked(file, shared=True) as two:
        assert one
        assert two
        began = time.monotonic()
        with locked(file) as free:
            assert not free
        assert time.monotonic() - began >= 0.1
    with locked(file) as free:
        assert free


def test_it_is_open_for_writing_as_other_machines_disks_ask_for(file, monkeypatch):
    class Noting(storage.System):
        @staticmethod
        def open(path, flags, *mode):
            opened.append(flags & (os.O_RDWR | os.O_RDONLY))
            return os.open(path, flags, *mode)

    opened = []
    monkeypatch.setattr(storage, "system", Noting())
    with locked(file), locked(file, shared=True):
        pass
    assert opened == [os.O_RDWR, os.O_RDONLY]


def test_a_file_that_was_replaced_meanwhile_is_not_held(file, monkeypatch):
    flock = locking._flock

    def replaced_first(*given):
        (file.parent / "new").write_text("b = 2\n")
        (file.parent / "new").replace(file)
        return flock(*given)

    monkeypatch.setattr(locking, "_flock", replaced_first)
    with locked(file) as free:
        assert not free


@pytest.mark.parametrize("error", [StorageError("cannot write it: disk full"), ArgumentError("no such"), OSError("x")])
def test_errors_of_what_is_done_meanwhile_come_out_as_they_are(error, file):
    with pytest.raises(type(error)) as caught, locked(file):
        raise error
    assert caught.value is error


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"cannot open .*config\.toml"), locked(tmp_path / "config.toml"):
        pass
