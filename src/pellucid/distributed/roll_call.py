"""What ranks say to each other beside their exchanges: who waits, who lets others wait on purpose, and how one ends."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..collective import HOLD_AGAIN
from .waiting import until

ANSWERING = 2.0
"""Seconds in which ranks that have waited too long hear of each other."""
BEHIND = 50
"""Exchanges by which ranks that wait may be apart: to one of them something may have come that a rank that hangs has
not sent on to another."""
ASKING, WAITING, FAILING, SAVING, PAUSING, SHRINKING = range(1, 7)
"""Tags of messages: that a rank waits, and where, and asks who else does; that it waits, as an answer; that it fails,
with which words; that it lets others wait as it saves a file, or on purpose otherwise; that it makes a communicator of
those that are left, and which."""

Place = tuple[int, int]
"""An exchange: how often ranks had been lost before it, and its ordinal since."""


class RollCall:
    """Messages between the ranks of a job, which are numbered here as it began.

    Parameters
    ----------
    mpi : module
    talk : mpi4py.MPI.Intracomm
        Of the job as it began, for these messages alone; it is never revoked.

    Attributes
    ----------
    waits : bool
        Whether this rank itself waits for others.
    """

    def __init__(self, mpi: Any, talk: Any):
        self._mpi, self._talk, self.waits = mpi, talk, False
        self._others = list[int]()
        self.of(range(talk.Get_size()))
        self._lock = threading.Lock()  # who saves says so in a thread
        self._sent: list[tuple[bytes, Any]] = []
        self._said: dict[int, dict[int, bytes]] = {tag: {} for tag in range(ASKING, SHRINKING + 1)}
        self._told_to_wait = {SAVING: -math.inf, PAUSING: -math.inf}  # when it has said last that it does so
        # Others than the main thread may speak with MPI.
        self._any_thread = mpi.Query_thread() == mpi.THREAD_MULTIPLE

    def of(self, numbers: Sequence[int]) -> None:
        """Speak with these ranks alone from now on."""
        self._others = [number for number in numbers if number != self._talk.Get_rank()]

    def heed(self, place: Place) -> bool:
        """Say that this rank waits at an exchange, too, where another one has waited too long and asks; return whether
        one has said since the last time that it lets the others wait on purpose."""
        self._listen()
        self._answer(place)
        return self._held()

    def absent(self, place: Place, complete: Callable[[], object]) -> list[int] | None:
        """Return the ranks that have not come to an exchange; None where one lets the others wait on purpose. This one
        tells all that it waits, and hears who else does, or that it is `complete`. What others have said before it asks
        is not counted: they may hang since then."""
        self._listen()
        self._said[WAITING].clear()
        self._say_where(ASKING, place)
        absent: list[int] | None = []

        def known() -> bool:
            nonlocal absent
            self._listen()
            self._answer(place)
            silent = self._silent(WAITING, lambda words: _comes(words, place))
            absent = None if self._held() else silent
            return not absent

        until(lambda: complete() or known(), ANSWERING)
        return absent

    def hold(self, saves: bool) -> None:
        """Tell the others that they wait for this rank on purpose, to save a file or otherwise; but not where it has
        itself begun to wait for them."""
        if self.waits or not (self._any_thread or threading.current_thread() is threading.main_thread()):
            return
        tag = SAVING if saves else PAUSING
        if time.monotonic() - self._told_to_wait[tag] >= HOLD_AGAIN:
            self._told_to_wait[tag] = time.monotonic()
            self._say(tag, b"on purpose")

    def shrink(self, losses: int) -> None:
        """Tell the others that this rank makes a communicator of those that are left."""
        self._say(SHRINKING, str(losses).encode())

    def not_shrinking(self, losses: int) -> list[int]:
        """Return the ranks that have not told so."""
        self._listen()
        return self._silent(SHRINKING, lambda words: int(words) >= losses)

    def farewell(self, words: bytes) -> dict[int, bytes]:
        """Tell all with which words this rank fails, and return what those of the others say that fail, too. One that
        saves is waited for; one that lets the others wait otherwise, perhaps for hours, is not."""
        self._say(FAILING, words)

        def all_fail() -> bool:
            self._listen()
            return not self._silent(FAILING)

        until(all_fail, ANSWERING, lambda: self._held((SAVING,)))
        return {number: self._said[FAILING][number] for number in self._others if number in self._said[FAILING]}

    def _held(self, reasons: Sequence[int] = (SAVING, PAUSING)) -> bool:
        """Return whether another rank has said since the last time that it lets the others wait, for such a reason."""
        said = any(self._said[reason] for reason in reasons)
        for reason in reasons:
            self._said[reason].clear()
        return said

    def _silent(self, tag: int, counts: Callable[[bytes], bool] = lambda words: True) -> list[int]:
        """Return which of the others have said nothing that counts."""
        said = self._said[tag]
        return [number for number in self._others if number not in said or not counts(said[number])]

    def _answer(self, place: Place) -> None:
        """Say where this rank waits, if others have asked since the last time that it may keep from coming."""
        asked = list(self._said[ASKING].values())
        self._said[ASKING].clear()
        if any(_comes(words, place) for words in asked):
            self._say_where(WAITING, place)

    def _say_where(self, tag: int, place: Place) -> None:
        self._say(tag, f"{place[0]} {place[1]}".encode())

    def _say(self, tag: int, words: bytes) -> None:
        """Say something to all others."""
        with self._lock:
            # Nobody may ever take it: what was sent is held until it has gone.
            self._sent = [each for each in self._sent if not self._gone(each[1])]
            for number in self._others:
                with suppress(self._mpi.Exception):
                    self._sent.append((words, self._talk.Isend([words, self._mpi.BYTE], number, tag)))

    def _gone(self, request: Any) -> bool:
        """Return whether a message has gone out, or has nowhere to go."""
        with suppress(self._mpi.Exception):
            return bool(request.Test())
        return True

    def _listen(self) -> None:
        """Take what has come of the others: of each the last words, by what they are about."""
        status = self._mpi.Status()
        for number in self._others:
            with suppress(self._mpi.Exception):  # of one that is gone
                while self._talk.Iprobe(number, self._mpi.ANY_TAG, status):
                    room, tag = np.zeros(status.Get_count(self._mpi.BYTE), np.uint8), status.Get_tag()
                    self._talk.Recv([room, self._mpi.BYTE], number, tag)
                    self._said[tag][number] = room.tobytes()
                    if tag == ASKING:  # which waits, too
                        self._said[WAITING][number] = room.tobytes()


def _comes(words: bytes, place: Place) -> bool:
    """Return whether who waits where the words say has come to an exchange, or as near as it may."""
    losses, ordinal = map(int, words.split())
    return (losses, ordinal) >= (place[0], place[1] - BEHIND)
