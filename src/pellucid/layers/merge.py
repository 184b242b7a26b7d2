"""Layers that join paths: Residual adds what a body makes to what came in, Concat lays branches side by side."""

from __future__ import annotations

from functools import reduce
from itertools import accumulate, pairwise

from numpy.typing import ArrayLike

from ..definitions.arrays import Array
from ..definitions.pointwise import add, concat, concat_grad_input
from ..errors import ArgumentError, ShapeError
from ..steps import Shape
from .base import Layer, LayerBuild


class Residual(Layer):
    """``y = body(x) + shortcut(x)``; without a shortcut ``y = body(x) + x``.

    Parameters
    ----------
    body : Layer
        Usually a Sequential.
    shortcut : Layer, optional
        A path that gives x the body's shape, such as a 1×1 convolution with the body's stride.

    Notes
    -----
    Shape: the body's and the shortcut's output, which are alike. What flows back is the sum of both paths' gradients.

    References
    ----------
    K. He et al., "Deep Residual Learning for Image Recognition", 2015.

    Examples
    --------
    >>> from pellucid import Conv2d
    >>> Residual(Conv2d(8, 16, 3, stride=2, padding=1), Conv2d(8, 16, 1, stride=2)).output_shape((8, 28, 28))
    (16, 14, 14)
    """

    stem = "residual"

    def __init__(self, body: Layer, shortcut: Layer | None = None):
        super().__init__()
        self.body, self.shortcut = _layer(body, "body"), None if shortcut is None else _layer(shortcut, "shortcut")

    def children(self) -> dict[str, Layer]:
        return {"body": self.body} if self.shortcut is None else {"body": self.body, "shortcut": self.shortcut}

    def output_shape(self, input_shape: Shape) -> Shape:
        through_body = _output_shape(self.body, "body", input_shape)
        beside = input_shape if self.shortcut is None else _output_shape(self.shortcut, "shortcut", input_shape)
        if through_body != beside:
            what = "the input" if self.shortcut is None else "the shortcut"
            raise ShapeError(
                f"adds the body's output {through_body} to {what} {beside}: these must be equal",
                fix="give a shortcut such as Conv2d(…, 1, stride=…) that makes the body's shape",
            )
        return through_body

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = True
        beside = x if self.shortcut is None else self.shortcut.forward(x, training)
        return add(self.body.forward(x, training), beside)

    def backward(self, grad_output: ArrayLike) -> Array:
        _, grad_output = self.remembered(grad_output)
        left: dict[int, Array] = {}
        beside = grad_output if self.shortcut is None else self.backward_through(self.shortcut, grad_output, left)
        return add(self.backward_through(self.body, grad_output, left), beside)

    def lower(self, build: LayerBuild, x: int) -> int:
        through_body = build.child("body", self.body, x)
        beside = x if self.shortcut is None else build.child("shortcut", self.shortcut, x)
        y = build.activation(build.shape(through_body))
        build.step("add", [through_body, beside], [y])
        return y

    def __repr__(self) -> str:
        return f"Residual({self.body!r})" if self.shortcut is None else f"Residual({self.body!r}, {self.shortcut!r})"


class Concat(Layer):
    """The outputs of several branches on one input, one after the other along the channels.

    Parameters
    ----------
    *branches : Layer
        All must give the same height and width.

    Notes
    -----
    Shape: (N, C, …) -> (N, C₁ + C₂ + …, OH, OW), where branch i gives (N, Cᵢ, OH, OW); or features, likewise.

    References
    ----------
    C. Szegedy et al., "Going Deeper with Convolutions", 2015.

    Examples
    --------
    >>> from pellucid import Conv2d
    >>> Concat(Conv2d(8, 4, 1), Conv2d(8, 6, 3, padding=1)).output_shape((8, 28, 28))
    (10, 28, 28)
    """

    stem = "concat"

    def __init__(self, *branches: Layer):
        super().__init__()
        if not branches:
            raise ArgumentError("Concat: expected at least one branch, received none; in a Graph write joins.Concat()")
        self.branches = tuple(_layer(branch, f"branch {i}") for i, branch in enumerate(branches, start=1))

    def children(self) -> dict[str, Layer]:
        return {f"branch{i}": branch for i, branch in enumerate(self.branches, start=1)}

    def output_shape(self, input_shape: Shape) -> Shape:
        shapes = [_output_shape(branch, name, input_shape) for name, branch in self.children().items()]
        if any(not shape or shape[1:] != shapes[0][1:] for shape in shapes):
            listed = ", ".join(f"branch{i} gives {shape}" for i, shape in enumerate(shapes, start=1))
            raise ShapeError(f"joins channels, so height and width must be equal, but {listed}")
        return sum(shape[0] for shape in shapes), *shapes[0][1:]

    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        x = self.accept(x)
        parts = [branch.forward(x, training) for branch in self.branches]
        self._cache = list(pairwise(accumulate((part.shape[1] for part in parts), initial=0)))
        return concat(*parts)

    def backward(self, grad_output: ArrayLike) -> Array:
        channels, grad_output = self.remembered(grad_output)
        left: dict[int, Array] = {}
        grads = []
        for branch, (start, stop) in reversed(list(zip(self.branches, channels, strict=True))):
            part = concat_grad_input(grad_output, start=start, stop=stop)
            grads.append(self.backward_through(branch, part, left))
        return reduce(add, grads)  # the last branch's first, as in a program, which walks its steps in reverse

    def lower(self, build: LayerBuild, x: int) -> int:
        parts = [build.child(name, branch, x) for name, branch in self.children().items()]
        shapes = [build.shape(part) for part in parts]
        y = build.activation((sum(shape[0] for shape in shapes), *shapes[0][1:]))
        build.step("concat", parts, [y])
        return y

    def __repr__(self) -> str:
        return f"Concat({', '.join(map(repr, self.branches))})"


def _layer(value: object, name: str) -> Layer:
    if not isinstance(value, Layer):
        several = isinstance(value, (list, tuple)) and all(isinstance(each, Layer) for each in value)
        fix = "; of several in a row write Sequential([…])" if several else ""
        raise ArgumentError(f"{name}: expected a layer, received {value!r}{fix}")
    return value


def _output_shape(child: Layer, name: str, input_shape: Shape) -> Shape:
    """Return the child's output shape; an error says which child refused."""
    try:
        return child.output_shape(input_shape)
    except ShapeError as error:
        raise error.at(f"{name}.{error.where}" if error.where else name, error.source) from None
