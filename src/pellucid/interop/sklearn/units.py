"""A network that has learnt numbers of mean 0 and deviation 1, made one that answers in the numbers' own units."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from ...layers import Bias, Gain, Layer, Linear
from ...network import Graph, Network, NetworkOptions, Sequential

_LITTLE = 1e-5
"""Below what share of their size targets vary so little that float32 keeps little of it."""


def in_units(network: Network, scale: NDArray[np.float64], mean: NDArray[np.float64]) -> Network:
    """Return a copy of a network that gives ``mean + scale · output``.

    ``mean + scale · (W·x + b) = (scale·W)·x + (mean + scale·b)``: where the network ends with a Linear that stands
    there alone, its numbers become these. Otherwise a Gain and a Bias follow, which do not learn.

    Parameters
    ----------
    network : Network
    scale, mean : float64 array (outputs,)

    Returns
    -------
    Network
        In float64 where float32 does not hold such numbers, or little of what they vary by.
    """
    made = copy.deepcopy(network)
    if not _fits_float32(scale, mean):
        made.cast(np.float64)
    last = _last(made)
    if isinstance(last, Linear) and last.bias is not None and _stands_alone(made, last):
        last.weight.data = scale[:, None] * last.weight.data
        last.bias.data = mean + scale * last.bias.data
        return made
    return _followed(made, scale, mean)


def _fits_float32(scale: NDArray[np.float64], mean: NDArray[np.float64]) -> bool:
    """Return whether float32 holds what such targets vary by, and some digits around it."""
    size, bounds = np.abs(mean) + scale, np.finfo(np.float32)
    ample = float(bounds.tiny) / _LITTLE <= scale.min() and size.max() <= float(bounds.max) * _LITTLE
    return bool(ample and (scale >= _LITTLE * size).all())


def _last(network: Network) -> Layer:
    """Return the layer that gives the network's output, and nothing else; a network where there is none."""
    last: Layer = network
    while isinstance(last, (Sequential, Graph)):
        if isinstance(last, Graph):
            does = last.nodes[last.output].does
            if not isinstance(does, Layer) or any(last.output in node.sources for node in last.nodes.values()):
                break
            last = does
        else:
            last = last[-1]
    return last


def _stands_alone(network: Network, layer: Linear) -> bool:
    """Return whether a layer's parameters are its own."""
    own = set(map(id, layer.parameters().values()))
    others = [
        each for _, other in network.walk() if other is not layer and not other.children()
        for each in other.parameters().values()
    ]  # fmt: skip
    return not own & set(map(id, others))


def _followed(network: Network, scale: NDArray[np.float64], mean: NDArray[np.float64]) -> Network:
    """Return the network with two layers behind it that multiply and add."""
    taken = set(network.names())
    gain, bias = (next(name for name in (stem, f"{stem}_of_y") if name not in taken) for stem in ("scale", "shift"))
    layers = {gain: Gain(len(scale)), bias: Bias(len(mean))}
    options = NetworkOptions(
        seed=network.seed, dtype=network.dtype, scaling=network.scaling, class_names=network.class_names
    )
    if isinstance(network, Graph):
        nodes = {name: (node.does, *node.sources) for name, node in network.nodes.items()}
        nodes |= {gain: (layers[gain], network.output), bias: (layers[bias], gain)}
        made: Network = Graph(nodes, bias, input_shape=network.input_shape, **options)
    else:
        made = Sequential([*network.children().items(), *layers.items()], input_shape=network.input_shape, **options)
    layers[gain].weight.data, layers[bias].bias.data = scale, mean  # type: ignore[attr-defined]
    for layer in layers.values():
        for parameter in layer.parameters().values():
            parameter.trainable = False
    return made
