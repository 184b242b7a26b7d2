"""Images of another size: pixels repeated, or weighted sums of the nearest ones.

``resize: y[n, c, o, p] = (1 − s)·u[n, c, i, p] + s·u[n, c, i′, p]``, of columns u likewise made of those of x

Along each axis a place lies between two pixels i and i′, and s is the share of the second ("bilinear"); or it shows one
pixel ("nearest"), and s is 0. Where a place lies among the pixels is said by `coordinates`: the middles of pixels are
compared ("half_pixel"), or their edges ("asymmetric"), or the middles of the outermost pixels come to lie upon each
other ("align_corners").

Axes: N samples, C channels, H W pixels, OH OW places, SH SW how often a pixel is repeated.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .arrays import Array

Pair = tuple[int, int]
Scale = tuple[float, float] | None
Indices = NDArray[np.intp]


def repeat_pixels(x: Array, *, times: Pair) -> Array:
    """``y[n, c, o, p] = x[n, c, o // SH, p // SW]``: (N, C, H, W) -> (N, C, H·SH, W·SW)."""
    return x.repeat(times[0], axis=2).repeat(times[1], axis=3)


def repeat_pixels_grad_input(grad_output: Array, *, times: Pair) -> Array:
    """``∂L/∂x[n, c, i, j] = Σ grad_output`` over the places that show the pixel: (N, C, H·SH, W·SW) -> (N, C, H, W)."""
    samples, channels, rows, columns = grad_output.shape
    # (N, C, H·SH, W·SW) -> (N, C, H, SH, W, SW) -> (N, C, H, W)
    blocks = grad_output.reshape(samples, channels, rows // times[0], times[0], columns // times[1], times[1])
    return np.asarray(blocks.sum(axis=(3, 5)))


def resize(x: Array, *, size: Pair, scale: Scale, mode: str, coordinates: str) -> Array:
    """(N, C, H, W) -> (N, C, H, OW) -> (N, C, OH, OW), of `size`."""
    for axis in (3, 2):
        factor = None if scale is None else scale[axis - 2]
        first, second, share = taps(x.shape[axis], size[axis - 2], factor, mode, coordinates)
        one = x.take(first, axis)
        x = one if mode == "nearest" else one + _along(share, axis, x) * (x.take(second, axis) - one)
    return x


def resize_grad_input(
    grad_output: Array, *, shape: tuple[int, ...], scale: Scale, mode: str, coordinates: str
) -> Array:
    """``∂L/∂x[n, c, i, j] = Σ grad_output``, over all places by the pixel's share in them: (N, C, OH, OW)
    -> (N, C, H, OW) -> (N, *shape)."""
    for axis in (2, 3):
        factor = None if scale is None else scale[axis - 2]
        first, second, share = taps(shape[axis - 1], grad_output.shape[axis], factor, mode, coordinates)
        sizes = list(grad_output.shape)
        sizes[axis] = shape[axis - 1]
        total, shares = np.zeros(sizes, grad_output.dtype), _along(share, axis, grad_output)
        for pixels, part in ((first, (1 - shares) * grad_output), (second, shares * grad_output)):
            np.add.at(np.moveaxis(total, axis, 0), pixels, np.moveaxis(part, axis, 0))
        grad_output = total
    return grad_output


def taps(size: int, places: int, scale: float | None, mode: str, coordinates: str) -> tuple[Indices, Indices, Array]:
    """Return between which two of `size` pixels along an axis each place lies, and the second one's share in it.

    Parameters
    ----------
    size, places : int
    scale : float or None
        Places a pixel; None for ``places / size``.
    mode : str
        "nearest", of which the share is 0, or "bilinear".
    coordinates : str
        "half_pixel", "asymmetric" or, for "bilinear" alone, "align_corners".

    Returns
    -------
    first, second : array of int (places,)
    share : array (places,)
    """
    o = np.arange(places)
    if mode == "nearest":
        twice = 2 * o + (
            coordinates == "half_pixel"
        )  # the place or its middle, in halves, so that no number is rounded
        pixels = twice * size // (2 * places) if scale is None else np.floor(twice / (2 * scale)).astype(int)
        pixels = pixels.clip(0, size - 1)
        return pixels, pixels, np.zeros(places)
    a_place = size / places if scale is None else 1 / scale
    if coordinates == "align_corners":
        at = o * ((size - 1) / max(1, places - 1))
    else:
        at = o * a_place if coordinates == "asymmetric" else (o + 0.5) * a_place - 0.5
    at = at.clip(0, size - 1)
    first = np.floor(at).astype(int)
    return first, np.minimum(first + 1, size - 1), at - first


def _along(share: Array, axis: int, x: Array) -> Array:
    """Return shares of places in x's type, along an axis of images."""
    return share.astype(x.dtype).reshape([-1 if each == axis else 1 for each in range(4)])


def places_of(size: int, scale: float) -> int:
    """Return how many places so many pixels get by a factor: ``⌊size · scale⌋``."""
    return math.floor(size * scale)
