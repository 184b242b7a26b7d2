"""How a command becomes a job, and what is shown of it; no MPI is needed."""

import os
import sys
from typing import get_args

import pytest

from pellucid.cli import run
from pellucid.cli.launching import without_ranks
from pellucid.cli.ranks import RankTimeout
from pellucid.distributed import job, launch, processors, starting, waiting
from pellucid.distributed.job import exit_code, settle
from pellucid.distributed.processors import Processors, share_of
from pellucid.errors import ArgumentError, MissingExtraError

RULE = "-" * 74 + "\n"


def test_what_the_launcher_reports_of_ranks_is_left_out():
    report = [RULE, "prterun detected that one or more processes exited with non-zero status\n", RULE]
    lines = ["epoch 1/2\n", *report, "error: no such data\n", "[node:12] PMIX ERROR: UNREACH in file x\n"]
    assert list(launch.without_reports(lines)) == ["epoch 1/2\n", "error: no such data\n"]


def test_zeros_that_the_launcher_writes_are_left_out():
    lines = ["[node:12] NBC_Progress: an error 75 was found\n", "\0\n", "terminated\n", "\0\0note: one\n", "\n"]
    assert list(launch.without_reports(lines)) == ["terminated\n", "note: one\n", "\n"]


def test_other_words_of_the_launcher_stay():
    lines = [RULE, "There are not enough slots available in the system\n", RULE, "one line\n"]
    assert list(launch.without_reports(lines)) == lines
    assert list(launch.without_reports([RULE, "cut off by prterun\n"])) == [RULE, "cut off by prterun\n"]


def test_a_line_of_ones_own_that_looks_like_the_launchers_holds_nothing_back():
    def coming():
        for each in lines:
            told.append(each)
            yield each

    told, shown = [], []
    report = [RULE, "MPI_ABORT was invoked on rank 1\n", "  Errorcode: 1\n", RULE]
    lines = [RULE, "a table\n", "row\n", RULE, *report, "row\n", RULE]
    behind = [len(told) - len(shown) for each in launch.without_reports(coming()) if not shown.append(each)]
    assert shown == [RULE, "a table\n", "row\n", RULE, "row\n", RULE]
    assert behind[:3] == [1, 0, 0]


@pytest.mark.parametrize("words", [["--ranks", "4"], ["--ranks=4"]])
def test_the_ranks_do_the_other_words(words):
    assert without_ranks(["train", "lenet", *words, "--seed", "1"]) == ["train", "lenet", "--seed", "1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--ranks", "2", "--distributed"], "--ranks: mpiexec has said how many there are"),
        (["--ranks", "0"], "--ranks: expected a whole number of at least 1, received 0"),
        *(
            (
                ["--rank-timeout", each, "--ranks", "2"],
                f"--rank-timeout: expected more than 0 seconds, and at most {told}",
            )
            for each, told in {"0": "10,000,000, received 0", "inf": "10,000,000, received inf", "nan": "10,"}.items()
        ),
    ],
)
def test_words_that_make_no_sense_are_refused(capsys, words, told):
    assert run(["train", *words]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_the_help_says_how_long_ranks_wait():
    _, option = get_args(RankTimeout)
    assert option.help.endswith(f"By default {waiting.PATIENCE:g}.")


def test_a_missing_launcher_is_named_with_what_brings_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"no mpiexec .*\[mpi\]"):
        launch.mpiexec()


def test_a_missing_mpi4py_is_named_with_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(MissingExtraError, match=r"needs mpi4py .*\[mpi\]"):
        starting.loaded_mpi()


def test_processors_are_shared_side_by_side():
    four = [[0, 1, 2, 3]] * 2
    assert [share_of(four, rank) for rank in range(2)] == [[0, 1], [2, 3]]
    assert share_of([[0, 1, 2, 3]], 0) == [], "alone on its machine"
    assert share_of([[0], [1]], 0) == [], "bound by the launcher"
    assert share_of([[0, 1]] * 3, 0) == [], "more ranks than processors"


def bound(monkeypatch, number, allowed):
    """Return a rank's processors, and to which of them its threads keep then."""
    threads = {0: allowed[number], 17: [0, 1, 2, 3, 4]}
    monkeypatch.delenv("PELLUCID_THREADS", raising=False)
    monkeypatch.setattr(processors, "_threads", lambda: [17, 18])
    monkeypatch.setattr(processors.os, "sched_getaffinity", threads.__getitem__, raising=False)
    monkeypatch.setattr(processors.os, "sched_setaffinity", threads.__setitem__, raising=False)
    shared = Processors(number, allowed)
    shared.share()
    threads[18] = threads[0]  # begun by that one
    return shared, threads


