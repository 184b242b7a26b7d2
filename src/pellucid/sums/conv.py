"""One number of a convolution: a patch of the input times a kernel, channel by channel, and the bias; and one of a
transposed convolution: all pixels whose kernel reaches it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry import Window
from .cell import Cell
from .details import Convolution
from .made import Made, Terms, grid
from .windows import Patch


def conv2d(cell: Cell) -> Made:
    """``y[f, oy, ox] = bias[f] + Σ c, ky, kx  x[c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] · weight[f, c, ky, kx]``

    The terms are the products of the taps that lie in the image; those in the padding read 0.
    """
    x, weight, *rest = cell.inputs
    out, *place = cell.index
    bias = float(rest[0][out]) if rest else 0.0
    # with G groups, run g of the filters sees run g of the channels only
    seen = weight.shape[1]
    first = out // (len(weight) // cell.keywords["groups"]) * seen
    patch = Patch.at(cell.keywords["window"], (x.shape[1], x.shape[2]), (place[0], place[1]))
    pixels, kernel = patch.read(x[first : first + seen]), weight[out]
    # (C/G, KH, KW) · (C/G, KH, KW)
    products = pixels.astype(np.float64) * kernel
    inside, positions = patch.inside, patch.pixels()
    # the places of each channel in its own row: (C/G, K, 3) -> (C/G·K, 3)
    indices = np.empty((seen, len(positions), 3), np.int64)
    indices[..., 0] = np.arange(first, first + seen)[:, None]
    indices[..., 1:] = positions
    subtotals = products.sum(axis=(1, 2))
    details: Convolution = {
        "patch": pixels, "kernel": kernel, "subtotals": subtotals, "bias": bias, "input": cell.step.inputs[0],
        "channels": list(range(first, first + seen)), "groups": cell.keywords["groups"], **patch.details(),
    }  # fmt: skip
    return Made(
        "y[f, oy, ox] = bias[f] + Σ c, ky, kx  x[c, oy·SH + ky·DH − top, ox·SW + kx·DW − left] · weight[f, c, ky, kx]",
        float(subtotals.sum() + bias),
        Terms.of(cell.step.inputs[0], indices.reshape(-1, 3), products[:, inside].ravel()),
        {"patch": pixels, "kernel": kernel, "bias": bias},
        ["y = bias + (patch * kernel).sum()"],
        details,
        bias,
    )  # fmt: skip


def conv_transpose2d(cell: Cell) -> Made:
    """``y[c, i, j] = bias[c] + Σ f, oy, ox  x[f, oy, ox] · weight[f, c, ky, kx]``, over all places of the window
    whose tap (ky, kx) lies on (i, j).
    """
    x, weight, *rest = cell.inputs
    window, groups = cell.keywords["window"], cell.keywords["groups"]
    channel, *pixel = cell.index
    bias = float(rest[0][channel]) if rest else 0.0
    # with G groups, run g of the filters makes run g of the channels only
    each, filters = weight.shape[1], len(weight) // groups
    first = channel // each * filters
    (rows, ky), (columns, kx) = (_places(window, axis, pixel[axis], x.shape[1 + axis]) for axis in (0, 1))
    run = np.arange(first, first + filters)
    pixels = x[np.ix_(run, rows, columns)].astype(np.float64)
    kernel = weight[run, channel % each][:, ky][:, :, kx]
    # (F/G, R, S) · (F/G, R, S)
    products = pixels * kernel
    return Made(
        "y[c, i, j] = bias[c] + Σ f, oy, ox  x[f, oy, ox] · weight[f, c, ky, kx], whose tap lies on (i, j)",
        float(products.sum() + bias),
        Terms.of(cell.step.inputs[0], grid(run, rows, columns), products.ravel()),
        {"pixels": pixels, "kernel": kernel, "bias": bias},
        ["y = bias + (pixels * kernel).sum()"],
        {
            "pixels": pixels, "kernel": kernel, "bias": bias, "input": cell.step.inputs[0], "channels": run,
            "rows": rows, "columns": columns, "groups": groups,
        },
        bias,
    )  # fmt: skip


def _places(window: Window, axis: int, pixel: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of a window along an axis, of so many, that have a tap on a pixel, and which tap it is."""
    before, stride, dilation = window.sides[axis][0], window.stride[axis], window.dilation[axis]
    begins = [(pixel + before - tap * dilation, tap) for tap in range(window.kernel_size[axis])]
    found = [(begin // stride, tap) for begin, tap in begins if begin % stride == 0 and 0 <= begin // stride < count]
    places, taps = np.array(found, np.int64).reshape(-1, 2).T
    return places, taps
