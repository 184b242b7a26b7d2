"""How training would scale over many machines: measured computing, and the bytes of the plan on networks of all kinds.

    python -m benchmarks.cluster

prints Markdown tables. See benchmarks/README.md, and `scaling.cost` for the model.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.scaling import cost
from benchmarks.scaling.cost import LINKS, Computing, Link, Serial, Way
from benchmarks.scaling.messages import Traffic, serial_sums
from benchmarks.scaling.rank import Training
from benchmarks.scaling.watched import COMPLETING, LEAVES, NODES, SENDING, SERIAL, WAITING, Pretended
from pellucid.compiler.sharing import Share

BATCHES = {"lenet": 128, "resnet20": 128, "resnet18": 256, "resnet50": 256, "alexnet": 256, "vgg16": 256}
"""Images of a step where the batch is fixed."""
EACH = {"lenet": 128, "resnet20": 128, "resnet18": 32, "resnet50": 32, "alexnet": 32, "vgg16": 32}
"""Images of a rank where the batch grows with the ranks."""
RANKS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SHOWN = (2, 8, 32, 128, 1024)
"""Of these there are columns."""
FEW, MANY = 2, 8
"""Ranks that are pretended for measuring, each with one leaf."""
KEPT = Path("build/benchmarks/computing.json")
SECONDS, FEWEST, MOST = 4.0, 3, 200
"""How long steps are measured, and how many of them, at least and at most; the quickest counts."""


def main(words: Sequence[str] | None = None) -> None:
    """Measure what has not been measured, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"networks (default: {' '.join(BATCHES)})")
    parser.add_argument("--again", action="store_true", help=f"measure again what {KEPT} has")
    parser.add_argument("--processors", type=int, default=1, help="of a rank, that divide its computing (default: 1)")
    told = parser.parse_args(words)
    names = told.names or list(BATCHES)
    known = {name: computing(name, told.again) for name in names}
    traffic = {name: Traffic(name) for name in names}
    print(measured_table(known, traffic))
    known = {name: divided(found, told.processors) for name, found in known.items()}
    print(message_table(traffic))
    for title, way in (("As it is", cost.linear), ("If sums went in slices and chains", cost.sliced)):
        for fixed in (True, False):
            print(f"{title}, {'the batch is fixed' if fixed else 'the batch grows with the ranks'}:\n")
            print("\n".join(scaling_table(known, traffic, fixed, way)) + "\n")


def scaling_table(known: dict[str, Computing], traffic: dict[str, Traffic], fixed: bool, way: Way) -> Iterator[str]:
    """Yield the lines of a table of how many times as many images a second there are as with one rank, and what takes
    the most of a step, beside the leaves, where there are the most."""
    yield f"| network | images | network between | {' | '.join(map(str, SHOWN))} | most at | what it waits for there |"
    yield "|---|---:|---|" + "---:|" * (len(SHOWN) + 1) + "---|"
    for name, found in known.items():
        images = BATCHES[name] if fixed else EACH[name]
        for link in LINKS:
            rates = {ranks: rate(found, traffic[name], images, ranks, fixed, link, way) for ranks in RANKS}
            best = max(rates, key=rates.__getitem__)
            parts = times(found, traffic[name], images if fixed else images * best, best, link, way)
            cells = " | ".join(
                f"{rates[ranks]:.3g}" if rates[ranks] < 999 else f"{rates[ranks]:,.0f}" for ranks in SHOWN
            )
            told = f"{images}" if fixed else f"{images} a rank"
            yield f"| {name} | {told} | {link.name} | {cells} | {best} | {most_of(parts)} |"


def rate(found: Computing, traffic: Traffic, images: int, ranks: int, fixed: bool, link: Link, way: Way) -> float:
    """Return how many times as many images a second so many ranks do as one."""
    alone = cost.seconds(times(found, traffic, images, 1, link, way))
    samples = images if fixed else images * ranks
    return alone / cost.seconds(times(found, traffic, samples, ranks, link, way)) * samples / images


def times(found: Computing, traffic: Traffic, samples: int, ranks: int, link: Link, way: Way) -> dict[str, float]:
    """Return what the parts of a step take."""
    share = Share(samples, traffic.leaf_size, 0, ranks)
    messages = traffic.messages(samples) if way is cost.linear else traffic.chained(samples)
    return cost.step(found, messages, share, link, way)


