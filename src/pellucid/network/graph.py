"""Graph: layers that read each other's outputs in any way that has no circle, checked when they are put together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from textwrap import indent
from typing import NamedTuple, TypeAlias

from numpy.typing import ArrayLike, DTypeLike

from ..arguments import nearest, shown
from ..definitions.arrays import Array
from ..definitions.pointwise import add
from ..errors import ArgumentError, ShapeError
from ..initializers import Initializer
from ..layers.base import Layer, LayerBuild
from ..layers.join import Join
from ..layers.joins import JOINS
from ..scaling import Scaling
from ..steps import Shape
from .base import Network, refuse_name
from .options import refuse_too_large

INPUT = "input"
"""What the input is called among the sources of nodes."""


class Node(NamedTuple):
    """A layer or a join, and the names of what it reads: "input", or nodes before it."""

    does: Layer | Join
    sources: tuple[str, ...]


Nodes: TypeAlias = Mapping[str, Sequence[Layer | Join | str] | Node]


class Graph(Network):
    """Layers that read each other's outputs; with an `input_shape`, a network that can be trained.

    Parameters
    ----------
    nodes : mapping of str to (Layer, str) or (Join, str, str, …)
        Name -> the layer, and what it reads: "input", or the name of a node before it. A join, of `pellucid.joins`,
        reads several. The `nodes` of another graph are such a mapping too.
    output : str, optional
        The node whose output is the graph's; by default the last.
    input_shape, seed, dtype, scaling, class_names, initializer
        As in `Sequential`.

    Raises
    ------
    ShapeError
        If a layer does not fit what it reads; the message names both, with the numbers, and the fix.
    ArgumentError
        If a node reads what is not there before it, nobody reads a node, one layer stands at two places, or an option
        makes no sense.

    Notes
    -----
    `len`, iteration and positions are those of the layers; a join has no parameters, and is no layer.

    A value that several nodes read gets the sum of what flows back from each, the last reader's first. What the joins
    were given is remembered here and not in them, for one join may stand in two graphs.

    Examples
    --------
    >>> from pellucid import Conv2d, Flatten, Linear, ReLU, joins
    >>> network = Graph(
    ...     {
    ...         "conv1": (Conv2d(1, 4, 3, padding=1), "input"),
    ...         "conv2": (Conv2d(4, 4, 3, padding=1), "conv1"),
    ...         "sum": (joins.Add(), "conv1", "conv2"),
    ...         "relu": (ReLU(), "sum"),
    ...         "flat": (Flatten(), "relu"),
    ...         "head": (Linear(256, 10), "flat"),
    ...     },
    ...     input_shape=(1, 8, 8),
    ... )
    >>> network.output_shape()
    (10,)
    >>> network["conv2"].weight.shape
    (4, 4, 3, 3)
    """

    stem = "graph"

    def __init__(
        self,
        nodes: Nodes,
        output: str | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        scaling: Scaling | None = None,
        class_names: Sequence[str] = (),
        initializer: Initializer | None = None,
    ):
        self.nodes = _checked(nodes)
        self.output = _output(self.nodes, output)
        self._given_to: dict[str, list[Array]] = {}
        super().__init__(
            {name: node.does for name, node in self.nodes.items() if isinstance(node.does, Layer)},
            input_shape=input_shape, seed=seed, dtype=dtype, scaling=scaling, class_names=class_names,
            initializer=initializer,
        )  # fmt: skip

    def names(self) -> Collection[str]:
        return self.nodes

    def exchange(self, name: str, layer: Layer) -> None:
        super().exchange(name, layer)
        self.nodes[name] = self.nodes[name]._replace(does=layer)

    def before(self, name: str) -> Collection[str]:
        met: set[str] = set()
        waiting = [name]
        while waiting:
            sources = self.nodes[waiting.pop()].sources
            waiting += [source for source in sources if source != INPUT and source not in met]
            met.update(sources)
        return [each for each in self.children() if each in met]

    def output_shape(self, input_shape: Shape | None = None) -> Shape:
        shapes = {INPUT: self._given(input_shape)}
        for name, (does, sources) in self.nodes.items():
            try:
                shapes[name] = does.output_shape(*(shapes[source] for source in sources))
            except ShapeError as error:
                raise _placed(error, name, sources) from None
            refuse_too_large(shapes[name], name)
        return shapes[self.output]

    # ---- alone, as in a notebook
    def forward(self, x: ArrayLike, training: bool = False) -> Array:
        values = {INPUT: self._entered(x)}
        for name, (does, sources) in self.nodes.items():
            if isinstance(does, Join):
                self._given_to[name] = [values[source] for source in sources]
                values[name] = does.forward(*self._given_to[name])
            else:
                values[name] = does.forward(values[sources[0]], training)
        return values[self.output]

    def backward(self, grad_output: ArrayLike) -> Array:
        raw, grad = self.remembered(grad_output)
        grads, left = {self.output: grad}, dict[int, Array]()
        for name, (does, sources) in reversed(self.nodes.items()):
            grad = grads.pop(name)
            if isinstance(does, Join):
                back = does.gradients(self._given_to[name], grad)
            else:
                back = (self.backward_through(does, grad, left),)
            for source, contribution in zip(sources, back, strict=True):
                grads[source] = add(grads[source], contribution) if source in grads else contribution
        return self._left(raw, grads[INPUT])

    # ---- in a program
    def lower(self, build: LayerBuild, x: int) -> int:
        values = {INPUT: self._lower_input(build, x)}
        for name, (does, sources) in self.nodes.items():
            if isinstance(does, Join):
                values[name] = build.join(name, does, [values[source] for source in sources])
            else:
                values[name] = build.child(name, does, values[sources[0]])
        return values[self.output]

    def __repr__(self) -> str:
        lines = [f"{name!r}: ({', '.join([repr(does), *map(repr, sources)])})"
                 for name, (does, sources) in self.nodes.items()]  # fmt: skip
        inner = indent(",\n".join(lines), "    ")
        other = "" if self.output == list(self.nodes)[-1] else f", {self.output!r}"
        return f"Graph({{\n{inner}\n}}{other}{self._ending()}"


def _checked(nodes: Nodes) -> dict[str, Node]:
    """Return the nodes, each a layer with one source, or a join with several, all of them before it."""
    if not isinstance(nodes, Mapping) or not nodes:
        such = "{'conv1': (layer, 'input')}"
        raise ArgumentError(f"Graph: expected a dict of nodes, such as {such}, received {nodes!r}")
    checked: dict[str, Node] = {}
    for name, given in nodes.items():
        refuse_name(name, f"node {len(checked) + 1}")
        does, sources = _parts(name, given)
        for source in sources:
            if source != INPUT and source not in checked:
                raise ArgumentError(f"{name} reads {shown(source)}, {_no_source(source, checked, nodes)}")
        checked[name] = Node(does, sources)
    _refuse_joins_twice(checked)
    return checked


def _refuse_joins_twice(nodes: Mapping[str, Node]) -> None:
    """Refuse one join at two places, as `Network` does with layers."""
    places: dict[int, str] = {}
    for name, (does, _) in nodes.items():
        first = places.setdefault(id(does), name)
        if first != name and isinstance(does, Join):
            raise ArgumentError(f"{name} is the same object as {first}: make a second join")


def _parts(name: str, given: object) -> tuple[Layer | Join, tuple[str, ...]]:
    match (given.does, *given.sources) if isinstance(given, Node) else given:
        case [Layer() as layer, str(source)]:
            return layer, (source,)
        case [Join() as join, *_] if type(join) not in JOINS:
            kinds = ", ".join(each.__name__ for each in JOINS)
            hint = f"; {type(join).__name__} is none of the joins, which are {kinds} of pellucid.joins"
        case [Join() as join, *sources] if len(sources) > 1 and all(isinstance(source, str) for source in sources):
            return join, tuple(map(str, sources))
        case [Layer(), _, _, *_]:
            hint = "; a layer reads one value: several are joined first, as in (joins.Add(), 'a', 'b')"
        case [Join(), *_]:
            hint = "; a join reads at least two"
        case [type(), *_]:
            hint = "; write an object, not the class"
        case _:
            hint = ""
    raise ArgumentError(f"{name}: expected (layer, source) or (join, source, source, …), received {given!r:.200}{hint}")


def _no_source(source: str, before: Collection[str], nodes: Collection[str]) -> str:
    if source in nodes:
        return "which does not come before it: list the nodes in the order in which data flows"
    there = [INPUT, *before]
    return f"but there is no such node{nearest(source, there) or '.'} Before it are {', '.join(there)}"


def _output(nodes: Mapping[str, Node], output: str | None) -> str:
    """Return the output's name. Every other node must be read by somebody, or it would never learn."""
    if output is not None and not isinstance(output, str):
        raise ArgumentError(f"output: a Graph has one output, the name of a node; received {shown(output)}")
    if output is not None and output not in nodes:
        raise ArgumentError(f"output: there is no node {shown(output)}{nearest(str(output), nodes) or ''}")
    output = list(nodes)[-1] if output is None else output
    read = {source for node in nodes.values() for source in node.sources}
    if dead := [name for name in nodes if name not in read and name != output]:
        raise ArgumentError(f"nobody reads {', '.join(dead)}: leave out what does not lead to the output {output!r}")
    if INPUT not in read:
        raise ArgumentError("nobody reads the input")
    return output


def _placed(error: ShapeError, name: str, sources: Sequence[str]) -> ShapeError:
    """Return the error with the node's place put before those inside it."""
    source = " and ".join("the input" if source == INPUT else source for source in sources)
    if not error.where:
        return error.at(name, source)
    return error.at(f"{name}.{error.where}", source if error.source == "the input" else error.source)
