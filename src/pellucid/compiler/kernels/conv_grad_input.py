"""The gradient of a convolution's input. The formula is that of `definitions.conv`.

A pixel i of the input is read by tap k at place o where ``i = o·S + k·D − before``. So ``i + before`` and ``k·D`` leave
the same remainder when divided by the stride S: pixels fall into S classes, and each class meets taps of its own, every
m-th of the filter. Within a class, neighbouring pixels read neighbouring places: it is a convolution of stride 1 over
grad_output, with the taps in reverse order. With stride 1 there is one class. Every sum is one chain over ky, kx and f,
the taps in reverse order.

Small images, and those of few channels, are better served the other way round: see `conv_scatter`.

Axes: n samples, iy ix pixels of the input, ky kx taps, f filters, c input channels, which run along the lanes; j jx
count the pixels of a class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import product

from ...geometry import Window
from ..builder import Kernel
from ..cuts import Run, even_runs
from ..packing import FilterBlock, block_count, blocks_of, filter_blocks, live_lanes, packed_tensor
from ..tensors import Registers, Tensor, VectorSource
from ..tiles import ForwardTile, InstructionSet, lanes_for, turn_cost
from ..values import Integer, Vector
from .conv import by_column, by_tap
from .conv_scatter import passed_through, scatter, scatter_tile, suits_scattering
from .convolution import Convolution
from .strips import filter_rows_inside, meetings, strips, tap_runs

SHORT_ROW = 14
"""Pixels that a tile of a single vector of channels has room for, tap by tap."""
FEW_TAPS = 5
"""Weights of a row of taps that are given registers; further ones are read again for every use."""
BAND_BYTES = 512 * 1024
"""What a band of both gradients may take, so that it stays in the second-level cache while all blocks pass over it."""


@dataclass(frozen=True)
class ScatterTile:
    """`rows` places below each other × `vectors` of what a row of the filter sees, in registers: see `conv_scatter`.

    These vectors have `row_lanes` lanes; the weights are packed for vectors of `lanes`.
    """

    lanes: int
    row_lanes: int
    vectors: int
    rows: int


@dataclass(frozen=True)
class Class:
    """Pixels along one axis that meet the same taps.

    Attributes
    ----------
    first, stride, count : int
        The first of them, how far they lie apart, and how many there are.
    taps : int
        How many taps they meet.
    last_tap, tap_step : int
        The last of these taps, and how far they lie apart.
    place_step : int
        Places of the output from one tap to the one before it.
    padding : (int, int)
        What lies before and after the output, for these pixels; less than 0 where some of the output is not read.
    """

    first: int
    stride: int
    count: int
    taps: int
    last_tap: int = 0
    tap_step: int = 1
    place_step: int = 1
    padding: tuple[int, int] = (0, 0)

    def pixel(self, number: Integer) -> Integer:
        """Return where one of them lies."""
        return number * self.stride + self.first

    def tap(self, number: Integer) -> Integer:
        """Return which tap one of theirs is, counted from the last of them to the first."""
        return number * -self.tap_step + self.last_tap


def classes(window: Window, axis: int, size: int) -> list[Class]:
    """Return the classes of pixels along an axis; those without a pixel are left out."""
    stride, dilation, before = window.stride[axis], window.dilation[axis], window.sides[axis][0]
    places, kernel = window.output_size((size, size))[axis], window.kernel_size[axis]
    tap_step = stride // math.gcd(stride, dilation)
    place_step = tap_step * dilation // stride
    found = []
    for first in range(min(stride, size)):
        count = -(-(size - first) // stride)
        taps = [k for k in range(kernel) if (first + before - k * dilation) % stride == 0]
        if not taps:
            found.append(Class(first, stride, count, 0))
            continue
        left = -((first + before - taps[-1] * dilation) // stride)  # the first pixel's last tap reads place −left
        extent = place_step * (len(taps) - 1) + 1
        right = count - 1 + extent - places - left
        found.append(Class(first, stride, count, len(taps), taps[-1], tap_step, place_step, (left, right)))
    return found


def as_convolution(conv: Convolution, rows: Class, columns: Class) -> Convolution:
    """Return the convolution over grad_output that makes the pixels of a class of rows and one of columns."""
    window = Window(
        (rows.taps, columns.taps), (1, 1), (rows.padding, columns.padding), (rows.place_step, columns.place_step)
    )
    return Convolution(conv.out_channels, conv.out_size, conv.in_channels, window, conv.groups)


@dataclass(frozen=True)
class ReversedTaps:
    """Packed weights whose taps are counted from the last one of a class to its first."""

    weight: Tensor
    rows: Class
    columns: Class

    def load(self, *index: Integer, lanes: int) -> Vector:
        """Return neighbouring weights."""
        group, vector, ky, kx, *rest = index
        return self.weight.load(group, vector, self.rows.tap(ky), self.columns.tap(kx), *rest, lanes=lanes)


@cache
def grad_input_tile(conv: Convolution, isa: InstructionSet) -> ForwardTile | ScatterTile:
    """Return the tile that takes the least time by `turn_cost`, for a row of the class with the most taps."""
    channels, lanes = conv.in_channels // conv.groups, lanes_for(conv.in_channels // conv.groups, isa)
    if suits_scattering(conv):
        row_lanes = lanes_for(conv.window.kernel_size[1] * conv.in_channels, isa)
        return ScatterTile(lanes, row_lanes, *scatter_tile(conv, row_lanes, isa))
    columns = max(classes(conv.window, 1, conv.size[1]), key=lambda each: each.taps)
    own = as_convolution(conv, columns, columns)
    held = min(columns.taps, FEW_TAPS) if sums_by_column(own) else 1  # weights in registers, of each vector of channels

    def cost(vectors: int, pixels: int) -> int:
        total = 0
        for block in filter_blocks(channels, lanes, vectors):
            wide = len(live_lanes(block.size, lanes))
            for strip in strips(own.window, conv.out_size[1], pixels, range(columns.taps)):
                total += block.count * strip.count * _strip_cost(own, strip, wide, isa)
        return total

    most = min(len(live_lanes(channels, lanes)), len(isa.tile_rows))
    tallest = [max(rows, SHORT_ROW if v == 0 else 0) for v, rows in enumerate(isa.tile_rows)]
    choices = [(v, p) for v in range(1, most + 1) for p in range(1, tallest[v - 1] + 1) if isa.fits(v, p, v * held)]
    vectors, pixels = min(choices or [(1, 1)], key=lambda tile: (cost(*tile), -tile[0] * tile[1], -tile[0]))
    return ForwardTile(lanes, vectors, pixels, unroll=2 if vectors > 1 or held == FEW_TAPS else 1)


def sums_by_column(own: Convolution) -> bool:
    """Return whether a class adds up filter by filter within a row of taps, and not tap by tap. It changes bits, so
    shapes alone decide: a short row has all of its pixels in one tile either way, and is faster tap by tap."""
    return own.by_column and own.out_size[1] > SHORT_ROW


def _strip_cost(own: Convolution, strip: Run, wide: int, isa: InstructionSet) -> int:
    """Return what a row of taps takes for a filter, with `wide` vectors of channels."""
    if not sums_by_column(own):
        turns = [(run.count, len(run.kind)) for run in tap_runs(strip)]
        return sum(taps * turn_cost(isa, wide * met, wide + met) for taps, met in turns)
    met = [pairs for _, pairs in meetings(strip, own.window)]
    products, taps = sum(map(len, met)), sum(map(bool, strip.kind))
    return turn_cost(isa, wide * products, wide * taps + len(met), taps)


def conv2d_grad_input(k: Kernel, conv: Convolution, tile: ForwardTile | ScatterTile, masked: bool = False) -> None:
    """``grad_input[n, iy, ix, c] = Σ ky, kx, f  grad_output[n, oy, ox, f] · w[ky, kx, f, c]``

    over the taps that read the pixel from a place (oy, ox), with f counting from the first filter of c's group. A tile
    of pixels of a class × vectors of channels stays in registers while the taps pass. A band of the gradients stays in
    the cache while all blocks of channels pass over it.

    With `masked`, ``· (mask[n, iy, ix, c] > 0 ? 1 : 0)``: the layer's input is that of a ReLU, and this its gradient.
    """
    (height, width), lanes, scattered = conv.size, tile.lanes, isinstance(tile, ScatterTile)
    channels = conv.in_channels, lanes, tile.vectors, conv.groups
    shape = conv.in_channels, conv.out_channels // conv.groups, *conv.window.kernel_size
    images, blocks = k.piece("images", k.samples), k.piece("blocks", 1 if scattered else block_count(*channels))
    grad_output = k.tensor("grad_output", k.samples, *conv.out_size, conv.out_channels)
    weight = packed_tensor(k, "weight", shape, lanes, conv.groups)
    mask = k.tensor("mask", k.samples, height, width, conv.in_channels) if masked else None
    grad_input = k.tensor("grad_input", k.samples, height, width, conv.in_channels)

    if isinstance(tile, ScatterTile):
        with k.range(*blocks):
            scatter(k, conv, tile, images, grad_output, weight, mask, grad_input)
        return

    gradient = _Gradient(k, conv, tile, grad_output, weight, mask, grad_input)
    all_rows = classes(conv.window, 0, height)
    band, most = conv.band(BAND_BYTES), max(rows.count for rows in all_rows)
    band_images, band_rows = max(1, band // conv.out_size[0]), min(band, most)
    with k.range(*images, band_images) as n0, k.range(0, most, band_rows) as j0:
        for block in blocks_of(k, blocks, *channels):
            with k.range(n0, k.minimum(n0 + band_images, images[1]), nonempty=True) as n:
                for rows in all_rows:
                    with k.range(j0, k.minimum(j0 + band_rows, rows.count)) as j:
                        for columns in classes(conv.window, 1, width):
                            gradient.row(n, j, rows, columns, block)


@dataclass(frozen=True)
class _Gradient:
    """The tensors of a kernel, and what is done with them for a row of pixels."""

    k: Kernel
    conv: Convolution
    tile: ForwardTile
    grad_output: Tensor
    weight: Tensor
    mask: Tensor | None
    grad_input: Tensor

    def row(self, n: Integer, j: Integer, rows: Class, columns: Class, block: FilterBlock) -> None:
        """Make the pixels of one class in row j of a class of rows; those without taps become 0."""
        k, lanes, unread = self.k, self.tile.lanes, not (rows.taps and columns.taps)
        own = as_convolution(self.conv, rows, columns)
        if unread:
            pieces = even_runs(columns.count, self.tile.rows)
        else:
            pieces = strips(own.window, own.size[1], self.tile.rows, range(columns.taps))
        for strip in pieces:
            with k.range(strip.start, strip.stop, strip.size) as jx:
                acc = k.registers(range(strip.size), len(block.live), lanes)
                cells = list(product(range(strip.size), range(len(block.live))))
                for at in cells:
                    acc[at] = k.zeros(lanes)
                if not unread:
                    self._add_taps(acc, own, rows, columns, strip, block, (n, j, jx))
                for p, v in cells:
                    place = n, rows.pixel(j), columns.pixel(jx + p), block.filter + v * lanes
                    result = passed_through(k, self.mask, acc[p, v], place, block.live[v])
                    self.grad_input.store(result, *place, live=block.live[v])

    def _add_taps(
        self, acc: Registers, own: Convolution, rows: Class, columns: Class, strip: Run, block: FilterBlock,
        place: tuple[Integer, ...],
    ) -> None:  # fmt: skip
        """Let the taps of a class pass over a tile."""
        (n, j, jx), k = place, self.k
        y0, x0 = j - rows.padding[0], jx - columns.padding[0]
        weight: VectorSource = ReversedTaps(self.weight, rows, columns)
        with k.range(*filter_rows_inside(k, own.window, own.size[0], y0)) as ky:
            row = self.grad_output.at(n, y0 + ky * rows.place_step)
            inner_loops = by_column if sums_by_column(own) else by_tap
            inner_loops(k, own, block, strip, acc, row, x0, weight, ky, self.tile.unroll)
