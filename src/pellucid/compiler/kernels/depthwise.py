"""Depthwise convolution: every channel has one filter of its own. The formulas are those of `definitions.conv`.

Nothing is summed over channels, so they run along the lanes of vectors, of the image and of the weights alike. Little
is done with each number, so all depends on how seldom it is fetched: hence the tiles of `columns`.

A filter is taken column by column: every sum is one chain over kx and then ky.

Axes: n samples, oy ox places of the window, iy ix pixels of the input, ky kx taps, c channels; o counts the
places of a tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

from ..builder import Kernel, Span
from ..cuts import even_pieces, runs
from ..packing import block_count, blocks_of, packed_tensor
from ..tensors import Registers, Tensor, VectorSource
from ..tiles import InstructionSet, lanes_for
from ..values import Integer, Vector
from .columns import (
    PLACES,
    Column,
    columns_in,
    columns_of,
    is_far,
    most_places,
    span_channels,
    spans_of,
    strips_of,
    turned,
)
from .conv_grad_input import Class, ReversedTaps, as_convolution, classes
from .conv_scatter import passed_through
from .convolution import Convolution
from .strips import filter_rows_inside, strips

PLACES_APART = 4096
"""Places of an image from which on the gradients of weights are summed in parts. Where there are fewer no chain is
long, for gradients so small are summed leaf by leaf."""
COLUMNS_APART = 256
"""Columns in a part: to begin and end one takes as long as a few of them."""
MOST_SUMS = 2**15
"""The most numbers kept on the stack while a part is summed."""


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
    return DepthwiseTile(lanes_for(conv.in_channels, isa), _places(conv))


def depthwise_grad_input_tile(conv: Convolution, isa: InstructionSet) -> DepthwiseTile:
    """Return the tile of `depthwise_conv2d_grad_input`, which suits the class that meets most taps."""
    channels, (stride, _) = conv.in_channels, conv.window.stride
    rows, columns = (max(classes(conv.window, axis, conv.size[axis]), key=lambda each: each.taps) for axis in range(2))
    places = 1
    if rows.taps and columns.taps:
        window = as_convolution(conv, rows, columns).window
        places = most_places(window, channels, conv.out_size[1] * channels, conv.size[1] * channels * stride)
    return DepthwiseTile(lanes_for(channels, isa), places)


def depthwise_weight_tile(conv: Convolution, isa: InstructionSet) -> DepthwiseWeightTile:
    """Return the tile for which sums, gradients of the output and a pixel find room in the registers."""
    return DepthwiseWeightTile(lanes_for(conv.in_channels, isa), isa.registers - PLACES - 2)


def _places(conv: Convolution) -> int:
    """Return how many places below each other are taken at once."""
    return most_places(
        conv.window, conv.in_channels, conv.size[1] * conv.in_channels, conv.out_size[1] * conv.in_channels
    )


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

    with k.range(*images) as n:
        for span in spans_of(k, blocks, conv, lanes):
            for column in columns_of(k, conv, tile.rows):
                for block in blocks_of(k, span, channels, lanes, 1):
                    c, (live,) = block.filter, block.live
                    start = biases.load(c, lanes=lanes, live=live) if biases else k.zeros(lanes)
                    if is_far(conv):
                        column.fetch_next(x.at(n), c)
                        for o in range(column.rows.size):
                            y.fetch(n, column.oy + o, column.ox + 1, c)
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

    with k.range(*images) as n:
        for span in spans_of(k, blocks, conv, lanes):
            for column, rows, columns in _columns_of_classes(k, conv, tile.rows):
                taps = ReversedTaps(weight, rows, columns)
                for block in blocks_of(k, span, channels, lanes, 1):
                    c, (live,) = block.filter, block.live
                    if is_far(conv):
                        column.fetch_next(grad_output.at(n), c)
                        for o, image in product(range(column.rows.size), (grad_input, *([mask] if mask else []))):
                            image.fetch(n, rows.pixel(column.oy + o), columns.pixel(column.ox + 1), c)
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
    in memory. It is one chain over n, over bands of a few output rows, over ox, and over the band's rows. Where images
    have many places, a few bands are summed apart, from 0, and then added to what was there before them: so no chain
    is long enough to gather much rounding. How many rows a band has, and which bands are summed apart, follows from the
    shape.
    """
    lanes, channels, kernel_rows = tile.lanes, conv.in_channels, conv.window.kernel_size[0]
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(channels, lanes, 1))
    x = k.tensor("x", k.samples, *conv.size, channels)
    grad_output = k.tensor("grad_output", k.samples, *conv.out_size, channels)
    grad_weight = packed_tensor(k, "grad_weight", (channels, 1, *conv.window.kernel_size), lanes)
    before = _room_for_sums(k, conv, lanes)

    with k.range(*images) as n:
        for span in spans_of(k, blocks, conv, lanes):
            for column in _columns_summed(k, conv, lanes, span, grad_weight, before):
                for block in blocks_of(k, span, channels, lanes, 1):
                    c, (live,), places = block.filter, block.live, range(column.rows.size)
                    if is_far(conv):
                        column.fetch_next(x.at(n), c)
                        for o in places:
                            grad_output.fetch(n, column.oy + o, column.ox + 1, c)
                    grads = [grad_output.load(n, column.oy + o, column.ox, c, lanes=lanes, live=live) for o in places]
                    with k.range(*column.taps) as kx:
                        for filter_rows in even_pieces(kernel_rows, tile.filter_rows):
                            place = grad_weight.at(0, block.vector)
                            _add_to_weights(column, filter_rows, x.at(n), grads, place, kx, c, live)


