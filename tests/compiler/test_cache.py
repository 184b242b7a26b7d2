"""The disk cache of whole networks: shared by processes, never trusted, never needed. For one kernel see test_jit."""

import gc
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import pellucid as p
from pellucid.compiler import cache, jit, recipe, sources
from pellucid.compiler.executable import Executable
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.runtime import functions

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
X = np.random.default_rng(0).random((5, 12), np.float32)


def network():
    return p.Sequential([p.Linear(12, 6), p.ReLU(), p.Linear(6, 3)], input_shape=(12,))


def outputs():
    """Return the outputs of the network, compiled anew or from the disk."""
    gc.collect()  # so that no kernel is at hand
    made = network()
    found = Executable(p.lower(made), len(X), 1, {})
    for name, parameter in made.parameters().items():
        found.write(name, parameter.data)
    y = np.empty((len(X), 3), np.float32)
    found.predict(X, y)
    return y


EXPECTED = p.predict(network(), X, engine="numpy")


def right(y):
    return np.allclose(y, EXPECTED, rtol=1e-5, atol=1e-6)


def entries():
    folder = cache.folder()
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def emitted(monkeypatch):
    """Return the list of the kernels that are emitted during the test, by name."""
    names, emit = [], Recipe.emit

    def remember(recipe):
        names.append(recipe.name)
        return emit(recipe)

    monkeypatch.setattr(Recipe, "emit", remember)
    return names


@pytest.fixture
def linked(monkeypatch):
    """Return the list of the object files that are linked during the test."""
    codes, link = [], jit._library

    def remember(symbols, code):
        codes.append(code)
        return link(symbols, code)

    monkeypatch.setattr(jit, "_library", remember)
    return codes


# ---- what it is for
def test_what_is_on_the_disk_is_not_emitted_again(emitted):
    first = outputs()
    assert right(first)
    assert set(emitted) == {"scale", "linear"}, "the control"
    emitted.clear()
    assert np.array_equal(outputs(), first)
    assert not emitted


def test_content_comes_back_under_its_own_key_only():
    folder = cache.folder()
    cache.save(folder, "one", b"content")
    assert cache.load(folder, "one") == b"content"
    assert cache.load(folder, "another") is None
    cache.save(folder, "one", b"other content")
    assert cache.load(folder, "one") == b"other content"
    cache.save(folder, "empty", b"")
    assert cache.load(folder, "empty") == b""


# ---- what is wrong with an entry
def mutations(good, others, rng):
    """Yield entries that are not the good one: flipped bits, changed bytes, parts, more, mixtures, others."""
    while True:
        bad = bytearray(good)
        at, size = int(rng.integers(len(good))), int(rng.integers(1, 200))
        match rng.integers(8):
            case 0 | 1:
                bad[at] ^= 1 << rng.integers(8)
            case 2:
                bad[at : at + size] = bytes(len(bad[at : at + size]))
            case 3:
                del bad[at:]
            case 4:
                del bad[at : at + size]
            case 5:
                bad[at:at] = rng.bytes(size)
            case 6:
                bad[at:] = others[rng.integers(len(others))][at:]
            case 7:
                bad = bytearray(others[rng.integers(len(others))])
        if bad != good:
            yield bytes(bad)


