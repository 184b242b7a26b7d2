"""An ONNX model as plain data: what onnx parses, checked, without anything of onnx's in it.

Nothing is computed here and no operator known: that every name that is read was made before, once, is all that is
checked of the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from ...errors import printable
from ...limits import Limits
from ...serialization.tensor_file import problem
from .package import onnx_package
from .tensors import KINDS, Outside, Tensors
from .wire import DAMAGED, check_fields

Attribute: TypeAlias = int | float | str | NDArray[Any] | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | None
"""The value of an attribute; None for graphs, and whatever else no operator here takes."""

LARGEST = 2**31 - 1
"""Bytes of the largest file: protocol buffers are no longer."""

OLDEST_OPSET, NEWEST_OPSET = 6, 28
"""Versions of the operators that the rules know."""

DOMAINS = ("", "ai.onnx")
"""What the set of ONNX's own operators is called."""


class Node(NamedTuple):
    """One operator of the graph, between tensors known by name; an input or output that is left out is "".

    Operators that are not ONNX's own have their domain before them: "com.microsoft.FusedConv".
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


class Input(NamedTuple):
    """What the graph is given: type of the numbers, and shape with the batch axis, where sizes may be open (None)."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Model:
    """A model whose parts fit together.

    Attributes
    ----------
    path : str
        What to call it in messages.
    opset : int
        Version of the operators.
    nodes : sequence of Node
        In an order in which they can be computed.
    constants : dict of str to array
        The arrays that come with the model: its weights.
    inputs : sequence of Input
    outputs : sequence of str
    metadata : mapping of str to str
    """

    path: str
    opset: int
    nodes: Sequence[Node]
    constants: dict[str, NDArray[Any]]
    inputs: Sequence[Input]
    outputs: Sequence[str]
    metadata: Mapping[str, str]


def decode(content: bytes, path: str, limits: Limits, outside: Outside, short: bool = False) -> Model:
    """Return what the bytes of an ONNX file hold.

    Parameters
    ----------
    content : bytes
    path : str
        What to call the file in messages.
    limits : Limits
        What sizes are believed.
    outside : Outside
        Reads the weights that lie in other files.
    short : bool, default False
        Whether numbers in float16 stay what they are, rather than becoming float32.

    Raises
    ------
    MissingExtraError
        If onnx is not installed.
    ModelFileError
        If it is no such file, damaged, or of a version that is not known.
    """
    parsed = _parsed(content, path, limits)
    del content  # which, where the caller keeps it not, is let go before its arrays are made
    return _Reader(path, Tensors(path, limits, outside, short)).model(parsed)


def _parsed(content: bytes, path: str, limits: Limits) -> Any:
    """Return the model as onnx has it."""
    onnx = onnx_package()
    model = onnx.ModelProto()
    check_fields(content, model.DESCRIPTOR, path, limits)
    try:
        model.ParseFromString(content)
    except Exception as error:  # protobuf's own, whose class is another in each of its versions
        raise problem(path, f"expected an ONNX model, found bytes that are none ({error})", DAMAGED) from None
    if not model.HasField("graph"):
        raise problem(path, "expected an ONNX model, found none", "name the .onnx file that another program exported")
    return model


