"""Depthwise convolution: every channel has one filter of its own. The formulas are those of `definitions.conv`.

Nothing is summed over channels, so they run along the lanes of vectors, of the image and of the weights alike. A vector
of the image is loaded once for all the taps of a filter row that meet there.

Axes: n samples, oy ox places of the window, iy ix pixels of the input, ky kx taps, c channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..builder import Kernel
from ..cuts import Run, even_pieces, runs
from ..packing import Block, block_count, blocks_of, packed_tensor
from ..tensors import Registers, Tensor
from ..tiles import InstructionSet, lanes_for
from ..values import Integer, Vector
from .conv_grad_input import Class, as_convolution, classes
from .convolution import Convolution
from .strips import filter_rows_inside, meetings, output_rows_inside, strips


@dataclass(frozen=True)
class DepthwiseTile:
    """`pixels` outputs side by side of a vector of channels, in registers while the filter runs over them."""

    lanes: int
    pixels: int


@cache
def depthwise_tile(conv: Convolution, isa: InstructionSet) -> DepthwiseTile:
    """Return the tile for which the sums, a filter row's weights and a pixel find room in the registers."""
    room = isa.registers - conv.window.kernel_size[1] - 2
    return DepthwiseTile(lanes_for(conv.in_channels, isa), max(1, min(room, isa.tile_rows[0], 8)))


def depthwise_conv2d(k: Kernel, conv: Convolution, tile: DepthwiseTile, bias: bool = True, relu: bool = False) -> None:
    """``y[n, oy, ox, c] = bias[c] + Σ ky, kx  x[n, oy·SH + ky·DH − top, ox·SW + kx·DW − left, c] · w[ky, kx, c]``"""
    (height, width), lanes, channels = conv.size, tile.lanes, conv.in_channels
    ((top, _), (left, _)), (stride_y, stride_x) = conv.window.sides, conv.window.stride
    images, rows = k.piece("images", k.samples), k.piece("rows", conv.out_size[0])
    blocks = k.piece("blocks", block_count(channels, lanes, 1))
    x = k.tensor("x", k.samples, height, width, channels)
    weight = packed_tensor(k, "weight", (channels, 1, *conv.window.kernel_size), lanes)
    biases = k.tensor("bias", channels) if bias else None
    y = k.tensor("y", k.samples, *conv.out_size, channels)

    for block in blocks_of(k, blocks, channels, lanes, 1):
        c, (live,) = block.filter, block.live
        start = biases.load(c, lanes=lanes, live=live) if biases else k.zeros(lanes)
        with k.range(*images) as n, k.range(*rows) as oy:
            y0 = oy * stride_y - top
            for strip in strips(conv.window, width, tile.pixels, range(conv.window.kernel_size[1])):
                with k.range(strip.start, strip.stop, strip.size) as ox:
                    acc = _filled(k, strip.size, start)
                    with k.range(*filter_rows_inside(k, conv.window, height, y0)) as ky:
                        row = x.at(n, y0 + ky * conv.window.dilation[0])
                        taps = weight.at(0, block.vector, ky)
                        _add_row(conv, strip, acc, row, ox * stride_x - left, taps, range(len(strip.kind)), c, live)
                    for p in range(strip.size):
                        result = acc[p, 0].relu() if relu else acc[p, 0]
                        y.store(result, n, oy, ox + p, c, live=live)


def _filled(k: Kernel, pixels: int, start: Vector) -> Registers:
    acc = k.registers(range(pixels), 1, start.lanes)
    for p in range(pixels):
        acc[p, 0] = start
    return acc


def _add_row(
    conv: Convolution, strip: Run, acc: Registers, row: Tensor, x0: Integer, taps: Tensor, order: range | list[int],
    c: Integer, live: int,
) -> None:  # fmt: skip
    """Add the taps of a filter row; `order` says which weight each of them has."""
    lanes = acc.lanes
    weights = {kx: taps.load(order[kx], 0, 0, lanes=lanes) for kx, pixels in enumerate(strip.kind) if pixels}
    for column, pairs in meetings(strip, conv.window):
        value = row.load(x0 + column, c, lanes=lanes, live=live)
        for p, kx in pairs:
            acc[p, 0] += value * weights[kx]


depthwise_grad_input_tile = depthwise_tile


def depthwise_conv2d_grad_input(k: Kernel, conv: Convolution, tile: DepthwiseTile, masked: bool = False) -> None:
    """``grad_input[n, iy, ix, c] = Σ ky, kx  grad_output[n, oy, ox, c] · w[ky, kx, c]``

    over the taps that read the pixel from a place (oy, ox): see `conv_grad_input`. With `masked`,
    ``· (mask[n, iy, ix, c] > 0 ? 1 : 0)``: the layer's input is that of a ReLU, and this its gradient too.
    """
    (height, width), lanes, channels = conv.size, tile.lanes, conv.in_channels
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(channels, lanes, 1))
    grad_output = k.tensor("grad_output", k.samples, *conv.out_size, channels)
    weight = packed_tensor(k, "weight", (channels, 1, *conv.window.kernel_size), lanes)
    mask = k.tensor("mask", k.samples, height, width, channels) if masked else None
    grad_input = k.tensor("grad_input", k.samples, height, width, channels)

    for block in blocks_of(k, blocks, channels, lanes, 1):
        with k.range(*images) as n:
            for rows in classes(conv.window, 0, height):
                with k.range(0, rows.count) as j:
                    for columns in classes(conv.window, 1, width):
                        _grad_row(k, conv, tile, (grad_output, weight, mask, grad_input), (n, j), rows, columns, block)


