"""Sequential: layers one after the other, checked when they are put together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from textwrap import indent
from typing import TypeAlias

from numpy.typing import ArrayLike, DTypeLike

from ..definitions.arrays import Array
from ..errors import ArgumentError, ShapeError
from ..initializers import Initializer
from ..layers.base import Layer, LayerBuild
from ..scaling import Scaling
from ..steps import Shape
from .base import Network, placed, refuse_name, refuse_no_layer
from .options import refuse_too_large

Item: TypeAlias = Layer | tuple[str, Layer]


class Sequential(Network):
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
        super().__init__(
            _named(layers), input_shape=input_shape, seed=seed, dtype=dtype, scaling=scaling, class_names=class_names,
            initializer=initializer,
        )  # fmt: skip

    def before(self, name: str) -> Collection[str]:
        names = list(self._children)
        return names[: names.index(name)]

    def output_shape(self, input_shape: Shape | None = None) -> Shape:
        shape = self._given(input_shape)
        source, product = "the input", ""
        for number, (name, layer) in enumerate(self._children.items(), start=1):
            before = shape
            try:
                shape = layer.output_shape(before)
            except ShapeError as error:
                raise placed(error, name, number, source, product) from None
            refuse_too_large(shape, f"{name} (layer {number})")
            source = name
            product = "·".join(map(str, before)) if len(before) > 1 and len(shape) == 1 else ""
        return shape

    # ---- alone, as in a notebook
    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        x = self._entered(x)
        for layer in self:
            x = layer.forward(x, training)
        return x

    def backward(self, grad_output: ArrayLike) -> Array:
        raw, grad = self.remembered(grad_output)
        left: dict[int, Array] = {}
        for layer in reversed(list(self)):
            grad = self.backward_through(layer, grad, left)
        return self._left(raw, grad)

    # ---- in a program
    def lower(self, build: LayerBuild, x: int) -> int:
        x = self._lower_input(build, x)
        for name, layer in self._children.items():
            x = build.child(name, layer, x)
        return x

    def __repr__(self) -> str:
        inner = indent(",\n".join(f"({name!r}, {layer!r})" for name, layer in self._children.items()), "    ")
        return f"Sequential([\n{inner}\n]{self._ending()}"


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
        refuse_no_layer(layer, f"layer {number}")
        if name is None:
            stem = layer.stem or type(layer).__name__.lower()
            counts[stem] = counts.get(stem, 0) + 1
            name = f"{stem}{counts[stem]}"
        refuse_name(name, f"layer {number}")
        if name in named:
            raise ArgumentError(f"layer {number}: the name {name!r} is taken already; give another")
        named[name] = layer
    return named
