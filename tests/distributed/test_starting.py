"""How ranks start: one that is lost meanwhile ends all, and what was not started as it should be is refused."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from oracles.mpi_jobs import environment, needs_mpi
from pellucid.cli import ranks as words_of_ranks
from pellucid.cli import run
from pellucid.distributed import onlooker, room, starting, system
from pellucid.distributed.onlooker import Onlooker
from pellucid.errors import RankError

PROC = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="processes are found in /proc")
LAUNCHERS = (*words_of_ranks.LAUNCHERS, "OMPI_COMM_WORLD_RANK", "PELLUCID_RANK", "SLURM_STEP_NUM_TASKS")
TRAIN = ("train", "small", "--data", "digits", "--epochs", "1", "--no-progress")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """As if no launcher had started this process."""
    for name in LAUNCHERS:
        monkeypatch.delenv(name, raising=False)


# ---- looked at from outside, without MPI
@pytest.fixture
def launcher(tmp_path):
    """A process that starts two others as ranks, and waits for them as long as it takes."""
    rank = "OMPI_COMM_WORLD_RANK={} sleep 60 &"
    command = ["sh", "-c", f"{rank.format(0)} {rank.format(1)} wait; sleep 60"]
    with subprocess.Popen(command, start_new_session=True) as process:
        yield process
        for each in [*system.processes(process.pid), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


def runs(process):
    """Return whether a process has not ended."""
    said = system.status(process)
    return said is not None and system.runs(process, said.began)


def ranks_of(session):
    """Return the process of each rank, when all are there."""
    found = {}
    while len(found) < 2:
        found = {system.rank_of(each): each for each in system.processes(session)}
        found.pop(None, None)
    return found


def seen_by(looking, seconds=10.0):
    end = time.monotonic() + seconds
    while not looking.found and time.monotonic() < end:
        time.sleep(0.01)
    looking.stop()
    return looking.found


@PROC
def test_a_rank_that_is_lost_as_ranks_start_ends_all(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(onlooker, "BY_THEMSELVES", 0.3)
    looking = Onlooker(launcher.pid, 2, str(tmp_path), 1.0)
    ranks = ranks_of(launcher.pid)
    time.sleep(0.3)
    os.kill(ranks[1], signal.SIGKILL)
    assert seen_by(looking) == f"rank 1 (process {ranks[1]}) ended before training began; nothing was written"
    assert launcher.wait(10) == -signal.SIGKILL
    end = time.monotonic() + 10
    while any(map(runs, ranks.values())):
        assert time.monotonic() < end


@PROC
def test_a_rank_that_was_lost_before_it_was_seen_is_missed(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(onlooker, "STARTING", 0.3)
    ranks = ranks_of(launcher.pid)
    os.kill(ranks[1], signal.SIGKILL)
    while runs(ranks[1]):
        pass
    found = seen_by(Onlooker(launcher.pid, 2, str(tmp_path), 1.0))
    assert found == "rank 1 did not start within 0.3 seconds; nothing was written"


@PROC
def test_a_rank_that_is_started_later_than_the_others_is_waited_for(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(onlooker, "BY_THEMSELVES", 0.1)
    ranks_of(launcher.pid)
    assert seen_by(Onlooker(launcher.pid, 3, str(tmp_path), 1.0), 0.6) == ""
    assert launcher.poll() is None


@PROC
def test_ranks_that_meet_just_before_they_are_ended_see_to_themselves(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(onlooker, "BY_THEMSELVES", 0.0)
    monkeypatch.setenv(room.FOLDER, str(tmp_path))
    named = Onlooker._named

    def meanwhile(looking, ranks):
        room.tell(room.STARTED)
        return named(looking, ranks)

    monkeypatch.setattr(Onlooker, "_named", meanwhile)
    ranks = ranks_of(launcher.pid)
    looking = Onlooker(launcher.pid, 2, str(tmp_path), 1.0)
    time.sleep(0.3)
    os.kill(ranks[1], signal.SIGKILL)
    assert seen_by(looking, 1.0) == ""
    assert room.told(str(tmp_path), room.STARTED) is not None, "it was about to end them"
    assert launcher.poll() is None


@PROC
def test_a_rank_that_hangs_as_ranks_start_ends_all_in_time(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(onlooker, "STARTING", 0.5)
    monkeypatch.setenv(room.FOLDER, str(tmp_path))
    looking = Onlooker(launcher.pid, 2, str(tmp_path), 0.1)
    ranks = ranks_of(launcher.pid)
    os.kill(ranks[1], signal.SIGSTOP)
    room.tell(f"{room.ARRIVED}0")
    assert seen_by(looking) == f"rank 1 (process {ranks[1]}) did not start within 0.5 seconds; nothing was written"
    assert launcher.wait(10) == -signal.SIGKILL


@PROC
def test_where_all_ranks_have_met_they_see_to_themselves(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(onlooker, "BY_THEMSELVES", 0.1)
    monkeypatch.setenv(room.FOLDER, str(tmp_path))
    ranks = ranks_of(launcher.pid)
    room.tell(room.STARTED)
    looking = Onlooker(launcher.pid, 2, str(tmp_path), 0.1)
    os.kill(ranks[1], signal.SIGKILL)
    assert seen_by(looking, 0.6) == ""
    assert launcher.poll() is None


def test_what_is_told_goes_nowhere_where_another_launcher_has_started_the_ranks(monkeypatch, tmp_path):
    monkeypatch.delenv(room.FOLDER, raising=False)
    room.tell(room.DONE)
    monkeypatch.setenv(room.FOLDER, str(tmp_path / "gone"))
    room.tell(room.DONE)
    assert room.told(str(tmp_path), room.DONE) is None


HANGS = """
import os, time
os.environ.update(OMPI_COMM_WORLD_RANK="1", OMPI_COMM_WORLD_SIZE="2")
from pellucid.distributed.starting import ended_after
with ended_after(60.0, 1):
    pass  # nothing is said of what has started
