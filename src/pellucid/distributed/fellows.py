"""Who the ranks of a job are: on which machine, as which process; and an end for one of them that hangs."""

from __future__ import annotations

import os
import platform
import signal
from contextlib import suppress
from dataclasses import dataclass

from .system import machine, status


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
        said = status(process)
        return cls(number, machine(), process, 0 if said is None else said.began, platform.node())

    def __str__(self) -> str:
        return f"rank {self.number} ({', '.join(filter(None, (self.host, f'process {self.process}')))})"

    def kill(self) -> None:
        """End it at once, if it is a process of this machine and has not ended."""
        said = status(self.process)
        if said is not None and said.began == self.began and self.machine and self.machine == machine():
            with suppress(OSError):
                os.kill(self.process, signal.SIGKILL)
