"""Images made anew at every epoch, in ways that leave what they show: shifted, mirrored, turned, coloured, covered.

Each function takes scaled images and draws for each of them alone: sample n of the batch, number `index[n]` of the data
set, has the random words of Philox at the counters (index[n], ordinal of the augmentation, 0, group), four words to a
group. The key stands for seed and epoch. So what a sample looks like depends on nothing else, not on the batch it is in
or its place there, and can be drawn again alone. A word's upper 24 bits make a number u in [0, 1), exactly.

Where an image ends, `fill` is put: what a pixel of value 0 has become by scaling, for each channel or one for all.

Axes: N samples, C channels, H W pixels (i, j).
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import random
from .arrays import Array, Whole

Key: TypeAlias = NDArray[np.uint32]
Numbers: TypeAlias = tuple[float, ...]
Floats32: TypeAlias = NDArray[np.float32]

GREY = (0.299, 0.587, 0.114)
"""How bright red, green and blue look (ITU-R BT.601)."""
SINE = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(9, -1, -1))
COSINE = tuple((-1) ** k / math.factorial(2 * k) for k in range(9, -1, -1))
"""Taylor's series in θ², the highest power first; up to |θ| = π right to 1e-6."""


def crop(x: Array, key: Key, index: Whole, *, padding: int, fill: Numbers, ordinal: int) -> Array:
    """``y[n, c, i, j] = x[n, c, i + s − P, j + t − P]``, fill[c] where that lies outside: (N, C, H, W) -> the same.

    P is the padding, ``s = ⌊u₀·(2P + 1)⌋`` and ``t = ⌊u₁·(2P + 1)⌋``: the image is padded by P on all sides, and a part
    of its own size is cut out.
    """
    height, width = x.shape[2:]
    starts = _whole(_uniform(key, index, ordinal, 2), 2 * padding + 1)  # (N, 2)
    padded = _framed(x, padding, fill)  # (N, C, H, W) -> (N, C, H + 2P, W + 2P)
    parts = [image[:, s : s + height, t : t + width] for image, (s, t) in zip(padded, starts, strict=True)]
    return np.stack(parts)


def flip(x: Array, key: Key, index: Whole, *, p: float, ordinal: int) -> Array:
    """``y[n, c, i, j] = x[n, c, i, W − 1 − j]`` where u₀ < p, else ``x[n, c, i, j]``: (N, C, H, W) -> the same."""
    mirrored = _uniform(key, index, ordinal, 1).astype(np.float64) < p  # (N, 1)
    return np.where(mirrored[:, :, np.newaxis, np.newaxis], x[..., ::-1], x)


def affine(
    x: Array, key: Key, index: Whole, *, shift: float, rotate: float, scale: float, shear: float, fill: Numbers,
    ordinal: int,
) -> Array:  # fmt: skip
    """``y[n, c, i, j] = x[n, c]`` at the place (h, w), between four pixels, fill outside: (N, C, H, W) -> the same.

    Measured from the image's middle, and with v = 2u − 1 in [−1, 1),

        (w, h) = R(θ) · ((1, k), (0, 1)) · ((a, 0), (0, b)) · (j, i) + (s, t)

    where R(θ) turns by θ = rotate·v₂, a = 1 + scale·v₃ and b = 1 + scale·v₄ stretch, k = shear·v₅ shears, and
    (s, t) = shift·(v₀, v₁) moves. The map leads from the result's pixels to places in x; so a > 1 makes what x shows
    narrower.

    The places are computed in float32 whatever x's type, every operation rounded by itself, so that whoever does the
    same has the same places to the last bit. What is left to round is the mean of the four pixels.
    """
    rows, columns = _places(_uniform(key, index, ordinal, 6), x.shape[2:], shift, rotate, scale, shear)  # (N, H, W)
    up, left = np.floor(rows), np.floor(columns)
    down_by, right_by = ((place - pixel)[:, np.newaxis].astype(x.dtype)  # (N, H, W) -> (N, 1, H, W)
                         for place, pixel in ((rows, up), (columns, left)))  # fmt: skip
    framed = np.moveaxis(_framed(x, 2, fill), 1, -1)  # (N, C, H, W) -> (N, H + 4, W + 4, C)
    sample, h, w = np.arange(len(x))[:, np.newaxis, np.newaxis], up.astype(int) + 2, left.astype(int) + 2
    corners = [framed[sample, h + m, w + n] for m in (0, 1) for n in (0, 1)]  # (N, H, W, C) each
    a, b, c, d = (np.moveaxis(corner, -1, 1) for corner in corners)  # (N, H, W, C) -> (N, C, H, W)
    upper, lower = a + right_by * (b - a), c + right_by * (d - c)
    return np.asarray(upper + down_by * (lower - upper))


