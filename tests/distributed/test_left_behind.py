"""How ranks go on without one that is lost, or hangs; MPI is one that does what a test says."""

import numpy as np
import pytest

from oracles.fake_mpi import Communicator, Mpi, Request, broken, exchanged, killed
from pellucid.distributed import exchange
from pellucid.distributed.roll_call import SHRINKING
from pellucid.errors import LostRankError, RankError


def test_who_hangs_is_killed_and_lost_then(started):
    ranks, communicator, _ = started(elastic=True)

    def dies():
        if killed(communicator):
            broken(Mpi.ERR_PROC_FAILED).Test()
        return False

    communicator.requests = [Request(dies)]
    with pytest.raises(LostRankError):
        exchanged(ranks)
    assert killed(communicator) == [1, 2]


@pytest.mark.parametrize("kind", [Mpi.ERR_PROC_FAILED, Mpi.ERR_PROC_FAILED_PENDING, Mpi.ERR_REVOKED, Mpi.ERR_OTHER])
@pytest.mark.parametrize("elastic", [False, True])
def test_what_an_error_of_mpi_means(started, kind, elastic):
    ranks, communicator, _ = started(elastic=elastic)
    communicator.requests = [broken(kind)]
    with pytest.raises(RankError) as caught:
        exchanged(ranks)
    assert (caught.type is LostRankError) is (elastic and kind != Mpi.ERR_OTHER)
    assert not ranks._open


def test_those_that_are_left_are_numbered_anew_and_the_first_one_is_told(started):
    ranks, communicator, _ = started(rank=1, elastic=True)
    communicator.agreed, communicator.smaller = 0, Communicator(0, [1, 2])
    told, done = [], []
    ranks.when_first.append(lambda: told.append(ranks.rank))
    communicator.requests = [Request(lambda: done.append(1) or True)]
    ranks.gather(np.zeros(24, np.uint8), [0, 8, 16, 24])
    assert not ranks.settled(False)
    assert communicator.log.count("revoked") == 1
    assert done == [1], "what was under way has ended before they go on"
    assert (ranks.rank, ranks.size, ranks.losses, ranks.lost, ranks.number) == (0, 2, 1, [0], 1)
    assert told == [0]


def test_a_loss_of_another_rank_makes_nobody_the_first(started):
    ranks, communicator, _ = started(rank=1, elastic=True)
    communicator.agreed, communicator.smaller = 0, Communicator(1, [0, 1])
    told = []
    ranks.when_lost.append(lambda: told.append((ranks.rank, ranks.size, [*ranks.lost])))
    ranks.when_first.append(lambda: pytest.fail("it is not"))
    assert not ranks.settled(True)
    assert "revoked" not in communicator.log
    assert ranks.lost == [2]
    assert told == [(1, 2, [2])], "when it has its new number"


def test_where_all_have_done_it_they_go_on_as_they_are(started):
    ranks, communicator, _ = started(elastic=True)
    communicator.agreed = 1
    assert ranks.settled(True)
    assert (ranks.size, ranks.losses) == (3, 0)


def test_ranks_are_named_as_the_job_began_whoever_was_lost_before(started):
    ranks, communicator, inbox = started(elastic=True)
    communicator.agreed, communicator.smaller = 0, Communicator(0, [0, 2], communicator.log)
    assert not ranks.settled(False)
    inbox.clear()
    communicator.smaller.requests = [Request(lambda: False)]
    with pytest.raises(RankError, match=r"^rank 2 \(process 9\) did not come within 0\.1 seconds, at exchange 1;"):
        exchanged(ranks)
    assert killed(communicator) == [2]
    assert ranks.failing(b"mine") == {0: b"mine"}


@pytest.mark.parametrize("kind", [Mpi.ERR_PROC_FAILED, Mpi.ERR_OTHER])
def test_what_mpi_fails_with_as_it_makes_a_communicator_is_said(started, monkeypatch, kind):
    """As an error that nobody goes on after, whatever it is."""
    ranks, communicator, _ = started(elastic=True)
    communicator.agreed = 0
    for name, made in {"Shrink": lambda: ranks.settled(False), "Dup": started}.items():
        monkeypatch.setattr(Communicator, name, lambda self: broken(kind).Test())
        with pytest.raises(RankError, match=r"^MPI failed: ") as caught:
            made()
        assert caught.type is RankError


def test_none_goes_on_while_an_exchange_is_under_way(started):
    ranks, communicator, _ = started(elastic=True)
    communicator.requests = [Request(lambda: False)]
    ranks.gather(np.zeros(24, np.uint8), [0, 8, 16, 24])
    with pytest.raises(RankError, match="did not come") as caught:
        ranks.settled(False)
    assert caught.type is RankError
    assert communicator.smaller is None


def test_who_hangs_while_the_others_make_a_communicator_is_ended(started):
    ranks, communicator, inbox = started(rank=0, elastic=True)
    communicator.agreed, communicator.smaller = 0, Communicator(0, [0, 1])
    communicator.shrinking.clear()
    inbox.append((1, SHRINKING, b"0"))
    ranks.fellows[2].kill = lambda: communicator.log.append(("killed", 2)) or communicator.shrinking.set()
    assert not ranks.settled(False)
    assert killed(communicator) == ranks.killed == [2]
    assert not [each for each in communicator.log if each[0] == "abort"]


def test_if_that_is_of_no_use_all_end(started, capfd):
    ranks, communicator, inbox = started(rank=0, elastic=True)
    communicator.agreed, communicator.smaller = 0, Communicator(0, [0, 1])
    communicator.shrinking.clear()
    inbox.append((1, SHRINKING, b"0"))
    ranks._talk.Abort = lambda code: communicator.log.append(("abort", code)) or communicator.shrinking.set()
    ranks.settled(False)
    assert ("abort", 1) in communicator.log
    assert (
        "rank 2 (process 9) did not come within 0.1 seconds, as those that are left were to go on"
        in capfd.readouterr().err
    )


def test_if_one_part_of_it_is_broken_the_others_are_waited_for_before_ranks_go_on(started, monkeypatch):
    monkeypatch.setattr(exchange, "LARGEST", 10)
    ranks, communicator, _ = started(elastic=True)
    communicator.agreed, communicator.smaller = 0, Communicator(0, [0, 1])
    ended = []
    communicator.requests = [
        Request(lambda: ended.append(1) or True), broken(Mpi.ERR_REVOKED), broken(Mpi.ERR_PROC_FAILED)
    ]  # fmt: skip
    found = ranks.gather(np.zeros(24, np.uint8), [0, 8, 16, 24])
    with pytest.raises(LostRankError):
        found.wait()
    assert ranks._open == {found}
    assert not ranks.settled(False)
    assert ended == [1]
