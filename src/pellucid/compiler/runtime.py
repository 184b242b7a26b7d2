"""Threads that run schedules: kept from step to step, asleep when there is nothing to do.

The caller's own thread takes part in every step, and can do all of it alone: the others only help. So nothing hangs
where a thread is missing, and a processor that others use too costs what it costs, and no more.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

from .jit import Compiled, compiled
from .recipe import Routine
from .runner import CACHE_LINE, CONTEXT_WORDS, ContextWord, runner
from .schedule import Schedule
from .tiles import instruction_set

IDLE_TURNS = 4_000
"""Turns that a thread waits for the next step before it falls asleep: about a millisecond."""


class Pool:
    """Threads 1 to `threads` − 1 of a team; thread 0 is whoever calls `run`."""

    def __init__(self, threads: int):
        self.threads = threads
        self._context, self._words = _context()
        self._functions = functions()
        self._asleep, self._wake = 0, threading.Condition()
        self._started = False
        self.busy = threading.Lock()

    def run(self, schedule: Schedule, segment: range) -> None:
        """Run phases of a schedule; the caller holds `busy`."""
        if not self._started:
            self._start()
        if self._asleep:
            with self._wake:
                self._wake.notify_all()
        bases = schedule.bases
        self._functions.lead(self._context, schedule.phases(segment), len(segment), bases.ctypes.data, bases.shape[1])

    def _start(self) -> None:
        self._started = True
        with suppress(RuntimeError):  # the system has no more threads: a smaller team does all the work
            for thread in range(1, self.threads):
                threading.Thread(target=self._work, args=(thread,), name=f"pellucid-{thread}", daemon=True).start()

    def _work(self, thread: int) -> None:
        seen = 0
        while True:
            found = self._functions.work(self._context, thread, seen, IDLE_TURNS)
            if found == seen:
                with self._wake:
                    self._asleep += 1
                    if int(self._words[ContextWord.GENERATION]) == seen:
                        self._wake.wait()
                    self._asleep -= 1
            seen = found


class Functions:
    """The runner's native functions."""

    def __init__(self, code: Compiled):
        self._code = code
        addresses = code.handle().addresses
        whole = ctypes.c_int64
        self.lead: Any = ctypes.CFUNCTYPE(None, whole, whole, whole, whole, whole)(addresses["lead"])
        self.work: Any = ctypes.CFUNCTYPE(whole, whole, whole, whole, whole)(addresses["work"])
        self.alone: Any = ctypes.CFUNCTYPE(None, whole, whole, whole)(addresses["alone"])


@cache
def functions() -> Functions:
    """Return the runner, compiled."""
    return Functions(compiled(Routine(runner, (), instruction_set(), False)))


def run(schedule: Schedule, segment: range, threads: int) -> None:
    """Run phases of a schedule on up to so many threads; results do not depend on their number.

    While another thread of the program has the team, the caller does the work alone.
    """
    items = schedule.items(segment)
    threads = min(threads, 1 << (items - 1).bit_length())  # not `items` itself: every size makes a team that stays
    if threads > 1:
        pool = _pool(threads)
        if pool.busy.acquire(blocking=False):
            try:
                pool.run(schedule, segment)
            finally:
                pool.busy.release()
            return
    functions().alone(schedule.phases(segment), len(segment), schedule.bases.ctypes.data)


_pools: dict[int, Pool] = {}
_pools_lock = threading.Lock()


def _pool(threads: int) -> Pool:
    with _pools_lock:
        if threads not in _pools:
            _pools[threads] = Pool(threads)
        return _pools[threads]


def _context() -> tuple[int, Any]:
    """Return a new context: its address, and its words."""
    room = np.zeros(CONTEXT_WORDS + CACHE_LINE, np.int64)
    shift = -(room.ctypes.data // 8) % CACHE_LINE
    words = room[shift : shift + CONTEXT_WORDS]
    words[ContextWord.YIELD] = _yield_address()
    return int(words.ctypes.data), words


@cache
def _yield_address() -> int:
    """Return the address of the system's function that gives the processor to others, or 0."""
    try:
        if sys.platform == "win32":
            function = ctypes.windll.kernel32.SwitchToThread
        else:
            function = ctypes.CDLL(None).sched_yield
    except (OSError, AttributeError):
        return 0
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def _forget_threads() -> None:
    """After a fork the child has this thread alone: its teams are made anew."""
    global _pools_lock
    _pools.clear()
    _pools_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
