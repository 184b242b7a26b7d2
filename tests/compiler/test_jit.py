"""From recipe to callable: what a call checks, what may be linked, what a pickle keeps, when the disk is trusted."""

import gc
import os
import pickle
import subprocess
import sys
import types
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.compiler import cache, jit, sources
from pellucid.compiler import recipe as recipe_module
from pellucid.compiler.builder import Kernel
from pellucid.compiler.jit import Compiled, assembly, compiled, compiled_together, kept_code, object_code
from pellucid.compiler.kernels.pointwise import leaky_relu
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, GENERIC, instruction_set
from pellucid.errors import CompilerError, ShapeError

ISA = instruction_set()
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")


def scale(k: Kernel, factor: float) -> None:
    """y[n, i] = x[n, i] * factor + 1"""
    x, y = k.tensor("x", k.samples, 4), k.tensor("y", k.samples, 4)
    with k.range(*k.piece("rows", k.samples)) as n:
        y.store(x.load(n, 0, lanes=4) * k.constant(factor, 4) + k.constant(1.0, 4), n, 0)


RECIPE = Recipe(scale, (3.0,), ISA, False)
X = np.arange(8, dtype=np.float32).reshape(2, 4)


def result(kernel):
    y = np.zeros_like(X)
    kernel(X, y, samples=2)
    return y


def refuse(*_):
    raise AssertionError("this must not be emitted")


# ---- calls
def test_a_kernel_is_called_with_arrays():
    assert np.array_equal(result(compiled(RECIPE)), X * 3 + 1)


@pytest.mark.parametrize(
    ("x", "ranges", "message"),
    [
        (X[:1], {}, r"expects x as a contiguous array \(2, 4\) of float32, but the input has \(1, 4\)"),
        (X.astype(float), {}, "of float32, but the input has .* of float64"),
        (np.asfortranarray(X), {}, "not contiguous"),
        (X, {"rows": (1, 3)}, "expects rows within 0 to 2, but the input has 1 to 3"),
    ],
)
def test_arrays_and_ranges_that_do_not_fit_are_refused(x, ranges, message):
    with pytest.raises(ShapeError, match=message):
        compiled(RECIPE)(x, np.zeros_like(X), samples=2, **ranges)


def test_an_unknown_range_is_refused():
    with pytest.raises(TypeError, match="no range is called columns; there are rows"):
        compiled(RECIPE)(X, np.zeros_like(X), samples=2, columns=(0, 1))


def test_one_kernel_serves_all_who_hold_it_and_goes_with_the_last():
    first = compiled(RECIPE)
    assert compiled(Recipe(scale, (3.0,), ISA, False)) is first
    del first
    gc.collect()
    assert RECIPE not in jit._at_hand


def test_compiled_and_freed_again_and_again():
    for _ in range(30):
        assert result(compiled(RECIPE))[1, 3] == 22
        gc.collect()


# ---- several at a time
def shift(k: Kernel, term: float) -> None:
    """y[n, i] = x[n, i] + term"""
    x, y = k.tensor("x", k.samples, 4), k.tensor("y", k.samples, 4)
    with k.range(*k.piece("rows", k.samples)) as n:
        y.store(x.load(n, 0, lanes=4) + k.constant(term, 4), n, 0)


def several(checked=False):
    """Return recipes, three of them of one kind, with what each makes of `X`; no other test holds them."""
    scaled = {Recipe(scale, (factor,), ISA, checked): X * factor + 1 for factor in (2.0, 4.0, 8.0)}
    return {**scaled, Recipe(shift, (5.0,), ISA, checked): X + 5}


@pytest.mark.parametrize("checked", [False, True])
def test_kernels_that_are_compiled_together_do_not_mix(checked):
    expected = several(checked)
    kernels = compiled_together(dict.fromkeys(expected))
    assert len({kernel.address for kernel in kernels.values()}) == len(expected)
    for recipe, y in expected.items():
        assert np.array_equal(result(kernels[recipe]), y)


def test_a_check_that_fails_is_reported_by_its_own_kernel_alone():
    def beyond(k: Kernel) -> None:
        """y[n] = 0, and one more."""
        k.tensor("y", k.samples).store(k.zeros(1), k.samples)

    recipes = [Recipe(beyond, (), ISA, True), *several(checked=True)]
    wrong, *others = compiled_together(dict.fromkeys(recipes)).values()
    with pytest.raises(IndexError, match="beyond: index"):
        wrong(X[0], samples=4)
    for kernel in others:
        kernel.handle().report()


def test_a_library_stays_for_as_long_as_its_kernel():
    expected = several()
    kernels = compiled_together(dict.fromkeys(expected))
    libraries = [weakref.ref(kernel.handle()._library) for kernel in kernels.values()]
    kept = kernels.pop(next(reversed(expected)))
    kernels.clear()
    gc.collect()
    alive = [library for library in libraries if library() is not None]
    assert {library() for library in alive} == {kept.handle()._library}, "the others are gone"
    assert np.array_equal(result(kept), X + 5)
    del kept
    gc.collect()
    assert all(library() is None for library in libraries)


