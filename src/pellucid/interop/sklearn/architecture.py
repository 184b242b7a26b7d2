"""From what an estimator is told of its network to the network."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ... import models
from ...arguments import shown
from ...errors import ArgumentError, ShapeError
from ...layers import Flatten, Layer, Linear, ReLU
from ...network import Item, Network, Sequential
from ...steps import Shape

Architecture: TypeAlias = str | Sequence[Item] | Callable[..., Network]

HIDDEN = 100
"""Width of the hidden layer that "auto" gives to features that are no images."""


def make_network(architecture: Architecture, outputs: int, input_shape: Shape, **options: Any) -> Network:
    """Return a new network for inputs of a shape, with so many outputs.

    Parameters
    ----------
    architecture : str, list of layers, or callable
        See `ConvClassifier`. Of layers copies are used.
    outputs : int
    input_shape : (channels, height, width) or (features,)
    **options
        `seed`, `scaling` and `class_names` of `Sequential`.

    Raises
    ------
    ArgumentError, ShapeError
        If it makes no such network.
    """
    if isinstance(architecture, str):
        network: Any = _named(architecture, outputs, input_shape, options)
    elif callable(architecture) and not isinstance(architecture, Layer):
        network = architecture(outputs, input_shape, **options)
    elif isinstance(architecture, (list, tuple)):
        # Checked without options first: of a wrong number of outputs, theirs would be the message.
        _check(Sequential(copy.deepcopy(architecture), input_shape=input_shape), outputs, input_shape)
        network = Sequential(copy.deepcopy(architecture), input_shape=input_shape, **options)
    else:
        raise ArgumentError(
            'architecture: expected "auto", the name of a model, a list of layers, or a function that makes a network, '
            f"received {shown(architecture)}"
        )
    return _check(network, outputs, input_shape)


def _named(name: str, outputs: int, input_shape: Shape, options: dict[str, Any]) -> Network:
    if name.lower() == "auto":
        if len(input_shape) == 3 and min(input_shape[1:]) > 1:
            return models.by_name(models.for_data(input_shape))(outputs, input_shape, **options)
        return _dense(outputs, input_shape, options)
    model = models.by_name(name)
    if len(input_shape) != 3:
        raise ArgumentError(
            f"architecture: {name} takes images, but X has {input_shape[0]} features a sample; if these are the pixels "
            "of images, say image_shape=(height, width)"
        )
    return model(outputs, input_shape, **options)


def _dense(outputs: int, input_shape: Shape, options: dict[str, Any]) -> Network:
    """Return a network for features: one hidden layer."""
    flat: list[Layer] = [Flatten()] if len(input_shape) == 3 else []
    features = math.prod(input_shape)
    layers = [*flat, Linear(features, HIDDEN), ReLU(), Linear(HIDDEN, outputs)]
    return Sequential(layers, input_shape=input_shape, **options)


def _check(network: Any, outputs: int, input_shape: Shape) -> Network:
    """Return the network, or refuse one that takes or gives something else."""
    if not isinstance(network, Network) or network.input_shape != input_shape:
        received = f"one with input_shape={network.input_shape}" if isinstance(network, Network) else shown(network)
        raise ArgumentError(
            f"architecture: expected the function to return a network with input_shape={input_shape}, the second "
            f"argument that it was given, received {received}"
        )
    given = network.output_shape()
    if given != (outputs,):
        end = f"end with Linear({given[0]}, {outputs})" if len(given) == 1 else "end with Flatten() and Linear(…)"
        raise ShapeError(
            f"architecture: expected {outputs} outputs a sample, but the layers give {given}; {end}, or change the "
            f"last Linear to {outputs} outputs"
        )
    return network
