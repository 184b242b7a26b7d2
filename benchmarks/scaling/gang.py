"""Processes that train together, and are asked through sockets; between questions they sleep."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from pellucid.distributed.launch import environment, started

PROJECT = Path(__file__).resolve().parents[2]
"""Its folder, where benchmarks are found."""
STARTING = 120.0
"""Seconds within which all must have started."""
ANSWERING = 600.0
"""Seconds within which an answer must come."""


class Gang:
    """One process, or several ranks under mpiexec, on this machine.

    Parameters
    ----------
    ranks : int
    options : sequence of str
        Of mpiexec.
    network : str, optional
        The simulated network that they are in; see `network`.

    Attributes
    ----------
    worked : float
        Seconds that processors worked for them since they were asked first.
    """

    def __init__(self, ranks: int, options: Sequence[str] = (), network: str | None = None):
        self.worked = 0.0
        self._folder = tempfile.TemporaryDirectory()
        where = str(Path(self._folder.name) / "asking")
        command = [sys.executable, "-m", "benchmarks.scaling.rank", where, *([network] if network else [])]
        if ranks > 1:
            command = started(ranks, command, options)
        self._found: dict[int, TextIO] = {}
        with ExitStack() as failing, socket.socket(socket.AF_UNIX) as listening:
            failing.callback(self._folder.cleanup)
            listening.bind(where)
            listening.listen(ranks)
            listening.settimeout(STARTING)
            variables = environment(self._folder.name)
            self._process = subprocess.Popen(command, env=variables, cwd=PROJECT, stdin=subprocess.DEVNULL)
            failing.callback(self._end)
            for _ in range(ranks):
                connection, _ = listening.accept()
                connection.settimeout(ANSWERING)
                stream = connection.makefile("rw")
                connection.close()  # the stream stays open
                self._found[int(stream.readline())] = stream
            failing.pop_all()
        self._streams = [self._found[rank] for rank in range(ranks)]

    def _end(self) -> None:
        """End those that have started, where one has not."""
        for stream in self._found.values():
            stream.close()
        self._process.terminate()
        self._process.wait()

    def ask(self, do: str, **what: Any) -> list[Any]:
        """Let all do something, and return what each answers."""
        for stream in self._streams:
            stream.write(json.dumps({"do": do, **what}) + "\n")
            stream.flush()
        answers = [json.loads(stream.readline()) for stream in self._streams]
        self.worked += sum(worked for _, worked in answers)
        return [answer for answer, _ in answers]

    def close(self) -> None:
        """End them."""
        for stream in self._streams:
            stream.close()
        self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Gang:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
