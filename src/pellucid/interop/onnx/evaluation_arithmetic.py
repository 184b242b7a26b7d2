"""Operators that calculate with two tensors, products of matrices, and types of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...definitions.learned import prelu
from ...definitions.linear import linear
from .folding import COMPUTERS
from .nodes import NodeError, Operation, Use
from .tensors import KINDS

Numbers: TypeAlias = NDArray[Any]

FREELY = 7
"""The opset since which two tensors are stretched to each other by NumPy's rules."""


def _of_two(operator: str) -> Operation:
    """Return what computes an operator of two tensors, also where an attribute says how the second is stretched."""

    def compute(use: Use, arrays: Sequence[Numbers]) -> Numbers:
        if use.opset < FREELY and len(arrays) == 2:
            axis = use.whole("axis", -1)
            if use.switch("broadcast") and axis >= 0:
                arrays = arrays[0], _from_axis(arrays[1], axis, arrays[0].ndim)
        return COMPUTERS[operator](use, arrays)

    return compute


def _from_axis(array: Numbers, axis: int, rank: int) -> Numbers:
    """Return an array whose axes meet those of another from `axis` on: (C,) -> (C, 1, 1), for axis 1 of 4."""
    behind = rank - axis - array.ndim
    if behind < 0:
        raise NodeError(f"axis: expected at most {rank - array.ndim}, found {axis}")
    return array.reshape(*array.shape, *[1] * behind)


def gemm(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """``alpha · A · B + beta · C``, A and B perhaps transposed."""
    a, b = arrays[:2]
    alpha, beta, added = use.real("alpha", 1.0), use.real("beta", 1.0), use.optional(2, "C")
    if use.opset < FREELY:
        use.switch("broadcast")
    a = a.T if use.switch("transA") else a
    b = b.T if use.switch("transB") else b
    product = linear(a, b.T) * np.asarray(alpha, a.dtype)
    return np.asarray(product if added is None else product + np.asarray(beta, a.dtype) * added.array)


def matmul(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """The product of the last two axes."""
    return np.asarray(np.matmul(*arrays))


def prelu_(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """``x`` where it is above 0, else ``slope · x``."""
    x, slope = arrays
    if use.opset < FREELY and slope.ndim == 1:
        return prelu(x, slope)
    return np.asarray(np.where(x < 0, slope * x, x))


def cast(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    """The same numbers in another type."""
    use.switch("saturate", True)  # of the types of 8 bits, which NumPy has not
    kind = KINDS.get(use.whole("to"))
    if kind is None or kind.name == "bfloat16":
        raise NodeError(f"casts to the type {use.whole('to')} of ONNX, which NumPy does not have")
    return arrays[0].astype(kind.name)


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        **{operator: _of_two(operator) for operator in ("Add", "Sub", "Mul", "Div", "Pow")},
        "Gemm": gemm,
        "MatMul": matmul,
        "PRelu": prelu_,
        "Cast": cast,
    }
)
"""Operator -> what computes it."""
