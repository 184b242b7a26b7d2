"""From the nodes of an ONNX model to the layers of a network.

Every node that leads to the output is, in this order: part of how the input is scaled (`entry`), computed beforehand
(`folding`), or handed to the rule of its operator, which places layers and joins. A rule that cannot do it says why;
then all other nodes are tried nevertheless, so that one error names everything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import PellucidError
from ...layers import Conv2d, Join, Layer, Linear, Parameter, State, Transpose
from ...network.graph import INPUT
from ...network.options import refuse_too_large
from ...steps import Shape
from .entry import Entry
from .folding import FOLDED, Folder
from .model import Model, Node, shown
from .nodes import Constant, Given, NodeError, Part, Use, Value

Rule: TypeAlias = Callable[["Conversion", Use], "Value | Part | Sequence[Value | None]"]
"""What makes layers of a node, and returns what its outputs are."""

LONGEST_NAME = 80
OF_LAYERS = ("weight", "bias", "running_mean", "running_var")
"""How PyTorch calls what a layer holds, behind the layer's own name."""
NO_LAYER = ""
"""The reason where an operator has no rule; all nodes of such an operator are named together."""


class Placed(NamedTuple):
    """A layer or a join that stands in the network, and what it reads."""

    does: Layer | Join
    sources: tuple[Value, ...]


