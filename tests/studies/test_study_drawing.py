"""Figures become pictures: the same ones each time, whatever the user's settings are."""

import struct

import numpy as np
import pytest

from pellucid.geometry import Window
from pellucid.studies import drawing
from pellucid.studies.figures import Bars, Group, Map, Maps, Points, Series, Sight, Sights

matplotlib = pytest.importorskip("matplotlib")

PLOTS = {
    "points": Points("x", "y", [Series("a", (1, 2), (1, 3), spread=(0.1, 0.2), joined=True), Series("b", (1,), (2,))]),
    "labelled": Points(
        "x", "y", [Series("", (1, 100), (1, 3), labels=("p", "q"), sizes=(1e6, 9e7))], x_log=True, sizes="parameters"
    ),
    "bars": Bars("length", ("one", "two"), [Group("", (1.0, 2.0))]),
    "grouped": Bars("length", ("one", "two"), [Group("a", (1.0, 2.0), (0.1, 0.2)), Group("b", (2.0, 1.0))], line=1.5),
    "maps": Maps([Map("plane", np.eye(3)), Map("signed", np.eye(3) - 0.5), Map("rgb", np.ones((2, 2, 3)))], columns=3),
    "sights": Sights([Sight("same", 5, Window.of(3, 2, "same"), (1, 1)), Sight("1×1", 4, Window.of(1, 2), (0, 0))], 2),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_a_picture_and_always_the_same(name: str) -> None:
    first = drawing.png(PLOTS[name])
    assert first.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", first[16:24])
    assert width == round(drawing.WIDTH * drawing.DPI)
    assert 100 < height < 1200
    assert b"matplotlib" not in first.lower(), "its version would change the bytes"
    changed = {"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red", "savefig.dpi": 10}
    with matplotlib.rc_context(changed):
        assert drawing.png(PLOTS[name]) == first
        assert matplotlib.rcParams["font.size"] == 30, "the user's settings are left as they were"


def test_another_plot_is_another_picture() -> None:
    """The control of the test above."""
    assert len({drawing.png(plot) for plot in PLOTS.values()}) == len(PLOTS)


def test_words_beside_points_do_not_cover_each_other() -> None:
    from matplotlib.figure import Figure

    near = np.linspace(1, 1.05, 6)
    plot = Points("x", "y", [Series("", (*near, 5), (*near, 5), labels=[f"network{n}" for n in range(7)])])
    figure = Figure(figsize=(7, 4.6), dpi=100, layout="constrained")
    drawing._draw_points(figure, plot)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 7
    covered = [(a, b) for a, one in enumerate(boxes) for b, other in enumerate(boxes) if a < b and one.overlaps(other)]
    assert covered == []


def test_what_no_window_reads_is_hatched_and_what_one_reads_is_dark() -> None:
    from matplotlib.colors import to_hex
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    drawing._draw_sight(axes, Sight("", 4, Window.of(1, 2), (0, 1)))
    squares = {(patch.get_x(), patch.get_y()): patch for patch in axes.patches}
    dark = [place for place, square in squares.items() if to_hex(square.get_facecolor()) == drawing.TAP]
    read = {(x, y) for x in (0, 2) for y in (0, 2)}
    assert dark == [(2, 0)], "the output in row 0, column 1 sees the pixel in column 2"
    assert {place for place, square in squares.items() if not square.get_hatch()} == read
