"""What every join is: it makes one value of several, in a `Graph`. Which joins there are, `joins` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import as_numbers
from ..definitions.arrays import Array
from ..errors import ShapeError, StateError
from ..steps import Build, Shape


class Join:
    """Base of the joins, which are `joins.JOINS`; a graph takes no others."""

    stem: ClassVar[str] = "join"
    """As that of a layer."""

    def __init__(self) -> None:
        self._cache: Sequence[Array] | None = None
        self._expected_grad: Shape = ()

    def output_shape(self, *input_shapes: Shape) -> Shape:
        """Return the shape of one output for the shapes of what is joined, all without the batch axis.

        Raises
        ------
        ShapeError
            If these cannot be joined.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say its output_shape")

    def forward(self, *xs: ArrayLike) -> Array:
        """Return what batches of values are together, and remember what ``backward`` needs.

        What is not in floating point is converted to float32, or to the wider dtype of what it is joined with.

        Raises
        ------
        ShapeError, DataError
            If these cannot be joined, are batches of different length, or no arrays of real numbers.
        """
        arrays = _as_floats([as_numbers(x, type(self).__name__) for x in xs])
        counts = [len(array) if array.ndim else 0 for array in arrays]
        if not all(array.ndim for array in arrays) or len(set(counts)) > 1:
            raise ShapeError(
                f"{type(self).__name__} expects batches (N, …) of equally many samples, "
                f"received {listed([array.shape for array in arrays])}"
            )
        self._expected_grad = *counts[:1], *self.output_shape(*(array.shape[1:] for array in arrays))
        self._cache = arrays
        return self._joined(arrays)

    def backward(self, grad_output: ArrayLike) -> tuple[Array, ...]:
        """Return ∂L/∂value for each of the values of the last ``forward``, in their order; grad_output is converted as
        they were.

        Raises
        ------
        StateError
            If there was no ``forward`` before.
        ShapeError
            If grad_output has another shape than that ``forward``'s output.
        """
        if self._cache is None:
            raise StateError(f"{type(self).__name__}.backward needs a forward before it: call forward(…) first")
        grad, *_ = _as_floats([as_numbers(grad_output, "grad_output"), *self._cache])
        if grad.shape != self._expected_grad:
            raise ShapeError(
                f"{type(self).__name__}.backward expects grad_output of the output's shape {self._expected_grad}, "
                f"received {grad.shape}"
            )
        return self.gradients(self._cache, grad)

    def gradients(self, xs: Sequence[Array], grad_output: Array) -> tuple[Array, ...]:
        """Return ∂L/∂x for each of the values xs that were joined; whatever ``forward`` remembers plays no part."""
        raise NotImplementedError

    def _joined(self, xs: Sequence[Array]) -> Array:
        raise NotImplementedError

    def lower(self, build: Build, xs: Sequence[int]) -> int:
        """Add the join's steps to a program and return the value that holds its output."""
        raise NotImplementedError

    def __call__(self, *xs: ArrayLike) -> Array:
        return self.forward(*xs)

    def __repr__(self) -> str:
        return f"joins.{type(self).__name__}()"


def _as_floats(arrays: Sequence[Array]) -> list[Array]:
    """Return arrays in floating point, where no sum and no product wraps around; those that are stay as they are."""
    floats = [array.dtype for array in arrays if array.dtype.kind == "f"]
    dtype = np.result_type(np.float32, *floats)
    return [array if array.dtype.kind == "f" else array.astype(dtype) for array in arrays]


def refuse_fewer(join: Join, input_shapes: Sequence[Shape]) -> None:
    """Refuse fewer than two values."""
    if len(input_shapes) < 2:
        raise ShapeError(f"{type(join).__name__} expects at least two values, received {len(input_shapes)}")


def listed(shapes: Sequence[Shape]) -> str:
    """Return shapes in a text."""
    return " and ".join(map(str, shapes))
