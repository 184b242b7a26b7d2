"""The gradient of a convolution's input. The formula is that of `definitions.conv`.

A pixel i of the input is read by tap k at place o where ``i = o·S + k·D − before``. So ``i + before`` and ``k·D`` leave
the same remainder when divided by the stride S: pixels fall into S classes, and each class meets taps of its own, every
m-th of the filter. Within a class, neighbouring pixels read neighbouring places: it is a convolution of stride 1 over
grad_output, with the taps in reverse order. With stride 1 there is one class. Every sum is one chain over ky, kx and f,
the taps in reverse order.

Axes: n samples, iy ix pixels of the input, ky kx taps, f filters, c input channels, which run along the lanes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import product

from ...geometry import Window
from ..builder import Kernel
from ..cuts import Run, even_pieces, runs
from ..packing import Block, block_count, blocks_of, filter_blocks, live_lanes, packed_tensor
from ..tensors import Registers, Tensor
from ..tiles import ForwardTile, InstructionSet, lanes_for, turn_cost
from ..values import Integer, Vector
from .conv import by_tap
from .convolution import Convolution
from .strips import filter_rows_inside, strips, tap_runs


@dataclass(frozen=True)
class Class:
    """Pixels along one axis that meet the same taps.

    Attributes
    ----------
    first, count : int
        The first of them, and how many there are; from one to the next it is the stride.
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
    count: int
    taps: int
    last_tap: int = 0
    tap_step: int = 1
    place_step: int = 1
    padding: tuple[int, int] = (0, 0)


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
            found.append(Class(first, count, 0))
            continue
        left = -((first + before - taps[-1] * dilation) // stride)  # the first pixel's last tap reads place −left
        extent = place_step * (len(taps) - 1) + 1
        right = count - 1 + extent - places - left
        found.append(Class(first, count, len(taps), taps[-1], tap_step, place_step, (left, right)))
    return found


def as_convolution(conv: Convolution, rows: Class, columns: Class) -> Convolution:
    """Return the convolution over grad_output that makes the pixels of a class of rows and one of columns."""
    window = Window(
        (rows.taps, columns.taps), (1, 1), (rows.padding, columns.padding), (rows.place_step, columns.place_step)
    )
    return Convolution(conv.out_channels, conv.out_size, conv.in_channels, window, conv.groups)


@cache
def grad_input_tile(conv: Convolution, isa: InstructionSet) -> ForwardTile:
    """Return the tile for which a row of the class with the most taps takes the least time by `turn_cost`."""
    channels, lanes = conv.in_channels // conv.groups, lanes_for(conv.in_channels // conv.groups, isa)
    columns = max(classes(conv.window, 1, conv.size[1]), key=lambda each: each.taps)
    window = as_convolution(conv, columns, columns).window

    def cost(vectors: int, pixels: int) -> int:
        total = 0
        for block in filter_blocks(channels, lanes, vectors):
            wide = len(live_lanes(block.size, lanes))
            for strip in strips(window, conv.out_size[1], pixels, range(columns.taps)):
                turns = [(run.count, len(run.kind)) for run in tap_runs(strip)]
                work = sum(taps * turn_cost(isa, wide * met, wide + met) for taps, met in turns)
                total += block.count * strip.count * work
        return total

    most = min(len(live_lanes(channels, lanes)), len(isa.tile_rows))
    choices = [(v, p) for v in range(1, most + 1) for p in range(1, isa.tile_rows[v - 1] + 1) if isa.fits(v, p, v)]
    vectors, pixels = min(choices or [(1, 1)], key=lambda tile: (cost(*tile), -tile[0] * tile[1], -tile[0]))
    return ForwardTile(lanes, vectors, pixels, unroll=2 if vectors > 1 else 1)


def conv2d_grad_input(k: Kernel, conv: Convolution, tile: ForwardTile, masked: bool = False) -> None:
    """``grad_input[n, iy, ix, c] = Σ ky, kx, f  grad_output[n, oy, ox, f] · w[ky, kx, f, c]``

    over the taps that read the pixel from a place (oy, ox), with f counting from the first filter of c's group. A tile
    of pixels of a class × vectors of channels stays in registers while the taps pass.

    With `masked`, ``· (mask[n, iy, ix, c] > 0 ? 1 : 0)``: the layer's input is that of a ReLU, and this its gradient.
    """
    (height, width), lanes = conv.size, tile.lanes
    channels = conv.in_channels, lanes, tile.vectors, conv.groups
    shape = conv.in_channels, conv.out_channels // conv.groups, *conv.window.kernel_size
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(*channels))
    grad_output = k.tensor("grad_output", k.samples, *conv.out_size, conv.out_channels)
    weight = packed_tensor(k, "weight", shape, lanes, conv.groups)
    mask = k.tensor("mask", k.samples, height, width, conv.in_channels) if masked else None
    grad_input = k.tensor("grad_input", k.samples, height, width, conv.in_channels)
    gradient = _Gradient(k, conv, tile, grad_output, weight, mask, grad_input)

    with k.range(*images) as n:
        for block in blocks_of(k, blocks, *channels):
            for rows in classes(conv.window, 0, height):
                with k.range(0, rows.count) as j:
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

    def row(self, n: Integer, j: Integer, rows: Class, columns: Class, block: Block) -> None:
        """Make the pixels of one class in row j of a class of rows; those without taps become 0."""
        k, lanes, unread = self.k, self.tile.lanes, not (rows.taps and columns.taps)
        stride_y, stride_x = self.conv.window.stride
        own = as_convolution(self.conv, rows, columns)
        if unread:
            pieces = runs(even_pieces(columns.count, self.tile.rows))
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
                    x = (jx + p) * stride_x + columns.first
                    place = (n, j * stride_y + rows.first, x, block.filter + v * lanes)
                    result = self._masked(acc[p, v], place, block.live[v])
                    self.grad_input.store(result, *place, live=block.live[v])

    def _add_taps(
        self, acc: Registers, own: Convolution, rows: Class, columns: Class, strip: Run, block: Block,
        place: tuple[Integer, ...],
    ) -> None:  # fmt: skip
        """Let the taps of a class pass over a tile."""
        (n, j, jx), k = place, self.k
        y0, x0 = j - rows.padding[0], jx - columns.padding[0]
        with k.range(*filter_rows_inside(k, own.window, own.size[0], y0)) as ky:
            row = self.grad_output.at(n, y0 + ky * rows.place_step)
            weight = _Reversed(self.weight, rows, columns)
            by_tap(k, own, block, strip, acc, row, x0, weight, ky, self.tile.unroll)

    def _masked(self, total: Vector, at: tuple[Integer, ...], live: int) -> Vector:
        if self.mask is None:
            return total
        k, lanes = self.k, total.lanes
        positive = self.mask.load(*at, lanes=lanes, live=live) > k.zeros(lanes)
        return total * positive.choose(k.constant(1.0, lanes), k.zeros(lanes))


@dataclass(frozen=True)
class _Reversed:
    """Packed weights whose taps are counted from the last one of a class to its first."""

    weight: Tensor
    rows: Class
    columns: Class

    def load(self, group: Integer, vector: Integer, ky: Integer, kx: Integer, *index: Integer, lanes: int) -> Vector:
        """Return neighbouring weights."""
        y = self.rows.last_tap - ky * self.rows.tap_step
        x = self.columns.last_tap - kx * self.columns.tap_step
        return self.weight.load(group, vector, y, x, *index, lanes=lanes)
