"""A random network, compiled: one step of training and a prediction, against the definitions in float64."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid import interpreter, lower
from pellucid.compiler.executable import Executable
from pellucid.definitions import DEFINITIONS
from pellucid.program import Program
from pellucid.steps import Step

from .agreement import DRAWS, UNIT, Arrays, Outcome, moved, moved_alike, moved_together, widened
from .guards import Memory
from .kinks import rounding_decides
from .problems import Problem

THREADS = 3
"""The most that a step is run on; fewer must make the same bits."""


def examine(problem: Problem, memory: Memory | None = None) -> Outcome:
    """Return what the compiled step of a problem, and a prediction of its network, come to beside the definitions.

    Parameters
    ----------
    problem : Problem
    memory : Memory, optional
        Where what is given to native code lies.
    """
    memory, feeds = memory or Memory(), {**problem.held, **problem.data, **problem.numbers}
    definitions = Definitions(problem.program, problem.exact, feeds)
    outcome = Outcome(definitions.why_excluded())
    if outcome.excluded:
        return outcome
    native = Executable(problem.program, problem.largest, THREADS, elements(problem))
    found, outcome.mismatches = trained(problem, native, memory)
    updated = {problem.program.values[v].name for step in updates(problem.program).steps for v in step.outputs}
    judge(outcome, {name: array for name, array in found.items() if name not in updated}, definitions)
    gradients = {problem.program.values[v].name: gradient(problem.program, v, found) for v in learnt(problem.program)}
    definitions = Definitions(updates(problem.program), updates(problem.exact), {**feeds, **gradients})
    judge(outcome, {name: array for name, array in found.items() if name in updated}, definitions)
    predicted(problem, outcome, memory)
    measured(problem, outcome, memory)
    return outcome


def step_on(problem: Problem) -> dict[str, bytes]:
    """Return the bits that the compiled step of a problem leaves, by name, on the instruction set that is forced."""
    native = Executable(problem.program, problem.largest, THREADS, elements(problem))
    found, mismatches = trained(problem, native, Memory())
    if mismatches:
        raise AssertionError("; ".join(mismatches))
    return {name: array.tobytes() for name, array in found.items()}


def judge(outcome: Outcome, found: Arrays, definitions: Definitions) -> None:
    """Note how what was found agrees with the definitions."""
    outcome.compare(found, definitions.results(found), lambda: definitions.roundings(found))


# ---- native
def elements(problem: Problem) -> dict[str, str]:
    """Return NumPy's names of the types in which images and targets come."""
    return {name.removesuffix(".data"): array.dtype.name for name, array in problem.data.items()}


def trained(problem: Problem, native: Executable, memory: Memory) -> tuple[dict[str, Any], list[str]]:
    """Return what a compiled step leaves, by name, and which bits of it depend on the number of threads.

    Before it, the largest batch is run, whose numbers stay in memory: the step must not see them.
    """
    program, numbers = problem.program, problem.numbers
    for name, array in problem.held.items():
        native.write(name, array)
    for name, array in problem.data.items():
        native.give(name, memory.copy(array))
    scalars = {name: float(numbers[name]) for name in ("count", "lr", "step")}
    per_sample = {name: numbers[name] for name in ("index", "position", "dropout_key", "augment_key")}
    everything = np.arange(problem.largest, dtype=np.int64)
    for name, array in {**per_sample, "index": everything, "position": everything}.items():
        native.give(name, memory.copy(array))
    native.run(problem.largest, {**scalars, "count": float(problem.largest)})
    for name, array in per_sample.items():
        native.give(name, memory.copy(array))
    found: dict[int, dict[str, Any]] = {}
    for threads in (THREADS, 2, 1):
        native.threads = threads
        native.run(problem.batch, scalars)
        native.accept()
        found[threads] = left(program, native)
        native.accept()  # the weights before the step are the weights again
    if not native.finite():
        raise AssertionError("all weights are finite, but the step says that some are not")
    return found[1], [
        f"{name}: other bits on {threads} threads"
        for threads in (2, THREADS)
        for name, array in found[1].items()
        if array.tobytes() != found[threads][name].tobytes()
    ]


def left(program: Program, native: Executable) -> dict[str, Any]:
    """Return all that a step leaves, by name: sums over the batch, and what parameters, states and slots become."""
    found = {v: native.totals(v) for v in native.plan.totals}
    found |= {new: native.read(program.values[old].name) for old, new in program.renewed.items()}
    return named(program, found)


def predicted(problem: Problem, outcome: Outcome, memory: Memory) -> None:
    """Compare what the network gives for the batch's images, and for the first of them alone."""
    program, exact = lower(problem.network), lower(problem.twin)
    images = problem.images[problem.numbers["index"]]
    output = program.values[program.output]
    native = loaded(problem, program)
    outputs = memory.copy(np.full((len(images), *output.shape), np.nan, np.float32))
    native.predict(memory.copy(images), outputs)
    judge(outcome, {output.name: outputs}, Definitions(program, exact, {**problem.held, "input": images}))
    if images.dtype == np.float32 and native.single()(images[:1]).tobytes() != outputs[:1].tobytes():
        outcome.mismatches.append(f"{output.name}: other bits for an image alone")


def measured(problem: Problem, outcome: Outcome, memory: Memory) -> None:
    """Compare what is measured of the batch without training."""
    feeds = {name.removesuffix(".data"): data[problem.numbers["index"]] for name, data in problem.data.items()}
    how: dict[str, Any] = {name: problem.how[name] for name in ("loss", "target_shape", "weighted")}
    how |= {"training": False, "gradients": False}
    program, exact = lower(problem.network, **how), lower(problem.twin, **how)
    native = loaded(problem, program)
    for name, array in feeds.items():
        native.give(name, memory.copy(array))
    native.run(problem.batch, {"count": float(problem.batch)})
    found = named(program, {v: native.totals(v) for v in native.plan.totals})
    found.pop("correct", None)  # the largest outputs may lie too near to each other here
    judge(outcome, found, Definitions(program, exact, {**problem.held, **feeds, "count": problem.batch}))


