"""Networks from plain data, as `architecture` describes them.

Classes are looked up in a closed table, which the caller may extend with his own; no file can name anything else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..arguments import nearest, shown
from ..errors import ArgumentError, PellucidError
from ..layers import Concat, Layer, Parameter, Residual
from ..network import Graph, Network, Sequential
from ..scaling import Scaling
from .architecture import CONTAINERS, JOINS, LAYERS, WIRING, Table

COUNTS = ("in_channels", "out_channels", "in_features", "out_features", "num_features", "num_parameters")
"""Settings of the library's layers that cannot exceed the number of weights that come with them."""


def extended(layers: Sequence[type[Layer]]) -> Table:
    """Return the table of layer classes with the caller's own."""
    table = dict(LAYERS)
    for layer in layers:
        if not (isinstance(layer, type) and issubclass(layer, Layer)):
            raise ArgumentError(f"layers: expected classes derived from Layer, received {layer!r}")
        if table.setdefault(layer.__name__, layer) is not layer:
            raise ArgumentError(f"layers: the name {layer.__name__} is taken already; give your class another name")
    return table


def build(architecture: Any, table: Table, weight_bytes: int) -> Network:
    """Return the network that `architecture` describes, with weights not yet drawn.

    Parameters
    ----------
    architecture : parsed JSON
    table : mapping of str to class
        The classes that may be named.
    weight_bytes : int
        Bytes of all weights in the file: no layer can have more.

    Raises
    ------
    ArgumentError, ShapeError
        If it describes no network; the message says where.
    """
    match architecture:
        case {
            "input_shape": list(input_shape),
            "dtype": str(dtype),
            "seed": int(seed),
            "scaling": {"mean": mean, "std": std},
            "class_names": list(class_names),
            "frozen": list(frozen),
            "shared": dict(shared),
        } if all(isinstance(name, str) for name in class_names):
            pass
        case _:
            raise ArgumentError(f"expected layers, input_shape, dtype, seed, …, found {architecture!r:.80}")
    if dtype not in ("float32", "float64"):
        raise ArgumentError(f"dtype: expected float32 or float64, found {dtype!r:.20}")
    network = _outermost(
        architecture, table, weight_bytes,
        {"input_shape": input_shape, "dtype": dtype, "seed": seed, "scaling": _scaling(mean, std),
         "class_names": class_names},
    )  # fmt: skip
    _share(network, shared)
    parameters = network.parameters()
    for path in frozen:
        if not isinstance(path, str) or path not in parameters:
            raise ArgumentError(f"frozen: expected paths of parameters, found {path!r}")
        parameters[path].trainable = False
    return network


def _outermost(architecture: Any, table: Table, weight_bytes: int, options: dict[str, Any]) -> Network:
    """Return the network itself, made with the options."""
    match architecture:
        case {"layers": list(nodes)}:
            return Sequential([_layer(node, "", table, weight_bytes) for node in nodes], **options)
        case {"graph": {"layers": list(nodes), **wiring}}:
            return Graph(*_wired(wiring, [_layer(node, "", table, weight_bytes) for node in nodes]), **options)
    raise ArgumentError(f"expected layers or a graph, found {architecture!r:.80}")


def _wired(wiring: Any, layers: Sequence[tuple[str, Layer]]) -> tuple[dict[str, Any], str]:
    """Return a graph's nodes, and its output, from who reads what and the layers among the nodes."""
    match wiring:
        case {"nodes": list(nodes), "output": str(output)} if len(wiring) == 2:
            pass
        case _:
            raise ArgumentError(f"a graph: expected nodes and output, found {wiring!r:.80}")
    named, wired = dict(layers), dict[str, Any]()
    for node in nodes:
        match node:
            case [str(name), None, list(sources)] if name in named and name not in wired:
                wired[name] = (named.pop(name), *sources)
            case [str(name), str(join), list(sources)] if join in JOINS and name not in wired:
                wired[name] = (JOINS[join](), *sources)
            case _:
                raise ArgumentError(f"a graph: expected [name, join or null, sources], found {node!r:.80}")
    if named or len(layers) != len(dict(layers)):
        raise ArgumentError(f"a graph: expected one node for each of its layers, found none for {list(named)!r:.80}")
    return wired, output


