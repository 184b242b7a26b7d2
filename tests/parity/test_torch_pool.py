"""Pooling beside torch's: ceil_mode, padding, dilation, ties, NaN and all-negative images, in float64."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oracles.numerical import assert_agrees
from oracles.windows import modest, numbers, rngs
from pellucid.geometry import Window
from pellucid.layers import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d, Upsample

torch = pytest.importorskip("torch", reason="torch is not installed")
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
sizes = st.tuples(st.integers(1, 8), st.integers(1, 8))


@st.composite
def windows(draw, dilated):
    """Arguments that torch takes too (it wants padding of at most half the window), and a size they fit."""
    kernel_size = draw(pairs)
    arguments = {
        "kernel_size": kernel_size,
        "stride": draw(pairs),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel_size),
        "ceil_mode": draw(st.booleans()),
    }
    if dilated:
        arguments["dilation"] = draw(pairs)
    size, window = draw(sizes), Window.of(**arguments)
    assume(min(window.output_size(size)) > 0)
    assume(all(all(window.taps(axis, size[axis])) for axis in (0, 1)))
    return arguments, size


def compare(ours, theirs, x, rng):
    ours.cast("float64")
    x_theirs = torch.tensor(x, requires_grad=True)
    y, y_theirs = ours.forward(x), theirs(x_theirs)
    np.testing.assert_allclose(y, y_theirs.detach().numpy(), rtol=1e-12, atol=1e-12)
    grad_output = numbers(rng, y.shape).copy()
    y_theirs.backward(torch.tensor(grad_output))
    assert_agrees(ours.backward(grad_output), x_theirs.grad.numpy(), tolerance=1e-12)


IMAGES = {
    "random": lambda rng, shape: rng.standard_normal(shape),
    "ties": lambda rng, shape: rng.integers(0, 2, shape).astype(float),
    "all negative": lambda rng, shape: -1 - rng.random(shape),
    "NaN": lambda rng, shape: np.where(rng.random(shape) < 0.2, np.nan, rng.standard_normal(shape)),
    "−∞": lambda rng, shape: np.where(rng.random(shape) < 0.5, -np.inf, rng.standard_normal(shape)),
}


@pytest.mark.parametrize("images", [name for name in IMAGES if name != "NaN"])
@given(windows(dilated=True), rngs)
@modest
def test_max_pool2d(images, case, rng):
    arguments, size = case
    compare(MaxPool2d(**arguments), torch.nn.MaxPool2d(**arguments), IMAGES[images](rng, (1, 2, *size)), rng)


@given(windows(dilated=True), rngs)
@modest
def test_max_pool2d_of_nan(case, rng):
    """Only the outputs: of several NaN in a window torch gives the gradient to the last, we to the first."""
    arguments, size = case
    x = IMAGES["NaN"](rng, (1, 2, *size))
    ours = MaxPool2d(**arguments)
    ours.cast("float64")
    np.testing.assert_array_equal(ours.forward(x), torch.nn.MaxPool2d(**arguments)(torch.tensor(x)).numpy())


@given(windows(dilated=False), st.booleans(), rngs)
@modest
def test_avg_pool2d(case, counted, rng):
    arguments, size = case
    arguments = {**arguments, "count_include_pad": counted}
    compare(AvgPool2d(**arguments), torch.nn.AvgPool2d(**arguments), rng.standard_normal((1, 2, *size)), rng)


@given(windows(dilated=True), st.booleans(), rngs)
@modest
def test_avg_pool2d_of_pixels_apart(case, counted, rng):
    """torch has no dilation here; the mean is a convolution with equal weights, by the share of what counts."""
    arguments, size = case
    assume(not arguments["ceil_mode"])
    del arguments["ceil_mode"]
    kernel, how = arguments["kernel_size"], {name: arguments[name] for name in ("stride", "padding", "dilation")}
    weight = torch.full((2, 1, *kernel), 1 / (kernel[0] * kernel[1]), dtype=torch.float64)

    def theirs(x):
        means, share = (torch.nn.functional.conv2d(each, weight, groups=2, **how) for each in (x, torch.ones_like(x)))
        return means if counted else means / share

    ours = AvgPool2d(**arguments, count_include_pad=counted)
    compare(ours, theirs, rng.standard_normal((1, 2, *size)), rng)


@given(sizes, sizes, rngs)
@modest
def test_adaptive_avg_pool2d(size, output_size, rng):
    compare(
        AdaptiveAvgPool2d(output_size), torch.nn.AdaptiveAvgPool2d(output_size), rng.standard_normal((1, 2, *size)), rng
    )


@given(st.tuples(*[st.integers(1, 3)] * 4), rngs)
@modest
def test_adaptive_max_pool2d(numbers, rng):
    rows, columns, height, width = numbers
    x = IMAGES["ties"](rng, (1, 2, rows * height, columns * width))
    compare(AdaptiveMaxPool2d((rows, columns)), torch.nn.AdaptiveMaxPool2d((rows, columns)), x, rng)


@pytest.mark.parametrize("sides", [((0, 1), (0, 1)), ((2, 0), (1, 2)), ((0, 2), (0, 0))])
def test_pools_that_pad_each_side_by_itself_are_torchs_of_a_padded_image(sides, rng):
    """As TensorFlow's "SAME" and ONNX's pads ask for; −∞ never wins, and zeros count in a mean or do not."""
    (top, bottom), (left, right) = sides
    x, around = rng.standard_normal((1, 2, 7, 6)) - 5, (left, right, top, bottom)

    def padded(x, value):
        return torch.nn.functional.pad(x, around, value=value)

    compare(MaxPool2d(3, stride=2, padding=sides), lambda x: torch.nn.MaxPool2d(3, 2)(padded(x, -torch.inf)), x, rng)
    compare(AvgPool2d(3, stride=2, padding=sides), lambda x: torch.nn.AvgPool2d(3, 2)(padded(x, 0.0)), x, rng)

    def mean_of_what_is_there(x):
        means, share = (torch.nn.AvgPool2d(3, 2)(padded(each, 0.0)) for each in (x, torch.ones_like(x)))
        return means / share

    ours = AvgPool2d(3, stride=2, padding=sides, count_include_pad=False)
    compare(ours, mean_of_what_is_there, x, rng)


@given(st.integers(1, 60), st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.data())
@modest
def test_ceil_mode_gives_torchs_size(size, kernel_size, stride, dilation, data):
    padding = data.draw(st.integers(0, kernel_size // 2))
    arguments = (kernel_size, stride, padding, dilation)
    rows, columns = Window.of(*arguments, ceil_mode=True).output_size((size, size))
    image = torch.zeros(1, 1, size, size)
    if rows < 1:
        with pytest.raises(RuntimeError, match="too small"):
            torch.nn.functional.max_pool2d(image, *arguments, ceil_mode=True)
    else:
        assert (rows, columns) == torch.nn.functional.max_pool2d(image, *arguments, ceil_mode=True).shape[2:]


@pytest.mark.parametrize(
    "settings",
    [
        {"scale_factor": 2},
        {"size": (9, 5)},
        {"scale_factor": (1.5, 2.25)},
        {"size": (3, 11), "mode": "nearest-exact"},
        {"scale_factor": (0.6, 1.7), "mode": "nearest-exact"},
        {"scale_factor": 2, "mode": "bilinear"},
        {"size": (9, 5), "mode": "bilinear"},
        {"size": (1, 13), "mode": "bilinear", "align_corners": True},
        {"scale_factor": (1.5, 0.7), "mode": "bilinear", "align_corners": True},
        {"scale_factor": (1.5, 0.7), "mode": "bilinear"},
    ],
    ids=str,
)
def test_upsample(settings, rng):
    compare(Upsample(**settings), torch.nn.Upsample(**settings), rng.standard_normal((2, 3, 6, 7)), rng)
