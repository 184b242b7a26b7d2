"""From what an estimator is told of its network to the network."""

from __future__ import annotations

import copy
import inspect
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

_AS_IMAGES = "if the features of X are the pixels of images, say image_shape=(height, width)"

HIDDEN = 100
"""Width of the hidden layer that "auto" gives to features that are no images."""


def make_network(architecture: Architecture, outputs: int, input_shape: Shape, **options: Any) -> Network:
    """Return a new network for inputs of a shape, with so many outputs.

    Parameters
    ----------
    architecture : str, list of layers, or callable
        See `ConvClassifier`. Of layers copies are used; where one has learnt already, without the scaling.
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
    elif isinstance(architecture, (list, tuple)):
        network = _of_layers(architecture, outputs, input_shape, options)
    elif callable(architecture) and not isinstance(architecture, Layer):
        _refuse_foreign(architecture, outputs, input_shape, options)
        network = architecture(outputs, input_shape, **options)
    else:
        network = isinstance(architecture, Network)
        fix = "; pass list(network), whose layers are copied, or a function that returns it" if network else ""
        raise ArgumentError(
            'architecture: expected "auto", the name of a model, a list of layers, or a function that makes a network, '
            f"received {shown(architecture)}{fix}"
        )
    return _check(network, outputs, input_shape)


def _of_layers(layers: Sequence[Item], outputs: int, input_shape: Shape, options: dict[str, Any]) -> Network:
    """Return a network of copies of layers; those that have learnt are given X as it is."""
    try:
        # Checked without options first: of a wrong number of outputs, theirs would be the message.
        made = _check(Sequential(copy.deepcopy(layers), input_shape=input_shape), outputs, input_shape)
    except ShapeError as error:
        if len(input_shape) == 3:
            raise
        raise ShapeError(f"architecture: {error}; {_AS_IMAGES}") from None
    if any(parameter.has_learnt() for parameter in made.parameters().values()):
        options = {**options, "scaling": None}
    return Sequential(copy.deepcopy(layers), input_shape=input_shape, **options)


def _refuse_foreign(architecture: Any, outputs: int, input_shape: Shape, options: dict[str, Any]) -> None:
    """Refuse what can be called, but is another library's module, or cannot be called as models are."""
    wanted = "architecture: expected a function f(num_classes, input_shape, **options) that makes a network"
    if hasattr(architecture, "state_dict"):
        fix = "build it of Pellucid's layers, or export it as ONNX, and return p.load_onnx(…) from a function"
        raise ArgumentError(f"{wanted}, received a module of PyTorch, {shown(architecture)}; {fix}")
    try:
        takes = inspect.signature(architecture)
    except (TypeError, ValueError):  # what is compiled may not tell
        return
    try:
        takes.bind(outputs, input_shape, **options)
    except TypeError as error:
        raise ArgumentError(
            f"{wanted}, received {getattr(architecture, '__name__', shown(architecture))}{takes}: {error}; the options "
            f"are {', '.join(options)}, to pass on to Sequential or Graph"
        ) from None


def _named(name: str, outputs: int, input_shape: Shape, options: dict[str, Any]) -> Network:
    if name.lower() == "auto":
        if len(input_shape) == 3 and min(input_shape[1:]) > 1:
            return models.by_name(models.for_data(input_shape))(outputs, input_shape, **options)
        return _dense(outputs, input_shape, options)
    model = models.by_name(name)
    if len(input_shape) != 3:
        raise ArgumentError(
            f"architecture: {name} takes images, but X has {input_shape[0]} features a sample; {_AS_IMAGES}"
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
