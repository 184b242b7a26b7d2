"""What ranks and who has started them tell each other: files in a folder that the launched job has for itself.

Where another launcher has started the ranks there is no such folder, and what is told goes nowhere.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import StorageError
from ..locking import locked, waited_until_free
from ..storage import write_file

FOLDER = "PELLUCID_JOB"
"""The variable that says where it is."""
ARRIVED = "arrived-"
"""With a rank's number behind it: the rank is there, and starts MPI."""
STARTED = "started"
"""All ranks have met: from now on they end, or go on, by themselves."""
RUN = "run"
"""The folder of the run that is trained."""
DONE = "done"
"""The work is done."""
FAILED = "failed"
"""The exit code of a rank that has failed, and has said why."""
HELD = "held"
"""Locked by who has started the ranks, for as long as that process lives."""


def is_there() -> bool:
    """Return whether this rank was started by who looks into such a folder: by ``pellucid --ranks``."""
    return bool(os.environ.get(FOLDER))


def tell(what: str, words: object = "") -> None:
    """Tell something to who has started this rank."""
    folder = os.environ.get(FOLDER)
    if folder:
        with suppress(OSError, StorageError):  # it has gone
            write_file(Path(folder, what), os.fsencode(str(words)), durable=False)


def told(folder: str, what: str) -> str | None:
    """Return what a rank has told; None if none has."""
    try:
        return os.fsdecode(Path(folder, what).read_bytes())
    except OSError:
        return None


@contextmanager
def looked_after(folder: str) -> Iterator[None]:
    """Let ranks know, while this lasts, that the process lives that has started them; however it ends, they learn of
    it. Where the system has no locks, as Windows, they do not."""
    path = Path(folder, HELD)
    write_file(path, b"", durable=False)
    with locked(path):
        yield


def when_left_alone(call: Callable[[], object]) -> None:
    """Call something, in a thread, when the process has gone that has started this rank: nobody passes signals on any
    more, or what the ranks say."""

    def wait() -> None:
        if waited_until_free(Path(os.environ[FOLDER], HELD)):
            call()

    if is_there():
        threading.Thread(target=wait, name="pellucid-left-alone", daemon=True).start()
