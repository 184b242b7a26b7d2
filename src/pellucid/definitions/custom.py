"""A layer of the user's own: its step calls the layer's ``forward`` and ``backward`` with the whole batch.

Here alone a step has memory: ``backward`` uses what the layer kept of its last ``forward``. What the layer returns is
checked, because nobody else has seen its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ShapeError, StateError
from .arrays import Array


class _Parameter(Protocol):
    shape: tuple[int, ...]
    grad: Array | None


class _Layer(Protocol):
    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]: ...
    def forward(self, x: ArrayLike, training: bool = False) -> Array: ...
    def backward(self, grad_output: ArrayLike) -> Array: ...
    def parameters(self) -> Mapping[str, _Parameter]: ...


def custom(x: Array, *parameters: Array, layer: _Layer, training: bool) -> Array:
    """``y = layer.forward(x)``. The parameters are the layer's own arrays: it reads them itself."""
    promised = (len(x), *layer.output_shape(x.shape[1:]))
    return _checked(layer.forward(x, training), promised, x, f"{type(layer).__name__}.forward")


def custom_grad(grad_output: Array, *, layer: _Layer, shape: tuple[int, ...]) -> tuple[Array, ...]:
    """Return what ``layer.backward`` gives for the input, of `shape` a sample, and leaves as each parameter's grad."""
    name = f"{type(layer).__name__}.backward"
    grad_input = _checked(layer.backward(grad_output), (len(grad_output), *shape), grad_output, name)
    grads = []
    for path, parameter in layer.parameters().items():
        if parameter.grad is None:
            raise StateError(f"{name} left no gradient for {path}: let it assign self.{path}.grad")
        grads.append(_checked(parameter.grad, parameter.shape, grad_output, f"{name}, as {path}.grad"))
    return grad_input, *grads


def _checked(result: ArrayLike, shape: tuple[int, ...], like: Array, name: str) -> Array:
    """Return what a user's method gave, in the dtype of `like`, or refuse its shape."""
    array = np.asarray(result, like.dtype)
    if array.shape != shape:
        raise ShapeError(f"{name} gave shape {array.shape}, but {shape} follows from output_shape and the input")
    return array
