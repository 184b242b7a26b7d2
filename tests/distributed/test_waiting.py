"""How a rank waits for others, gives them up, and goes on without them; MPI is one that does what a test says."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest

from oracles.fake_mpi import Communicator, Mpi, Request, broken
from pellucid.collective import told_by_all
from pellucid.distributed import mpi, roll_call
from pellucid.distributed.mpi import Ranks
from pellucid.distributed.roll_call import FAILING, HOLDING, PAUSES, SAVES, SHRINKING, WAITING
from pellucid.errors import LostRankError, RankError


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(mpi, "ATTENTIVE", 0.01)
    monkeypatch.setattr(mpi, "LEARNING", 0.2)
    monkeypatch.setattr(roll_call, "ANSWERING", 0.1)
    monkeypatch.setattr(roll_call, "HOLD_AGAIN", 0.0)
    monkeypatch.setattr(mpi, "_given_up", [])


@pytest.fixture
def started(monkeypatch):
    """Return what makes the ranks of a job as one of them sees them."""

    def start(rank=0, elastic=False, patience=0.1, size=3):
        world = Communicator(rank, range(size))
        monkeypatch.setattr(mpi, "loaded_mpi", lambda patience: Mpi(world))
        monkeypatch.setenv(mpi.FT_VARIABLE, str(elastic).lower())
        ranks = Ranks(patience=patience)
        ranks.fellows = {number: Victim(number, world.log) for number in range(size)}
        return ranks, world.copy, world.copy.copy.inbox

    return start


class Victim:
    """A process that somebody ends."""

    def __init__(self, number, log):
        self.number, self.log = number, log

    def __str__(self):
        return f"rank {self.number} (process 9)"

    def kill(self):
        self.log.append(("killed", self.number))


def exchange(ranks, begun=lambda: None):
    found = ranks.gather(np.zeros(24, np.uint8), [0, 8, 16, 24])
    begun()
    found.wait()


def killed(communicator):
    return [each[1] for each in communicator.log if each[0] == "killed"]


def after(seconds):
    """Return what becomes true after so many seconds."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


# ---- waiting
def test_an_exchange_that_is_complete_is_forgotten(started):
    ranks, communicator, _ = started()
    exchange(ranks)
    communicator.requests = [Request(after(0.05))]
    exchange(ranks)
    assert not ranks._open
    assert not mpi._given_up


def test_who_says_nothing_is_named_and_who_waits_is_not(started):
    ranks, communicator, inbox = started()
    communicator.requests = [Request(lambda: False)]
    inbox.append((2, WAITING, b"0 1"))
    with pytest.raises(RankError, match=r"rank 1 \(process 9\) did not come within 0\.1 seconds, at exchange 1;"):
        exchange(ranks)
    assert ("says", WAITING, 1, b"0 1") in communicator.log


@pytest.mark.parametrize(
    ("at", "who"), [(b"0 10", "no answer came"), (b"0 9", r"rank 1 \(.*\), rank 2 \(.*\) did not come")]
)
def test_who_waits_far_behind_has_not_come(started, at, who):
    ranks, communicator, inbox = started()
    for _ in range(59):
        exchange(ranks)
    communicator.requests = [Request(lambda: False)]
    inbox += [(1, WAITING, at), (2, WAITING, at)]
    with pytest.raises(RankError, match=who):
        exchange(ranks)


def test_who_has_waited_too_long_is_answered_once(started):
    ranks, communicator, inbox = started(patience=5)
    communicator.requests = [Request(after(0.1))]
    exchange(ranks, lambda: inbox.append((1, WAITING, b"0 1")))
    assert communicator.log.count(("says", WAITING, 1, b"0 1")) == 1


@pytest.mark.parametrize("elastic", [False, True])
def test_who_comes_while_the_others_are_asked_has_come(started, elastic):
    ranks, communicator, _ = started(elastic=elastic)
    communicator.requests = [Request(after(0.15))]
    exchange(ranks)
    assert not killed(communicator)


def test_where_all_have_come_they_wait_on(started):
    ranks, communicator, inbox = started(patience=0.4)
    communicator.requests = [Request(after(0.6))]
    inbox += [(1, WAITING, b"0 1"), (2, WAITING, b"0 1")]
    exchange(ranks)


def test_who_holds_the_others_is_waited_for(started):
    ranks, communicator, inbox = started()
    over = after(0.5)

    def held():
        if not inbox:
            inbox.append((1, HOLDING, PAUSES))
        return over()

    communicator.requests = [Request(held)]
    exchange(ranks)


