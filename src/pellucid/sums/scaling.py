"""One number of what the first layer sees: a pixel, scaled."""

from __future__ import annotations

import numpy as np

from .cell import Cell
from .made import Made


def scale(cell: Cell) -> Made:
    """``y[c, …] = (x[c, …] / 255 − mean[c]) / std[c]``; only bytes are divided by 255

    The term is what the pixel brings, the constant the −mean/std that it meets.
    """
    pixel, channel = cell.inputs[0][cell.index], cell.index[0]
    mean, std = (each[channel if len(each) > 1 else 0] for each in (cell.keywords["mean"], cell.keywords["std"]))
    x, divisor = float(pixel), 255 if pixel.dtype == np.uint8 else 1
    y = (x / divisor - mean) / std
    formula, code = "y = (x − mean[c]) / std[c]", "y = (x - mean) / std"
    if divisor == 255:
        formula, code = "y = (x/255 − mean[c]) / std[c]", "y = (x / 255 - mean) / std"
    return Made(
        formula,
        y,
        cell.alone(cell.index, x / divisor / std),
        {"x": pixel.item(), "mean": mean, "std": std},
        [code],
        {"pixel": pixel, "divisor": divisor, "mean": mean, "std": std},
        -mean / std,
    )
