"""The places of a pooling window and the pixels that it reads there, as the loops of a kernel.

Images have their channels last. Where a pixel's channels fill no whole vector, the last lanes hold the next pixel's
first channels. Reading those does no harm. Writing them does none where the next pixel is written later, or where what
is written is what they were. Both save a masked load, or a store in parts, except at the last pixel of a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...geometry import Pair, Window
from ..builder import Kernel, Span
from ..cuts import Run, full_pieces, full_runs, runs
from ..packing import live_lanes
from ..tensors import FLOAT32, Element, Registers
from ..tiles import lanes_for
from ..values import Integer, Vector, Words
from .sweeps import clear

UNROLLED = 9
"""Up to so many taps of a window are written out one by one, and up to so many of a row of it."""
UNROLLED_ROW = 4
KINDS = 6
"""Up to so many kinds of places in a row get code of their own."""
VECTORS = 2
"""So many vectors of channels are worked on side by side, to fill the pauses of each other's chains."""


@dataclass(frozen=True)
class ChannelBlock:
    """Vectors of neighbouring channels, from c on: how many of each one's lanes hold a channel of the pixel."""

    c: Integer
    live: list[int]
    lanes: int

    @property
    def vectors(self) -> range:
        """The vectors' numbers."""
        return range(len(self.live))

    def registers(self, k: Kernel, number: float) -> Registers:
        """Return a register for each vector, filled with a number."""
        registers = k.registers([0], len(self.live), self.lanes)
        for v in self.vectors:
            registers[0, v] = k.constant(number, self.lanes)
        return registers


@dataclass(frozen=True)
class Pixel:
    """A block's channels of a pixel of sample n. `followed` promises that the row has a pixel after it."""

    n: Integer
    row: Integer
    column: Integer
    block: ChannelBlock
    followed: bool = False

    def alone(self) -> Pixel:
        """Return the same pixel, of which no lane without a channel is read or written."""
        return replace(self, followed=False)


class Image:
    """An argument of a kernel that points to images (samples, H, W, C)."""

    def __init__(self, k: Kernel, name: str, size: Pair, channels: int, element: Element = FLOAT32):
        self.k, self.size, self.channels = k, size, channels
        whole = k.tensor(name, k.samples, *size, channels, element=element)
        self.tensor = whole.view(0, k.samples, size[0], size[1] * channels)

    def load(self, pixel: Pixel, v: int) -> Vector:
        """Return a vector of a pixel's channels. Lanes without one hold 0, or anything where a pixel follows."""
        at, lanes = self._index(pixel, v), pixel.block.lanes
        return self.tensor.load(*at, lanes=lanes, live=lanes if pixel.followed else pixel.block.live[v])

    def store(self, vector: Vector | Words, pixel: Pixel, v: int) -> None:
        """Write a vector of a pixel's channels, and whatever its other lanes hold over the pixel that follows."""
        self.tensor.store(vector, *self._index(pixel, v), live=None if pixel.followed else pixel.block.live[v])

    def clear(self, n: Integer, rows: Span, first_column: int = 0) -> None:
        """Write 0 into rows, from a column on."""
        length = (self.size[1] - first_column) * self.channels
        if length == 0 or rows[0] == rows[1]:
            return
        with self.k.range(*rows) as row:
            clear(self.k, length, self.tensor.at(n, row), first_column * self.channels)

    def _index(self, pixel: Pixel, v: int) -> tuple[Integer, Integer, Integer]:
        block = pixel.block
        return pixel.n, pixel.row, pixel.column * self.channels + block.c + v * block.lanes


def blocks(k: Kernel, channels: int) -> Iterator[ChannelBlock]:
    """Yield blocks of all channels, the last one first: what it writes over the next pixel is soon written again."""
    lanes = lanes_for(channels, k.isa)
    for run in reversed(full_runs(channels, lanes * VECTORS)):
        with k.range(run.start, run.stop, run.size) as c:
            yield ChannelBlock(c, live_lanes(run.size, lanes), lanes)


@dataclass(frozen=True)
class PlaceKind:
    """What neighbouring places of a row have in common.

    Attributes
    ----------
    taps : (int, int) or None
        The columns of the window that lie inside the image, first and one past the last; None: it must be computed.
    edge : int or None
        Which of them reads the row's last pixel, −1 if none does; None: it is not known.
    followed : bool
        Whether the row has a place after it.
    """

    taps: tuple[int, int] | None = None
    edge: int | None = None
    followed: bool = False


