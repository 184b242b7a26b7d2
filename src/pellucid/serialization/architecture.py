"""A network as plain data, and back: which layers, with which settings, under which names.

A layer is ``[name, class, config, children…]``. Classes are looked up in a closed table, which the caller may extend
with his own; no file can name anything else.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from ..arguments import nearest
from ..errors import ArgumentError, PellucidError
from ..layers import (
    ELU,
    GELU,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    BatchNorm2d,
    Bias,
    Clip,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    Gain,
    HardSigmoid,
    HardSwish,
    Layer,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    LogSoftmax,
    MaxPool2d,
    Mean,
    Pad,
    PadChannels,
    Parameter,
    PReLU,
    ReLU,
    ReLU6,
    Reshape,
    Residual,
    Sigmoid,
    SiLU,
    Slice,
    Softmax,
    Softplus,
    Tanh,
    Transpose,
)
from ..network import Sequential
from ..scaling import Scaling

Table: TypeAlias = Mapping[str, type[Layer]]

LAYERS: Table = MappingProxyType(
    {
        layer.__name__: layer
        for layer in (
            Conv2d, Linear, Flatten, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, ReLU, LeakyReLU, ReLU6, Sigmoid, Tanh,
            Clip, HardSigmoid, HardSwish, LogSoftmax, ELU, SiLU, Softplus, GELU, PReLU, Bias, Gain, AdaptiveMaxPool2d,
            Reshape, Transpose, Slice, Mean, Pad,
            Softmax, Dropout, BatchNorm2d, LocalResponseNorm, PadChannels, Sequential, Residual, Concat,
        )
    }
)  # fmt: skip

CONTAINERS: tuple[type[Layer], ...] = (Sequential, Residual, Concat)
"""Made from their children instead of a config."""

COUNTS = ("in_channels", "out_channels", "in_features", "out_features", "num_features", "num_parameters")
"""Settings of the library's layers that cannot exceed the number of weights that come with them."""


# ---- from network to data


def describe(network: Sequential) -> dict[str, Any]:
    """Return a network's architecture as data that JSON can hold.

    Raises
    ------
    ArgumentError
        If a layer of one's own does not say how to make it anew.
    """
    if not isinstance(network, Sequential) or network.input_shape is None:
        raise ArgumentError(f"save: expected a Sequential with an input_shape, received {network!r:.80}")
    if _container(network) is not Sequential:
        kind = type(network).__name__
        raise ArgumentError(
            f"save: {kind} computes other than a Sequential; put it into a Sequential as a layer, and save that"
        )
    return {
        "layers": [_node(name, name, child) for name, child in network.children().items()],
        "input_shape": list(network.input_shape),
        "dtype": str(network.dtype),
        "seed": int(network.seed),
        "scaling": {"mean": _numbers(network.scaling.mean), "std": _numbers(network.scaling.std)},
        "class_names": list(network.class_names),
        "frozen": [path for path, q in network.parameters().items() if not q.trainable],
        "shared": _shared(network),
    }


def _numbers(value: float | Sequence[float]) -> float | list[float]:
    return list(map(float, value)) if isinstance(value, Sequence) else float(value)


def _node(name: str, path: str, layer: Layer) -> list[Any]:
    base = _container(layer)
    if base is not None:
        children = [_node(inner, f"{path}.{inner}", child) for inner, child in layer.children().items()]
        return [name, base.__name__, {}, *children]
    kind, config = type(layer).__name__, layer.config()
    if LAYERS.get(kind, type(layer)) is not type(layer):
        raise ArgumentError(f"{path}: the name {kind} means the library's own layer; give your class another name")
    _check_config(path, type(layer), config)
    return [name, kind, config]


def _container(layer: Layer) -> type[Layer] | None:
    """Return the container that a layer is. A subclass that only fills it with its layers is nothing else."""
    methods = ("output_shape", "forward", "backward", "lower", "children", "config")
    for base in CONTAINERS:
        if isinstance(layer, base) and all(getattr(type(layer), m) is getattr(base, m) for m in methods):
            return base
    return None


