"""Local response normalisation and its gradient. The formulas are those of `definitions.norm`.

What is summed over neighbouring channels is first written to a row of memory, with zeros for the channels that do not
exist: so a window is a few loads without a condition.

Axes: n samples, p pixels, c and j channels. An image is seen as (samples, pixels · channels).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .. import mathematics
from ..builder import Kernel
from ..cuts import full_pieces, runs
from ..tensors import Tensor
from ..values import Integer, Vector

MOST = 256
"""Channels of a pixel that are taken at a time: the rows lie on the stack, where not every system has room for more."""


def local_response_norm(
    k: Kernel, pixels: int, channels: int, size: int, alpha: float, beta: float, constant: float
) -> None:
    """``y[n, p, c] = x[n, p, c] · s[c]^−beta``, ``s[c] = constant + alpha/size · Σ j  x[n, p, j]²``

    j runs over `size` channels from c − ⌊size/2⌋ on.
    """
    images, lanes, (before, after) = k.piece("images", k.samples), k.isa.lanes, _reach(channels, size)
    x, y = (k.tensor(name, k.samples, pixels * channels) for name in ("x", "y"))
    squares = _Row(k, "squares", channels, before, after)
    for start, count in full_pieces(channels, MOST):
        squares.begin(start - before, start + count + after)
        with k.range(*images) as n, k.range(0, pixels) as p:
            first = p * channels
            for c, live in squares.vectors():
                number = x.load(n, first + c, lanes=lanes, live=live)
                squares.store(number * number, c)
            for c, live in _vectors(k, start, start + count):
                s = _scale(squares.window(c, before, after), size, alpha, constant)
                number = x.load(n, first + c, lanes=lanes, live=live)
                y.store(number * mathematics.power(k, s, -beta), n, first + c, live=live)


def local_response_norm_grad_input(
    k: Kernel, pixels: int, channels: int, size: int, alpha: float, beta: float, constant: float
) -> None:
    """``grad_input[c] = g[c] · s[c]^−beta − 2·alpha·beta/size · x[c] · Σ j  through[j]`` of a pixel, g = grad_output

    ``through[j] = g[j] · x[j] · s[j]^(−beta−1)``, and j runs over the channels whose window holds c. The first product
    waits in grad_input until the sum is known.
    """
    images, lanes, (before, after) = k.piece("images", k.samples), k.isa.lanes, _reach(channels, size)
    x, grad_output, grad_input = (
        k.tensor(name, k.samples, pixels * channels) for name in ("x", "grad_output", "grad_input")
    )
    squares = _Row(k, "squares", channels, before + after, before + after)
    through = _Row(k, "through", channels, after, before)
    rate = k.constant(2 * alpha * beta / size, lanes)
    for start, count in full_pieces(channels, MOST):
        squares.begin(start - after - before, start + count + before + after)
        through.begin(start - after, start + count + before)
        with k.range(*images) as n, k.range(0, pixels) as p:
            first = p * channels
            for c, live in squares.vectors():
                number = x.load(n, first + c, lanes=lanes, live=live)
                squares.store(number * number, c)
            for c, live in through.vectors():
                s = _scale(squares.window(c, before, after), size, alpha, constant)
                power = mathematics.power(k, s, -beta)
                gradient = grad_output.load(n, first + c, lanes=lanes, live=live)
                through.store(gradient * x.load(n, first + c, lanes=lanes, live=live) * (power / s), c, live=live)
            for c, live in _vectors(k, start, start + count):
                pass
