"""Who the ranks of a job are: on which machine, as which process; and an end for one of them that hangs."""

from __future__ import annotations

import os
import platform
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fellow:
    """A rank as a process.

    Attributes
    ----------
    number : int
        Its rank as the job began.
    machine : str
        What is the same for processes that see each other; nothing where the system does not say it.
    process, began : int
        Its number, and when it began, so that another process of that number is told from it.
    host : str
        The machine's name.
    """

    number: int
    machine: str
    process: int
    began: int
    host: str = ""

    @classmethod
    def own(cls, number: int) -> Fellow:
        """Return this process."""
        process = os.getpid()
        return cls(number, machine(), process, beginning(process), platform.node())

    def __str__(self) -> str:
        return f"rank {self.number} ({', '.join(filter(None, (self.host, f'process {self.process}')))})"

    def kill(self) -> None:
        """End it at once, if it is a process of this machine and has not ended."""
        if self.machine and self.machine == machine() and self.began and beginning(self.process) == self.began:
            with suppress(OSError):
                os.kill(self.process, signal.SIGKILL)


def machine() -> str:
    """Return the running system, and the part of it whose processes have the same numbers; nothing where unknown."""
    try:
        booted = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{booted} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def beginning(process: int) -> int:
    """Return when a process began, in ticks since the system did; 0 where there is none, or the system does not say."""
    try:
        # The second word is the program's name in brackets, which may hold anything.
        words = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(words[19])
    except (OSError, IndexError, ValueError):
        return 0
