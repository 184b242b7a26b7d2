"""Races: competitors at the same work, each in a process of its own, taking turns until each has been measured enough.

A turn in which somebody else had the processors is discarded, and taken again; see `disturbance`. Before anything is
measured each competitor does the work once, and what came out is compared with what the definitions compute.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from benchmarks.disturbance import Span
from benchmarks.peers import ENVIRONMENTS
from benchmarks.workers import Answer, Environments, Worker

PREPARATION, TURN = 600.0, 600.0
"""Seconds after which a worker that does not answer is given up."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PELLUCID_THREADS")


@dataclass(frozen=True)
class Competitor:
    """A library, in one way of using it.

    Attributes
    ----------
    name : str
    peer : str
        Module of `benchmarks.peers`.
    settings : mapping
        What that module is told.
    environment : mapping of str to str
        Environment variables that its process has beside ours.
    ours : bool
        Whether it is Pellucid.
    """

    name: str
    peer: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    ours: bool = False


LIMITS = Competitor("the machine's limit", "pellucid")
DEFINITIONS = Competitor("definitions in float64", "pellucid", {"engine": "numpy", "dtype": "float64"})


@dataclass(frozen=True)
class Race:
    """A work that is measured.

    Attributes
    ----------
    title : str
    work : str
        As in `works.WORKS`.
    task : mapping
        What that work is told; paths in it are files of the run.
    competitors : sequence of Competitor
    threads : int
    operations, bytes : int
        What one call computes (a multiply-add being two), and what it must move between memory and processor at least;
        0 where it is no matter.
    tolerance : float
        How far a competitor's numbers may lie from the reference's, relative to the largest of them; 0 where there are
        none to compare.
    goal : float
        How many times as fast as the best of the others Pellucid is to be; 0 for no goal.
    share : float
        Of the machine's limit that it is to reach; 0 for no goal.
    reference : Competitor
        Whose numbers all others' are compared with.
    """

    title: str
    work: str
    task: Mapping[str, Any]
    competitors: Sequence[Competitor]
    threads: int
    operations: int = 0
    bytes: int = 0
    tolerance: float = 1e-3
    goal: float = 0.0
    share: float = 0.0
    reference: Competitor = DEFINITIONS


@dataclass(frozen=True)
class Rules:
    """How races are held.

    Attributes
    ----------
    repeats : int
        Undisturbed turns that each competitor is to have.
    attempts : int
        Turns after which no more are tried.
    tolerance : float
        The share of one processor that others may have in a turn.
    load : int
        Processes that keep processors busy meanwhile; they are no disturbance then.
    """

    repeats: int = 7
    attempts: int = 21
    tolerance: float = 0.05
    load: int = 0


@dataclass
class Entry:
    """A competitor in a race, and what was found.

    Attributes
    ----------
    problem : str
        Why it was not measured, or not to the end.
    facts : dict
        What it answered when it was ready.
    difference : float or None
        Of its numbers from the definitions', relative to the largest.
    turns : list of dict
        What each turn measured; "disturbed" where it does not count.
    """

    competitor: Competitor
    problem: str = ""
    facts: Answer = field(default_factory=dict)
    difference: float | None = None
    turns: list[Answer] = field(default_factory=list)

    @property
    def counted(self) -> list[Answer]:
        """The turns that count: the undisturbed, or all of them where there are none."""
        return [turn for turn in self.turns if not turn["disturbed"]] or self.turns

    @property
    def reliable(self) -> bool:
        """Whether the turns that count were undisturbed."""
        return any(not turn["disturbed"] for turn in self.turns)

    def values(self, name: str = "seconds") -> list[float]:
        """Return what each turn that counts measured."""
        return [turn[name] for turn in self.counted if name in turn]

    @property
    def seconds(self) -> float:
        """The median time of a call."""
        return median(self.values())


@dataclass
class Result:
    """A race that was held: its entries, and what the machine could do meanwhile ("flops", "bandwidth")."""

    race: Race
    entries: list[Entry]
    limits: dict[str, float]


class Talker(Protocol):
    """What a race needs of a worker; see `Worker`."""

    def answer(self, timeout: float) -> Answer: ...
    def ask(self, request: Mapping[str, Any], timeout: float) -> Answer: ...
    def rest(self) -> None: ...
    def close(self) -> None: ...


Start = Callable[[Competitor, str, Mapping[str, Any], int], Talker]
"""Starts a worker: of a competitor, for a kind of work and a task, with so many threads."""