def _check_config(path: str, kind: type[Layer], config: dict[str, Any]) -> None:
    """Refuse what could not be loaded: a layer of one's own whose config is not its constructor's arguments."""
    signature = inspect.signature(kind)
    if kind.config is Layer.config and signature.parameters:
        raise ArgumentError(
            f"{path}: {kind.__name__} cannot be saved without a config() that returns its constructor's arguments "
            f"{signature}; define it"
        )
    try:
        signature.bind(**config)
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{path}: {kind.__name__}.config() must return its constructor's arguments {signature} as plain numbers, "
            f"texts and lists, received {config!r} ({error})"
        ) from None


def _shared(network: Sequential) -> dict[str, str]:
    """Return for each further place of a shared parameter the path under which it is listed."""
    listed = {id(q): path for path, q in network.parameters().items()}
    met: set[int] = set()
    shared: dict[str, str] = {}
    for path, layer in network.walk():
        for attribute, q in vars(layer).items():
            if isinstance(q, Parameter):
                if id(q) in met:
                    shared[f"{path}.{attribute}"] = listed[id(q)]
                met.add(id(q))
    return shared


# ---- from data to network


def extended(layers: Sequence[type[Layer]]) -> Table:
    """Return the table of layer classes with the caller's own."""
    table = dict(LAYERS)
    for layer in layers:
        if not (isinstance(layer, type) and issubclass(layer, Layer)):
            raise ArgumentError(f"layers: expected classes derived from Layer, received {layer!r}")
        if table.setdefault(layer.__name__, layer) is not layer:
            raise ArgumentError(f"layers: the name {layer.__name__} is taken already; give your class another name")
    return table


def build(architecture: Any, table: Table, weight_bytes: int) -> Sequential:
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
            "layers": list(nodes),
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
    layers = [_layer(node, "", table, weight_bytes) for node in nodes]
    scaling = _scaling(mean, std)
    network = Sequential(
        layers, input_shape=input_shape, dtype=dtype, seed=seed, scaling=scaling, class_names=class_names
    )
    _share(network, shared)
    parameters = network.parameters()
    for path in frozen:
        if not isinstance(path, str) or path not in parameters:
            raise ArgumentError(f"frozen: expected paths of parameters, found {path!r}")
        parameters[path].trainable = False
    return network


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
        layer = _contained(layer_class, children) if layer_class in CONTAINERS else layer_class(**config)
    except (PellucidError, TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"{path}: {kind} refuses its settings {config!r:.200}: {error}") from None
    _check_made(path, layer, config, [name for name, _ in children])
    return name, layer


def _check_made(path: str, layer: Layer, config: Mapping[str, Any], children: list[str]) -> None:
    """Refuse settings and children that the layer itself would not have been saved with."""
    kind = type(layer).__name__
    if surplus := sorted(config.keys() - layer.config().keys()):
        raise ArgumentError(f"{path}: {kind} has no setting {', '.join(surplus)}")
    held = list(layer.children()) if type(layer) in CONTAINERS else []
    if children != held:
        raise ArgumentError(f"{path}: {kind} expects children {held}, found {children}")


def _class(kind: str, path: str, table: Table) -> type[Layer]:
    if kind in table:
        return table[kind]
    raise ArgumentError(f"{path}: the class {kind:.80} is not known{nearest(kind, table)}")


def _contained(container: type[Layer], children: list[tuple[str, Layer]]) -> Layer:
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
    if isinstance(shape, list) and all(isinstance(size, int) for size in shape):
        needed = math.prod(shape) * 4
        if needed > weight_bytes:
            raise ArgumentError(
                f"{path}: {kind} of shape {tuple(shape)!r:.80} needs {needed:,} bytes of weights, "
                f"the file has {weight_bytes:,}"
            )


def _share(network: Sequential, shared: Mapping[str, Any]) -> None:
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
