"""What every layer is: Layer, and the LayerBuild that it lowers itself into.

A layer knows three things: which output shape follows from an input shape, how to compute forward and backward when
used alone, and which steps it becomes in a program. It knows nothing of losses, optimisers or the data.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..arguments import as_numbers, float_dtype
from ..definitions.arrays import Array
from ..errors import ArgumentError, ShapeError, StateError
from ..random import Purpose, key
from ..steps import Build, Shape
from .join import Join
from .parameter import Parameter, State

Held = TypeVar("Held", Parameter, State)


class LayerBuild(Build, Protocol):
    """What a layer speaks to when it lowers itself.

    `training` says whether the program is for training: dropout and batch normalisation become other steps then.
    """

    training: bool

    def parameter(self, parameter: Parameter) -> int:
        """Return the value that stands for a parameter."""

    def state(self, state: State) -> int:
        """Return the value that stands for a state."""

    def augmented(self, x: int, mean: tuple[float, ...], std: tuple[float, ...]) -> int:
        """Return the scaled images as training is to see them: x itself, unless there are augmentations."""

    def position(self) -> int:
        """Return the value that holds each sample's position in the epoch."""

    def ordinal(self) -> int:
        """Return the number of this random step: 0, 1, 2, … in the order of lowering."""

    def child(self, name: str, layer: Layer, x: int) -> int:
        """Lower a layer that this one holds under `name`, and return its output."""

    def join(self, name: str, join: Join, xs: Sequence[int]) -> int:
        """Lower what joins several values under `name`, and return its output."""


