"""One number to which a learnt one is added, or which is multiplied by one."""

from __future__ import annotations

import numpy as np

from .cell import Cell
from .details import Biased, Shifted, Weighted
from .made import Made


def bias(cell: Cell) -> Made:
    """``y = x + bias``, the bias stretched to the shape of a sample"""
    x, added = cell.number(0, cell.index), _stretched(cell)
    details: Biased = {"x": x, "bias": added, "from": cell.source(0, cell.index)}
    numbers = {"x": x, "bias": added}
    return Made("y = x + bias", x + added, cell.alone(cell.index, x), numbers, ["y = x + bias"], details, added)


def gain(cell: Cell) -> Made:
    """``y = x · weight``, the weight stretched to the shape of a sample"""
    x, factor = cell.number(0, cell.index), _stretched(cell)
    y = x * factor
    details: Weighted = {"x": x, "weight": factor, "from": cell.source(0, cell.index)}
    numbers = {"x": x, "weight": factor}
    return Made("y = x · weight", y, cell.alone(cell.index, y), numbers, ["y = x * weight"], details)


def scale_and_shift(cell: Cell) -> Made:
    """``y = weight[c] · x + bias[c]``"""
    x = cell.number(0, cell.index)
    weight, added = (float(each[cell.index[0]]) for each in cell.inputs[1:])
    numbers = {"x": x, "weight": weight, "bias": added}
    details: Shifted = {"x": x, "weight": weight, "bias": added, "from": cell.source(0, cell.index)}
    terms, code = cell.alone(cell.index, weight * x), ["y = weight * x + bias"]
    return Made("y = weight[c] · x + bias[c]", weight * x + added, terms, numbers, code, details, added)


add_parameter, multiply_parameter = bias, gain


def _stretched(cell: Cell) -> float:
    """Return the learnt number that meets the one at the cell's place."""
    x, learnt = cell.inputs
    return float(np.broadcast_to(learnt, x.shape)[cell.index])
