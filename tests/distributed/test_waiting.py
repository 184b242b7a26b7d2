"""How a rank waits for others, and gives them up; MPI is one that does what a test says."""

import gc
import weakref

import numpy as np
import pytest

from oracles.fake_mpi import Request, after, exchanged, killed
from pellucid.collective import told_by_all
from pellucid.distributed import exchange, roll_call, waiting
from pellucid.distributed.roll_call import ASKING, FAILING, PAUSING, SAVING, WAITING
from pellucid.errors import RankError


def answering(communicator, inbox, *answers, over=lambda: False):
    """Return what says whether an exchange is over, and lets others answer whenever this rank asks who waits."""
    asked = [0]

    def look():
        asks = sum(each[:3] == ("says", ASKING, 1) for each in communicator.log)
        if asks > asked[0]:
            asked[0] = asks
            inbox.extend(answers)
        return over()

    return look


# ---- waiting
def test_an_exchange_that_is_complete_is_forgotten(started):
    ranks, communicator, _ = started()
    exchanged(ranks)
    communicator.requests = [Request(after(0.05))]
    exchanged(ranks)
    assert not ranks._open
    assert not exchange._given_up


def test_who_says_nothing_is_named_and_who_waits_is_not(started):
    ranks, communicator, inbox = started()
    communicator.requests = [Request(answering(communicator, inbox, (2, WAITING, b"0 1")))]
    with pytest.raises(RankError, match=r"rank 1 \(process 9\) did not come within 0\.1 seconds, at exchange 1;"):
        exchanged(ranks)
    assert ("says", ASKING, 1, b"0 1") in communicator.log


def test_who_asks_waits_too(started):
    ranks, communicator, inbox = started()
    communicator.requests = [Request(answering(communicator, inbox, (1, WAITING, b"0 1"), (2, ASKING, b"0 1")))]
    with pytest.raises(RankError, match="no answer came"):
        exchanged(ranks)
    assert ("says", WAITING, 2, b"0 1") in communicator.log


@pytest.mark.parametrize("tag", [ASKING, WAITING])
def test_what_was_said_before_this_rank_asks_is_no_answer(started, tag):
    ranks, communicator, inbox = started()
    inbox.append((1, tag, b"0 1"))
    communicator.requests = [Request(answering(communicator, inbox, (2, WAITING, b"0 1")))]
    with pytest.raises(RankError, match=r"rank 1 \(process 9\) did not come"):
        exchanged(ranks)


@pytest.mark.parametrize(
    ("at", "who"), [(b"0 10", "no answer came"), (b"0 9", r"rank 1 \(.*\), rank 2 \(.*\) did not come")]
)
def test_who_waits_far_behind_has_not_come(started, at, who):
    ranks, communicator, inbox = started()
    for _ in range(59):
        exchanged(ranks)
    communicator.requests = [Request(answering(communicator, inbox, (1, WAITING, at), (2, WAITING, at)))]
    with pytest.raises(RankError, match=who):
        exchanged(ranks)


def test_who_has_waited_too_long_is_answered_once(started):
    ranks, communicator, inbox = started(patience=5)
    communicator.requests = [Request(after(0.1))]
    exchanged(ranks, lambda: inbox.append((1, ASKING, b"0 1")))
    assert communicator.log.count(("says", WAITING, 1, b"0 1")) == 1


@pytest.mark.parametrize("elastic", [False, True])
def test_who_comes_while_the_others_are_asked_has_come(started, elastic):
    ranks, communicator, _ = started(elastic=elastic)
    communicator.requests = [Request(after(0.15))]
    exchanged(ranks)
    assert not killed(communicator)


def test_where_all_have_come_they_wait_on(started):
    ranks, communicator, inbox = started(patience=0.4)
    answers = [(1, WAITING, b"0 1"), (2, WAITING, b"0 1")]
    communicator.requests = [Request(answering(communicator, inbox, *answers, over=after(0.6)))]
    exchanged(ranks)


def test_who_holds_the_others_is_waited_for(started):
    ranks, communicator, inbox = started()
    over = after(0.5)

    def held():
        if not inbox:
            inbox.append((1, PAUSING, b""))
        return over()

    communicator.requests = [Request(held)]
    exchanged(ranks)


@pytest.mark.parametrize("elastic", [False, True])
def test_who_holds_the_others_as_these_are_asked_is_waited_for_as_long_again(started, elastic):
    ranks, communicator, inbox = started(elastic=elastic, patience=0.5)
    over = []

    def held():
        if not over and ("says", ASKING, 1, b"0 1") in communicator.log:
            inbox.append((1, SAVING, b""))
            over.append(after(0.3))  # longer than they are asked
        return over and over[0]()

    communicator.requests = [Request(held)]
    exchanged(ranks)
    assert not killed(communicator)


def test_while_this_process_stands_still_no_time_passes(monkeypatch):
    now, asked = [0.0], []
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: None)

    def look():
        asked.append(now[0])
        now[0] += 3600.0 if len(asked) == 1 else 0.1
        return False

    assert not waiting.until(look, 3.0)
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


# ---- large arrays
def test_an_array_that_is_too_large_for_mpi_goes_in_parts(started, monkeypatch):
    monkeypatch.setattr(exchange, "LARGEST", 10)
    ranks, communicator, _ = started()
    room = np.arange(25, dtype=np.uint8)
    ranks.gather(room, [0, 12, 12, 25]).wait()
    sent = [(0, 0, 10), (0, 10, 12), (2, 12, 22), (2, 22, 25)]
    assert communicator.log == [("broadcast", root, bytes(range(a, b))) for root, a, b in sent]


# ---- the end
@pytest.mark.parametrize("reason", [SAVING, PAUSING])
def test_who_fails_hears_of_others_and_waits_for_one_that_saves_and_for_no_pause(started, monkeypatch, reason):
    ranks, _, inbox = started()
    turns, until = [], roll_call.until

    def looked(true, seconds, anew):
        """Let 30 turns pass, in each of which another rank says that it holds the others."""

        def over():
            turns.append(1)
            inbox.append((2, reason, b"") if len(turns) < 30 else (2, FAILING, b"exit 130"))
            return true()

        return until(over, 0.0, anew)

    monkeypatch.setattr(roll_call, "until", looked)
    inbox.append((1, FAILING, b"exit 130"))
    saved = {2: b"exit 130"} if reason == SAVING else {}
    assert ranks.failing(b"mine") == {0: b"mine", 1: b"exit 130", **saved}


def test_who_waits_itself_does_not_hold_the_others(started):
    ranks, communicator, _ = started()
    waits = []
    communicator.requests = [Request(lambda: waits.append(ranks.roll_call.waits))]
    with pytest.raises(RankError):
        exchanged(ranks)
    assert waits[-1]
    communicator.log.clear()
    ranks.roll_call.waits = True
    ranks.hold()
    assert not communicator.log
    ranks.roll_call.waits = False
    ranks.hold()
    ranks.hold(saves=True)
    assert [each[1:3] for each in communicator.log] == [(tag, rank) for tag in (PAUSING, SAVING) for rank in (1, 2)]


def test_a_pause_does_not_keep_from_saying_that_a_file_is_saved(started, monkeypatch):
    ranks, communicator, _ = started()
    monkeypatch.setattr(roll_call, "HOLD_AGAIN", 60.0)
    for saves in (False, True, False, True):
        ranks.hold(saves)
    assert [each[1] for each in communicator.log] == [PAUSING] * 2 + [SAVING] * 2
