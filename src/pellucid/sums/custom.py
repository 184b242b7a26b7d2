"""One number of a layer of the user's own: what makes it is that layer's code, which nobody here can open."""

from __future__ import annotations

from .cell import Cell
from .made import Made, Terms


def custom(cell: Cell) -> Made:
    """``y = layer.forward(x)``

    There are no terms: which numbers of x it was made from, only the code knows. What it gave is the constant.
    """
    layer, number = type(cell.keywords["layer"]).__name__, cell.stored
    note = f"{layer} is a layer of your own: its code, {layer}.forward, makes this number, so there is no sum to show"
    return Made(
        "y = layer.forward(x)",
        number,
        Terms.none(),
        {"given": number},
        [f"y = given  # by {layer}.forward, which is no code of Pellucid's"],
        {"layer": layer, "note": note},
        number,
    )
