"""Where several values of a `Graph` become one: Add, Multiply, Divide, MatMul, Concat.

A join is no layer, for a layer reads one value. It stands in a graph only, has no parameters, and is used alone as a
layer is: ``forward`` takes the values, ``backward`` returns a gradient for each of them. There are no others than
these: what a program does with a join is known for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate, pairwise
from typing import ClassVar

import numpy as np

from ..definitions.arrays import Array
from ..definitions.linear import matmul, matmul_grad_first, matmul_grad_second
from ..definitions.pointwise import (
    add,
    broadcast,
    broadcast_grad_input,
    concat,
    concat_grad_input,
    divide,
    divide_grad_first,
    divide_grad_second,
    multiply,
    multiply_grad_input,
)
from ..errors import ShapeError
from ..steps import Build, Shape
from .join import Join, listed, refuse_fewer


class _OfEqualShapes(Join):
    """Number by number; a value that has 1 along an axis is repeated along it, as often as the others are long."""

    kind: ClassVar[str]

    def output_shape(self, *input_shapes: Shape) -> Shape:
        refuse_fewer(self, input_shapes)
        whole = input_shapes[0]
        for shape in input_shapes[1:]:
            if len(shape) != len(whole) or any(a != b and 1 not in (a, b) for a, b in zip(shape, whole, strict=True)):
                raise ShapeError(
                    f"expects values of one shape, or with 1 where another is longer, received {listed(input_shapes)}"
                )
            whole = tuple(b if a == 1 else a for a, b in zip(shape, whole, strict=True))
        return whole

    def _repeated(self, xs: Sequence[Array]) -> list[Array]:
        shape = self.output_shape(*(x.shape[1:] for x in xs))
        return [x if x.shape[1:] == shape else broadcast(x, shape=shape) for x in xs]

    def lower(self, build: Build, xs: Sequence[int]) -> int:
        shape = self.output_shape(*map(build.shape, xs))
        repeated = [_lowered(build, x, shape) for x in xs]
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


class Divide(_OfEqualShapes):
    """``y = x₁ / x₂``, number by number.

    Notes
    -----
    Shape: two values of one shape -> that shape; where one has 1 along an axis, it is repeated along it. In a compiled
    network it runs in NumPy.

    Examples
    --------
    >>> Divide()([[3.0, 8.0]], [[2.0, 4.0]]).tolist()
    [[1.5, 2.0]]
    """

    stem = kind = "divide"

    def output_shape(self, *input_shapes: Shape) -> Shape:
        _refuse_others_than_two(self, input_shapes)
        return super().output_shape(*input_shapes)

    def _joined(self, xs: Sequence[Array]) -> Array:
        return divide(*self._repeated(xs))

    def gradients(self, xs: Sequence[Array], grad_output: Array) -> tuple[Array, ...]:
        first, second = self._repeated(xs)
        grads = divide_grad_first(grad_output, second), divide_grad_second(first, second, grad_output)
        return tuple(_narrowed(grad, x) for grad, x in zip(grads, xs, strict=True))


class MatMul(Join):
    """``y = x₁ · x₂``, products of matrices, which lie along the last two axes: scores and mixtures of attention.

    Notes
    -----
    Shape: (N, …, P, Q), (N, …, Q, R) -> (N, …, P, R); where one has 1 along an axis before these, it is repeated along
    it. In a compiled network it runs in NumPy.

    Examples
    --------
    >>> MatMul().output_shape((8, 49, 16), (8, 16, 49))
    (8, 49, 49)
    """

    stem = "matmul"

    def output_shape(self, *input_shapes: Shape) -> Shape:
        _refuse_others_than_two(self, input_shapes)
        first, second = input_shapes
        pairs = list(zip(first[:-2], second[:-2], strict=False))
        meet = len(first) == len(second) > 1 and first[-1] == second[-2]
        if not meet or any(a != b and 1 not in (a, b) for a, b in pairs):
            raise ShapeError(
                f"expects matrices (…, P, Q) and (…, Q, R), otherwise of one shape, received {listed(input_shapes)}"
            )
        return *(b if a == 1 else a for a, b in pairs), first[-2], second[-1]

    def _stretched(self, shapes: Sequence[Shape]) -> list[Shape]:
        before = self.output_shape(*shapes)[:-2]
        return [(*before, *shape[-2:]) for shape in shapes]

    def _repeated(self, xs: Sequence[Array]) -> list[Array]:
        shapes = self._stretched([x.shape[1:] for x in xs])
        return [x if x.shape[1:] == shape else broadcast(x, shape=shape) for x, shape in zip(xs, shapes, strict=True)]

    def _joined(self, xs: Sequence[Array]) -> Array:
        return matmul(*self._repeated(xs))

    def gradients(self, xs: Sequence[Array], grad_output: Array) -> tuple[Array, ...]:
        first, second = self._repeated(xs)
        grads = matmul_grad_first(grad_output, second), matmul_grad_second(first, grad_output)
        return tuple(_narrowed(grad, x) for grad, x in zip(grads, xs, strict=True))

    def lower(self, build: Build, xs: Sequence[int]) -> int:
        shapes = self._stretched([build.shape(x) for x in xs])
        inputs = [_lowered(build, x, shape) for x, shape in zip(xs, shapes, strict=True)]
        y = build.activation(self.output_shape(*shapes))
        build.step("matmul", inputs, [y])
        return y


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
        refuse_fewer(self, input_shapes)
        if any(not shape or shape[1:] != input_shapes[0][1:] for shape in input_shapes):
            raise ShapeError(f"joins channels, so height and width must be equal, but received {listed(input_shapes)}")
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


JOINS: tuple[type[Join], ...] = (Add, Multiply, Divide, MatMul, Concat)
"""All that there are."""


def _lowered(build: Build, x: int, shape: Shape) -> int:
    """Return a value, or what it becomes by being repeated."""
    if build.shape(x) == shape:
        return x
    whole = build.activation(shape, "repeated")
    build.step("broadcast", [x], [whole], shape=shape)
    return whole


def _refuse_others_than_two(join: Join, input_shapes: Sequence[Shape]) -> None:
    if len(input_shapes) != 2:
        raise ShapeError(f"{type(join).__name__} expects two values, received {len(input_shapes)}")


def _narrowed(grad: Array, x: Array) -> Array:
    """Return the gradient of a value from that of what it became by being repeated."""
    return grad if grad.shape == x.shape else np.asarray(broadcast_grad_input(grad, shape=x.shape[1:]))