class _Reader:
    """Takes from onnx's objects what is needed, and refuses what does not fit together."""

    def __init__(self, path: str, tensors: Tensors):
        self.path, self.tensors = path, tensors

    def model(self, model: Any) -> Model:
        graph = model.graph
        if len(graph.sparse_initializer):
            raise self._problem("expected dense weights, found sparse ones", "export the model with dense weights")
        constants = {}
        for tensor in graph.initializer:
            name = self._text(tensor.name)
            if name in constants:
                raise self._problem(f"the weights {name!r} stand there twice")
            constants[name] = self.tensors.array(tensor, name)
        nodes = [self._node(node) for node in graph.node]
        inputs = [
            self._input(value) for value in graph.input if value.name not in constants
        ]  # as older files list both
        outputs = [self._text(value.name) for value in graph.output]
        self._check_names([*constants, *(each.name for each in inputs)], nodes, outputs)
        metadata = {self._text(each.key): self._text(each.value) for each in model.metadata_props}
        return Model(self.path, self._opset(model), nodes, constants, inputs, outputs, metadata)

    def _opset(self, model: Any) -> int:
        versions = [each.version for each in model.opset_import if self._text(each.domain) in DOMAINS]
        if len(versions) != 1 or not OLDEST_OPSET <= versions[0] <= NEWEST_OPSET:
            found = versions[0] if len(versions) == 1 else f"{len(versions)} versions"
            raise self._problem(
                f"expected operators of an opset from {OLDEST_OPSET} to {NEWEST_OPSET}, found {found}",
                "export the model again, for an opset in that range",
            )
        return int(versions[0])

    def _input(self, value: Any) -> Input:
        """Return one of the graph's inputs; sizes that are names, or nothing, are open."""
        name, tensor = self._text(value.name), value.type.tensor_type
        kind = KINDS.get(tensor.elem_type)
        if not value.type.HasField("tensor_type") or kind is None:
            raise self._problem(f"expected an input of numbers, found {name!r} of another type", "use another model")
        if not tensor.HasField("shape"):
            return Input(name, kind.name, None)
        return Input(
            name, kind.name, tuple(size.dim_value if size.dim_value > 0 else None for size in tensor.shape.dim)
        )

    def _node(self, node: Any) -> Node:
        domain, operator = self._text(node.domain), self._text(node.op_type)
        called = self._text(node.name)
        attributes: dict[str, Attribute] = {}
        for attribute in node.attribute:
            name = self._text(attribute.name)
            if name in attributes:
                raise self._problem(f"{called or operator}: the attribute {name!r} stands there twice")
            attributes[name] = self._attribute(attribute, f"{called or operator}.{name}")
        return Node(
            operator if domain in DOMAINS else f"{domain}.{operator}",
            called,
            tuple(map(self._text, node.input)),
            tuple(map(self._text, node.output)),
            attributes,
        )

    def _attribute(self, attribute: Any, called: str) -> Attribute:
        kinds = type(attribute)
        if attribute.ref_attr_name:  # stands in functions only
            return None
        match attribute.type:
            case kinds.INT:
                return int(attribute.i)
            case kinds.FLOAT:
                return float(attribute.f)
            case kinds.STRING:
                return self._text(attribute.s)
            case kinds.INTS:
                return tuple(map(int, attribute.ints))
            case kinds.FLOATS:
                return tuple(map(float, attribute.floats))
            case kinds.STRINGS:
                return tuple(map(self._text, attribute.strings))
            case kinds.TENSOR:
                return self.tensors.array(attribute.t, called)
        return None

    def _text(self, value: str | bytes) -> str:
        if isinstance(value, str):
            return value
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._problem(f"expected UTF-8 in a text, found {error.reason}") from None

    def _check_names(self, given: Sequence[str], nodes: Sequence[Node], outputs: Sequence[str]) -> None:
        """Refuse a graph in which something is read that was not made before, or made twice."""
        made = set[str]()
        for name in [*given, *(name for node in nodes for name in node.outputs if name)]:
            if name in made:
                raise self._problem(f"two nodes or weights are called {name!r}")
            made.add(name)
        known = set(given)
        for node in nodes:
            for name in node.inputs:
                if name and name not in known:
                    where = "made later" if name in made else "not there"
                    raise self._problem(f"{node.name or node.operator} reads {name!r}, which is {where}")
            known.update(node.outputs)
        for name in outputs:
            if name not in known:
                raise self._problem(f"the output {name!r} is not there")

    def _problem(self, what: str, fix: str = DAMAGED) -> Exception:
        return problem(self.path, what, fix)


def shown(name: str) -> str:
    """Return the name of a node as messages show it."""
    return printable(name, 60)