@dataclass(frozen=True)
class Pooling:
    """A window on images of C channels, its padding in numbers with what ceil mode hangs over."""

    channels: int
    size: Pair
    window: Window

    @classmethod
    def of(cls, channels: int, size: Pair, window: Window) -> Pooling:
        """Return what becomes of any window on images of a size."""
        return cls(channels, size, replace(window, padding=window.padded(size), ceil_mode=False))

    @property
    def out_size(self) -> Pair:
        """Rows and columns of places."""
        return self.window.output_size(self.size)

    @property
    def disjoint(self) -> bool:
        """Whether windows share no pixel, and leave none out between them."""
        return self.window.kernel_size == self.window.stride and self.window.dilation == (1, 1)

    @property
    def covered(self) -> Pair:
        """Rows and columns up to the last window's end."""
        ends = [
            (places - 1) * self.window.stride[axis] - self.window.sides[axis][0] + self.window.extent[axis]
            for axis, places in enumerate(self.out_size)
        ]
        return max(0, min(ends[0], self.size[0])), max(0, min(ends[1], self.size[1]))

    def begin(self, axis: int, place: Integer) -> Integer:
        """Return where along an axis the window of a place begins; negative inside the padding."""
        return place * self.window.stride[axis] - self.window.sides[axis][0]

    def taps(self, k: Kernel, axis: int, place: Integer) -> Span:
        """Return which taps along an axis lie inside the image."""
        taps, dilation, begin = self.window.kernel_size[axis], self.window.dilation[axis], self.begin(axis, place)
        if not any(self.window.sides[axis]):
            return 0, taps
        first = (k.maximum(-begin, 0) + (dilation - 1)) // dilation
        last = (k.maximum(self.size[axis] - begin, 0) + (dilation - 1)) // dilation
        return first, k.minimum(taps, last)

    def columns(self, whole: bool) -> list[Run]:
        """Return the places of a row as runs of one `PlaceKind` each. `whole` vectors need not know of edges."""
        spans, places, width = self.window.spans(1, self.size[1]), self.out_size[1], self.size[1]

        def kind(ox: int, _: int) -> PlaceKind:
            inside = [tap for tap, (at, _) in enumerate(spans) if at.start <= ox < at.stop]
            taps = (inside[0], inside[-1] + 1) if inside else (0, 0)
            if whole:
                return PlaceKind(taps, -1, True)
            end = self.begin(1, ox) + (taps[1] - 1) * self.window.dilation[1]
            return PlaceKind(taps, taps[1] - 1 if end == width - 1 else -1, ox < places - 1)

        found = runs(full_pieces(places, 1), kind)
        return found if len(found) <= KINDS else [Run(0, 1, places, PlaceKind())]

    def places(self, k: Kernel, n: Integer, oy: Integer) -> Iterator[Place]:
        """Yield the places of an output row."""
        tap_rows = self.taps(k, 0, oy)
        for run in self.columns(whole=self.channels % lanes_for(self.channels, k.isa) == 0):
            with k.range(run.start, run.stop) as ox:
                tap_columns = run.kind.taps or self.taps(k, 1, ox)
                for block in blocks(k, self.channels):
                    result = Pixel(n, oy, ox, block, run.kind.followed)
                    yield Place(k, self, result, tap_rows, tap_columns, run.kind.edge)

    @property
    def reached_before(self) -> int:
        """Rows from the first on that `newly_reached` leaves out, for the first window reaches more than a stride."""
        reach = self.window.extent[0] - self.window.sides[0][0] - self.window.stride[0]
        return max(0, min(reach, self.size[0]))

    def newly_reached(self, k: Kernel, oy: Integer) -> Span:
        """Return the rows that the windows of output row oy reach, and those one row higher do not."""
        end = self.begin(0, oy) + self.window.extent[0]
        first = k.maximum(end - self.window.stride[0], 0)
        return k.minimum(first, self.size[0]), k.minimum(k.maximum(end, 0), self.size[0])


@dataclass(frozen=True)
class Place:
    """One place of a window: where its result lies, and the taps that are inside the image."""

    k: Kernel
    pooling: Pooling
    result: Pixel
    tap_rows: Span
    tap_columns: Span
    edge: int | None

    @property
    def block(self) -> ChannelBlock:
        """The channels at hand."""
        return self.result.block

    @property
    def first_tap(self) -> Integer:
        """The number of the first tap."""
        return self.tap_rows[0] * self.pooling.window.kernel_size[1] + self.tap_columns[0]

    @property
    def first_pixel(self) -> Pixel:
        """The pixel that the first tap reads."""
        return self._pixel(self.tap_rows[0], self.tap_columns[0])

    def rows(self) -> Iterator[Integer]:
        """Yield the rows of the window that lie inside the image."""
        rows, columns = self.pooling.window.kernel_size
        return _turns(self.k, self.tap_rows, rows * columns <= UNROLLED)

    def row(self, ky: Integer) -> Iterator[tuple[Integer, Pixel]]:
        """Yield the taps of one row of the window: their numbers, and the pixels that they read."""
        columns = self.pooling.window.kernel_size[1]
        for kx in _turns(self.k, self.tap_columns, columns <= UNROLLED_ROW):
            yield ky * columns + kx, self._pixel(ky, kx)

    def taps(self) -> Iterator[tuple[Integer, Pixel]]:
        """Yield all taps, row by row: their numbers, and the pixels that they read."""
        for ky in self.rows():
            yield from self.row(ky)

    def _pixel(self, ky: Integer, kx: Integer) -> Pixel:
        pooling, dilation = self.pooling, self.pooling.window.dilation
        y, x = pooling.begin(0, self.result.row), pooling.begin(1, self.result.column)
        followed = self.edge == -1 or (self.edge is not None and isinstance(kx, int) and kx != self.edge)
        return Pixel(self.result.n, y + ky * dilation[0], x + kx * dilation[1], self.block, followed)


def _turns(k: Kernel, span: Span, unroll: bool) -> Iterator[Integer]:
    """Yield the numbers of a range: one after the other now, or in a loop that runs later."""
    first, last = span
    if unroll and isinstance(first, int) and isinstance(last, int):
        yield from range(first, last)
    else:
        with k.range(first, last) as i:
            yield i
