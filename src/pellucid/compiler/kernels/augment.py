"""Images made anew at every epoch. The formulas and the random words are those of `definitions.augment`.

What is drawn, and the places that `affine` reads, are the definition's to the last bit: each operation that leads there
is rounded by itself.

Axes: n samples, i j rows and columns of pixels, c channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...geometry import Pair
from ..builder import Kernel, Span
from ..cuts import full_pieces, full_runs
from ..mathematics import ROUNDER, ROUNDER_BITS
from ..philox import LOW, key_words, philox
from ..tensors import INT64, UINT32, Tensor
from ..values import Index, Integer, Vector, Words, pick
from .sweeps import copy, covering, lanes_within, sweep

Numbers = tuple[float, ...]
"""One number for all channels, or one for each."""
GROUP = 4
"""Words that Philox draws at once."""
COLOURS, LANES_OF_COLOURS = 3, 4
"""Channels of a colour image, and the lanes of a vector that holds those of a pixel."""


def crop(k: Kernel, size: Pair, channels: int, padding: int, fill: Numbers, ordinal: int) -> None:
    """``y[n, i, j, c] = x[n, i + s − P, j + t − P, c]``, and fill[c] where that lies outside.

    Every row is filled first, and then overwritten with what there is of x.
    """
    (height, width), row = size, size[1] * channels
    images, x, key, index, y = _declared(k, height, row)
    empty, shortest = _Row(k, fill, width, channels), (width - padding) * channels
    lanes = lanes_within(shortest, k.isa.lanes)

    with k.range(*images) as n:
        s, t = (_below(2 * padding + 1, word).index() for word in draw(k, key, index.integer(n), ordinal, 2))
        down, across = s - padding, t - padding
        first = k.maximum(-across, 0)
        length = (k.minimum(width - across, width) - first) * channels
        with k.range(0, height) as i:
            empty.write(y.at(n, i))
        with k.range(k.maximum(-down, 0), k.minimum(height - down, height)) as i:
            source, target = x.at(n, i + down), y.at(n, i)
            begin, to = (first + across) * channels, first * channels
            with k.range(0, length // lanes, nonempty=True) as v:
                target.store(source.load(begin + v * lanes, lanes=lanes), to + v * lanes)
            last = length - lanes  # shares numbers with the one before, where vectors do not divide the length
            target.store(source.load(begin + last, lanes=lanes), to + last)


def flip(k: Kernel, size: Pair, channels: int, p: float, ordinal: int) -> None:
    """``y[n, i, j, c] = x[n, i, W − 1 − j, c]`` where u < p, else ``x[n, i, j, c]``"""
    (height, width), row = size, size[1] * channels
    images, x, key, index, y = _declared(k, height, row)
    pixels = max(1, k.isa.lanes // channels)  # that a vector holds
    with k.range(*images) as n:
        (word,) = draw(k, key, index.integer(n), ordinal, 1)
        below = math.ceil(p * 2**24)  # u < p, for u·2²⁴ is whole; the difference is negative then, and its sign bit 1
        mirrored = (((word >> 8) - below) >> 63).index()
        with k.range(0, mirrored), k.range(0, height) as i:  # once, or not at all
            for run in full_runs(width, pixels):
                with k.range(run.start, run.stop, run.size) as j:
                    _mirror(k, x.at(n, i), (width - run.size - j) * channels, y.at(n, i), j, run.size, channels)
        with k.range(mirrored, 1), k.range(0, height) as i:
            copy(k, row, x.at(n, i), 0, y.at(n, i), 0)


def _mirror(k: Kernel, x: Tensor, begin: Integer, y: Tensor, j: Integer, pixels: int, channels: int) -> None:
    """Write so many pixels of x, those from number `begin` on, the other way round into y, from pixel j on."""
    for start, live in full_pieces(pixels * channels, k.isa.lanes):
        vector = x.load(begin + start, lanes=k.isa.lanes, live=live)
        if pixels > 1:  # then all of them are in one vector
            numbers = [divmod(min(lane, live - 1), channels) for lane in range(k.isa.lanes)]
            vector = pick([vector], [(0, (pixels - 1 - pixel) * channels + c) for pixel, c in numbers])
        y.store(vector, j * channels + start, live=live)


def cutout(k: Kernel, size: Pair, channels: int, side: int, fill: Numbers, ordinal: int) -> None:
    """``y[n, i, j, c] = fill[c]`` in a square, which may hang over the border, and ``x[n, i, j, c]`` around it."""
    height, row = size[0], size[1] * channels
    images, x, key, index, y = _declared(k, height, row)
    pixel = _Row(k, fill, 1, channels)
    with k.range(*images) as n:
        spans = []
        for length, word in zip(size, draw(k, key, index.integer(n), ordinal, 2), strict=True):
            first = _below(length, word).index() - side // 2
            spans.append((k.maximum(first, 0), k.minimum(first + side, length)))
        with k.range(0, height) as i:
            copy(k, row, x.at(n, i), 0, y.at(n, i), 0)
        with k.range(*spans[0]) as i, k.range(*spans[1]) as j:
            pixel.write(y.at(n, i), j * channels)


def affine(
    k: Kernel, size: Pair, channels: int, shift: float, rotate: float, scale: float, shear: float, fill: Numbers,
    ordinal: int, series: tuple[Numbers, Numbers],
) -> None:  # fmt: skip
    """``y[n, i, j, c] = x[n, :, :, c]`` at a place between four pixels, which a map leads to from (i, j).

    A lane works on one number of a row of y, so that channels and pixels are one axis.
    """
    (height, width), row = size, size[1] * channels
    lanes = lanes_within(row, k.isa.lanes)
    images, x, key, index, y = _declared(k, height, row)
    whole = x.view(0, k.samples, height * row)
    across = k.table("j", [j - (width - 1) / 2 for j in range(width) for _ in range(channels)])
    channel = k.table("c", [float(c) for _ in range(width) for c in range(channels)])
    down = k.table("i", [i - (height - 1) / 2 for i in range(height)])
    empty = _Row(k, fill, width, channels)
    bottom, right, outside = (k.constant(number, lanes) for number in (height, width, -1))

    with k.range(*images) as n:
        drawn = draw(k, key, index.integer(n), ordinal, 6, lanes)
        map_ = _Map(k, [_uniform(k, word) for word in drawn], (shift, rotate, scale, shear), series)
        with k.range(0, height) as i:
            from_row = map_.of_row(down.splat(i, lanes=lanes), ((height - 1) / 2, (width - 1) / 2))
            for e in sweep(k, row, lanes):
                h, w = map_.places(across.load(e, lanes=lanes), from_row)
                h, w = h.maximum(outside).minimum(bottom), w.maximum(outside).minimum(right)
                up, left = _floor(h), _floor(w)
                number, corners = _whole(channel.load(e, lanes=lanes)), []
                for m, o in ((0, 0), (0, 1), (1, 0), (1, 1)):
                    pixel_row, pixel = _whole(up) + m, _whole(left) + o
                    inside = (pixel_row < height) & (pixel < width)  # a row of −1 is a huge one
                    at = pixel_row * row + pixel * channels + number
                    corners.append(whole.gather(n, at=at, where=inside, otherwise=empty.load(e, lanes)))
                a, b, c, d = corners
                right_by = (w - left).rounded()
                upper, lower = a + right_by * (b - a), c + right_by * (d - c)
                y.store(upper + (h - up).rounded() * (lower - upper), n, i, e)


class _Map:
    """The map of one sample: from a pixel's distance from the middle, along both axes, to the place that it is read
    from. Every number is in all lanes."""

    def __init__(self, k: Kernel, u: Sequence[Vector], strengths: Numbers, series: tuple[Numbers, Numbers]):
        lanes = u[0].lanes
        one, two = k.constant(1.0, lanes), k.constant(2.0, lanes)
        shift, rotate, scale, shear = (k.constant(strength, lanes) for strength in strengths)
        s, t, theta, a, b, slant = ((two * each).rounded() - one for each in u)
        self._k, self._moved = k, ((shift * t).rounded(), (shift * s).rounded())
        theta, slant = (rotate * theta).rounded(), (shear * slant).rounded()
        a, b = ((scale * a).rounded() + one, (scale * b).rounded() + one)
        square = (theta * theta).rounded()
        sine = (theta * _polynomial(k, series[0], square)).rounded()
        cosine = _polynomial(k, series[1], square)
        self._of_column = (sine * a).rounded(), (cosine * a).rounded()
        self._of_row = (
            (((sine * slant).rounded() + cosine) * b).rounded(),
            (((cosine * slant).rounded() - sine) * b).rounded(),
        )

    def of_row(self, i: Vector, middle: tuple[float, float]) -> list[Vector]:
        """Return what a row of pixels has in common, for (h, w)."""
        centres = (self._k.constant(number, i.lanes) for number in middle)
        parts = zip(self._of_row, self._moved, centres, strict=True)
        return [(factor * i).rounded() + (moved + centre) for factor, moved, centre in parts]

    def places(self, j: Vector, of_row: Sequence[Vector]) -> tuple[Vector, Vector]:
        """Return the places (h, w) of pixels of a row."""
        h, w = ((factor * j).rounded() + common for factor, common in zip(self._of_column, of_row, strict=True))
        return h, w


def _polynomial(k: Kernel, coefficients: Numbers, x: Vector) -> Vector:
    """Horner's rule, each operation rounded by itself."""
    total = k.constant(coefficients[0], x.lanes)
    for coefficient in coefficients[1:]:
        total = (total * x).rounded() + k.constant(coefficient, x.lanes)
    return total


