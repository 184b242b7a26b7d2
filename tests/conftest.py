"""Fixtures for the whole suite, and the rule that a test leaves the process as it found it."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings

# Examples differ from run to run where somebody looks for faults, and are the same ones where a change is judged.
settings.register_profile("search", deadline=None)
settings.register_profile("judge", deadline=None, derandomize=True)
settings.load_profile("judge" if os.environ.get("CI") else "search")


def pytest_collection_finish() -> None:
    """Let Python's collector of garbage pass over all that was imported: where torch and its like are among it each
    round took 0.2 s, and some tests ask for rounds."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of numbers that are the same in every run."""
    return np.random.default_rng(20_240_229)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets (mnist/ and its like); tests that need it are skipped where there is none."""
    named = os.environ.get("PELLUCID_DATA")
    if not named:
        pytest.skip("needs real data: set PELLUCID_DATA to the folder that holds mnist/")
    folder = Path(named).resolve()
    if not folder.is_dir():
        pytest.fail(f"PELLUCID_DATA is {named!r}, and that is no folder")
    return folder


class Global(NamedTuple):
    """Something that one test could change for all tests after it."""

    read: Callable[[], Any]
    restore: Callable[[Any], Any]


def read_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def restore_environment(environment: dict[str, str]) -> None:
    for name in read_environment().keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def read_generator() -> tuple[Any, ...]:
    kind, words, *rest = np.random.get_state()
    return kind, words.tolist(), *rest


GLOBALS = {
    "the environment variables": Global(read_environment, restore_environment),
    "the working directory": Global(os.getcwd, os.chdir),
    "NumPy's reaction to floating-point errors": Global(np.geterr, lambda reaction: np.seterr(**reaction)),
    "NumPy's print options": Global(np.get_printoptions, lambda options: np.set_printoptions(**options)),
    "NumPy's global random generator": Global(read_generator, np.random.set_state),
}


def restore_what_leaked(before: dict[str, Any]) -> list[str]:
    """Put back whatever differs from `before`, and name it."""
    leaked = [name for name, place in GLOBALS.items() if place.read() != before[name]]
    for name in leaked:
        GLOBALS[name].restore(before[name])
    return leaked


@pytest.fixture(autouse=True)
def no_leak() -> Iterator[None]:
    """Fail a test that changes global state, and put it back, so that only the culprit fails."""
    before = {name: place.read() for name, place in GLOBALS.items()}
    yield
    leaked = restore_what_leaked(before)
    if leaked:
        pytest.fail(f"this test changed {', '.join(leaked)} and did not put it back; use monkeypatch or a context")


@pytest.fixture(autouse=True)
def users_cache_untouched(
    no_leak: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Leave the user's compiled kernels alone: the tests of this run share others; return the folder."""
    own = tmp_path_factory.getbasetemp()
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own  # where several processes share the tests
    folder = run / "kept-kernels"
    monkeypatch.setenv("PELLUCID_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def compiling_alone(no_leak: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's own process compile all kernels: one more takes as long to start as ten kernels take, while the
    other processors are at work with other tests. `tests/compiler/test_driver.py` is about such processes."""
    monkeypatch.setattr("pellucid.compiler.driver.WORTH_A_PROCESS", sys.maxsize)
