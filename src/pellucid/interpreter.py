"""Runs a program with the definitions: plain NumPy, the whole batch at once, step after step.

It is the oracle for every faster engine, and an engine itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .definitions import DEFINITIONS
from .errors import ArgumentError, ShapeError
from .program import Program, unused
from .steps import Shape, Step, Value


def run(program: Program, feeds: Mapping[str, Any], wanted: Collection[int] | None = None) -> dict[int, Any]:
    """Run a program and return the wanted values by id.

    Parameters
    ----------
    program : Program
    feeds : mapping
        Name of each value that no step makes (input, target, parameters, states, scalars) -> array or number. Where
        ``Value.has_samples``, the axis of samples comes first. What the program does not read is left aside.
    wanted : collection of int, optional
        By default the output, the loss and what is measured beside it, and what parameters and states become. All
        other values are let go as soon as no step reads them any more.

    Raises
    ------
    ArgumentError
        If something is missing.
    ShapeError
        If something has another shape than the program was lowered for.
    """
    if wanted is None:
        ends = {program.output, program.loss, program.weight, program.correct, *program.renewed.values()}
        wanted = {value for value in ends if value is not None}
    values = bound(program, feeds)
    for (_, results), gone in zip(_results(program, values), unused(program, wanted), strict=True):
        values.update(results)
        for value in gone:
            del values[value]
    return {value: values[value] for value in wanted}


def first_non_finite(program: Program, feeds: Mapping[str, Any]) -> tuple[Step, str] | None:
    """Run a program again and return the first step that makes a NaN or an infinity, and the value's name."""
    values = bound(program, feeds)
    with np.errstate(all="ignore"):
        for step, results in _results(program, values):
            for value, result in results.items():
                if not np.all(np.isfinite(result)):
                    return step, program.values[value].name
            values.update(results)
    return None


def bound(program: Program, feeds: Mapping[str, Any]) -> dict[int, Any]:
    """Return what is fed by id, or refuse it by name."""
    made = {value for step in program.steps for value in step.outputs}
    read = {value for step in program.steps for value in step.inputs} | {program.output}
    taken = read - made
    missing = [program.values[v].name for v in sorted(taken) if program.values[v].name not in feeds]
    if missing:
        raise ArgumentError(f"the program also needs {', '.join(missing)}")
    values = {program.ids[name]: value for name, value in feeds.items() if program.ids.get(name, -1) in taken}
    _check_shapes((program.values[value], np.shape(array)) for value, array in values.items())
    return values


def _check_shapes(fed: Iterable[tuple[Value, Shape]]) -> None:
    """Refuse shapes that do not fit: NumPy would stretch some of them, and compute something else."""
    counts: dict[str, tuple[int, str]] = {}
    for value, shape in fed:
        samples, own = (shape[:1], shape[1:]) if value.has_samples else ((), shape)
        if own != value.shape or len(samples) != value.has_samples:
            wanted = f"samples of shape {value.shape}" if value.has_samples else f"shape {value.shape}"
            raise ShapeError(f"{value.name}: expected {wanted}, received shape {shape}")
        if samples:
            count, name = counts.setdefault(value.over, (samples[0], value.name))
            if samples[0] != count:
                raise ShapeError(f"{value.name}: expected {count} samples, as {name} has, received {samples[0]}")


def _results(program: Program, values: Mapping[int, Any]) -> Iterator[tuple[Step, dict[int, Any]]]:
    """Yield each step and its results by id; the caller keeps them in `values`."""
    for step in program.steps:
        yield step, results_of(step, values)


def results_of(step: Step, values: Mapping[int, Any]) -> dict[int, Any]:
    """Return what a step makes of the values that it reads, by id."""
    results = DEFINITIONS[step.kind](*(values[v] for v in step.inputs), **step.keywords)
    return dict(zip(step.outputs, results if isinstance(results, tuple) else (results,), strict=True))
