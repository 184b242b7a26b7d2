"""Several ranks on this machine beside one process with as many threads, and where a step's time goes.

    python -m benchmarks.ranks

prints Markdown tables. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchmarks.disturbance import Moment, Span
from benchmarks.scaling.gang import Gang
from benchmarks.scaling.watched import COMPLETING, NODES, SENDING, SENT, WAITING, Note

CASES = (("lenet", 64), ("lenet", 128), ("resnet20", 64), ("resnet20", 128))
"""Networks, and how many images a step has. Twice as many on two ranks beside one process with one thread is what is
called weak scaling; as many, strong scaling."""
FEWEST = 3
"""Steps of a turn, at least."""
SPLIT = 40
"""Steps whose time is split up, at most."""


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranks", description=__doc__.partition("\n")[0])
    parser.add_argument("--ranks", type=int, default=2, help="and threads of the one process (default: 2)")
    parser.add_argument("--rounds", type=int, default=9, help="each takes a turn in every round (default: 9)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a turn (default: 0.5)")
    told = parser.parse_args(words)
    with ExitStack() as stack:
        alone, together = (stack.enter_context(Gang(count)) for count in (1, told.ranks))
        threaded = stack.enter_context(Gang(1))
        gangs = {"1 thread": alone, f"{told.ranks} threads": threaded, f"{told.ranks} ranks": together}
        rows, splits = [], []
        for model, batch in CASES:
            for gang in gangs.values():
                gang.ask("prepare", model=model, batch=batch, threads=told.ranks if gang is threaded else 1)
            found, others = raced(gangs, told.rounds, told.seconds)
            rows.append((model, batch, found, others))
            splits.append((model, batch, shares(together.ask("split", count=steps_of(found, told.seconds)))))
    print(table(rows, list(gangs)))
    print(weak(rows, told.ranks))
    print(split_table(splits))


def raced(gangs: Mapping[str, Gang], rounds: int, seconds: float) -> tuple[dict[str, list[float]], float]:
    """Return the median step of every turn, in seconds, and the processors that others had meanwhile."""
    counts = {}
    for name, gang in gangs.items():
        gang.ask("seconds", count=FEWEST)
        each = statistics.median(gang.ask("seconds", count=FEWEST)[0])
        counts[name] = max(FEWEST, int(seconds / each))
    found: dict[str, list[float]] = {name: [] for name in gangs}
    before, worked = Moment.now(0.0), sum(gang.worked for gang in gangs.values())
    for number in range(rounds):
        names = list(gangs)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(statistics.median(gangs[name].ask("seconds", count=counts[name])[0]))
    own = sum(gang.worked for gang in gangs.values()) - worked
    span = Span.between(before, Moment.now(own))
    return found, (span.others or 0.0) / span.wall


def steps_of(found: Mapping[str, Sequence[float]], seconds: float) -> int:
    """Return how many steps are split up: what fits into a turn or two."""
    return max(FEWEST, min(SPLIT, int(2 * seconds / statistics.median(min(found.values(), key=min)))))


def shares(ranks: Sequence[Sequence[Sequence[Note]]]) -> dict[str, float]:
    """Return what the time of a step goes to, in seconds, as the first rank sees it; medians over steps.

    To wait for a rank is what it takes until the last of all has sent; what a wait takes from then on, and to begin an
    exchange, is the exchange.
    """
    rows = []
    for step in zip(*ranks, strict=True):
        sent = list(zip(*(times(notes, SENT) for notes in step), strict=True))
        waits = times(step[0], WAITING)
        late = [max(end for _, end in each) for each in sent]
        whole = length(step[0][0])
        waiting = sum(min(max(0.0, last - begin), end - begin) for last, (begin, end) in zip(late, waits, strict=True))
        exchanging = sum(length(note) for note in step[0] if note[0] in (SENDING, WAITING)) - waiting
        combining = sum(length(note) for note in step[0] if note[0] in (NODES, COMPLETING))
        computing = sum(length(note) for note in step[0][1:]) - waiting - exchanging - combining
        rest = whole - computing - combining - exchanging - waiting
        rows.append((whole, computing, combining, exchanging, waiting, rest, float(len(waits))))
    names = ("a step", "computing", "combining", "exchanging", "waiting", "Python", "exchanges")
    return dict(zip(names, map(statistics.median, zip(*rows, strict=True)), strict=True))


def times(notes: Sequence[Note], wanted: str) -> list[tuple[float, float]]:
    """Return when each of one kind began and ended."""
    return [(begin, end) for kind, begin, end in notes if kind == wanted]


def length(note: Note) -> float:
    """Return how long something took."""
    return note[2] - note[1]


def table(rows: Sequence[tuple[str, int, Mapping[str, Sequence[float]], float]], names: Sequence[str]) -> str:
    """Return the table of steps: the median of turns, and the least and the most."""
    *_, threads, ranks = names
    lines = [f"| network | images a step | {' | '.join(names)} | ranks to threads | others had |"]
    lines.append("|---|" + "---:|" * (len(names) + 3))
    for model, batch, found, others in rows:
        cells = " | ".join(microseconds(found[name]) for name in names)
        ratio = [mine / theirs for mine, theirs in zip(found[ranks], found[threads], strict=True)]
        ends = f"{min(ratio):.2f} … {max(ratio):.2f}"
        lines.append(
            f"| {model} | {batch} | {cells} | {statistics.median(ratio):.2f} ({ends}) | {others:.2f} processors |"
        )
    return "\n".join(lines) + "\n"


def weak(rows: Sequence[tuple[str, int, Mapping[str, Sequence[float]], float]], size: int) -> str:
    """Return how well it scales: as many images on more ranks, and as many images a rank."""
    known = {(model, batch): found for model, batch, found, _ in rows}
    lines = ["| network | images a rank | strong: speed-up | weak: efficiency |\n|---|---:|---:|---:|"]
    for (model, batch), found in known.items():
        more = known.get((model, batch // size))
        if more is not None:
            alone, together = statistics.median(found["1 thread"]), statistics.median(found[f"{size} ranks"])
            fewer = statistics.median(more["1 thread"])
            lines.append(f"| {model} | {batch // size} | {alone / together:.2f} | {fewer / together:.2f} |")
    return "\n".join(lines) + "\n"


def split_table(rows: Sequence[tuple[str, int, Mapping[str, float]]]) -> str:
    """Return the table of what a step's time goes to, with every phase timed by itself."""
    names = list(rows[0][2])
    lines = [f"| network | images a step | {' | '.join(names)} |", "|---|" + "---:|" * (len(names) + 1)]
    for model, batch, found in rows:
        cells = [f"{found[name]:.0f}" if name == "exchanges" else f"{found[name] * 1e6:,.0f} µs" for name in names]
        lines.append(f"| {model} | {batch} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def microseconds(turns: Sequence[float]) -> str:
    """Return a median with its ends."""
    return f"{statistics.median(turns) * 1e6:,.0f} µs ({min(turns) * 1e6:,.0f} … {max(turns) * 1e6:,.0f})"


if __name__ == "__main__":
    main()
