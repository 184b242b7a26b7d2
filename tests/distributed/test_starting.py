"""How ranks start: one that is lost meanwhile ends all, and what was not started as it should be is refused."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from oracles.mpi_jobs import environment, needs_mpi
from pellucid.cli import launching, resuming, run
from pellucid.cli import ranks as words_of_ranks
from pellucid.cli.course import ended_in_words
from pellucid.cli.launching import beginning_of, how_to_go_on, outcome
from pellucid.cli.watch import SIGNALS
from pellucid.distributed import onlooker, room, starting, system
from pellucid.distributed.fellows import Fellow
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


# ---- what becomes of the exit code
def ended_as(**told):
    return SimpleNamespace(**{"unstarted": "", "done": False, "failed": 0, "run": "", "started": True, **told})


@pytest.mark.parametrize(
    ("job", "code", "signalled", "expected"),
    [
        (ended_as(done=True), 0, 0, (0, "")),
        (ended_as(done=True), 0, 15, (0, "")),
        (ended_as(), 0, 0, (1, "error: all ranks ended before their work was done")),
        (ended_as(), 0, 2, (130, "interrupted")),
        (ended_as(started=False), 0, 15, (143, "terminated")),
        (ended_as(failed=143), 0, 15, (143, "")),
        (ended_as(failed=2), 0, 0, (2, "")),
        (ended_as(), 137, 0, (137, "error: a rank was ended by signal 9, and the others with it")),
        (ended_as(), -9, 0, (137, "error: mpiexec was ended by signal 9, and the ranks with it")),
        (ended_as(unstarted="rank 1 ended"), -9, 0, (1, "error: rank 1 ended")),
        (ended_as(unstarted="rank 1 ended"), -9, 2, (130, "error: rank 1 ended")),
        (ended_as(failed=1), 1, 0, (1, "")),
    ],
)
def test_only_ranks_that_have_done_their_work_end_with_0(job, code, signalled, expected):
    assert outcome(job, code, signalled) == expected


def test_the_run_is_named_where_there_is_one_to_go_on_with(tmp_path):
    assert how_to_go_on(ended_as(unstarted="x"), 2, True) == ""
    assert how_to_go_on(ended_as(started=False), 2, True) == " before the work began"
    assert how_to_go_on(ended_as(run=str(tmp_path)), 2, True) == "; nothing was saved yet"
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint-000000003.safetensors").touch()
    (tmp_path / "checkpoint-000000003.safetensors").touch()
    told = how_to_go_on(ended_as(run=str(tmp_path)), 2, False)
    assert told.startswith("; to go on from the last checkpoint: ")
    assert told.endswith(f"resume {tmp_path} --ranks 2. With --elastic the others go on")
    assert how_to_go_on(ended_as(run=str(tmp_path)), 2, True).endswith("--ranks 2 --elastic")


def test_a_rank_that_hung_is_told_from_one_that_was_lost_once_and_by_the_first():
    hung = Fellow(1, "here", 27311, 5, "node2")
    ranks = SimpleNamespace(rank=0, fellows={1: hung}, killed=[1, 2], lost=[0, 1], patience=6.0)
    stream = io.StringIO()
    words_of_ranks.say_who_hung(ranks, stream)
    words_of_ranks.say_who_hung(ranks, stream)
    told = "note: rank 1 (node2, process 27311) did not come within 6 seconds, and was ended\n"
    assert stream.getvalue() == told
    words_of_ranks.say_who_hung(SimpleNamespace(**{**vars(ranks), "rank": 1, "killed": [1]}), stream)
    assert stream.getvalue() == told


def test_an_error_of_ranks_names_the_run_to_go_on_with(tmp_path):
    def ended(**training):
        told = {"ranks": None, "step": 4, "run": SimpleNamespace(folder=tmp_path, named="runs/a b"), **training}
        with pytest.raises(RankError) as caught, ended_in_words(SimpleNamespace(training=SimpleNamespace(**told))):
            raise RankError("rank 1 did not come")
        return str(caught.value)

    assert ended() == "rank 1 did not come", "there is no checkpoint"
    (tmp_path / "checkpoint-000000003.safetensors").touch()
    named = "rank 1 did not come; to go on when that is put right: .*pellucid resume 'runs/a b'"
    assert re.fullmatch(named, ended())
    assert ended(step=0) == ended(run=None) == "rank 1 did not come"


def test_as_many_ranks_go_on_as_the_command_has_started(started, tmp_path, monkeypatch):
    (tmp_path / "checkpoint-000000003.safetensors").touch()
    ranks, *_ = started(elastic=True, size=3)
    ranks.size, ranks.lost = 2, [1]
    training = SimpleNamespace(run=SimpleNamespace(folder=tmp_path, named="run"), ranks=ranks)
    monkeypatch.delenv(room.FOLDER, raising=False)
    assert resuming.command_of(training).endswith("pellucid resume run"), "mpiexec was told how many there are"
    monkeypatch.setenv(room.FOLDER, str(tmp_path))
    assert resuming.command_of(training).endswith("pellucid resume run --ranks 3 --elastic")
    ranks.elastic = False
    assert resuming.command_of(training).endswith("pellucid resume run --ranks 3")


def test_what_is_about_to_start_is_said(monkeypatch):
    monkeypatch.setattr(launching.os, "sched_getaffinity", lambda process: range(4), raising=False)
    monkeypatch.delenv("PELLUCID_THREADS", raising=False)
    assert beginning_of(2, None) == "starting 2 ranks of 2 threads"
    assert beginning_of(4, None) == "starting 4 ranks of 1 thread"
    assert beginning_of(2, 1) == "starting 2 ranks of 1 thread"
    told = "starting 8 ranks of 1 thread on 4 processors: more ranks than these only take turns"
    assert beginning_of(8, None) == told


class Job:
    """A job that is started, and ends, as a test says."""

    def __init__(self, code, run="", said=(), starting=lambda: None):
        self.sent, self.code, self.said, self.starting = [], code, said, starting
        vars(self).update(vars(ended_as(run=str(run))))

    def __call__(self, ranks, words, elastic, patience):
        self.starting()
        return self

    def wait(self, say):
        for line in self.said:
            say(line)
        return self.code

    def send(self, number):
        self.sent.append(number)


@pytest.fixture
def let_launch(monkeypatch):
    """Return what starts a job of two elastic ranks, and gives the exit code."""
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def start(job):
        monkeypatch.setattr("pellucid.distributed.launch.Launched", job)
        return launching.launched(2, True)

    yield start
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_that_comes_before_there_is_a_launcher_ends_the_ranks_at_once(let_launch, capsys):
    job = Job(-signal.SIGTERM, starting=lambda: signal.raise_signal(signal.SIGINT))
    assert let_launch(job) == 130
    assert job.sent == [signal.SIGTERM]
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted; nothing was saved yet"


def test_where_a_rank_ends_all_that_knows_of_no_run_the_command_says_how_to_go_on(let_launch, capsys, tmp_path):
    (tmp_path / "checkpoint-000000003.safetensors").touch()
    assert let_launch(Job(1, tmp_path, ["error: rank 2 did not come\n"])) == 1
    error, advice = capsys.readouterr().err.splitlines()[-2:]
    assert error == "error: rank 2 did not come"
    assert advice.startswith("to go on from the last checkpoint: ")
    assert advice.endswith(f"pellucid resume {tmp_path} --ranks 2 --elastic")


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
    by_launcher = (137, "error: a rank was ended by signal 9, and the others with it before the work began")
    found = (1, f"error: rank 1 (process {rank}) ended before training began; nothing was written")
    assert (process.returncode, said.splitlines()[-1]) in ([found] if elastic else [by_launcher, found])
    assert out == ""
    assert not (tmp_path / "run").exists()
