"""ONNX models computed node by node in NumPy: what is no network of images, of any rank and any type of numbers.

Each operator is a small function in one closed table. Where Pellucid has a definition of what an operator does, the
function says how that applies; what remains is NumPy's. Nothing is compiled here, and nothing learnt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import PellucidError
from . import (
    evaluation_activations,
    evaluation_arithmetic,
    evaluation_norms,
    evaluation_resize,
    evaluation_shapes,
    evaluation_windows,
)
from .folding import COMPUTERS, MOVERS, WRONG, Mover, constant
from .model import Model, Node, shown
from .nodes import Constant, NodeError, Operation, Use

Numbers: TypeAlias = NDArray[Any]


def _moves(mover: Mover, count: int | None) -> Operation:
    """Return what moves the numbers of the first inputs, so many of them, or of all."""
    return lambda use, arrays: mover(use, arrays[:count])


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "Constant": lambda use, arrays: constant(use),
        **{operator: _moves(mover, count) for operator, (mover, count) in MOVERS.items()},
        **COMPUTERS,
        **evaluation_arithmetic.OPERATIONS,
        **evaluation_activations.OPERATIONS,
        **evaluation_norms.OPERATIONS,
        **evaluation_windows.OPERATIONS,
        **evaluation_shapes.OPERATIONS,
        **evaluation_resize.OPERATIONS,
    }
)
"""Operator -> what computes it."""

EXACT = frozenset({"Cast", "Constant"})
"""Operators whose results have a type of their own, whatever that of their inputs is."""


def evaluate(model: Model, inputs: Mapping[str, Numbers]) -> list[Numbers]:
    """Return the outputs of a model.

    Parameters
    ----------
    model : Model
    inputs : mapping of str to array
        By name, of any rank. Numbers of 16 bits are computed with in float32, and each result is rounded to 16 again.

    Raises
    ------
    NodeError
        If a node is of no operator that is known here, or its inputs do not fit it; it is named.

    Notes
    -----
    Every result is kept until the end, and how much memory a model may ask for is not bounded.
    """
    values: dict[str, Numbers] = {**model.constants, **inputs}
    for node in model.nodes:
        given = [values[name] if name else None for name in node.inputs]
        try:
            with np.errstate(all="ignore"):
                made = _computed(node, model.opset, given)
        except (*WRONG, PellucidError) as error:
            raise NodeError(
                f"{shown(node.name or node.outputs[0])} ({shown(node.operator)}): cannot be computed: {error!s:.300}"
            ) from error
        values.update(zip(node.outputs, made, strict=False))
    return [values[name] for name in model.outputs]


def _computed(node: Node, opset: int, given: Sequence[Numbers | None]) -> tuple[Numbers, ...]:
    """Return what the outputs of a node are."""
    if node.operator not in OPERATIONS:
        raise NodeError("the operator is not known here")
    short = bool(given) and given[0] is not None and given[0].dtype == np.float16 and node.operator not in EXACT
    arrays = [_wide(array) if short and array is not None else array for array in given]
    use = Use(node, opset, tuple(None if array is None else Constant(array) for array in arrays))
    found = [use.input(place) for place in range(len(arrays))]  # onnx's checker has counted them
    made = OPERATIONS[node.operator](use, [each.array for each in found if isinstance(each, Constant)])
    use.refuse_rest()
    results = made if isinstance(made, tuple) else (made,)
    if any(node.outputs[len(results) :]):
        raise NodeError(f"only {len(results)} of its {len(node.outputs)} outputs can be computed")
    return tuple(_short(array) if short else np.asarray(array) for array in results)


def _wide(array: Numbers) -> Numbers:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _short(array: Numbers) -> Numbers:
    return array.astype(np.float16) if array.dtype == np.float32 else array
