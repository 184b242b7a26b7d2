"""The model of `cluster` beside ranks on simulated networks: exchanges by themselves, and steps of training.

    python -m benchmarks.simulated

prints Markdown tables; it needs Linux and root. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence

from benchmarks.cluster import computing
from benchmarks.cluster import times as reckoned
from benchmarks.scaling import cost
from benchmarks.scaling.cost import Computing, Link, Serial
from benchmarks.scaling.gang import Gang
from benchmarks.scaling.messages import Message, Traffic
from benchmarks.scaling.network import INTERFACE, simulated
from pellucid.compiler.plan import Scope
from pellucid.compiler.sharing import Share

LINKS = (
    Link("1 ms, 1 Gb/s", 1e-3, 1e9),
    Link("1 ms, 100 Mb/s", 1e-3, 100e6),
    Link("5 ms, 100 Mb/s", 5e-3, 100e6),
)
"""Slower than a cluster's, so that what the model is about is more than what packets cost this machine's processors."""
SIZES = (8, 1_000, 30_000, 200_000, 1_000_000)
"""Bytes that each rank sends."""
TRAINED = {"lenet": 128, "resnet20": 128}
TIMES = 20
"""Exchanges of each kind, and steps."""
SOON = 0.02
"""Seconds from asking to the moment when all begin."""
OPTIONS = ("--mca", "pml", "ob1", "--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", INTERFACE)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulated", description=__doc__.partition("\n")[0])
    parser.add_argument("--ranks", default="2,4", help="numbers of them (default: 2,4)")
    parser.add_argument("--model", action="append", choices=TRAINED, help="networks that are trained (default: all)")
    told = parser.parse_args(words)
    exchanges, steps = [], []
    for ranks in map(int, told.ranks.split(",")):
        for link in LINKS:
            with simulated(ranks, link.latency, link.rate) as name, Gang(ranks, OPTIONS, name) as gang:
                exchanges += [(ranks, link, size, exchange(gang, size)) for size in SIZES]
                steps += [(model, ranks, link, step(gang, model)) for model in told.model or TRAINED]
    columns = "model | simulated, quickest | ratio | median |"
    print(f"| ranks | network | bytes of each | {columns}\n|---:|---|---:|---:|---:|---:|---:|")
    for ranks, link, size, times in exchanges:
        print(f"| {ranks} | {link.name} | {size:,} | {compared(expected(ranks, link, size), times)} |")
    print(
        f"\n| network | ranks | between them | of that exchanges | {columns}\n|---|---:|---|---:|---:|---:|---:|---:|"
    )
    for model, ranks, link, times in steps:
        parts = modelled(model, ranks, link)
        away = sum(parts[name] for name in ("latency", *cost.NAMES.values()))
        print(f"| {model} | {ranks} | {link.name} | {away * 1e3:,.1f} ms | {compared(cost.seconds(parts), times)} |")


def exchange(gang: Gang, size: int) -> list[float]:
    """Return how long it takes, each time, that every rank sends so many bytes to all others."""
    return [max(gang.ask("gather", bytes=size, start=time.monotonic() + SOON)) for _ in range(TIMES)]


def expected(ranks: int, link: Link, size: int) -> float:
    """Return the same as the model has it."""
    share = Share(ranks, 1, 0, ranks)
    return sum(cost.linear(Message(Scope.BATCH, size), share, link))


def step(gang: Gang, model: str) -> list[float]:
    """Return how long steps take."""
    gang.ask("prepare", model=model, batch=TRAINED[model], threads=1)
    gang.ask("seconds", count=2)
    found: list[float] = gang.ask("seconds", count=TIMES)[0]
    return found


def modelled(model: str, ranks: int, link: Link) -> dict[str, float]:
    """Return what a step's parts take as the model has it. Where ranks share processors, their computing takes as much
    longer."""
    found = slower(computing(model), max(1.0, ranks / (os.cpu_count() or 1)))
    return reckoned(found, Traffic(model), TRAINED[model], ranks, link, cost.linear)


def slower(found: Computing, factor: float) -> Computing:
    """Return what computing would take with everything so many times as slow."""
    serial = [Serial(each.start * factor, each.each * factor, each.terms, each.slab) for each in found.serial]
    return Computing(found.leaf * factor, found.node * factor, serial, found.rest * factor)


def compared(model: float, measured: Sequence[float]) -> str:
    """Return the cells of the model's time and the measured ones; the quickest is compared, as others on this machine
    only add to it."""
    best, middle = min(measured), statistics.median(measured)
    return f"{model * 1e3:,.2f} ms | {best * 1e3:,.2f} ms | {best / model:.2f} | {middle * 1e3:,.2f} ms"


if __name__ == "__main__":
    main()