@pytest.mark.parametrize("elastic", [False, True])
def test_who_holds_the_others_as_these_are_asked_is_waited_for_as_long_again(started, elastic):
    ranks, communicator, inbox = started(elastic=elastic, patience=0.5)
    over = []

    def held():
        if not over and ("says", WAITING, 1, b"0 1") in communicator.log:
            inbox.append((1, HOLDING, SAVES))
            over.append(after(0.3))  # longer than they are asked
        return over and over[0]()

    communicator.requests = [Request(held)]
    exchange(ranks)
    assert not killed(communicator)


def test_while_this_process_stands_still_no_time_passes(monkeypatch):
    now, asked = [0.0], []
    monkeypatch.setattr(roll_call.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(roll_call.time, "sleep", lambda seconds: None)

    def look():
        asked.append(now[0])
        now[0] += 3600.0 if len(asked) == 1 else 0.1
        return False

    assert not roll_call.until(look, 3.0)
    assert len(asked) > 20


# ---- giving up
def test_memory_of_an_exchange_that_is_given_up_is_kept_and_none_begins_after_it(started):
    ranks, communicator, _ = started()
    communicator.requests = [Request(lambda: False)]
    room = np.zeros(24, np.uint8)
    alive = weakref.ref(room)
    with pytest.raises(RankError, match="did not come"):
        ranks.gather(room, [0, 8, 16, 24]).wait()
    with pytest.raises(RankError, match="given up"):
        told_by_all(ranks, b"")
    del room, ranks
    gc.collect()
    assert alive() is not None


# ---- ranks that are lost
def test_who_hangs_is_killed_and_lost_then(started):
    ranks, communicator, _ = started(elastic=True)

    def dies():
        if killed(communicator):
            broken(Mpi.ERR_PROC_FAILED).Test()
        return False

    communicator.requests = [Request(dies)]
    with pytest.raises(LostRankError):
        exchange(ranks)
    assert killed(communicator) == [1, 2]


@pytest.mark.parametrize("kind", [Mpi.ERR_PROC_FAILED, Mpi.ERR_PROC_FAILED_PENDING, Mpi.ERR_REVOKED, Mpi.ERR_OTHER])
@pytest.mark.parametrize("elastic", [False, True])
def test_what_an_error_of_mpi_means(started, kind, elastic):
    ranks, communicator, _ = started(elastic=elastic)
    communicator.requests = [broken(kind)]
    with pytest.raises(RankError) as caught:
        exchange(ranks)
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


# ---- large arrays
def test_an_array_that_is_too_large_for_mpi_goes_in_parts(started, monkeypatch):
    monkeypatch.setattr(mpi, "LARGEST", 10)
    ranks, communicator, _ = started()
    room = np.arange(25, dtype=np.uint8)
    ranks.gather(room, [0, 12, 12, 25]).wait()
    sent = [(0, 0, 10), (0, 10, 12), (2, 12, 22), (2, 22, 25)]
    assert communicator.log == [("broadcast", root, bytes(range(a, b))) for root, a, b in sent]


def test_if_one_part_of_it_is_broken_the_others_are_waited_for_before_ranks_go_on(started, monkeypatch):
    monkeypatch.setattr(mpi, "LARGEST", 10)
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


# ---- the end
@pytest.mark.parametrize("reason", [SAVES, PAUSES])
def test_who_fails_hears_of_others_and_waits_for_one_that_saves_and_for_no_pause(started, reason):
    ranks, _, inbox = started()
    for each in (0.0, 0.08, 0.16, 0.24):
        threading.Timer(each, inbox.append, [(2, HOLDING, reason)]).start()
    last = threading.Timer(0.3, inbox.append, [(2, FAILING, b"exit 130")])
    last.start()
    inbox.append((1, FAILING, b"exit 130"))
    saved = {2: b"exit 130"} if reason == SAVES else {}
    assert ranks.failing(b"mine") == {0: b"mine", 1: b"exit 130", **saved}
    last.join()


def test_who_waits_itself_does_not_hold_the_others(started):
    ranks, communicator, _ = started()
    waits = []
    communicator.requests = [Request(lambda: waits.append(ranks.roll_call.waits))]
    with pytest.raises(RankError):
        exchange(ranks)
    assert waits[-1]
    communicator.log.clear()
    ranks.roll_call.waits = True
    ranks.hold()
    assert not communicator.log
    ranks.roll_call.waits = False
    ranks.hold()
    ranks.hold(saves=True)
    assert communicator.log == [("says", HOLDING, rank, reason) for reason in (PAUSES, SAVES) for rank in (1, 2)]
