"""A network that has forgotten what its last layers learnt: an explanation is worth something if it changes with it."""

from __future__ import annotations

from copy import deepcopy

from ..errors import ArgumentError
from ..geometry import whole_number
from ..network import Network


def learnt_layers(network: Network) -> list[str]:
    """Return the paths of the layers that have parameters of their own, in the order of the data's flow."""
    return list(dict.fromkeys(path.rpartition(".")[0] for path in network.parameters()))


def randomised(network: Network, layers: int, seed: int = 0) -> Network:
    """Return a copy of a network whose last layers begin anew, as before some other training.

    An explanation of the copy should look like noise. Where it looks as before, it tells of the image, and not of what
    the network has learnt.

    Parameters
    ----------
    network : Network
    layers : int
        How many of the layers with parameters, counted from the output.
    seed : int, default 0
        Of the new weights. They are drawn apart from a network's own, so that no seed brings those back from which
        its training began, and to which it may still be close.

    Raises
    ------
    ArgumentError
        If there are not so many.

    References
    ----------
    J. Adebayo et al., "Sanity Checks for Saliency Maps", 2018: cascading randomisation.
    """
    paths = learnt_layers(network)
    if whole_number(layers, "layers", 0) > len(paths):
        raise ArgumentError(f"layers: expected at most {len(paths)}, as many have parameters, received {layers}")
    copy = deepcopy(network)
    forgotten = set(paths[len(paths) - layers :])
    for path, parameter in copy.parameters().items():
        if path.rpartition(".")[0] in forgotten:
            parameter.initialize(seed, f"forgotten {path}")
    for path, state in copy.states().items():
        if path.rpartition(".")[0] in forgotten:
            state.initialize()
    return copy
