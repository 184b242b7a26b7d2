"""Draws figures with matplotlib; nothing else here knows it.

The same figure gives the same bytes with the same matplotlib: no setting of the user's, no date and no display has a
part in it. Needs matplotlib: ``pip install '.[plot]'``.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ..errors import MissingExtraError, installing
from .amounts import amount
from .figures import Bars, Maps, Plot, Points, Series, Sight, Sights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, DPI = 7.0, 110
"""Inches across, and pixels to an inch: sharp in a page, and small as a file."""
COLOURS = ("#3f51b5", "#d9660d", "#1b8a5a", "#a3319f", "#6d4c41", "#0288a7", "#8a8f1f", "#c2185b")
"""Told apart in print, too, together with the marks."""
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": "#dddddd", "grid.linewidth": 0.6, "legend.frameon": False,
}  # fmt: skip
INK = "#333333"
MANY_POWERS = 4
"""Powers of ten beyond which a logarithmic axis has no numbers between them."""
LARGEST_AREA = 900
"""Of a point, in square points; those of other sizes are in proportion."""
SEEN, PADDED, TAP = "#c5cae9", "#eeeeee", "#3f51b5"


def png(plot: Plot, mark: str = "") -> bytes:
    """Return a plot as the bytes of a PNG file, with a mark in its upper corner.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    with _settings() as made:
        match plot:
            case Points():
                figure = made(_points_height(plot))
                _draw_points(figure, plot)
            case Bars():
                figure = made(0.8 + 0.3 * len(plot.labels) * max(1, len(plot.groups) * 0.7))
                _draw_bars(figure, plot)
            case Maps():
                figure = made(_rows_height(len(plot.maps), plot.columns))
                _draw_maps(figure, plot)
            case Sights():
                figure = made(_rows_height(len(plot.sights), plot.columns))
                _draw_sights(figure, plot)
        if mark:
            figure.suptitle(mark, x=0.99, horizontalalignment="right", fontsize=8, color=INK, style="italic")
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


