"""One case after the other, in a process of its own: whatever a fault kills is this, and not the run.

Orders come line by line as JSON, and reports go back likewise.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pellucid.compiler import plan
from pellucid.compiler.recipe import CHECK_VARIABLE, checks_wanted
from pellucid.compiler.tiles import VARIABLE, supported

from .agreement import Outcome
from .guards import Guarded, Memory
from .kernels import examine_kernel
from .networks import examine, step_on
from .problems import problem
from .spread import examine_spread

OTHER_SET = 0.3
"""Share of networks that are compiled for another instruction set than this machine's best."""
SHARED = 3
"""Of so many networks one has its smallest work on an image shared among threads."""
MEMORY = {"ordinary": None, "guarded behind": True, "guarded before": False}
"""What lies beside a buffer."""


@dataclass(frozen=True)
class Order:
    """A case: "network", "kernel", "bits" of a network, or "spread" over threads, its seed, what lies beside its
    buffers, and whether kernels check their bounds."""

    kind: str
    seed: int
    memory: str = "ordinary"
    checked: bool = False


def report(order: Order) -> dict[str, Any]:
    """Return what a case comes to, as plain data."""
    started = time.perf_counter()
    at_end = MEMORY[order.memory]
    guard = None if at_end is None else Guarded(at_end)
    try:
        with nullcontext() if guard is None else guard.everywhere():
            what, outcome = _examine(order, guard or Memory())
    except Exception as error:  # whatever it is, the run goes on
        what, outcome = "", Outcome(mismatches=[f"{type(error).__name__}: {error}"])
    return {**asdict(order), "what": what, **asdict(outcome), "seconds": round(time.perf_counter() - started, 3)}


def _examine(order: Order, memory: Memory) -> tuple[str, Outcome]:
    if order.checked != checks_wanted():
        raise ValueError(f"{CHECK_VARIABLE} is not what {order} says")
    if order.kind == "kernel":
        return examine_kernel(order.seed, memory, order.checked)
    if order.kind == "bits":
        return _compare_bits(order.seed)
    if order.kind == "spread":
        with forced(isa_of(order.seed)):
            return examine_spread(order.seed, memory)
    with forced(isa_of(order.seed)) as name, shared_if(order.seed % SHARED == 0):
        return name, examine(problem(order.seed), memory)


def _compare_bits(seed: int) -> tuple[str, Outcome]:
    """Return whether all instruction sets that multiply and add at once leave the same bits after a step."""
    given = problem(seed)
    names = [isa.name for isa in supported() if isa.fused]
    found = {}
    for name in names:
        with forced(name):
            found[name] = step_on(given)
    first = found[names[0]]
    others = [
        f"{what}: {name} has other bits than {names[0]}"
        for name in names[1:]
        for what, bits in first.items()
        if bits != found[name][what]
    ]
    return ", ".join(names), Outcome(compared=len(first) * (len(names) - 1), mismatches=others)


def isa_of(seed: int) -> str:
    """Return the name of the instruction set that a seed's network is compiled for."""
    rng = np.random.default_rng((seed, 2))
    best, *others = (isa.name for isa in supported())
    return others[int(rng.integers(len(others)))] if others and rng.random() < OTHER_SET else best


@contextmanager
def shared_if(shared: bool) -> Iterator[None]:
    """Let the smallest work on one image be worth another thread, where that is so."""
    before = plan.WORTH_SHARING, plan.STRIP
    try:
        if shared:
            plan.WORTH_SHARING, plan.STRIP = 1, 1
        yield
    finally:
        plan.WORTH_SHARING, plan.STRIP = before


@contextmanager
def forced(name: str) -> Iterator[str]:
    """Compile for an instruction set, whatever the environment says."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = name
    try:
        yield name
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before


def serve() -> None:
    """Work off the orders that come in, until there are no more. Kernels are kept for as long as that takes."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PELLUCID_CACHE"] = folder
        for line in sys.stdin:
            print(json.dumps(report(Order(**json.loads(line)))), flush=True)


if __name__ == "__main__":
    serve()
