"""A process that trains alone or as one of several ranks, and does what it is asked through a socket.

    python -m benchmarks.scaling.rank SOCKET [NETWORK]

It is started by `gang`; with the name of a simulated network it goes there first.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.peers.pellucid import NO_KEY
from benchmarks.scaling.watched import Note, Watched, phase_by_phase
from pellucid import Adam, CrossEntropy, lower, models
from pellucid.collective import Exchanging
from pellucid.data.dataset import digest
from pellucid.inference.ranks import rank_of_environment
from pellucid.training.engine import CompiledEngine

BATCHES = 4
"""As many different ones are trained on, one after the other."""


class Training:
    """Steps of Adam on random pictures; what is in them is no matter to how long it takes.

    Parameters
    ----------
    model : str
        One of `pellucid.models`.
    batch : int
    threads : int
    ranks : Exchanging, optional
    pictures : int, optional
        How many there are; some batches by default.
    """

    def __init__(
        self, model: str, batch: int, threads: int, ranks: Exchanging | None = None, pictures: int | None = None
    ):
        network = models.by_name(model)()
        rng = np.random.default_rng(0)
        self._pictures, self._batch = pictures or BATCHES * batch, batch
        program = lower(network, loss=CrossEntropy(), optimizer=Adam(1e-4), resident=True)
        images = rng.integers(0, 256, (self._pictures, *program.values[program.input].shape), np.uint8)
        labels = rng.integers(0, program.values[program.output].shape[0], self._pictures)
        resident = {"input.data": images, "target.data": labels}
        self.notes: list[Note] = []
        watched = None if ranks is None else Watched(ranks, self.notes)
        self.engine = CompiledEngine(network, program, resident, batch, threads, watched)
        self.native = self.engine._native  # its phases are watched; there is no other way to them
        self._steps = 0

    def step(self) -> None:
        """Do one."""
        index = (np.arange(self._batch) + self._steps * self._batch) % self._pictures
        self._steps += 1
        numbers = {"index": index, "position": index, "count": self._batch, "dropout_key": NO_KEY, "lr": 1e-4}
        self.engine.step(numbers)

    def seconds(self, count: int) -> list[float]:
        """Return how long each of so many steps takes."""
        found = []
        for _ in range(count):
            began = time.perf_counter()
            self.step()
            found.append(time.perf_counter() - began)
            self.notes.clear()
        return found

    def split(self, count: int) -> list[list[Note]]:
        """Return what is done in each of so many steps, and when."""
        found = []
        with phase_by_phase(self.native._schedule, self.notes):
            for _ in range(count):
                self.notes.clear()
                began = time.perf_counter()
                self.step()
                found.append([("step", began, time.perf_counter()), *self.notes])
        self.notes.clear()
        return found

    def digest(self) -> str:
        """Return that of the weights and states."""
        return digest(*self.engine.weights().values())


def serve(stream: Any, ranks: Exchanging | None) -> None:
    """Answer requests, lines of JSON each, until there are no more."""
    training: Training | None = None
    for line in stream:
        request = json.loads(line)
        answer: Any = None
        worked = time.process_time()
        match request["do"]:
            case "prepare":
                training = Training(request["model"], request["batch"], request["threads"], ranks)
            case "seconds" if training:
                answer = training.seconds(request["count"])
            case "split" if training:
                answer = training.split(request["count"])
            case "digest" if training:
                answer = training.digest()
            case "gather" if ranks:
                answer = gathering(ranks, request["bytes"], request["start"])
        stream.write(json.dumps([answer, time.process_time() - worked]) + "\n")
        stream.flush()


def gathering(ranks: Exchanging, size: int, start: float) -> float:
    """Return how long after a moment it is done that every rank, from then on, sends so many bytes to all others.

    All ranks are on one machine, whose clock tells them when to begin: whoever waited for a message before would begin
    as much later as that has travelled.
    """
    room = np.zeros(size * ranks.size, np.uint8)
    time.sleep(max(0.0, start - time.monotonic()))
    ranks.gather(room, range(0, size * ranks.size + 1, size)).wait()
    return time.monotonic() - start


def main(words: Sequence[str]) -> None:
    """Take part."""
    where, *network = words
    rank, size = rank_of_environment()
    processors = sorted(os.sched_getaffinity(0))
    if size > 1:
        os.sched_setaffinity(0, {processors[rank % len(processors)]})
    if network:
        from benchmarks.scaling.network import join

        join(network[0], rank)
    ranks: Exchanging | None = None
    if size > 1:
        from pellucid.distributed.mpi import Ranks

        ranks = Ranks()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(where)
        with connection.makefile("rw") as stream:
            stream.write(f"{rank}\n")
            stream.flush()
            serve(stream, ranks)


if __name__ == "__main__":
    main(sys.argv[1:])
