"""What the fuzz stands on: the comparison, the guard pages, and the long run that goes on where it stopped."""

import json
import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fuzz import __main__ as long_run
from fuzz import faults
from fuzz.agreement import Outcome, moved, moved_alike
from fuzz.guards import Guarded
from fuzz.networks import THREADS, elements
from fuzz.problems import problem
from fuzz.worker import MEMORY, Order, report
from pellucid.compiler import memory
from pellucid.compiler.executable import Executable
from pellucid.compiler.jit import compiled
from pellucid.compiler.plan import Scope
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.schedule import calls
from pellucid.compiler.tiles import instruction_set

posix = pytest.mark.skipif(os.name != "posix", reason="guard pages need mprotect")


@pytest.fixture(autouse=True)
def one_process(kept_kernels, monkeypatch):
    """Compile in this process alone, and share kernels with the other tests."""
    monkeypatch.setenv("PELLUCID_THREADS", "1")


# ---- agreement
def compared(found, expected, rounding=0.0):
    outcome = Outcome()
    arrays = {"y": np.array(expected, float)}
    outcome.compare({"y": np.array(found, np.float32)}, arrays, lambda: {"y": rounding})
    return outcome


def test_numbers_within_the_tolerance_of_the_largest_agree():
    assert compared([100.001, 0.0], [100, 0.001]) == Outcome(compared=1)
    (text,) = compared([100.003, 0.0], [100, 0]).mismatches
    assert text.startswith("y[0]: 100.002998, expected 100; off by 0.003, while the largest number allows 0.002, ")
    (text,) = compared([100, 0.01], [100, 0]).mismatches
    assert text.startswith("y[1]")
    assert compared([1e-9], [0]).mismatches
    assert compared([0], [0]) == Outcome(compared=1)


def test_what_rounding_explains_is_noted():
    assert compared([1e-9], [0], rounding=5e-10) == Outcome(compared=1, explained=["y"])
    assert compared([1e-9], [0], rounding=2e-10).mismatches


@pytest.mark.parametrize(
    "wrong", [(np.nan, 1), (1, np.nan), (np.inf, 1), (1, np.inf), (-np.inf, np.inf), (np.nan, np.inf)]
)
def test_nan_and_infinities_must_be_where_they_are_expected(wrong):
    found, expected = wrong
    assert compared([2, found], [2, expected], rounding=1e9).mismatches
    assert not compared([2, expected], [2, expected]).mismatches


def test_numbers_are_moved_by_up_to_a_unit_in_the_last_place(rng):
    x = np.repeat(rng.standard_normal(500, np.float32), 2)
    for change in (lambda: moved(rng, x), lambda: moved_alike(3, x), lambda: moved_alike(4, x.astype(float))):
        relative = np.abs(change() / x.astype(float) - 1)
        assert 0.4e-7 < relative.max() < 1.8e-7
    alike = moved_alike(3, x)
    assert (alike[::2] == alike[1::2]).all()
    assert (moved_alike(4, x) != alike).any()
    whole = np.arange(3)
    assert moved(rng, whole) is whole
    assert moved_alike(0, whole) is whole


# ---- guard pages
def test_memory_begins_at_lines_of_the_cache_and_is_zero():
    found = memory.rooms([1, 64, 4, 100])
    assert [len(room) for room in found] == [1, 64, 4, 100]
    addresses = [room.ctypes.data for room in found]
    assert all(address % memory.LINE == 0 for address in addresses)
    assert not any(room.any() for room in found)
    found[0][:] = found[1][:] = 1
    assert not found[3].any()


@posix
def test_a_guarded_array_lies_at_a_forbidden_page():
    for at_end in (True, False):
        array = Guarded(at_end).copy(np.arange(7, dtype=np.float32))
        assert array.tolist() == [0, 1, 2, 3, 4, 5, 6]
        assert (array.ctypes.data + at_end * array.nbytes) % mmap.PAGESIZE == 0


@posix
@pytest.mark.parametrize("at_end", [True, False])
def test_every_buffer_of_a_program_lies_at_a_forbidden_page(at_end):
    found = problem(8)
    guard = Guarded(at_end)
    with guard.everywhere():
        native = Executable(found.program, found.largest, THREADS, elements(found))
    scopes = {operand.buffer.scope for call in calls(native.plan.phases) for operand in call.operands}
    assert Scope.BATCH in scopes
    assert Scope.PASSING not in scopes
    rooms = [*native._schedule._rooms.values(), *native._weights, native._scalars, native._flags]
    assert len(rooms) > 10
    for room in rooms:
        assert (room.ctypes.data + at_end * room.nbytes) % mmap.PAGESIZE == 0


