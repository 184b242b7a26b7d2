"""2-D convolution with neighbouring pixels along the lanes of vectors, for an image of one channel and few filters.

Filters along the lanes would leave lanes empty: a quarter of the work where 6 filters take 8. Every sum is made in the
same order as there, so that the results are the same bits.

Axes: n samples, oy ox places of the window, ky kx its taps, f filters; r counts a tile's rows, t its chunks of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from ..builder import Kernel, Span
from ..cuts import Run
from ..tensors import Registers, Tensor
from ..tiles import ForwardTile
from ..values import Integer, Vector, pick, transposed
from .convolution import Convolution
from .strips import chunks, filter_rows_inside


def conv2d_pixels(
    k: Kernel, conv: Convolution, tile: ForwardTile, images: Span, rows: Span,
    x: Tensor, weight: Tensor, biases: Tensor | None, y: Tensor, relu: bool,
) -> None:  # fmt: skip
    """``y[n, oy, ox, f] = bias[f] + Σ ky, kx  x[n, oy·SH + ky·DH − top, ox + kx·DW − left] · w[ky, kx, f]``

    A tile of rows × chunks of pixels × filters stays in registers while the filter runs over it. The last rows, too few
    for a whole tile, are taken one by one; so are all rows where the image is padded above or below.
    """
    (height, width), (out_height, out_width), lanes = conv.size, conv.out_size, tile.chunk
    filters, stride, top = range(conv.out_channels), conv.window.stride[0], conv.window.sides[0][0]
    image, result = x.view(0, k.samples, height, width), y.view(0, k.samples, out_height, out_width * len(filters))
    start = [biases.splat(f, lanes=lanes) if biases else k.zeros(lanes) for f in filters]

    with k.range(*images) as n:
        first = rows[0]
        for size in sorted({1, 1 if any(conv.window.sides[0]) else tile.rows}, reverse=True):
            last = first + k.maximum(rows[1] - first, 0) // size * size
            with k.range(first, last, size) as oy:
                y0 = oy * stride - top
                filter_rows = filter_rows_inside(k, conv.window, height, y0)
                for run in chunks(conv.window, width, lanes, tile.vectors):
                    with k.range(run.start, run.stop, run.size) as chunk:
                        ox = [(chunk + t) * lanes - back for t, (back, _) in enumerate(run.kind)]
                        outputs = list(product(range(size), range(run.size)))
                        acc = k.registers(outputs, len(filters), lanes)
                        for at, f in product(outputs, filters):
                            acc[at, f] = start[f]

                        with k.range(*filter_rows) as ky:
                            y1 = y0 + ky * conv.window.dilation[0]
                            image_rows = [image.at(n, y1 + r * stride) for r in range(size)]
                            add_filter_row(k, conv, run, acc, image_rows, ox, weight, tile.lanes, ky)

                        for r, t in outputs:
                            sums = [acc[(r, t), f].relu() if relu else acc[(r, t), f] for f in filters]
                            store_chunk(result.at(n, oy + r), ox[t] * len(filters), sums)
            first = last


def add_filter_row(
    k: Kernel, conv: Convolution, run: Run, acc: Registers,
    image_rows: list[Tensor], ox: list[Integer], weight: Tensor, filter_lanes: int, ky: Integer,
) -> None:  # fmt: skip
    """Add a filter row's products to the sums, tap by tap. A tap that lies outside the image adds nothing."""
    lanes, dilation, left = acc.lanes, conv.window.dilation[1], conv.window.sides[1][0]
    for kx in range(conv.window.kernel_size[1]):
        inside = {t: taps[kx] for t, (_, taps) in enumerate(run.kind) if taps[kx][1]}
        pixels = {
            (r, t): load_chunk(row, ox[t] - left + kx * dilation, lane, live, lanes)
            for (r, row), (t, (lane, live)) in product(enumerate(image_rows), inside.items())
        }
        for f in range(acc.columns):
            value = weight.splat(0, f // filter_lanes, ky, kx, 0, f % filter_lanes, lanes=lanes)
            for (r, t), pixel in pixels.items():
                total, (lane, live) = acc[(r, t), f] + pixel * value, inside[t]
                if live < lanes:
                    mask = k.words([int(lane <= i < lane + live) for i in range(lanes)]) >= 1
                    total = mask.choose(total, acc[(r, t), f])
                acc[(r, t), f] = total


def load_chunk(row: Tensor, start: Integer, lane: int, live: int, lanes: int) -> Vector:
    """Return the pixels from `start` on, of which only the `live` ones from `lane` on lie inside and are read."""
    pixels = row.load(start + lane, lanes=lanes, live=live)
    return pick([pixels], [(0, max(0, i - lane)) for i in range(lanes)]) if lane else pixels


def store_chunk(row: Tensor, start: Integer, sums: Sequence[Vector]) -> None:
    """Write a chunk's sums, a vector a filter, in the order of memory: pixel by pixel, filters innermost.

    A pixel's filters are no whole vector. What the vector has beyond them is overwritten by the next pixels, and not
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