with ended_after(0.5, 1):
    time.sleep(30)
"""


def test_under_another_launcher_a_rank_ends_by_itself_where_mpi_does_not_start():
    variables = {name: value for name, value in environment().items() if name != room.FOLDER}
    found = subprocess.run([sys.executable, "-c", HANGS], env=variables, capture_output=True, text=True, timeout=25)
    assert found.returncode == 1
    assert found.stderr == "error: rank 1: not all ranks started within 0.5 seconds; nothing was written\n"


# ---- one training instead of many
def test_several_processes_without_a_word_are_refused_by_the_first_of_them(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setattr(words_of_ranks, "LATER", 0.0)
    for rank, said in (("0", "error: --distributed: mpiexec or srun has started 2 processes: with this "), ("1", "")):
        monkeypatch.setenv("OMPI_COMM_WORLD_RANK", rank)
        assert run([*TRAIN, "--out", str(tmp_path / "run")]) == 2
        assert capsys.readouterr().err[: len(said) or None] == said
    assert run([*TRAIN, "--out", str(tmp_path / "run"), "--ranks", "1"]) == 0, "each by itself, if one says so"


def test_a_process_that_nobody_has_started_as_a_rank_is_none(capsys, tmp_path):
    assert run([*TRAIN, "--out", str(tmp_path / "run"), "--distributed"]) == 2
    assert "--distributed: this process was not started by mpiexec or srun; --ranks N" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--rank-timeout", "5"], ["--elastic"]])
def test_words_about_ranks_need_ranks(capsys, words):
    assert run([*TRAIN, *words]) == 2
    assert f"{words[0]}: goes with --ranks or --distributed" in capsys.readouterr().err


def test_a_launcher_of_another_mpi_is_found_out(monkeypatch):
    world = SimpleNamespace(COMM_WORLD=SimpleNamespace(Get_size=lambda: 1))
    package = SimpleNamespace(rc=SimpleNamespace(), MPI=world)
    monkeypatch.setitem(sys.modules, "mpi4py", package)
    monkeypatch.setattr(starting, "finalize", lambda: None)
    assert starting.loaded_mpi() is world
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "4")
    with pytest.raises(RankError, match="4 processes were started, and each of them is alone to MPI"):
        starting.loaded_mpi()


# ---- real ranks
def children(process):
    """Return the processes that one has started."""
    every = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [each for each in every if (said := system.status(each)) and said.parent == process]


@PROC
@pytest.mark.parametrize("elastic", [True, False])
def test_a_rank_that_is_killed_as_mpi_starts_ends_the_command_within_seconds(tmp_path, elastic):
    needs_mpi()
    words = [sys.executable, "-m", "pellucid", *TRAIN, "--out", "run", "--ranks", "3", *["--elastic"] * elastic]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment(), "cwd": tmp_path}
    with subprocess.Popen(words, **how) as process:
        try:
            rank = None
            while rank is None and process.poll() is None:
                sessions = children(process.pid)
                rank = next((each for of in sessions for each in system.processes(of)
                             if system.rank_of(each) == 1), None)  # fmt: skip
            time.sleep(0.3)  # so that it has been seen
            os.kill(rank, signal.SIGKILL)
            out, said = process.communicate(timeout=15)
        finally:
            process.kill()
    by_launcher = (137, "error: a rank was ended by SIGKILL, and the others with it before the work began")
    found = (1, f"error: rank 1 (process {rank}) ended before training began; nothing was written")
    assert (process.returncode, said.splitlines()[-1]) in ([found] if elastic else [by_launcher, found])
    assert out == ""
    assert not (tmp_path / "run").exists()
