"""Ranks as threads of one process: the same exchanges as those of MPI, through memory that all of them see.

A rank can be lost at any exchange, when its message has come to some of the others and not to all.
"""

import threading
from contextlib import contextmanager

import numpy as np

from pellucid.errors import LostRankError, RankError


class LostHere(BaseException):
    """Ends a rank that is to be lost."""


class World:
    """What the ranks of one computation share.

    Parameters
    ----------
    size : int
    patience : float
    lost : mapping of int to (int, set of int)
        By rank, at which of its exchanges it is lost, and to which ranks its message still comes.
    ahead : bool, default False
        Whether its message of the exchange before comes to no others either: it was beyond an exchange that some of
        them have not completed.
    """

    def __init__(self, size, patience=60.0, lost=None, ahead=False):
        self.size, self.patience, self.lost, self.ahead = size, patience, lost or {}, ahead
        self.changed = threading.Condition()
        self.said = {}  # (losses, exchange) -> number -> (bytes, to whom it comes)
        self.bytes, self.held, self.reasons = 0, 0, set()
        self.members = [list(range(size))]  # after each loss
        self.revoked, self.dead, self.settling = set(), set(), {}
        self.exchanges = [0] * size

    def run(self, work):
        """Return what ``work(rank)`` returns on every rank that is not lost, or raise what one of them raises."""
        results, errors = [None] * self.size, []

        def one(rank):
            try:
                results[rank] = work(ThreadRank(self, rank))
            except LostHere:
                results[rank] = LostHere
                with self.changed:  # not before it has let go of all that it held
                    self.dead.add(rank)
                    self.changed.notify_all()
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
        return [each for each in results if each is not LostHere]

    def settled(self, losses, number, done):
        """Return whether all that are left have said that they are done; whoever is left goes on."""
        with self.changed:
            said = self.settling.setdefault(losses, [{}])
            which = said[-1]
            which[number] = done
            if not done:
                self.revoked.add(losses)
            self.changed.notify_all()

            def complete():
                left = set(self.members[losses]) - self.dead
                if "all" not in which and left <= which.keys():
                    which["all"] = all(which[each] for each in left)
                    if not which["all"]:
                        self.members.append(sorted(left))
                    said.append({})
                    self.changed.notify_all()
                return "all" in which

            if not self.changed.wait_for(complete, self.patience):
                raise RankError(f"only {sorted(which)} settled")
            return which["all"]


class ThreadRank:
    """A rank that is a thread."""

    elastic = True

    def __init__(self, world, rank):
        self.world, self.number, self.rank, self.size, self.begun = world, rank, rank, world.size, 0
        self.losses, self.lost, self.all_begun, self.waits = 0, [], 0, False

    def gather(self, room, bounds):
        self.begun += 1
        self.all_begun += 1
        self.world.exchanges[self.number] = self.all_begun
        self.world.bytes += bounds[self.rank + 1] - bounds[self.rank]
        last, reached = self.world.lost.get(self.number, (0, ()))
        with self.world.changed:
            said = self.world.said.setdefault((self.losses, self.begun), {})
            message = bytes(room[bounds[self.rank] : bounds[self.rank + 1]])
            late = last and last - self.all_begun <= self.world.ahead
            said[self.number] = message, {*reached, self.number} if late else range(self.world.size)
            self.world.changed.notify_all()
        if last == self.all_begun:
            raise LostHere
        return Arriving(self, said, room, bounds)

    def hold(self, saves=False):
        with self.world.changed:
            if not self.waits:
                self.world.held += 1
                self.world.reasons.add("saves" if saves else "pauses")
                self.world.changed.notify_all()

    @contextmanager
    def waiting(self):
        """While it waits for others, a rank does not let them wait on purpose."""
        self.waits = True
        try:
            yield
        finally:
            self.waits = False

    def settled(self, done):
        if self.world.settled(self.losses, self.number, done):
            return True
        self.losses, self.begun = self.losses + 1, 0
        members = self.world.members[self.losses]
        self.rank, self.size = members.index(self.number), len(members)
        self.lost = [number for number in range(self.world.size) if number not in members]
        return False


class Arriving:
    """An exchange under way. Nothing is written before it is waited for, so that what is read too early is old."""

    def __init__(self, own, said, room, bounds):
        self.own, self.said, self.room, self.bounds = own, said, room, bounds

    def wait(self):
        own, world = self.own, self.own.world
        members = world.members[own.losses]

        def come():
            return {number for number, (_, to) in self.said.items() if own.number in to} >= set(members)

        def over():
            gone = {number for number in world.dead if number in members and not self._comes_from(number)}
            return come() or gone or own.losses in world.revoked

        with world.changed, own.waiting():
            while not over():
                held = world.held
                if not world.changed.wait_for(lambda held=held: over() or world.held > held, world.patience):
                    raise RankError(f"only {sorted(self.said)} came")
            if not come():
                raise LostRankError("a rank is lost")
        for rank, number in enumerate(members):
            if rank != own.rank:
                message = np.frombuffer(self.said[number][0], np.uint8)
                place = self.room[self.bounds[rank] : self.bounds[rank + 1]]
                if len(message) != len(place):  # as MPI does, where a message is longer than its place
                    raise RankError(f"{len(message)} bytes came, not {len(place)}")
                place[:] = message

    def _comes_from(self, number):
        return number in self.said and self.own.number in self.said[number][1]


def reaching(size, number):
    """Return to which ranks the last message of a lost one comes: others for every number."""
    return {rank for rank in range(size) if (rank + number) % 2}


def one(number, size):
    """Return who is lost at an exchange: each in its turn."""
    return {number % size}


def lost_everywhere(work, expected, victims=one, every=1, size=3):
    """Return at which exchanges it was of consequence that ranks were lost."""
    whole = World(size)
    whole.run(work)
    wrong = []
    for number in range(1, whole.exchanges[0] + 1, every):
        lost = {victim: (number, reaching(size, number // size)) for victim in victims(number, size)}
        found = World(size, lost=lost).run(work)
        wrong += [number] * (len(found) != size - len(lost) or any(each != expected for each in found))
    return wrong
