"""Beginning from pretrained weights, whose last layer may be for other classes."""

from __future__ import annotations

import os

from .errors import ModelFileError
from .interop import load_weights
from .network import Sequential
from .scaling import Scaling
from .serialization import load


def begin_from(network: Sequential, path: str | os.PathLike[str], *, new_head: bool = False) -> tuple[str, ...]:
    """Give a network the weights and states in a file; only those of its head may be missing, or of another shape.

    The head is the last layer that has parameters: it is what other classes need anew.

    Parameters
    ----------
    network : Sequential
    path : path
        As `load_weights` takes it.
    new_head : bool, default False
        Whether the head begins anew also where the file has one for as many classes, which are others.

    Returns
    -------
    tuple of str
        Paths of those of the head's parameters that begin as the network draws them.

    Raises
    ------
    ModelFileError
        If something else does not fit, or the file cannot be understood.
    StorageError
        If the file cannot be read.
    """
    differences = load_weights(network, path, strict=False)
    head = _head(network)
    anew = (*differences.missing, *differences.misshapen)
    if any(not name.startswith(f"{head}.") for name in (*anew, *differences.extra)):
        raise ModelFileError(
            f"{path}: only what belongs to {head}, the last layer that learns, may differ; {differences}; name the "
            "model that the weights are of, or take what fits with load_weights(network, path, strict=False)"
        )
    if not new_head:
        return anew
    drawn = {name: parameter for name, parameter in network.parameters().items() if name.startswith(f"{head}.")}
    for name, parameter in drawn.items():
        parameter.initialize(network.seed, name)
    return tuple(drawn)


def saved_scaling(path: str | os.PathLike[str]) -> Scaling | None:
    """Return how a network saved by Pellucid scales its images; None for a file of weights alone."""
    try:
        return load(path).scaling
    except ModelFileError:
        return None


def _head(network: Sequential) -> str:
    """Return the path of the last layer that has parameters of its own."""
    return [path for path, layer in network.walk() if layer.parameters() and not layer.children()][-1]
