"""Sequential: layers one after the other, checked when they are put together. A network is itself a layer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import TypeAlias, TypedDict

from numpy.typing import ArrayLike, DTypeLike

from .arguments import as_numbers, nearest, shown
from .definitions.arrays import Array
from .definitions.input import scale, scale_grad_input
from .errors import ArgumentError, ShapeError
from .geometry import whole_number
from .initializers import Initializer
from .layers.base import Layer, LayerBuild
from .layers.parameter import as_initializer
from .limits import physical_memory
from .random import Purpose, key
from .scaling import Scaling
from .steps import Shape

Item: TypeAlias = Layer | tuple[str, Layer]


class NetworkOptions(TypedDict, total=False):
    """What functions that make a network pass on to `Sequential`."""

    seed: int
    dtype: DTypeLike
    scaling: Scaling | None
    class_names: Sequence[str]
    initializer: Initializer | None


class Sequential(Layer):
    """Layers one after the other; with an `input_shape`, a network that can be trained.

    Parameters
    ----------
    layers : sequence of Layer or (name, Layer)
        Layers without a name are called by their kind and number: conv1, relu1, pool1, conv2, …
    input_shape : tuple of int, optional
        Shape of one input, (channels, height, width) or (features,). Given to the outermost Sequential only: all
        shapes are checked here and now, and the weights are drawn from `seed` and each parameter's path.
    seed : int, default 0
        Of the initial weights.
    dtype : "float32" or "float64", default "float32"
    scaling : Scaling, default Scaling()
        What is done to images before the first layer; by default uint8 is divided by 255.
    class_names : sequence of str, default ()
        One an output. Saved with the network, and shown by predictions.
    initializer : Initializer, optional
        Draws the weights of every convolution and dense layer that has no initialiser of its own, neither from its
        constructor nor from a Sequential that it stood in before. By default HeNormal() does. It is not saved.

    Raises
    ------
    ShapeError
        If a layer does not fit the one before it; the message names both, with the numbers, and the fix.
    ArgumentError
        If what is given are no layers, two have one name or are one object, or an option makes no sense.

    Notes
    -----
    Parameters that already have values (because they were set, or looked at) keep them.

    Examples
    --------
    >>> from pellucid import Flatten, Linear
    >>> network = Sequential([Flatten(), ("head", Linear(4, 2))], input_shape=(1, 2, 2))
    >>> network.parameters()["head.weight"].shape
    (2, 4)
    """

    stem = "block"

    def __init__(
        self,
        layers: Sequence[Item],
        *,
        input_shape: Sequence[int] | None = None,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        scaling: Scaling | None = None,
        class_names: Sequence[str] = (),
        initializer: Initializer | None = None,
    ):
        super().__init__()
        self._children = _named(layers)
        _refuse_twice(self)
        self.input_shape: Shape | None = None
        self.scaling = _scaling(scaling)
        self.class_names = tuple(str(name) for name in class_names)
        self.seed = seed
        initializer = None if initializer is None else as_initializer(initializer)
        if input_shape is not None:
            self._become_network(_shape(input_shape), dtype)
        if initializer is not None:
            for parameter in self.parameters().values():
                parameter.use(initializer)

    def _become_network(self, input_shape: Shape, dtype: DTypeLike) -> None:
        for path, layer in self.walk():
            if layer is not self and isinstance(layer, Sequential) and layer.input_shape is not None:
                raise ArgumentError(f"{path} has an input_shape, but stands inside a network: leave it out there")
        if self.scaling.channels not in (1, input_shape[0]):
            raise ArgumentError(
                f"scaling: has numbers for {self.scaling.channels} channels, but input_shape has {input_shape[0]}"
            )
        key(self.seed, Purpose.INITIALIZE)  # refuses a bad seed now rather than at the first look at a weight
        _refuse_other_number(self.class_names, self.output_shape(input_shape))
        self.input_shape = input_shape
        self.cast(dtype)
        for path, parameter in self.parameters().items():
            parameter.place(self.seed, path)
        for path, layer in self.walk():
            layer.place(self.seed, path)

    def initialize(self, seed: int = 0) -> None:
        """Begin anew, as `Layer.initialize`; the seed becomes the network's."""
        super().initialize(seed)
        self.seed = seed

    # ---- what it holds
    def children(self) -> dict[str, Layer]:
        return self._children

    def __getitem__(self, name: str | int) -> Layer:
        """Return the layer at a path such as "conv1" or "block1.conv2", or at a position.

        Raises
        ------
        ArgumentError
            If there is no such path; the message suggests the nearest name.
        """
        if isinstance(name, int):
            return list(self._children.values())[name]
        found: Layer = self
        for number, part in enumerate(parts := name.split(".")):
            if number and not found.children():
                path = ".".join(parts[:number])
                raise ArgumentError(f"no layer {shown(name)}: {path} holds no layers; write {path!r}")
            if part not in found.children():
                hint = nearest(name, (path for path, _ in self.walk() if path.count(".") == name.count("."))) or "."
                raise ArgumentError(f"no layer {shown(name)}{hint} There are {', '.join(found.children()) or 'none'}")
            found = found.children()[part]
        return found

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._children.values())

    # ---- shapes
    def output_shape(self, input_shape: Shape | None = None) -> Shape:
        """Return the shape of one output; for the network's own `input_shape` if none is given.

        Raises
        ------
        ShapeError
            If a layer refuses its input; the message names the layer, its number, and what comes before it.
        ArgumentError
            If there is no input_shape, neither given nor the network's own.
        """
        shape = input_shape if input_shape is not None else self.input_shape
        if shape is None:
            raise ArgumentError("output_shape needs an input_shape: this Sequential was made without one")
        source, product = "the input", ""
        for number, (name, layer) in enumerate(self._children.items(), start=1):
            before = shape
            try:
                shape = layer.output_shape(before)
            except ShapeError as error:
                raise _placed(error, name, number, source, product) from None
            _refuse_too_large(shape, f"{name} (layer {number})")
            source = name
            product = "·".join(map(str, before)) if len(before) > 1 and len(shape) == 1 else ""
        return shape

    # ---- alone, as in a notebook
    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        self._cache = raw = as_numbers(x, type(self).__name__)
        x = self.accept(raw)
        if self.input_shape is not None:
            x = scale(raw, mean=self.scaling.means, std=self.scaling.deviations, dtype=str(self._dtype))
        for layer in self:
            x = layer.forward(x, training)
        return x

    def backward(self, grad_output: ArrayLike) -> Array:
        raw, grad = self.remembered(grad_output)
        left: dict[int, Array] = {}
        for layer in reversed(list(self)):
            grad = self.backward_through(layer, grad, left)
        return grad if self.input_shape is None else scale_grad_input(raw, grad, std=self.scaling.deviations)

    # ---- in a program
    def lower(self, build: LayerBuild, x: int) -> int:
        if self.input_shape is not None:
            scaled = build.activation(build.shape(x), "scaled")
            build.step(
                "scale", [x], [scaled], mean=self.scaling.means, std=self.scaling.deviations, dtype=str(self._dtype)
            )
            x = build.augmented(scaled, self.scaling.means, self.scaling.deviations)
        for name, layer in self._children.items():
            x = build.child(name, layer, x)
        return x

    def __repr__(self) -> str:
        inner = indent(",\n".join(f"({name!r}, {layer!r})" for name, layer in self._children.items()), "    ")
        ending = "" if self.input_shape is None else f", input_shape={self.input_shape}"
        return f"Sequential([\n{inner}\n]{ending})"


