"""How the command that has started ranks ends: its exit code, what it says, and how to go on; no MPI is needed."""

import io
import re
import signal
from types import SimpleNamespace

import pytest

from pellucid.cli import launching, resuming
from pellucid.cli import ranks as words_of_ranks
from pellucid.cli.course import ended_in_words
from pellucid.cli.launching import beginning_of, how_to_go_on, outcome
from pellucid.cli.watch import SIGNALS
from pellucid.distributed import room
from pellucid.distributed.fellows import Fellow
from pellucid.errors import RankError


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
        (ended_as(), 137, 0, (137, "error: a rank was ended by SIGKILL, and the others with it")),
        (ended_as(), -9, 0, (137, "error: mpiexec was ended by SIGKILL, and the ranks with it")),
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
    monkeypatch.setattr("pellucid.compiler.threads.processors_here", lambda: 4)
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


@pytest.mark.skipif(not hasattr(signal, "SIGTSTP"), reason="processes are halted so on POSIX alone")
def test_ctrl_z_halts_the_ranks_with_the_command(let_launch, monkeypatch):
    """Stopped and let go on, as in a terminal: nothing is left of that but what the launcher is told."""
    halted = []
    monkeypatch.setattr(launching.os, "kill", lambda process, number: halted.append((number, job.sent.copy())))

    def lines():
        signal.raise_signal(signal.SIGTSTP)
        yield "a line\n"

    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    job = Job(0, said=lines())
    try:
        let_launch(job)
    finally:
        signal.signal(signal.SIGTSTP, before)
    assert halted == [(signal.SIGSTOP, [signal.SIGTSTP])]
    assert job.sent == [signal.SIGTSTP, signal.SIGCONT]


def test_where_a_rank_ends_all_that_knows_of_no_run_the_command_says_how_to_go_on(let_launch, capsys, tmp_path):
    (tmp_path / "checkpoint-000000003.safetensors").touch()
    assert let_launch(Job(1, tmp_path, ["error: rank 2 did not come\n"])) == 1
    error, advice = capsys.readouterr().err.splitlines()[-2:]
    assert error == "error: rank 2 did not come"
    assert advice.startswith("to go on from the last checkpoint: ")
    assert advice.endswith(f"pellucid resume {tmp_path} --ranks 2 --elastic")
