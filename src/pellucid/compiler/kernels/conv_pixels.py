"""2-D convolution with neighbouring pixels along the lanes of vectors, for an image of one channel and few filters.

Filters along the lanes would leave lanes empty: a quarter of the work where 6 filters take 8. Every sum is made in the
same order as there, so that the results are the same bits.

Axes: n samples, oy ox places of the window, ky kx its taps, f filters; r counts a tile's rows, t its chunks of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from ..builder import Kernel, Span
from ..tensors import Tensor
from ..tiles import ForwardTile
from ..values import Integer, Vector, pick
from .convolution import Convolution
from .repack import transposed
from .strips import chunks, filter_rows_inside


def conv2d_pixels(
    k: Kernel, conv: Convolution, tile: ForwardTile, images: Span, rows: Span,
    x: Tensor, weight: Tensor, biases: Tensor | None, y: Tensor, relu: bool,
) -> None:  # fmt: skip
    """``y[n, oy, ox, f] = bias[f] + Σ ky, kx  x[n, oy·SH + ky·DH − top, ox + kx·DW − left] · w[ky, kx, f]``

    A tile of rows × chunks of pixels × filters stays in registers while the filter runs over it. The last rows, too few
    for a whole tile, are taken one by one; so are all rows where the image is padded above or below.
    """
    (height, width), (_, out_width), lanes = conv.size, conv.out_size, tile.chunk
    filters, (top, _), (left, _) = range(conv.out_channels), *conv.window.sides
    (stride, _), (dilation_y, dilation_x) = conv.window.stride, conv.window.dilation
    image, result = x.view(0, k.samples, *conv.size), y.view(0, k.samples, conv.out_size[0], out_width * len(filters))
    start = [biases.splat(f, lanes=lanes) if biases else k.zeros(lanes) for f in filters]

    with k.range(*images) as n:
        first = rows[0]
        for size in sorted({1, 1 if any(conv.window.sides[0]) else tile.rows}, reverse=True):
            last = first + k.maximum(rows[1] - first, 0) // size * size
            with k.range(first, last, size) as oy:
                y0 = oy * stride - top
                for run in chunks(conv.window, width, lanes, tile.vectors):
                    outputs = list(product(range(size), range(run.size)))
                    with k.range(run.start, run.stop, run.size) as chunk:
                        ox = [(chunk + t) * lanes - back for t, (back, _) in enumerate(run.kind)]
                        acc = k.registers(outputs, len(filters), lanes)
                        for at, f in product(outputs, filters):
                            acc[at, f] = start[f]

                        with k.range(*filter_rows_inside(k, conv.window, height, y0)) as ky:
                            for kx in range(conv.window.kernel_size[1]):
                                inside = {(r, t): run.kind[t][1][kx] for r, t in outputs if run.kind[t][1][kx][1]}
                                pixels = {
                                    (r, t): _load(
                                        image.at(n, y0 + r * stride + ky * dilation_y),
                                        ox[t] - left + kx * dilation_x, *inside[r, t], lanes,
                                    )
                                    for r, t in inside
                                }  # fmt: skip
                                for f in filters:
                                    value = weight.splat(0, f // tile.lanes, ky, kx, 0, f % tile.lanes, lanes=lanes)
                                    for at, (lane, live) in inside.items():
                                        total = acc[at, f] + pixels[at] * value
                                        acc[at, f] = _only(k, lane, live, total, acc[at, f])

                        for r, t in outputs:
                            sums = [acc[(r, t), f].relu() if relu else acc[(r, t), f] for f in filters]
                            _store(result.at(n, oy + r), ox[t] * len(filters), sums)
            first = last


def _load(row: Tensor, start: Integer, lane: int, live: int, lanes: int) -> Vector:
    """Return the pixels from `start` on; of those outside, before lane `lane` or behind the `live` next ones, none is
    read."""
    pixels = row.load(start + lane, lanes=lanes, live=live)
    return pick([pixels], [(0, max(0, i - lane)) for i in range(lanes)]) if lane else pixels


def _only(k: Kernel, lane: int, live: int, yes: Vector, no: Vector) -> Vector:
    """Return `live` lanes from `lane` on of `yes`, the others of `no`."""
    lanes = yes.lanes
    if live == lanes:
        return yes
    return (k.words([int(lane <= i < lane + live) for i in range(lanes)]) >= 1).choose(yes, no)


def _store(row: Tensor, start: Integer, sums: Sequence[Vector]) -> None:
    """Write a chunk's sums, a vector a filter, in the order of memory: pixel by pixel, filters innermost.

    A pixel's filters are no whole vector. What the vector has beyond them is overwritten by the next pixel, and not
    written where there is none.
    """
    lanes, filters = sums[0].lanes, len(sums)
    if filters == 1:
        row.store(sums[0], start)
        return
    padded = [*sums, *[sums[-1]] * (-filters % lanes)]
    squares = [(f, transposed(padded[f : f + lanes])) for f in range(0, filters, lanes)]
    for pixel, (f, square) in product(range(lanes), squares):
        left = (lanes - pixel) * filters - f
        row.store(square[pixel], start + pixel * filters + f, live=min(lanes, left))
