"""Max and average pooling, and their gradients. The formulas are those of `definitions.pool`.

Axes: n samples, oy ox places of the window, a b regions, i j pixels, c channels. The channels run along the lanes of
vectors; v counts those side by side.

A gradient is added to its pixels window by window, onto zeros. Where windows are disjoint there is nothing to add to:
every pixel of a window is written once, and zeros go to what no window reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...geometry import Pair, Window
from ..builder import Kernel, Span
from ..tensors import UINT32, Registers
from ..values import Integer, Vector
from .places import Image, Pixel, Place, Pooling, blocks


# ---- the largest pixel
def max_pool2d(k: Kernel, channels: int, size: Pair, window: Window) -> None:
    """``y[n, oy, ox, c] = max ky, kx  x[n, oy·SH + ky·DH − top, ox·SW + kx·DW − left, c]``"""
    pool = Pooling.of(channels, size, window)
    images, rows = k.piece("images", k.samples), k.piece("rows", pool.out_size[0])
    x, y = Image(k, "x", size, channels), Image(k, "y", pool.out_size, channels)

    with k.range(*images) as n, k.range(*rows) as oy:
        for place in pool.places(k, n, oy):
            largest = place.block.registers(k, -float("inf"))
            for tap, pixel in place.taps():
                for v in place.block.vectors:
                    value, best = x.load(pixel, v), largest[0, v]
                    # In this order the inner choice is one instruction of x86, and keeps a best that is NaN.
                    better = value.is_nan().choose(value, (value > best).choose(value, best))
                    largest[0, v] = value if tap == place.first_tap else better
            for v in place.block.vectors:
                y.store(largest[0, v], place.result, v)


def max_pool2d_winners(k: Kernel, channels: int, size: Pair, window: Window, steps: Pair) -> None:
    """``y`` as `max_pool2d` makes it, and ``winner[n, oy, ox, c] = i · steps₀ + j · steps₁`` of the pixel (i, j) that
    it came from: the one that the gradient of y will go to. Every window sees a pixel."""
    pool = Pooling.of(channels, size, window)
    images, rows = k.piece("images", k.samples), k.piece("rows", pool.out_size[0])
    x, y = Image(k, "x", size, channels), Image(k, "y", pool.out_size, channels)
    winner = Image(k, "winner", pool.out_size, channels, UINT32)

    with k.range(*images) as n, k.range(*rows) as oy:
        for place in pool.places(k, n, oy):
            first = _number(place.first_pixel, steps)
            largest, from_first = _winners(place, x, steps)
            for v in place.block.vectors:
                y.store(largest[0, v], place.result, v)
                winner.store(from_first[0, v].bits() + k.spread(first, place.block.lanes), place.result, v)


def max_pool2d_grad_input(k: Kernel, channels: int, size: Pair, window: Window, relu: bool = False) -> None:
    """``grad_input[n, i, j, c] = Σ oy, ox  grad_output[n, oy, ox, c]`` over the windows that the pixel (i, j) wins

    A window's gradient goes to its first pixel that is the largest, or NaN. With `relu` x is the output of a ReLU, and
    the result is multiplied by that one's derivative: 1 where x > 0, else 0.
    """
    pool = Pooling.of(channels, size, window)
    images = k.piece("images", k.samples)
    x, grad_output = Image(k, "x", size, channels), Image(k, "grad_output", pool.out_size, channels)
    grad_input = Image(k, "grad_input", size, channels)

    with k.range(*images) as n:
        for oy in _rows_over_zeros(k, pool, grad_input, n):
            for place in pool.places(k, n, oy):
                lanes, vectors, gradient = place.block.lanes, place.block.vectors, place.block.registers(k, 0.0)
                zero, one = k.zeros(lanes), k.constant(1.0, lanes)
                largest, winner = _winners(place, x)
                for v in vectors:
                    gradient[0, v] = grad_output.load(place.result.alone(), v)
                    if relu:
                        gradient[0, v] *= (largest[0, v] > zero).choose(one, zero)
                for tap, pixel in place.taps():
                    for v in vectors:
                        wins = winner[0, v].bits().equals(tap if isinstance(tap, int) else k.spread(tap, lanes))
                        _give(pool, grad_input, wins.choose(gradient[0, v], zero), pixel, v)


def _number(pixel: Pixel, steps: Pair) -> Integer:
    return pixel.row * steps[0] + pixel.column * steps[1]


def _winners(place: Place, x: Image, steps: Pair | None = None) -> tuple[Registers, Registers]:
    """Return the largest pixels of a window, and as bits the numbers of their taps; a NaN counts as the largest.

    With `steps` a tap's number is how far its pixel lies from that of the first one.
    """
    k, block = place.k, place.block

    def number(tap: Integer, pixel: Pixel) -> Integer:
        return tap if steps is None else _number(pixel, steps) - _number(place.first_pixel, steps)

    largest, winner = block.registers(k, -float("inf")), block.registers(k, 0.0)
    for v in block.vectors:
        winner[0, v] = _bits(k, number(place.first_tap, place.first_pixel), block.lanes)
    for tap, pixel in place.taps():
        for v in block.vectors:
            value, best = x.load(pixel, v), largest[0, v]
            if tap == place.first_tap:
                largest[0, v] = value
                continue
            stays = (value <= best) | best.is_nan()
            largest[0, v] = stays.choose(best, value)
            winner[0, v] = stays.choose(winner[0, v], _bits(k, number(tap, pixel), block.lanes))
    return largest, winner


def _bits(k: Kernel, number: Integer, lanes: int) -> Vector:
    """Return the floats whose bits are a number: masks choose from floats."""
    return (k.words([number] * lanes) if isinstance(number, int) else k.spread(number, lanes)).as_floats()


# ---- the mean
def avg_pool2d(k: Kernel, channels: int, size: Pair, window: Window, count_include_pad: bool = True) -> None:
    """``y[n, oy, ox, c] = Σ ky, kx  x[n, oy·SH + ky·DH − top, ox·SW + kx·DW − left, c] / count[oy, ox]``

    The pixels of each row of the window are added up first, then the rows.
    """
    pool, counts = Pooling.of(channels, size, window), _Counts(k, size, window, count_include_pad)
    images, rows = k.piece("images", k.samples), k.piece("rows", pool.out_size[0])
    x, y = Image(k, "x", size, channels), Image(k, "y", pool.out_size, channels)

    with k.range(*images) as n, k.range(*rows) as oy:
        for place in pool.places(k, n, oy):
            total = place.block.registers(k, 0.0)
            for ky in place.rows():
                in_row = place.block.registers(k, 0.0)
                for _, pixel in place.row(ky):
                    for v in place.block.vectors:
                        in_row[0, v] += x.load(pixel, v)
                for v in place.block.vectors:
                    total[0, v] += in_row[0, v]
            for v in place.block.vectors:
                y.store(counts.share(total[0, v], place.result), place.result, v)


def avg_pool2d_grad_input(k: Kernel, channels: int, size: Pair, window: Window, count_include_pad: bool = True) -> None:
    """``grad_input[n, i, j, c] = Σ oy, ox  grad_output[n, oy, ox, c] / count[oy, ox]`` over the windows that hold the
    pixel (i, j)"""
    pool, counts = Pooling.of(channels, size, window), _Counts(k, size, window, count_include_pad)
    images = k.piece("images", k.samples)
    grad_output = Image(k, "grad_output", pool.out_size, channels)
    grad_input = Image(k, "grad_input", size, channels)

    with k.range(*images) as n:
        for oy in _rows_over_zeros(k, pool, grad_input, n):
            for place in pool.places(k, n, oy):
                pieces = [grad_output.load(place.result.alone(), v) for v in place.block.vectors]
                shares = [counts.share(piece, place.result) for piece in pieces]
                for _, pixel in place.taps():
                    for v in place.block.vectors:
                        _give(pool, grad_input, shares[v], pixel, v)


class _Counts:
    """``count[oy, ox]``: how many pixels count in the mean of each place."""

    def __init__(self, k: Kernel, size: Pair, window: Window, count_include_pad: bool):
        self.k = k
        rows, columns = (_counted(window.on(size), axis, size[axis], count_include_pad) for axis in range(2))
        self.all = rows[0] * columns[0] if len({*rows}) == len({*columns}) == 1 else None
        if self.all is None:
            self.rows, self.columns = k.table("rows", rows), k.table("columns", columns)

    def share(self, vector: Vector, place: Pixel) -> Vector:
        """Return ``vector / count``."""
        if self.all is None:
            rows, columns = (
                table.splat(at, lanes=vector.lanes)
                for table, at in ((self.rows, place.row), (self.columns, place.column))
            )
            return vector / (rows * columns)
        if self.all & (self.all - 1) == 0 and self.all:  # a power of two: the product is as exact, and faster
            return (vector * self.k.constant(1 / self.all, vector.lanes)).rounded()
        return vector / self.k.constant(self.all, vector.lanes)


def _counted(window: Window, axis: int, size: int, count_include_pad: bool) -> list[int]:
    """Return for each place along an axis how many of its taps count."""
    before, after = window.sides[axis]
    first, stop = (-before, size + after) if count_include_pad else (0, size)
    places = window.output_size((size, size))[axis]
    begins = [place * window.stride[axis] - before for place in range(places)]
    taps = [tap * window.dilation[axis] for tap in range(window.kernel_size[axis])]
    return [sum(first <= begin + tap < stop for tap in taps) for begin in begins]


# ---- gradients on their way to the pixels
def _rows_over_zeros(k: Kernel, pool: Pooling, grad_input: Image, n: Integer) -> Iterator[Integer]:
    """Yield the output rows; meanwhile zeros are written where their windows will add something, or nobody will."""
    if not pool.disjoint:
        grad_input.clear(n, (0, pool.reached_before))
    with k.range(0, pool.out_size[0]) as oy:
        if not pool.disjoint:
            grad_input.clear(n, pool.newly_reached(k, oy))
        yield oy
        if pool.disjoint:
            grad_input.clear(n, pool.newly_reached(k, oy), pool.covered[1])
    grad_input.clear(n, (pool.covered[0], pool.size[0]))


def _give(pool: Pooling, grad_input: Image, share: Vector, pixel: Pixel, v: int) -> None:
    """Give a pixel its share of a window's gradient. Lanes without a channel are 0, or are written again."""
    grad_input.store(share if pool.disjoint else grad_input.load(pixel, v) + share, pixel, v)


