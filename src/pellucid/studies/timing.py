"""How long things take: the median over repeats, and how far they lie apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from ..build import lower
from ..losses import MeanSquaredError
from ..native import load
from ..network import Sequential
from .amounts import digits
from .noise import noise
from .result import NOT_MEASURED, Options

REPEATS, SECONDS = 3, 1.0
"""At least so many repeats, and at least so long in all; a quick study takes the repeats alone."""
SHORTEST = 1e-3
"""Seconds that a repeat takes at least: shorter work is done several times in each, and the mean taken."""


@dataclass(frozen=True)
class Times:
    """Seconds that the work took in each repeat."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    def __str__(self) -> str:
        """The median, with the smallest and the largest: ``1.55 ms (1.33 – 2.13)``."""
        factor, unit = _unit(self.median)
        least, largest = (digits(each * factor) for each in (min(self.seconds), max(self.seconds)))
        return f"{digits(self.median * factor)} {unit} ({least} – {largest})"


def _unit(seconds: float) -> tuple[float, str]:
    """Return the unit in which so many seconds are written, and how many of it make a second."""
    if seconds >= 0.9995:
        return 1.0, "s"
    return (1e3, "ms") if seconds >= 0.9995e-3 else (1e6, "µs")


def measure(work: Callable[[], Any], options: Options) -> Times:
    """Return how long some work takes, after it was done once for nothing: compiled, and its memory touched."""
    work()
    count = 1
    while _taken(work, count) < SHORTEST:
        count *= 2
    enough = 0.0 if options.quick else SECONDS
    taken: list[float] = []
    while len(taken) < REPEATS or sum(taken) < enough:
        taken.append(_taken(work, count))
    return Times(tuple(each / count for each in taken))


def _taken(work: Callable[[], Any], count: int) -> float:
    """Return how many seconds it takes to do some work so many times."""
    began = time.perf_counter()
    for _ in range(count):
        work()
    return time.perf_counter() - began


def times(makers: Sequence[Callable[[], Callable[[], Any]]], options: Options) -> list[str]:
    """Return as cells how long works take; each is made by a function, which is called only if times are wanted."""
    return [str(measure(make(), options)) if options.measure else NOT_MEASURED for make in makers]


# ---- passes of a network


def forward(network: Sequential, samples: int, options: Options) -> Callable[[], None]:
    """Return what computes the outputs of so many samples of noise, compiled."""
    from ..compiler.executable import Executable  # takes its time, and not everybody who lists studies does one
    from ..compiler.threads import thread_count

    made = Executable(lower(network, training=False), samples, thread_count(options.threads), {"input": "float32"})
    load(made, network)
    images = noise((samples, *(network.input_shape or ())), "images")
    outputs = np.empty((samples, *network.output_shape()), np.float32)
    return lambda: made.predict(images, outputs)


def forward_and_backward(network: Sequential, samples: int, options: Options) -> Callable[[], None]:
    """Return what computes the outputs of so many samples of noise and then all gradients, the input's too, compiled.

    The loss between the two is the mean squared error, the cheapest; there is no optimiser.
    """
    from ..compiler.executable import Executable
    from ..compiler.threads import thread_count

    shape = network.output_shape()
    program = lower(network, loss=MeanSquaredError(), target_shape=shape, training=True, input_gradient=True)
    made = Executable(program, samples, thread_count(options.threads), {"input": "float32", "target": "float32"})
    load(made, network)
    made.give("input", noise((samples, *(network.input_shape or ())), "images"))
    made.give("target", noise((samples, *shape), "targets"))
    return lambda: made.run(samples, {"count": samples})
