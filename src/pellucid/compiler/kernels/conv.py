"""2-D convolution: forward, and the gradient of its weights. The formulas are those of `definitions.conv`.

Axes: n samples, oy ox places of the window, ky kx its taps, c input channels, f filters. The filters run along the
lanes of vectors; `block` counts groups of filters, of a tile's width each.
"""

from __future__ import annotations

from itertools import product

from ..builder import Kernel
from ..cuts import Run, even_pieces, runs
from ..packing import filter_groups, group_view, live_lanes, numbered, packed_size
from ..tensors import Registers, Tensor
from ..tiles import ForwardTile, WeightTile
from ..values import Integer
from .convolution import Convolution
from .strips import filter_rows_inside, meetings, output_rows_inside, strips, tap_runs


def conv2d(k: Kernel, conv: Convolution, tile: ForwardTile, bias: bool = True, relu: bool = False) -> None:
    """``y[n, oy, ox, f] = bias[f] + Σ ky, kx, c  x[n, oy·SH + ky·DH − top, ox·SW + kx·DW − left, c] · w[ky, kx, c, f]``

    A tile of neighbouring pixels × vectors of filters stays in registers while the filter runs over it. With `relu`
    the result passes through it on its way to memory.
    """
    (height, width), (out_height, out_width), lanes = conv.size, conv.out_size, tile.lanes
    ((top, _), (left, _)), (stride_y, stride_x) = conv.window.sides, conv.window.stride
    groups = filter_groups(conv.out_channels, lanes, tile.vectors)
    inner_loops = by_column if conv.by_column else by_tap

    images, rows = k.piece("images", k.samples), k.piece("rows", out_height)
    blocks = k.piece("blocks", sum(group.count for group in groups))
    x = k.tensor("x", k.samples, height, width, conv.in_channels)
    packed = k.tensor("weight", packed_size(conv.weight_shape, lanes))
    biases = k.tensor("bias", conv.out_channels) if bias else None
    y = k.tensor("y", k.samples, out_height, out_width, conv.out_channels)

    for first_block, group in numbered(groups):
        live = live_lanes(group.size, lanes)
        weight = group_view(packed, group, conv.weight_shape, lanes)
        group_blocks = k.overlap((blocks[0] - first_block, blocks[1] - first_block), (0, group.count))
        with k.range(*group_blocks) as block, k.range(*images) as n, k.range(*rows) as oy:
            f = block * group.size + group.start
            start = [k.zeros(lanes) for _ in live]
            if biases:
                start = [biases.load(f + v * lanes, lanes=lanes, live=live[v]) for v in range(len(live))]
            y0 = oy * stride_y - top
            filter_rows = filter_rows_inside(k, conv.window, height, y0)

            for strip in strips(conv.window, width, tile.rows, range(conv.window.kernel_size[1])):
                with k.range(strip.start, strip.stop, strip.size) as ox:
                    acc = k.registers(range(strip.size), len(live), lanes)
                    for p, v in product(range(strip.size), range(len(live))):
                        acc[p, v] = start[v]

                    with k.range(*filter_rows) as ky:
                        row, taps = x.at(n, y0 + ky * conv.window.dilation[0]), weight.at(block, ky)
                        inner_loops(k, conv, strip, acc, row, ox * stride_x - left, taps, tile.unroll)

                    for p, v in product(range(strip.size), range(len(live))):
                        result = acc[p, v].relu() if relu else acc[p, v]
                        y.store(result, n, oy, ox + p, f + v * lanes, live=live[v])


def by_tap(
    k: Kernel, conv: Convolution, strip: Run, acc: Registers, row: Tensor, x0: Integer, weight: Tensor, unroll: int
) -> None:
    """One tap after the other: its weights are loaded once for all pixels of the strip."""
    stride, dilation = conv.window.stride[1], conv.window.dilation[1]
    for taps in tap_runs(strip):
        with k.range(taps.start, taps.stop) as kx:
            for c in k.unrolled(conv.in_channels, unroll):
                weights = [weight.load(kx, c, v * acc.lanes, lanes=acc.lanes) for v in range(acc.columns)]
                for p in taps.kind:
                    value = row.splat(x0 + p * stride + kx * dilation, c, lanes=acc.lanes)
                    for v in range(acc.columns):
                        acc[p, v] += value * weights[v]


def by_column(
    k: Kernel, conv: Convolution, strip: Run, acc: Registers, row: Tensor, x0: Integer, weight: Tensor, unroll: int
) -> None:
    """One input column after the other: its pixel is loaded once for all the taps that meet there."""
    taps = [kx for kx, pixels in enumerate(strip.kind) if pixels]
    for c in k.unrolled(conv.in_channels, unroll):
        weights = {
            (kx, v): weight.load(kx, c, v * acc.lanes, lanes=acc.lanes) for kx in taps for v in range(acc.columns)
        }
        for column, pairs in meetings(strip, conv.window):
            value = row.splat(x0 + column, c, lanes=acc.lanes)
            for (p, kx), v in product(pairs, range(acc.columns)):
                acc[p, v] += value * weights[kx, v]


