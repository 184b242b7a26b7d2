"""How a rank waits for others, and gives them up; MPI is one that does what a test says."""

import gc
import threading
import weakref

import numpy as np
import pytest

from oracles.fake_mpi import Request, after, exchanged, killed
from pellucid.collective import told_by_all
from pellucid.distributed import exchange, waiting
from pellucid.distributed.roll_call import FAILING, HOLDING, PAUSES, SAVES, WAITING
from pellucid.errors import RankError


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
    communicator.requests = [Request(lambda: False)]
    inbox.append((2, WAITING, b"0 1"))
    with pytest.raises(RankError, match=r"rank 1 \(process 9\) did not come within 0\.1 seconds, at exchange 1;"):
        exchanged(ranks)
    assert ("says", WAITING, 1, b"0 1") in communicator.log


@pytest.mark.parametrize(
    ("at", "who"), [(b"0 10", "no answer came"), (b"0 9", r"rank 1 \(.*\), rank 2 \(.*\) did not come")]
)
def test_who_waits_far_behind_has_not_come(started, at, who):
    ranks, communicator, inbox = started()
    for _ in range(59):
        exchanged(ranks)
    communicator.requests = [Request(lambda: False)]
    inbox += [(1, WAITING, at), (2, WAITING, at)]
    with pytest.raises(RankError, match=who):
        exchanged(ranks)


def test_who_has_waited_too_long_is_answered_once(started):
    ranks, communicator, inbox = started(patience=5)
    communicator.requests = [Request(after(0.1))]
    exchanged(ranks, lambda: inbox.append((1, WAITING, b"0 1")))
    assert communicator.log.count(("says", WAITING, 1, b"0 1")) == 1


@pytest.mark.parametrize("elastic", [False, True])
def test_who_comes_while_the_others_are_asked_has_come(started, elastic):
    ranks, communicator, _ = started(elastic=elastic)
    communicator.requests = [Request(after(0.15))]
    exchanged(ranks)
    assert not killed(communicator)


def test_where_all_have_come_they_wait_on(started):
    ranks, communicator, inbox = started(patience=0.4)
    communicator.requests = [Request(after(0.6))]
    inbox += [(1, WAITING, b"0 1"), (2, WAITING, b"0 1")]
    exchanged(ranks)


def test_who_holds_the_others_is_waited_for(started):
    ranks, communicator, inbox = started()
    over = after(0.5)

    def held():
        if not inbox:
            inbox.append((1, HOLDING, PAUSES))
        return over()

    communicator.requests = [Request(held)]
    exchanged(ranks)


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
        exchanged(ranks)
    assert waits[-1]
    communicator.log.clear()
    ranks.roll_call.waits = True
    ranks.hold()
    assert not communicator.log
    ranks.roll_call.waits = False
    ranks.hold()
    ranks.hold(saves=True)
    assert communicator.log == [("says", HOLDING, rank, reason) for reason in (PAUSES, SAVES) for rank in (1, 2)]
