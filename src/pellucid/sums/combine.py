"""One number where paths meet: a sum, a product or a quotient of two, or a number of one of them."""

from __future__ import annotations

import numpy as np

from .cell import Cell, copied
from .details import Joined
from .made import Made, Terms


def add(cell: Cell) -> Made:
    """``y = a + b``"""
    a, b = (cell.number(position, cell.index) for position in (0, 1))
    sources = [cell.source(position, cell.index) for position in (0, 1)]
    terms = Terms.of_each(cell.step.inputs, cell.index, [a, b])
    return Made("y = a + b", a + b, terms, {"a": a, "b": b}, ["y = a + b"], {"a": a, "b": b, "from": sources})


def multiply(cell: Cell) -> Made:
    """``y = a · b``

    Each factor is half the term: by as many per cent as either grows, the product does.
    """
    a, b = (cell.number(position, cell.index) for position in (0, 1))
    sources = [cell.source(position, cell.index) for position in (0, 1)]
    terms = Terms.of_each(cell.step.inputs, cell.index, [a * b / 2, a * b / 2])
    return Made("y = a · b", a * b, terms, {"a": a, "b": b}, ["y = a * b"], {"a": a, "b": b, "from": sources})


def divide(cell: Cell) -> Made:
    """``y = a / b``

    The number that is divided is the only term; the other stands in what it is divided by.
    """
    a, b = (cell.number(position, cell.index) for position in (0, 1))
    with np.errstate(all="ignore"):
        y = float(np.float64(a) / b)
    details: Joined = {"a": a, "b": b, "from": [cell.source(position, cell.index) for position in (0, 1)]}
    return Made("y = a / b", y, cell.alone(cell.index, y), {"a": a, "b": b}, ["y = np.divide(a, b)"], details)


def concat(cell: Cell) -> Made:
    """``y[start + c, …] = part[c, …]``, the parts' channels one after the other"""
    channel, *place = cell.index
    position = start = 0
    while channel - start >= len(cell.inputs[position]):
        start += len(cell.inputs[position])
        position += 1
    return copied(cell, "y[start + c, …] = part[c, …]", (channel - start, *place), position)