def conv2d_grad_weight(k: Kernel, conv: Convolution, tile: WeightTile) -> None:
    """``grad_weight[ky, kx, c, f] += Σ n, oy, ox  x[n, yi, xi, c] · grad_output[n, oy, ox, f]``

    with ``yi = oy·SH + ky·DH − top`` and ``xi = ox·SW + kx·DW − left``.

    A tile of taps × input channels × vectors of filters stays in registers while a band of output rows passes; the band
    stays in the cache while every tile passes over it. From band to band a sum goes on where it stood in memory, so
    each is one chain over n, oy and ox in this order, whatever the tile and the band.
    """
    (height, width), (out_height, out_width), lanes = conv.size, conv.out_size, tile.lanes
    ((top, _), (left, _)), (stride_y, stride_x) = conv.window.sides, conv.window.stride
    dilation_y, dilation_x = conv.window.dilation
    groups = filter_groups(conv.out_channels, lanes, tile.vectors)
    channel_runs = runs(even_pieces(conv.in_channels, tile.channels))
    band_images, band_rows = max(1, tile.band // out_height), min(tile.band, out_height)

    images, blocks = k.piece("images", k.samples), k.piece("blocks", sum(group.count for group in groups))
    channel_tiles = k.piece("channel_tiles", sum(run.count for run in channel_runs))
    x = k.tensor("x", k.samples, height, width, conv.in_channels)
    grad_output = k.tensor("grad_output", k.samples, out_height, out_width, conv.out_channels)
    packed = k.tensor("grad_weight", packed_size(conv.weight_shape, lanes))

    for first_block, group in numbered(groups):
        live = live_lanes(group.size, lanes)
        grad_weight = group_view(packed, group, conv.weight_shape, lanes)
        group_blocks = k.overlap((blocks[0] - first_block, blocks[1] - first_block), (0, group.count))
        with (
            k.range(*images, band_images) as n0,
            k.range(0, out_height, band_rows) as band,
            k.range(*group_blocks) as block,
        ):
            f, band_of_images = block * group.size + group.start, (n0, k.minimum(n0 + band_images, images[1]))
            for filter_rows, (kx0, columns), (first_tile, channels) in product(
                runs(even_pieces(conv.window.kernel_size[0], tile.filter_rows)),
                even_pieces(conv.window.kernel_size[1], tile.filter_columns),
                numbered(channel_runs),
            ):
                taps = list(product(range(filter_rows.size), range(columns), range(channels.size)))
                tiles = k.overlap((channel_tiles[0] - first_tile, channel_tiles[1] - first_tile), (0, channels.count))
                with k.range(filter_rows.start, filter_rows.stop, filter_rows.size) as ky0, k.range(*tiles) as t:
                    c0 = t * channels.size + channels.start
                    acc = k.registers(taps, len(live), lanes)
                    place = {
                        ((ky, kx, c), v): (block, ky0 + ky, kx0 + kx, c0 + c, v * lanes)
                        for ky, kx, c in taps
                        for v in range(len(live))
                    }
                    for at in place:
                        acc[at] = grad_weight.load(*place[at], lanes=lanes)

                    inside = output_rows_inside(k, conv.window, height, ky0)
                    with (
                        k.range(*band_of_images, nonempty=True) as n,
                        k.range(*k.overlap(inside, (band, k.minimum(band + band_rows, out_height)))) as oy,
                    ):
                        y0 = oy * stride_y + ky0 * dilation_y - top
                        for strip in strips(conv.window, width, tile.pixels, range(kx0, kx0 + columns)):
                            with k.range(strip.start, strip.stop, strip.size) as ox:
                                x0 = ox * stride_x + kx0 * dilation_x - left
                                grads = {
                                    (p, v): grad_output.load(n, oy, ox + p, f + v * lanes, lanes=lanes, live=live[v])
                                    for p in range(strip.size)
                                    for v in range(len(live))
                                }
                                for (column, pairs), ky, c in product(
                                    meetings(strip, conv.window), range(filter_rows.size), range(channels.size)
                                ):
                                    value = x.splat(n, y0 + ky * dilation_y, x0 + column, c0 + c, lanes=lanes)
                                    for (p, kx), v in product(pairs, range(len(live))):
                                        acc[(ky, kx, c), v] += value * grads[p, v]

                    for at in place:
                        grad_weight.store(acc[at], *place[at])
