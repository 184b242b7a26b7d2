"""The gradient of a convolution's input, scattered: every place adds to all the pixels that it has seen.

Channels along the lanes leave lanes empty where an image has few of them. But all that a row of the filter sees, pixels
with their channels, lies one after the other in memory: 5 pixels of 6 channels are 30 neighbours, which fill 15/16 of
four vectors. Every place of the output adds a product to them. So the image grows in a copy that has a frame for the
padding, and is written when it is complete.

Axes: n samples, oy ox places of the output, ky kx taps, f filters, c input channels; j = kx·C + c counts what a row of
the filter sees, and runs along the lanes; r counts a tile's places below each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING

from ..builder import Kernel, Span
from ..cuts import even_pieces, even_runs, full_pieces, full_runs, runs
from ..packing import live_lanes
from ..tensors import Registers, Tensor
from ..tiles import InstructionSet, turn_cost
from ..values import Integer, Vector
from .convolution import Convolution

if TYPE_CHECKING:
    from .conv_grad_input import ScatterTile

ROOM_BYTES = 128 * 1024
"""What the copies of an image and of the weights may take of the stack."""
VECTOR = 8
"""Floats in the vectors by which the two ways are compared, whichever the machine has: the choice changes bits."""
FEW_PLACES = 6
"""Places of a row that are too few to fill tiles of neighbouring pixels: too many of them are at an edge."""
UNROLL = 4

Load = Callable[[], Vector]


def suits_scattering(conv: Convolution) -> bool:
    """Return whether scattering takes less time than adding up all that each pixel receives.

    It adds to the padding too, and loads and stores a sum once for every filter row. The other way fills its vectors
    with channels alone; with a single vector of them, or with few places in a row, it loses another eighth.
    """
    (kernel_rows, kernel_columns), (rows, columns) = conv.window.kernel_size, conv.out_size
    if conv.groups > 1 or conv.window.dilation[1] > 1 or kernel_columns == 1:
        return False
    seen, stride = kernel_columns * conv.in_channels, conv.window.stride[1]
    scattered = rows * columns * kernel_rows * -(-seen // VECTOR) * (conv.out_channels + 2)
    gathered = conv.multiply_adds() // conv.in_channels * -(-conv.in_channels // VECTOR)
    slow = stride == 1 and (conv.in_channels <= VECTOR or columns <= FEW_PLACES)
    height, width = frame(conv)
    room = 4 * (height * width * conv.in_channels + kernel_rows * conv.out_channels * seen)
    return 8 * scattered <= (9 if slow else 8) * gathered and room <= ROOM_BYTES


def frame(conv: Convolution) -> tuple[int, int]:
    """Return rows and columns of the image together with as much padding as the places see."""
    sizes = []
    for axis in range(2):
        seen = (conv.out_size[axis] - 1) * conv.window.stride[axis] + conv.window.extent[axis]
        sizes.append(max(seen, conv.window.sides[axis][0] + conv.size[axis]))
    return sizes[0], sizes[1]


@cache
def scatter_tile(conv: Convolution, lanes: int, isa: InstructionSet) -> tuple[int, int]:
    """Return the vectors of j and the rows of places in the tile that takes the least time by `turn_cost`."""
    vectors, rows = -(-conv.window.kernel_size[1] * conv.in_channels // lanes), conv.out_size[0]

    def cost(wide: int, tall: int) -> int:
        pieces = product(even_pieces(vectors, wide), even_pieces(rows, tall))
        return sum(turn_cost(isa, v * r, v + r) for (_, v), (_, r) in pieces)

    tiles = product(range(1, min(vectors, isa.registers) + 1), range(1, min(rows, isa.registers) + 1))
    fitting = [(v, r) for v, r in tiles if isa.fits(v, r, min(v, r))]
    return min(fitting, key=lambda tile: (cost(*tile), -tile[0] * tile[1], -tile[0]))


def scatter(
    k: Kernel, conv: Convolution, tile: ScatterTile, images: Span,
    grad_output: Tensor, weight: Tensor, mask: Tensor | None, grad_input: Tensor,
) -> None:  # fmt: skip
    """``grad_input[n, oy·SH + ky·DH − top, ox·SW − left + kx, c] += Σ f  grad_output[n, oy, ox, f] · w[ky, f, j]``

    for oy and ox counting up. A tile of rows of places × vectors of j stays in registers while the filters pass.
    """
    filter_rows, (rows, columns), lanes = _filter_rows(k, conv, tile, weight), frame(conv), tile.row_lanes
    size = rows * columns * conv.in_channels
    room = k.scratch("frame", size + lanes)  # a vector may hang over behind the last row
    with k.range(*images) as n:
        for run in full_runs(size + lanes, lanes):
            with k.range(run.start, run.stop, run.size) as i:
                room.store(k.zeros(lanes), i, live=run.size)
        for run in even_runs(conv.out_size[0], tile.rows):
            with (
                k.range(run.start, run.stop, run.size) as oy,
                k.range(0, conv.window.kernel_size[0]) as above,
                k.range(0, conv.out_size[1]) as ox,
            ):
                ky = conv.window.kernel_size[0] - 1 - above  # from below, so that a pixel meets its places from above
                _add_places(k, conv, tile, run.size, grad_output.at(n), (oy, ox), filter_rows.at(ky), ky, room)
        _write(k, conv, lanes, room.view(0, rows, columns * conv.in_channels), n, mask, grad_input)


def _add_places(
    k: Kernel, conv: Convolution, tile: ScatterTile, places: int, grad_output: Tensor, first: tuple[Integer, Integer],
    filter_row: Tensor, ky: Integer, room: Tensor,
) -> None:  # fmt: skip
    """Add what places below each other have seen through a row of the filter."""
    (oy, ox), lanes, channels, (stride_y, stride_x) = first, tile.row_lanes, conv.in_channels, conv.window.stride
    live = live_lanes(conv.window.kernel_size[1] * channels, lanes)
    for run in runs(even_pieces(len(live), tile.vectors), lambda start, size: tuple(live[start : start + size])):
        with k.range(run.start, run.stop, run.size) as first_vector:
            cells = list(product(range(places), range(run.size)))
            acc = k.registers(range(places), run.size, lanes)
            for at in cells:
                acc[at] = k.zeros(lanes)
            for f in k.unrolled(conv.out_channels, UNROLL):
                grads = [partial(grad_output.splat, oy + r, ox, f, lanes=lanes) for r in range(places)]
                weights = [
                    partial(filter_row.load, f, (first_vector + v) * lanes, lanes=lanes) for v in range(run.size)
                ]
                _add_product(acc, grads, weights)
            for r, v in cells:
                row, column = (oy + r) * stride_y + ky * conv.window.dilation[0], ox * stride_x
                place = (row * frame(conv)[1] + column) * channels + (first_vector + v) * lanes
                room.store(room.load(place, lanes=lanes) + acc[r, v], place, live=run.kind[v])


def _add_product(acc: Registers, rows: Sequence[Load], columns: Sequence[Load]) -> None:
    """``acc[r, v] += rows[r] · columns[v]``, the fewer of them loaded ahead and the others one by one."""
    if len(rows) <= len(columns):
        ahead = [load() for load in rows]
        for v, load in enumerate(columns):
            factor = load()
            for r in range(len(rows)):
                acc[r, v] += ahead[r] * factor
    else:
        ahead = [load() for load in columns]
        for r, load in enumerate(rows):
            factor = load()
            for v in range(len(columns)):
                acc[r, v] += factor * ahead[v]


def _write(
    k: Kernel, conv: Convolution, lanes: int, framed: Tensor, n: Integer, mask: Tensor | None, grad_input: Tensor
) -> None:
    """Write the image that the frame holds."""
    (height, width), ((top, _), (left, _)), channels = conv.size, conv.window.sides, conv.in_channels
    flat = k.samples, height, width * channels
    mask, grad_input = mask and mask.view(0, *flat), grad_input.view(0, *flat)
    for run in full_runs(width * channels, lanes):
        with k.range(0, height) as y, k.range(run.start, run.stop, run.size) as i:
            total = framed.load(y + top, i + left * channels, lanes=lanes, live=run.size)
            grad_input.store(passed_through(k, mask, total, (n, y, i), run.size), n, y, i, live=run.size)


def _filter_rows(k: Kernel, conv: Convolution, tile: ScatterTile, weight: Tensor) -> Tensor:
    """Return a copy of the packed weights, as (KH, F, whole vectors of j)."""
    (rows, columns), channels, lanes = conv.window.kernel_size, conv.in_channels, tile.lanes
    size = -(-columns * channels // tile.row_lanes) * tile.row_lanes
    copy = k.scratch("filter rows", rows * conv.out_channels * size).view(0, rows, conv.out_channels, size)
    with k.range(0, rows) as ky, k.range(0, conv.out_channels) as f:
        copy.store(k.zeros(tile.row_lanes), ky, f, size - tile.row_lanes)
        for kx, (c, live) in product(range(columns), full_pieces(channels, lanes)):
            weights = weight.load(0, c // lanes, ky, kx, f, 0, lanes=lanes)
            copy.store(weights, ky, f, kx * channels + c, live=live)
    return copy


def passed_through(k: Kernel, mask: Tensor | None, total: Vector, at: tuple[Integer, ...], live: int) -> Vector:
    """Return a gradient that has passed a ReLU backwards, ``total · (mask > 0 ? 1 : 0)``, if there is a mask."""
    if mask is None:
        return total
    zero = k.zeros(total.lanes)
    positive = mask.load(*at, lanes=total.lanes, live=live) > zero
    return total * positive.choose(k.constant(1.0, total.lanes), zero)
