"""Where several values of a `Graph` become one: Add, Multiply, Concat.

A join is no layer, for a layer reads one value. It stands in a graph only, has no parameters, and is used alone as a
layer is: ``forward`` takes the values, ``backward`` returns a gradient for each of them. There are no others than these
three: what a program does with a join is known for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate, pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import as_numbers
from ..definitions.arrays import Array
from ..definitions.pointwise import (
    add,
    broadcast,
    broadcast_grad_input,
    concat,
    concat_grad_input,
    multiply,
    multiply_grad_input,
)
from ..errors import ShapeError, StateError
from ..steps import Build, Shape


class Join:
    """Base of the joins, which are `JOINS`; a graph takes no others."""

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
                f"received {_listed([array.shape for array in arrays])}"
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


class _OfEqualShapes(Join):
    """Number by number; a value that has 1 along an axis is repeated along it, as often as the others are long."""

    kind: ClassVar[str]

    def output_shape(self, *input_shapes: Shape) -> Shape:
        _refuse_fewer(self, input_shapes)
        whole = input_shapes[0]
        for shape in input_shapes[1:]:
            if len(shape) != len(whole) or any(a != b and 1 not in (a, b) for a, b in zip(shape, whole, strict=True)):
                raise ShapeError(
                    f"expects values of one shape, or with 1 where another is longer, received {_listed(input_shapes)}"
                )
            whole = tuple(b if a == 1 else a for a, b in zip(shape, whole, strict=True))
        return whole

    def _repeated(self, xs: Sequence[Array]) -> list[Array]:
        shape = self.output_shape(*(x.shape[1:] for x in xs))
        return [x if x.shape[1:] == shape else broadcast(x, shape=shape) for x in xs]

    def lower(self, build: Build, xs: Sequence[int]) -> int:
        shape = self.output_shape(*map(build.shape, xs))
        repeated = []
        for x in xs:
            if build.shape(x) != shape:
                whole = build.activation(shape, "repeated")
                build.step("broadcast", [x], [whole], shape=shape)
                x = whole
            repeated.append(x)
        so_far = repeated[0]
        for x in repeated[1:]:
            y = build.activation(shape)
            build.step(self.kind, [so_far, x], [y])
            so_far = y
        return so_far


class Add(_OfEqualShapes):
    """``y = x₁ + x₂ + …``

    Notes
    -----
    Shape: values of one shape -> that shape; where a value has 1 along an axis, it is repeated along it.

    Examples
    --------
    >>> Add()([[1, 2]], [[10, 20]]).tolist()
    [[11.0, 22.0]]
    """

    stem = kind = "add"

    def _joined(self, xs: Sequence[Array]) -> Array:
        return reduce(add, self._repeated(xs))

    def gradients(self, xs: Sequence[Array], grad_output: Array) -> tuple[Array, ...]:
        return tuple(_narrowed(grad_output, x) for x in xs)


class Multiply(_OfEqualShapes):
    """``y = x₁ · x₂ · …``, number by number: a gate, as that of squeeze-and-excitation.

    Notes
    -----
    Shape: values of one shape -> that shape; where a value has 1 along an axis, it is repeated along it.

    References
    ----------
    J. Hu, L. Shen and G. Sun, "Squeeze-and-Excitation Networks", 2018.

    Examples
    --------
    >>> Multiply().output_shape((8, 14, 14), (8, 1, 1))
    (8, 14, 14)
    """

    stem = kind = "multiply"

    def _joined(self, xs: Sequence[Array]) -> Array:
        return reduce(multiply, self._repeated(xs))

    def gradients(self, xs: Sequence[Array], grad_output: Array) -> tuple[Array, ...]:
        first, *rest = self._repeated(xs)
        products = list(accumulate([first, *rest], multiply))  # x₁, x₁·x₂, …
        grads: list[Array] = []
        for factor, before in zip(reversed(rest), reversed(products[:-1]), strict=True):
            grads.append(multiply_grad_input(grad_output, before))
            grad_output = multiply_grad_input(grad_output, factor)
        return tuple(_narrowed(grad, x) for grad, x in zip((grad_output, *reversed(grads)), xs, strict=True))


class Concat(Join):
    """Values one after the other along the channels.

    Notes
    -----
    Shape: (N, C₁, …), (N, C₂, …), … of equal height and width -> (N, C₁ + C₂ + …, …); or features, likewise.

    Examples
    --------
    >>> Concat().output_shape((4, 28, 28), (6, 28, 28))
    (10, 28, 28)
    """

    stem = "concat"

    def output_shape(self, *input_shapes: Shape) -> Shape:
        _refuse_fewer(self, input_shapes)
        if any(not shape or shape[1:] != input_shapes[0][1:] for shape in input_shapes):
            raise ShapeError(f"joins channels, so height and width must be equal, but received {_listed(input_shapes)}")
        return sum(shape[0] for shape in input_shapes), *input_shapes[0][1:]

    def _joined(self, xs: Sequence[Array]) -> Array:
        return concat(*xs)

    def gradients(self, xs: Sequence[Array], grad_output: Array) -> tuple[Array, ...]:
        borders = pairwise(accumulate((x.shape[1] for x in xs), initial=0))
        return tuple(concat_grad_input(grad_output, start=start, stop=stop) for start, stop in borders)

    def lower(self, build: Build, xs: Sequence[int]) -> int:
        y = build.activation(self.output_shape(*map(build.shape, xs)))
        build.step("concat", xs, [y])
        return y


JOINS: tuple[type[Join], ...] = (Add, Multiply, Concat)
"""All that there are."""


def _as_floats(arrays: Sequence[Array]) -> list[Array]:
    """Return arrays in floating point, where no sum and no product wraps around; those that are stay as they are."""
    floats = [array.dtype for array in arrays if array.dtype.kind == "f"]
    dtype = np.result_type(np.float32, *floats)
    return [array if array.dtype.kind == "f" else array.astype(dtype) for array in arrays]


def _narrowed(grad: Array, x: Array) -> Array:
    """Return the gradient of a value from that of what it became by being repeated."""
    return grad if grad.shape == x.shape else np.asarray(broadcast_grad_input(grad, shape=x.shape[1:]))


def _refuse_fewer(join: Join, input_shapes: Sequence[Shape]) -> None:
    if len(input_shapes) < 2:
        raise ShapeError(f"{type(join).__name__} expects at least two values, received {len(input_shapes)}")


def _listed(shapes: Sequence[Shape]) -> str:
    return " and ".join(map(str, shapes))
