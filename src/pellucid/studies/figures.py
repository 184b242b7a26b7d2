"""What the figures of studies show, as plain data, so that a study knows nothing of how they are drawn (`drawing`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ..geometry import Pair, Window


@dataclass(frozen=True)
class Series:
    """Points that belong together, and have one colour.

    Attributes
    ----------
    name : str
        In the legend; a single series needs none.
    x, y : sequence of float
    spread : sequence of float
        Half the height of each point's error bar, such as the standard deviation over seeds; none if empty.
    labels : sequence of str
        A word beside each point; none if empty.
    sizes : sequence of float
        What the area of each point stands for; all are alike if empty.
    joined : bool
        Whether a line joins the points, in their order.
    above : bool
        Whether they lie above all others, and are larger.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    spread: Sequence[float] = ()
    labels: Sequence[str] = ()
    sizes: Sequence[float] = ()
    joined: bool = False
    above: bool = False


@dataclass(frozen=True)
class Points:
    """Points or lines over two axes.

    Attributes
    ----------
    x, y : str
        What the axes show, with the unit.
    series : sequence of Series
    x_log, y_log : bool
        Whether equal factors, not equal differences, are equally far apart.
    sizes : str
        What `Series.sizes` are, in the plural: ``"parameters"``. A legend shows points of some round sizes.
    """

    x: str
    y: str
    series: Sequence[Series]
    x_log: bool = False
    y_log: bool = False
    sizes: str = ""


@dataclass(frozen=True)
class Group:
    """Bars of one colour.

    Attributes
    ----------
    name : str
        In the legend; a single group needs none.
    lengths : sequence of float
    spread : sequence of float
        Half the length of each bar's whisker, such as the standard deviation over seeds; none if empty.
    """

    name: str
    lengths: Sequence[float]
    spread: Sequence[float] = ()


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, one below the other; several groups stand side by side at each label.

    Attributes
    ----------
    value : str
        What their length shows, with the unit.
    labels : sequence of str
    groups : sequence of Group
        Each with a bar for every label.
    line : float, optional
        A value that a thin line marks.
    """

    value: str
    labels: Sequence[str]
    groups: Sequence[Group]
    line: float | None = None


@dataclass(frozen=True)
class Map:
    """A picture made of numbers.

    Attributes
    ----------
    title : str
    pixels : array (H, W), or (H, W, 3) of colours from 0 to 1
        A plane is drawn in shades from 0 to its largest number; on either side of 0 where it has negative ones.
    grey : bool
        Whether a plane is drawn as a photograph is, its largest number white.
    """

    title: str
    pixels: NDArray[Any]
    grey: bool = False


@dataclass(frozen=True)
class Maps:
    """Pictures made of numbers, in rows of so many."""

    maps: Sequence[Map]
    columns: int


@dataclass(frozen=True)
class Sight:
    """Which pixels the outputs of a window see.

    Attributes
    ----------
    title : str
    size : int
        Pixels along each side of the input.
    window : Window
        Alike along both axes.
    place : (int, int)
        The output whose pixels stand out.
    """

    title: str
    size: int
    window: Window
    place: Pair


@dataclass(frozen=True)
class Sights:
    """Windows on their inputs, side by side in rows of so many."""

    sights: Sequence[Sight]
    columns: int


Plot: TypeAlias = Points | Bars | Maps | Sights
