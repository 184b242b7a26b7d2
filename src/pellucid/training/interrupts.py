"""Ctrl-C in a program or a notebook: it ends a training when there is a checkpoint of that very moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..collective import Collective
from .state import Training


class ByTheFirst:
    """What becomes of a signal in a rank of a job: the first one does with it what the process did before; all others
    leave it to that one. Who is the first is asked as it comes.

    Parameters
    ----------
    ranks : Collective
    number : int
        Of the signal.

    Attributes
    ----------
    before
        What the process did with it, as `signal.getsignal` says it.
    """

    def __init__(self, ranks: Collective, number: int):
        self._ranks, self.before = ranks, signal.getsignal(number)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._ranks.rank:
            return
        if callable(self.before):
            self.before(number, frame)
        elif self.before == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


@contextmanager
def put_off(training: Training, run: Path | None) -> Iterator[None]:
    """Put Ctrl-C off to the end of the step, where a run is written; a second one ends the training at once, and so
    does one while the network is validated, when nothing changes.

    Whoever has said what becomes of Ctrl-C is left to it, and threads hear of no signals. Of several ranks the first
    one hears of it, as soon as it is the first.

    Parameters
    ----------
    training : Training
    run : Path, optional
        The folder of the run.

    Raises
    ------
    KeyboardInterrupt
        Its note says how to go on.
    """
    main, ranks = threading.current_thread() is threading.main_thread(), training.ranks
    found = signal.getsignal(signal.SIGINT)
    said = found.before if isinstance(found, ByTheFirst) else found
    if run is None or not main or said is not signal.default_int_handler:
        yield
        return

    error = KeyboardInterrupt()
    error.add_note(f"to go on: p.resume({str(run)!r}, …)")

    def receive(number: int, frame: FrameType | None) -> None:
        if ranks is not None and ranks.rank:
            return
        if training.validating or training.ending is not None:
            raise error
        training.end(error)

    signal.signal(signal.SIGINT, receive)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, found)
    if training.ending is error:  # it came when the last step was done
        raise error
