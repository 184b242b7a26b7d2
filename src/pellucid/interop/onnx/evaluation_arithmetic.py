"""Operators that calculate with two tensors, products of matrices, and types of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...definitions.learned import prelu
from ...definitions.linear import linear
from .nodes import NodeError, Operation, Use
from .tensors import KINDS

Numbers: TypeAlias = NDArray[Any]

FREELY = 7
"""The opset since which two tensors are stretched to each other by NumPy's rules."""


def _of(count: int, function: Callable[..., Any]) -> Operation:
    """Return what applies a function of so many tensors."""

    def compute(use: Use, arrays: Sequence[Numbers]) -> Numbers:
        if len(arrays) != count:
            raise NodeError(f"expected {count} inputs, found {len(arrays)}")
        return np.asarray(function(*arrays))

    return compute


def _of_any(function: Callable[[Numbers, Numbers], Numbers]) -> Operation:
    """Return what applies a function of two tensors to any number of them, one after the other."""
    return lambda use, arrays: reduce(function, arrays)


def _of_two(function: Callable[[Numbers, Numbers], Numbers]) -> Operation:
    """Return what applies a function of two tensors, also where an attribute says how the second is stretched."""
    plain = _of(2, function)

    def compute(use: Use, arrays: Sequence[Numbers]) -> Numbers | tuple[Numbers, ...]:
        if use.opset < FREELY and len(arrays) == 2:
            axis = use.whole("axis", -1)
            if use.switch("broadcast") and axis >= 0:
                arrays = arrays[0], _from_axis(arrays[1], axis, arrays[0].ndim)
        return plain(use, arrays)

    return compute


def _from_axis(array: Numbers, axis: int, rank: int) -> Numbers:
    """Return an array whose axes meet those of another from `axis` on: (C,) -> (C, 1, 1), for axis 1 of 4."""
    behind = rank - axis - array.ndim
    if behind < 0:
        raise NodeError(f"axis: expected at most {rank - array.ndim}, found {axis}")
    return array.reshape(*array.shape, *[1] * behind)


def _div(a: Numbers, b: Numbers) -> Numbers:
    """Whole numbers are divided towards 0."""
    if a.dtype.kind in "iu":
        quotient, rest = np.divmod(a, b)  # towards −∞
        return np.asarray(quotient + ((rest != 0) & ((a < 0) != (b < 0)))).astype(a.dtype)
    return np.asarray(a / b)


def _pow(a: Numbers, b: Numbers) -> Numbers:
    return np.asarray(np.power(a.astype(np.float64), b)).astype(a.dtype)


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


CALCULATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "Add": _of_two(np.add),
        "Sub": _of_two(np.subtract),
        "Mul": _of_two(np.multiply),
        "Div": _of_two(_div),
        "Pow": _of_two(_pow),
        "Equal": _of_two(np.equal),
        "Where": _of(3, np.where),
        "Sum": _of_any(np.add),
        "Min": _of_any(np.minimum),
        "Max": _of_any(np.maximum),
        "Neg": _of(1, np.negative),
        "Abs": _of(1, np.abs),
        "Sqrt": _of(1, np.sqrt),
        "Reciprocal": _of(1, np.reciprocal),
        "Floor": _of(1, np.floor),
        "Ceil": _of(1, np.ceil),
    }
)
"""Operator -> what computes it, each number by itself; the same for what is known beforehand."""

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        **CALCULATIONS,
        "Gemm": gemm,
        "MatMul": matmul,
        "PRelu": prelu_,
        "Cast": cast,
    }
)
"""Operator -> what computes it."""
