"""What holds for the sum of every number in every network; `check_all` looks at some of a network."""

import contextlib
import io
import json
from typing import Any

import numpy as np

import pellucid as p
from pellucid.definitions import DEFINITIONS
from pellucid.steps import Step

EXACT = 1e-12
"""How far two float64 computations of one sum may lie apart, beside the sum of the terms' magnitudes."""
NEAR = 2e-5
"""How far the network's float32 may be off, beside the same."""
ONE_TERM_HAS_ALL = {
    "relu", "leaky_relu", "relu6", "clip", "hard_sigmoid", "hard_swish", "sigmoid", "silu", "tanh", "elu", "softplus",
    "gelu", "prelu", "softmax", "log_softmax", "max_pool2d", "local_response_norm", "multiply", "divide", "matmul",
    "standardize",
}  # fmt: skip
"""Kinds that are no sums in x: another x changes their numbers by something else than its share."""


def exactly(trace: p.Trace, step: Step, changed: dict[int, Any] | None = None) -> Any:
    """What the step's definition makes, in float64, of the stored numbers, or of changed ones."""
    arrays = []
    for value in step.inputs:
        array = (changed or {}).get(value, trace.values[value])
        array = array if array.dtype == np.uint8 else array.astype(np.float64)
        arrays.append(array[None] if trace.program.values[value].has_samples else array)
    keywords = {**step.keywords, **({"dtype": "float64"} if step.kind == "scale" else {})}
    with np.errstate(all="ignore"):
        return DEFINITIONS[step.kind](*arrays, **keywords)[0]


def check_all(trace: p.Trace, rng: np.random.Generator, each: int = 4, snippets: int = 1) -> set[str]:
    """Check some numbers of all that steps make, and return the kinds of these steps."""
    for step in trace.program.steps:
        value = step.outputs[0]
        exact = None if step.kind == "custom" else exactly(trace, step)
        for number in range(each):
            index = tuple(int(rng.integers(size)) for size in trace.program.values[value].shape)
            found = check(trace, value, index, exact)
            if step.kind not in {*ONE_TERM_HAS_ALL, "custom"}:
                check_terms(trace, step, found, rng)
            if number < snippets:
                check_snippet(found)
    return {step.kind for step in trace.program.steps}


def check(trace: p.Trace, value: int, index: tuple[int, ...], exact: Any) -> p.Sum:
    found = trace.sum(value, index)
    assert (found.value, found.index) == (value, index)
    assert found.stored == float(trace.values[value][index])
    if exact is not None:
        assert abs(found.recomputed - float(exact[index])) <= EXACT * found.size, found
    assert abs(found.difference) <= NEAR * found.size, found
    assert abs(found.terms.amounts.sum() + found.constant - found.recomputed) <= EXACT * found.size, found
    if found.kind == "max_pool2d":
        assert trace.values[int(found.terms.values[0])][tuple(found.terms.indices[0])] == found.stored, found
    for source, place in zip(found.terms.values[:50], found.terms.indices[:50], strict=True):
        shape = trace.program.values[source].shape
        assert len(place) == len(shape), found
        assert all(0 <= at < size for at, size in zip(place, shape, strict=True)), found
    assert json.loads(json.dumps(found.details, allow_nan=False)) == found.details
    return found


def check_terms(trace: p.Trace, step: Step, found: p.Sum, rng: np.random.Generator) -> None:
    """Without all of the terms the constant is left, and without one of them its amount is missing."""
    places = list(zip(found.terms.values.tolist(), map(tuple, found.terms.indices.tolist()), strict=True))
    assert abs(left(trace, step, found, places) - found.constant) <= EXACT * found.size, found
    if places:
        one = int(rng.integers(len(places)))
        if step.inputs.count(places[one][0]) == 1:  # x + x has two terms where there is one number
            missing = found.recomputed - left(trace, step, found, [places[one]])
            assert abs(missing - found.terms.amounts[one]) <= EXACT * found.size, found


def left(trace: p.Trace, step: Step, found: p.Sum, without: list[tuple[int, tuple[int, ...]]]) -> float:
    """What a number would be if others, each a value's id and an index, were 0."""
    changed = {value: trace.values[value].copy() for value, _ in without}
    for value, index in without:
        changed[value][index] = 0
    return float(exactly(trace, step, changed)[found.index])


def check_snippet(found: p.Sum) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found.snippet(), "snippet", "exec"), {})
    assert abs(float(printed.getvalue()) - found.recomputed) <= EXACT * max(found.size, 1e-300), found.snippet()
