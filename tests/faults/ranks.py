"""Ranks of an MPI job that are killed, or hang: the others come to the bits of one process, and leave its run."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from oracles.mpi_jobs import ROOT, environment
from pellucid.distributed.launch import FT_OPTIONS, started
from pellucid.training.checkpoint import newest

from . import kills, rank
from .noted import note

SECONDS = 120
"""After which a job that has not ended counts as one that hangs."""
RANKS = 3
BEFORE = -0.1
"""From which instant on something may happen; see `Job.come_to`."""


class Job:
    """An MPI job that trains."""

    def __init__(self, folder, size=RANKS, elastic=True, **told):
        words = [f"{name}={value}" for name, value in told.items()]
        program = [sys.executable, "-m", "tests.faults.rank", str(folder), *words]
        command = started(size, program, FT_OPTIONS if elastic else ())
        self.folder, self.size = folder, size
        self.room = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
            env=environment(self.room.name), start_new_session=True,
        )  # fmt: skip

    def begun(self):
        """Return the processes of the ranks, when all have begun."""
        places = [self.folder / f"rank-{number}" for number in range(self.size)]
        until(lambda: self.process.poll() is not None or all(map(written, places)))
        return [int(place.read_text()) for place in places if written(place)]

    def come_to(self, instant):
        """Wait until it is where the job that nobody disturbs is at an instant: from 0, its first exchange, to 1, its
        last. This one may be slower."""
        times = undisturbed()
        seconds = times[0] + instant * (times[-1] - times[0])
        exchange = sum(each <= seconds for each in times)
        counted = self.folder / "exchanges-0"
        until(lambda: self.process.poll() is not None or counted.stat().st_size >= exchange)
        time.sleep(seconds - (times[exchange - 1] if exchange else 0.0))

    def ended(self):
        """Return the exit code and what was printed."""
        with self.room:
            try:
                said, _ = self.process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                for place in self.folder.glob("rank-*"):
                    send(int(place.read_text()), signal.SIGKILL)
                self.process.kill()
                said, _ = self.process.communicate()
                return None, said
            return self.process.returncode, said


def written(place):
    return place.exists() and place.read_text() != ""


def until(true):
    end = time.monotonic() + SECONDS
    while not true() and time.monotonic() < end:
        time.sleep(0.002)


def send(process, number):
    with suppress(ProcessLookupError):
        os.kill(process, number)


@cache
def expected():
    """Return what one process comes to."""
    with tempfile.TemporaryDirectory() as name:
        rank.train(Path(name))
        return outcome(Path(name))


@cache
def undisturbed():
    """Return the seconds after which three ranks begin each of their exchanges."""
    expected()  # so that nothing is compiled any more
    with tempfile.TemporaryDirectory() as name:
        job = Job(Path(name))
        job.begun()
        began = time.monotonic()
        found = job.ended()
        assert not wrong(Path(name), *found, left=RANKS)
        times, _ = json.loads(Path(name, "done-0").read_text())
        return [each - began for each in times]


@cache
def calls_of_saves():
    """Return how many system calls write the checkpoints of a training, and keep its best networks."""
    system = kills.KillingSystem(-1)
    with tempfile.TemporaryDirectory() as name, rank.counted_saves(system):
        rank.train(Path(name))
    return system.count


def outcome(folder):
    """Return what must be the same: files, log but for the times, and what callbacks kept."""
    run = folder / "run"
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    log = [{name: value for name, value in line.items() if name != "seconds"} for line in lines]
    kept = {path.name: path.read_bytes() for path in sorted((run / "best").iterdir())}
    left = newest(run)
    return {
        "model": (run / "model.safetensors").read_bytes(), "log": log, "best": kept, "finished": left.finished,
        "losses": left.history().batches, "stumps": [path.name for path in run.glob(".*")],
    }  # fmt: skip


def wrong(folder, code, said, left=None, expected_code=0):
    """Return what is wrong with an ended job; nothing where it is as if nothing had happened."""
    if code != expected_code:
        return f"exit code {code}: {said[-2000:]}"
    found = outcome(folder)
    if other := [name for name, each in expected().items() if each != found[name]]:
        return f"{', '.join(other)} other than in one process ({', '.join(sorted(found['best']))} kept): {said}"
    done = len(list(folder.glob("done-*")))
    return "" if left is None or done == left else f"{done} ranks came to the end, not {left}: {said}"


def when_lost(folder, said):
    """Return when the first rank was lost of a job that has ended."""
    if len(list(folder.glob("done-*"))) == RANKS:
        return "killed after all was done"
    found = re.search(r"lost after step ([\d,]+)", said)
    if not found:
        return "lost behind the last step"
    return "lost in the first step" if found[1] == "0" else "lost in training"


def killed(seed, victims):
    """Kill some ranks at a random instant, at once; they need not be alive any more then."""
    rng = np.random.default_rng(seed)
    undisturbed()
    with tempfile.TemporaryDirectory() as name:
        job = Job(Path(name))
        processes = job.begun()
        job.come_to(float(rng.uniform(BEFORE, 1)))
        for victim in victims(rng):
            send(processes[victim], signal.SIGKILL)
        code, said = job.ended()
        note(when_lost(Path(name), said))
        return wrong(Path(name), code, said)


def at_random(seed):
    """One rank is killed at a random instant."""
    return killed(seed, lambda rng: [int(rng.integers(RANKS))])


def the_first(seed):
    """The first rank is killed at a random instant."""
    return killed(seed, lambda rng: [0])


def two(seed):
    """Two ranks are killed at once, and the last one goes on alone."""
    return killed(seed, lambda rng: rng.permutation(RANKS)[:2])


def in_a_save(seed):
    """The first rank is killed at a system call by which it writes a checkpoint, or a network that it keeps, halfway
    through where that writes."""
    with tempfile.TemporaryDirectory() as name:
        found = Job(Path(name), odd=0, save=1 + seed % calls_of_saves()).ended()
        call = Path(name, "killed")
        if not written(call):
            return "it was not killed"
        note(f"at {call.read_text()}")
        return wrong(Path(name), *found, left=RANKS - 1)


def at_exchange(seed):
    """A rank is killed as it begins an exchange."""
    return killed_at(seed % RANKS, 1 + seed // RANKS % len(undisturbed()))


def killed_at(victim, exchange):
    """Kill a rank as it begins an exchange, of which there must be so many."""
    with tempfile.TemporaryDirectory() as name:
        found = Job(Path(name), odd=victim, exchange=exchange).ended()
        return wrong(Path(name), *found, left=RANKS - 1)


def hanging(seed):
    """A rank hangs for longer than the others wait: they end it, and go on."""
    told = {"odd": seed % RANKS, "exchange": 20 + seed % 100, "signal": int(signal.SIGSTOP), "patience": 5}
    with tempfile.TemporaryDirectory() as name:
        return wrong(Path(name), *Job(Path(name), **told).ended(), left=RANKS - 1)


def paused(seed, seconds=10):
    """A rank is stopped for a while: the others wait, and none is lost."""
    with tempfile.TemporaryDirectory() as name:
        job = Job(Path(name))
        process = job.begun()[seed % RANKS]
        send(process, signal.SIGSTOP)
        time.sleep(seconds)
        send(process, signal.SIGCONT)
        return wrong(Path(name), *job.ended(), left=RANKS)


def all_killed(seed):
    """All are killed at a random instant; another number of ranks goes on."""
    undisturbed()
    with tempfile.TemporaryDirectory() as name:
        job, rng = Job(Path(name)), np.random.default_rng(seed)
        processes = job.begun()
        job.come_to(float(rng.uniform(BEFORE, 1)))
        if job.process.poll() is not None:
            return wrong(Path(name), *job.ended())
        for process in processes:
            send(process, signal.SIGKILL)
        job.ended()
        left = newest(Path(name, "run")) if (Path(name, "run") / "config.toml").exists() else None
        if left is None or left.finished:
            return ""
        return wrong(Path(name), *Job(Path(name), size=2).ended())
