"""Freezing: which layers stop learning, so that what a pretrained network knows is kept."""

from __future__ import annotations

from .arguments import no_network, shown
from .errors import ArgumentError
from .layers import Layer
from .network import Network


def freeze(network: Network, until: str) -> None:
    """Let everything before `until` stop learning: its parameters are no longer `trainable`.

    What comes before follows the data: the layers that stand earlier in the same `Sequential`, or whose outputs lead to
    it in the same `Graph`, and those before what holds it. Branches beside it (of a `Residual` or a `Concat`) do not
    come before it. The layer itself, and all that follows, is left as it was.

    Parameters
    ----------
    network : Network
    until : str
        Path of the first layer that may learn, such as "layer3" or "layer3.residual2"; or of a join of a `Graph`.

    Raises
    ------
    ArgumentError
        If there is nothing of that name, and the message suggests the nearest; or if `network` is no network.

    Notes
    -----
    Nothing is computed for what is frozen at the beginning but its outputs: the gradients end at the first layer that
    learns. A frozen `BatchNorm2d` uses its running averages and leaves them alone. A parameter that a frozen layer
    shares with a later one is frozen in both.

    Examples
    --------
    >>> from pellucid import models
    >>> network = models.lenet()
    >>> freeze(network, until="linear1")
    >>> [path for path, parameter in network.parameters().items() if not parameter.trainable]
    ['conv1.weight', 'conv1.bias', 'conv2.weight', 'conv2.bias']
    """
    if not isinstance(network, Network):
        raise ArgumentError(f"network: expected a Sequential or Graph, received {no_network(network)}")
    if not isinstance(until, str):
        raise ArgumentError(f"until: expected the path of a layer, such as 'linear1', received {shown(until)}")
    if not _is_join(network, until):
        network[until]  # refuses a path that leads nowhere
    holder: Layer = network
    for name in until.split("."):
        children = holder.children()
        for earlier in holder.before(name) if isinstance(holder, Network) else ():
            _set_trainable(children[earlier], False)
        holder = children.get(name, holder)  # a join holds nothing, and ends the path


def unfreeze(network: Network) -> None:
    """Let every parameter learn again, whoever has frozen it; to keep a part frozen, `freeze` that part afterwards.

    Raises
    ------
    ArgumentError
        If that is no network.
    """
    if not isinstance(network, Layer):
        raise ArgumentError(f"network: expected a Sequential or Graph, received {no_network(network)}")
    _set_trainable(network, True)


def _is_join(network: Network, path: str) -> bool:
    above, _, name = path.rpartition(".")
    holder = network[above] if above else network
    return isinstance(holder, Network) and name in holder.names() and name not in holder.children()


def _set_trainable(layer: Layer, trainable: bool) -> None:
    for parameter in layer.parameters().values():
        parameter.trainable = trainable
