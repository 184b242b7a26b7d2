"""Threads: every piece of work is done once whoever does it, and idle ones sleep."""

import ctypes
import gc
import mmap
import os
import platform
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as p
from pellucid import models
from pellucid.compiler import runtime
from pellucid.compiler.jit import Compiled, compiled
from pellucid.compiler.plan import Buffer, Call, JobPhase, LeafPhase, Operand, Scope
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.runner import SPINS_BEFORE_YIELD, ContextWord
from pellucid.compiler.schedule import Schedule
from pellucid.compiler.tiles import instruction_set

pytestmark = pytest.mark.usefixtures("kept_kernels")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
WIDTH = 8


def increase(k):
    """y[n, i] = y[n, i] + 1: whether a piece of work is done once, and once only, can be counted."""
    y = k.tensor("y", k.samples, WIDTH)
    with k.range(*k.piece("rows", k.samples)) as n:
        y.store(y.load(n, 0, lanes=WIDTH) + k.constant(1.0, WIDTH), n, 0)


def follow(k):
    """y[n, i] = x[n, i] + 1: what a phase reads, the phase before must have written."""
    x, y = k.tensor("x", k.samples, WIDTH), k.tensor("y", k.samples, WIDTH)
    with k.range(*k.piece("rows", k.samples)) as n:
        y.store(x.load(n, 0, lanes=WIDTH) + k.constant(1.0, WIDTH), n, 0)


INCREASE = Recipe(increase, (), instruction_set(), False)
FOLLOW = Recipe(follow, (), instruction_set(), False)


