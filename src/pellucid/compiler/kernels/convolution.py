"""A convolution's shape, and the register tiles that suit it on a given instruction set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from ...geometry import Pair, Window
from ..cuts import Run, even_pieces, even_runs
from ..packing import filter_blocks, live_lanes, numbered
from ..tiles import ForwardTile, InstructionSet, WeightTile, lanes_for, turn_cost

BAND_BYTES, SMALL_BAND_BYTES = 64 * 1024, 20 * 1024
"""What a band may take so that it stays in a second-level cache, and much of it in the first; or in the first-level
one, as it must where little is done with each number."""
BAND_PIXELS = 64
"""The fewest outputs in a band of rows: sums are loaded and stored once for all of them."""
MANY_PLACES = 1024
"""Places of an image from which on the gradients of weights are summed in parts, even where one band holds them all."""
ROW_BYTES = 128 * 1024
"""What the pixels may take that are joined to one row where a window is a single pixel."""
FEW_FILTERS = 8
FEW_CHANNELS = 4
FEW_WEIGHTS = 50
"""The most weights of a filter whose gradients are cut into tiles that need not be boxes."""
PIXELS_ALONG_LANES = 8
MOST_CHUNKS = 4
ONE_OF_EACH = 2
"""A vector of pixels and a weight in all lanes, which stand beside the sums in registers."""


@dataclass(frozen=True)
class Convolution:
    """What a convolution's kernels are compiled for: everything but the number of samples."""

    in_channels: int
    size: Pair
    out_channels: int
    window: Window
    groups: int = 1

    @property
    def out_size(self) -> Pair:
        """Rows and columns of the output."""
        return self.window.output_size(self.size)

    @property
    def group_channels(self) -> int:
        """Input channels that a filter sees, C/G."""
        return self.in_channels // self.groups

    @property
    def group_filters(self) -> int:
        """Filters of a group, F/G."""
        return self.out_channels // self.groups

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Canonical shape of the weights, (F, C/G, KH, KW)."""
        return self.out_channels, self.group_channels, *self.window.kernel_size

    @property
    def by_column(self) -> bool:
        """The order of an output's sum within a filter row: channel by channel (few filters: a pixel is loaded once
        for all the taps that meet there), or else tap by tap. It changes bits, so shapes alone decide."""
        return self.group_filters <= FEW_FILTERS and self.window.kernel_size[1] <= 7

    def band(self, size: int = BAND_BYTES) -> int:
        """Return how many output rows make a band of so many bytes: those of several images where they fit."""
        width, (out_rows, out_columns) = self.size[1], self.out_size
        row = 4 * (width * self.window.stride[0] * self.in_channels + out_columns * self.out_channels)
        if row * out_rows <= size:
            return out_rows * (size // (row * out_rows))
        return max(size // row, -(-BAND_PIXELS // out_columns))

    @property
    def weight_band(self) -> int:
        """How many output rows make a band where the gradients of weights are summed."""
        rows, columns = self.window.kernel_size
        few = rows * columns * self.group_channels <= FEW_WEIGHTS
        return self.band(SMALL_BAND_BYTES if few else BAND_BYTES)

    @property
    def rows_apart(self) -> int:
        """How many output rows of an image are summed apart, from 0, for the gradients of weights: a band of them. Or 0
        where images are small, fewer places than many and no more than a band: they follow each other in one chain.
        It changes bits, so shapes alone decide."""
        rows, columns = self.out_size
        small = rows <= self.weight_band and rows * columns < MANY_PLACES
        return 0 if small else min(self.weight_band, rows)

    def flattened(self) -> Convolution:
        """Return the same work with rows joined to longer ones where the window is a single pixel: then fewer strips of
        a tile end early at a row's end. The arrays are the same bytes, the results the same bits."""
        if self.window != Window((1, 1)):
            return self
        rows, columns = self.size
        most = max(BAND_PIXELS, ROW_BYTES // (4 * self.in_channels))
        joined = max(n for n in range(1, rows + 1) if rows % n == 0 and (n == 1 or n * columns <= most))
        return replace(self, size=(rows // joined, joined * columns))

    def multiply_adds(self) -> int:
        """Return the multiply-adds of one sample; taps in the padding are none."""
        taps = [sum(len(reads) for reads in self.window.taps(axis, self.size[axis])) for axis in range(2)]
        return taps[0] * taps[1] * self.group_channels * self.out_channels


@cache
def forward_tile(conv: Convolution, isa: InstructionSet) -> ForwardTile:
    """Return the tile for which `conv2d` takes the least time by `turn_cost`; of equals the one with most sums."""
    lanes, columns = lanes_for(conv.group_filters, isa), conv.window.kernel_size[1]
    if _suits_pixels(conv, isa):
        return _pixel_tile(conv, isa)

    def fits(vectors: int, pixels: int) -> bool:
        return pixels <= isa.tile_rows[vectors - 1] and isa.fits(
            vectors, pixels, vectors * (columns if conv.by_column else 1)
        )

    def cost(vectors: int, pixels: int) -> int:
        total, taps = 0, columns if conv.by_column else 1
        for block in filter_blocks(conv.group_filters, lanes, vectors):
            wide = len(live_lanes(block.size, lanes))
            for strip in even_runs(conv.out_size[1], pixels):
                seen = (strip.size - 1) * conv.window.stride[1] + columns if conv.by_column else strip.size
                turn = turn_cost(isa, wide * strip.size * taps, wide * taps + seen, taps)
                total += block.count * strip.count * turn * columns // taps
        return total

    most = min(len(live_lanes(conv.group_filters, lanes)), len(isa.tile_rows))
    choices = [(v, p) for v in range(1, most + 1) for p in range(1, 17) if fits(v, p)] or [(1, 1)]
    vectors, pixels = min(choices, key=lambda choice: (cost(*choice), -choice[0] * choice[1], -choice[0]))
    sums = vectors * even_pieces(conv.out_size[1], pixels)[0][1]
    # Measured on AVX2: with no sum to spare, as in LeNet's second convolution, one channel a turn is 4 % faster.
    return ForwardTile(lanes, vectors, pixels, unroll=2 if sums >= isa.in_flight else 1)


def _suits_pixels(conv: Convolution, isa: InstructionSet) -> bool:
    """Return whether lanes had better run along pixels: of one channel, where the filters would leave lanes empty."""
    return (
        conv.in_channels == 1
        and conv.out_channels < min(PIXELS_ALONG_LANES, 2 * isa.lanes)
        and conv.out_channels % isa.lanes > 0
        and conv.window.stride[1] == 1
        and conv.out_size[1] >= min(PIXELS_ALONG_LANES, isa.lanes)
    )


def _pixel_tile(conv: Convolution, isa: InstructionSet) -> ForwardTile:
    """Return the tile with lanes along pixels: chunks side by side where they come out even, else below each other."""
    chunk = min(PIXELS_ALONG_LANES, isa.lanes)
    most = max(n for n in range(1, MOST_CHUNKS + 1) if n == 1 or isa.fits(conv.out_channels, n, ONE_OF_EACH))
    rows = most if -(-conv.out_size[1] // chunk) % most and not any(conv.window.sides[0]) else 1
    return ForwardTile(lanes_for(conv.out_channels, isa), most // rows, rows, chunk=chunk)


@dataclass(frozen=True)
class TileRun:
    """Tiles of `conv2d_grad_weight` that differ only in where they begin: at which filter row, at which channel.

    Attributes
    ----------
    taps : list of (ky, kx, c)
        The weights of one tile; ky counts from its first filter row and c from its first channel.
    rows : Run
        The filter rows.
    channels : Run
        The input channels.
    before : int
        How many tiles of channels come before these.
    """

    taps: list[tuple[int, int, int]]
    rows: Run
    channels: Run
    before: int = 0


def weight_tiles(conv: Convolution, tile: WeightTile) -> list[TileRun]:
    """Return all tiles that make up the weights of a filter."""
    (rows, columns), channels = conv.window.kernel_size, conv.group_channels
    if tile.taps:
        weights = list(product(range(rows), range(columns), range(channels)))
        parts = [weights[start : start + size] for start, size in even_pieces(len(weights), tile.taps)]
        return [
            TileRun(
                [(ky - part[0][0], kx, c) for ky, kx, c in part],
                Run(part[0][0], part[-1][0] + 1 - part[0][0], 1),
                Run(0, channels, 1),
            )
            for part in parts
        ]
    row_runs = even_runs(rows, tile.filter_rows)
    if tile.filter_rows > 1 and any(conv.window.sides[0]):  # where the image is padded, which rows they are matters
        row_runs = [Run(start, size, 1) for start, size in even_pieces(rows, tile.filter_rows)]
    return [
        TileRun(list(product(range(row.size), range(left, left + wide), range(run.size))), row, run, before)
        for row in row_runs
        for left, wide in even_pieces(columns, tile.filter_columns)
        for before, run in numbered(even_runs(channels, tile.channels))
    ]


@cache
def weight_tile(conv: Convolution, isa: InstructionSet) -> WeightTile:
    """Return the tile for which `conv2d_grad_weight` takes the least time by `turn_cost`."""
    lanes, (rows, columns) = lanes_for(conv.group_filters, isa), conv.window.kernel_size
    most_rows = rows if not any(conv.window.sides[0]) else 1
    most, few = min(len(isa.tile_rows), len(live_lanes(conv.group_filters, lanes))), conv.group_channels <= FEW_CHANNELS
    weights = rows * columns * conv.group_channels
    band = conv.weight_band

    def cost(tile: WeightTile) -> tuple[int, int]:
        total = all_loads = 0
        for block, run in product(filter_blocks(conv.group_filters, lanes, tile.vectors), weight_tiles(conv, tile)):
            wide = len(live_lanes(block.size, lanes))
            stride, pixels = conv.window.stride[1], range(tile.pixels)
            seen = len({(ky, p * stride + kx, c) for ky, kx, c in run.taps for p in pixels})
            loads, times = wide * tile.pixels + seen, block.count * run.rows.count * run.channels.count
            work = turn_cost(isa, wide * len(run.taps) * tile.pixels, loads)
            total += times * max(work, (isa.in_flight - 2) * tile.pixels) * 4 // tile.pixels
            all_loads += times * loads * 4 // tile.pixels
        return total, all_loads

    boxes = [
        WeightTile(lanes, v, r, q, c, p, band)
        for v in range(1, most + 1)
        for c in range(1, min(conv.group_channels, 12) + 1)
        for q in range(
            1, (columns if c == conv.group_channels or few else 1) + 1
        )  # channels first, then columns, then rows
        for r in range(1, (most_rows if q == columns else 1) + 1)
        for p in (1, 2, 4)
        if r * q * c <= isa.tile_rows[v - 1] and isa.fits(v, r * q * c, v * p) and (p == 1 or q > 1)
    ]
    cuts = [
        WeightTile(lanes, v, pixels=p, band=band, taps=n)
        for v in range(1, most + 1)
        for n in range(2, weights + 1)
        for p in ((1, 2) if any(conv.window.sides[0]) else (1, 2, 4))
        if weights <= FEW_WEIGHTS and isa.fits(v, n, v * p + (p > 1))
    ]
    return min([*boxes, *cuts], key=cost, default=WeightTile(lanes, 1, 1, 1, 1, 1, band))