class Layer:
    """Base of all layers: arrays in, arrays out, and no memory but its parameters, its states and the last input.

    A layer of one's own defines ``output_shape``, ``forward`` and ``backward`` (and ``config``, to be saved). It
    trains inside any network: lowered, its step calls these two methods.
    """

    stem: ClassVar[str] = ""
    """The layer's name in a path, before its number: "conv" gives conv1, conv2, …; by default the class's name."""

    def __init__(self) -> None:
        self._cache: Any = None
        self._expected_grad: Shape = ()
        self._dtype = np.dtype(np.float32)

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        if isinstance(held, (Parameter, State)) and not isinstance(value, (type(held), type(None))):
            kind = type(held).__name__
            raise ArgumentError(f"{type(self).__name__}.{name} is a {kind}; its values are {name}.data: assign to that")
        super().__setattr__(name, value)

    # ---- what it is
    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one output for the shape of one input, both without the batch axis.

        Raises
        ------
        ShapeError
            If the layer cannot take such an input. This is the only place where a shape is refused.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say its output_shape")

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data, so that ``type(self)(**config)`` builds the layer anew."""
        return {}

    def children(self) -> dict[str, Layer]:
        """Return the layers that this one holds, by name."""
        return {}

    def parameters(self) -> dict[str, Parameter]:
        """Return all parameters by path: its own by name, then its children's. A shared one appears once."""
        found = self._own(Parameter)
        seen = {id(q) for q in found.values()}
        for name, child in self.children().items():
            for path, parameter in child.parameters().items():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    found[f"{name}.{path}"] = parameter
        return found

    def states(self) -> dict[str, State]:
        """Return all states by path: its own by name, then its children's."""
        found = self._own(State)
        for name, child in self.children().items():
            found |= {f"{name}.{path}": state for path, state in child.states().items()}
        return found

    def _own(self, kind: type[Held]) -> dict[str, Held]:
        """Return this layer's own parameters or states by name."""
        held = {id(each): each for each in vars(self).values() if isinstance(each, kind)}
        found = {each.name: each for each in held.values()}
        if len(found) < len(held):
            names = ", ".join(sorted(each.name for each in held.values()))
            raise ArgumentError(f"{type(self).__name__} gives one name to two of its {kind.__name__}s: {names}")
        return found

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: what inputs are converted to, and what is computed in."""
        return self._dtype

    def walk(self, path: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield this layer and all it holds, with their paths, in the order in which data flows."""
        yield path, self
        for name, child in self.children().items():
            yield from child.walk(f"{path}.{name}" if path else name)

    # ---- how it begins
    def initialize(self, seed: int = 0) -> None:
        """Begin anew: parameters take new values, from the seed and each one's path, and states their first ones."""
        key(seed, Purpose.INITIALIZE)  # refuses a bad seed now rather than at the first look at a weight
        for path, parameter in self.parameters().items():
            parameter.initialize(seed, path)
        for state in self.states().values():
            state.initialize()
        for path, layer in self.walk():
            layer.place(seed, path)

    def place(self, seed: int, path: str) -> None:
        """Learn the network's seed and this layer's path in it; layers that draw random numbers keep them."""

    def cast(self, dtype: DTypeLike) -> None:
        """Change the layer and all it holds to float32 or float64, keeping the values."""
        self._dtype = float_dtype(dtype)
        self._cache = None
        for parameter in self._own(Parameter).values():
            parameter.cast(self._dtype)
        for state in self._own(State).values():
            state.cast(self._dtype)
        for child in self.children().values():
            child.cast(self._dtype)

    # ---- alone, as in a notebook
    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        """Return the outputs for a batch of inputs, and remember what ``backward`` needs.

        Parameters
        ----------
        x : array (N, …)
            A batch; converted to the layer's dtype.
        training : bool
            Matters to Dropout and BatchNorm2d only.

        Raises
        ------
        ShapeError, DataError
            If x has a shape that the layer cannot take, or is no array of real numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def backward(self, grad_output: ArrayLike) -> Array:
        """Return ∂L/∂input for grad_output = ∂L/∂output of the last ``forward``; overwrite each parameter's grad.

        Raises
        ------
        StateError
            If there was no ``forward`` before.
        ShapeError
            If grad_output has another shape than that ``forward``'s output.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define backward")

    def backward_through(self, child: Layer, grad_output: Array, left: dict[int, Array]) -> Array:
        """Return ``child.backward(grad_output)``, for a layer that holds others.

        A parameter that several children share gets the sum of their gradients. `left`, an empty dict at the beginning
        of the layer's own ``backward``, collects what each child left.
        """
        grad_input = child.backward(grad_output)
        for parameter in child.parameters().values():
            if parameter.grad is not None:
                if id(parameter) in left:
                    parameter.grad = left[id(parameter)] + parameter.grad
                left[id(parameter)] = parameter.grad
        return grad_input

    def accept(self, x: ArrayLike) -> Array:
        """Return the batch x in the layer's dtype, or refuse its shape or dtype.

        The shape that follows for grad_output is kept, for `remembered` to hold it against.
        """
        array = as_numbers(x, type(self).__name__).astype(self._dtype, copy=False)
        if array.ndim == 0:
            raise ShapeError("expects a batch (N, …)", "a single number", where=type(self).__name__)
        try:
            self._expected_grad = (len(array), *self.output_shape(array.shape[1:]))
        except ShapeError as error:
            raise error.at(error.where or type(self).__name__, error.source) from None
        return array

    def remembered(self, grad_output: ArrayLike) -> tuple[Any, Array]:
        """Return what ``forward`` left in the cache, and grad_output in the layer's dtype, or refuse its shape."""
        if self._cache is None:
            raise StateError(f"{type(self).__name__}.backward needs a forward before it: call forward(x) first")
        grad = as_numbers(grad_output, "grad_output").astype(self._dtype, copy=False)
        if grad.shape != self._expected_grad:
            raise ShapeError(
                f"{type(self).__name__}.backward expects grad_output of the output's shape {self._expected_grad}, "
                f"received {grad.shape}"
            )
        return self._cache, grad

    # ---- in a network
    def lower(self, build: LayerBuild, x: int) -> int:
        """Add the layer's steps to a program and return the value that holds its output.

        By default one step that calls the layer's own ``forward`` (and ``backward``) with the whole batch.
        """
        _refuse_without_training(self)
        inputs = [x, *(build.parameter(q) for q in self.parameters().values())]
        y = build.activation(self.output_shape(build.shape(x)))
        build.step("custom", inputs, [y], layer=self, training=build.training)
        return y

    def __call__(self, x: ArrayLike, training: bool = False) -> Array:
        return self.forward(x, training)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.config().items())
        return f"{type(self).__name__}({arguments})"


def _refuse_without_training(layer: Layer) -> None:
    """Refuse a layer of one's own whose ``forward`` takes the batch alone."""
    try:
        inspect.signature(layer.forward).bind(None, True)
    except TypeError:
        name = type(layer).__name__
        raise ArgumentError(
            f"{name}.forward: write def forward(self, x, training=False), as a network passes both"
        ) from None