def loaded(problem: Problem, program: Program) -> Executable:
    """Return a program compiled, with the network's weights."""
    native = Executable(program, problem.largest, THREADS, elements(problem))
    for name in native.names():
        native.write(name, problem.held[name])
    return native


# ---- the update
def updates(program: Program) -> Program:
    """Return a program's optimiser alone.

    New weights are compared with what the definitions make of the very gradients that were found: where a gradient is
    almost 0, Adam makes much of the digits in which it may differ.
    """
    steps = program.steps[program.backward :]
    return replace(program, steps=steps, forward=0, backward=0, output=steps[-1].outputs[0])


def learnt(program: Program) -> list[int]:
    """Return the gradients that the optimiser reads."""
    return [gradient for v, gradient in program.gradients.items() if program.values[v].role == "parameter"]


def gradient(program: Program, value: int, found: Arrays) -> Any:
    """Return a gradient as it was found; that of a shared parameter from what was found of its contributions."""
    known = program.values[value]
    if known.name in found:
        return found[known.name]
    maker = next(step for step in program.steps if value in step.outputs)
    return sum(gradient(program, v, found) for v in maker.inputs)


# ---- the definitions
class Definitions:
    """What the definitions make of a program.

    Parameters
    ----------
    program, exact : Program
        The same in float32 and in float64.
    feeds : mapping of str to array or number
        What both are given.
    """

    def __init__(self, program: Program, exact: Program, feeds: Mapping[str, Any]):
        self._program, self._exact_program = program, exact
        self._made = [v for step in program.steps for v in step.outputs]
        self._wide = {name: widened(value) for name, value in feeds.items()}
        self._exact = _run(exact, self._wide, self._made)
        self._rounded = _run(program, feeds, self._made)

    def why_excluded(self) -> str:
        """Return why a comparison is worth nothing, or an empty text."""
        for values in (self._exact, self._rounded):
            for v, array in values.items():
                if not np.isfinite(array).all():
                    return f"{self._program.values[v].name} is not finite"
        given = {v.id: self._wide[v.name] for v in self._program.values if v.name in self._wide}
        return rounding_decides(self._program, {**given, **self._exact}, {**given, **self._rounded})

    def results(self, names: Collection[str]) -> Arrays:
        """Return values in float64, by their names."""
        found = named(self._program, self._exact)
        return {name: found[name] for name in names}

    def roundings(self, names: Collection[str]) -> dict[str, float]:
        """Return how far off values are at most where steps round, by their names.

        That is seen in the float32 run, whose errors may happen to cancel, and in float64 runs where all that steps
        read is moved: number by number by up to a unit in the last place of float32, or all of a sample by as much, as
        many units as a sum of so many terms may be off by.
        """
        exact, runs = self.results(names), [self._rounded, *(self._moved(draw) for draw in range(DRAWS))]
        found = [named(self._program, run) for run in runs]
        return {name: max(float(np.abs(each[name] - exact[name]).max(initial=0)) for each in found) for name in names}

    def _moved(self, draw: int) -> dict[int, Any]:
        program, rng = self._exact_program, np.random.default_rng(draw)
        values = {v.id: self._wide[v.name] for v in program.values if v.name in self._wide}
        with np.errstate(all="ignore"):
            for number, step in enumerate(program.steps):
                inputs = [values[v] for v in step.inputs]
                if draw % 2:
                    units = math.sqrt(terms(program, step, inputs))
                    inputs = [moved_together(rng, array, units) for array in inputs]
                elif number < program.forward:
                    inputs = [moved_alike(draw, array) for array in inputs]
                else:
                    inputs = [moved(rng, array) for array in inputs]
                if step.kind == "cross_entropy.grad_input":
                    # Probabilities are rounded before the target is taken off, and near 1 nothing else is left.
                    inputs[0] = inputs[0] + rng.uniform(-1, 1, inputs[0].shape) * UNIT
                results = DEFINITIONS[step.kind](*inputs, **step.keywords)
                values |= zip(step.outputs, results if isinstance(results, tuple) else (results,), strict=True)
        return {v: values[v] for v in self._made}


def terms(program: Program, step: Step, inputs: Sequence[Any]) -> int:
    """Return how many terms a kernel adds up one after the other to make a number: √n roundings are its error."""
    if any(program.values[v].over == "sum" for v in step.outputs):
        pixels = math.prod(program.values[step.inputs[0]].shape[1:])
        return pixels * min(len(np.atleast_1d(inputs[0])), program.leaf_size)
    match step.kind:
        case "linear" | "conv2d":
            return int(inputs[1][0].size)
        case "linear.grad_input" | "conv2d.grad_input":
            return int(inputs[1][:, 0].size)
    return 1


def named(program: Program, values: Mapping[int, Any]) -> dict[str, Any]:
    """Return values by name. Those that hold unlike numbers, (count, mean, M2), become three."""
    found: dict[str, Any] = {}
    for v, array in values.items():
        known = program.values[v]
        if known.combine == "moments":
            found |= {f"{known.name}.{part}": array[i] for i, part in enumerate(("count", "mean", "M2"))}
        else:
            found[known.name] = np.asarray(array)
    return found


def _run(program: Program, feeds: Mapping[str, Any], wanted: Collection[int]) -> dict[int, Any]:
    with np.errstate(all="ignore"):
        return interpreter.run(program, feeds, wanted)