# ---- the mean of regions
def adaptive_avg_pool2d(k: Kernel, channels: int, size: Pair, output_size: Pair) -> None:
    """``y[n, a, b, c] =`` the mean of ``x[n, ⌊a·H/OH⌋ : ⌈(a+1)·H/OH⌉, ⌊b·W/OW⌋ : ⌈(b+1)·W/OW⌉, c]``"""
    window = _even_window(size, output_size)
    if window:
        avg_pool2d(k, channels, size, window)
        return
    images, a_range = k.piece("images", k.samples), k.piece("rows", output_size[0])
    x, y = Image(k, "x", size, channels), Image(k, "y", output_size, channels)
    with k.range(*images) as n, k.range(*a_range) as a, k.range(0, output_size[1]) as b:
        rows, columns = _region(a, size[0], output_size[0]), _region(b, size[1], output_size[1])
        for block in blocks(k, channels):
            total = block.registers(k, 0.0)
            with k.range(*rows) as i:
                in_row = block.registers(k, 0.0)
                with k.range(*columns) as j:
                    for v in block.vectors:
                        in_row[0, v] += x.load(Pixel(n, i, j, block), v)
                for v in block.vectors:
                    total[0, v] += in_row[0, v]
            for v in block.vectors:
                y.store(total[0, v] / _pixels(k, rows, columns, block.lanes), Pixel(n, a, b, block), v)