def _room_for_sums(k: Kernel, conv: Convolution, lanes: int) -> Tensor | None:
    """Return room for the sums of a span of channels, seen as (vectors, KH · KW · lanes).

    None where images have few places, or where a filter is so large that its sums find no room.
    """
    places, weights, channels = prod(conv.out_size), prod(conv.window.kernel_size), span_channels(conv.window)
    if places < PLACES_APART or channels * weights > MOST_SUMS:
        return None
    vectors = min(channels // lanes, block_count(conv.in_channels, lanes, 1))
    return k.scratch("before", vectors * weights * lanes).view(0, vectors, weights * lanes)


def _columns_summed(
    k: Kernel, conv: Convolution, lanes: int, span: Span, grad_weight: Tensor, before: Tensor | None
) -> Iterator[Column]:
    """``for column in places`` at run time, with the gradients of a span of channels begun anew every few bands.

    What they were is kept in `before` meanwhile, and they are added to it when the bands are through. Without that room
    they go on all the time.
    """
    if before is None:
        yield from columns_of(k, conv, _places(conv))
        return
    bands, size = -(-COLUMNS_APART // conv.out_size[1]), prod(conv.window.kernel_size) * lanes
    sums = grad_weight.view(0, grad_weight.shape[1], size)
    for strip in strips_of(conv, _places(conv)):
        with k.range(strip.start, strip.stop, strip.size * bands) as first:
            with k.range(*span) as vector, k.range(0, size, lanes) as i:
                before.store(sums.load(vector, i, lanes=lanes), vector - span[0], i)
                sums.store(k.zeros(lanes), vector, i)
            yield from columns_in(k, conv, strip, (first, k.minimum(first + strip.size * bands, strip.stop)))
            with k.range(*span) as vector, k.range(0, size, lanes) as i:
                total = before.load(vector - span[0], i, lanes=lanes) + sums.load(vector, i, lanes=lanes)
                sums.store(total, vector, i)


def _add_to_weights(
    column: Column, filter_rows: tuple[int, int], image: Tensor, grads: list[Vector], place: Tensor,
    kx: Integer, c: Integer, live: int,
) -> None:  # fmt: skip
    """Add a column of places to the gradients of weights below each other, some rows of a column of the filter."""
    first, size = filter_rows
    met = [ky for ky in range(first, first + size) if column.rows.kind[ky]]
    sums = {ky: place.load(ky, kx, 0, 0, lanes=grads[0].lanes) for ky in met}
    for value, pairs in column.pixels(image, kx, c, grads[0].lanes, live):
        for o, ky in pairs:
            if ky in sums:
                sums[ky] += value * grads[o]
    for ky in met:
        place.store(sums[ky], ky, kx, 0, 0)
