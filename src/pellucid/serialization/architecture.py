"""A network as plain data: which layers, with which settings, under which names. `building` makes networks of it.

A layer is ``[name, class, config, children…]``; a graph's config says who reads what: its nodes in their order,
``[name, class of the join or null, sources]``, and which of them is the output.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from ..arguments import no_network
from ..errors import ArgumentError
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
    ConvTranspose2d,
    Dropout,
    Flatten,
    Gain,
    GroupNorm,
    HardSigmoid,
    HardSwish,
    Join,
    Layer,
    LayerNorm,
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
    Upsample,
    joins,
)
from ..network import Graph, Network, Sequential

Table: TypeAlias = Mapping[str, type[Layer]]

LAYERS: Table = MappingProxyType(
    {
        layer.__name__: layer
        for layer in (
            Conv2d, Linear, Flatten, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, ReLU, LeakyReLU, ReLU6, Sigmoid, Tanh,
            Softmax, Dropout, BatchNorm2d, LocalResponseNorm, PadChannels, Sequential, Graph, Residual,
            Concat, Clip, HardSigmoid, HardSwish, LogSoftmax, ELU, SiLU, Softplus, GELU, PReLU, Bias, Gain,
            AdaptiveMaxPool2d, Reshape, Transpose, Slice, Mean, Pad, ConvTranspose2d, Upsample, LayerNorm, GroupNorm,
        )
    }
)  # fmt: skip

CONTAINERS: tuple[type[Layer], ...] = (Sequential, Graph, Residual, Concat)
"""Made from their children instead of a config; a Graph has beside them how they are joined."""

JOINS: Mapping[str, type[Join]] = MappingProxyType({each.__name__: each for each in joins.JOINS})
WIRING = ("nodes", "output")
"""What a graph's config says of it."""


def describe(network: Network) -> dict[str, Any]:
    """Return a network's architecture as data that JSON can hold.

    Raises
    ------
    ArgumentError
        If a layer of one's own does not say how to make it anew.
    """
    if not isinstance(network, Network) or network.input_shape is None:
        raise ArgumentError(f"save: expected a Sequential or Graph with an input_shape, received {no_network(network)}")
    if _container(network) not in (Sequential, Graph):
        kind = type(network).__name__
        raise ArgumentError(
            f"save: {kind} computes other than a Sequential; put it into a Sequential as a layer, and save that"
        )
    layers = [_node(name, name, child) for name, child in network.children().items()]
    return {
        **({"graph": {**_wiring(network), "layers": layers}} if isinstance(network, Graph) else {"layers": layers}),
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
        return [name, base.__name__, _wiring(layer) if isinstance(layer, Graph) else {}, *children]
    kind, config = type(layer).__name__, layer.config()
    if LAYERS.get(kind, type(layer)) is not type(layer):
        raise ArgumentError(f"{path}: the name {kind} means the library's own layer; give your class another name")
    _check_config(path, type(layer), config)
    return [name, kind, config]


def _wiring(graph: Graph) -> dict[str, Any]:
    """Return who reads what in a graph, and which of the nodes are joins, in their order."""
    nodes = []
    for name, (does, sources) in graph.nodes.items():
        nodes.append([name, type(does).__name__ if isinstance(does, Join) else None, list(sources)])
    return dict(zip(WIRING, (nodes, graph.output), strict=True))


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


def _shared(network: Network) -> dict[str, str]:
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
