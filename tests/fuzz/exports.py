"""Random networks as ONNX models: ``python -m tests.fuzz.exports COUNT``.

What onnxruntime makes of so many networks is held against the definitions in float64. Networks with a layer of one's
own must be refused, by its name; they do not count.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np

from pellucid import lower
from pellucid.errors import ArgumentError
from pellucid.interop.onnx import onnx_bytes

from .agreement import Outcome
from .architectures import Swish
from .networks import Definitions, judge
from .problems import Problem, problem

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracles import onnx_runtime

OPSETS = (17, 17, 13, 15, 18, 19, 20, 21, 22)
"""Versions of the operators, of which each network takes one; the default one more often."""
OWN = "a layer of one's own"


def examine(seed: int) -> Outcome:
    """Return what the problem of a seed comes to, whose network is exported."""
    given, opset = problem(seed), OPSETS[seed % len(OPSETS)]
    images = given.images[given.numbers["index"]]
    own = [path for path, layer in given.network.walk() if isinstance(layer, Swish)]
    try:
        model = onnx_bytes(given.network, opset=opset, input_type=images.dtype.name)
    except ArgumentError as error:
        missing = [path for path in own if f"{path} (Swish)" not in str(error)]
        return Outcome(OWN, mismatches=[str(error)] if missing or not own else [])
    if own:
        return Outcome(mismatches=[f"{', '.join(own)}: exported, though nobody knows what it computes"])
    outcome, (name, definitions) = Outcome(), _expected(given, images)
    judge(outcome, {name: onnx_runtime.outputs(model, images)}, definitions)
    return outcome


def _expected(given: Problem, images: np.ndarray) -> tuple[str, Definitions]:
    program, exact = lower(given.network), lower(given.twin)
    return program.values[program.output].name, Definitions(program, exact, {**given.held, "input": images})


def main(words: Sequence[str] | None = None) -> int:
    """Compare so many networks; return 1 if one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.exports", description="Random networks in ONNX.")
    parser.add_argument("count", type=int, help="networks to compare")
    wanted, started = parser.parse_args(words).count, time.perf_counter()
    compared, wrong, explained, excluded = 0, 0, 0, Counter[str]()
    for seed in count():
        if compared == wanted:
            break
        outcome = examine(seed)
        compared += outcome.compared
        explained += len(outcome.explained)
        excluded[outcome.excluded] += bool(outcome.excluded)
        if outcome.mismatches:
            wrong += 1
            print(f"seed {seed}: {'; '.join(outcome.mismatches)}\n{problem(seed).describe()}", flush=True)
    print(f"{compared} networks compared in {time.perf_counter() - started:.0f} s, {wrong} wrong")
    print(f"further off than the tolerance, as rounding explains: {explained}")
    print(f"refused, and rightly so: {excluded[OWN]} with {OWN}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
