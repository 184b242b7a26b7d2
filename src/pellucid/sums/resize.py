"""One number of an image of another size: a pixel again, or a mean of those round the place."""

from __future__ import annotations

import numpy as np

from ..definitions.resize import taps
from .cell import Cell, copied
from .made import Made, Terms, grid


def repeat_pixels(cell: Cell) -> Made:
    """``y[c, o, p] = x[c, o // SH, p // SW]``"""
    (down, across), (channel, row, column) = cell.keywords["times"], cell.index
    index = channel, row // down, column // across
    return copied(cell, "y[c, o, p] = x[c, o // SH, p // SW]", index)


def resize(cell: Cell) -> Made:
    """``y[c, o, p] = Σ i, j  rows[i] · columns[j] · x[c, i, j]``, over the pixels on either side of the place"""
    (x,), (channel, *place), how = cell.inputs, cell.index, cell.keywords
    shares = [_shares(cell, axis, place[axis]) for axis in (0, 1)]
    (rows, down), (columns, across) = ((np.array(list(each)), np.array(list(each.values()))) for each in shares)
    pixels, weights = x[channel][np.ix_(rows, columns)].astype(np.float64), np.outer(down, across)
    amounts = pixels * weights
    return Made(
        "y[c, o, p] = Σ i, j  rows[i] · columns[j] · x[c, i, j]",
        float(amounts.sum()),
        Terms.of(cell.step.inputs[0], grid([channel], rows, columns), amounts.ravel()),
        {"pixels": pixels, "rows": down, "columns": across},
        ["y = (np.outer(rows, columns) * pixels).sum()"],
        {
            "pixels": pixels, "weights": weights, "rows": rows, "columns": columns, "mode": how["mode"],
            "coordinates": how["coordinates"],
        },
    )  # fmt: skip


def _shares(cell: Cell, axis: int, place: int) -> dict[int, float]:
    """Return the pixels along an axis that a place is made of, with their shares in it."""
    how, size = cell.keywords, cell.inputs[0].shape[1 + axis]
    scale = None if how["scale"] is None else how["scale"][axis]
    first, second, share = (
        each[place] for each in taps(size, how["size"][axis], scale, how["mode"], how["coordinates"])
    )
    found = {int(first): 1 - float(share)}
    if share > 0:
        found[int(second)] = found.get(int(second), 0.0) + float(share)
    return found