def test_those_that_are_left_share_the_processors_of_a_lost_rank(monkeypatch):
    shared, threads = bound(monkeypatch, 2, {number: [0, 1, 2, 3] for number in range(4)})
    assert threads == {0: [2], 17: [0, 1, 2, 3, 4], 18: [2]}
    shared.share([0])
    assert threads[0] == threads[18] == [1]  # of four among three
    shared.share([0, 3])
    assert threads[0] == threads[18] == [2, 3]
    shared.share([0, 3, 1])
    assert threads == {0: [0, 1, 2, 3], 17: [0, 1, 2, 3, 4], 18: [0, 1, 2, 3]}


def test_where_there_are_fewer_processors_than_ranks_those_that_are_left_have_more_threads(monkeypatch):
    shared, threads = bound(monkeypatch, 1, {number: [0, 1] for number in range(5)})
    assert (threads[0], os.environ["PELLUCID_THREADS"]) == ([0, 1], "1")
    shared.share([0, 2, 3])
    assert (threads[0], "PELLUCID_THREADS" in os.environ) == ([0], False)
    shared.share([0, 2, 3, 4])
    assert threads[0] == [0, 1]


def test_a_program_may_remove_what_said_how_many_threads_there_are(monkeypatch):
    shared, threads = bound(monkeypatch, 1, {number: [0, 1] for number in range(5)})
    del os.environ["PELLUCID_THREADS"]
    shared.share([0, 2, 3])
    assert threads[0] == [0]


@pytest.mark.parametrize("allowed", [{0: [0], 1: [1]}, {1: [0, 1]}])
def test_who_is_bound_by_the_launcher_or_alone_stays_as_it_is(monkeypatch, allowed):
    shared, threads = bound(monkeypatch, 1, allowed)
    shared.share([0])
    assert threads[0] == allowed[1]
    assert "PELLUCID_THREADS" not in os.environ


def test_where_somebody_has_said_how_many_threads_there_are_that_holds(monkeypatch):
    monkeypatch.setenv("PELLUCID_THREADS", "3")
    monkeypatch.setattr(processors.os, "sched_setaffinity", lambda *_: pytest.fail("it is bound"), raising=False)
    shared = Processors(0, {0: [0, 1], 1: [0, 1]})
    shared.share()
    shared.share([1])
    assert os.environ["PELLUCID_THREADS"] == "3"
    assert shared.idle([0, 1, 2, 3]) == 0


@pytest.mark.parametrize(("allowed", "idle"), [({0: [0], 2: [2]}, 2), ({0: [0, 1, 2, 3]}, 0), ({0: []}, 0)])
def test_processors_that_a_launcher_gives_to_no_rank_are_counted(monkeypatch, allowed, idle):
    monkeypatch.delenv("PELLUCID_THREADS", raising=False)
    assert Processors(0, allowed).idle([0, 1, 2, 3]) == idle


# ---- the end
class Told:
    """A rank that hears from others how they fail."""

    size = 3

    def __init__(self, rank, others):
        self.number, self.others = rank, others

    def failing(self, words):
        return {**self.others, self.number: words}


@pytest.mark.parametrize(
    ("rank", "others", "speaks", "ends"),
    [
        (1, {}, True, True),
        (1, {0: b"ArgumentError: no", 2: b"ArgumentError: no"}, False, False),
        (0, {1: b"ArgumentError: no", 2: b"ArgumentError: no"}, True, False),
        (1, {0: b"exit 130", 2: b"exit 130"}, True, False),
        (2, {1: b"ArgumentError: no"}, False, False),
    ],
    ids=["alone", "as the first", "the first of all", "by itself", "as one that will end all"],
)
def test_who_says_what_is_wrong_and_who_ends_the_others(monkeypatch, capfd, rank, others, speaks, ends):
    ending = []
    monkeypatch.setattr(job.atexit, "register", lambda *what: ending.append(what))
    monkeypatch.setattr(job.platform, "node", lambda: "here")
    assert settle(Told(rank, others), ArgumentError("no")) is speaks
    assert [code for _, _, code in ending] == [1] * ends
    assert capfd.readouterr().err == f"rank {rank}, on here, has failed alone; all end\n" * ends


def test_a_rank_that_leaves_without_an_error_while_others_go_on_ends_them_with_one(monkeypatch, capfd):
    ending = []
    monkeypatch.setattr(job.atexit, "register", lambda *what: ending.append(what))
    assert settle(Told(1, {}), SystemExit(0))
    assert [code for _, _, code in ending] == [1]
    assert "rank 1 has ended while others go on" in capfd.readouterr().err
    assert settle(Told(0, {1: b"exit 0", 2: b"exit 0"}), SystemExit(0))
    assert len(ending) == 1


def test_how_a_rank_exits():
    errors = (ArgumentError(), SystemExit(143), SystemExit("text"), SystemExit(), KeyboardInterrupt(), RuntimeError())
    assert [exit_code(error) for error in errors] == [1, 143, 1, 0, 130, 1]


def test_a_wait_asks_at_once_and_gives_up_in_time():
    asked = iter([False, False, True])
    assert waiting.until(lambda: next(asked), 60)
    assert not waiting.until(lambda: False, 0.01)
