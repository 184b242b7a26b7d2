"""What ranks and who has started them tell each other: files in a folder that the launched job has for itself.

Where another launcher has started the ranks there is no such folder, and what is told goes nowhere.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..errors import StorageError
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
