"""How much of everything a page shows at most."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Amounts:
    """How much of everything a page shows at most; what is cut is said where it is cut.

    Attributes
    ----------
    mistakes : int
        Images that were classified wrongly.
    classes : int
        Rows of the table of classes.
    columns : int
        Classes up to which the confusion matrix is a table.
    layers : int
        Layers whose filters, and whose feature maps, are shown.
    filters, channels, maps : int
        Filters of a layer, channels of a filter, and feature maps of a layer.
    side : int
        Pixels of an image or a map along a side.
    rows : int
        Rows of all other tables.
    """

    mistakes: int = 36
    classes: int = 200
    columns: int = 20
    layers: int = 24
    filters: int = 16
    channels: int = 16
    maps: int = 16
    side: int = 64
    rows: int = 400

    def fewer(self) -> Amounts:
        """Return two thirds of everything."""
        return Amounts(*(max(2, 2 * amount // 3) for amount in astuple(self)))


def spread(count: int, most: int) -> list[int]:
    """Return up to `most` of the numbers below `count`, evenly spread, the first and the last with them.

    Examples
    --------
    >>> spread(3, 5), spread(10, 4)
    ([0, 1, 2], [0, 3, 6, 9])
    """
    if count <= most:
        return list(range(count))
    return [number * (count - 1) // (most - 1) for number in range(most)]


def of(shown: int, there: int, name: str) -> str:
    """Return how many are shown of how many there are.

    Examples
    --------
    >>> of(3, 3, "layer"), of(1, 1, "layer"), of(24, 1060, "layer")
    ('3 layers', '1 layer', '24 of 1,060 layers')
    """
    plural = name if there == 1 else f"{name}es" if name.endswith("s") else f"{name}s"
    return f"{there:,} {plural}" if shown == there else f"{shown:,} of {there:,} {plural}"
