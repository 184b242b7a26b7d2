"""Pause, step, go on, another learning rate: what somebody on the page asks of the thread that trains."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ...arguments import number
from ...errors import ArgumentError

DESERTED_SECONDS = 30.0
"""After which a training that is paused goes on, if no page is open that could let it."""
GREATEST_FACTOR = 100.0
_TURN = 0.1


class Controls:
    """What the page asks, for the training to find between two steps.

    Attributes
    ----------
    paused : bool
        Whether the training is to hold.
    held : bool
        Whether it does: the step that it was at when it was told is done.
    clients : int
        Pages that are open.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self.paused, self.held, self._step = False, False, False
        self._factor: float | None = None
        self.clients, self._alone_since = 0, time.monotonic()

    # ---- what the page says
    def pause(self) -> None:
        """Hold the training after the step that it is at; a step that it was still to do is taken back."""
        with self._turn:
            self.paused, self._step = True, False

    def go_on(self) -> None:
        """Let the training go on."""
        with self._turn:
            self.paused, self._step = False, False
            self._turn.notify_all()

    def step(self) -> None:
        """Let the training do one step more, and hold it there. One at a time: who asks again before it is done, asks
        for the same one."""
        with self._turn:
            self._step, self.paused = self.paused, True
            self._turn.notify_all()

    def multiply_lr(self, factor: float) -> None:
        """Multiply the learning rate that the schedule says, from the next step on; the factor takes the place of the
        one before.

        Raises
        ------
        ArgumentError
            If it is no number above 0, or a very large one.
        """
        factor = number(factor, "factor", "a number above 0")
        if factor > GREATEST_FACTOR:
            raise ArgumentError(f"factor: expected at most {GREATEST_FACTOR:g}, received {factor:g}")
        with self._turn:
            self._factor = factor

    def enter(self) -> None:
        """Note that a page was opened."""
        self.clients += 1

    def leave(self) -> None:
        """Note that a page was closed."""
        self.clients -= 1
        self._alone_since = time.monotonic()

    # ---- what the training finds
    def factor(self) -> float | None:
        """Return the factor that was asked for since the last time."""
        with self._turn:
            found, self._factor = self._factor, None
        return found

    def hold(self, over: Callable[[], bool]) -> bool:
        """Return True when the training may do its next step: when it is let, is to end, or nobody is there any more.
        False where another learning rate is asked for meanwhile."""
        with self._turn:
            while self.paused and not over():
                self.held = True
                if self._factor is not None:
                    return False
                if self._step:
                    self._step = False
                    break
                if not self.clients and time.monotonic() - self._alone_since > DESERTED_SECONDS:
                    self.paused = False
                self._turn.wait(_TURN)  # no longer, since Ctrl-C must be noticed
            self.held = False
            return True
