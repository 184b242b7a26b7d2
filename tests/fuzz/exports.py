"""Networks as ONNX models: ``python -m tests.fuzz.exports COUNT``, of random ones, or ``--models``, of the known ones.

What onnxruntime makes of them is held against the definitions in float64. Random networks with a layer of one's own
must be refused, by its name; they do not count.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np

from pellucid import interpreter, lower, models
from pellucid.errors import ArgumentError
from pellucid.interop.onnx.writing import onnx_bytes
from pellucid.layers import Parameter, State
from pellucid.network import Network

from .agreement import TOLERANCE, Outcome, widened
from .architectures import Swish
from .networks import Definitions, judge
from .problems import Problem, problem

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracles import onnx_runtime

OPSETS = (17, 17, 13, 15, 18, 19, 20, 21, 22)
"""Versions of the operators, of which each network takes one; the default one more often."""
OWN = "a layer of one's own"
DRAWN = 1_000_003
"""Random numbers that are drawn; larger weights are these again and again, and as it is a prime, never in step."""


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


# ---- the known networks
def fill(network: Network, rng: np.random.Generator) -> Network:
    """Give a network numbers under which nothing grows or vanishes on the way through many layers."""
    held: dict[str, Parameter | State] = {**network.parameters(), **network.states()}
    for path, each in held.items():
        if len(each.shape) > 1:
            deviation = np.float32(math.sqrt(2 / math.prod(each.shape[1:])))
            each.data = np.resize(deviation * rng.standard_normal(DRAWN, np.float32), each.shape)
        elif path.endswith(("bias", "mean")):
            each.data = rng.standard_normal(each.shape) / 10
        else:
            each.data = rng.uniform(0.5, 1.5, each.shape)
    return network


def exact(network: Network, x: np.ndarray) -> np.ndarray:
    """Return a network's outputs by the definitions in float64."""
    network.cast("float64")
    held: dict[str, Parameter | State] = {**network.parameters(), **network.states()}
    feeds = {"input": widened(x), **{name: each.data for name, each in held.items()}}
    program = lower(network, training=False)
    outputs: np.ndarray = interpreter.run(program, feeds)[program.output]
    network.cast("float32")
    return outputs


def compare_models() -> int:
    """Compare every known network at its own size, on one image; return 1 if one is wrong."""
    worst = 0.0
    for name, make in models.MODELS.items():
        network = fill(make(), np.random.default_rng(0))
        x = np.random.default_rng(1).standard_normal((1, *network.input_shape), np.float32)
        found = onnx_runtime.outputs(onnx_bytes(network), x)
        expected = exact(network, x)
        off = float(np.abs(found - expected).max() / np.abs(expected).max())
        worst = max(worst, off)
        print(f"{name}, {'×'.join(map(str, network.input_shape))}: off by {off:.1e} of the largest output", flush=True)
    print(f"{len(models.MODELS)} networks compared, off by at most {worst:.1e}")
    return int(not worst <= TOLERANCE)


def compare_random(wanted: int) -> int:
    """Compare so many random networks; return 1 if one is wrong."""
    started, compared, wrong, explained, excluded = time.perf_counter(), 0, 0, 0, Counter[str]()
    for seed in count():
        if compared >= wanted:
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
    return int(wrong > 0)


def main(words: Sequence[str] | None = None) -> int:
    """Compare what is asked for; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.exports", description="Networks in ONNX.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("count", type=int, nargs="?", help="random networks to compare")
    what.add_argument("--models", action="store_true", help="the known networks, at their own size")
    asked = parser.parse_args(words)
    return compare_models() if asked.models else compare_random(asked.count)


if __name__ == "__main__":
    sys.exit(main())
