"""One number of an activation: a function of one number, shown with the curve round it. And dropout, which in
prediction is none.

The one term has the whole of what the function makes of it. The lines of code are Python's own for one number; a NaN
stays one, as it does in the definitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..definitions import DEFINITIONS
from .cell import Cell, copied
from .details import Activation, Curve
from .made import Made

CURVE = 65
"""Points of the curve."""


def relu(cell: Cell) -> Made:
    """``y = max(x, 0)``"""
    return activation(cell, "y = max(x, 0)", ["y = max(x, 0)"])


def leaky_relu(cell: Cell) -> Made:
    """``y = max(x, 0) + negative_slope · min(x, 0)``"""
    code = ["y = max(x, 0) + negative_slope * min(x, 0)"]
    return activation(cell, "y = max(x, 0) + negative_slope · min(x, 0)", code)


def relu6(cell: Cell) -> Made:
    """``y = min(max(x, 0), 6)``"""
    return activation(cell, "y = min(max(x, 0), 6)", ["y = min(max(x, 0), 6)"])


def clip(cell: Cell) -> Made:
    """``y = min(max(x, least), most)``; None is no bound"""
    return activation(cell, "y = min(max(x, least), most)", ["y = np.clip(x, min, max)"])


def hard_sigmoid(cell: Cell) -> Made:
    """``y = min(max(alpha · x + beta, 0), 1)``"""
    return activation(cell, "y = min(max(alpha · x + beta, 0), 1)", ["y = min(max(alpha * x + beta, 0), 1)"])


def hard_swish(cell: Cell) -> Made:
    """``y = x · min(max(x/6 + 1/2, 0), 1)``"""
    return activation(cell, "y = x · min(max(x/6 + 1/2, 0), 1)", ["y = x * min(max(x / 6 + 1 / 2, 0), 1)"])


def sigmoid(cell: Cell) -> Made:
    """``y = 1 / (1 + e⁻ˣ)``, written with e^−|x|, which cannot overflow"""
    code = ["z = np.exp(-abs(x))", "y = (z if x < 0 else 1) / (1 + z)"]
    return activation(cell, "y = 1 / (1 + e⁻ˣ)", code)


def silu(cell: Cell) -> Made:
    """``y = x / (1 + e⁻ˣ)``"""
    code = ["z = np.exp(-abs(x))", "y = x * (z if x < 0 else 1) / (1 + z)"]
    return activation(cell, "y = x / (1 + e⁻ˣ)", code)


def tanh(cell: Cell) -> Made:
    """``y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)``"""
    return activation(cell, "y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)", ["y = np.tanh(x)"])


def elu(cell: Cell) -> Made:
    """``y = x where x > 0, else alpha · (eˣ − 1)``"""
    code = ["y = x if x > 0 else alpha * np.expm1(x)"]
    return activation(cell, "y = x where x > 0, else alpha · (eˣ − 1)", code)


def softplus(cell: Cell) -> Made:
    """``y = log(1 + eˣ)``, written so that it cannot overflow"""
    return activation(cell, "y = log(1 + eˣ)", ["y = max(x, 0) + np.log1p(np.exp(-abs(x)))"])


def gelu(cell: Cell) -> Made:
    """``y = x · Φ(x)``, Φ being the share of a standard normal distribution that lies below x"""
    code = ["import math", "y = x * math.erfc(-x / math.sqrt(2)) / 2"]
    return activation(cell, "y = x · Φ(x), Φ the standard normal distribution's share below x", code)


def prelu(cell: Cell) -> Made:
    """``y = max(x, 0) + weight[c] · min(x, 0)``, with a slope for each channel, or one for all"""
    weight = cell.inputs[1]
    slope = float(weight[cell.index[0] if len(weight) > 1 else 0])
    code = ["y = max(x, 0) + weight * min(x, 0)"]
    return activation(cell, "y = max(x, 0) + weight[c] · min(x, 0)", code, weight=slope)


def dropout(cell: Cell) -> Made:
    """``y = x``: in prediction nothing is dropped"""
    return copied(cell, "y = x", cell.index, note="in prediction nothing is dropped")


def activation(cell: Cell, formula: str, code: Sequence[str], **learnt: float) -> Made:
    """Return how a number is made that is a function of the one at the same place, and of numbers that are learnt.

    `code` reads ``x``, the learnt numbers and the definition's keyword arguments by their names.
    """
    x, settings = cell.number(0, cell.index), {**learnt, **cell.keywords}

    def function(xs: NDArray[np.float64]) -> NDArray[np.float64]:
        # a sample of as many features: (n,) -> (1, n) -> (n,)
        made = DEFINITIONS[cell.step.kind](xs[None], *(np.array([each]) for each in learnt.values()), **cell.keywords)
        return np.asarray(made[0], np.float64)

    y = float(function(np.array([x]))[0])
    details: Activation = {
        "x": x, "y": y, "curve": _curve(function, x), "settings": settings, "from": cell.source(0, cell.index)
    }  # fmt: skip
    numbers = {"x": x, **settings}
    return Made(formula, y, cell.alone(cell.index, y), numbers, code, details, passed=abs(x))


def _curve(function: Any, x: float) -> Curve:
    """Return points of a function from −r to r, the number x well between them."""
    reach = max(6.0, 1.2 * abs(x)) if np.isfinite(x) else 6.0
    xs = np.linspace(-reach, reach, CURVE)
    return {"x": xs, "y": function(xs)}