class Work:
    """A schedule of a few phases of jobs that count how often they are done."""

    def __init__(self, jobs, phases=3, threads=7):
        self.buffers = [Buffer(f"counts {number}", 4 * WIDTH * jobs, Scope.WHOLE) for number in range(phases)]
        made = [
            JobPhase([(Call(INCREASE, (Operand(buffer, 4 * WIDTH * job),), count=1),) for job in range(jobs)])
            for buffer in self.buffers
        ]
        plan = SimpleNamespace(program=SimpleNamespace(leaf_size=1), phases=made, given={}, totals={})
        self.schedule = Schedule(plan, {INCREASE: compiled(INCREASE)}, 1, threads)
        self.threads, self.steps = threads, 0

    def run(self):
        runtime.run(self.schedule, self.schedule.segments[0], self.threads)
        self.steps += 1

    def wrong(self):
        """Return how many numbers have not been increased once a step."""
        views = [self.schedule.view(Operand(buffer), buffer.size // 4) for buffer in self.buffers]
        return sum(int((view != self.steps).sum()) for view in views)


# ---- arithmetic
UPWARD = {"x86_64": 0x800, "aarch64": 0x400000}.get(platform.machine())
"""What <fenv.h> calls rounding towards infinity."""


@pytest.mark.skipif(sys.platform != "linux" or UPWARD is None, reason="the mode's number is known for Linux only")
@pytest.mark.parametrize("threads", [1, 2])
def test_the_callers_way_of_rounding_changes_no_bit(threads, no_teams):
    """It is each thread's own, and a team that starts meanwhile has it too."""
    network, x = models.lenet(), np.random.default_rng(0).random((64, 1, 28, 28), np.float32)
    expected = p.predict(network, x, threads=threads)
    no_teams.clear()
    mathematics = ctypes.CDLL("libm.so.6")
    try:
        assert mathematics.fesetround(UPWARD) == 0
        assert np.float32(1) + np.float32(2**-30) > 1, "the caller rounds upward"
        found = p.predict(network, x, threads=threads)
        assert mathematics.fegetround() == UPWARD, "and still does"
    finally:
        mathematics.fesetround(0)
    assert found.tobytes() == expected.tobytes()


# ---- every item once
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_every_job_is_done_once_a_step(threads):
    """More threads than processors, and steps of different sizes one after the other: whoever is late with a step must
    not take work of the next."""
    works = [Work(jobs, threads=threads) for jobs in (7, 8, 30)]
    until, order = time.perf_counter() + 0.7, np.random.default_rng(threads)
    while time.perf_counter() < until:
        for at in order.integers(0, 3, 64):
            works[at].run()
    assert [work.wrong() for work in works] == [0, 0, 0]
    assert all(work.steps > 20 for work in works)


def test_the_control_a_job_done_twice_is_seen():
    work = Work(7)
    work.run()
    assert work.wrong() == 0
    view = work.schedule.view(Operand(work.buffers[1]), WIDTH * 7)
    view[WIDTH : 2 * WIDTH] += 1
    assert work.wrong() == WIDTH


@pytest.mark.parametrize("threads", [2, 5])
def test_a_phase_begins_when_the_one_before_is_complete(threads):
    """Each phase's jobs read what other jobs of the phase before have written."""
    jobs, phases = 6, 12
    buffers = [Buffer(f"numbers {number}", 4 * WIDTH * jobs, Scope.WHOLE) for number in range(phases + 1)]
    made = [
        JobPhase([
            (Call(FOLLOW, (Operand(x, 4 * WIDTH * ((job + 1) % jobs)), Operand(y, 4 * WIDTH * job)), count=1),)
            for job in range(jobs)
        ])
        for x, y in pairwise(buffers)
    ]  # fmt: skip
    plan = SimpleNamespace(program=SimpleNamespace(leaf_size=1), phases=made, given={}, totals={})
    schedule = Schedule(plan, {FOLLOW: compiled(FOLLOW)}, 1, threads)
    first, last = (schedule.view(Operand(buffer), WIDTH * jobs) for buffer in (buffers[0], buffers[-1]))
    for step in range(300):
        first[:] = step * 100
        runtime.run(schedule, schedule.segments[0], threads)
        assert (last == step * 100 + phases).all()


def test_leaves_go_through_in_micro_batches():
    """Samples of a leaf go through a few at a time; what is done once a leaf is done for the first of them alone."""
    each, once = Buffer("each", 4 * WIDTH, Scope.BATCH), Buffer("once", 4 * WIDTH, Scope.LEAF)
    calls = [Call(INCREASE, (Operand(once),), count=1, once=True), Call(INCREASE, (Operand(each),))]
    plan = SimpleNamespace(
        program=SimpleNamespace(leaf_size=16), phases=[LeafPhase(calls, 4)], given={}, totals={}
    )  # fmt: skip
    schedule = Schedule(plan, {INCREASE: compiled(INCREASE)}, 39, 3)
    schedule.set_batch(37)
    runtime.run(schedule, schedule.segments[0], 3)
    assert (schedule.view(Operand(once), 3 * WIDTH) == 1).all()
    samples = schedule.view(Operand(each), 39 * WIDTH).reshape(39, WIDTH)
    assert (samples[:37] == 1).all()
    assert not samples[37:].any(), "there are no such samples"


# ---- teams
def team_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("pellucid-")]


@pytest.fixture
def no_teams(monkeypatch):
    """Begin without teams, and leave those that others use alone."""
    monkeypatch.setattr(runtime, "_pools", {})
    return runtime._pools


def test_where_the_system_has_no_more_threads_fewer_do_the_work(no_teams, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    work = Work(30, threads=4)
    work.run()
    work.run()
    assert work.wrong() == 0


def test_one_thread_starts_no_other(no_teams):
    before = len(team_threads())
    Work(30, threads=1).run()
    assert not no_teams
    assert len(team_threads()) == before


def test_a_single_piece_of_work_starts_no_other(no_teams):
    work = Work(1, threads=7)
    work.run()
    assert work.wrong() == 0
    assert not no_teams


def test_a_team_starts_once_and_stays(no_teams):
    before = len(team_threads())
    work = Work(30, threads=3)
    for _ in range(5):
        work.run()
    assert list(no_teams) == [3]
    assert len(team_threads()) == before + 2


def test_work_of_any_size_makes_few_teams(no_teams):
    """A team of every size up to 16 would be 120 threads."""
    for jobs in range(1, 40):
        work = Work(jobs, phases=1, threads=16)
        work.run()
        assert work.wrong() == 0
    assert sorted(no_teams) == [2, 4, 8, 16]


@pytest.fixture
def soon_asleep(monkeypatch):
    """Let idle threads fall asleep sooner. Late turns let other programs work, if there are any: for milliseconds."""
    monkeypatch.setattr(runtime, "IDLE_TURNS", SPINS_BEFORE_YIELD + 100)


def asleep(team):
    until = time.perf_counter() + 20
    while team._asleep < team.threads - 1 and time.perf_counter() < until:
        time.sleep(0.005)
    return team._asleep


def processor_seconds():
    times = os.times()
    return times.user + times.system


def test_idle_threads_fall_asleep_and_wake(no_teams, soon_asleep):
    work = Work(64, phases=2, threads=3)
    work.run()
    (team,) = no_teams.values()
    taken = []
    for _ in range(3):
        assert asleep(team) == 2
        before, steps = processor_seconds(), int(team._words[ContextWord.GENERATION])
        time.sleep(0.1)
        taken.append(processor_seconds() - before)
        for _ in range(200):  # long enough for them to wake and join in
            work.run()
        assert int(team._words[ContextWord.GENERATION]) == steps + 200
        assert work.wrong() == 0
    assert min(taken) < 0.05, "two threads that wait would take 0.1 seconds each"


def test_a_team_that_sleeps_is_woken(soon_asleep):
    woken = []

    class Telling(threading.Condition):
        def notify_all(self):
            woken.append(team._asleep)
            super().notify_all()

    team = runtime.Pool(3)
    team._wake = Telling()
    work = Work(64, threads=3)
    for _ in range(3):
        with team.busy:
            team.run(work.schedule, work.schedule.segments[0])
        assert asleep(team) == 2
        woken.clear()
        with team.busy:
            team.run(work.schedule, work.schedule.segments[0])
        assert woken == [2]


def test_while_the_team_is_busy_the_caller_works_alone(no_teams):
    work = Work(30, threads=3)
    work.run()
    (team,) = no_teams.values()
    steps = int(team._words[ContextWord.GENERATION])
    with team.busy:
        work.run()
    assert work.wrong() == 0
    assert int(team._words[ContextWord.GENERATION]) == steps, "the team has had no part in it"
    work.run()
    assert int(team._words[ContextWord.GENERATION]) == steps + 1


def test_several_python_threads_run_at_once():
    works = [Work(jobs, threads=3) for jobs in (5, 16, 40)]
    failures = []

    def run(work):
        try:
            for _ in range(2_000):
                work.run()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert [work.wrong() for work in works] == [0, 0, 0]


# ---- two networks at once
def images(count=40):
    rng = np.random.default_rng(3)
    return rng.random((count, 1, 6, 6), np.float32), rng.integers(0, 3, count)


def network(seed=0):
    layers = [p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.Flatten(), p.Dropout(0.3), p.Linear(64, 3)]
    return p.Sequential(layers, input_shape=(1, 6, 6), seed=seed)


def trained(seed, threads=2, epochs=3):
    learner = network(seed)
    p.fit(learner, images(), epochs=epochs, batch_size=16, threads=threads, progress=False)
    return {path: parameter.data.tobytes() for path, parameter in learner.parameters().items()}


def at_once(*functions):
    """Call functions in threads of their own, and return what they give."""
    results = [None] * len(functions)

    def call(at):
        results[at] = functions[at]()

    threads = [threading.Thread(target=call, args=(at,)) for at in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_two_networks_train_in_two_python_threads():
    alone = [trained(0), trained(1)]
    assert alone[0] != alone[1]
    assert at_once(lambda: trained(0, epochs=3), lambda: trained(1, epochs=3)) == alone


def test_two_threads_that_use_the_same_network():
    learnt, (x, _) = network(), images(200)
    fast = p.compile(learnt, threads=2)
    parts = [x[:1], x[:7], x[50:150]]
    expected = [p.predict(learnt, part, engine="numpy") for part in parts]

    def predictor(predict, order):
        def repeat():
            worst = 0.0
            for _ in range(60):
                for at in order:
                    worst = max(worst, float(np.abs(predict(parts[at]) - expected[at]).max()))
            return worst

        return repeat

    def predict(part):
        return p.predict(learnt, part, threads=2)

    worst = at_once(predictor(fast, [0, 1, 2]), predictor(fast, [2, 0, 1]), predictor(predict, [1, 2, 0]),
                    predictor(predict, [0, 2, 1]))  # fmt: skip
    assert max(worst) < 1e-5
    assert np.abs(expected[0]).max() > 0.01, "the control: mixed-up outputs would show"


# ---- processes
CHILD = """
import hashlib, os, sys
import numpy as np
import pellucid as p
rng = np.random.default_rng(3)
x, y = rng.random((40, 1, 6, 6), np.float32), rng.integers(0, 3, 40)

def trained(network):
    p.fit(network, (x, y), epochs=2, batch_size=16, threads=3, progress=False)
    p.predict(network, x, threads=3)
    return hashlib.sha256(b"".join(q.data.tobytes() for q in network.parameters().values())).hexdigest()

def make():
    layers = [p.Conv2d(1, 4, 3), p.ReLU(), p.Flatten(), p.Linear(64, 3)]
    return p.Sequential(layers, input_shape=(1, 6, 6))
"""


def python(program, **environment):
    """Run a program in a process of its own and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD + program], env={**os.environ, **environment}, text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_trains_again():
    program = """
used = make()
first = trained(used)
fast = p.compile(used, threads=2)
expected = fast(x)
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    again = trained(make())
    further = trained(used)  # one that the parent has trained
    same = np.array_equal(p.predict(make(), x), p.predict(make(), x)) and np.array_equal(fast(x), expected)
    os.write(writer, f"{again} {further} {same}".encode())
    os._exit(0)
_, status = os.waitpid(child, 0)
print(first, status, os.read(reader, 1000).decode(), trained(make()), trained(used))
"""
    first, status, again, further, same, parent, parents_further = python(program)
    assert status == "0"
    assert again == first == parent
    assert further == parents_further != first
    assert same == "True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_waits_for_no_thread_that_is_gone():
    """Other threads of the parent predict, one of them with a snapshot, and another yet is about to compile."""
    program = """
import threading, time
from pellucid import native
from pellucid.compiler import jit
network = make()
fast = p.compile(network)
expected = p.predict(network, x)
(found,) = native._kept[network].values()
held, forked = threading.Event(), threading.Event()

def predict():
    with found.busy, fast._busy:
        held.set()
        forked.wait()

def link():
    with jit._lock:
        linking.set()
        time.sleep(0.2)

linking = threading.Event()
threads = [threading.Thread(target=predict), threading.Thread(target=link)]
for thread in threads:
    thread.start()
held.wait(), linking.wait()
child = os.fork()
if child == 0:
    same = [np.array_equal(y, expected[:len(y)]) for y in (p.predict(network, x), fast(x[:1]), fast(x))]
    os._exit(0 if all(same) and trained(make()) else 1)
forked.set()
_, status = os.waitpid(child, 0)
for thread in threads:
    thread.join()
print(status, np.array_equal(p.predict(network, x), expected), np.array_equal(fast(x), expected))
"""
    assert python(program) == ["0", "True", "True"]


def test_a_process_ends_while_its_threads_wait():
    assert python("print(trained(make()))")


@linux
def test_memory_and_threads_do_not_grow_with_what_is_compiled():
    """Thousands of kernels linked and let go, and networks compiled and let go."""
    y = np.zeros((1, WIDTH), np.float32)

    def link(times):
        for _ in range(times):
            Compiled(INCREASE)(y, samples=1)

    def compile_networks(times):
        x, _ = images(3)
        for _ in range(times):
            fast = p.compile(network(), threads=2)
            fast(x)
            p.predict(network(), x, threads=2)

    for work, times in ((link, 1_000), (compile_networks, 25)):
        work(times)
        gc.collect()
        before, threads = resident_bytes(), threading.active_count()
        work(times)
        work(times)
        gc.collect()
        grown = resident_bytes() - before
        assert grown < 4 * 2**20, f"{work.__name__}: {grown / times / 2:.0f} bytes each time"
        assert threading.active_count() == threads
    with mmap.mmap(-1, 2**26) as kept:  # from the system, and from nothing that was let go
        kept.write(bytes([1]) * len(kept))
        assert resident_bytes() - before > 4 * 2**20, "the control: what is kept is seen"


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
