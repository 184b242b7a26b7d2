"""Network: what `Sequential` and `Graph` have in common. A network is itself a layer."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from numpy.typing import ArrayLike, DTypeLike

from ..arguments import as_numbers, nearest, shown
from ..definitions.arrays import Array
from ..definitions.input import scale, scale_grad_input
from ..errors import ArgumentError, ShapeError
from ..geometry import whole_number
from ..initializers import Initializer
from ..layers.base import Layer, LayerBuild
from ..layers.parameter import as_initializer
from ..limits import physical_memory
from ..random import Purpose, key
from ..scaling import Scaling
from ..steps import Shape
from .together import refuse_deep, refuse_networks, refuse_twice


class NetworkOptions(TypedDict, total=False):
    """What functions that make a network pass on to it."""

    seed: int
    dtype: DTypeLike
    scaling: Scaling | None
    class_names: Sequence[str]
    initializer: Initializer | None


class Network(Layer):
    """Base of the networks: layers by name, which can be trained where there is an `input_shape`.

    Parameters
    ----------
    children : mapping of str to Layer
        In the order in which data flows.
    input_shape, seed, dtype, scaling, class_names, initializer
        As in `Sequential`.
    """

    stem = "block"

    def __init__(
        self,
        children: Mapping[str, Layer],
        *,
        input_shape: Sequence[int] | None,
        seed: int,
        dtype: DTypeLike,
        scaling: Scaling | None,
        class_names: Sequence[str],
        initializer: Initializer | None,
    ):
        super().__init__()
        self._children = dict(children)
        refuse_deep(self)
        refuse_twice(self)
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
        refuse_networks(self)
        if self.scaling.channels not in (1, input_shape[0]):
            raise ArgumentError(
                f"scaling: has numbers for {self.scaling.channels} channels, but input_shape has {input_shape[0]}"
            )
        key(self.seed, Purpose.INITIALIZE)  # refuses a bad seed now rather than at the first look at a weight
        _refuse_other_number(self.class_names, self.output_shape(input_shape))
        self.input_shape = input_shape
        self.cast(dtype)
        _place(self, self.seed)

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
            If there is no such path, and the message suggests the nearest name; or if it is that of a join.
        """
        if isinstance(name, int):
            return list(self._children.values())[name]
        found: Layer = self
        for number, part in enumerate(parts := name.split(".")):
            if number and not found.children():
                path = ".".join(parts[:number])
                raise ArgumentError(f"no layer {shown(name)}: {path} holds no layers; write {path!r}")
            if part not in found.children() and isinstance(found, Network) and part in found.names():
                raise ArgumentError(f"{'.'.join(parts[: number + 1])!r} is a join, which has no parameters")
            if part not in found.children():
                hint = nearest(name, (path for path, _ in self.walk() if path.count(".") == name.count("."))) or "."
                raise ArgumentError(f"no layer {shown(name)}{hint} There are {', '.join(found.children()) or 'none'}")
            found = found.children()[part]
        return found

    def __setitem__(self, name: str | int, layer: Layer) -> None:
        """Put another layer in the place of the one at a path or position, such as a last one for other classes.

        It draws its weights as it would have done at the beginning, from the network's seed and its path; the others
        keep theirs. `class_names` are forgotten where there are more or fewer outputs than names.

        Raises
        ------
        ArgumentError, ShapeError
            If there is no such layer, or another one cannot stand there; the network is then as it was.
        """
        path = list(self._children)[name] if isinstance(name, int) else name
        refuse_no_layer(layer, path)
        before, (above, _, last) = self[path], path.rpartition(".")
        holder = self[above] if above else self
        if not isinstance(holder, Network):
            what = f"{above} is a {type(holder).__name__}, of which no part can be exchanged"
            raise ArgumentError(f"{path}: {what}: put another in the place of {above} itself")
        holder.exchange(last, layer)
        try:
            shape = self._checked()
        except (ArgumentError, ShapeError):
            holder.exchange(last, before)
            raise
        layer.cast(self.dtype)
        _place(layer, self.seed, path)
        if len(shape) == 1 and len(self.class_names) != shape[0]:
            self.class_names = ()

    def exchange(self, name: str, layer: Layer) -> None:
        """Let another layer be the child of a name; nothing is checked."""
        self._children[name] = layer

    def _checked(self) -> Shape:
        """Return the output's shape, () without an input_shape; refuse layers that cannot stand together."""
        refuse_deep(self)
        refuse_twice(self)
        if self.input_shape is None:
            return ()
        refuse_networks(self)
        return self.output_shape()

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._children.values())

    def names(self) -> Collection[str]:
        """Return the names of all that stands in it: its layers, and the joins of a graph."""
        return self._children

    def before(self, name: str) -> Collection[str]:
        """Return the names of the layers whose outputs lead to `name`, one of its own `names`."""
        raise NotImplementedError(f"{type(self).__name__} does not say what comes before")

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
        raise NotImplementedError(f"{type(self).__name__} does not say its output_shape")

    def _given(self, input_shape: Shape | None) -> Shape:
        """Return the shape given, or else the network's own."""
        shape = input_shape if input_shape is not None else self.input_shape
        if shape is None:
            raise ArgumentError(f"output_shape needs an input_shape: this {type(self).__name__} was made without one")
        return shape

    # ---- its input, which is scaled where the network is the outermost
    def _entered(self, x: ArrayLike) -> Array:
        """Return a batch as the first layers are to have it; what `_left` needs of it is remembered."""
        self._cache = raw = as_numbers(x, type(self).__name__)
        x = self.accept(raw)
        if self.input_shape is None:
            return x
        return scale(raw, mean=self.scaling.means, std=self.scaling.deviations, dtype=str(self._dtype))

    def _left(self, raw: Any, grad: Array) -> Array:
        """Return ∂L/∂input for the gradient of what `_entered` gave, and for what it remembered."""
        return grad if self.input_shape is None else scale_grad_input(raw, grad, std=self.scaling.deviations)

    def _lower_input(self, build: LayerBuild, x: int) -> int:
        """Return the value that the first layers read: x, scaled and augmented where the network is the outermost."""
        if self.input_shape is None:
            return x
        scaled = build.activation(build.shape(x), "scaled")
        build.step("scale", [x], [scaled], mean=self.scaling.means, std=self.scaling.deviations, dtype=str(self._dtype))
        return build.augmented(scaled, self.scaling.means, self.scaling.deviations)

    def _ending(self) -> str:
        """Return how the network's text ends."""
        return ")" if self.input_shape is None else f", input_shape={self.input_shape})"