def colour_jitter(
    k: Kernel, size: Pair, strengths: Numbers, mean: Numbers, std: Numbers, grey: Numbers, ordinal: int
) -> None:
    """``r ← f₀·r``, ``r ← m + f₁·(r − m)``, ``r ← g(r) + f₂·(r − g(r))`` for pixels r = x·std + mean of 3 channels.

    m, the mean of g, is g of the channels' means.
    """
    (height, width), pixels = size, size[0] * size[1]
    images, x, key, index, y = _declared(k, height, width * COLOURS)
    lanes, averages = lanes_within(pixels, k.isa.lanes), k.scratch("averages", LANES_OF_COLOURS)
    flat_x, flat_y = (each.view(0, k.samples, pixels * COLOURS) for each in (x, y))

    with k.range(*images) as n:
        averages.store(_average(k, x.at(n), height, width), 0)
        drawn = draw(k, key, index.integer(n), ordinal, 3, lanes)
        factors = [_factor(k, strength, word) for strength, word in zip(strengths, drawn, strict=True)]
        colours = _Colours(k, lanes, factors, mean, std, grey)
        middle = colours.grey([colours.raw(c, averages.splat(c, lanes=lanes)) for c in range(COLOURS)])
        for run in covering(pixels, lanes):
            with k.range(run.start, run.stop, lanes) as p:
                loaded = [flat_x.load(n, p * COLOURS + v * lanes, lanes=lanes) for v in range(COLOURS)]
                by_colour = [[divmod(at, lanes) for at in range(c, lanes * COLOURS, COLOURS)] for c in range(COLOURS)]
                made = colours.changed([pick(loaded, places) for places in by_colour], middle)
                for v in range(COLOURS):
                    places = [(at % COLOURS, at // COLOURS) for at in range(v * lanes, (v + 1) * lanes)]
                    flat_y.store(pick(made, places), n, p * COLOURS + v * lanes)


def _average(k: Kernel, x: Tensor, height: int, width: int) -> Vector:
    """Return the means of the channels: a chain of sums for every row, and one for the rows' sums."""
    total = k.registers(["image", "row"], 1, LANES_OF_COLOURS)
    total["image", 0] = k.zeros(LANES_OF_COLOURS)
    with k.range(0, height) as i:
        total["row", 0] = k.zeros(LANES_OF_COLOURS)
        with k.range(0, width) as j:
            total["row", 0] += x.load(i, j * COLOURS, lanes=LANES_OF_COLOURS, live=COLOURS)
        total["image", 0] += total["row", 0]
    return (total["image", 0] * k.constant(1 / (height * width), LANES_OF_COLOURS)).rounded()


def _factor(k: Kernel, strength: float, word: Words) -> Vector:
    """``1 + strength·(2u − 1)``"""
    one, two = k.constant(1.0, word.lanes), k.constant(2.0, word.lanes)
    return k.constant(strength, word.lanes) * ((two * _uniform(k, word)).rounded() - one) + one


class _Colours:
    """What is done to pixels whose three channels are three vectors."""

    def __init__(
        self, k: Kernel, lanes: int, factors: Sequence[Vector], mean: Numbers, std: Numbers, grey: Numbers
    ):  # fmt: skip
        self._bright, self._contrasted, self._saturated = factors
        self._weights = [k.constant(weight, lanes) for weight in grey]
        self._means, self._deviations = (
            [k.constant(numbers[c % len(numbers)], lanes) for c in range(COLOURS)] for numbers in (mean, std)
        )

    def raw(self, c: int, scaled: Vector) -> Vector:
        """Return a channel of pixels before scaling, after the change of brightness."""
        return (self._bright * (scaled * self._deviations[c] + self._means[c])).rounded()

    def grey(self, raw: Sequence[Vector]) -> Vector:
        """Return how bright pixels look."""
        red, green, blue = (weight * channel for weight, channel in zip(self._weights, raw, strict=True))
        return blue + (green + red.rounded())

    def changed(self, scaled: Sequence[Vector], middle: Vector) -> list[Vector]:
        """Return the pixels as they are to be; `middle` is the image's mean grey."""
        raw = [middle + self._contrasted * (self.raw(c, each) - middle) for c, each in enumerate(scaled)]
        grey = self.grey(raw)
        return [
            (grey + self._saturated * (each - grey) - mean) / deviation
            for each, mean, deviation in zip(raw, self._means, self._deviations, strict=True)
        ]


# ---- what they have in common
def _declared(k: Kernel, rows: int, row: int) -> tuple[Span, Tensor, tuple[Index, Index], Tensor, Tensor]:
    """Declare a kernel's range of images and its tensors, images of so many rows with so many numbers."""
    images = k.piece("images", k.samples)
    x = k.tensor("x", k.samples, rows, row)
    key = key_words(k.tensor("key", 2, element=UINT32))
    index = k.tensor("index", k.samples, element=INT64)
    return images, x, key, index, k.tensor("y", k.samples, rows, row)


def draw(k: Kernel, key: tuple[Index, Index], index: Index, ordinal: int, count: int, lanes: int = 1) -> list[Words]:
    """Return a sample's first random words, each the same in all lanes of 64 bits."""
    words: list[Words] = []
    for group in range(-(-count // GROUP)):
        sample, consumer, pixel, own = (k.spread(number, lanes, 64) for number in (index, ordinal, 0, group))
        words += philox(k, (sample, consumer, pixel, own), key)
    return [word & LOW for word in words[:count]]


def _below(count: int, word: Words) -> Words:
    """``⌊u · count⌋``, for u the word's upper 24 bits times 2⁻²⁴."""
    return ((word >> 8) * count) >> 24


def _uniform(k: Kernel, word: Words) -> Vector:
    """Return u itself, which is exact."""
    return ((word >> 8).to(32).floats() * k.constant(2.0**-24, word.lanes)).rounded()


def _floor(v: Vector) -> Vector:
    """Return the next lower whole number, of magnitudes below 2²²."""
    rounder = v.kernel.constant(ROUNDER, v.lanes)
    near = (v + rounder) - rounder
    return (near > v).choose(near - v.kernel.constant(1.0, v.lanes), near)


def _whole(v: Vector) -> Words:
    """Return whole numbers as integers, where negative ones are huge."""
    return (v + v.kernel.constant(ROUNDER, v.lanes)).bits() - ROUNDER_BITS


class _Row:
    """Neighbouring pixels that are all `fill`, part of the code."""

    def __init__(self, k: Kernel, fill: Numbers, pixels: int, channels: int):
        self._k, self._size, self._first = k, pixels * channels, fill[0]
        alike = len(set(fill)) == 1
        self._table = None if alike else k.table("fill", [fill[c] for _ in range(pixels) for c in range(channels)])

    def load(self, e: Integer, lanes: int) -> Vector:
        """Return neighbouring numbers from e on."""
        if self._table is None:
            return self._k.constant(self._first, lanes)
        return self._table.load(e, lanes=lanes)

    def write(self, target: Tensor, to: Integer = 0) -> None:
        """Write all of it, to where `to` says."""
        lanes = lanes_within(self._size, self._k.isa.lanes)
        for e in sweep(self._k, self._size, lanes):
            target.store(self.load(e, lanes), e + to)
