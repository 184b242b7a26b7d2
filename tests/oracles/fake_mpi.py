"""An MPI that does what a test says: its requests end when they are told to, and messages come when they are put there.

It is what one rank sees of a job; there are no others.
"""

# ruff: noqa: N802, N818  # the names are those of mpi4py

import threading
import time

import numpy as np


class Failure(Exception):
    """What it raises."""

    def Get_error_class(self):
        return self.args[0]


class Request:
    """An exchange under way: complete when `done` says so, or broken where that raises."""

    def __init__(self, done=lambda: True):
        self.done = done

    def Test(self):
        return self.done()


class Status:
    def Get_count(self, unit):
        return len(self.words)

    def Get_tag(self):
        return self.tag


class Communicator:
    """What a rank has of a communicator.

    Parameters
    ----------
    rank : int
    members : sequence of int
        Numbered as the job began.

    Attributes
    ----------
    requests : list of Request
        What the next exchanges become; after these, all are complete at once.
    inbox : list of (int, int, bytes)
        Messages that have come: from whom, about what, and the words.
    log : list
        What was asked of it.
    smaller : Communicator
        What `Shrink` makes.
    """

    def __init__(self, rank=0, members=(0, 1, 2), log=None):
        self.rank, self.members, self.requests, self.inbox = rank, list(members), [], []
        self.log, self.smaller, self.agreed, self.shrinking = [] if log is None else log, None, None, threading.Event()
        self.shrinking.set()

    def Dup(self):
        self.copy = Communicator(self.rank, self.members, self.log)
        return self.copy

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return len(self.members)

    def Get_group(self):
        return self

    def Translate_ranks(self, ranks, other):
        return [other.members.index(each) for each in self.members]

    def Set_errhandler(self, handler):
        pass

    def Iallgatherv(self, place, to):
        self.log.append(("gather", len(to[0])))
        return self._next()

    def Ibcast(self, part, root):
        self.log.append(("broadcast", root, part[0].tobytes()))
        return self._next()

    def _next(self):
        return self.requests.pop(0) if self.requests else Request()

    def Iagree(self, flag):
        if self.agreed is not None:
            flag[0] = self.agreed
        return self._next()

    def Revoke(self):
        self.log.append("revoked")

    def Shrink(self):
        self.shrinking.wait(10)
        return self.smaller

    def Isend(self, message, to, tag):
        self.log.append(("says", tag, to, bytes(message[0])))
        return Request()

    def Iprobe(self, source, tag, status):
        came = [each for each in self.inbox if each[0] == source]
        if came:
            status.source, status.tag, status.words = came[0]
        return bool(came)

    def Recv(self, room, source, tag):
        found = next(each for each in self.inbox if each[:2] == (source, tag))
        self.inbox.remove(found)
        room[0][:] = memoryview(found[2])

    def Abort(self, code):
        self.log.append(("abort", code))


class Mpi:
    """The module."""

    Exception, Status = Failure, Status
    ERR_PROC_FAILED, ERR_PROC_FAILED_PENDING, ERR_REVOKED, ERR_OTHER = 1, 2, 3, 4
    BYTE, ANY_TAG, IN_PLACE, ERRORS_RETURN, THREAD_MULTIPLE = "byte", -1, "in place", "return", 3

    def __init__(self, world):
        self.COMM_WORLD = world

    def Query_thread(self):
        return self.THREAD_MULTIPLE


def broken(kind):
    """Return a request that fails."""

    def fail():
        raise Failure(kind)

    return Request(fail)


class Victim:
    """A process that somebody ends."""

    def __init__(self, number, log):
        self.number, self.log = number, log

    def __str__(self):
        return f"rank {self.number} (process 9)"

    def kill(self):
        self.log.append(("killed", self.number))


def killed(communicator):
    """Return which ranks were ended."""
    return [each[1] for each in communicator.log if each[0] == "killed"]


def exchanged(ranks, begun=lambda: None):
    """Let three ranks exchange 8 bytes each; call `begun` before that is waited for."""
    found = ranks.gather(np.zeros(24, np.uint8), [0, 8, 16, 24])
    begun()
    found.wait()


def after(seconds):
    """Return what becomes true after so many seconds."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