def refuse_name(name: object, where: str) -> None:
    """Refuse what cannot be the name of a layer of a network."""
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        raise ArgumentError(f"{where}: expected a name of letters, digits and _, received {name!r}")
    if name == "input":
        raise ArgumentError(f"{where}: the name 'input' means what the network is given; choose another")


def refuse_no_layer(layer: object, where: str) -> None:
    """Refuse what is no layer."""
    if not isinstance(layer, Layer):
        hint = f"; write {layer.__name__}(…), an object, not the class" if isinstance(layer, type) else ""
        raise ArgumentError(f"{where}: expected a layer or (name, layer), received {layer!r}{hint}")


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
    refuse_too_large(shape, "input_shape")
    return shape


def refuse_too_large(shape: Shape, where: str) -> None:
    """Refuse the shape of one sample that would not fit into memory, before anybody makes an array of it."""
    needed = math.prod(shape) * 4
    if needed > physical_memory():
        raise ShapeError(
            f"a single output {shape} would need {needed:,} bytes, and this machine has {physical_memory():,}",
            where=where,
        )


def _place(layer: Layer, seed: int, path: str = "") -> None:
    """Tell a layer, and all that it holds, a network's seed and where in it they stand."""
    for name, parameter in layer.parameters().items():
        parameter.place(seed, f"{path}.{name}" if path else name)
    for where, each in layer.walk(path):
        each.place(seed, where)


def placed(error: ShapeError, name: str, number: int, source: str, product: str) -> ShapeError:
    """Return the error with this layer's place put before those inside it."""
    if not error.where:
        return error.at(f"{name} (layer {number})", source, product)
    where = f"{name}.{error.where}"  # it came from a layer inside this one
    return error.at(where, source, product) if error.source == "the input" else error.at(where, error.source)