FAULT = """
import sys
import numpy as np
from fuzz.faults import copy
from fuzz.guards import Guarded, Memory
from pellucid.compiler.jit import compiled
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import instruction_set
where, shift, written = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
memory = Memory() if where == "nowhere" else Guarded(where == "behind")
x, y = (memory.copy(np.ones((3, 40), np.float32)) for _ in range(2))
compiled(Recipe(copy, (shift, written), instruction_set(), False))(x, y, samples=3)
print("alive")
"""


def run_fault(where, shift, written):
    """Return the exit status of a process that runs a kernel with such a fault, and what it prints."""
    path = os.pathsep.join([str(Path(faults.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [sys.executable, "-c", FAULT, where, str(shift), str(written)]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


@posix
@pytest.mark.parametrize(
    ("where", "shift", "written", "dies"),
    [
        ("behind", 0, 0, False),
        ("before", 0, 0, False),
        ("behind", 1, 0, True),
        ("behind", 0, 1, True),
        ("before", -1, 0, True),
        ("before", 0, -1, True),
        ("nowhere", 1, 0, False),  # nobody notices
    ],
)
def test_a_touch_beside_a_guarded_array_kills(where, shift, written, dies):
    status, text = run_fault(where, shift, written)
    assert (status, text) == ((-signal.SIGSEGV, "") if dies else (0, "alive")) or (dies and status == -signal.SIGBUS)


@pytest.mark.parametrize(("shift", "written"), [(1, 0), (0, 1), (-1, 0), (0, -1)])
def test_a_checked_kernel_says_so_itself(shift, written):
    x, y = np.ones((3, 40), np.float32), np.zeros((3, 40), np.float32)
    with pytest.raises(IndexError, match="lies outside"):
        compiled(Recipe(faults.copy, (shift, written), instruction_set(), True))(x, y, samples=3)


# ---- the long run
@posix
@pytest.mark.parametrize("seeds", ["8:11", "300:340"])
def test_guarded_cases_do_not_fault(seeds, tmp_path, capsys):
    """In other processes, which a fault would kill."""
    kind = "--networks" if seeds == "8:11" else "--kernels"
    assert long_run.main(["--seeds", seeds, kind, "--guard", "--out", str(tmp_path / "out.jsonl")]) == 0
    assert "guarded behind memory" in capsys.readouterr().out
    reports = long_run.lines(tmp_path / "out.jsonl")
    assert {r["memory"] for r in reports} == {"guarded behind", "guarded before"}
    assert sum(r["compared"] for r in reports) >= len(reports)


def test_a_run_goes_on_where_it_stopped(tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    words = ["--seeds", "0:4", "--kernels", "--out", str(out)]
    assert long_run.main(words) == 0
    first = long_run.lines(out)
    assert [r["seed"] for r in first] == [0, 1, 2, 3]
    kept = [json.dumps({**r, "what": "as it was"}) + "\n" for r in first[:2]]
    out.write_text("".join(kept) + json.dumps(first[2])[:30], encoding="utf-8")  # killed while it wrote
    assert long_run.main(words) == 0
    assert "2 cases to run, 2 in" in capsys.readouterr().out
    again = long_run.lines(out)
    assert [r["seed"] for r in again] == [0, 1, 2, 3]
    assert [r["what"] == "as it was" for r in again] == [True, True, False, False]


def test_whoever_dies_is_written_down_and_replaced(tmp_path, monkeypatch, capsys):
    program = "import os, sys; sys.stdin.readline(); os._exit(3)"
    monkeypatch.setattr(long_run, "PROGRAM", program)
    out = tmp_path / "out.jsonl"
    assert long_run.main(["--seeds", "5:7", "--kernels", "--out", str(out)]) == 1
    assert [r["mismatches"] for r in long_run.lines(out)] == [["died with exit status 3"]] * 2
    assert "died with exit status 3" in capsys.readouterr().out


def test_a_report_says_all_about_a_case(monkeypatch):
    found = report(Order("kernel", 0))
    assert found["what"]
    assert found["compared"] >= 1
    assert found["mismatches"] == found["explained"] == []
    assert set(MEMORY) == {"ordinary", "guarded behind", "guarded before"}
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    assert "PELLUCID_CHECK" in report(Order("kernel", 0))["mismatches"][0]


def test_an_error_is_a_mismatch(monkeypatch):
    monkeypatch.setattr("fuzz.worker.examine", lambda *given: 1 / 0)
    assert report(Order("network", 0))["mismatches"] == ["ZeroDivisionError: division by zero"]