def _grad_row(
    k: Kernel, conv: Convolution, tile: DepthwiseTile, tensors: tuple[Tensor, Tensor, Tensor | None, Tensor],
    place: tuple[Integer, Integer], rows: Class, columns: Class, block: Block,
) -> None:  # fmt: skip
    """Make the pixels of one class of columns in row j of a class of rows."""
    (grad_output, weight, mask, grad_input), (n, j), c, (live,) = tensors, place, block.filter, block.live
    own, lanes, read = as_convolution(conv, rows, columns), tile.lanes, rows.taps and columns.taps
    pieces = (
        strips(own.window, own.size[1], tile.pixels, range(columns.taps))
        if read
        else runs(even_pieces(columns.count, tile.pixels))
    )
    order = [columns.last_tap - t * columns.tap_step for t in range(columns.taps)]
    for strip in pieces:
        with k.range(strip.start, strip.stop, strip.size) as jx:
            acc = _filled(k, strip.size, k.zeros(lanes))
            if read:
                y0 = j - rows.padding[0]
                with k.range(*filter_rows_inside(k, own.window, own.size[0], y0)) as t:
                    row = grad_output.at(n, y0 + t * rows.place_step)
                    taps = weight.at(0, block.vector, rows.last_tap - t * rows.tap_step)
                    _add_row(own, strip, acc, row, jx - columns.padding[0], taps, order, c, live)
            for p in range(strip.size):
                at = (n, j * conv.window.stride[0] + rows.first, (jx + p) * conv.window.stride[1] + columns.first, c)
                result = acc[p, 0]
                if mask is not None:
                    positive = mask.load(*at, lanes=lanes, live=live) > k.zeros(lanes)
                    result = result * positive.choose(k.constant(1.0, lanes), k.zeros(lanes))
                grad_input.store(result, *at, live=live)


depthwise_weight_tile = depthwise_tile


def depthwise_conv2d_grad_weight(k: Kernel, conv: Convolution, tile: DepthwiseTile) -> None:
    """``grad_weight[ky, kx, c] += Σ n, oy, ox  x[n, yi, xi, c] · grad_output[n, oy, ox, c]``

    with ``yi = oy·SH + ky·DH − top`` and ``xi = ox·SW + kx·DW − left``. The gradients of a filter row stay in registers
    while the samples pass; each is one chain over n, oy and ox.
    """
    (height, width), lanes, channels = conv.size, tile.lanes, conv.in_channels
    ((top, _), (left, _)), (stride_y, stride_x) = conv.window.sides, conv.window.stride
    kernel_rows, kernel_columns = conv.window.kernel_size
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(channels, lanes, 1))
    x = k.tensor("x", k.samples, height, width, channels)
    grad_output = k.tensor("grad_output", k.samples, *conv.out_size, channels)
    grad_weight = packed_tensor(k, "grad_weight", (channels, 1, kernel_rows, kernel_columns), lanes)

    for block in blocks_of(k, blocks, channels, lanes, 1):
        c, (live,) = block.filter, block.live
        with k.range(*images) as n, k.range(0, kernel_rows) as ky:
            for kx0, wide in even_pieces(kernel_columns, max(1, k.isa.registers - 6)):
                acc = k.registers(range(wide), 1, lanes)
                for kx in range(wide):
                    acc[kx, 0] = grad_weight.load(0, block.vector, ky, kx0 + kx, 0, 0, lanes=lanes)
                with k.range(*output_rows_inside(k, conv.window, height, ky)) as oy:
                    y0 = oy * stride_y + ky * conv.window.dilation[0] - top
                    for strip in strips(conv.window, width, 4, range(kx0, kx0 + wide)):
                        with k.range(strip.start, strip.stop, strip.size) as ox:
                            x0 = ox * stride_x + kx0 * conv.window.dilation[1] - left
                            grads = [grad_output.load(n, oy, ox + p, c, lanes=lanes, live=live) for p in range(strip.size)]
                            for column, pairs in meetings(strip, conv.window):
                                value = x.load(n, y0, x0 + column, c, lanes=lanes, live=live)
                                for p, kx in sorted(pairs):
                                    acc[kx, 0] += value * grads[p]
                for kx in range(wide):
                    grad_weight.store(acc[kx, 0], 0, block.vector, ky, kx0 + kx, 0, 0)