@contextmanager
def _settings() -> Iterator[Callable[[float], Figure]]:
    """Give what makes a figure of a height, under matplotlib's own settings and ours, and under no user's."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(f"pictures need matplotlib, which is not installed: {installing('plot')}") from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield lambda height: Figure(figsize=(WIDTH, height), layout="constrained")


# ---- points and bars


def _points_height(plot: Points) -> float:
    return 4.6 if any(series.labels for series in plot.series) else 3.6


def _draw_points(figure: Figure, plot: Points) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    largest = max((size for series in plot.series for size in series.sizes), default=1.0)
    for series, colour, mark in zip(plot.series, COLOURS, MARKS, strict=False):
        if series.joined:
            axes.plot(series.x, series.y, color=colour, linewidth=1.2)
        if series.sizes:
            areas = [LARGEST_AREA * size / largest for size in series.sizes]
            axes.scatter(
                series.x, series.y, s=areas, color=to_rgba(colour, 0.5), edgecolors=colour, linewidths=1.2,
                label=series.name or None,
            )  # fmt: skip
        else:
            look: dict[str, Any] = {"s": 36, "linewidths": 0}
            if series.above:
                look = {"s": 150, "linewidths": 1, "edgecolors": "white", "zorder": 4}
            axes.scatter(series.x, series.y, c=colour, marker=mark, label=series.name or None, **look)
        if series.spread:
            axes.errorbar(series.x, series.y, series.spread, fmt="none", ecolor=colour, elinewidth=1, capsize=3)
    axes.set(xlabel=plot.x, ylabel=plot.y)
    shown = {float(x) for series in plot.series for x in series.x}
    if len(shown) <= 8 and all(map(float.is_integer, shown)) and not plot.x_log:
        axes.set_xticks(sorted(shown))
    elif all(map(float.is_integer, shown)):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axis, log in ((axes.xaxis, plot.x_log), (axes.yaxis, plot.y_log)):
        if log:
            _logarithmic(axes, axis)
    axes.margins(0.08)
    if any(series.labels for series in plot.series):
        _label(figure, axes, plot.series, largest)
    if any(series.name for series in plot.series):
        _legend(axes, "lower right" if plot.sizes else "best")
    if plot.sizes:
        _legend_of_sizes(axes, plot.sizes, largest)


def _logarithmic(axes: Axes, axis: Any) -> None:
    """Let an axis be logarithmic, with plain numbers: 0.5, 1, 2."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    least, most = axis.get_data_interval()
    wide = most > 10**MANY_POWERS * least
    axis.set_major_locator(LogLocator(base=10, subs=(1,) if wide else (1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:g}"))


def _legend(axes: Axes, place: Literal["best", "lower right"]) -> None:
    """Tell what colours stand for."""
    legend = axes.legend(loc=place)
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_sizes"):
            handle.set_sizes([36])


def _legend_of_sizes(axes: Axes, what: str, largest: float) -> None:
    """Tell what areas stand for, by points of the three largest powers of ten; beside the legend of colours."""
    from matplotlib.legend import Legend

    top = math.floor(math.log10(largest))
    sizes = [10.0**power for power in range(max(0, top - 2), top + 1)]
    points = [
        axes.scatter([], [], s=LARGEST_AREA * size / largest, color="#cccccc", edgecolors=INK, linewidths=1.2)
        for size in sizes
    ]
    names = [amount(size).replace(".00", "").replace(".0", "") for size in sizes]
    axes.add_artist(Legend(axes, points, names, title=what, loc="lower center", labelspacing=1.2, borderpad=1))


def _label(figure: Figure, axes: Axes, series: Sequence[Series], largest: float) -> None:
    """Write each point's word beside it, where it covers neither a point nor another word, as far as there is room."""
    figure.draw_without_rendering()  # so that places are known
    taken, inside = _points_on_screen(axes, series, largest), axes.bbox.extents
    for each in series:
        for x, y, word in zip(each.x, each.y, each.labels, strict=False):
            at: _Point = tuple(axes.transData.transform((x, y)))
            text = axes.annotate(word, (x, y), fontsize=7.5, va="bottom", textcoords="offset points", xytext=(0, 0))
            text.set_in_layout(False)
            width, height = text.get_window_extent().size
            covered = [
                (round(_overlap(box, taken) - _overlap(box, [inside])), _distance(box, at), box)
                for box in _boxes(at, width, height)
            ]
            box = min(covered)[-1]
            taken.append(box)
            text.set_position(((box[0] - at[0]) * 72 / figure.dpi, (box[1] - at[1]) * 72 / figure.dpi))


_Point: TypeAlias = tuple[float, float]
_Box: TypeAlias = tuple[float, float, float, float]


def _points_on_screen(axes: Axes, series: Sequence[Series], largest: float) -> list[_Box]:
    """Return the squares, in pixels, that points take, and the strips of their error bars."""
    taken = []
    for each in series:
        sizes, spreads = each.sizes or [36 / LARGEST_AREA * largest] * len(each.x), each.spread or [0.0] * len(each.x)
        for x, y, size, spread in zip(each.x, each.y, sizes, spreads, strict=True):
            radius = 0.5 * math.sqrt(LARGEST_AREA * size / largest) * axes.figure.dpi / 72
            a, b = axes.transData.transform((x, y))
            taken.append((a - radius, b - radius, a + radius, b + radius))
            if spread:
                low, high = (axes.transData.transform((x, y + part))[1] for part in (-spread, spread))
                taken.append((a - 5, low, a + 5, high))
    return taken


def _boxes(at: _Point, width: float, height: float) -> Iterator[_Box]:
    """Yield places for a word of a size round a point, the nearest first."""
    for radius in (5, 9, 14, 20, 27, 35):
        for angle in range(0, 360, 30):
            x = at[0] + radius * math.cos(math.radians(angle)) - width * (1 - math.cos(math.radians(angle))) / 2
            y = at[1] + radius * math.sin(math.radians(angle)) - height * (1 - math.sin(math.radians(angle))) / 2
            yield x, y, x + width, y + height


def _overlap(box: _Box, taken: Sequence[_Box]) -> float:
    return sum(
        max(0, min(box[2], other[2]) - max(box[0], other[0])) * max(0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in taken
    )


def _distance(box: _Box, at: _Point) -> float:
    return math.hypot((box[0] + box[2]) / 2 - at[0], (box[1] + box[3]) / 2 - at[1])


def _draw_bars(figure: Figure, plot: Bars) -> None:
    axes = figure.add_subplot()
    thickness = 0.8 / len(plot.groups)
    for number, (group, colour) in enumerate(zip(plot.groups, COLOURS, strict=False)):
        places = [row + (number - (len(plot.groups) - 1) / 2) * thickness for row in range(len(plot.labels))]
        axes.barh(places, group.lengths, 0.9 * thickness, color=colour, label=group.name or None)
        if group.spread:
            axes.errorbar(group.lengths, places, xerr=group.spread, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2)
    if plot.line is not None:
        axes.axvline(plot.line, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(plot.labels)), plot.labels)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set_xlabel(plot.value)
    if any(group.name for group in plot.groups):
        figure.legend(loc="outside upper center", ncols=len(plot.groups))  # within, it would cover bars


# ---- pictures of pixels


def _rows_height(count: int, columns: int) -> float:
    return math.ceil(count / columns) * (WIDTH / columns + 0.25)


def _draw_maps(figure: Figure, plot: Maps) -> None:
    rows = math.ceil(len(plot.maps) / plot.columns)
    for number, each in enumerate(plot.maps, start=1):
        axes = figure.add_subplot(rows, plot.columns, number)
        plane = each.pixels.ndim == 2
        bound = float(np.abs(each.pixels).max()) or 1.0
        signed = plane and float(each.pixels.min()) < 0
        axes.imshow(
            each.pixels, cmap="RdBu_r" if signed else "gray" if each.grey else "Blues", vmin=-bound if signed else 0,
            vmax=bound, interpolation="nearest",
        )  # fmt: skip
        _bare(axes, each.title)


def _draw_sights(figure: Figure, plot: Sights) -> None:
    rows = math.ceil(len(plot.sights) / plot.columns)
    for number, each in enumerate(plot.sights, start=1):
        _draw_sight(figure.add_subplot(rows, plot.columns, number), each)


def _draw_sight(axes: Axes, sight: Sight) -> None:
    """Draw the padded input as squares: shaded where any output sees them, dark where the chosen one does.

    A dot stands in the middle of every place's window, so the dots are the output.
    """
    from matplotlib.patches import Rectangle

    size, window = sight.size, sight.window.on((sight.size, sight.size))
    (before, after), _ = window.padded((size, size))
    stride, dilation, kernel = window.stride[0], window.dilation[0], window.kernel_size[0]
    (places, _), unread = window.output_size((size, size)), set(window.unread(0, size))
    taps = [{place * stride - before + tap * dilation for tap in range(kernel)} for place in sight.place]
    for y in range(-before, size + after):
        for x in range(-before, size + after):
            inside = 0 <= x < size and 0 <= y < size
            chosen = y in taps[0] and x in taps[1]
            skipped = inside and (y in unread or x in unread)
            colour = TAP if chosen else (("white" if skipped else SEEN) if inside else PADDED)
            hatch = "////" if skipped else ""
            edge = "#9a9a9a" if inside else "#cfcfcf"
            axes.add_patch(
                Rectangle((x, y), 1, 1, facecolor=colour, edgecolor=edge, linewidth=0.6, hatch=hatch,
                          alpha=1 if inside or not chosen else 0.45)
            )  # fmt: skip
    middle = [place * stride - before + ((kernel - 1) * dilation + 1) / 2 for place in range(places)]
    xs, ys = np.meshgrid(middle, middle)
    axes.scatter(xs, ys, s=9, color="#d9660d", zorder=3, linewidths=0)
    axes.set(xlim=(-before - 0.1, size + after + 0.1), ylim=(size + after + 0.1, -before - 0.1), aspect="equal")
    _bare(axes, sight.title)


def _bare(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=8.5)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
