"""A look from outside at ranks that start: while MPI itself starts, no rank can find out that another one is lost."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

from .room import ARRIVED, STARTED, told
from .system import processes, rank_of, runs, status
from .waiting import Clock

STARTING = 30.0
"""Seconds that ranks have at least to be started after the first of them, and to start MPI."""
BY_THEMSELVES = 4.0
"""Seconds in which ranks end by themselves where one has ended: one that fails, as all do, or with a launcher that ends
them."""
TURN = 0.1
"""Seconds between two looks."""


class Onlooker:
    """Looks on, in a thread, until all ranks have met; ends them where one is lost, or does not come.

    Parameters
    ----------
    session : int
        That of the launcher and its ranks: its process number.
    ranks : int
    folder : str
        Of what they tell; see `room`.
    patience : float
        Seconds for which a rank is waited for once another one is there.

    Attributes
    ----------
    found : str
        What was wrong; nothing where all is well.
    """

    def __init__(self, session: int, ranks: int, folder: str, patience: float):
        self.found = ""
        self._session, self._ranks, self._folder = session, ranks, folder
        self._patience = max(patience, STARTING)
        self._seen: dict[int, tuple[int, int]] = {}  # by rank: its process, and when that began
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="pellucid-onlooker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look on no more."""
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        clock = Clock()
        waited = unseen = ended = 0.0  # seconds for which it has been so
        while not self._over.wait(TURN) and not self._have_met():
            new = self._see()
            turn = clock.turn()
            here = [rank for rank in range(self._ranks) if told(self._folder, f"{ARRIVED}{rank}") is not None]
            missing = [rank for rank in range(self._ranks) if rank not in self._seen]
            gone = [rank for rank in sorted(self._seen) if not runs(*self._seen[rank])]
            waited = waited + turn if here else 0.0
            unseen = unseen + turn if missing and self._seen and not new else 0.0
            ended = ended + turn if gone and not new else 0.0
            if ended > BY_THEMSELVES:
                self._end_all(f"{self._named(gone)} ended before training began")
            elif unseen > STARTING:  # it may have ended before it was seen
                self._end_all(f"{self._named(missing)} did not start within {STARTING:g} seconds")
            elif waited > self._patience:
                late = [rank for rank in range(self._ranks) if rank not in here] or self._stopped()
                who = self._named(late) if late else "MPI"
                self._end_all(f"{who} did not start within {self._patience:g} seconds")

    def _have_met(self) -> bool:
        return told(self._folder, STARTED) is not None

    def _see(self) -> bool:
        """Note the processes of ranks that have not been seen yet, of each the first one; return whether there are
        such."""
        seen = len(self._seen)
        for process, said in processes(self._session).items() if seen < self._ranks else ():
            rank = rank_of(process)
            if rank is not None:
                self._seen.setdefault(rank, (process, said.began))
        return len(self._seen) > seen

    def _stopped(self) -> list[int]:
        """Return the ranks that a signal holds."""
        found = {rank: status(process) for rank, (process, _) in self._seen.items()}
        return [rank for rank, said in found.items() if said and said.state in ("T", "t")]

    def _named(self, ranks: list[int]) -> str:
        """Return ranks in words, with their processes."""
        each = [f"rank {rank}" + (f" (process {self._seen[rank][0]})" if rank in self._seen else "") for rank in ranks]
        return " and ".join([", ".join(each[:-1]), each[-1]] if len(each) > 1 else each)

    def _end_all(self, found: str) -> None:
        """End the launcher and all ranks at once; they have not begun anything. If they have met in this very moment,
        they are left alone."""
        if self._have_met():
            return
        self.found = f"{found}; nothing was written"
        self._over.set()
        for process in [*processes(self._session), self._session]:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
