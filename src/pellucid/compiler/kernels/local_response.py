"""Local response normalisation and its gradient. The formulas are those of `definitions.norm`.

What is summed over neighbouring channels is first written to a row of memory, with zeros for the channels that do not
exist: so a window is a few loads without a condition.

Axes: n samples, p pixels, c and j channels. An image is seen as (samples, pixels · channels).
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import mathematics
from ..builder import Kernel
from ..cuts import full_pieces, full_runs
from ..values import Integer, Vector
from .channels import living

MOST = 128
"""Channels of a pixel that are taken at a time: their rows lie on the stack, and not every system has pages of it."""


def local_response_norm(
    k: Kernel, pixels: int, channels: int, size: int, alpha: float, beta: float, constant: float
) -> None:
    """``y[n, p, c] = x[n, p, c] · s[c]^−beta``, ``s[c] = constant + alpha/size · Σ j  x[n, p, j]²``

    j runs over `size` channels from c − ⌊size/2⌋ on.
    """
    images, lanes, (before, after) = k.piece("images", k.samples), k.isa.lanes, _reach(channels, size)
    x, y = (k.tensor(name, k.samples, pixels * channels) for name in ("x", "y"))
    start, slope = k.constant(constant, lanes), k.constant(alpha / size, lanes)
    squares = _Row(k, "squares", channels, before, after)
    for block in full_pieces(channels, MOST):
        squares.begin(*block)
        with k.range(*images) as n, k.range(0, pixels) as p:
            pixel = p * channels
            for c, live in squares.vectors():
                number = x.load(n, pixel + c, lanes=lanes, live=live)
                squares.store(number * number, c)
            for c, live in _vectors(k, *block):
                s = squares.window(c, before, after) * slope + start
                number = x.load(n, pixel + c, lanes=lanes, live=live)
                y.store(number * mathematics.power(k, s, -beta), n, pixel + c, live=live)


def local_response_norm_grad_input(
    k: Kernel, pixels: int, channels: int, size: int, alpha: float, beta: float, constant: float
) -> None:
    """``grad_input[c] = g[c] · s[c]^−beta − 2·alpha·beta/size · x[c] · Σ j  through[j]`` of a pixel, g = grad_output

    ``through[j] = g[j] · x[j] · s[j]^(−beta−1)``, and j runs over the channels whose window holds c.
    """
    images, lanes, (before, after) = k.piece("images", k.samples), k.isa.lanes, _reach(channels, size)
    x, grad_output, grad_input = (
        k.tensor(name, k.samples, pixels * channels) for name in ("x", "grad_output", "grad_input")
    )
    start, slope = k.constant(constant, lanes), k.constant(alpha / size, lanes)
    rate = k.constant(2 * alpha * beta / size, lanes)
    squares = _Row(k, "squares", channels, after + before, before + after)
    direct, through = (_Row(k, name, channels, after, before) for name in ("direct", "through"))
    for block in full_pieces(channels, MOST):
        for row in (squares, direct, through):
            row.begin(*block)
        with k.range(*images) as n, k.range(0, pixels) as p:
            pixel = p * channels
            for c, live in squares.vectors():
                number = x.load(n, pixel + c, lanes=lanes, live=live)
                squares.store(number * number, c)
            for c, live in through.vectors():
                s = squares.window(c, before, after) * slope + start
                power = mathematics.power(k, s, -beta)
                gradient, number = (t.load(n, pixel + c, lanes=lanes, live=live) for t in (grad_output, x))
                direct.store(gradient * power, c)
                through.store(living(gradient * number * (power / s), live), c)
            for c, live in _vectors(k, *block):
                indirect = x.load(n, pixel + c, lanes=lanes, live=live) * through.window(c, after, before)
                result = direct.load(c) - indirect.rounded() * rate
                grad_input.store(result, n, pixel + c, live=live)


def _reach(channels: int, size: int) -> tuple[int, int]:
    """Return how many channels a window reaches back and on, those left out that lie outside for every c."""
    return min(size // 2, channels - 1), min((size - 1) // 2, channels - 1)


def _vectors(k: Kernel, start: int, count: int) -> Iterator[tuple[Integer, int]]:
    """Yield (first channel, how many lanes hold one) for vectors of `count` channels."""
    for run in full_runs(count, k.isa.lanes):
        with k.range(start + run.start, start + run.stop, run.size) as c:
            yield c, run.size


class _Row:
    """Numbers of one pixel in memory: those of a block of channels, and of so many `before` and `after` it.

    Where there is no such channel the number is 0.
    """

    def __init__(self, k: Kernel, name: str, channels: int, before: int, after: int):
        self._k, self._channels, self._before, self._after = k, channels, before, after
        lanes = k.isa.lanes
        # the last vector of a window may begin at the last channel but one
        vectors = -(-(before + min(channels, MOST) + after) // lanes) + 1
        self._memory = k.scratch(name, vectors * lanes)
        self._first = self._start = self._stop = 0

    def begin(self, start: int, count: int) -> None:
        """Turn to another block of channels."""
        self._first, lanes = start - self._before, self._k.isa.lanes
        self._start, self._stop = max(self._first, 0), min(start + count + self._after, self._channels)
        (size,) = self._memory.shape
        with self._k.range(0, size, lanes) as i:
            self._memory.store(self._k.zeros(lanes), i)

    def vectors(self) -> Iterator[tuple[Integer, int]]:
        """Yield (first channel, how many lanes hold one) for vectors of all channels that exist."""
        return _vectors(self._k, self._start, self._stop - self._start)

    def store(self, vector: Vector, c: Integer) -> None:
        """Write the numbers of the channels from c on; the lanes that hold no channel are 0."""
        self._memory.store(vector, c - self._first)

    def load(self, c: Integer) -> Vector:
        """Return the numbers of the channels from c on."""
        return self._memory.load(c - self._first, lanes=self._k.isa.lanes)

    def window(self, c: Integer, before: int, after: int) -> Vector:
        """Return for the channels from c on the sum over those from c − before to c + after."""
        total = self.load(c - before)
        for distance in range(1 - before, after + 1):
            total += self.load(c + distance)
        return total
