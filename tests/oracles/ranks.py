"""Ranks as threads of one process: the same exchanges as those of MPI, through memory that all of them see."""

import threading

import numpy as np

from pellucid.errors import RankError


class World:
    """What the ranks of one computation share."""

    def __init__(self, size, patience=60.0):
        self.size, self.patience = size, patience
        self.changed = threading.Condition()
        self.said = {}  # exchange -> rank -> bytes
        self.bytes = 0

    def run(self, work):
        """Return what ``work(rank)`` returns on every rank, or raise what one of them raises."""
        results, errors = [None] * self.size, []

        def one(rank):
            try:
                results[rank] = work(ThreadRank(self, rank))
            except BaseException as error:
                errors.append(error)
                with self.changed:
                    self.changed.notify_all()

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:  # the first one, of which others that wait for it are a consequence
            raise errors[0]
        return results


class ThreadRank:
    """A rank that is a thread."""

    def __init__(self, world, rank):
        self.world, self.rank, self.size, self.begun = world, rank, world.size, 0

    def gather(self, room, bounds):
        self.begun += 1
        self.world.bytes += bounds[self.rank + 1] - bounds[self.rank]
        with self.world.changed:
            said = self.world.said.setdefault(self.begun, {})
            said[self.rank] = bytes(room[bounds[self.rank] : bounds[self.rank + 1]])
            self.world.changed.notify_all()
        return Arriving(self, said, room, bounds)

    def all(self, message):
        lengths = np.zeros(self.size, np.int64)
        lengths[self.rank] = len(message)
        self.gather(lengths.view(np.uint8), range(0, 8 * self.size + 1, 8)).wait()
        bounds = [0, *np.cumsum(lengths).tolist()]
        room = np.zeros(bounds[-1], np.uint8)
        room[bounds[self.rank] : bounds[self.rank + 1]] = np.frombuffer(message, np.uint8)
        self.gather(room, bounds).wait()
        return [room[bounds[r] : bounds[r + 1]].tobytes() for r in range(self.size)]


class Arriving:
    """An exchange under way. Nothing is written before it is waited for, so that what is read too early is old."""

    def __init__(self, own, said, room, bounds):
        self.own, self.said, self.room, self.bounds = own, said, room, bounds

    def wait(self):
        world = self.own.world
        with world.changed:
            came = world.changed.wait_for(lambda: len(self.said) == world.size, world.patience)
        if not came:
            raise RankError(f"only {sorted(self.said)} came")
        for rank, message in self.said.items():
            if rank != self.own.rank:
                self.room[self.bounds[rank] : self.bounds[rank + 1]] = np.frombuffer(message, np.uint8)
