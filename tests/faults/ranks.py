"""Ranks of an MPI job that are killed, or hang: the others come to the bits of one process, and leave its run."""

import json
import os
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
from pellucid.distributed.launch import ELASTIC, started
from pellucid.training.checkpoint import newest

from . import rank

SECONDS = 120
"""After which a job that has not ended counts as one that hangs."""
RANKS = 3


class Job:
    """An MPI job that trains."""

    def __init__(self, folder, size=RANKS, elastic=True, **told):
        words = [f"{name}={value}" for name, value in told.items()]
        program = [sys.executable, "-m", "tests.faults.rank", str(folder), *words]
        command = started(size, program, ELASTIC if elastic else ())
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
def whole():
    """Return what one process comes to, and the seconds that three ranks take."""
    with tempfile.TemporaryDirectory() as name:
        rank.train(Path(name))
        expected = outcome(Path(name))
    with tempfile.TemporaryDirectory() as name:
        job = Job(Path(name))
        job.begun()
        began = time.monotonic()
        code, said = job.ended()
        assert code == 0, said
        assert outcome(Path(name)) == expected
        return expected, time.monotonic() - began


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
    expected, found = whole()[0], outcome(folder)
    if other := [name for name in expected if expected[name] != found[name]]:
        return f"{', '.join(other)} other than in one process: {said}"
    done = len(list(folder.glob("done-*")))
    return "" if left is None or done == left else f"{done} ranks came to the end, not {left}: {said}"


def killed(seed, victims, how=signal.SIGKILL):
    """Kill ranks at random instants; they need not be alive any more then."""
    rng = np.random.default_rng(seed)
    seconds = whole()[1]
    with tempfile.TemporaryDirectory() as name:
        job = Job(Path(name))
        processes = job.begun()
        began = time.monotonic()
        for victim in victims(rng):
            time.sleep(max(0.0, began + float(rng.uniform(0, 1)) * seconds - time.monotonic()))
            send(processes[victim], how)
        return wrong(Path(name), *job.ended())


def at_random(seed):
    """One rank is killed at a random instant."""
    return killed(seed, lambda rng: [int(rng.integers(RANKS))])


def the_first(seed):
    """The first rank is killed at a random instant."""
    return killed(seed, lambda rng: [0])


def two(seed):
    """Two ranks are killed at once, and the last one goes on alone."""
    with tempfile.TemporaryDirectory() as name:
        job = Job(Path(name))
        processes = job.begun()
        rng = np.random.default_rng(seed)
        time.sleep(float(rng.uniform(0, 1)) * whole()[1])
        for victim in rng.permutation(RANKS)[:2]:
            send(processes[victim], signal.SIGKILL)
        return wrong(Path(name), *job.ended())


def in_a_checkpoint(seed):
    """The first rank is killed at a system call of a save, halfway through where it writes."""
    with tempfile.TemporaryDirectory() as name:
        return wrong(Path(name), *Job(Path(name), odd=0, call=60 + 7 * seed).ended())


def at_exchange(seed):
    """A rank is killed as it begins an exchange."""
    with tempfile.TemporaryDirectory() as name:
        found = Job(Path(name), odd=seed % RANKS, exchange=1 + seed // RANKS).ended()
        return wrong(Path(name), *found, left=RANKS - 1)


def hanging(seed):
    """A rank hangs for longer than the others wait: they end it, and go on."""
    told = {"odd": seed % RANKS, "exchange": 20 + seed, "signal": int(signal.SIGSTOP), "patience": 5}
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
    with tempfile.TemporaryDirectory() as name:
        job, rng = Job(Path(name)), np.random.default_rng(seed)
        processes = job.begun()
        time.sleep(float(rng.uniform(0, 1)) * whole()[1])
        if job.process.poll() is not None:
            return wrong(Path(name), *job.ended())
        for process in processes:
            send(process, signal.SIGKILL)
        job.ended()
        left = newest(Path(name, "run")) if (Path(name, "run") / "config.toml").exists() else None
        if left is None or left.finished:
            return ""
        return wrong(Path(name), *Job(Path(name), size=2).ended())
