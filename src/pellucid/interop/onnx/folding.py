"""What of a model can be computed before any sample is seen: constants of constants, and shapes.

Exporters write the shape of a tensor as nodes: its size along an axis, a product, a list of sizes for a Reshape. The
number of samples among these sizes is not known and never will be; which numbers it is, is carried along by the
operators that only move numbers, and refused by those that compute with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...limits import MIB
from .evaluation_arithmetic import CALCULATIONS
from .evaluation_shapes import reduce_prod
from .nodes import Constant, NodeError, Operation, Use, Value
from .tensors import KINDS

Numbers: TypeAlias = NDArray[Any]
Mover: TypeAlias = Callable[[Use, Sequence[Numbers]], Numbers]

WRONG = (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError)
"""What NumPy raises where numbers do not fit an operator."""


class Folder:
    """Computes constants, as many bytes of them as a model of some size may need.

    Parameters
    ----------
    model_bytes : int
        Size of the model's weights, to which what is computed is held in proportion: otherwise a hundred nodes that
        double something would fill any memory.
    """

    def __init__(self, model_bytes: int):
        self.left = 4 * model_bytes + 16 * MIB

    def fold(self, use: Use) -> Constant | None:
        """Return what a node makes; None if it depends on samples, or is of no operator that is computed here.

        Raises
        ------
        NodeError
            If it cannot be computed.
        """
        operator = use.node.operator
        if operator == "Constant":
            return Constant(constant(use))
        given = [each for each in use.all_inputs() if each is not None]
        if operator == "Shape" and given and isinstance(given[0], Value):
            return _shape(use)
        if not all(isinstance(each, Constant) for each in given) or operator not in FOLDED:
            return None
        constants = [each for place in range(len(use.node.inputs)) if isinstance(each := use.input(place), Constant)]
        try:
            with np.errstate(all="ignore"):
                made = self._computed(use, constants)
        except WRONG as error:
            raise NodeError(f"cannot be computed beforehand ({error!s:.100})") from None
        return made

    def _computed(self, use: Use, constants: Sequence[Constant]) -> Constant:
        learnt = any(each.learnt for each in constants)
        arrays = [each.array for each in constants]
        self._take(use, arrays)
        if use.node.operator in COMPUTERS:
            if any(each.batch is not None for each in constants):
                raise NodeError("computes with the number of samples, which is free")
            return Constant(np.asarray(COMPUTERS[use.node.operator](use, arrays)), None, learnt)
        mover, moved = MOVERS[use.node.operator]
        array = np.asarray(mover(use, arrays[:moved]))
        masks = [np.zeros(each.array.shape, bool) if each.batch is None else each.batch for each in constants[:moved]]
        batch = np.asarray(mover(use, masks)).astype(bool) if any(mask.any() for mask in masks) else None
        return Constant(array, batch if batch is not None and batch.any() else None, learnt)

    def _take(self, use: Use, arrays: Sequence[Numbers]) -> None:
        """Refuse what would take more bytes than are left, before it is made."""
        self.left -= 8 * SIZES.get(use.node.operator, _sum)(arrays)
        if self.left < 0:
            raise NodeError("computes more constants than a model of this size can need")


# ---- how many numbers an operator makes at most
def _sum(arrays: Sequence[Numbers]) -> int:
    return sum(array.size for array in arrays)


def _stretched(arrays: Sequence[Numbers]) -> int:
    return math.prod(np.broadcast_shapes(*(array.shape for array in arrays)))


def _gathered(arrays: Sequence[Numbers]) -> int:
    return arrays[0].size * max(1, arrays[1].size)


def _asked(arrays: Sequence[Numbers]) -> int:
    """The shape that the last input asks for, stretched to by the first."""
    return math.prod(max(1, int(size)) for size in arrays[-1].ravel()) * max(1, arrays[0].size)


# ---- operators that move numbers
def _gather(use: Use, moved: Sequence[Numbers]) -> Numbers:
    indices = use.constant(1, "indices").array
    (data,) = moved
    axis = use.axis(use.whole("axis", 0), data.ndim)
    return np.take(data, indices, axis)  # which refuses what lies outside


def _slice(use: Use, moved: Sequence[Numbers]) -> Numbers:
    (data,) = moved
    index = [slice(None)] * data.ndim
    for axis, start, stop, step in slices(use, data.ndim):
        end = None if step < 0 and stop < -data.shape[axis] else stop
        index[axis] = slice(start, end, step)
    return data[tuple(index)]


def slices(use: Use, rank: int) -> list[tuple[int, int, int, int]]:
    """Return (axis, start, stop, step) for each axis that a Slice cuts."""
    starts, stops = use.listed("starts", 10, 1), use.listed("ends", 10, 2)
    axes, steps = use.listed("axes", 10, 3), use.numbers(4, "steps") if use.opset >= 10 else None
    if starts is None or stops is None:
        raise NodeError("starts or ends are left out")
    axes = tuple(range(len(starts))) if axes is None else tuple(use.axis(axis, rank) for axis in axes)
    steps = (1,) * len(starts) if steps is None else steps
    if not len(starts) == len(stops) == len(axes) == len(steps) == len(set(axes)):
        raise NodeError("expected one start, end and step for each axis")
    return list(zip(axes, starts, stops, steps, strict=True))


def _concat(use: Use, moved: Sequence[Numbers]) -> Numbers:
    return np.concatenate(moved, use.axis(use.whole("axis"), moved[0].ndim))


def _squeeze(use: Use, moved: Sequence[Numbers]) -> Numbers:
    axes = use.listed("axes", 13, 1)
    return np.squeeze(moved[0], None if axes is None else tuple(axes))


def _unsqueeze(use: Use, moved: Sequence[Numbers]) -> Numbers:
    axes = use.listed("axes", 13, 1)
    if axes is None:
        raise NodeError("axes are left out")
    return np.expand_dims(moved[0], tuple(axes))


def _reshape(use: Use, moved: Sequence[Numbers]) -> Numbers:
    sizes, (data,) = use.numbers(1, "shape") or (), moved
    copies = not use.switch("allowzero")
    return data.reshape([data.shape[place] if size == 0 and copies else size for place, size in enumerate(sizes)])


def _transpose(use: Use, moved: Sequence[Numbers]) -> Numbers:
    return moved[0].transpose(use.wholes("perm"))


def _cast(use: Use, moved: Sequence[Numbers]) -> Numbers:
    use.switch("saturate", True)
    kind = KINDS.get(use.whole("to"))
    if kind is None:
        raise NodeError("casts to a type of which there are no constants here")
    short = kind.name in ("float16", "bfloat16")  # which are float32 here
    return moved[0].astype("float32" if short else kind.name, copy=False)


def _same(use: Use, moved: Sequence[Numbers]) -> Numbers:
    return moved[0]


MOVERS: Mapping[str, tuple[Mover, int | None]] = MappingProxyType(
    {
        "Identity": (_same, 1),
        "Cast": (_cast, 1),
        "Gather": (_gather, 1),
        "Slice": (_slice, 1),
        "Concat": (_concat, None),
        "Squeeze": (_squeeze, 1),
        "Unsqueeze": (_unsqueeze, 1),
        "Reshape": (_reshape, 1),
        "Transpose": (_transpose, 1),
    }
)
"""Operator -> what it does, and how many of its inputs are moved; None for all."""


# ---- operators that compute
def _expand(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    sizes = use.numbers(1, "shape") or ()
    return np.broadcast_to(arrays[0], np.broadcast_shapes(arrays[0].shape, sizes))


def _constant_of_shape(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    value = use.array("value")
    number = np.zeros(1, np.float32) if value is None else value.ravel()
    return np.broadcast_to(number, use.numbers(0, "shape") or ())


def _shape_of_constant(use: Use, arrays: Sequence[Numbers]) -> Numbers:
    shape = np.array(arrays[0].shape, np.int64)
    return shape[slice(use.whole("start", 0), use.whole("end", len(shape)))]


COMPUTERS: Mapping[str, Operation] = MappingProxyType(
    {
        "Shape": _shape_of_constant,
        **CALCULATIONS,
        "Expand": _expand,
        "ConstantOfShape": _constant_of_shape,
        "ReduceProd": reduce_prod,
    }
)

FOLDED = frozenset({"Constant", "Shape", *MOVERS, *COMPUTERS})
"""All operators that are computed beforehand where their inputs are constants."""

SIZES: Mapping[str, Callable[[Sequence[Numbers]], int]] = MappingProxyType(
    {
        **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Sum", "Min", "Max", "Equal", "Where"), _stretched),
        "Gather": _gathered,
        "Expand": _asked,
        "ConstantOfShape": lambda arrays: math.prod(max(0, int(size)) for size in arrays[0].ravel()),
    }
)
"""Operators that may make more numbers than they are given -> how many at most."""


# ---- where constants come from
def constant(use: Use) -> Numbers:
    """Return the numbers that a Constant holds in one of its attributes."""
    match list(use.given().items()):
        case [("value", np.ndarray() as array)]:
            return array
        case [("value_float" | "value_floats", float() | tuple() as numbers)]:
            return np.asarray(numbers, np.float32)
        case [("value_int" | "value_ints", int() | tuple() as numbers)]:
            return np.asarray(numbers, np.int64)
    raise NodeError("expected numbers in one attribute")


def _shape(use: Use) -> Constant:
    """Return the shape of a value; the first of its sizes is the number of samples."""
    shape = use.value().shape
    part = slice(use.whole("start", 0), use.whole("end", len(shape) + 1))
    sizes, batch = np.array([0, *shape], np.int64)[part], np.array([True, *(False for _ in shape)])[part]
    return Constant(sizes, batch if batch.any() else None)