@dataclass
class Conversion:
    """What rules speak to: they place layers and joins, and give them their numbers.

    Attributes
    ----------
    model : Model
    rules : mapping of str to Rule
        By operator.
    entry : Entry
        Takes the nodes that scale the input, if any.
    folder : Folder
        Computes constants.
    batch : int or None
        The number of samples that the model was exported for, if it is fixed; a network takes any.
    placed : dict of str to Placed
        What will be the network, by name.
    values : dict of str to Value, Constant or Part
        What each tensor of the model is.
    numbers : list of (Parameter or State, array)
        What the parameters and states will hold.
    problems : list of (str, str, str)
        Operator, node and reason, for each node that cannot become a layer.
    """

    model: Model
    rules: Mapping[str, Rule]
    entry: Entry
    folder: Folder
    batch: int | None = None
    placed: dict[str, Placed] = field(default_factory=dict)
    values: dict[str, Given] = field(default_factory=dict)
    numbers: list[tuple[Parameter | State, NDArray[Any]]] = field(default_factory=list)
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    _shared: dict[tuple[int, int, str], tuple[Parameter, NDArray[Any]]] = field(default_factory=dict)
    _readers: Counter[str] = field(default_factory=Counter)
    _counts: Counter[str] = field(default_factory=Counter)
    _node: Node | None = None

    def run(self, output: str, x: Value) -> Given | None:
        """Convert all that leads from the input to a tensor; None if something of it cannot be converted."""
        nodes = leading_to(self.model.nodes, output)
        self._readers = Counter(name for node in nodes for name in node.inputs)
        self._readers[output] += 1
        self.values = {name: Constant(array, learnt=True) for name, array in self.model.constants.items()}
        self.values[x.names[0]] = x
        for node in nodes:
            self._convert(node)
        return self.values.get(output)

    def _convert(self, node: Node) -> None:
        """Find out what the outputs of a node are; where that cannot be, they stay unknown, and so what reads them."""
        self._node = node
        inputs = tuple(self.values.get(name) if name else None for name in node.inputs)
        unknown = any(name and each is None for name, each in zip(node.inputs, inputs, strict=True))
        use = Use(node, self.model.opset, inputs, tuple(self._readers[name] > 0 for name in node.outputs))
        try:
            if unknown:
                if node.operator not in FOLDED:
                    self._rule(node)
                return
            made = self._made(use)
        except PellucidError as error:
            self.problems.append((node.operator, node.name or node.outputs[0], str(error)))
            return
        for name, each in zip(node.outputs, made, strict=False):
            if each is not None:
                self.values[name] = each._replace(names=(*each.names, name)) if isinstance(each, Value) else each

    def _rule(self, node: Node) -> Rule:
        if node.operator not in self.rules:
            raise NodeError(NO_LAYER)
        return self.rules[node.operator]

    def _made(self, use: Use) -> Sequence[Given | None]:
        """Return what the outputs of a node are."""
        made: Sequence[Given | None]
        scaled = self.entry.accept(use, self.only_here)
        if scaled is not None:
            return (scaled,)
        folded = self.folder.fold(use)
        if folded is not None:
            made = (folded,)
        else:
            by_rule = self._rule(use.node)(self, use)
            made = (by_rule,) if isinstance(by_rule, (Value, Part)) else by_rule
        use.refuse_rest()
        if any(use.wanted[len(made) :]):
            raise NodeError(f"only the first of its outputs can be had, not {use.node.outputs[len(made) :]!r:.80}")
        return made

    # ---- what rules do
    def layer(self, layer: Layer, x: Value) -> Value:
        """Place a layer that reads a value, under the name of the node at hand, and return what it gives."""
        return self._place(layer, layer.output_shape(x.shape), (x,))

    def each_number(self, layer: Layer, x: Value, times: int = 1) -> Value:
        """Place a layer that works number by number, on what has its axes in another order before that is so: many a
        Transpose meets one that undoes it then."""
        if isinstance(turned := self.before(x, times), Transpose):
            return self.layer(Transpose(turned.axes), self.layer(layer, self.take_back(x)))
        return self.layer(layer, x)

    def join(self, join: Join, xs: Sequence[Value]) -> Value:
        """Place a join of several values, likewise."""
        return self._place(join, join.output_shape(*(x.shape for x in xs)), tuple(xs))

    def learn(self, layer: Layer, attribute: str, constant: Constant, form: Callable[[Any], Any], called: str) -> None:
        """Let a parameter of a layer begin as a constant.

        Parameters
        ----------
        layer : Layer
        attribute : str
            Of the layer, that holds the parameter.
        constant : Constant
        form : function
            Makes of the constant what the parameter holds.
        called : str
            What the function does, in a word: where two convolutions, or two Linear, have weights of one constant in
            one form, these are one parameter, and so are then biases of one constant.

        Notes
        -----
        Exporters write equal arrays once: biases of 0 and scales of 1 are one constant in layers that share nothing. So
        no vector is shared by itself, and nothing whose numbers are all the same.
        """
        parameter, array = vars(layer)[attribute], floats(constant)
        if isinstance(layer, (Conv2d, Linear)) and (array != array.flat[:1]).any():
            with_weight = 0 if attribute == "weight" else id(layer.weight)
            key = (id(array), with_weight, f"{attribute}, {called}, {parameter.shape}")
            if key in self._shared:
                setattr(layer, attribute, self._shared[key][0])
                return
            self._shared[key] = parameter, array  # kept, so that no other array gets its id
        self.hold(parameter, form(array))

    def hold(self, place: Parameter | State, array: NDArray[Any]) -> None:
        """Let a parameter or state hold an array."""
        if array.shape != place.shape:
            raise NodeError(f"{place.name}: expected the shape {place.shape}, found {array.shape}")
        if not np.isfinite(array).all():
            wrong = array.size - np.count_nonzero(np.isfinite(array))
            raise NodeError(f"{place.name}: {wrong:,} of {array.size:,} numbers are not finite")
        self.numbers.append((place, array))

    def only_here(self, x: Value, times: int = 1) -> bool:
        """Return whether a value is read so many times alone: once, by the node at hand."""
        read = [self._readers[name] for name in x.names]
        return bool(read) and read[-1] == times and all(count == 1 for count in read[:-1])

    def before(self, x: Value, times: int = 1) -> Layer | None:
        """Return the layer that gives a value which is read so many times, as `only_here` says; None if there is none
        such."""
        if x.source not in self.placed or not self.only_here(x, times):
            return None
        does = self.placed[x.source].does
        return does if isinstance(does, Layer) else None

    def held(self, parameter: Parameter | None) -> NDArray[Any] | None:
        """Return what a parameter will hold; None where that is not known."""
        return next((array for place, array in reversed(self.numbers) if place is parameter), None)

    def take_back(self, x: Value) -> Value:
        """Remove the layer that gives a value, for one that does its work as well, and return what it read."""
        return self.placed.pop(x.source).sources[0]

    def _place(self, does: Layer | Join, shape: Shape, sources: tuple[Value, ...]) -> Value:
        name = self._name(does)
        refuse_too_large(shape, name)
        self.placed[name] = Placed(does, sources)
        return Value(name, shape)

    def _called(self) -> str:
        """Return what the node at hand is called; where its exporter has numbered it, what its weights are called.

        PyTorch's present exporter names a node "node_Conv_42", and its weights "layer1.weight" and "layer1.bias".
        """
        if self._node is None:
            return ""
        if self._node.name and not self._node.name.startswith("node_"):
            return self._node.name
        weights = [name.rpartition(".") for name in self._node.inputs if name in self.model.constants]
        stems = {stem for stem, _, last in weights if last in OF_LAYERS}
        return stems.pop() if len(stems) == 1 else self._node.name

    def _name(self, does: Layer | Join) -> str:
        """Return a name for what is placed: that of the node as far as a layer can be called so, and not yet taken."""
        called = re.sub(r"\W+", "_", self._called()).strip("_")[:LONGEST_NAME]
        while True:
            self._counts[called or does.stem] += 1
            number = self._counts[called or does.stem]
            name = f"{called}_{number}" if called and number > 1 else called or f"{does.stem}{number}"
            if name not in self.placed and name != INPUT:
                return name


