"""2-D convolution: forward, and the gradients of its weights. The formulas are those of `definitions.conv`.

Axes: n samples, oy ox places of the window, ky kx its taps, c input channels that a filter sees, f filters. The
filters of a group run along the lanes of vectors; a `block` is as many vectors of them as a tile is wide.
"""

from __future__ import annotations

from itertools import product

from ...geometry import Window
from ..builder import CACHE_LINE, Kernel
from ..cuts import Run
from ..packing import FilterBlock, block_count, blocks_of, packed_tensor
from ..tensors import Registers, Tensor, VectorSource
from ..tiles import ForwardTile, WeightTile
from ..values import Integer
from .conv_pixels import conv2d_pixels
from .convolution import Convolution, weight_tiles
from .strips import filter_rows_inside, meetings, output_row_runs, strips, tap_runs
from .sums import channel_sums


def conv2d(k: Kernel, conv: Convolution, tile: ForwardTile, bias: bool = True, relu: bool = False) -> None:
    """``y[n, oy, ox, f] = bias[f] + Σ ky, kx, c  x[n, oy·SH + ky·DH − top, ox·SW + kx·DW − left, c] · w[ky, kx, c, f]``

    where c counts from the first channel of f's group.

    A tile of neighbouring pixels × vectors of filters stays in registers while the filter runs over it. A band of the
    image stays in the cache while all blocks of filters pass over it. With `relu` the result passes through it on its
    way to memory.
    """
    (height, width), (out_height, out_width), lanes = conv.size, conv.out_size, tile.lanes
    ((top, _), (left, _)), (stride_y, stride_x) = conv.window.sides, conv.window.stride
    filters = conv.out_channels, lanes, tile.vectors, conv.groups
    inner_loops = by_column if conv.by_column else by_tap
    band_images, band_rows = max(1, conv.band() // out_height), min(conv.band(), out_height)

    images, rows = k.piece("images", k.samples), k.piece("rows", out_height)
    blocks = k.piece("blocks", block_count(*filters))
    x = k.tensor("x", k.samples, height, width, conv.in_channels)
    weight = packed_tensor(k, "weight", conv.weight_shape, lanes, conv.groups)
    biases = k.tensor("bias", conv.out_channels) if bias else None
    y = k.tensor("y", k.samples, out_height, out_width, conv.out_channels)

    if tile.chunk:
        with k.range(*blocks):
            conv2d_pixels(k, conv, tile, images, rows, x, weight, biases, y, relu)
        return

    with k.range(*images, band_images) as n0, k.range(*rows, band_rows) as band:
        for block in blocks_of(k, blocks, *filters):
            live, f = block.live, block.filter
            start = [k.zeros(lanes) for _ in live]
            if biases:
                start = [biases.load(f + v * lanes, lanes=lanes, live=live[v]) for v in range(len(live))]
            with (
                k.range(n0, k.minimum(n0 + band_images, images[1]), nonempty=True) as n,
                k.range(band, k.minimum(band + band_rows, rows[1]), nonempty=True) as oy,
            ):
                y0 = oy * stride_y - top
                filter_rows = filter_rows_inside(k, conv.window, height, y0)
                for strip in strips(conv.window, width, tile.rows, range(conv.window.kernel_size[1])):
                    with k.range(strip.start, strip.stop, strip.size) as ox:
                        acc = k.registers(range(strip.size), len(live), lanes)
                        for p, v in product(range(strip.size), range(len(live))):
                            acc[p, v] = start[v]
                        if conv.window == Window((1, 1)):
                            fetch_ahead(conv, block, x.at(n, oy + band_rows), range(strip.size), ox)

                        with k.range(*filter_rows) as ky:
                            row, x0 = x.at(n, y0 + ky * conv.window.dilation[0]), ox * stride_x - left
                            inner_loops(k, conv, block, strip, acc, row, x0, weight, ky, tile.unroll)

                        for p, v in product(range(strip.size), range(len(live))):
                            result = acc[p, v].relu() if relu else acc[p, v]
                            y.store(result, n, oy, ox + p, f + v * lanes, live=live[v])


def fetch_ahead(conv: Convolution, block: FilterBlock, row: Tensor, pixels: range, ox: Integer) -> None:
    """Ask for a block's share of the pixels that come a band later: a window of one pixel does so little with each of
    them that the memory would not keep up with the first block if it had to wait for all."""
    share = conv.in_channels // conv.out_channels
    for p in pixels if conv.groups == 1 else ():
        for c in range(0, sum(block.live) * share, CACHE_LINE // 4):
            row.fetch(ox + p, block.filter * share + c)


def by_tap(
    k: Kernel, conv: Convolution, block: FilterBlock, strip: Run, acc: Registers,
    row: Tensor, x0: Integer, weight: VectorSource, ky: Integer, unroll: int,
) -> None:  # fmt: skip
    """One tap after the other: its weights are loaded once for all pixels of the strip."""
    stride, dilation = conv.window.stride[1], conv.window.dilation[1]
    first_channel = block.group * conv.group_channels
    for taps in tap_runs(strip):
        with k.range(taps.start, taps.stop) as kx:
            for c in k.unrolled(conv.group_channels, unroll):
                weights = [
                    weight.load(block.group, block.vector + v, ky, kx, c, 0, lanes=acc.lanes)
                    for v in range(acc.columns)
                ]
                for p in taps.kind:
                    value = row.splat(x0 + p * stride + kx * dilation, first_channel + c, lanes=acc.lanes)
                    for v in range(acc.columns):
                        acc[p, v] += value * weights[v]


def by_column(
    k: Kernel, conv: Convolution, block: FilterBlock, strip: Run, acc: Registers,
    row: Tensor, x0: Integer, weight: VectorSource, ky: Integer, unroll: int,
) -> None:  # fmt: skip
    """One input column after the other: its pixel is loaded once for all the taps that meet there."""
    taps = [kx for kx, pixels in enumerate(strip.kind) if pixels]
    first_channel = block.group * conv.group_channels
    for c in k.unrolled(conv.group_channels, unroll):
        weights = {
            (kx, v): weight.load(block.group, block.vector + v, ky, kx, c, 0, lanes=acc.lanes)
            for kx, v in product(taps, range(acc.columns))
        }
        for column, pairs in meetings(strip, conv.window):
            value = row.splat(x0 + column, first_channel + c, lanes=acc.lanes)
            for (p, kx), v in product(pairs, range(acc.columns)):
                acc[p, v] += value * weights[kx, v]


def conv2d_grad_weight(k: Kernel, conv: Convolution, tile: WeightTile) -> None:
    """``grad_weight[ky, kx, c, f] += Σ n, oy, ox  x[n, yi, xi, c] · grad_output[n, oy, ox, f]``

    with ``yi = oy·SH + ky·DH − top`` and ``xi = ox·SW + kx·DW − left``, and c counting from the first channel of f's
    group.

    A tile of taps × vectors of filters stays in registers while a band of output rows passes; the band stays in the
    cache while every tile passes over it. In what order a sum is made follows from the shape alone:

    - Where an image has many places (`Convolution.rows_apart`), each of its bands is summed apart, from 0, in a chain
      over oy and ox, and then added to the sum in memory, a chain over n and the bands. So no chain is long enough to
      gather much rounding.
    - Small images follow each other in one chain over n, oy and ox. From band to band it goes on where it stood in
      memory, so that it does not matter how many of them a band holds.
    """
    (height, width), (out_height, out_width), lanes = conv.size, conv.out_size, tile.lanes
    stride, dilation, top = conv.window.stride[0], conv.window.dilation[0], conv.window.sides[0][0]
    filters, tiles = (conv.out_channels, lanes, tile.vectors, conv.groups), weight_tiles(conv, tile)
    apart = conv.rows_apart > 0
    band_images = 1 if apart else max(1, tile.band // out_height)
    band_rows = conv.rows_apart if apart else min(tile.band, out_height)

    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(*filters))
    channel_tiles = k.piece("channel_tiles", tiles[-1].before + tiles[-1].channels.count)
    x = k.tensor("x", k.samples, height, width, conv.in_channels)
    grad_output = k.tensor("grad_output", k.samples, out_height, out_width, conv.out_channels)
    grad_weight = packed_tensor(k, "grad_weight", conv.weight_shape, lanes, conv.groups)

    with k.range(*images, band_images) as n0, k.range(0, out_height, band_rows) as band:
        band_of_images = n0, k.minimum(n0 + band_images, images[1])
        band_of_rows = band, k.minimum(band + band_rows, out_height)
        for block in blocks_of(k, blocks, *filters):
            for run in tiles:
                own = k.overlap((channel_tiles[0] - run.before, channel_tiles[1] - run.before), (0, run.channels.count))
                with k.range(run.rows.start, run.rows.stop, run.rows.size) as ky0, k.range(*own) as t:
                    c0 = t * run.channels.size + run.channels.start
                    acc = k.registers(run.taps, len(block.live), lanes)
                    place = {
                        ((ky, kx, c), v): (block.group, block.vector + v, ky0 + ky, kx, c0 + c, 0)
                        for (ky, kx, c), v in product(run.taps, range(len(block.live)))
                    }
                    for at in place:
                        acc[at] = k.zeros(lanes) if apart else grad_weight.load(*place[at], lanes=lanes)

                    first_channel = block.group * conv.group_channels + c0
                    with k.range(*band_of_images, nonempty=True) as n:
                        for rows, inside in output_row_runs(k, conv.window, height, ky0, run.rows.size):
                            taps = [tap for tap in run.taps if tap[0] in inside]
                            with k.range(*k.overlap(rows, band_of_rows)) as oy:
                                y0, gradients = oy * stride + ky0 * dilation - top, grad_output.at(n, oy)
                                add_row(k, conv, block, tile.pixels, acc, taps, x.at(n), y0, first_channel, gradients)

                    for at in place:
                        total = grad_weight.load(*place[at], lanes=lanes) + acc[at] if apart else acc[at]
                        grad_weight.store(total, *place[at])


def add_row(
    k: Kernel, conv: Convolution, block: FilterBlock, pixels: int, acc: Registers, taps: list[tuple[int, int, int]],
    image: Tensor, y0: Integer, first_channel: Integer, gradients: Tensor,
) -> None:  # fmt: skip
    """Add an output row's products to the sums of `taps`, all of whose filter rows lie inside the image.

    An input column is taken with all taps that meet there, so that its pixels are loaded once.
    """
    stride, left, lanes, columns = conv.window.stride[1], conv.window.sides[1][0], acc.lanes, range(acc.columns)
    first = min(kx for _, kx, _ in taps)
    last = max(kx for _, kx, _ in taps)
    for strip in strips(conv.window, conv.size[1], pixels, range(first, last + 1)):
        with k.range(strip.start, strip.stop, strip.size) as ox:
            x0 = ox * stride + first * conv.window.dilation[1] - left
            grads = {
                (p, v): gradients.load(ox + p, block.filter + v * lanes, lanes=lanes, live=block.live[v])
                for p, v in product(range(strip.size), columns)
            }
            for column, pairs in meetings(strip, conv.window):
                for ky, c in dict.fromkeys((ky, c) for ky, _, c in taps):
                    met = [(p, kx) for p, kx in pairs if (ky, first + kx, c) in taps]
                    if met:
                        y = y0 + ky * conv.window.dilation[0]
                        value = image.splat(y, x0 + column, first_channel + c, lanes=lanes)
                        for (p, kx), v in product(met, columns):
                            acc[(ky, first + kx, c), v] += value * grads[p, v]


def conv2d_grad_bias(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_bias[f] += Σ n, p  grad_output[n, p, f]``, the places p of the window in any rows and columns."""
    images = k.piece("images", k.samples)
    grad_output, grad_bias = k.tensor("grad_output", k.samples, pixels, channels), k.tensor("grad_bias", channels)
    channel_sums(k, images, grad_output.view(0, k.samples, pixels * channels), grad_bias, pixels, channels)