def _named(layers: Sequence[Item]) -> dict[str, Layer]:
    """Return the layers by name; those without one are called by kind and number."""
    named: dict[str, Layer] = {}
    counts: dict[str, int] = {}
    if not isinstance(layers, (list, tuple)):
        raise ArgumentError(f"Sequential: expected a list of layers, received {layers!r}")
    if not layers:
        raise ArgumentError("Sequential: expected at least one layer, received an empty list")
    for number, item in enumerate(layers, start=1):
        name, layer = item if isinstance(item, tuple) and len(item) == 2 else (None, item)
        if not isinstance(layer, Layer):
            hint = f"; write {layer.__name__}(…), an object, not the class" if isinstance(layer, type) else ""
            raise ArgumentError(f"layer {number}: expected a layer or (name, layer), received {layer!r}{hint}")
        if name is None:
            stem = layer.stem or type(layer).__name__.lower()
            counts[stem] = counts.get(stem, 0) + 1
            name = f"{stem}{counts[stem]}"
        elif not isinstance(name, str) or not re.fullmatch(r"\w+", name):
            raise ArgumentError(f"layer {number}: expected a name of letters, digits and _, received {name!r}")
        if name == "input":
            raise ArgumentError(f"layer {number}: the name 'input' means what the network is given; choose another")
        if name in named:
            raise ArgumentError(f"layer {number}: the name {name!r} is taken already; give another")
        named[name] = layer
    return named


def _scaling(scaling: Scaling | None) -> Scaling:
    if scaling is not None and not isinstance(scaling, Scaling):
        raise ArgumentError(f"scaling: expected a Scaling(mean=…, std=…), received {scaling!r}")
    return scaling if scaling is not None else Scaling()


def _refuse_other_number(class_names: Sequence[str], output_shape: Shape) -> None:
    """Refuse class names where there are more or fewer outputs."""
    if class_names and len(output_shape) == 1 and len(class_names) != output_shape[0]:
        raise ArgumentError(
            f"class_names: expected one for each of the {output_shape[0]} outputs, received {len(class_names)}"
        )


def _shape(input_shape: Sequence[int]) -> Shape:
    if not isinstance(input_shape, Sequence) or not input_shape:
        raise ArgumentError(f"input_shape: expected (channels, height, width) or (features,), received {input_shape!r}")
    shape = tuple(whole_number(size, "input_shape") for size in input_shape)
    if len(shape) not in (1, 3):
        raise ArgumentError(f"input_shape: expected (channels, height, width) or (features,), received {shape}")
    _refuse_too_large(shape, "input_shape")
    return shape


def _refuse_too_large(shape: Shape, where: str) -> None:
    """Refuse the shape of one sample that would not fit into memory, before anybody makes an array of it."""
    needed = math.prod(shape) * 4
    if needed > physical_memory():
        raise ShapeError(
            f"a single output {shape} would need {needed:,} bytes, and this machine has {physical_memory():,}",
            where=where,
        )


def _refuse_twice(network: Sequential) -> None:
    """Refuse one layer object at two places: its states and its gradient would be one place's or the other's."""
    places: dict[int, str] = {}
    for path, layer in network.walk():
        if id(layer) in places:
            first = places[id(layer)]
            sharing = f", and share its parameters if that is meant ({path}.weight = {first}.weight)"
            raise ArgumentError(
                f"{path} is the same object as {first}: make a second layer{sharing if layer.parameters() else ''}"
            )
        places[id(layer)] = path


def _placed(error: ShapeError, name: str, number: int, source: str, product: str) -> ShapeError:
    """Return the error with this layer's place put before those inside it."""
    if not error.where:
        return error.at(f"{name} (layer {number})", source, product)
    where = f"{name}.{error.where}"  # it came from a layer inside this one
    return error.at(where, source, product) if error.source == "the input" else error.at(where, error.source)
