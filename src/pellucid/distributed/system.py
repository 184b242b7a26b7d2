"""What the system says of processes, where it has ``/proc``; elsewhere it says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_NUMBER = "OMPI_COMM_WORLD_RANK"
"""The variable by which Open MPI tells a process its rank."""


class Status(NamedTuple):
    """A process as the system sees it.

    Attributes
    ----------
    state : str
        A letter: T or t where a signal holds it, Z or X where it has ended.
    parent, session : int
    began : int
        In ticks since the system did. Another process of the same number began at another time.
    """

    state: str
    parent: int
    session: int
    began: int


def status(process: int) -> Status | None:
    """Return what the system says of a process; None where there is none, or the system says nothing."""
    try:
        # The second word is the program's name in brackets, which may hold anything.
        words = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return Status(words[0], int(words[1]), int(words[3]), int(words[19]))
    except (OSError, IndexError, ValueError):
        return None


def runs(process: int, began: int) -> bool:
    """Return whether a process that began then has not ended."""
    found = status(process)
    return found is not None and found.began == began and found.state not in ("Z", "X")


def processes(session: int) -> dict[int, Status]:
    """Return the processes of a session, the first that began in front."""
    numbers = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    found = {number: said for number in numbers if (said := status(number)) and said.session == session}
    return dict(sorted(found.items(), key=lambda each: (each[1].began, each[0])))


def rank_of(process: int) -> int | None:
    """Return which rank a process was started as, if it was."""
    try:
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    found = [words.partition(b"=")[2] for words in variables if words.startswith(f"{_NUMBER}=".encode())]
    return int(found[0]) if found and found[0].isdigit() else None


def machine() -> str:
    """Return the running system, and the part of it whose processes have the same numbers; nothing where unknown."""
    try:
        booted = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{booted} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
