"""Where a step's time goes: every phase of a plan, and every exchange between ranks, with its begin and its end.

All clocks here are the machine's own, so what ranks of one machine note can be laid side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.collective import Exchange, Exchanging
from pellucid.compiler import runtime
from pellucid.compiler.plan import Count, JobPhase, LeafPhase, NodePhase, Phase
from pellucid.compiler.schedule import Schedule

LEAVES, NODES, COMPLETING, SERIAL, UPDATE = "leaves", "nodes", "completing", "serial", "update"
SENDING, SENT, WAITING = "sending", "sent", "waiting"
"""An exchange is begun; of the one that is waited for next, when that was; and it is waited for."""

Note = tuple[str, float, float]
"""What was done, and when it began and ended, in seconds."""


class Watched:
    """Ranks that note how long each exchange takes to begin, and to be waited for.

    Parameters
    ----------
    ranks : Exchanging
    notes : list of Note
        Taken down here.
    """

    def __init__(self, ranks: Exchanging, notes: list[Note]):
        self._ranks, self._notes = ranks, notes
        self.rank, self.size = ranks.rank, ranks.size

    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> Exchange:
        """See `Exchanging.gather`."""
        began = time.perf_counter()
        exchange = self._ranks.gather(room, bounds)
        sent = time.perf_counter()
        self._notes.append((SENDING, began, sent))
        return WatchedExchange(exchange, sent, self._notes)


@dataclass
class WatchedExchange:
    """An exchange under way."""

    exchange: Exchange
    sent: float
    notes: list[Note]

    def wait(self) -> None:
        """See `Exchange.wait`."""
        began = time.perf_counter()
        self.exchange.wait()
        self.notes += [(SENT, self.sent, self.sent), (WAITING, began, time.perf_counter())]


@dataclass(frozen=True)
class Pretended:
    """One rank of many that are not there: the others are taken to have made the same as this one.

    What it computes is worthless; how long it takes is what the first of so many ranks would compute.
    """

    size: int
    rank: int = 0

    def gather(self, room: NDArray[Any], bounds: Sequence[int]) -> Exchange:
        """Put this rank's piece in the place of all others."""
        own = room[bounds[self.rank] : bounds[self.rank + 1]]
        for start, stop in pairwise(bounds):
            room[start:stop] = np.resize(own, stop - start)
        return Nothing()


class Nothing:
    """An exchange that is over before it begins."""

    def wait(self) -> None:
        """Return."""


def kind(phase: Phase) -> str:
    """Return what a phase does: leaves' or nodes' parts of sums, sums completed from parts, sums over all samples one
    after the other, or the update and whatever else does not depend on samples."""
    match phase:
        case LeafPhase():
            return LEAVES
        case NodePhase():
            return NODES
        case JobPhase():
            counts = {job[0].count for job in phase.jobs}
            if Count.BATCH in counts:
                return SERIAL
            return COMPLETING if counts & {Count.NODES, Count.LEAVES} else UPDATE
    return UPDATE


@contextmanager
def phase_by_phase(schedule: Schedule, notes: list[Note]) -> Iterator[None]:
    """Let each phase of a schedule be a native call of its own, and note how long it takes."""
    together, run = schedule.segments, runtime.run
    native = [phase for phase in schedule.plan.phases if isinstance(phase, LeafPhase | JobPhase | NodePhase)]
    kinds = [kind(phase) for phase in native]

    def noting(schedule: Schedule, segment: range, threads: int) -> None:
        began = time.perf_counter()
        run(schedule, segment, threads)
        notes.append((kinds[segment.start], began, time.perf_counter()))

    schedule.segments = [
        piece
        for segment in together
        for piece in ([range(at, at + 1) for at in segment] if isinstance(segment, range) else [segment])
    ]
    runtime.run = noting
    try:
        yield
    finally:
        schedule.segments, runtime.run = together, run
