"""Measuring networks on the whole of the data, beside everything else: by a thread, a few images at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..compiler.runtime import thread_count
from ..data import Dataset
from ..errors import PellucidError
from ..inference.batches import batches
from ..network import Network
from ..report.judging import Judged, judge
from .faults import noted

SLICE_WORK = 2e9
"""Multiply-adds between two looks at whether something newer is to be measured: a tenth of a second or less."""
MOST_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A network that is to be measured."""

    network: Network


class Measuring:
    """What networks make of data. Of those that wait to be measured, only the newest is.

    Parameters
    ----------
    data : Dataset
    multiply_adds : int
        For one image.
    """

    def __init__(self, data: Dataset, multiply_adds: int):
        self._data, self._lock = data, threading.Lock()
        self._at_once = int(np.clip(SLICE_WORK / max(1, multiply_adds), 1, MOST_AT_ONCE))
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

    def forget(self) -> None:
        """Forget all that was found, and what is being measured: networks have other weights now."""
        with self._lock:
            self._found, self._waiting = {}, {}

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
        parts: list[Judged] = []
        try:
            for part in self._parts():
                self.done = sum(len(each.labels) for each in parts) / len(self._data)
                if self._waiting.get(revision) is not waiting:
                    return None
                half = max(1, thread_count() // 2)  # others want to see maps meanwhile
                found = judge(waiting.network, part, threads=half)
                if not isinstance(found, Judged):
                    return "the data have no classes to be right about"
                parts.append(found)
        except PellucidError as error:
            return str(error)
        except Exception as error:
            return noted(error, "measuring")
        labels, predicted, probabilities = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("labels", "predicted", "probabilities")
        )
        return Judged(self._data, parts[0].names, labels, predicted, probabilities)

    def _parts(self) -> Iterator[Dataset]:
        data = self._data
        for part in batches(len(data), self._at_once):
            yield Dataset(data.images[part], data.labels[part], data.class_names, data.name)
