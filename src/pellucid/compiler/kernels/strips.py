"""Strips: an output row of a sliding window cut into neighbouring pixels, with the taps that each of them has.

At the edges of an image some taps of the window lie in the padding. A strip knows which, so the left edge, the middle
and the right edge each get exact code, without a copy of the image in a frame of zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...geometry import Window
from ..builder import Kernel, Span
from ..cuts import Run, even_pieces, full_pieces, runs
from ..values import Integer


def strips(window: Window, width: int, pixels: int, taps: Sequence[int]) -> list[Run]:
    """Return an output row as runs of strips of at most `pixels`.

    A strip's kind lists for each of the `taps` (columns of the filter) the pixels whose tap lies inside the image.
    """
    stride, dilation, left = window.stride[1], window.dilation[1], window.sides[1][0]

    def inside(start: int, size: int) -> tuple[tuple[int, ...], ...]:
        first = start * stride - left
        return tuple(tuple(p for p in range(size) if 0 <= first + p * stride + t * dilation < width) for t in taps)

    columns = window.output_size((window.extent[0], width))[1]
    return runs(even_pieces(columns, pixels), inside)


def tap_runs(strip: Run) -> list[Run]:
    """Return the filter's columns, neighbours that reach the same pixels folded into one run, which is their kind."""
    found = runs(full_pieces(len(strip.kind), 1), lambda tap, _: strip.kind[tap])
    return [run for run in found if run.kind]


def meetings(strip: Run, window: Window) -> list[tuple[int, list[tuple[int, int]]]]:
    """Return the input columns, counted from the strip's first, each with the pairs (pixel, tap) that meet there."""
    stride, dilation = window.stride[1], window.dilation[1]
    found: dict[int, list[tuple[int, int]]] = {}
    for tap, pixels in enumerate(strip.kind):
        for p in pixels:
            found.setdefault(p * stride + tap * dilation, []).append((p, tap))
    return sorted((column, sorted(pairs)) for column, pairs in found.items())


def chunks(window: Window, width: int, lanes: int, together: int) -> list[Run]:
    """Return an output row of at least `lanes` pixels as runs of `together` chunks, counted in chunks of `lanes`.

    A run's kind has for every chunk how many pixels it begins before its place (the last one may overlap the one before
    it), and for every column of the filter the lanes (first, count) whose tap lies inside the image. For stride 1.
    """
    columns, dilation, left = window.output_size((window.extent[0], width))[1], window.dilation[1], window.sides[1][0]

    def kind(start: int, size: int) -> tuple[tuple[int, tuple[tuple[int, int], ...]], ...]:
        return tuple(inside(chunk) for chunk in range(start, start + size))

    def inside(chunk: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        back = max(0, (chunk + 1) * lanes - columns)
        shifts = [chunk * lanes - back - left + tap * dilation for tap in range(window.kernel_size[1])]
        spans = [(min(lanes, max(0, -shift)), min(lanes, max(0, width - shift))) for shift in shifts]
        return back, tuple((first, max(0, last - first)) for first, last in spans)

    return runs(full_pieces(-(-columns // lanes), together), kind)


def filter_rows_inside(k: Kernel, window: Window, height: int, top: Integer) -> Span:
    """Return the filter rows that lie inside the image when the window's first row lies at input row `top`."""
    rows, dilation = window.kernel_size[0], window.dilation[0]
    if not any(window.sides[0]):
        return 0, rows
    first = (k.maximum(-top, 0) + (dilation - 1)) // dilation
    last = (k.maximum(height - top, 0) + (dilation - 1)) // dilation
    return first, k.minimum(rows, last)


def output_rows_inside(k: Kernel, window: Window, height: int, tap: Integer) -> Span:
    """Return the output rows at which the filter's row `tap` lies inside the image."""
    stride, dilation, before = window.stride[0], window.dilation[0], window.sides[0][0]
    rows = window.output_size((height, window.extent[1]))[0]
    if not any(window.sides[0]):
        return 0, rows
    shift = tap * dilation - before  # at output row o the tap reads input row o·stride + shift
    first = (k.maximum(-shift, 0) + (stride - 1)) // stride
    last = (k.maximum(height - shift, 0) + (stride - 1)) // stride
    return first, k.minimum(rows, last)


def output_row_runs(k: Kernel, window: Window, height: int, first: Integer, taps: int) -> list[tuple[Span, list[int]]]:
    """Return spans of output rows, each with those of `taps` filter rows from `first` on that lie inside the image.

    Where the image is padded above or below, more than one filter row needs a `first` that is known now.
    """
    if taps == 1 or not any(window.sides[0]):
        return [(output_rows_inside(k, window, height, first), list(range(taps)))]
    stride, dilation, before = window.stride[0], window.dilation[0], window.sides[0][0]
    if not isinstance(first, int):
        raise TypeError(f"{k.name}: several filter rows of a padded image need a first that is known while emitting")
    shifts = [(first + tap) * dilation - before for tap in range(taps)]

    def inside(row: int, _: int) -> tuple[int, ...]:
        return tuple(tap for tap, shift in enumerate(shifts) if 0 <= row * stride + shift < height)

    rows = window.output_size((height, window.extent[1]))[0]
    return [((run.start, run.stop), list(run.kind)) for run in runs(full_pieces(rows, 1), inside) if run.kind]