def adaptive_avg_pool2d_grad_input(k: Kernel, channels: int, size: Pair, output_size: Pair) -> None:
    """``grad_input[n, i, j, c] = Σ a, b  grad_output[n, a, b, c] / pixels in (a, b)`` over the regions that hold the
    pixel (i, j)"""
    window = _even_window(size, output_size)
    if window:
        avg_pool2d_grad_input(k, channels, size, window)
        return
    images = k.piece("images", k.samples)
    grad_output, grad_input = Image(k, "grad_output", output_size, channels), Image(k, "grad_input", size, channels)
    with k.range(*images) as n:
        grad_input.clear(n, (0, size[0]))
        with k.range(0, output_size[0]) as a, k.range(0, output_size[1]) as b:
            rows, columns = _region(a, size[0], output_size[0]), _region(b, size[1], output_size[1])
            for block in blocks(k, channels):
                count = _pixels(k, rows, columns, block.lanes)
                shares = [grad_output.load(Pixel(n, a, b, block), v) / count for v in block.vectors]
                with k.range(*rows) as i, k.range(*columns) as j:
                    for v in block.vectors:
                        pixel = Pixel(n, i, j, block)
                        grad_input.store(grad_input.load(pixel, v) + shares[v], pixel, v)


def _even_window(size: Pair, output_size: Pair) -> Window | None:
    """Return the window whose places are the regions, if these are all of one size."""
    if any(pixels % regions for pixels, regions in zip(size, output_size, strict=True)):
        return None
    region = size[0] // output_size[0], size[1] // output_size[1]
    return Window(region, region)


def _region(number: Integer, pixels: int, regions: int) -> Span:
    return number * pixels // regions, ((number + 1) * pixels + (regions - 1)) // regions


def _pixels(k: Kernel, rows: Span, columns: Span, lanes: int) -> Vector:
    """Return how many pixels a region has."""
    height, width = (k.spread(stop - start, lanes).floats() for start, stop in (rows, columns))
    return height * width
