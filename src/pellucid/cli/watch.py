"""Ctrl-C, SIGTERM and SIGHUP while native code runs, until whose end Python's own handlers have to wait.

A step of a large network may take minutes. So a thread looks on: the system writes each signal's number into a socket
at once, and where Python's handler does not run within a moment, the thread says what happens, or ends the process.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):  # not on Windows
    SIGNALS[signal.SIGHUP] = "hung up"

PATIENCE = 1.0
"""Seconds after which a signal that Python's handler has not seen ends the process, or a training says that it will."""

AT_ONCE = 0.3
"""The same for a second signal to a training: what is between two native calls is still ended in order."""

_TURN = 0.05
_AWAKE = b"\0"  # no signal's number


class Shown(Protocol):
    """What a training shows, and what becomes of it."""

    def bar(self) -> bool:
        """Return whether a bar is on the screen."""

    def clear(self) -> None:
        """Take it off the screen."""

    def outcome(self) -> str:
        """Return how to go on, to stand behind the name of the signal that ended the training at once."""


class Watch:
    """Counts the signals that came, and those that Python's handlers have heard of."""

    def __init__(self) -> None:
        self._ends: tuple[socket.socket, socket.socket] | None = None  # where numbers come out, and where they go in
        self._lock = threading.RLock()  # a handler may interrupt the handler of another signal
        self._came = self._heard = 0
        self._latest, self._latest_at = signal.SIGINT, 0.0
        self._before_training: int | None = None
        self._shown: Shown | None = None
        self._first_at = 0.0
        self._told = False
        self.deaf: Callable[[], bool] = lambda: False
        """Whether signals are no matter to this process, as it is another one's to hear of them."""

    def start(self) -> None:
        """Look on from now on; it is for the main thread to call this, once."""
        self._ends = out, into = socket.socketpair()
        for end in self._ends:
            end.setblocking(False)
        signal.set_wakeup_fd(into.fileno(), warn_on_full_buffer=False)
        if hasattr(os, "register_at_fork"):  # a child's signals are none of this process
            os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
        threading.Thread(target=self._look_on, args=[out], name="pellucid-signals", daemon=True).start()

    def hear(self) -> None:
        """Note that Python's handler knows of all signals that have come."""
        if self._ends is not None:
            self._collect()
            self._heard = self._came
            with suppress(OSError):
                self._ends[1].send(_AWAKE)

    def training_begins(self, shown: Shown | None = None) -> None:
        """Let the first signal from now on wait for the end of a step."""
        self._collect()
        self._shown = shown
        self._before_training, self._told = self._came, False

    def training_ends(self) -> None:
        self._before_training = self._shown = None

    def _collect(self) -> None:
        """Count the signals that have come since it was last done."""
        with self._lock:
            numbers = b""
            with suppress(OSError):  # nothing is there
                numbers = b"" if self._ends is None else self._ends[0].recv(4096)
            for number in numbers:
                if number in SIGNALS and not self.deaf():
                    self._latest, self._latest_at = signal.Signals(number), time.monotonic()
                    if self._came == self._before_training:
                        self._first_at = self._latest_at
                    self._came += 1

    def _look_on(self, out: socket.socket) -> None:
        waiting = False
        while True:
            select.select([out], [], [], _TURN if waiting else None)
            self._collect()
            waiting = self._waits(time.monotonic())

    def _waits(self, now: float) -> bool:
        """Do what is due by now; return whether something will be due later."""
        unheard, before = self._came > self._heard, self._before_training
        if before is None:
            if unheard and now >= self._latest_at + PATIENCE:
                _end(self._latest, None)
            return unheard
        second = unheard and self._came > before + 1
        if second and now >= self._latest_at + AT_ONCE:
            _end(self._latest, self._shown)
        first = self._came > before and not self._told
        if first and now >= self._first_at + PATIENCE:
            self._told, first = True, False
            _say("stopping after this step; again to end at once", self._shown)
        return first or second


watch = Watch()
"""The one of this process; until it is started, it does nothing."""


def _end(number: signal.Signals, shown: Shown | None) -> None:
    """End the process, whatever else it does; what was printed still appears, unless nobody takes it."""

    def last_words() -> None:
        _say(SIGNALS[number], shown, last=True)
        with suppress(OSError, ValueError):
            sys.stdout.flush()

    speaking = threading.Thread(target=last_words, daemon=True)
    speaking.start()
    speaking.join(PATIENCE)
    os._exit(128 + number)


def _say(text: str, shown: Shown | None, *, last: bool = False) -> None:
    """Print a line on the standard error stream, above a bar, or in its place where it is the last one. Where there is
    none, and a terminal shows ^C at the cursor, it begins below."""
    bar = shown is not None and shown.bar()
    if shown is not None and last:
        shown.clear()
        text += shown.outcome()
    with suppress(OSError, ValueError):
        print(f"\n{text}" if sys.stderr.isatty() and not bar else text, file=sys.stderr, flush=True)
