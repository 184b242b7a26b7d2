"""How this process waits for others: it asks again and again, and while it stands still itself, no time passes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 300.0
"""Seconds that a rank waits for the others, unless told otherwise."""
SPINNING, LONGEST_SLEEP = 0.0005, 0.001
"""Seconds that a wait lasts before it sleeps between its looks, and the longest of those sleeps. (Whoever offers the
processor to others instead of sleeping is not given it back for long where there are many of them.)"""
LONGEST_TURN = 1.0
"""Seconds that one turn of a wait counts at most: if it took longer, this process itself stood still, as all may have
done."""


class Clock:
    """Tells how long each turn of a wait has lasted."""

    def __init__(self) -> None:
        self._before = time.monotonic()

    def turn(self) -> float:
        """Return the seconds since it was last asked, as far as they count."""
        now = time.monotonic()
        lasted, self._before = now - self._before, now
        return min(lasted, LONGEST_TURN)


def until(true: Callable[[], object], seconds: float, anew: Callable[[], bool] = lambda: False) -> bool:
    """Return whether something has become true within so many seconds; it is asked all the while. The time begins
    `anew` where that says so."""
    clock = Clock()
    waited = sleep = 0.0
    while not true():
        turn = clock.turn()
        waited = 0.0 if anew() else waited + turn
        if waited > seconds:
            return False
        if waited > SPINNING:
            sleep = min(LONGEST_SLEEP, sleep + 50e-6)
            time.sleep(sleep)
    return True


@contextmanager
def watched(seconds: float, late: Callable[[threading.Event], object]) -> Iterator[None]:
    """Call `late` in a thread where what is done here takes longer; it is given what is set when that is over."""
    over = threading.Event()

    def look_on() -> None:
        if not until(over.is_set, seconds):
            late(over)

    threading.Thread(target=look_on, name="pellucid-watch", daemon=True).start()
    try:
        yield
    finally:
        over.set()
