"""Depthwise convolution: every channel has one filter of its own. The formulas are those of `definitions.conv`.

Nothing is summed over channels, so they run along the lanes of vectors, of the image and of the weights alike. Little
is done with each number, so all depends on how seldom it is fetched. Hence a tile is a column of neighbouring places:
the rows of the image under it serve several of them, its columns serve the next tile too, and the channels, which lie
one after the other in memory, are the innermost of the loops over tiles.

A filter is taken column by column: every sum is one chain over kx and then ky.

Axes: n samples, oy ox places of the window, iy ix pixels of the input, ky kx taps, c channels; o counts the
places of a tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...geometry import Window
from ..builder import Kernel, Span
from ..cuts import Run, even_pieces, runs
from ..packing import block_count, blocks_of, packed_tensor
from ..tensors import Registers, Tensor, VectorSource
from ..tiles import InstructionSet, lanes_for
from ..values import Integer, Vector
from .conv_grad_input import Class, ReversedTaps, as_convolution, classes
from .conv_scatter import passed_through
from .convolution import Convolution
from .strips import filter_rows_inside, meetings, strips

PLACES = 7
"""The most places of a tile. It divides the images of most networks; taller tiles hardly save any loads."""
SPAN_BYTES = 18 * 1024
"""What the pixels under a tile may take of the first-level cache, so that they are still there for the next tile."""
LINE = 16
"""Floats in a line of the cache."""


@dataclass(frozen=True)
class DepthwiseTile:
    """`rows` places below each other, of a vector of channels, in registers while the filter runs over them."""

    lanes: int
    rows: int


@dataclass(frozen=True)
class DepthwiseWeightTile:
    """Gradients of `filter_rows` weights below each other, of a vector of channels, in registers."""

    lanes: int
    filter_rows: int


def depthwise_tile(conv: Convolution, isa: InstructionSet) -> DepthwiseTile:
    """Return the tile of `depthwise_conv2d`."""
    return DepthwiseTile(lanes_for(conv.in_channels, isa), PLACES)


def depthwise_grad_input_tile(conv: Convolution, isa: InstructionSet) -> DepthwiseTile:
    """Return the tile of `depthwise_conv2d_grad_input`."""
    return depthwise_tile(conv, isa)


def depthwise_weight_tile(conv: Convolution, isa: InstructionSet) -> DepthwiseWeightTile:
    """Return the tile for which sums, gradients of the output and a pixel find room in the registers."""
    return DepthwiseWeightTile(lanes_for(conv.in_channels, isa), isa.registers - PLACES - 2)


@dataclass(frozen=True)
class Column:
    """Places of a window below each other.

    Attributes
    ----------
    window : Window
    rows : Run
        How many places; its kind lists for each filter row those of them whose tap lies inside the image.
    oy, ox : Integer
        The first place.
    taps : (Integer, Integer)
        The filter columns that lie inside the image.
    """

    window: Window
    rows: Run
    oy: Integer
    ox: Integer
    taps: Span

    def pixels(
        self, image: Tensor, kx: Integer, c: Integer, lanes: int, live: int
    ) -> Iterator[tuple[Vector, list[tuple[int, int]]]]:
        """Load the pixels under a filter column one by one, each with the pairs (o, ky) that meet there."""
        (top, _), (left, _) = self.window.sides
        y0, x0 = self.oy * self.window.stride[0] - top, self.ox * self.window.stride[1] - left
        for row, pairs in meetings(self.rows, turned(self.window)):
            x = x0 + kx * self.window.dilation[1]
            yield image.load(y0 + row, x, c, lanes=lanes, live=live), pairs


def turned(window: Window) -> Window:
    """Return a window with rows and columns exchanged."""
    kernel, stride, sides, dilation = window.kernel_size, window.stride, window.sides, window.dilation
    return Window(kernel[::-1], stride[::-1], sides[::-1], dilation[::-1])


def images_of(k: Kernel, images: Span, blocks: Span, conv: Convolution, lanes: int) -> Iterator[tuple[Integer, Span]]:
    """``for n in images: for span in blocks`` at run time, where a span is neighbouring vectors of channels.

    So many pass over the image together that the pixels under a tile stay in the first-level cache.
    """
    stride, (extent, width) = conv.window.stride[0], conv.window.extent
    pixels = ((PLACES - 1) * stride + extent) * width
    vectors = max(1, SPAN_BYTES // (4 * pixels) // LINE) * LINE // lanes
    with k.range(*images) as n:
        for run in runs(even_pieces(block_count(conv.in_channels, lanes, 1), vectors)):
            with k.range(run.start, run.stop, run.size) as first:
                yield n, k.overlap(blocks, (first, first + run.size))


def columns_of(k: Kernel, conv: Convolution, most: int) -> Iterator[Column]:
    """``for column in places`` at run time, with at most `most` places in a column."""
    (height, width), ((_, _), (left, _)) = conv.size, conv.window.sides
    rows, columns = conv.window.kernel_size[0], conv.out_size[1]
    for strip in strips(turned(conv.window), height, most, range(rows)):
        with k.range(strip.start, strip.stop, strip.size) as oy, k.range(0, columns) as ox:
            taps = filter_rows_inside(k, turned(conv.window), width, ox * conv.window.stride[1] - left)
            yield Column(conv.window, strip, oy, ox, taps)


def depthwise_conv2d(k: Kernel, conv: Convolution, tile: DepthwiseTile, bias: bool = True, relu: bool = False) -> None:
    """``y[n, oy, ox, c] = bias[c] + Σ kx, ky  x[n, oy·SH + ky·DH − top, ox·SW + kx·DW − left, c] · w[ky, kx, c]``

    With `relu` the result passes through it on its way to memory.
    """
    lanes, channels = tile.lanes, conv.in_channels
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(channels, lanes, 1))
    x = k.tensor("x", k.samples, *conv.size, channels)
    weight = packed_tensor(k, "weight", (channels, 1, *conv.window.kernel_size), lanes)
    biases = k.tensor("bias", channels) if bias else None
    y = k.tensor("y", k.samples, *conv.out_size, channels)

    for n, span in images_of(k, images, blocks, conv, lanes):
        for column in columns_of(k, conv, tile.rows):
            for block in blocks_of(k, span, channels, lanes, 1):
                c, (live,) = block.filter, block.live
                start = biases.load(c, lanes=lanes, live=live) if biases else k.zeros(lanes)
                acc = _filtered(k, column, x.at(n), weight, block.vector, start, c, live)
                for o in range(column.rows.size):
                    result = acc[o, 0].relu() if relu else acc[o, 0]
                    y.store(result, n, column.oy + o, column.ox, c, live=live)


def _filtered(
    k: Kernel, column: Column, image: Tensor, weight: VectorSource, vector: Integer, start: Vector,
    c: Integer, live: int,
) -> Registers:  # fmt: skip
    """Return the sums of a column of places, each begun with `start`."""
    lanes, acc = start.lanes, k.registers(range(column.rows.size), 1, start.lanes)
    for o in range(column.rows.size):
        acc[o, 0] = start
    with k.range(*column.taps) as kx:
        weights = {
            ky: weight.load(0, vector, ky, kx, 0, 0, lanes=lanes) for ky, met in enumerate(column.rows.kind) if met
        }
        for value, pairs in column.pixels(image, kx, c, lanes, live):
            for o, ky in pairs:
                acc[o, 0] += value * weights[ky]
    return acc


def depthwise_conv2d_grad_input(k: Kernel, conv: Convolution, tile: DepthwiseTile, masked: bool = False) -> None:
    """``grad_input[n, iy, ix, c] = Σ kx, ky  grad_output[n, oy, ox, c] · w[ky, kx, c]``

    over the taps that read the pixel from a place (oy, ox): see `conv_grad_input`. They count down. With `masked`,
    ``· (mask[n, iy, ix, c] > 0 ? 1 : 0)``: the layer's input is that of a ReLU, and this its gradient too.
    """
    (height, width), lanes, channels = conv.size, tile.lanes, conv.in_channels
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(channels, lanes, 1))
    grad_output = k.tensor("grad_output", k.samples, *conv.out_size, channels)
    weight = packed_tensor(k, "weight", (channels, 1, *conv.window.kernel_size), lanes)
    mask = k.tensor("mask", k.samples, height, width, channels) if masked else None
    grad_input = k.tensor("grad_input", k.samples, height, width, channels)

    for n, span in images_of(k, images, blocks, conv, lanes):
        for column, rows, columns in _columns_of_classes(k, conv, tile.rows):
            taps = ReversedTaps(weight, rows, columns)
            for block in blocks_of(k, span, channels, lanes, 1):
                c, (live,) = block.filter, block.live
                acc = _filtered(k, column, grad_output.at(n), taps, block.vector, k.zeros(lanes), c, live)
                for o in range(column.rows.size):
                    at = n, rows.pixel(column.oy + o), columns.pixel(column.ox), c
                    grad_input.store(passed_through(k, mask, acc[o, 0], at, live), *at, live=live)


def _columns_of_classes(k: Kernel, conv: Convolution, most: int) -> Iterator[tuple[Column, Class, Class]]:
    """``for column in pixels`` at run time, each with its classes of rows and columns.

    Neighbours come one after the other, for they lie in the same lines of the cache, and see the same places.
    """
    across = classes(conv.window, 1, conv.size[1])
    for rows in classes(conv.window, 0, conv.size[0]):
        window = turned(as_convolution(conv, rows, across[0]).window)
        read = strips(window, conv.out_size[0], most, range(rows.taps)) if rows.taps else []
        for strip in read or runs(even_pieces(rows.count, most), lambda start, size: ()):
            with k.range(strip.start, strip.stop, strip.size) as j, k.range(0, across[0].count) as turn:
                for columns in across:
                    last = k.minimum(turn + 1, columns.count)  # a class may have one pixel less than the first
                    with k.range(turn, last, nonempty=columns.count == across[0].count) as jx:
                        own = as_convolution(conv, rows, columns)
                        taps: Span = (0, 0)
                        if rows.taps and columns.taps:
                            taps = filter_rows_inside(k, turned(own.window), own.size[1], jx - columns.padding[0])
                        yield Column(own.window, strip, j, jx, taps), rows, columns


def depthwise_conv2d_grad_weight(k: Kernel, conv: Convolution, tile: DepthwiseWeightTile) -> None:
    """``grad_weight[ky, kx, c] += Σ n, oy, ox  x[n, yi, xi, c] · grad_output[n, oy, ox, c]``

    with ``yi = oy·SH + ky·DH − top`` and ``xi = ox·SW + kx·DW − left``. From tile to tile a sum goes on where it stood
    in memory. It is one chain over n, over bands of at most `PLACES` output rows, over ox, and over the band's rows;
    the bands are those of `even_pieces`.
    """
    lanes, channels, kernel_rows = tile.lanes, conv.in_channels, conv.window.kernel_size[0]
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(channels, lanes, 1))
    x = k.tensor("x", k.samples, *conv.size, channels)
    grad_output = k.tensor("grad_output", k.samples, *conv.out_size, channels)
    grad_weight = packed_tensor(k, "grad_weight", (channels, 1, *conv.window.kernel_size), lanes)

    for n, span in images_of(k, images, blocks, conv, lanes):
        for column in columns_of(k, conv, PLACES):
            for block in blocks_of(k, span, channels, lanes, 1):
                c, (live,), places = block.filter, block.live, range(column.rows.size)
                grads = [grad_output.load(n, column.oy + o, column.ox, c, lanes=lanes, live=live) for o in places]
                with k.range(*column.taps) as kx:
                    for first, size in even_pieces(kernel_rows, tile.filter_rows):
                        met = [ky for ky in range(first, first + size) if column.rows.kind[ky]]
                        sums = {ky: grad_weight.load(0, block.vector, ky, kx, 0, 0, lanes=lanes) for ky in met}
                        for value, pairs in column.pixels(x.at(n), kx, c, lanes, live):
                            for o, ky in pairs:
                                if ky in sums:
                                    sums[ky] += value * grads[o]
                        for ky in met:
                            grad_weight.store(sums[ky], 0, block.vector, ky, kx, 0, 0)
