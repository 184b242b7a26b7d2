"""A layer of the user's own: its step calls the layer's ``forward`` and ``backward`` with the whole batch."""

from __future__ import annotations

from typing import Protocol

from .arrays import Array


class _Parameter(Protocol):
    grad: Array | None


class _Layer(Protocol):
    def forward(self, x: Array, training: bool = False) -> Array: ...
    def backward(self, grad_output: Array) -> Array: ...
    def parameters(self) -> dict[str, _Parameter]: ...


def custom(x: Array, *parameters: Array, layer: _Layer, training: bool) -> Array:
    """``y = layer.forward(x)``. The parameters are the layer's own arrays: it reads them itself."""
    return layer.forward(x, training)


def custom_grad(grad_output: Array, *, layer: _Layer) -> tuple[Array | None, ...]:
    """Return what ``layer.backward`` gives for the input, and leaves as each parameter's grad."""
    grad_input = layer.backward(grad_output)
    return grad_input, *(parameter.grad for parameter in layer.parameters().values())