def starter(environments: Environments, folder: Path) -> Start:
    """Return what starts workers, in their environments; their logs are kept in a folder."""
    count = iter(range(sys.maxsize))

    def start(competitor: Competitor, work: str, task: Mapping[str, Any], threads: int) -> Worker:
        settings = {**competitor.settings, "threads": threads}
        python = environments.python(ENVIRONMENTS[competitor.peer])
        words = [python, "-m", "benchmarks.worker", competitor.peer, work, json.dumps(settings), json.dumps(dict(task))]
        variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
        log = folder / f"{next(count)}-{competitor.peer}.log"
        return Worker(words, {**os.environ, **variables, **competitor.environment}, log)

    return start


def hold(race: Race, rules: Rules, start: Start, say: Callable[[str], None] = lambda text: None) -> Result:
    """Hold a race and return what was found; `say` is told what goes on."""
    say(race.title)
    expected = _reference_numbers(race, start)
    machine, entries = Entry(LIMITS), [Entry(competitor) for competitor in race.competitors]
    workers: dict[int, Talker] = {}
    try:
        _prepare(machine, workers, partial(start, LIMITS, "limits", {"seconds": 0.5}, race.threads), say)
        for entry in entries:
            begin = partial(start, entry.competitor, race.work, race.task, race.threads)
            _prepare(entry, workers, begin, say)
            if not entry.problem and expected:
                entry.difference = difference(expected, entry.facts["numbers"])
        with _load(rules.load):
            _take_turns([machine, *entries], workers, rules, say)
    finally:
        for worker in workers.values():
            worker.close()
    limits = {name: median(machine.values(name)) for name in ("flops", "bandwidth") if machine.values(name)}
    return Result(race, entries, limits)


def difference(expected: Mapping[str, Sequence[float]], found: Mapping[str, Sequence[float]]) -> float:
    """Return how far numbers lie from what was expected, relative to the largest of those of the same name."""
    most = 0.0
    for name, numbers in expected.items():
        own = found.get(name, [])
        if len(own) != len(numbers):
            return float("inf")
        largest = max(map(abs, numbers), default=0.0) or 1.0
        for a, b in zip(numbers, own, strict=True):
            most = max(most, abs(a - b) / largest) if math.isfinite(b) else float("inf")
    return most


def _reference_numbers(race: Race, start: Start) -> dict[str, list[float]]:
    """Return the numbers that the race's reference computes: the definitions in float64, unless it says otherwise."""
    if not race.tolerance:
        return {}
    worker = start(race.reference, race.work, {**race.task, "seconds": 0}, race.threads)
    try:
        answer = worker.answer(PREPARATION)
    finally:
        worker.close()
    if "numbers" not in answer:
        raise RuntimeError(f"{race.reference.name}: could not be run: {answer}")
    numbers: dict[str, list[float]] = answer["numbers"]
    return numbers


def _prepare(entry: Entry, workers: dict[int, Talker], begin: Callable[[], Talker], say: Callable[[str], None]) -> None:
    """Start a worker, wait until it is ready, and let it rest; or note why it is not."""
    try:
        worker = workers[id(entry)] = begin()
    except OSError as error:
        entry.problem = f"not installed ({error.filename})"
    else:
        entry.facts = worker.answer(PREPARATION)
        _note(entry, entry.facts)
        worker.rest()
    say(f"  {entry.competitor.name}: {entry.problem or 'ready'}")


def _note(entry: Entry, answer: Answer) -> None:
    """Note what went wrong, if anything did."""
    if "missing" in answer:
        entry.problem = f"not installed ({answer['missing']})"
    elif "error" in answer:
        entry.problem = f"failed: {answer['error']}"


def _take_turns(
    entries: Sequence[Entry], workers: Mapping[int, Talker], rules: Rules, say: Callable[[str], None]
) -> None:
    """Measure all in turns, each round beginning with another."""
    for attempt in range(rules.attempts):
        waiting = [each for each in entries if not each.problem and _undisturbed(each) < rules.repeats]
        for entry in (*waiting[attempt % max(1, len(waiting)) :], *waiting[: attempt % max(1, len(waiting))]):
            worker = workers[id(entry)]
            answer = worker.ask({"repeat": _undisturbed(entry)}, TURN)
            worker.rest()
            _note(entry, answer)
            if entry.problem:
                say(f"  {entry.competitor.name}: {entry.problem}")
                continue
            span = Span(answer["wall"], answer["own"], answer["others"])
            entry.turns.append({**answer, "disturbed": not rules.load and span.disturbed(rules.tolerance)})
            mark = ", disturbed" if entry.turns[-1]["disturbed"] else ""
            say(f"  {entry.competitor.name}: {answer['seconds'] * 1e3:.4g} ms{mark}")


def _undisturbed(entry: Entry) -> int:
    return sum(not turn["disturbed"] for turn in entry.turns)


@contextmanager
def _load(processes: int) -> Iterator[None]:
    """Keep so many processors busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
