"""A look from outside at ranks that start: while MPI itself starts, no rank can find out that another one is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from .fellows import beginning
from .room import ARRIVED, STARTED, told

STARTING = 30.0
"""Seconds that ranks have at least to start MPI, after the first of them is there."""
BY_THEMSELVES = 4.0
"""Seconds in which ranks end by themselves where one has ended: one that fails, as all do, or with a launcher that ends
them."""
TURN = 0.1
"""Seconds between two looks."""
LONGEST_TURN = 1.0
"""Seconds that a look counts at most: if it took longer, all may have stood still."""
_NUMBER = "OMPI_COMM_WORLD_RANK"
"""The variable by which Open MPI tells a process its rank."""


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
        waited = ended = 0.0
        before = time.monotonic()
        while not self._over.wait(TURN) and told(self._folder, STARTED) is None:
            seen = len(self._seen)
            self._see()
            now = time.monotonic()
            turn, before = min(now - before, LONGEST_TURN), now
            here = [rank for rank in range(self._ranks) if told(self._folder, f"{ARRIVED}{rank}") is not None]
            waited = waited + turn if here else 0.0
            lost = self._lost()
            ended = ended + turn if lost and len(self._seen) == seen else 0.0
            if ended > BY_THEMSELVES:
                self._end_all(f"{self._named(lost)} ended before training began")
            elif waited > self._patience:
                late = [rank for rank in range(self._ranks) if rank not in here] or self._stopped()
                who = self._named(late) if late else "MPI"
                self._end_all(f"{who} did not start within {self._patience:g} seconds")

    def _see(self) -> None:
        """Note the processes of ranks that have not been seen yet; the first one of a rank is its own."""
        if len(self._seen) == self._ranks:
            return
        for process in sorted(processes(self._session), key=lambda process: (beginning(process), process)):
            rank = rank_of(process)
            if rank is not None and rank not in self._seen:
                self._seen[rank] = process, beginning(process)

    def _lost(self) -> list[int]:
        """Return the ranks that do not run, where others do or have: they may have ended before they were seen."""
        running = [rank for rank, process in self._seen.items() if runs(*process)]
        return [rank for rank in range(self._ranks) if rank not in running] if self._seen else []

    def _stopped(self) -> list[int]:
        """Return the ranks that a signal holds."""
        return [rank for rank, (process, _) in self._seen.items() if state(process)[:1] in (["T"], ["t"])]

    def _named(self, ranks: list[int]) -> str:
        """Return ranks in words, with their processes."""
        each = [f"rank {rank}" + (f" (process {self._seen[rank][0]})" if rank in self._seen else "") for rank in ranks]
        return " and ".join([", ".join(each[:-1]), each[-1]] if len(each) > 1 else each)

    def _end_all(self, found: str) -> None:
        """End the launcher and all ranks at once; they have not begun anything."""
        self.found = f"{found}; nothing was written"
        self._over.set()
        for process in [*processes(self._session), self._session]:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)


def runs(process: int, began: int) -> bool:
    """Return whether a process that began then has not ended."""
    return beginning(process) == began and state(process)[:1] not in ([], ["Z"], ["X"])


def state(process: int) -> list[str]:
    """Return what the system says of a process behind its name, beginning with its state; nothing where there is none,
    or the system does not say it."""
    try:
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def processes(session: int) -> list[int]:
    """Return the processes of a session, where the system says which they are."""
    numbers = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [number for number in numbers if state(number)[3:4] == [str(session)]]


def rank_of(process: int) -> int | None:
    """Return which rank a process was started as, if it was."""
    try:
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    found = [words.partition(b"=")[2] for words in variables if words.startswith(f"{_NUMBER}=".encode())]
    return int(found[0]) if found and found[0].isdigit() else None
