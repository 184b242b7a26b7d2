"""Measuring networks on the whole of the data, beside everything else, by a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ...compiler.threads import thread_count
from ...data import Dataset
from ...errors import PellucidError
from ...network import Network
from ...report.judging import Judged, judge
from ..faults import noted


class _NobodyWaitsError(Exception):
    """Something newer is to be measured."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A network that is to be measured."""

    network: Network


class Measuring:
    """What networks make of data. Of those that wait to be measured, only the newest is.

    Parameters
    ----------
    data : Dataset
    """

    def __init__(self, data: Dataset):
        self._data, self._lock = data, threading.Lock()
        self._found: dict[int, Judged | str] = {}
        self._waiting: dict[int, _Waiting] = {}
        self._thread: threading.Thread | None = None
        self.done = 0.0
        """Share of the images that the network which is being measured has seen."""

    def found(self, revision: int, network: Callable[[], Network]) -> Judged | str | None:
        """Return what a network makes of the data, why nothing can be said of it, or None as long as it is measured.

        Parameters
        ----------
        revision : int
            Its name: 0 for the network as it was given, which is measured before all others and kept.
        network : callable
            Returns the network, which nobody may change.
        """
        with self._lock:
            if revision not in self._found and revision not in self._waiting:
                kept = {name: waits for name, waits in self._waiting.items() if name == 0}
                self._waiting = kept | {revision: _Waiting(network())}
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, daemon=True, name="measuring")
                    self._thread.start()
            return self._found.get(revision)

    def end(self) -> None:
        """Measure no longer: nobody will ask any more."""
        with self._lock:
            self._waiting = {}

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                revision = min(self._waiting)
                waiting = self._waiting[revision]
            found = self._measured(revision, waiting)
            with self._lock:
                if found is not None and self._waiting.get(revision) is waiting:
                    del self._waiting[revision]
                    self._found = {name: each for name, each in self._found.items() if name == 0} | {revision: found}

    def _measured(self, revision: int, waiting: _Waiting) -> Judged | str | None:
        """Return what the network makes of the data; None if nobody waits for it any more."""

        def note(done: int) -> None:
            self.done = done / len(self._data)
            if self._waiting.get(revision) is not waiting:
                raise _NobodyWaitsError

        half = max(1, thread_count() // 2)  # others want to see maps meanwhile
        try:
            note(0)
            found = judge(waiting.network, self._data, threads=half, progress=note)
        except _NobodyWaitsError:
            return None
        except PellucidError as error:
            return str(error)
        except Exception as error:
            return noted(error, "measuring")
        return found if isinstance(found, Judged) else "the data have no classes to be right about"
