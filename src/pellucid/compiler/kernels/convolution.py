"""A convolution's shape, and the register tiles that suit it on a given instruction set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from ...geometry import Pair, Window
from ..cuts import even_pieces, full_pieces
from ..packing import live_lanes
from ..tiles import ForwardTile, InstructionSet, WeightTile, lanes_for, turn_cost

BAND_BYTES = 64 * 1024
"""What a band of the backward pass may take, so that it stays in a second-level cache, and much of it in the first."""
BAND_PIXELS = 64
"""The fewest outputs in a band of rows: sums are loaded and stored once for all of them."""
FEW_FILTERS = 8
FEW_CHANNELS = 4


@dataclass(frozen=True)
class Convolution:
    """What a convolution's kernels are compiled for: everything but the number of samples."""

    in_channels: int
    size: Pair
    out_channels: int
    window: Window

    @property
    def out_size(self) -> Pair:
        """Rows and columns of the output."""
        return self.window.output_size(self.size)

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Canonical shape of the weights, (F, C, KH, KW)."""
        return self.out_channels, self.in_channels, *self.window.kernel_size

    @property
    def by_column(self) -> bool:
        """The order of an output's sum within a filter row: channel by channel (few filters: a pixel is loaded once
        for all the taps that meet there), or else tap by tap. It changes bits, so shapes alone decide."""
        return self.out_channels <= FEW_FILTERS and self.window.kernel_size[1] <= 7

    def flattened(self) -> Convolution:
        """Return the same work with the image as one long row where the window is a single pixel: then no strip of a
        tile ends early at a row's end. The arrays are the same bytes, the results the same bits."""
        if self.window != Window((1, 1)):
            return self
        return replace(self, size=(1, self.size[0] * self.size[1]))

    def multiply_adds(self) -> int:
        """Return the multiply-adds of one sample; taps in the padding are none."""
        taps = [sum(len(reads) for reads in self.window.taps(axis, self.size[axis])) for axis in range(2)]
        return taps[0] * taps[1] * self.in_channels * self.out_channels


@cache
def forward_tile(conv: Convolution, isa: InstructionSet) -> ForwardTile:
    """Return the tile for which `conv2d` takes the least time by `turn_cost`; of equals the one with most sums."""
    lanes, columns = lanes_for(conv.out_channels, isa), conv.window.kernel_size[1]

    def fits(vectors: int, pixels: int) -> bool:
        return pixels <= isa.tile_rows[vectors - 1] and isa.fits(
            vectors, pixels, vectors * (columns if conv.by_column else 1)
        )

    def cost(vectors: int, pixels: int) -> int:
        total = 0
        for _, filters in full_pieces(conv.out_channels, lanes * vectors):
            wide = len(live_lanes(filters, lanes))
            for _, strip in even_pieces(conv.out_size[1], pixels):
                taps = columns if conv.by_column else 1
                seen = (strip - 1) * conv.window.stride[1] + columns if conv.by_column else strip
                total += turn_cost(isa, wide * strip * taps, wide * taps + seen, taps) * columns // taps
        return total

    most = min(len(live_lanes(conv.out_channels, lanes)), len(isa.tile_rows))
    choices = [(v, p) for v in range(1, most + 1) for p in range(1, 17) if fits(v, p)] or [(1, 1)]
    vectors, pixels = min(choices, key=lambda choice: (cost(*choice), -choice[0] * choice[1], -choice[0]))
    return ForwardTile(lanes, vectors, pixels)


@cache
def weight_tile(conv: Convolution, isa: InstructionSet) -> WeightTile:
    """Return the tile for which `conv2d_grad_weight` takes the least time by `turn_cost`."""
    lanes, (rows, columns) = lanes_for(conv.out_channels, isa), conv.window.kernel_size
    most_rows = rows if not any(conv.window.sides[0]) else 1
    most, few = len(live_lanes(conv.out_channels, lanes)), conv.in_channels <= FEW_CHANNELS

    def cost(tile: WeightTile) -> tuple[int, int]:
        total = all_loads = 0
        for _, filters in full_pieces(conv.out_channels, lanes * tile.vectors):
            wide = len(live_lanes(filters, lanes))
            for _, r in even_pieces(rows, tile.filter_rows):
                for _, q in even_pieces(columns, tile.filter_columns):
                    for _, c in even_pieces(conv.in_channels, tile.channels):
                        seen = r * c * min(q * tile.pixels, (tile.pixels - 1) * conv.window.stride[1] + q)
                        work = wide * r * q * c * tile.pixels
                        loads = wide * tile.pixels + seen
                        total += turn_cost(isa, work, loads, tile.pixels) * 4 // tile.pixels
                        all_loads += loads * 4 // tile.pixels
        return total, all_loads

    choices = [
        WeightTile(lanes, v, r, q, c, p, _band(conv))
        for v in range(1, min(len(isa.tile_rows), most) + 1)
        for c in range(1, min(conv.in_channels, 12) + 1)
        for q in range(
            1, (columns if c == conv.in_channels or few else 1) + 1
        )  # channels first, then columns, then rows
        for r in range(1, (most_rows if q == columns else 1) + 1)
        for p in (1, 2, 4)
        if r * q * c <= isa.tile_rows[v - 1] and isa.fits(v, r * q * c, v * p) and (p == 1 or q > 1)
    ]
    return min(choices, key=cost, default=WeightTile(lanes, 1, 1, 1, 1, 1, _band(conv)))


def _band(conv: Convolution) -> int:
    """Return how many output rows make a band: whole images where several of them fit, else rows."""
    width, (out_rows, out_columns) = conv.size[1], conv.out_size
    row = 4 * (width * conv.window.stride[0] * conv.in_channels + out_columns * conv.out_channels)
    if row * out_rows <= BAND_BYTES:
        return out_rows * (BAND_BYTES // (row * out_rows))
    return max(BAND_BYTES // row, -(-BAND_PIXELS // out_columns))