def most_of(parts: dict[str, float]) -> str:
    """Return the two parts that take the most, with their shares."""
    whole = cost.seconds(parts)
    first = sorted(parts, key=parts.__getitem__, reverse=True)[:2]
    return ", ".join(f"{name} {parts[name] / whole:.0%}" for name in first)


def message_table(traffic: dict[str, Traffic]) -> str:
    """Return the table of what travels."""
    lines = ["| network | images | exchanges | a node's sums | a sample | large sums | all gradients |"]
    lines.append("|---|" + "---:|" * 6)
    for name, each in traffic.items():
        messages = each.messages(BATCHES[name])
        sizes = [sum(one.size for one in messages if one.scope is scope) for scope in cost.NAMES]
        cells = " | ".join(f"{size:,}" for size in (BATCHES[name], len(messages), *sizes, each.gradient))
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines) + "\n"


# ---- measuring
def computing(name: str, again: bool = False) -> Computing:
    """Return what a network's computing takes; what was measured before is kept in a file."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if again or name not in kept:
        kept[name] = asdict(measured(name))
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        KEPT.write_text(json.dumps(kept, indent=1))
    found = kept[name]
    return Computing(found["leaf"], found["node"], [Serial(**each) for each in found["serial"]], found["rest"])


def measured(name: str) -> Computing:
    """Measure a network's computing, with one thread, as the first of few ranks and of more; each has one leaf."""
    leaf_size = Traffic(name).leaf_size
    found = []
    for ranks in (FEW, MANY):
        training = Training(name, ranks * leaf_size, 1, Pretended(ranks), pictures=ranks * leaf_size)
        training.step()
        steps = training.split(max(FEWEST, min(MOST, int(SECONDS / training.seconds(1)[0]))))
        spent = {kind: min(total(step, kind) for step in steps) for kind in (LEAVES, NODES, COMPLETING)}
        apart = (LEAVES, NODES, COMPLETING, SERIAL, SENDING, WAITING)
        spent["rest"] = min(total(step, "step") - sum(total(step, kind) for kind in apart) for step in steps)
        calls = serial_sums(training.native.plan)
        sums = [(call.terms, call.slab, quickest(training.native.alone(call))) for call in calls]
        found.append((ranks, spent, sums))
    (few, first, few_sums), (many, second, many_sums) = found
    node = max(0.0, second[COMPLETING] - first[COMPLETING]) / (many - few)
    serial = [
        Serial(
            max(0.0, less - few * (more - less) / (many - few)), (more - less) / (many - few) / leaf_size, terms, slab
        )
        for (terms, slab, less), (_, _, more) in zip(few_sums, many_sums, strict=True)
    ]
    rest = first["rest"] + max(0.0, first[COMPLETING] - few * node)
    return Computing(first[LEAVES] + first[NODES], node, serial, rest)


def total(step: Sequence[tuple[str, float, float]], kind: str) -> float:
    """Return how long all of one kind took in a step."""
    return sum(end - begin for name, begin, end in step if name == kind)


def quickest(work: Callable[[], None]) -> float:
    """Return how long a call takes, at best."""
    found: list[float] = []
    while len(found) < FEWEST or (sum(found) < SECONDS / 100 and len(found) < MOST):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def divided(found: Computing, processors: int) -> Computing:
    """Return what it would take on so many processors that do the work of one each."""
    serial = [Serial(each.start / processors, each.each / processors, each.terms, each.slab) for each in found.serial]
    return Computing(found.leaf / processors, found.node / processors, serial, found.rest / processors)


def measured_table(known: dict[str, Computing], traffic: dict[str, Traffic]) -> str:
    """Return the table of what was measured."""
    lines = ["| network | a leaf | of images | a node's part in all sums | serial sums, 256 images | update and rest |"]
    lines.append("|---|" + "---:|" * 5)
    for name, found in known.items():
        serial = sum(each.seconds(256, 1) for each in found.serial)
        cells = " | ".join(map(milliseconds, (found.node, serial, found.rest)))
        lines.append(f"| {name} | {milliseconds(found.leaf)} | {traffic[name].leaf_size} | {cells} |")
    return "\n".join(lines) + "\n"


def milliseconds(seconds: float) -> str:
    """Return a time with three digits, or as many as there are before the point."""
    return f"{seconds * 1e3:,.0f} ms" if seconds >= 0.1 else f"{seconds * 1e3:.3g} ms"


if __name__ == "__main__":
    main()