def test_a_thousand_changed_entries_are_not_seen(rng):
    outputs()
    folder, good = cache.folder(), entries()
    assert len(good) >= 3
    assert all(cache.load(folder, key) is not None for key in good), "the control: entries that are whole are seen"
    for key, entry in good.items():
        others = [each for name, each in good.items() if name != key]
        for _, bad in zip(range(-(-1000 // len(good))), mutations(entry, others, rng), strict=False):
            (folder / key).write_bytes(bad)
            assert cache.load(folder, key) is None
        (folder / key).write_bytes(entry)
        assert cache.load(folder, key) is not None


def test_changed_entries_are_compiled_again_and_never_linked(rng, emitted, linked):
    first = outputs()
    folder, good = cache.folder(), entries()
    whole = set(linked)
    assert len(whole) == len(good), "the control: what is linked is seen"
    for _ in range(6):
        spoilt = {}
        for key, entry in good.items():
            others = [each for name, each in good.items() if name != key]
            spoilt[key] = next(mutations(entry, others, rng))
            (folder / key).write_bytes(spoilt[key])
        emitted.clear()
        linked.clear()
        assert np.array_equal(outputs(), first)
        assert len(emitted) == len(good)
        assert set(linked) == whole
        assert entries() == good, "they have been replaced"


def test_an_entry_that_is_too_large_is_not_read(monkeypatch):
    outputs()
    folder, good = cache.folder(), entries()
    key, largest = max(good.items(), key=lambda item: len(item[1]))
    monkeypatch.setattr(cache, "LIMIT", len(largest) - 1)
    assert cache.load(folder, key) is None
    monkeypatch.setattr(cache, "LIMIT", len(largest))
    assert cache.load(folder, key) is not None, "the control"


@posix
@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_an_entry_that_is_no_file_is_passed_over(kind, tmp_path):
    outputs()
    folder, good = cache.folder(), entries()
    for key, entry in good.items():
        (folder / key).unlink()
        if kind == "folder":
            (folder / key).mkdir()
        elif kind == "pipe":
            os.mkfifo(folder / key)  # reading it would wait for ever
        else:
            (tmp_path / key).write_bytes(entry)
            (folder / key).symlink_to(tmp_path / key)
        assert cache.load(folder, key) is None
    assert right(outputs())


# ---- several processes
PROGRAM = """
import hashlib, os
import numpy as np
import pellucid as p
from pellucid.compiler import executable, jit  # imported once, before the processes part
network = p.Sequential([p.Linear(12, 6), p.ReLU(), p.Linear(6, 3)], input_shape=(12,))
x = np.random.default_rng(0).random((20, 12), np.float32)

def refuse(recipe):
    raise AssertionError("this must not be emitted")

def compile_in_processes(count, emit):
    start, go = os.pipe()
    answers, answer = os.pipe()
    for _ in range(count):
        if os.fork() == 0:
            jit.Recipe.emit = emit
            os.read(start, 1)
            digest = hashlib.sha256(p.compile(network, threads=1)(x)).hexdigest()
            os.write(answer, digest.encode() + b"\\n")
            os._exit(0)
    os.write(go, bytes(count))
    states = [os.wait()[1] for _ in range(count)]
    os.close(answer)
    print(*states, *os.read(answers, 10_000).decode().split(), flush=True)

compile_in_processes(8, jit.Recipe.emit)
compile_in_processes(1, refuse)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_eight_processes_compile_one_network_into_one_empty_cache():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], text=True, capture_output=True, timeout=100, check=True
    )
    at_once, late = (line.split() for line in done.stdout.splitlines())
    assert at_once[:8] == ["0"] * 8, done.stderr
    digest = at_once[8]
    assert len(digest) == 64, digest
    assert at_once[8:] == [digest] * 8
    folder, found = cache.folder(), entries()
    assert len(found) == 4, "three kernels, and what runs them"
    for key in found:
        assert len(key) == 64, f"{key} has been left behind"
        assert cache.load(folder, key) is not None
    assert late == ["0", digest], "all has been kept: another process emits nothing"


# ---- how much is kept
CONTENT = bytes(900)
SIZE = len(cache.MAGIC) + cache.DIGEST_BYTES + len(CONTENT)


def fill(folder, count):
    """Save entries, each used an hour after the one before it, the last one just now."""
    keys = [f"{number:02x}" + 62 * "a" for number in range(1, 1 + count)]
    for age, key in zip(reversed(range(count)), keys, strict=True):
        cache.save(folder, key, CONTENT)
        os.utime(folder / key, (time.time() - 3600 * age,) * 2)
    return keys


def test_what_was_not_used_for_longest_goes_first(monkeypatch):
    folder = cache.folder()
    keys = fill(folder, 12)
    monkeypatch.setattr(cache, "FOLDER_LIMIT", 12 * SIZE)
    cache.save(folder, "ff", CONTENT)
    assert len(entries()) == 13, "not at every occasion"
    os.utime(folder / "ff", (0, 0))
    (folder / "sub").mkdir()
    cache.save(folder, cache.OCCASION, CONTENT)
    (folder / "sub").rmdir()
    assert entries().keys() == {*keys[4:], cache.OCCASION}, "three quarters of the limit are left"
    assert all(cache.load(folder, key) == CONTENT for key in entries())
    cache.save(folder, cache.OCCASION + "1", CONTENT)
    assert len(entries()) == 10, "and nothing goes before the limit is reached"


def test_an_entry_that_is_used_stays(monkeypatch):
    monkeypatch.setattr(cache, "FOLDER_LIMIT", 4 * SIZE)
    folder = cache.folder()
    keys = fill(folder, 5)
    for key in keys:
        os.utime(folder / key, (1e9 + keys.index(key),) * 2)
    assert cache.load(folder, keys[0]) == CONTENT
    used = (folder / keys[0]).stat().st_mtime
    assert time.time() - used < 60
    os.utime(folder / keys[0], (used - 3600,) * 2)
    assert cache.load(folder, keys[0]) == CONTENT
    assert (folder / keys[0]).stat().st_mtime == used - 3600, "once a day is often enough"
    cache._make_room(folder)
    assert entries().keys() == {keys[0], keys[3], keys[4]}


@pytest.mark.parametrize("call", ["remove", "date"])
def test_a_disk_that_takes_no_change_is_no_reason_to_stop(call, monkeypatch):
    monkeypatch.setattr(cache, "FOLDER_LIMIT", 4 * SIZE)
    folder = cache.folder()
    keys = fill(folder, 5)
    os.utime(folder / keys[0], (1e9, 1e9))
    monkeypatch.setattr(cache.storage.system, call, read_only)
    assert cache.load(folder, keys[0]) == CONTENT
    cache.save(folder, cache.OCCASION, CONTENT)
    assert len(entries()) == (6 if call == "remove" else 3)
    cache._make_room(folder / "nowhere")


CROWD = """
import hashlib, sys
from pellucid.compiler import cache
cache.FOLDER_LIMIT, cache.OCCASION = 60_000, "0"
folder, wrong, missed = cache.folder(), 0, 0
for number in range(200):
    key = hashlib.sha256(f"{sys.argv[1]}.{number}".encode()).hexdigest()
    other = hashlib.sha256(f"{number % 8}.{number // 2}".encode()).hexdigest()
    cache.save(folder, key, key.encode() * 15)
    found = cache.load(folder, other)
    wrong += found not in (None, other.encode() * 15)
    missed += found is None
print(wrong, missed < 200)
"""


def test_eight_processes_make_room_at_once():
    command = [sys.executable, "-W", "error", "-c", CROWD]
    crowd = [subprocess.Popen([*command, str(i)], stdout=subprocess.PIPE, text=True) for i in range(8)]
    assert [process.communicate(timeout=100)[0] for process in crowd] == ["0 True\n"] * 8
    found = entries()
    assert all(len(key) == 64 and cache.load(cache.folder(), key) for key in found)
    assert sum(map(len, found.values())) < 2 * 60_000, "200 · 8 entries would take 1.6 MB"
    assert len(found) > 30, "and not all go"


# ---- no cache
@posix
@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null/nowhere", "/nowhere"])
@pytest.mark.parametrize("variable", ["PELLUCID_CACHE", "XDG_CACHE_HOME", "HOME"])
def test_without_a_folder_that_can_be_made_all_works(variable, home, monkeypatch, emitted):
    if home == "/nowhere":
        monkeypatch.setattr(cache.storage.system, "make_folders", read_only)
    for each in ("PELLUCID_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, home)
    assert cache.folder() is None
    assert right(outputs())
    assert len(emitted) >= 3
    assert right(outputs())
    assert len(emitted) >= 6, "there is nowhere to keep it"


def read_only(*_, **__):
    raise OSError(30, "Read-only file system")


def test_a_disk_that_has_become_read_only_is_read(monkeypatch, emitted):
    outputs()
    (cache.folder() / next(iter(entries()))).unlink()
    monkeypatch.setattr(cache.storage.system, "replace", read_only)
    emitted.clear()
    assert right(outputs())
    assert len(emitted) == 1


@posix
@pytest.mark.parametrize("mode", [0o701, 0o704, 0o720, 0o750, 0o1777])
def test_a_folder_that_others_may_use_is_neither_read_nor_written(mode, emitted):
    outputs()
    folder, before = cache.folder(), entries()
    emitted.clear()
    folder.chmod(mode)
    assert cache.folder() is None
    key = next(iter(before))
    (folder / key).unlink()
    assert right(outputs())
    assert len(emitted) == len(before)
    assert {path.name for path in folder.iterdir()} == before.keys() - {key}
    folder.chmod(0o700)
    assert cache.folder() == folder, "the control"


@posix
def test_a_folder_above_that_others_may_write_to_is_refused(tmp_path, monkeypatch):
    above = tmp_path / "above"
    monkeypatch.setenv("PELLUCID_CACHE", str(above / "between" / "cache"))
    assert cache.folder() is not None
    for place in (above, above / "between"):
        place.chmod(0o777)
        assert cache.folder() is None
        place.chmod(0o1777)
        assert cache.folder() is not None, "in a sticky one only the owner may rename"
        place.chmod(0o700)


# ---- what a key depends on
@pytest.fixture
def forgotten():
    """Let the digests of sources be made anew during the test, and after it."""

    def forget():
        sources.digest.cache_clear()
        sources._compilers_digest.cache_clear()

    forget()
    yield
    forget()


@pytest.mark.usefixtures("forgotten")
def test_sources_that_have_changed_meanwhile_name_no_entry(monkeypatch, emitted):
    """The process still runs what was imported: under the new sources' name it would leave old code for good."""
    path, (changed, size) = next(iter(sources._SEEN.items()))
    monkeypatch.setitem(sources._SEEN, path, (changed - 1, size))
    outputs(), outputs()
    assert len(emitted) == 6, "all were compiled both times"
    assert not any(cache.folder().iterdir())


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("kind", ["dated in the future", "not at hand"])
def test_sources_may_have_any_date_and_must_be_at_hand(kind, monkeypatch, tmp_path):
    """A container or an archive may bring files from a clock that is ahead of ours."""
    compiler = tmp_path / "pellucid" / "compiler"
    compiler.mkdir(parents=True)
    monkeypatch.setattr(sources, "__file__", str(compiler / "sources.py"))
    for path in (compiler / "sources.py", compiler.parent / "geometry.py"):
        path.write_text("")
        os.utime(path, (2e10, 2e10))
    if kind == "not at hand":
        path.unlink()
    monkeypatch.setattr(sources, "_SEEN", sources._marks())
    assert (sources.digest(jit.__name__) is None) == (kind == "not at hand")


def test_another_processor_finds_nothing(monkeypatch):
    """A folder may be shared by machines of different kinds."""
    outputs()
    found = list(Executable(p.lower(network()), len(X), 1, {}).code)
    assert {recipe.key() for recipe in found} <= entries().keys(), "the control"
    monkeypatch.setattr(recipe, "target", lambda isa: "another processor")
    assert not {recipe.key() for recipe in found} & entries().keys()


def test_checked_kernels_have_entries_of_their_own(monkeypatch):
    functions()  # the runner, which has no checked form, is compiled once, whichever test comes first
    before = entries().keys()
    outputs()
    plain = entries().keys() - before
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    assert right(outputs())
    assert plain
    assert len(entries().keys() - before) == 2 * len(plain)