def _places(
    u: Floats32, size: tuple[int, ...], shift: float, rotate: float, scale: float, shear: float
) -> tuple[Floats32, Floats32]:
    """Return the places (h, w) that each pixel of each result is read from, no further outside than the pixel beside
    the image: u (N, 6) -> (N, H, W) twice."""
    one = np.float32(1)
    s, t, theta, a, b, k = (np.float32(2) * u - one).T  # exact
    s, t = np.float32(shift) * s, np.float32(shift) * t
    theta = np.float32(rotate) * theta
    a, b = one + np.float32(scale) * a, one + np.float32(scale) * b
    k = np.float32(shear) * k
    square = theta * theta
    sine, cosine = theta * _polynomial(SINE, square), _polynomial(COSINE, square)
    of_width = cosine * a, (cosine * k - sine) * b  # of the map's two rows, what multiplies j and i
    of_height = sine * a, (sine * k + cosine) * b
    middle = tuple(np.float32((length - 1) / 2) for length in size)
    i, j = (np.arange(length, dtype=np.float32) - half for length, half in zip(size, middle, strict=True))

    def place(row: tuple[Floats32, Floats32], moved: Floats32, axis: int) -> Floats32:
        of_row = row[1][:, np.newaxis] * i + (moved + middle[axis])[:, np.newaxis]  # (N, H)
        places = row[0][:, np.newaxis, np.newaxis] * j + of_row[:, :, np.newaxis]  # (N, H, W)
        return np.asarray(np.clip(places, np.float32(-1), np.float32(size[axis])))

    return place(of_height, t, 0), place(of_width, s, 1)


def _polynomial(coefficients: Numbers, x: Floats32) -> Floats32:
    """Horner's rule in float32, the highest power first."""
    total: Floats32 = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + np.float32(coefficient)
    return total


def colour_jitter(
    x: Array, key: Key, index: Whole, *, brightness: float, contrast: float, saturation: float, mean: Numbers,
    std: Numbers, ordinal: int,
) -> Array:  # fmt: skip
    """Brightness, contrast and saturation of colour images, changed one after the other: (N, 3, H, W) -> the same.

    With ``f = 1 + strength·(2u − 1)`` for each of the three, and r = x·std + mean the pixels before scaling,

        r ← f₀·r                                  brightness
        r ← m + f₁·(r − m), m the mean of g(r)    contrast
        r ← g(r) + f₂·(r − g(r))                  saturation

    where ``g = 0.299 red + 0.587 green + 0.114 blue`` is a pixel's grey. Nothing is cut off at black or white.
    """
    strengths = np.array([brightness, contrast, saturation], x.dtype)
    factors = 1 + strengths * (2 * _uniform(key, index, ordinal, 3).astype(x.dtype) - 1)  # (N, 3)
    bright, contrasted, saturated = factors.T[:, :, np.newaxis, np.newaxis, np.newaxis]  # (N, 1, 1, 1) each
    raw = x * _by_channel(std, x) + _by_channel(mean, x)
    raw = bright * raw
    grey = _grey(raw).mean(axis=(2, 3), keepdims=True)  # (N, 1, H, W) -> (N, 1, 1, 1)
    raw = grey + contrasted * (raw - grey)
    grey = _grey(raw)  # (N, 1, H, W)
    raw = grey + saturated * (raw - grey)
    return np.asarray((raw - _by_channel(mean, x)) / _by_channel(std, x))


def _grey(raw: Array) -> Array:
    """(N, 3, H, W) -> (N, 1, H, W)"""
    return np.asarray((raw * _by_channel(GREY, raw)).sum(axis=1, keepdims=True))


def cutout(x: Array, key: Key, index: Whole, *, size: int, fill: Numbers, ordinal: int) -> Array:
    """``y[n, c, i, j] = fill[c]`` in a square, ``x[n, c, i, j]`` around it: (N, C, H, W) -> the same.

    The square has `size` rows and columns, from ⌊u₀·H⌋ − ⌊size/2⌋ and ⌊u₁·W⌋ − ⌊size/2⌋ on; what hangs over the border
    is cut off.
    """
    places = _uniform(key, index, ordinal, 2)
    inside = []
    for axis, length in enumerate(x.shape[2:]):
        first = _whole(places[:, axis : axis + 1], length) - size // 2  # (N, 1)
        inside.append((np.arange(length) >= first) & (np.arange(length) < first + size))  # (N, length)
    square = inside[0][:, np.newaxis, :, np.newaxis] & inside[1][:, np.newaxis, np.newaxis, :]  # (N, 1, H, W)
    return np.where(square, _by_channel(fill, x), x)


def _uniform(key: Key, index: Whole, ordinal: int, count: int) -> Floats32:
    """Return `count` numbers u in [0, 1) for each sample: index (N,) -> (N, count)."""
    return random.uniform(random.pixel_words(key, index, ordinal, (count,)))


def _whole(u: Floats32, below: int) -> NDArray[np.int64]:
    """``⌊u · below⌋``, exactly."""
    return (u.astype(np.float64) * below).astype(np.int64)


def _framed(x: Array, padding: int, fill: Numbers) -> Array:
    """Put a frame of `fill` round the images: (N, C, H, W) -> (N, C, H + 2P, W + 2P)."""
    samples, channels, height, width = x.shape
    framed = np.empty((samples, channels, height + 2 * padding, width + 2 * padding), x.dtype)
    framed[...] = _by_channel(fill, x)
    framed[:, :, padding : padding + height, padding : padding + width] = x
    return framed


def _by_channel(numbers: Numbers, x: Any) -> Array:
    """Return the numbers in x's dtype, shaped to meet its channels: (C,) -> (C, 1, 1)."""
    return np.array(numbers, x.dtype).reshape(-1, 1, 1)
