"""Starting the processes that are measured, and talking with them."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

PROJECT = Path(__file__).parents[1]
PEERS_VARIABLE = "PELLUCID_PEERS"

Answer = dict[str, Any]


class Environments:
    """Where the libraries are. An environment that is nowhere else is the one that runs the benchmarks.

    Parameters
    ----------
    named : mapping of str to str
        Name of an environment -> its Python.
    folder : path, optional
        Of virtual environments, a folder each, named as in `peers.ENVIRONMENTS`; by default PELLUCID_PEERS says where.
    """

    def __init__(self, named: Mapping[str, str], folder: str | None = None):
        self._named = dict(named)
        self._folder = folder or os.environ.get(PEERS_VARIABLE)

    def python(self, name: str) -> str:
        """Return the Python of an environment."""
        if name in self._named:
            return self._named[name]
        if name and self._folder:
            for place in ("bin/python", "Scripts/python.exe"):
                python = Path(self._folder, name, place)
                if python.exists():
                    return str(python)
        return sys.executable


class Worker:
    """A process that answers each request with a line of JSON. It begins with an answer of its own accord.

    Parameters
    ----------
    command : sequence of str
    environment : mapping of str to str
        Its environment variables, all of them.
    log : path
        Where its standard error goes.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path):
        self._log: TextIO = log.open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            command, env=dict(environment), cwd=PROJECT, text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        if self._process.stdout:
            for line in self._process.stdout:
                self._answers.put(line)
        self._answers.put("")

    def answer(self, timeout: float) -> Answer:
        """Return the next answer; one with "error" where none comes."""
        try:
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            return {"error": f"no answer within {timeout:.0f} s"}
        if not line:
            return {"error": f"ended without an answer (exit status {self._process.wait()})"}
        answer: Answer = json.loads(line)
        return answer

    def ask(self, request: Mapping[str, Any], timeout: float) -> Answer:
        """Wake the process up, and return its answer to a request."""
        self._signal("SIGCONT")
        try:
            if self._process.stdin:
                print(json.dumps(request), file=self._process.stdin, flush=True)
        except OSError:
            return {"error": "ended by itself"}
        return self.answer(timeout)

    def rest(self) -> None:
        """Let the process sleep until it is asked again: some libraries' threads keep looking for work."""
        self._signal("SIGSTOP")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream:
                stream.close()

    def _signal(self, name: str) -> None:
        number = getattr(signal, name, None)  # not on Windows, where they do not sleep
        if number is not None and self._process.poll() is None:
            self._process.send_signal(number)
