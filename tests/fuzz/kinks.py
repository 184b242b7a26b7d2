"""Where a network is not smooth: at a kink or a tie, rounding decides which way a gradient goes.

Numbers nearer to one than rounding can move them make a case worthless, and it is left out. How far rounding moves them
is measured: by how far a float32 run of the definitions ends up from the float64 one. A number that lies on a kink
exactly, in both, such as a 0 behind a ReLU, is there by construction, and stays there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pellucid.definitions.windows import taps
from pellucid.program import Program
from pellucid.steps import Step

SAFETY = 8.0
"""How many times further from a kink than rounding moved it a number must be."""
KINKS: Mapping[str, tuple[float, ...]] = {
    "relu": (0.0,), "leaky_relu": (0.0,), "relu6": (0.0, 6.0), "prelu": (0.0,), "hard_swish": (-3.0, 3.0),
}  # fmt: skip


def kinks_of(step: Step) -> tuple[float, ...]:
    """Return where a step's function of one number has kinks."""
    how = step.keywords
    match step.kind:
        case "clip":
            return tuple(bound for bound in (how["min"], how["max"]) if bound is not None)
        case "hard_sigmoid":
            return -how["beta"] / how["alpha"], (1 - how["beta"]) / how["alpha"]
    return KINKS.get(step.kind, ())


def rounding_decides(program: Program, exact: Mapping[int, Any], rounded: Mapping[int, Any]) -> str:
    """Return the first step of a program that has a number too near to a kink, or an empty text.

    Parameters
    ----------
    program : Program
    exact, rounded : mapping of int to array
        All values of a run in float64, and of one in float32.
    """
    for step in program.steps[: program.backward]:
        for distance, moved in _distances(step, exact, rounded):
            by_construction = (distance == 0) & (moved == 0)
            if ((np.abs(distance) <= SAFETY * moved.max(initial=0)) & ~by_construction).any():
                return f"{step.layer} ({step.kind})"
    return ""


def _distances(
    step: Step, exact: Mapping[int, Any], rounded: Mapping[int, Any]
) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Yield how far a step's numbers are from a kink, and how far rounding moved them."""
    if kinks_of(step):
        here, there = exact[step.inputs[0]], rounded[step.inputs[0]]
        for kink in kinks_of(step):
            yield here - kink, np.abs(here - there)
    elif step.kind == "max_pool2d":
        leads = [_lead(values[step.inputs[0]], step) for values in (exact, rounded)]
        yield leads[0], np.abs(leads[0] - leads[1])
    elif step.kind == "count_correct":
        leads = [_first_two(np.moveaxis(values[step.inputs[0]], -1, 0)) for values in (exact, rounded)]
        yield leads[0], np.abs(leads[0] - leads[1])


def _lead(x: np.ndarray[Any, Any], step: Step) -> np.ndarray[Any, Any]:
    """Return by how much the largest pixel of each window exceeds the second: (N, C, H, W) -> (N, C, OH, OW)."""
    window = step.keywords["window"]
    read = []
    for places, pixels in taps(window, x.shape[2:]):
        read.append(np.full((*x.shape[:2], *window.output_size(x.shape[2:])), -np.inf))
        read[-1][places] = x[pixels]
    return _first_two(np.stack(read))


def _first_two(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return by how much the largest number along the first axis exceeds the second."""
    padded = np.concatenate([x, np.full((2, *x.shape[1:]), -np.inf)])
    second, first = np.partition(padded.astype(float), (-2, -1), axis=0)[-2:]
    return np.asarray(first - np.where(np.isinf(second), -1e300, second))  # where there is no second one