def test_only_what_is_not_at_hand_is_linked(monkeypatch):
    expected = several()
    second = list(expected)[1]
    one = compiled(second)
    address = one.address
    kernels = compiled_together(dict.fromkeys(expected))
    assert kernels[second] is one
    assert one.address == address
    monkeypatch.setattr(jit, "_library", refuse)
    assert compiled_together(dict.fromkeys(expected)) == kernels


def test_a_pickle_holds_no_address():
    kernel = compiled(RECIPE)
    copied = pickle.loads(pickle.dumps(kernel))  # noqa: S301
    assert isinstance(copied, Compiled)
    assert copied._handle is None
    assert np.array_equal(result(copied), result(kernel))


def test_the_environment_asks_for_checks(monkeypatch):
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    assert Recipe(scale, (3.0,), ISA).checked
    monkeypatch.setenv("PELLUCID_CHECK", "0")
    assert not Recipe(scale, (3.0,), ISA).checked


@pytest.mark.skipif("sse" not in BY_NAME or ISA.name == "neon", reason="every Arm has a fused multiply-add")
def test_code_that_calls_a_library_is_not_linked():
    wrong = replace(GENERIC, name="wrong", fused=True)  # so that multiply-adds become calls of fmaf
    with pytest.raises(CompilerError, match=r"scale: expected code that calls nobody, but for wrong it calls _?fmaf"):
        compiled(Recipe(scale, (3.0,), wrong, False))


def test_assembly_can_be_read():
    assert "scale" in assembly(RECIPE)


def test_parameters_must_be_plain():
    with pytest.raises(TypeError, match="numbers, texts, tuples"):
        Recipe(scale, (frozenset({3.0}),), ISA, False).key()


# ---- keys
def test_whatever_decides_the_code_decides_the_key(monkeypatch):
    recipes = [
        RECIPE,
        replace(RECIPE, parameters=(3.5,)),
        replace(RECIPE, parameters=(3,)),
        replace(RECIPE, isa=GENERIC),
        replace(RECIPE, checked=True),
    ]
    keys = [recipe.key() for recipe in recipes]
    assert RECIPE.key() == keys[0]
    monkeypatch.setattr(sources, "digest", lambda module: "other sources")
    keys.append(RECIPE.key())
    monkeypatch.setattr(recipe_module, "target", lambda isa: "another processor")
    keys.append(RECIPE.key())
    assert len(set(keys)) == len(keys)


def test_sources_are_the_compilers_and_those_of_the_emitter(monkeypatch, tmp_path):
    own = sources.digest(leaky_relu.__module__)
    assert own == sources.digest(jit.__name__)
    assert own != sources.digest(__name__)
    monkeypatch.setattr(sources, "digest", sources.digest.__wrapped__)  # which remembers nothing
    monkeypatch.setattr(sources, "_BEGUN", float("inf"))
    keys = []
    for content in ("", "one", "other"):
        (tmp_path / "emitters.py").write_text(content)
        monkeypatch.setattr(sys.modules[__name__], "__file__", str(tmp_path / "emitters.py"))
        keys.append(RECIPE.key())
    assert len(set(keys)) == 3
    (tmp_path / "emitters.py").unlink()
    assert RECIPE.key() is None, "what nobody can read cannot be told from something else"
    assert np.array_equal(result(Compiled(RECIPE)), X * 3 + 1)


def test_an_emitter_that_has_changed_since_the_process_began_names_no_entry(monkeypatch):
    monkeypatch.setattr(sources, "digest", sources.digest.__wrapped__)
    assert RECIPE.key() is not None, "the control"
    monkeypatch.setattr(sources, "_BEGUN", Path(__file__).stat().st_mtime - 1)
    assert RECIPE.key() is None
    assert np.array_equal(result(Compiled(RECIPE)), X * 3 + 1)


@pytest.mark.parametrize("module", ["__main__", "a module that is nowhere"])
@pytest.mark.parametrize("with_file", [False, True])
def test_what_was_typed_in_is_compiled_and_not_kept(module, with_file, monkeypatch):
    """A notebook's emitters belong to `__main__`, which has no file, or one that says nothing of them."""

    def twice(k: Kernel) -> None:
        """y[n, i] = 2 x[n, i]"""
        scale(k, 2.0)

    main = types.ModuleType(module)
    if with_file:
        main.__file__ = __file__
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(twice, "__module__", module)
    recipe = Recipe(twice, (), ISA, False)
    assert recipe.key() is None
    assert np.array_equal(result(compiled(recipe)), X * 2 + 1)
    assert list(cache.folder().iterdir()) == []


