"""A random network, compiled: one step of training and a prediction, against the interpreter in float64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pellucid import interpreter, lower
from pellucid.compiler.executable import Executable
from pellucid.native import element
from pellucid.program import Program

from .agreement import Arrays, compare
from .guards import Memory
from .kinks import rounding_decides
from .problems import Problem

DRAWS = 8
"""Runs of the definitions in float32 that measure what rounding does."""
THREADS = 3
"""The most that a step is run on; fewer must make the same bits."""


@dataclass
class Outcome:
    """What a case came to.

    Attributes
    ----------
    excluded : str
        Why it is worth nothing, such as the step at whose kink rounding decides; else empty.
    mismatches, explained : list of str
        See `agreement.Verdict`.
    compared : int
        Arrays that were.
    """

    excluded: str = ""
    mismatches: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    compared: int = 0


def examine(problem: Problem, memory: Memory | None = None) -> Outcome:
    """Return what the compiled step of a problem, and its prediction, come to beside the definitions.

    Parameters
    ----------
    problem : Problem
    memory : Memory, optional
        Where what is given to native code lies.
    """
    outcome = Outcome(excluded=Exact(problem).excluded)
    if outcome.excluded:
        return outcome
    for kind in (Training, Prediction):
        exact, native = Exact(problem), kind(problem, memory or Memory())
        found = native.results()
        verdict = compare(found, exact.results(native.wanted), lambda: exact.roundings(native.wanted))
        outcome.compared += len(found)
        outcome.explained += verdict.explained
        outcome.mismatches += [*verdict.mismatches, *native.differing_bits()]
    return outcome


class Exact:
    """What the definitions make of a problem, in float64.

    Attributes
    ----------
    excluded : str
        See `Outcome`.
    """

    def __init__(self, problem: Problem):
        self._feeds = {**problem.held, **problem.data, **problem.numbers}
        self._program = problem.program
        made = [v for step in self._program.steps for v in step.outputs]
        self._exact = _run(problem.exact, {name: _in_float64(value) for name, value in self._feeds.items()}, made)
        self._rounded = _run(self._program, self._feeds, made)
        self._twin = problem.exact
        self.excluded = self._why_excluded()

    def results(self, wanted: Wanted) -> Arrays:
        """Return the wanted values by name."""
        raise NotImplementedError
