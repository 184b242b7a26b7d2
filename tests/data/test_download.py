"""Finding files and fetching them, against a server on this machine that can misbehave in each known way."""

import errno
import gzip
import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pooch
import pytest

from pellucid.data import download
from pellucid.data.catalogue import CATALOGUE, ENTRIES, DataFile, Entry, get_entry
from pellucid.errors import ArgumentError, DataError

GOOD = bytes(range(256)) * 1000  # a quarter of a megabyte: several pieces
OTHER = b"a second file"


class Mirror(BaseHTTPRequestHandler):
    """Serves GOOD and OTHER below /good/; every other folder does one thing wrong."""

    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        _, behaviour, name = self.path.split("/")
        content = GOOD if name == "first.gz" else OTHER
        if behaviour == "missing":
            self.send_error(404)
            return
        if behaviour == "forbidden":
            self.send_error(403)
            return
        if behaviour == "silent":
            self.server.stop.wait(5)  # type: ignore[attr-defined]
            return
        self.send_response(200)
        if behaviour != "unannounced":
            self.send_header("Content-Length", str(10**12 if behaviour == "huge" else len(content)))
        self.end_headers()
        if behaviour == "wrong":
            content = content[:-1] + b"!"
        if behaviour == "cut":
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a running server; requests are noted in Mirror.requests."""
    Mirror.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as running:
        running.daemon_threads = True
        running.stop = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.stop.set()  # type: ignore[attr-defined]
        running.shutdown()
        thread.join(5)


def toy(*mirrors: str) -> Entry:
    """A data set of two files, one checked by SHA-256 and one by MD5, as both occur in the catalogue."""
    return Entry(
        name="toy-set",
        title="Toy",
        images=(1, 1),
        shape=(1, 1, 1),
        class_names=(),
        licence="none",
        source="these tests",
        mirrors=mirrors,
        files=(
            DataFile("first.gz", "sha256:" + hashlib.sha256(GOOD).hexdigest()),
            DataFile("second.gz", "md5:" + hashlib.md5(OTHER).hexdigest()),
        ),
        alternatives=("toy.npz",),
    )


def fetch_failure(entry: Entry) -> str:
    with pytest.raises(DataError) as caught:
        download.fetch(entry)
    return str(caught.value)


def cached() -> Path:
    return download.cache_folder() / "toy-set"


def test_files_are_fetched_once_and_then_found(server: str) -> None:
    entry = toy(f"{server}/good/")
    assert download.locate(entry) is None
    paths = download.obtain(entry)
    assert [path.read_bytes() for path in paths] == [GOOD, OTHER]
    assert paths == [cached() / "first.gz", cached() / "second.gz"]
    assert sorted(path.name for path in cached().iterdir()) == ["first.gz", "second.gz"]  # nothing left over
    assert download.obtain(entry) == download.fetch(entry) == paths
    assert Mirror.requests == ["/good/first.gz", "/good/second.gz"]
    assert [result.state for result in download.verify(entry)] == ["ok", "ok"]


@pytest.mark.parametrize("behaviour", ["missing", "forbidden", "wrong", "cut", "huge", "silent"])
def test_the_next_mirror_is_tried(server: str, behaviour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TIMEOUT", 0.2)
    paths = download.fetch(toy(f"{server}/{behaviour}/", f"{server}/good/"))
    assert [path.read_bytes() for path in paths] == [GOOD, OTHER]
    assert Mirror.requests[:2] == [f"/{behaviour}/first.gz", "/good/first.gz"]
    assert sorted(path.name for path in cached().iterdir()) == ["first.gz", "second.gz"]  # no remains of the failure


def test_nothing_is_downloaded_again_after_a_failure_half_way(server: str) -> None:
    half = toy(f"{server}/good/")
    (cached()).mkdir(parents=True)
    (cached() / "first.gz").write_bytes(GOOD)
    assert download.locate(half) is None  # half a set is no set
    download.obtain(half)
    assert Mirror.requests == ["/good/second.gz"]


def test_the_message_says_what_each_mirror_did_and_what_to_do(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TIMEOUT", 0.2)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    kinds = ("missing", "forbidden", "wrong", "cut", "huge", "silent")
    message = fetch_failure(toy(*(f"{server}/{kind}/" for kind in kinds), nobody))
    assert message.startswith("toy-set: first.gz could not be downloaded (")
    for expected in (
        f"{server}/missing/first.gz: HTTP 404 Not Found;",
        f"{server}/forbidden/first.gz: HTTP 403 Forbidden;",
        f"{server}/wrong/first.gz: wrong checksum, the file was thrown away;",
        f"{server}/cut/first.gz: ChunkedEncodingError: ",
        f"{server}/huge/first.gz: DataError: more than 536.9 MB, given up;",
        f"{server}/silent/first.gz: ReadTimeout: Read timed out.",
        f"{nobody}first.gz: ConnectionError: ",
    ):
        assert expected in message
    assert message.endswith(
        "Fetch the data set's files (2) in another way, put them into FOLDER/toy-set/ and pass --data-dir FOLDER "
        "(in Python data_dir=FOLDER), or set PELLUCID_DATA=FOLDER"
    )
    assert "\n" not in message
    assert not any(cached().iterdir())


def test_progress_is_reported(server: str) -> None:
    calls: list[tuple[str, int, int | None]] = []
    download.fetch(toy(f"{server}/good/"), lambda *call: calls.append(call))
    first = [call for call in calls if call[0] == "first.gz"]
    amounts = [done for _, done, _ in first]
    assert amounts == sorted(amounts)
    assert len(set(amounts)) > 2  # on the way, not at the end alone
    assert first[-1] == ("first.gz", len(GOOD), len(GOOD))
    assert calls[-1] == ("second.gz", len(OTHER), len(OTHER))


def test_progress_without_an_announced_length(server: str) -> None:
    calls: list[tuple[str, int, int | None]] = []
    download.fetch(toy(f"{server}/unannounced/"), lambda *call: calls.append(call))
    assert {total for _, _, total in calls} == {None}


def test_an_interruption_leaves_nothing(server: str) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch(toy(f"{server}/good/"), interrupt)
    assert not any(cached().iterdir())


def test_a_damaged_file_in_the_cache_is_found_and_replaced(server: str) -> None:
    entry = toy(f"{server}/good/")
    path = download.fetch(entry)[0]
    path.write_bytes(GOOD[:-1])
    results = download.verify(entry)
    assert [result.state for result in results] == ["wrong", "ok"]
    assert results[0].expected == entry.files[0].checksum
    assert results[0].found == "sha256:" + hashlib.sha256(GOOD[:-1]).hexdigest()
    assert download.fetch(entry)[0].read_bytes() == GOOD
    assert Mirror.requests.count("/good/first.gz") == 2


def test_the_place_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert download.cache_folder() == tmp_path / "cache" / "data"
    monkeypatch.delenv("PELLUCID_CACHE")
    assert download.cache_folder() == Path(pooch.os_cache("pellucid")) / "data"


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "file"))
    message = fetch_failure(toy("http://127.0.0.1:9/"))
    assert message.startswith(f"{tmp_path / 'file' / 'data' / 'toy-set'}: downloads cannot be kept here (")
    assert message.endswith("; set PELLUCID_CACHE to another folder")


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), PermissionError("no access")])
def test_a_fault_of_our_own_disk_is_not_laid_on_the_mirrors(monkeypatch: pytest.MonkeyPatch, fault: OSError) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(pooch, "retrieve", fail)
    message = fetch_failure(toy("http://127.0.0.1:9/"))
    assert message == f"{cached()}: downloads cannot be kept here ({fault}); set PELLUCID_CACHE to another folder"


@pytest.mark.parametrize("fault", [BrokenPipeError("the terminal is gone"), ValueError("a fault in the bar")])
def test_a_fault_of_the_callback_is_not_laid_on_the_mirrors(server: str, fault: Exception) -> None:
    def fail(*_: Any) -> None:
        raise fault

    with pytest.raises(type(fault), match=str(fault)):
        download.fetch(toy(f"{server}/good/", f"{server}/good/"), fail)
    assert Mirror.requests == ["/good/first.gz"]


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


@pytest.mark.parametrize("place", ["toy-set", "toy_set", "."])
@pytest.mark.parametrize("names", [("first.gz", "second.gz"), ("first", "second"), ("first.gz", "second")])
def test_files_of_the_user_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, names: tuple[str, str]
) -> None:
    folder = put(tmp_path / "mine" / place, *names)
    expected = [folder / name for name in names]
    assert download.locate(toy("http://127.0.0.1:9/"), tmp_path / "mine") == expected
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "mine"))
    assert download.locate(toy("http://127.0.0.1:9/")) == expected


def test_the_order_of_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    entry = toy(f"{server}/good/")
    names = ("first.gz", "second.gz")
    in_cache = download.fetch(entry)
    assert download.locate(entry) == in_cache
    from_environment = put(tmp_path / "environment" / "toy-set", *names)
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "environment"))
    assert download.obtain(entry) == [from_environment / name for name in names]
    directly = put(tmp_path / "argument", *names)
    assert download.obtain(entry, tmp_path / "argument") == [directly / name for name in names]
    inside = put(tmp_path / "argument" / "toy-set", *names)
    assert download.obtain(entry, tmp_path / "argument") == [inside / name for name in names]
    with pytest.warns(UserWarning, match=rf"set is not in .*nothing here; it is taken from {from_environment}$"):
        assert download.obtain(entry, put(tmp_path / "nothing here")) == [from_environment / name for name in names]


def test_an_alternative_file(tmp_path: Path) -> None:
    put(tmp_path / "toy-set", "toy.npz")
    entry = toy("http://127.0.0.1:9/")
    assert download.locate(entry, tmp_path) == [tmp_path / "toy-set" / "toy.npz"]
    assert [result.state for result in download.verify(entry, tmp_path)] == ["unknown"]


def test_folders_that_do_not_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = toy("http://127.0.0.1:9/")
    half = put(tmp_path / "half", "first.gz")
    for data_dir, message in (
        (half, f"{half}: holds only some files of toy-set; missing: second.gz"),
        (
            tmp_path / "no",
            f"data_dir is {str(tmp_path / 'no')!r}, which does not exist; name the folder that toy-set/ is in",
        ),
        (half / "first.gz", f"data_dir is {str(half / 'first.gz')!r}, a file; expected the folder of the 2 files"),
    ):
        with pytest.raises(DataError) as caught:
            download.locate(entry, data_dir)
        assert str(caught.value) == message
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "no"))
    with pytest.raises(DataError, match=r"PELLUCID_DATA is '.*no', which does not exist"):
        download.locate(entry)


def test_verify_before_there_is_anything() -> None:
    with pytest.raises(DataError) as caught:
        download.verify("kmnist")
    assert str(caught.value) == "kmnist is not on this machine; pellucid data fetch kmnist downloads it"


NAMES = [file.name for file in CATALOGUE["mnist"].files]


def test_a_folder_named_like_another_set_is_not_taken(tmp_path: Path) -> None:
    put(tmp_path / "mnist", *NAMES)
    assert download.locate(CATALOGUE["mnist"], tmp_path / "mnist") is not None  # the control
    assert download.locate(CATALOGUE["fashion-mnist"], tmp_path / "mnist") is None


def test_the_files_of_another_set_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = gzip.compress(b"labels of the other", mtime=0)
    put(tmp_path, *NAMES)
    (tmp_path / NAMES[-1]).write_bytes(labels)
    assert download.locate(CATALOGUE["kmnist"], tmp_path) is not None  # the control: nobody claims these
    other = toy("http://127.0.0.1:9/")
    claimed = Entry(**{**vars(other), "files": (DataFile(NAMES[-1], "md5:" + hashlib.md5(labels).hexdigest()),)})
    monkeypatch.setattr(download, "ENTRIES", (claimed, *ENTRIES))
    with pytest.raises(DataError) as caught:
        download.locate(CATALOGUE["kmnist"], tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / NAMES[-1]}: this is a file of toy-set, not of kmnist; keep each set in a folder of its own "
        "name, such as kmnist/"
    )


def test_every_entry_of_the_catalogue_is_whole() -> None:
    for entry in ENTRIES:
        assert len(entry.class_names) == 10
        assert entry.licence
        assert entry.source
        assert all(mirror.endswith("/") for mirror in entry.mirrors)
        for file in entry.files:
            algorithm, _, digest = file.checksum.partition(":")
            assert len(digest) == 2 * hashlib.new(algorithm).digest_size
            bytes.fromhex(digest)
    checksums = [file.checksum for entry in ENTRIES for file in entry.files]
    assert len(set(checksums)) == len(checksums)


@pytest.mark.parametrize("spelling", ["fashion-mnist", "fashion_mnist", "Fashion-MNIST"])
def test_names_are_forgiving(spelling: str) -> None:
    assert get_entry(spelling).name == "fashion-mnist"
    assert get_entry("CIFAR-10").name == "cifar10"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ArgumentError) as caught:
        download.fetch("fasion-mnist")
    assert str(caught.value) == "unknown data set 'fasion-mnist'; did you mean 'fashion-mnist'?"
    with pytest.raises(ArgumentError, match=r"^unknown data set 'imagenet'\. Known: digits"):
        download.verify("imagenet")


def test_the_real_files_have_the_published_checksums(data_folder: Path) -> None:
    results = download.verify("mnist", data_folder)
    assert [result.state for result in results] == ["ok"] * 4