# ---- the disk
def test_an_entry_on_the_disk_spares_emitting(monkeypatch):
    first = object_code(RECIPE)
    monkeypatch.setattr(Recipe, "emit", refuse)
    assert kept_code(RECIPE) == [first]
    assert np.array_equal(result(compiled(RECIPE)), X * 3 + 1)
    with pytest.raises(AssertionError, match="must not be emitted"):
        object_code(replace(RECIPE, parameters=(4.0,)))


def entry():
    """Compile the kernel and return the file of its entry, and its bytes."""
    object_code(RECIPE)
    path = cache.folder() / RECIPE.key()
    return path, path.read_bytes()


def test_a_changed_entry_is_not_seen(rng):
    path, good = entry()
    folder, key = path.parent, path.name
    assert cache.load(folder, key) is not None, "the control: an entry that is whole is seen"
    for _ in range(500):
        bad = bytearray(good)
        bad[rng.integers(len(good))] ^= 1 << rng.integers(8)
        path.write_bytes(bad)
        assert cache.load(folder, key) is None
    for length in [0, 1, 17, 18, 49, 50, 51, *rng.integers(0, len(good), 50)]:
        path.write_bytes(good[:length])
        assert cache.load(folder, key) is None
    path.write_bytes(good + b"\0")
    assert cache.load(folder, key) is None
    (folder / "another").write_bytes(good)  # whole, but of another kernel
    assert cache.load(folder, "another") is None


def test_a_changed_entry_is_compiled_again_and_replaced():
    path, good = entry()
    for bad in (b"", good[:-1], good[:100] + b"\xff" + good[101:]):
        path.write_bytes(bad)
        assert np.array_equal(result(Compiled(RECIPE)), X * 3 + 1)
        assert path.read_bytes() == good


def test_an_entry_that_is_no_file_is_not_opened(tmp_path):
    path, good = entry()
    path.unlink()
    (tmp_path / "elsewhere").write_bytes(good)
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.load(path.parent, path.name) is None
    assert np.array_equal(result(Compiled(RECIPE)), X * 3 + 1)
    assert path.read_bytes() == good
    assert not path.is_symlink()


PROCESS = """
import sys; sys.path[:0] = [{tests!r}]
from compiler_test_jit import *
print(result(compiled(RECIPE))[1, 3])
"""


def test_processes_that_compile_at_once_do_not_meet(tmp_path, cache_folder):
    (tmp_path / "compiler_test_jit.py").write_bytes(Path(__file__).read_bytes())
    command = [sys.executable, "-c", PROCESS.format(tests=str(tmp_path))]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["22.0", "22.0"]
    names = [path.name for path in (cache_folder / "kernels").iterdir()]
    assert len(names) == 1
    assert cache.load(cache_folder / "kernels", names[0]) is not None


# ---- the folder
@posix
def test_the_folder_is_the_users_alone(cache_folder):
    folder = cache.folder()
    assert folder == cache_folder / "kernels"
    assert folder.stat().st_mode & 0o777 == 0o700


def share(folder, tmp_path):
    folder.chmod(0o750)


def link(folder, tmp_path):
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")


def open_parent(folder, tmp_path):
    folder.parent.chmod(0o777)


def make_a_file_of_it(folder, tmp_path):
    folder.rmdir()
    folder.write_bytes(b"")


@posix
@pytest.mark.parametrize("spoil", [share, link, open_parent, make_a_file_of_it])
def test_a_folder_that_others_may_touch_is_not_used(spoil, tmp_path):
    folder = cache.folder()
    assert folder is not None
    spoil(folder, tmp_path)
    assert cache.folder() is None
    assert np.array_equal(result(Compiled(RECIPE)), X * 3 + 1)
    assert not folder.is_dir() or list(folder.iterdir()) == []


@posix
def test_a_folder_of_somebody_else_is_not_used(monkeypatch):
    assert cache.folder() is not None
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert cache.folder() is None


@posix
@pytest.mark.parametrize("home", ["a file", "nowhere"])
def test_without_a_usable_home_there_is_no_cache(home, monkeypatch, tmp_path):
    monkeypatch.delenv("PELLUCID_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "a file").write_bytes(b"")
    monkeypatch.setenv("HOME", str(tmp_path / home / "user"))
    if home == "nowhere":
        monkeypatch.setattr(cache.storage.system, "make_folders", read_only)
    assert cache.folder() is None
    assert np.array_equal(result(Compiled(RECIPE)), X * 3 + 1)


def read_only(*_, **__):
    raise OSError(30, "Read-only file system")


@posix
def test_a_disk_that_takes_nothing_is_no_reason_to_stop(monkeypatch):
    assert cache.folder() is not None
    monkeypatch.setattr(cache.storage.system, "replace", read_only)
    assert np.array_equal(result(Compiled(RECIPE)), X * 3 + 1)
    assert list(cache.folder().iterdir()) == []
