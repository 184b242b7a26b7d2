"""Of which of the known models the weights in a file are, told by the names and shapes of its arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import models
from ..errors import ArgumentError, ModelFileError, ShapeError
from ..network import Network

if TYPE_CHECKING:
    from .weights import WeightsFile


def fitting_models(file: WeightsFile) -> tuple[str, ...]:
    """Return the names of the models whose weights a file may hold: all names and shapes fit, but those of the head.

    They are tried for images of their usual size, with as many channels as the first layer in the file takes. Of a
    fully connected layer the number of features may be another: it follows from the size of the images.
    """
    return tuple(name for name, make in models.MODELS.items() if _fits(make(), make, file))


def _fits(usual: Network, make: models.Model, file: WeightsFile) -> bool:
    channels, shape = channels_of(usual, file), usual.input_shape
    if channels is None or shape is None:
        return False
    try:
        network = usual if channels == shape[0] else make(input_shape=(channels, *shape[1:]))
    except (ArgumentError, ShapeError):  # so many channels cannot be
        return False
    return are_of_size(network, file, unlike_before_head(network, file))


def head(network: Network) -> str:
    """Return the path of the last layer that has parameters of its own; nothing if there is none."""
    return next(
        (path for path, layer in reversed([*network.walk()]) if layer.parameters() and not layer.children()), ""
    )


def unlike_before_head(network: Network, file: WeightsFile) -> list[str]:
    """Return all names that do not fit between a network and a file, but those of the network's head."""
    differences, own = file.compare(network), f"{head(network)}."
    unlike = (*differences.missing, *differences.extra, *differences.misshapen)
    return [name for name in unlike if not name.startswith(own)]


def are_of_size(network: Network, file: WeightsFile, names: list[str]) -> bool:
    """Return whether weights are all of another shape in a file because of the size of the images alone."""
    parameters, naming = network.parameters(), file.naming(network)

    def is_of_size(name: str) -> bool:
        parameter, entry = parameters.get(name), file.entries.get(naming.get(name, ""))
        if parameter is None or entry is None:
            return False
        return len(parameter.shape) == len(entry.shape) == 2 and parameter.shape[0] == entry.shape[0]

    return all(map(is_of_size, names))


def channels_of(network: Network, file: WeightsFile) -> int | None:
    """Return how many channels the first layer of a network takes in a file; None if it is not there."""
    first = next(iter(network.parameters()), "")
    entry = file.entries.get(file.naming(network).get(first, ""))
    return entry.shape[1] if entry is not None and len(entry.shape) == 4 and entry.shape[1] else None


def count_classes(network: Network, file: WeightsFile) -> int:
    """Return for how many classes the weights in a file are: the number of biases of the last layer there."""
    *_, last = network.parameters()
    entry = file.entries.get(file.naming(network)[last])
    if entry is None:
        return int(network.output_shape()[0])  # what is missing is said when the weights are compared
    if len(entry.shape) != 1 or not entry.shape[0]:
        raise ModelFileError(f"{file.path}: {last}: expected a number for each class, found shape {entry.shape}")
    return entry.shape[0]