def read_use(architecture: Any) -> tuple[Scaling, tuple[str, ...]]:
    """Return what an architecture says of the use of its network: how it scales images, and its class names.

    Its layers are not looked at, so they may be of one's own.

    Raises
    ------
    ArgumentError
        If it says nothing of that kind.
    """
    match architecture:
        case {"scaling": {"mean": mean, "std": std}, "class_names": list(names)} if all(
            isinstance(name, str) for name in names
        ):
            return _scaling(mean, std), tuple(names)
    raise ArgumentError(f"expected scaling and class_names, found {architecture!r:.80}")


def _scaling(*numbers: Any) -> Scaling:
    try:
        return Scaling(*(tuple(each) if isinstance(each, list) else each for each in numbers))
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"scaling: {error}") from None


def _layer(node: Any, outside: str, table: Table, weight_bytes: int) -> tuple[str, Layer]:
    match node:
        case [str(name), str(kind), dict(config), *nodes]:
            path = f"{outside}{name}"
        case _:
            raise ArgumentError(f"{outside or 'layers'}: expected [name, class, config, …], found {node!r:.80}")
    layer_class = _class(kind, path, table)
    children = [_layer(child, f"{path}.", table, weight_bytes) for child in nodes]
    if kind in LAYERS:
        _check_counts(path, kind, config, weight_bytes)
    try:
        layer = _contained(layer_class, config, children) if layer_class in CONTAINERS else layer_class(**config)
    except (PellucidError, TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"{path}: {kind} refuses its settings {config!r:.200}: {error}") from None
    _check_made(path, layer, config, [name for name, _ in children])
    return name, layer


def _check_made(path: str, layer: Layer, config: Mapping[str, Any], children: list[str]) -> None:
    """Refuse settings and children that the layer itself would not have been saved with."""
    kind = type(layer).__name__
    settings = WIRING if isinstance(layer, Graph) else layer.config().keys()
    if surplus := sorted(config.keys() - settings):
        raise ArgumentError(f"{path}: {kind} has no setting {', '.join(surplus)}")
    held = list(layer.children()) if type(layer) in CONTAINERS else []
    if children != held:
        raise ArgumentError(f"{path}: {kind} expects children {held}, found {children}")


def _class(kind: str, path: str, table: Table) -> type[Layer]:
    if kind in table:
        return table[kind]
    raise ArgumentError(f"{path}: the class {kind:.80} is not known{nearest(kind, table)}")


def _contained(container: type[Layer], config: Mapping[str, Any], children: list[tuple[str, Layer]]) -> Layer:
    if container is Graph:
        return Graph(*_wired(config, children))
    if container is Sequential:
        return Sequential(children)
    if container is Residual:
        return Residual(**dict(children))
    return Concat(*(layer for _, layer in children))


def _check_counts(path: str, kind: str, config: Mapping[str, Any], weight_bytes: int) -> None:
    """Refuse absurd sizes before anything of that size is made: every channel and feature has a weight in the file."""
    for name in COUNTS:
        count = config.get(name, 0)
        if isinstance(count, int) and count * 4 > weight_bytes:
            raise ArgumentError(
                f"{path}: {kind} with {name}={count:,} needs at least {count * 4:,} bytes of weights, "
                f"the file has {weight_bytes:,}"
            )
    shape = config.get("shape", ()) if kind in ("Bias", "Gain") else ()
    if isinstance(shape, list) and all(isinstance(size, int) for size in shape) and 4 * math.prod(shape) > weight_bytes:
        raise ArgumentError(
            f"{path}: {kind} of shape {shown(tuple(shape))} needs {4 * math.prod(shape):,} bytes of weights, "
            f"the file has {weight_bytes:,}"
        )


def _share(network: Network, shared: Mapping[str, Any]) -> None:
    """Put shared parameters into their further places."""
    parameters = network.parameters()
    for place, path in shared.items():
        where, _, attribute = place.rpartition(".")
        held = vars(network[where]).get(attribute) if where else None
        if not isinstance(path, str) or path not in parameters or not isinstance(held, Parameter):
            raise ArgumentError(f"shared: expected the paths of two parameters, found {place!r} and {path!r}")
        if held.shape != parameters[path].shape:
            raise ArgumentError(f"shared: {place} has the shape {held.shape}, {path} {parameters[path].shape}")
        setattr(network[where], attribute, parameters[path])
