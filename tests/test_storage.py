"""The disk's one door under a microscope: every system call fails in turn, and no file is ever half."""

import errno
import hashlib
import os
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import storage
from pellucid.errors import ArgumentError, StorageError

OLD, NEW = b"the old weights", b"the new weights, which are a little longer"
POSIX = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system")


class FaultySystem(storage.System):
    """The real system calls, counted; number `failing` raises `fault` instead of doing its work."""

    def __init__(self, failing: int | None = None, fault: BaseException | None = None) -> None:
        self.calls: list[str] = []
        self.failing, self.fault = failing, fault

    def __getattribute__(self, name: str) -> Any:
        real = object.__getattribute__(self, name)
        if name not in vars(storage.System):
            return real

        def call(*arguments: Any, **keywords: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) - 1 != self.failing or self.fault is None:
                return real(*arguments, **keywords)
            if name == "close":  # Linux closes the descriptor also when it reports a fault
                real(*arguments)
            raise self.fault

        return call


def faults() -> list[BaseException]:
    numbers = (errno.ENOSPC, errno.EIO, errno.EINTR, errno.EACCES)
    return [*(OSError(number, os.strerror(number)) for number in numbers), KeyboardInterrupt()]


def losses(write: Callable[[Path, bytes], None], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every call of `write` fail in every way; tell where the content was lost or a file was left over."""
    target, problems = folder / "net.safetensors", []
    for fault in faults():
        for failing in range(100):
            target.write_bytes(OLD)
            system = FaultySystem(failing, fault)
            monkeypatch.setattr(storage, "system", system)
            try:
                write(target, NEW)
            except (OSError, KeyboardInterrupt):
                pass
            else:
                if len(system.calls) <= failing:
                    break  # the write is done and call number `failing` never came
                problems.append(f"{fault!r} in call {failing} ({system.calls[failing]}): nobody was told")
            expected = NEW if "replace" in system.calls[:failing] else OLD
            if target.read_bytes() != expected:
                problems.append(f"{fault!r} in call {failing} ({system.calls[failing]}): {target.read_bytes()!r}")
            if os.listdir(folder) != [target.name]:
                problems.append(f"{fault!r} in call {failing} ({system.calls[failing]}): {os.listdir(folder)}")
    return problems


# ---- writing


def test_the_order_of_the_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = FaultySystem()
    monkeypatch.setattr(storage, "system", system)
    storage.write_file(tmp_path / "net.safetensors", NEW)
    written, verified, named = "open write sync close", "open read read close", "replace open sync close"
    if os.name == "nt":
        named = "replace"
    assert " ".join(system.calls) == f"{written} {verified} {named}"
    assert (tmp_path / "net.safetensors").read_bytes() == NEW


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="needs a system that can be asked to forget")
def test_what_is_read_back_comes_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the bytes were forced there, the system is asked to forget what it has of them in memory."""
    system, advise = FaultySystem(), os.posix_fadvise
    monkeypatch.setattr(storage, "system", system)
    monkeypatch.setattr(os, "posix_fadvise", lambda *given: (system.calls.append(given[3]), advise(*given)))
    storage.write_file(tmp_path / "data", NEW)
    assert system.calls[:5] == ["open", "write", "sync", os.POSIX_FADV_DONTNEED, "close"]
    monkeypatch.setattr(os, "posix_fadvise", FaultySystem(0, OSError(errno.EINVAL, "Invalid argument")).sync)
    storage.write_file(tmp_path / "data", OLD)  # that cannot be asked there is no fault


def test_macos_is_asked_to_force_bytes_out_of_the_disks_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    asked: list[Any] = []
    monkeypatch.setattr(storage.sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda *given: asked.append(given))
    monkeypatch.setattr(os, "fsync", lambda file: asked.append(file))
    storage.system.sync(7)
    assert asked == [(7, 51)]

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOTSUP, "Not supported")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    storage.system.sync(8)
    assert asked == [(7, 51), 8]


