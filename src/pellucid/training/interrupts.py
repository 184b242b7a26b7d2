"""Ctrl-C in a program or a notebook: it ends a training when there is a checkpoint of that very moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from .callbacks import Training


@contextmanager
def put_off(training: Training, run: Path | None) -> Iterator[None]:
    """Put Ctrl-C off to the end of the step, where a run is written; a second one ends the training at once, and so
    does one while the network is validated, when nothing changes.

    Whoever has said what becomes of Ctrl-C is left to it, and threads hear of no signals.

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
    main = threading.current_thread() is threading.main_thread()
    if run is None or not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    error = KeyboardInterrupt()
    error.add_note(f"to go on: p.resume({str(run)!r}, …)")

    def receive(number: int, frame: FrameType | None) -> None:
        if training.validating or training.ending is not None:
            raise error
        training.end(error)

    signal.signal(signal.SIGINT, receive)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if training.ending is error:  # it came when the last step was done
        raise error
