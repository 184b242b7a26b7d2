"""One number of a convolution: a patch of the input times a kernel, channel by channel, and the bias."""

from __future__ import annotations

import numpy as np

from .cell import Cell
from .made import Made, Terms
from .windows import Patch


def conv2d(cell: Cell) -> Made:
    """``y[f, oy, ox] = bias[f] + Σ c, ky, kx  x[c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] · weight[f, c, ky, kx]``

    The terms are the products of the taps that lie in the image; those in the padding read 0.
    """
    x, weight, *rest = cell.inputs
    filter, *place = cell.index
    bias = float(rest[0][filter]) if rest else 0.0
    # with G groups, run g of the filters sees run g of the channels only
    seen = weight.shape[1]
    first = filter // (len(weight) // cell.keywords["groups"]) * seen
    patch = Patch.at(cell.keywords["window"], (x.shape[1], x.shape[2]), (place[0], place[1]))
    pixels, kernel = patch.read(x[first : first + seen]), weight[filter]
    # (C/G, KH, KW) · (C/G, KH, KW)
    products = pixels.astype(np.float64) * kernel
    inside, positions = patch.inside, patch.pixels()
    # the places of each channel in its own row: (C/G, K, 3) -> (C/G·K, 3)
    indices = np.empty((seen, len(positions), 3), np.int64)
    indices[..., 0] = np.arange(first, first + seen)[:, None]
    indices[..., 1:] = positions
    subtotals = products.sum(axis=(1, 2))
    return Made(
        "y[f, oy, ox] = bias[f] + Σ c, ky, kx  x[c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] · weight[f, c, ky, kx]",
        float(subtotals.sum() + bias),
        Terms.of(cell.step.inputs[0], indices.reshape(-1, 3), products[:, inside].ravel()),
        {"patch": pixels, "kernel": kernel, "bias": bias},
        ["y = bias + (patch * kernel).sum()"],
        {
            "patch": pixels, "kernel": kernel, "subtotals": subtotals, "bias": bias, "input": cell.step.inputs[0],
            "channels": list(range(first, first + seen)), "groups": cell.keywords["groups"], **patch.details(),
        },
        bias,
    )  # fmt: skip