@pytest.mark.parametrize("sizes", [(), (0, 0), (3, 0, 5), (1 << 20, 7, 1 << 20, 9, 2 << 20), (7,) * 5])
def test_content_may_come_in_pieces(sizes: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pieces = [memoryview(rng.bytes(size)) for size in sizes]
    system = FaultySystem()
    monkeypatch.setattr(storage, "system", system)
    storage.write_file(tmp_path / "data", pieces)
    assert (tmp_path / "data").read_bytes() == b"".join(pieces)
    assert system.calls.count("write") == (5 if sum(sizes) > 2 << 20 else min(1, sum(sizes)))


def test_pieces_that_come_back_otherwise_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [memoryview(bytes(1 << 20)), memoryview(bytes(2 << 20))]

    def read(file: int, count: int) -> bytes:
        place = os.lseek(file, 0, os.SEEK_CUR)
        piece = os.read(file, count)
        return piece[:-1] + b"!" if place == 2 << 20 else piece

    monkeypatch.setattr(storage.System, "read", staticmethod(read))
    with pytest.raises(StorageError, match="other bytes than it was given, from byte 2,097,152 on"):
        storage.write_file(tmp_path / "data", pieces)


def test_any_call_may_fail_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert losses(storage.write_file, tmp_path, monkeypatch) == []


def test_the_harness_sees_a_careless_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run: writing straight into the file loses the old content, and the test above would say so."""

    def careless(path: Path, data: bytes) -> None:
        file = storage.system.open(path, os.O_WRONLY | os.O_TRUNC)
        try:
            storage.system.write(file, data)
        finally:
            storage.system.close(file)

    problems = losses(careless, tmp_path, monkeypatch)
    assert any("(write): b''" in problem for problem in problems), problems


def test_every_failure_is_a_storage_error_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "net.safetensors"
    for failing in range(12 if os.name != "nt" else 9):
        monkeypatch.setattr(storage, "system", FaultySystem(failing, OSError(errno.EIO, "Input/output error")))
        with pytest.raises(StorageError, match=re.escape(str(target))) as caught:
            storage.write_file(target, NEW)
        assert caught.value.errno == errno.EIO
        assert "the disk reports a fault; use another one" in str(caught.value)


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=200), piece=st.integers(1, 64))
def test_short_writes_and_reads_lose_nothing(data: bytes, piece: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    class Slow(storage.System):
        write = staticmethod(lambda file, content: os.write(file, content[:piece]))
        read = staticmethod(lambda file, count: os.read(file, min(count, piece)))

    target = tmp_path_factory.mktemp("short") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "system", Slow())
        storage.write_file(target, data)
        assert storage.read_file(target, limit=200) == data
    assert target.read_bytes() == data


@pytest.mark.parametrize(
    ("give_back", "where"),
    [
        pytest.param(lambda piece: piece[:3] + bytes([piece[3] ^ 1]) + piece[4:], 0, id="a flipped bit"),
        pytest.param(lambda piece: piece[:-1], len(NEW) - 1, id="the last byte missing"),
        pytest.param(lambda piece: piece + b"!", 0, id="a byte too many"),
    ],
)
def test_a_disk_that_gives_back_other_bytes_is_found_out(
    give_back: Callable[[bytes], bytes], where: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(file: int, count: int) -> bytes:
        piece = os.read(file, count)
        return give_back(piece) if piece else piece

    monkeypatch.setattr(storage.System, "read", staticmethod(read))
    (tmp_path / "data").write_bytes(OLD)
    with pytest.raises(StorageError, match=f"gave back other bytes than it was given, from byte {where} on"):
        storage.write_file(tmp_path / "data", NEW)
    assert os.listdir(tmp_path) == ["data"]
    assert (tmp_path / "data").read_bytes() == OLD


@POSIX
def test_a_real_limit_in_the_middle_of_a_file(tmp_path: Path) -> None:
    """The system itself takes 1,000 of 5,000 bytes and refuses the rest."""
    (tmp_path / "data").write_bytes(OLD)
    program = f"""
import resource
from pellucid import storage
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
storage.write_file({str(tmp_path / "data")!r}, bytes(5000))
"""
    result = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True, timeout=60)
    assert f"StorageError: cannot write {tmp_path / 'data'} (5,000 bytes): File too large" in result.stderr
    assert os.listdir(tmp_path) == ["data"]
    assert (tmp_path / "data").read_bytes() == OLD


def test_a_reader_beside_a_writer_that_is_killed_sees_whole_files_only(tmp_path: Path) -> None:
    target = tmp_path / "data"
    whole = {bytes([letter]) * 300_000 for letter in b"AB"}
    program = f"""
from pellucid import storage
while True:
    for letter in b"AB":
        storage.write_file({str(target)!r}, bytes([letter]) * 300_000)
        print(letter, flush=True)
"""
    writer = subprocess.Popen([sys.executable, "-B", "-c", program], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        for _ in range(50):
            assert writer.stdout.readline(), "the writer has died"
            assert target.read_bytes() in whole
    finally:
        writer.kill()
        writer.communicate()
    assert target.read_bytes() in whole


@POSIX
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        storage.write_file(tmp_path / "data", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o640


@POSIX
def test_a_link_is_replaced_and_what_it_led_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(OLD)
    (tmp_path / "link").symlink_to("precious")
    storage.write_file(tmp_path / "link", NEW)
    assert (tmp_path / "precious").read_bytes() == OLD
    assert (tmp_path / "link").read_bytes() == NEW


@POSIX
@pytest.mark.parametrize("name", ["pipe", "link"])
def test_a_pipe_is_not_replaced(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(StorageError, match="it is a pipe, which no file can replace; name a file"):
        storage.write_file(tmp_path / name, NEW)
    assert stat.S_ISFIFO((tmp_path / name).stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


@POSIX
def test_a_link_that_leads_nowhere_is_replaced(tmp_path: Path) -> None:
    for name, to in (("circle", "circle"), ("nowhere", "missing")):
        (tmp_path / name).symlink_to(to)
        storage.write_file(tmp_path / name, NEW)
        assert (tmp_path / name).read_bytes() == NEW


@POSIX
def test_a_link_planted_at_the_temporary_name_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "precious").write_bytes(OLD)
    (tmp_path / f".pellucid-{b'guessed!'.hex()}.tmp").symlink_to("precious")
    monkeypatch.setattr(os, "urandom", lambda size: b"guessed!")
    with pytest.raises(StorageError, match="File exists"):
        storage.write_file(tmp_path / "data", NEW)
    assert (tmp_path / "precious").read_bytes() == OLD


@pytest.mark.parametrize("shape", [(0,), (2, 0), (3, 4)])
def test_arrays_of_any_rank_are_written_as_their_bytes(shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    storage.write_file(tmp_path / "data", array.data)
    assert (tmp_path / "data").read_bytes() == array.tobytes()


# ---- paths as a user writes them


def test_a_path_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert storage.expanded("~/run") == storage.expanded(Path("~/run")) == tmp_path / "run"
    assert storage.expanded("a/~/run") == Path("a/~/run")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("~nosuchuser/run", "data: the home folder that '~nosuchuser/run' begins with is not known"),
        ("a\0b", "data: expected a path, received 'a\\x00b', which no file or folder can be called"),
        ("\ud800", "data: expected a path, received '\\ud800', which no file or folder can be called"),
        (5, "data: expected the path of a file or folder as text, received 5"),
        (None, "data: expected the path of a file or folder as text, received None"),
        (b"run", "data: expected the path of a file or folder as text, received b'run'"),
    ],
)
@POSIX
def test_what_is_no_path_is_refused(path: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        storage.expanded(path, "data")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "use",
    [
        lambda path: storage.write_file(path, NEW),
        lambda path: storage.read_file(path, 10),
        lambda path: storage.append_line(path, "line"),
        storage.make_folder,
        storage.claim,
        storage.remove_file,
    ],
)
@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
@POSIX
def test_a_name_that_no_file_has_is_refused(use: Callable[[Path], object], name: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no file or folder can be called that"):
        use(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# ---- what the messages say


def test_a_folder_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        storage.write_file(tmp_path, NEW)
    advice = "a folder has this name; choose another name, or name a file inside the folder"
    assert str(caught.value) == f"cannot write {tmp_path} (42 bytes): Is a directory; {advice}"


def test_a_missing_folder(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "net.safetensors"
    with pytest.raises(StorageError) as caught:
        storage.write_file(target, NEW)
    assert str(caught.value) == f"cannot write {target} (42 bytes): there is no folder {target.parent}; make it first"


def test_a_folder_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr(storage.system, "make_folders", nowhere)  # as under /proc
    with pytest.raises(StorageError) as caught:
        storage.make_folder(tmp_path / "run")
    where = f"nothing can be made in {tmp_path}; choose another folder"
    assert str(caught.value) == f"cannot make the folder {tmp_path / 'run'}: {where}"


@pytest.mark.parametrize("use", [lambda path: storage.write_file(path, NEW), lambda path: storage.read_file(path, 10)])
def test_a_name_that_is_too_long(use: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        use(tmp_path / ("n" * 5_000))
    assert str(caught.value).endswith("; a name in this path is longer than the system allows; choose a shorter one")
    assert len(str(caught.value)) < 500


def test_a_file_is_dated_and_removed_or_it_is_said_why_not(tmp_path: Path) -> None:
    target = tmp_path / "entry"
    target.write_bytes(OLD)
    os.utime(target, (1e9, 1e9))
    storage.date_file(target)
    assert abs(target.stat().st_mtime - time.time()) < 60
    storage.remove_file(target)
    assert not target.exists()
    with pytest.raises(StorageError, match=r"cannot remove .*entry: there is no such file"):
        storage.remove_file(target)
    with pytest.raises(StorageError, match=r"cannot date .*entry: there is no such file"):
        storage.date_file(target)


def test_a_full_disk_tells_how_much_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "system", FaultySystem(1, OSError(errno.ENOSPC, "No space left on device")))
    expected = (
        r"\(42 bytes\): No space left on device; the disk is full; free some space.*; [\d,]+ bytes are free there"
    )
    with pytest.raises(StorageError, match=expected):
        storage.write_file(tmp_path / "data", NEW)


def test_after_the_rename_the_message_says_that_the_new_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.name == "nt":
        pytest.skip("Windows cannot sync a folder")
    monkeypatch.setattr(storage, "system", FaultySystem(10, OSError(errno.EIO, "Input/output error")))
    with pytest.raises(StorageError, match="data is complete, but a power cut might still bring the old one back"):
        storage.write_file(tmp_path / "data", NEW)
    assert (tmp_path / "data").read_bytes() == NEW


def test_a_disk_that_cannot_sync_folders_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "system", FaultySystem(10, OSError(errno.EINVAL, "Invalid argument")))
    storage.write_file(tmp_path / "data", NEW)
    assert (tmp_path / "data").read_bytes() == NEW


# ---- logs


def test_lines_are_appended(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    for line in ('{"epoch": 1}', '{"epoch": 2, "note": "größer"}'):
        storage.append_line(log, line)
    assert log.read_bytes() == '{"epoch": 1}\n{"epoch": 2, "note": "größer"}\n'.encode()


def test_a_line_after_a_stump_starts_afresh(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_bytes(b'{"epoch": 1}\n{"epo')
    storage.append_line(log, '{"epoch": 2}')
    assert log.read_bytes() == b'{"epoch": 1}\n{"epo\n{"epoch": 2}\n'


def test_two_lines_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="expected one line, received 2; append them one by one"):
        storage.append_line(tmp_path / "log", "one\ntwo")
    assert os.listdir(tmp_path) == []


def test_a_failed_append_names_the_log_and_keeps_the_lines_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    for failing, call in enumerate(["open", "seek", "seek", "read", "write", "close"]):
        log.write_bytes(b"one\n")
        system = FaultySystem(failing, OSError(errno.ENOSPC, "No space left on device"))
        monkeypatch.setattr(storage, "system", system)
        with pytest.raises(StorageError, match=f"cannot append to {re.escape(str(log))}: No space left"):
            storage.append_line(log, "two")
        assert system.calls[failing] == call
        assert log.read_bytes().startswith(b"one\n")


# ---- reading


def test_the_limit_is_the_largest_size_allowed(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"12345")
    assert storage.read_file(tmp_path / "data", limit=5) == b"12345"
    with pytest.raises(StorageError) as caught:
        storage.read_file(tmp_path / "data", limit=4)
    assert str(caught.value) == f"cannot read {tmp_path / 'data'}: it has 5 bytes, the limit is 4"


def test_a_file_beyond_the_limit_is_not_read_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 34)  # a hole: 16 GiB that take no room on the disk
    system = FaultySystem()
    monkeypatch.setattr(storage, "system", system)
    with pytest.raises(StorageError, match="it has 17,179,869,184 bytes, the limit is 1,000,000"):
        storage.read_file(tmp_path / "huge", limit=1_000_000)
    assert "read" not in system.calls


def test_a_file_that_grows_while_it_is_read_stays_within_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "log"
    target.write_bytes(b"1234")

    def read(file: int, count: int) -> bytes:
        with target.open("ab") as log:
            log.write(b"5678")
        return os.read(file, count)

    monkeypatch.setattr(storage.System, "read", staticmethod(read))
    with pytest.raises(StorageError, match="it grew past the limit of 10 bytes while it was read"):
        storage.read_file(target, limit=10)


def test_a_missing_file_keeps_the_number_of_its_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        storage.read_file(tmp_path / "nowhere", limit=10)
    assert str(caught.value) == f"cannot read {tmp_path / 'nowhere'}: there is no such file"
    assert caught.value.errno == errno.ENOENT


@POSIX
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for name, reason in [
        ("pipe", "expected a regular file, found a folder, a pipe"),
        (".", "expected a regular file, found a folder"),
        ("circle", "these symbolic links lead in a circle"),
    ]:
        with pytest.raises(StorageError, match=reason):
            storage.read_file(tmp_path / name, limit=10)


# ---- folders


def test_folders_are_made_with_those_above_them(tmp_path: Path) -> None:
    folder = storage.make_folder(tmp_path / "a" / "b")
    assert storage.make_folder(folder) == folder == tmp_path / "a" / "b"
    assert folder.is_dir()


@POSIX
def test_the_name_of_a_folder_is_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced: list[str] = []

    class Noting(storage.System):
        @staticmethod
        def sync(file: int) -> None:
            forced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{file}"), tmp_path))

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("nobody tells which folder is open")
    monkeypatch.setattr(storage, "system", Noting())
    storage.make_folder(tmp_path / "a" / "b")
    assert forced == [".", "a"]
    storage.make_folder(tmp_path / "a" / "b")
    assert forced == [".", "a"], "it was there already"
    storage.fresh_folder(tmp_path / "runs", "run")
    storage.fresh_folder(tmp_path / "runs", "run")
    assert forced == [".", "a", ".", "runs", "runs"]


def test_a_file_is_renamed_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(OLD)
    assert storage.rename_file(tmp_path / "data", "data.damaged") == tmp_path / "data.damaged"
    assert os.listdir(tmp_path) == ["data.damaged"]
    with pytest.raises(StorageError, match=r"cannot rename .*data: there is no such file"):
        storage.rename_file(tmp_path / "data", "other")


def test_the_beginning_of_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(OLD)
    assert storage.read_beginning(tmp_path / "data", 7) == OLD[:7]
    assert storage.read_beginning(tmp_path / "data", 700) == OLD
    with pytest.raises(StorageError, match="there is no such file"):
        storage.read_beginning(tmp_path / "nothing", 7)


def test_a_folder_is_tried_before_work_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = storage.writable_folder(tmp_path / "a" / "b")
    assert folder == tmp_path / "a" / "b"
    assert list(folder.iterdir()) == []

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(storage.system, "open", refuse)
    with pytest.raises(StorageError, match="Permission denied; access is not allowed; check the permissions"):
        storage.writable_folder(folder)


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(StorageError, match=r"cannot make the folder .*runs: .*a file has this name"):
        storage.make_folder(tmp_path / "runs")
    with pytest.raises(StorageError, match=r"cannot make the folder .*a part of this path is a file, not a folder"):
        storage.fresh_folder(tmp_path / "runs", "lenet")


def test_fresh_folders_are_numbered(tmp_path: Path) -> None:
    made = [storage.fresh_folder(tmp_path / "runs", "lenet-digits").name for _ in range(3)]
    assert made == ["lenet-digits", "lenet-digits-2", "lenet-digits-3"]


def test_no_two_threads_get_the_same_folder(tmp_path: Path) -> None:
    made: list[Path] = []

    def ask() -> None:
        made.extend(storage.fresh_folder(tmp_path, "run") for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {folder.name for folder in made} == {"run", *(f"run-{number}" for number in range(2, 41))}


@pytest.mark.parametrize("name", ["", ".", "..", "../elsewhere", "a/b", "a\\b"])
def test_a_fresh_folder_stays_inside_its_parent(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="expected the plain name of a folder, received"):
        storage.fresh_folder(tmp_path, name)
    assert os.listdir(tmp_path) == []


def test_of_several_that_claim_a_file_one_gets_it(tmp_path):
    assert storage.claim(tmp_path / "config.toml")
    assert not storage.claim(tmp_path / "config.toml")
    assert (tmp_path / "config.toml").read_bytes() == b""


# ---- a file that is written piece by piece


def in_pieces(path: Path, content: bytes) -> None:
    with storage.NewFile(path) as file:
        for start in range(0, len(content), 9):
            file.write(content[start : start + 9])


def test_a_file_in_pieces_is_there_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert losses(in_pieces, tmp_path, monkeypatch) == []


def test_a_file_in_pieces_tells_its_size_and_sum(tmp_path: Path) -> None:
    (tmp_path / "workshop").mkdir()
    with storage.NewFile(tmp_path / "out", tmp_path / "workshop") as file:
        assert file.write(NEW[:5]) == 5
        assert len(os.listdir(tmp_path / "workshop")) == 1
        file.write(memoryview(NEW)[5:])
    assert (tmp_path / "out").read_bytes() == NEW
    assert (file.size, file.sha256) == (len(NEW), hashlib.sha256(NEW).hexdigest())
    assert os.listdir(tmp_path / "workshop") == []


def test_an_error_between_pieces_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(OLD)
    with pytest.raises(ZeroDivisionError), storage.NewFile(target) as file:
        file.write(NEW[: 1 // (len(NEW) - len(NEW))])
    assert target.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_in_pieces_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(storage.System):
        read = staticmethod(lambda file, count: os.read(file, count).replace(b"new", b"old"))

    monkeypatch.setattr(storage, "system", Forgetful())
    with pytest.raises(StorageError, match="the disk gave back other bytes"):
        in_pieces(tmp_path / "out", NEW)
    assert os.listdir(tmp_path) == []


def test_a_folder_is_removed_once_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_bytes(OLD)
    with pytest.raises(StorageError, match="cannot remove the folder"):
        storage.remove_folder(tmp_path / "full")
    os.remove(tmp_path / "full" / "file")
    storage.remove_folder(tmp_path / "full")
    assert os.listdir(tmp_path) == []
