"""How many threads there are."""

import os
from pathlib import Path

import pytest

from pellucid.compiler import threads
from pellucid.compiler.threads import THREADS_VARIABLE, thread_count
from pellucid.errors import ArgumentError


def test_threads_are_as_many_as_the_argument_says(monkeypatch):
    monkeypatch.setenv(THREADS_VARIABLE, "5")
    assert thread_count(3) == 3
    for wrong in (0, -1, 2.5, "two"):
        with pytest.raises(ArgumentError, match="threads: expected a whole number of at least 1, received"):
            thread_count(wrong)
    assert thread_count(1024) == 1024
    with pytest.raises(ArgumentError, match="threads: expected at most 1,024, received 100,000"):
        thread_count(100_000)


def test_threads_are_as_many_as_the_environment_says(monkeypatch):
    monkeypatch.setenv(THREADS_VARIABLE, " 5 ")
    assert thread_count() == 5
    for wrong in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv(THREADS_VARIABLE, wrong)
        with pytest.raises(ArgumentError, match=f"PELLUCID_THREADS: expected a whole number .* received '{wrong}'"):
            thread_count()
    for many in ("1025", "9" * 5_000):
        monkeypatch.setenv(THREADS_VARIABLE, many)
        with pytest.raises(ArgumentError, match="PELLUCID_THREADS: expected at most 1,024, received"):
            thread_count()
    monkeypatch.setenv(THREADS_VARIABLE, "")
    assert thread_count() == threads.processors_here()


@pytest.fixture
def processors(monkeypatch):
    """Return a function that says how many processors there are, by affinity and by /sys/fs/cgroup/cpu.max."""

    def count(affinity, quota):
        def read_text(path):
            assert str(path) == "/sys/fs/cgroup/cpu.max"
            if quota is None:
                raise FileNotFoundError(path)
            return quota

        with monkeypatch.context() as patch:
            patch.delenv(THREADS_VARIABLE, raising=False)
            patch.setattr(os, "sched_getaffinity", lambda process: set(range(affinity)), raising=False)
            patch.setattr(Path, "read_text", read_text)
            threads._quota.cache_clear()
            try:
                return thread_count()
            finally:
                threads._quota.cache_clear()

    return count


@pytest.mark.parametrize(
    ("affinity", "quota", "expected"),
    [
        (6, None, 6), (6, "max 100000\n", 6), (6, "400000 100000\n", 4), (6, "150000 100000\n", 2),
        (6, "50000 100000\n", 1), (6, "1000000 100000\n", 6), (1, "400000 100000\n", 1), (6, "nonsense", 6),
    ],
)  # fmt: skip
def test_threads_are_as_many_as_processors_may_be_used(processors, affinity, quota, expected):
    assert processors(affinity, quota) == expected


def test_processors_that_come_later_are_used(monkeypatch):
    monkeypatch.delenv(THREADS_VARIABLE, raising=False)
    monkeypatch.setattr(threads, "_quota", lambda: 8)
    for processors in (1, 2, 16):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, found=processors: range(found), raising=False)
        assert thread_count() == min(processors, 8)
