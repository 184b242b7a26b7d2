"""Which layers cannot stand together in a network: too many inside each other, one twice, a network of its own."""

from __future__ import annotations

from ..errors import ArgumentError
from ..layers.base import Layer
from ..limits import LIMITS


def refuse_networks(network: Layer) -> None:
    """Refuse networks of their own inside another: one place scales the input."""
    for path, layer in network.walk():
        if layer is not network and getattr(layer, "input_shape", None) is not None:
            again = "Graph(it.nodes, it.output)" if hasattr(layer, "nodes") else "Sequential(list(it))"
            raise ArgumentError(
                f"{path} has an input_shape, but stands inside a network: leave it out there; of a network that "
                f"there is already, write {again}, and give its scaling to the outermost"
            )


def refuse_deep(network: Layer) -> None:
    """Refuse layers too deep inside each other for a file to hold. (Nothing here calls itself: it goes by levels.)"""
    level: dict[int, Layer] = {id(network): network}
    for _ in range(LIMITS.nesting + 1):
        level = {id(child): child for layer in level.values() for child in layer.children().values()}
        if not level:
            return
    raise ArgumentError(
        f"{type(network).__name__}: expected at most {LIMITS.nesting} layers inside each other, as many as a file can "
        "hold, received more; put them one after the other"
    )


def refuse_twice(network: Layer) -> None:
    """Refuse one layer object at two places: its states and its gradient would be one place's or the other's."""
    places: dict[int, str] = {}
    for path, layer in network.walk():
        if id(layer) in places:
            first = places[id(layer)]
            sharing = f", and share its parameters if that is meant ({path}.weight = {first}.weight)"
            raise ArgumentError(
                f"{path} is the same object as {first}: make a second layer{sharing if layer.parameters() else ''}"
            )
        places[id(layer)] = path
