"""Columns: a few places of a sliding window below each other, with the channels as the innermost of all loops.

So depthwise convolution walks through an image. A row of the image under a column serves several of its places, the
pixels beside each other serve the next column too, and the channels lie one after the other in memory. How many places
a column has and how many channels are taken at once follows from what a first-level cache holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from ...geometry import Window
from ..builder import Kernel, Span
from ..cuts import Run, even_runs
from ..packing import block_count
from ..tensors import Tensor
from ..values import Integer, Vector
from .convolution import Convolution
from .strips import filter_rows_inside, meetings, strips

PLACES = 7
"""The most places of a column. It divides the images of most networks; more of them hardly save any loads."""
SPAN_BYTES = 18 * 1024
"""What the pixels under a column may take of the cache, so that they are still there for the next column."""
CACHE_BYTES = 1024 * 1024
"""A second-level cache."""
LINE, SETS, WAYS = 16, 64, 8
"""Floats in a line of the cache; and how many lines of it it keeps of those that lie a multiple of SETS lines apart."""


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
        """Load the pixels under a filter column one by one, each with the pairs (place, ky) that meet there."""
        (top, _), (left, _) = self.window.sides
        y0, x0 = self.oy * self.window.stride[0] - top, self.ox * self.window.stride[1] - left
        for row, pairs in meetings(self.rows, turned(self.window)):
            x = x0 + kx * self.window.dilation[1]
            yield image.load(y0 + row, x, c, lanes=lanes, live=live), pairs

    def fetch_next(self, image: Tensor, c: Integer) -> None:
        """Ask for the pixels that the next column sees and this one does not. No processor follows so many rows by
        itself."""
        (top, _), (left, _), (stride_y, stride_x) = *self.window.sides, self.window.stride
        y0, x0 = self.oy * stride_y - top, self.ox * stride_x - left + self.window.extent[1]
        for (row, _), beside in product(meetings(self.rows, turned(self.window)), range(stride_x)):
            image.fetch(y0 + row, x0 + beside, c)


def turned(window: Window) -> Window:
    """Return a window with rows and columns exchanged."""
    kernel, stride, sides, dilation = window.kernel_size, window.stride, window.sides, window.dilation
    return Window(kernel[::-1], stride[::-1], sides[::-1], dilation[::-1])


def columns_of(k: Kernel, conv: Convolution, most: int) -> Iterator[Column]:
    """``for column in places`` at run time, with at most `most` places in a column."""
    for strip in strips_of(conv, most):
        yield from columns_in(k, conv, strip, (strip.start, strip.stop))


def strips_of(conv: Convolution, most: int) -> list[Run]:
    """Return the rows of places, at most `most` of them together; the kind of a run is that of `Column.rows`."""
    return strips(turned(conv.window), conv.size[0], most, range(conv.window.kernel_size[0]))


def columns_in(k: Kernel, conv: Convolution, strip: Run, rows: Span) -> Iterator[Column]:
    """``for column in places`` at run time, those in some rows of a strip, of which there is one at least."""
    turn = turned(conv.window)
    with k.range(*rows, strip.size, nonempty=True) as oy, k.range(0, conv.out_size[1]) as ox:
        x0 = ox * conv.window.stride[1] - conv.window.sides[1][0]
        yield Column(conv.window, strip, oy, ox, filter_rows_inside(k, turn, conv.size[1], x0))


def spans_of(k: Kernel, blocks: Span, conv: Convolution, lanes: int) -> Iterator[Span]:
    """``for span in blocks`` at run time: as many vectors of channels as pass over an image together."""
    vectors = span_channels(conv.window) // lanes
    for run in even_runs(block_count(conv.in_channels, lanes, 1), vectors):
        with k.range(run.start, run.stop, run.size) as first:
            yield k.overlap(blocks, (first, first + run.size))


def is_far(conv: Convolution) -> bool:
    """Return whether an image and its output are too large to be found in a second-level cache."""
    (height, width), (rows, columns) = conv.size, conv.out_size
    return 4 * conv.in_channels * (height * width + rows * columns) > CACHE_BYTES


def span_channels(window: Window) -> int:
    """Return how many channels may be taken at once so that the pixels under a column stay in the cache."""
    pixels = ((PLACES - 1) * window.stride[0] + window.extent[0]) * window.extent[1]
    return max(1, SPAN_BYTES // (4 * pixels * LINE)) * LINE


@cache
def most_places(window: Window, channels: int, row: int, other_row: int) -> int:
    """Return how many places a column may have.

    Where the rows of an image lie a multiple of 4 KiB apart, few of them find room in the cache side by side.

    Parameters
    ----------
    row : int
        Floats in a row of the image that the window slides over.
    other_row : int
        Floats from a place's number to that of the place below, in what is written or also read there.
    """
    span = range(0, min(channels, span_channels(window)), LINE)
    for places in range(PLACES, 1, -1):
        taps = range(window.kernel_size[0])
        rows = {place * window.stride[0] + ky * window.dilation[0] for place in range(places) for ky in taps}
        if _fullest_set(rows, row, span) + _fullest_set(range(places), other_row, span) <= WAYS:
            return places
    return 1


def _fullest_set(rows: Iterable[int], row: int, span: range) -> int:
    """Return how many lines of the same set of the cache hold a span of channels of a pixel in each of the rows."""
    lines = {(y * row + c) // LINE for y in rows for c in span}
    return max(Counter(line % SETS for line in lines).values())
