"""Every plot is a figure that can be drawn, whatever classes are called, and takes nothing of the user's settings."""

import builtins
import io

import numpy as np
import pytest

import pellucid as p
from oracles.reports import network, stripes
from pellucid.report.pixels import heat_over

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.figure import Figure  # noqa: E402

X, Y = stripes(24)
HOSTILE = ("$\\frac{1}$", "<b>&\"'", "日本\u202e語\n")


def plots(made):
    history = p.History([1.0, 0.5], [{"epoch": 1, "loss": 0.7, "accuracy": 0.5, "lr": 0.1}])
    images = X[:3]
    return {
        "curves": lambda: p.plots.curves(history),
        "confusion": lambda: p.plots.confusion(made, (X, Y)),
        "calibration": lambda: p.plots.calibration(made, (X, Y)),
        "mistakes": lambda: p.plots.mistakes(made, (X, (Y + 1) % 3), count=5),
        "filters": lambda: p.plots.filters(made),
        "feature_maps": lambda: p.plots.feature_maps(made, X[0]),
        "feature_maps of a layer": lambda: p.plots.feature_maps(made, X[:1], "pool1", count=2),
        "saliency": lambda: p.plots.saliency(made, images),
        "grad_cam": lambda: p.plots.grad_cam(made, images, 1, layer="conv1"),
        "occlusion": lambda: p.plots.occlusion(made, images, [0, 1, 2], size=2),
        "receptive_field": lambda: p.plots.receptive_field(made, images, ["conv1", "pool1"]),
    }


@pytest.mark.parametrize("name", plots(None))
def test_a_plot_is_a_figure_whatever_things_are_called(name):
    made = network(class_names=HOSTILE)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "text.parse_math": True}):
        figure = plots(made)[name]()
        assert isinstance(figure, Figure)
        assert matplotlib.rcParams["font.size"] == 30, "the user's settings are left as they were"
    assert figure.axes
    png = figure._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in str(type(figure.canvas)), "no global state is made"


def test_a_matrix_shows_every_count():
    figure = p.plots.confusion(network(), (X, Y))
    numbers = [int(text.get_text()) for text in figure.axes[0].texts]
    assert sum(numbers) == 24


def test_mistakes_are_told_with_both_classes():
    made = network(class_names=("low", "middle", "high"))
    figure = p.plots.mistakes(made, (X, (p.predict_classes(made, X) + 1) % 3), count=2)
    assert len(figure.axes) == 2
    assert "\nit is " in figure.axes[0].get_title()


def test_colour_filters_are_shown_in_colour_and_deep_ones_as_a_grid():
    made = p.Sequential([p.Conv2d(3, 4, 3), p.Conv2d(4, 5, 1)], input_shape=(3, 6, 6))
    assert "in red, green and blue" in p.plots.filters(made).axes[0].get_title().replace("\n", " ")
    title = p.plots.filters(made, "conv2", count=3, channels=2).axes[0].get_title().replace("\n", " ")
    assert title.startswith("conv2: the first 3 of 5 filters of 1×1, a column each; the first 2 of 4 channels, a row")


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: p.plots.filters(network(), "linear1"), p.ArgumentError, "layer: 'linear1' has no filters"),
        (lambda: p.plots.filters(p.Sequential([p.Linear(2, 2)], input_shape=(2,))), p.ArgumentError, "no convolution"),
        (lambda: p.plots.feature_maps(network(), X[0], "flatten1"), p.ShapeError, "layer: flatten1 makes no maps"),
        (lambda: p.plots.feature_maps(network(), X[0], ["pool1"]), p.ArgumentError, r"no layer \['pool1'\]\. Known: "),
        (lambda: p.plots.filters(network(), 3), p.ArgumentError, "layer: 3 has no filters"),
        (lambda: p.plots.receptive_field(network(), X, []), p.ArgumentError, "layers: expected the path of a layer"),
        (lambda: p.plots.receptive_field(network(), X, 3), p.ArgumentError, "layers: expected the path of a layer"),
        (lambda: p.plots.feature_maps(network(), X[0], "pol1"), p.ArgumentError, "no layer 'pol1'; did you mean"),
        (lambda: p.plots.curves(p.History()), p.DataError, "received one that has not begun"),
        (lambda: p.plots.confusion(network(1), (X, Y[:, None] * 1.0)), p.DataError, "expected labels that are classes"),
        (lambda: p.plots.mistakes(network(), (X, p.predict_classes(network(), X))), p.DataError, "no mistakes"),
        (lambda: p.plots.mistakes(network(), (X, Y), count=0), p.ArgumentError, "count: expected a whole number"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, error, message):
    with pytest.raises(error, match=message):
        draw()


def test_without_matplotlib_it_is_told_how_to_get_it(monkeypatch):
    known = builtins.__import__

    def without(name, *more, **others):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError("no matplotlib here", name="matplotlib")
        return known(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    for name, draw in plots(network()).items():
        with pytest.raises(p.MissingExtraError) as caught:
            draw()
        assert "pip install '.[plot]' in Pellucid's folder" in str(caught.value), name


def test_a_figure_in_a_page_has_the_pages_colours_and_no_names_twice():
    from pellucid.report.canvas import svg

    with p.report.canvas.canvas() as new:
        figure = new(3, 2)
        figure.add_subplot().plot([0, 1], color="#3b5bdb", marker="o")
        text = svg(figure, "a &lt;line&gt;")
        other = new(3, 2)
        other.add_subplot().bar([0, 1], [2, 3])
        assert svg(other, "bars") != text
    assert text.startswith('<svg role="img" aria-label="a &lt;line&gt;" viewBox="0 0 ')
    assert "var(--first)" in text
    assert "currentColor" in text
    assert "#333333" not in text
    assert "<metadata" not in text
    assert "DejaVu" not in text
    assert "<?xml" not in text
    buffer = io.StringIO(text)
    assert buffer.read().count("</svg>") == 1


def test_heat_over_an_image_is_where_the_heat_is():
    figure = p.plots.occlusion(network(), np.full((1, 1, 6, 6), 9, np.uint8), size=6, stride=6)
    assert len(figure.axes) == 2


def test_saliency_lies_over_the_image():
    linear = p.Sequential([p.Flatten(), p.Linear(16, 2)], input_shape=(1, 4, 4))
    weight = np.zeros((2, 16), np.float32)
    weight[0, 5] = 1  # what counts is the pixel (1, 1) alone
    linear["linear1"].weight.data = weight
    image = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4) * 15
    shown = p.plots.saliency(linear, image, 0).axes[-1].images[0].get_array()
    np.testing.assert_array_equal(shown, heat_over(image[0], np.eye(16)[5].reshape(4, 4)))
    assert shown[3, 3, 0] == shown[3, 3, 2] > shown[0, 0, 0]  # grey, as bright as the image has it
    assert shown[1, 1, 0] > shown[1, 1, 2]  # and orange
