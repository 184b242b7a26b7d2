"""One number of an activation: a function of one number, which it shows as the curve round it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..definitions import DEFINITIONS
from .cell import Cell
from .made import Made

CURVE = 65
"""Points of the curve."""


def relu(cell: Cell) -> Made:
    """``y = max(x, 0)``"""
    return activation(cell, "y = max(x, 0)", ["y = max(x, 0)"])


def activation(cell: Cell, formula: str, code: list[str]) -> Made:
    """Return how a number is made that is a function of the one at the same place: it makes the whole of it.

    `code` reads ``x`` and the definition's keyword arguments by their names.
    """
    x = cell.number(0, cell.index)
    y = float(_function(cell, [x])[0])
    return Made(
        formula,
        y,
        cell.alone(cell.index, y),
        {"x": x, **cell.keywords},
        code,
        {"x": x, "y": y, **cell.keywords, "curve": curve(cell, x), "from": cell.source(0, cell.index)},
    )


def curve(cell: Cell, x: float, **more: Any) -> dict[str, Any]:
    """Return points of a function from −r to r, the number x well between them: details."""
    reach = max(6.0, 1.2 * abs(x)) if np.isfinite(x) else 6.0
    xs = np.linspace(-reach, reach, CURVE)
    return {"x": xs, "y": _function(cell, xs)}


def _function(cell: Cell, xs: Any) -> Any:
    """Return what the definition makes of numbers, in float64."""
    # one sample of as many features
    return DEFINITIONS[cell.step.kind](np.asarray(xs, np.float64)[None], **cell.keywords)[0]
