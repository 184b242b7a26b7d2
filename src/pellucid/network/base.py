"""Network: what `Sequential` and `Graph` have in common. A network is itself a layer."""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypedDict
from weakref import WeakSet

from numpy.typing import ArrayLike, DTypeLike

from ..arguments import as_numbers, nearest, shown
from ..definitions.arrays import Array
from ..definitions.input import scale, scale_grad_input
from ..errors import ArgumentError, ShapeError
from ..initializers import Initializer
from ..layers.base import Layer, LayerBuild
from ..layers.join import Join
from ..layers.parameter import as_initializer
from ..random import Purpose, key
from ..scaling import Scaling
from ..steps import Shape
from .options import checked_scaling, checked_shape, refuse_other_number
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
        self.scaling = checked_scaling(scaling)
        self.class_names = tuple(str(name) for name in class_names)
        self.seed = seed
        self._initializer = None if initializer is None else as_initializer(initializer)
        self._around: WeakSet[Network] = WeakSet()
        if input_shape is not None:
            self._become_network(checked_shape(input_shape), dtype)
        self._let_draw(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_around"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state, _around=WeakSet())
        self._surround()

    def _become_network(self, input_shape: Shape, dtype: DTypeLike) -> None:
        refuse_networks(self)
        if self.scaling.channels not in (1, input_shape[0]):
            raise ArgumentError(
                f"scaling: has numbers for {self.scaling.channels} channels, but input_shape has {input_shape[0]}"
            )
        key(self.seed, Purpose.INITIALIZE)  # refuses a bad seed now rather than at the first look at a weight
        refuse_other_number(self.class_names, self.output_shape(input_shape))
        self.input_shape = input_shape
        self.cast(dtype)
        _place(self, self.seed)
        self._surround()

    def _surround(self) -> None:
        """Let the networks inside know that they stand in this one, if it is one that can be trained."""
        if self.input_shape is not None:
            for _, layer in self.walk():
                if isinstance(layer, Network) and layer is not self:
                    layer._around.add(self)

    def _let_draw(self, layer: Layer) -> None:
        """Let the network's initialiser, if it has one, draw the weights of a layer."""
        if self._initializer is not None:
            for parameter in layer.parameters().values():
                parameter.use(self._initializer)

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
            If there is no such path, and the message suggests the nearest name; or no such position; or if it is that
            of a join.
        """
        name = self._path(name)
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

    def _path(self, at: object) -> str:
        """Return a path as it is, and the name of the layer at a position; refuse all else."""
        if isinstance(at, str):
            return at
        try:
            position = operator.index(at)  # type: ignore[arg-type]
        except TypeError:
            position = None
        if position is None or isinstance(at, bool):
            expected = "a name, a path such as 'block1.conv2', or a position"
            raise ArgumentError(f"network[…]: expected {expected}, received {shown(at)}")
        if not -len(self) <= position < len(self):
            raise ArgumentError(f"network[{position}]: there are {len(self)} layers, 0 to {len(self) - 1}")
        return list(self._children)[position]

    def __setitem__(self, name: str | int, layer: Layer) -> None:
        """Put another layer in the place of the one at a path or position, such as a last one for other classes.

        It draws its weights as it would have done at the beginning, from the network's seed and initialiser and its
        path; values that it has already stay, and so do those of all other layers. `class_names` are forgotten where
        there are more or fewer outputs than names. What stands in a network inside another is exchanged in the
        outermost, ``network["block1.conv2"] = …``, which checks all shapes.

        Raises
        ------
        ArgumentError, ShapeError
            If there is no such layer, or another one cannot stand there; the network is then as it was.
        """
        path = self._path(name)
        self._refuse_within(path)
        refuse_other(self, layer, path)
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
        self._surround()
        around = [each for place, each in self.walk() if not place or path.startswith(f"{place}.")]
        for network in reversed(around):  # the innermost first, as when they were made
            if isinstance(network, Network):
                network._let_draw(layer)
        if len(shape) == 1 and len(self.class_names) != shape[0]:
            self.class_names = ()

    def _refuse_within(self, path: str) -> None:
        """Refuse an exchange in a network that stands inside another, whose shapes and paths would not be looked at."""
        for network in self._around:
            for place, layer in network.walk():
                if layer is self:
                    raise ArgumentError(
                        f"{path}: this {type(self).__name__} stands inside a network, as {place}: exchange the layer "
                        f"there, with network['{place}.{path}'] = …"
                    )

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


def refuse_no_layer(layer: object, where: str, expected: str = "a layer or (name, layer)") -> None:
    """Refuse what is no layer."""
    if not isinstance(layer, Layer):
        hint = f"; write {layer.__name__}(…), an object, not the class" if isinstance(layer, type) else ""
        raise ArgumentError(f"{where}: expected {expected}, received {layer!r}{hint}")


def refuse_other(network: Network, layer: object, path: str) -> None:
    """Refuse what cannot be put in the place of a network's layer: no layer, a join, or the network itself."""
    above, _, last = path.rpartition(".")
    holder = network[above] if above else network
    if isinstance(layer, Join) or (isinstance(holder, Network) and last in {*holder.names()} - {*holder.children()}):
        raise ArgumentError(f"{path}: a join cannot be exchanged; make a Graph from its nodes: Graph({{**it.nodes}})")
    refuse_no_layer(layer, path, "a layer")
    for place, each in layer.walk() if isinstance(layer, Layer) else ():
        if each is network:
            what = f"holds the network itself, as {place}" if place else "is the network itself"
            raise ArgumentError(f"{path}: what is put there {what}; make another one")


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
