"""One class's share, and its logarithm: a quotient of exponentials, over all classes at one place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cell import Cell
from .details import Shares
from .made import Made


def softmax(cell: Cell) -> Made:
    """``y[k] = exp(x[k] − m) / Σ j exp(x[j] − m)``, m the largest x

    The class's own score is the only term; the scores of the others stand below the line.
    """
    z, own = _classes(cell)
    exponentials = np.exp(z - z.max())
    share = float(exponentials[own] / exponentials.sum())
    return Made(
        "y[k] = exp(x[k] − m) / Σ j exp(x[j] − m), m = max j x[j]",
        share,
        cell.alone(cell.index, share),
        {"x": z, "k": own},
        ["e = np.exp(x - x.max())", "y = e[k] / e.sum()"],
        _details(z, own),
    )


def log_softmax(cell: Cell) -> Made:
    """``y[k] = x[k] − m − log Σ j exp(x[j] − m)``, m the largest x

    The class's own score is the only term, what is taken off it the constant.
    """
    z, own = _classes(cell)
    constant = -float(z.max() + np.log(np.exp(z - z.max()).sum()))
    score = float(z[own])
    return Made(
        "y[k] = x[k] − m − log Σ j exp(x[j] − m), m = max j x[j]",
        score + constant,
        cell.alone(cell.index, score),
        {"x": z, "k": own},
        ["m = x.max()", "y = x[k] - m - np.log(np.exp(x - m).sum())"],
        _details(z, own),
        constant,
    )


def _classes(cell: Cell) -> tuple[NDArray[np.float64], int]:
    """Return the numbers of all classes at the cell's place, (K,), and which is its own."""
    column: tuple[Any, ...] = (slice(None), *cell.index[1:])
    return cell.inputs[0][column].astype(np.float64), cell.index[0]


def _details(z: NDArray[np.float64], own: int) -> Shares:
    shifted = z - z.max()
    exponentials = np.exp(shifted)
    return {
        "class": own,
        "z": z,
        "largest": z.max(),
        "shifted": shifted,
        "exponentials": exponentials,
        "sum": exponentials.sum(),
        "shares": exponentials / exponentials.sum(),
    }
