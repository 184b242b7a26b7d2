"""predict --ranks: some processes on this machine that share the work; they need not speak with each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from ..errors import ArgumentError, StateError, path_text
from ..inference import Predicted
from ..inference.asked import Place
from ..inference.ranks import Rank, rank_of_environment, variables
from ..inference.request import Record
from .signals import named
from .table import Table, bar, going_on, say_what_came

_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from pellucid.cli.processes import begin; begin()"
_PACKAGES = Path(__file__).parents[2]
_TURN = 0.1

_own: Rank | None = None  # of a process that `predicted_by_processes` has started


def own_rank() -> Rank:
    """Return which of the processes that share the work this one is, whoever has started it."""
    return rank_of_environment() if _own is None else _own


def predicted_by_processes(table: Table, words: Sequence[str], threads: int | None) -> bool:
    """Let `table.ranks` processes do what `words` ask of `pellucid predict`, and return True; False in one of them."""
    from ..compiler.threads import THREADS_VARIABLE, thread_count

    if table.ranks is None or _own is not None:
        return False
    if rank_of_environment().ranks > 1:
        said = " and ".join(variables() or ())
        raise ArgumentError(f"--ranks: {said} say that several processes were started already; leave it out")
    began = time.monotonic()
    environment = dict(os.environ)
    if threads is None and THREADS_VARIABLE not in os.environ:
        environment[THREADS_VARIABLE] = str(max(1, thread_count() // table.ranks))
    with _without_ctrl_c():
        children = [_child(words, Rank(rank, table.ranks), environment) for rank in range(table.ranks)]
    try:
        with going_on():
            codes = _ended(children, table)
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
            child.wait()
    for rank, code in enumerate(codes):
        if code not in (0, 1):
            how = f"was ended by {named(-code)}" if code < 0 else f"ended with {code}"
            print(f"error: process {rank} {how}; the same command goes on", file=sys.stderr)
    if any(codes):
        raise typer.Exit(1)
    place = Place.of(table.out)
    record = Record.read(place.record)
    if record is None or record.outcome is None:
        raise StateError(f"{path_text(table.out)}: some of its parts are missing; the same command makes them anew")
    failed, rows = record.outcome.failed, record.request.rows
    say_what_came(Predicted(place.output, True, rows, failed), time.monotonic() - began)
    return True


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Let processes be started that Ctrl-C does not reach: a terminal sends it to all, and this one ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # under Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _child(words: Sequence[str], rank: Rank, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _START, str(_PACKAGES), *map(str, rank), "predict", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stderr=pipe, env=environment, text=True, errors="replace")


def _ended(children: list[subprocess.Popen[str]], table: Table) -> list[int]:
    """Wait for all processes and return their exit codes; what several of them say is passed on once."""
    said: set[str] = set()

    def pass_on(child: subprocess.Popen[str]) -> None:
        for line in child.stderr or ():
            if line not in said:
                said.add(line)
                sys.stderr.write(line)
                sys.stderr.flush()

    listeners = [threading.Thread(target=pass_on, args=[child], daemon=True) for child in children]
    for listener in listeners:
        listener.start()
    _show_until_ended(children, table)
    for listener in listeners:
        listener.join()
    return [child.wait() for child in children]


def _show_until_ended(children: list[subprocess.Popen[str]], table: Table) -> None:
    place = Place.of(table.out)
    if not sys.stderr.isatty():
        for child in children:
            child.wait()
        return
    done = 0
    with bar() as show:
        while any(child.poll() is None for child in children):
            record = Record.read(place.record)
            with suppress(FileNotFoundError):  # where it is not there yet, or no longer
                parts = sum(1 for name in os.listdir(place.parts) if name.startswith("part-"))
                if record is not None:
                    done = max(done, min(parts * record.request.part, record.request.rows))  # at the end they go
                    show(done, record.request.rows, 0)
            time.sleep(_TURN)


def begin() -> None:
    """Be one of the processes: it ends with the one that started it, whatever ended that."""
    global _own
    from . import main

    _own = Rank(int(sys.argv.pop(1)), int(sys.argv.pop(1)))

    def end_with_parent() -> None:
        while os.read(0, 1):  # nothing comes; it ends when the parent's end of the pipe is closed
            pass
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv[0] = "pellucid"
    main()
