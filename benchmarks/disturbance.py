"""Whether somebody else had the processors while something was measured.

Linux counts, in /proc/stat, how long the processors worked for anybody, and for how long a virtual machine was denied
them. What this process did not use itself, others did. Elsewhere nobody tells, and nothing is taken as disturbed.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

STATISTICS = Path("/proc/stat")
TICKS = 2
"""The system counts in ticks, mostly of a hundredth of a second: so many may be miscounted at the ends."""


@dataclass(frozen=True)
class Moment:
    """What the clocks show, in seconds.

    Attributes
    ----------
    wall : float
        Time.
    own : float
        For which processors worked for this process, all its threads together.
    all, stolen : float or None
        For which they worked for anybody, and for which this machine was denied them by its host.
    """

    wall: float
    own: float
    all: float | None
    stolen: float | None

    @classmethod
    def now(cls, own: float | None = None) -> Moment:
        """Read the clocks; `own` where it is another process that counts."""
        counts = _counts()
        return cls(time.perf_counter(), time.process_time() if own is None else own, *(counts or (None, None)))


@dataclass(frozen=True)
class Span:
    """The time between two moments, and who used the processors; in seconds.

    Attributes
    ----------
    wall, own : float
    others : float or None
        For which processors worked for others, or were denied to this machine; None where nobody tells.
    """

    wall: float
    own: float
    others: float | None

    @classmethod
    def between(cls, first: Moment, last: Moment) -> Span:
        """Return the span from one moment to another."""
        wall, own = last.wall - first.wall, last.own - first.own
        if first.all is None or last.all is None or first.stolen is None or last.stolen is None:
            return cls(wall, own, None)
        # Ticks may lag behind: others have not used less than nothing.
        return cls(wall, own, max(0.0, last.all - first.all - own) + last.stolen - first.stolen)

    def disturbed(self, tolerance: float) -> bool:
        """Return whether others had more than this share of one processor."""
        return self.others is not None and self.others > tolerance * self.wall + TICKS * _tick()


def _counts() -> tuple[float, float] | None:
    """Return for how many seconds the processors worked, and were denied to this machine, since it was started."""
    try:
        words = STATISTICS.read_text().split(maxsplit=9)[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = (int(word) * _tick() for word in words)
    return user + nice + system + interrupts + soft_interrupts, stolen


def _tick() -> float:
    return 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
