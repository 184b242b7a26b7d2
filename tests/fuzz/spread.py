"""Inference of one to three larger images, whose rows, filters and strips are spread over threads.

On one to four threads the outputs must have the same bits, and agree with the definitions in float64. What is worth
another thread is drawn: some calls are cut, and others between them are not, which one thread does together.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from pellucid import Flatten, Linear, Sequential, lower
from pellucid.compiler import plan
from pellucid.compiler.executable import Executable
from pellucid.compiler.plan import JobPhase, Plan
from pellucid.compiler.spreading import spread
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import Layer

from .agreement import Outcome
from .architectures import Architect, Shape
from .guards import Memory
from .networks import Definitions, judge

IMAGES = 3
TOGETHER = (slice(0, IMAGES), slice(2, 3), slice(0, 2), slice(1, 2))
"""Images that are predicted together, one prediction after the other: what others have left must not be seen."""
THREADS = (1, 2, 3, 4)
MOST_FEATURES = 20_000
"""Numbers of an image that a matrix is put behind."""
SIDES = (16, 17, 20, 24, 28, 31, 32, 32, 40, 48, 63, 64)


class WideArchitect(Architect):
    """Draws layers for larger images: more of those whose outputs have fewer or more rows than their inputs."""

    most_numbers, most_work = 70_000, 4_000_000

    def __init__(self, rng: np.random.Generator):
        super().__init__(rng)
        more: dict[Callable[[Shape], Layer], float] = {
            self.max_pool: 3, self.avg_pool: 3, self.adaptive_pool: 1, self.residual: 3, self.concat: 2, self.moved: 1,
            self.larger: 1, self.norm_within: 0.6, self.flatten: 0.2, self.graph: 1.5, self.pointwise: 1.5,
        }  # fmt: skip
        self.for_images |= more

    def input_shape(self) -> Shape:
        return self.one((1, 2, 3, 3, 4, 8, 16)), *self.pair(*SIDES)

    def pointwise(self, shape: Shape) -> Layer:
        """Return a convolution that mixes channels."""
        return self.shortcut(shape[0], self.one((4, 8, 16, 24, 33)), self.one((1, 1, 2)))


def drawn(seed: int) -> tuple[Sequential, np.ndarray[Any, Any]]:
    """Return the network of a seed, and images."""
    rng = np.random.default_rng((seed, 3))
    architect = WideArchitect(rng)
    while True:
        try:
            shape = architect.input_shape()
            layers, end = architect.grow(shape, int(rng.integers(2, 10)))
            network = Sequential([*layers, *classifier(seed, end)], input_shape=shape, seed=int(rng.integers(2**31)))
            break
        except (ArgumentError, ShapeError):
            continue
    architect.fill(network)
    if architect.chance(0.2):
        return network, rng.integers(0, 256, (IMAGES, *shape), np.uint8)
    return network, rng.standard_normal((IMAGES, *shape), np.float32)


def classifier(seed: int, shape: Shape) -> list[Layer]:
    """Return a matrix over all numbers of an image, such as networks end with, in some of the cases, or nothing."""
    rng = np.random.default_rng((seed, 5))
    if rng.random() > 0.3 or len(shape) < 3 or math.prod(shape) > MOST_FEATURES:
        return []
    return [Flatten(), Linear(math.prod(shape), int(rng.choice((7, 65, 200))))]


def examine_spread(seed: int, memory: Memory | None = None) -> tuple[str, Outcome]:
    """Return how the work on an image is spread, and what predictions come to beside the definitions, and beside those
    on one thread.

    Parameters
    ----------
    seed : int
    memory : Memory, optional
        Where what is given to native code lies.
    """
    memory, (network, images) = memory or Memory(), drawn(seed)
    twin = copy.deepcopy(network)
    twin.cast("float64")
    held = {name: each.data for name, each in (network.parameters() | network.states()).items()}
    program, exact = lower(network), lower(twin)
    name, shape = program.values[program.output].name, program.values[program.output].shape
    definitions = Definitions(program, exact, {**held, "input": images})
    if not np.isfinite(definitions.results([name])[name]).all():
        return "", Outcome(f"{name} is not finite")
    outcome, how, first = Outcome(), "", np.full((IMAGES, *shape), np.nan, np.float32)
    with worth_sharing(seed):
        for threads in THREADS:
            native = Executable(program, IMAGES, threads, {"input": images.dtype.name})
            for parameter in native.names():
                native.write(parameter, held[parameter])
            how = how_spread(native.plan)
            for rows, outputs in predictions(native, images, shape, memory):
                if threads == 1 and len(outputs) == IMAGES:
                    first = outputs
                    judge(outcome, {name: outputs}, definitions)
                elif outputs.tobytes() != first[rows].tobytes():
                    outcome.mismatches.append(f"{name}: other bits for {len(outputs)} on {threads} threads")
    return how, outcome


def how_spread(found: Plan) -> str:
    """Return how the work on an image is spread: "not", "all" that can be cut, or with "whole ones between"."""
    plan_of_one = spread(found, max(THREADS))
    if plan_of_one is None:
        return "not"
    jobs = [job for phase in plan_of_one.phases if isinstance(phase, JobPhase) for job in phase.jobs]
    return "whole ones between" if any(call.split for job in jobs if len(job) > 1 for call in job) else "all"


def predictions(
    native: Executable, images: np.ndarray[Any, Any], shape: Shape, memory: Memory
) -> Iterator[tuple[slice, np.ndarray[Any, Any]]]:
    """Yield which images were predicted together, and their outputs."""
    for rows in TOGETHER:
        outputs = memory.copy(np.full((len(images[rows]), *shape), np.nan, np.float32))
        native.predict(memory.copy(images[rows]), outputs)
        yield rows, outputs
    if images.dtype == np.float32:
        yield slice(0, 1), native.single()(images[:1])


@contextmanager
def worth_sharing(seed: int) -> Iterator[None]:
    """Let other work than else be worth another thread, in most cases: mostly less, so that about half of it is."""
    before = plan.WORTH_SHARING, plan.STRIP
    rng = np.random.default_rng((seed, 4))
    try:
        if rng.random() < 0.75:
            plan.WORTH_SHARING, plan.STRIP = (int(usual * 2.0 ** rng.uniform(-8, 2)) for usual in before)
        yield
    finally:
        plan.WORTH_SHARING, plan.STRIP = before