def floats(constant: Constant) -> NDArray[Any]:
    """Return a constant's numbers; refuse whole ones, for such weights are quantised, and the number of samples."""
    if constant.batch is not None:
        raise NodeError("computes with the number of samples, which is free")
    if constant.array.dtype.kind != "f":
        raise NodeError(f"its numbers are {constant.array.dtype}; export the model with weights in float32")
    return constant.array


def of_sample(numbers: Constant, x: Value) -> Shape:
    """Return the shape of a constant as it meets a sample; refuse one that differs by sample, or makes it larger."""
    array = floats(numbers)
    shape = array.shape
    if len(shape) == x.rank:
        if shape[0] != 1:
            raise NodeError(f"has numbers for each of {shape[0]} samples, and the number of samples is free")
        shape = shape[1:]
    try:
        fits = len(shape) <= len(x.shape) and np.broadcast_shapes(shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise NodeError(
            f"has a constant of the shape {array.shape}, to which samples {x.shape} would have to be stretched"
        )
    return shape or (1,)


def leading_to(nodes: Sequence[Node], output: str) -> list[Node]:
    """Return the nodes that a tensor depends on, in their order."""
    needed, found = {output}, []
    for node in reversed(nodes):
        if needed.intersection(node.outputs):
            needed.update(filter(None, node.inputs))
            found.append(node)
    return found[::-1]


def live(placed: Mapping[str, Placed], output: str) -> Mapping[str, Placed]:
    """Return what the output depends on: others were read by their shape alone."""
    needed: set[str] = {output}
    for name in reversed(list(placed)):
        if name in needed:
            needed.update(source.source for source in placed[name].sources)
    return {name: each for name, each in placed.items() if name in needed}


def listed(problems: Sequence[tuple[str, str, str]], most: int = 12) -> str:
    """Return what stands in the way of a conversion: operators that are not known, then nodes with the reason each."""
    unknown: dict[str, list[str]] = {}
    reasons = []
    for operator, name, reason in problems:
        if reason:
            reasons.append(f"{shown(name)} ({shown(operator)}): {reason}")
        else:
            unknown.setdefault(operator, []).append(name)
    parts = [f"there is no layer for {shown(operator)} ({_some(names)})" for operator, names in unknown.items()]
    parts += reasons
    more = [f"and {len(parts) - most:,} more"] if len(parts) > most else []
    return "; ".join(parts[:most] + more)


def _some(names: Collection[str]) -> str:
    first = ", ".join(map(shown, list(names)[:3]))
    return f"{first} and {len(names) - 3:,} more" if len(names) > 3 else first
