"""How many threads compute: as many as somebody has said, or as there are processors."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

from ..errors import ArgumentError
from ..geometry import whole_number

THREADS_VARIABLE = "PELLUCID_THREADS"
MOST_THREADS = 1024
"""More than any machine has processors for; each takes memory, and from some number on the system gives no more."""


def thread_count(threads: int | None = None) -> int:
    """Return how many threads to use: as many as were asked for, by argument or PELLUCID_THREADS, else as many as
    there are processors for this process.

    Raises
    ------
    ArgumentError
        If it is no whole number from 1 to 1,024.
    """
    if threads is not None:
        return _as_threads(whole_number(threads, "threads"), "threads")
    wanted = os.environ.get(THREADS_VARIABLE, "").strip()
    if wanted:
        if not wanted.isdecimal() or int(wanted[:20]) < 1:
            raise ArgumentError(f"{THREADS_VARIABLE}: expected a whole number of at least 1, received {wanted!r}")
        return _as_threads(int(wanted[:20]), THREADS_VARIABLE)
    return processors_here()


def _as_threads(count: int, name: str) -> int:
    if count > MOST_THREADS:
        raise ArgumentError(f"{name}: expected at most {MOST_THREADS:,}, received {count:,}")
    return count


def processors_here() -> int:
    """Return how many processors this process may use by now: by its affinity, which changes where a rank is lost whose
    processors it takes over, and by the quota of its control group."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, _quota()))


@cache
def _quota() -> int:
    """Return for how many processors' time the control group has a quota, if it has one."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no control group, or "max": no quota
        return MOST_THREADS
