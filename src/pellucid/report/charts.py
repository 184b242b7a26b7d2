"""Draws charts on axes of matplotlib: curves, reliability, confusion, points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..calibration import Calibration
from .canvas import INK, SERIES
from .course import Chart
from .pixels import GAP, PALETTE, Pixels, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = ("o", "s", "^")
MOST_NAMED = 30
"""Classes up to which a matrix has their names and counts in it."""
_LETTERS = 14


def draw_chart(axes: Axes, chart: Chart) -> None:
    """Draw lines over epochs."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    colours = iter(zip(SERIES, MARKS, strict=True))
    for line in chart.lines:
        if line.faint:
            axes.plot(line.x, line.y, color=SERIES[0], linewidth=0.8, alpha=0.5, label=line.name or None)
            continue
        colour, mark = next(colours)
        few = len(line.x) <= 40
        axes.plot(line.x, line.y, color=colour, linewidth=1.6, marker=mark if few else None, markersize=4,
                  label=line.name or None)  # fmt: skip
    if chart.marked:
        axes.axvline(chart.marked, color=INK, linewidth=1, linestyle="--", label="epoch of the weights")
    axes.set(xlabel="epoch", ylabel=chart.unit)
    if chart.log:
        _logarithmic(axes)
    elif chart.from_zero:
        axes.set_ylim(0, 1.08 * max(max(line.y) for line in chart.lines) or 1)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlim(0, 1.04 * max(max(line.x) for line in chart.lines))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if chart.marked or any(line.name for line in chart.lines):
        axes.legend(loc="best")


def _logarithmic(axes: Axes) -> None:
    """Let an axis be logarithmic, with plain numbers: 0.5, 1, 2."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1,) if high > 1e3 * low else (1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:g}"))


def draw_calibration(axes: Axes, found: Calibration) -> None:
    """Draw how right predictions are over how sure they are, as bars beside the diagonal where both are the same."""
    width = 1 / len(found.counts)
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    there = found.counts > 0
    axes.bar(middles[there], found.accuracy[there], 0.9 * width, color=SERIES[0], label="share that is right")
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", label="as sure as right")
    axes.scatter(
        found.confidence[there],
        found.accuracy[there],
        s=22,
        color=SERIES[1],
        zorder=3,
        clip_on=False,
        label="mean confidence",
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
    axes.figure.legend(loc="outside lower center", ncols=3, fontsize=8, columnspacing=1.2)


def draw_confusion(axes: Axes, counts: NDArray[np.int64], names: Sequence[str]) -> None:
    """Draw a confusion matrix, the shares of each class (row) as shades; of mistakes, which are few, the roots of what
    they are beside the largest."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    right = np.eye(len(counts), dtype=bool)
    wrong = np.where(right, 0, shares)
    shades = np.where(right, shares, np.sqrt(wrong / (wrong.max() or 1)))
    draw_pixels(axes, signed(np.where(right, -shades, shades), top=1.0))
    axes.set(xlabel="taken for", ylabel="what it is")
    if len(names) > MOST_NAMED:
        return
    short = [name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…" for name in names]
    axes.set_xticks(range(len(names)), short, rotation=90 if max(map(len, short)) > 3 else 0)
    axes.set_yticks(range(len(names)), short)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if shades[row, column] > 0.6 else INK
            axes.text(column, row, f"{count}", ha="center", va="center", fontsize=7, color=ink)


def draw_points(axes: Axes, targets: NDArray[Any], outputs: NDArray[Any]) -> None:
    """Draw what was predicted over what is right."""
    axes.scatter(targets, outputs, s=12, color=SERIES[0], alpha=0.5, linewidths=0)
    ends = [float(min(targets.min(), outputs.min())), float(max(targets.max(), outputs.max()))]
    axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
    axes.set(xlabel="target", ylabel="output")


def draw_pixels(axes: Axes, pixels: Pixels, title: str = "", *, palette: bool = True) -> None:
    """Draw pixels as squares, without ticks: places in the palette of signed numbers, or else grey or colours."""
    if palette and pixels.ndim == 2:
        axes.imshow(PALETTE[pixels])
    else:
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=GAP)
    axes.set_title(title, fontsize=8.5)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
