"""A random network, compiled: one step of training and a prediction, against the interpreter in float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid import interpreter, lower
from pellucid.compiler.executable import Executable
from pellucid.native import element
from pellucid.program import Program

from .agreement import Arrays, compare
from .kinks import rounding_decides
from .problems import Problem

DRAWS = 8
"""Runs of the definitions in float32 that measure what rounding does."""


@dataclass
class Outcome:
    """What a case came to.

    Attributes
    ----------
    excluded : str
        The step at whose kink rounding decides, or nothing.
    mismatches, explained : list of str
        See `agreement.Verdict`.
    compared : int
        Arrays that were.
    """

    excluded: str = ""
    mismatches: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    compared: int = 0


class Case:
    """A problem with what the definitions make of it."""

    def __init__(self, problem: Problem):
        self.problem = problem
        feeds = {**problem.held, **problem.data, **problem.numbers}
        with np.errstate(all="ignore"):
            every = [v.id for v in problem.program.values if v.id not in _given(problem.program)]
            self.exact = interpreter.run(problem.exact, _in_float64(feeds), every)
            self.rounded = interpreter.run(problem.program, feeds, every)
        self.feeds = feeds

    def excluded(self) -> str:
        """Return why the case is worth nothing, or nothing."""
        if not all(np.isfinite(np.asarray(v)).all() for v in self.exact.values()):
            return "a number is not finite"
        given = {v.id: self.feeds[v.name] for v in self.problem.program.values if v.name in self.feeds}
        return rounding_decides(self.problem.program, {**given, **self.exact}, {**given, **self.rounded}) or ""

    def roundings(self, names: Mapping[str, int]) -> Arrays:
        """Return how far off float32 runs of the definitions are, by the names of values."""
        runs, rng = [self.rounded], np.random.default_rng(0)
        for _ in range(DRAWS):
            moved = {name: _moved(rng, array) if name not in KEPT else array for name, array in self.feeds.items()}
            with np.errstate(all="ignore"):
                runs.append(interpreter.run(self.problem.program, moved, list(names.values())))
        return {
            name: np.max([np.abs(np.asarray(run[v], float) - self.exact[v]).max(initial=0) for run in runs])
            for name, v in names.items()
        }
