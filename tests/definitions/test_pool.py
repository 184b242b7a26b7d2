"""Pooling and its gradients: by hand, against nested loops, by differences, as adjoints; ties, NaN and −∞."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import naive
from oracles.numerical import assert_agrees, gradient
from oracles.windows import distinct, layouts, modest, numbers, rngs, windows_on_images
from pellucid.definitions.pool import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_grad_input,
    avg_pool2d,
    avg_pool2d_grad_input,
    max_pool2d,
    max_pool2d_grad_input,
)
from pellucid.geometry import Window

X = np.arange(1.0, 17).reshape(1, 1, 4, 4)
GRAD_OUTPUT = np.array([[[[1.0, -1], [2, -2]]]])
TWO = Window.of(2, 2)


# ---- by hand
def test_max_by_hand():
    assert max_pool2d(X, window=TWO).tolist() == [[[[6, 8], [14, 16]]]]
    grad_input = max_pool2d_grad_input(X, GRAD_OUTPUT, window=TWO)
    assert grad_input.tolist() == [[[[0, 0, 0, 0], [0, 1, 0, -1], [0, 0, 0, 0], [0, 2, 0, -2]]]]


def test_average_by_hand():
    assert avg_pool2d(X, window=TWO).tolist() == [[[[3.5, 5.5], [11.5, 13.5]]]]
    quarter, half = 0.25, 0.5
    upper, lower = [quarter, quarter, -quarter, -quarter], [half, half, -half, -half]
    grad_input = avg_pool2d_grad_input(GRAD_OUTPUT, size=(4, 4), window=TWO)
    assert grad_input.tolist() == [[[upper, upper, lower, lower]]]


def test_overlapping_windows_add_their_gradients():
    x = np.array([[[[1.0, 5, 2]]]])
    window = Window.of((1, 2))
    assert max_pool2d(x, window=window).tolist() == [[[[5, 5]]]]
    assert max_pool2d_grad_input(x, np.array([[[[10.0, 1]]]]), window=window).tolist() == [[[[0, 11, 0]]]]
    assert avg_pool2d_grad_input(np.array([[[[10.0, 2]]]]), size=(1, 3), window=window).tolist() == [[[[5, 6, 1]]]]


def test_of_equal_maxima_the_first_takes_the_gradient():
    x = np.array([[[[0.0, 3, 3], [3, 3, 0]]]])
    grad_input = max_pool2d_grad_input(x, np.array([[[[1.0, 10]]]]), window=Window.of(2))
    assert grad_input.tolist() == [[[[0, 11, 0], [0, 0, 0]]]]


def test_padding_never_wins():
    x = np.array([[[[-5.0, -7], [-6, -8]]]])
    window = Window.of(2, 2, padding=1)
    assert max_pool2d(x, window=window).tolist() == [[[[-5, -7], [-6, -8]]]]
    assert max_pool2d_grad_input(x, np.ones((1, 1, 2, 2)), window=window).tolist() == [[[[1, 1], [1, 1]]]]


def test_minus_infinity_in_the_image_wins_over_padding():
    x = np.full((1, 1, 1, 2), -np.inf)
    window = Window.of((1, 2), padding=(0, 1))
    assert max_pool2d(x, window=window).tolist() == [[[[-np.inf, -np.inf, -np.inf]]]]
    assert max_pool2d_grad_input(x, np.array([[[[1.0, 2, 4]]]]), window=window).tolist() == [[[[3, 4]]]]


def test_a_nan_is_the_maximum_and_takes_the_gradient():
    x = np.array([[[[1.0, np.nan, 9, np.nan]]]])
    window = Window.of((1, 2))
    assert np.isnan(max_pool2d(x, window=window)).all()
    assert max_pool2d_grad_input(x, np.array([[[[1.0, 2, 4]]]]), window=window).tolist() == [[[[0, 3, 0, 4]]]]


def test_an_infinite_gradient_stays_with_the_winner():
    grad_input = max_pool2d_grad_input(X, np.full((1, 1, 2, 2), np.inf), window=TWO)
    assert np.isinf(grad_input).sum() == 4
    assert not np.isnan(grad_input).any()


def test_what_counts_in_an_average():
    x = np.full((1, 1, 1, 3), 12.0)
    window = Window.of((1, 3), stride=2, padding=((0, 0), (1, 0)), ceil_mode=True)
    # places begin at -1 and 1: [pad, 12, 12] and [12, 12, beyond the padded edge]
    assert avg_pool2d(x, window=window).tolist() == [[[[8, 12]]]]
    assert avg_pool2d(x, window=window, count_include_pad=False).tolist() == [[[[12, 12]]]]


def test_adaptive_by_hand():
    x = np.array([[[[1.0, 2, 4, 8, 16]]]])
    assert adaptive_avg_pool2d(x, output_size=(1, 1)).tolist() == [[[[6.2]]]]
    # five pixels to two regions: 0 to 2 and 2 to 4
    assert_agrees(adaptive_avg_pool2d(x, output_size=(1, 2)), [[[[7 / 3, 28 / 3]]]], tolerance=1e-15)
    grad_input = adaptive_avg_pool2d_grad_input(np.array([[[[3.0, 6]]]]), size=(1, 5))
    assert grad_input.tolist() == [[[[1, 1, 3, 2, 2]]]]


def test_adaptive_can_enlarge():
    x = np.array([[[[1.0], [3]]]])
    assert adaptive_avg_pool2d(x, output_size=(3, 2)).tolist() == [[[[1, 1], [2, 2], [3, 3]]]]


def test_a_nan_stays_in_its_region():
    x = np.ones((1, 1, 4, 4))
    x[0, 0, 0, 3] = np.nan
    y = adaptive_avg_pool2d(x, output_size=(2, 2))
    assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 0, 1]]


# ---- any case
@st.composite
def cases(draw, least=1, most=2, values=numbers):
    """Everything that pooling and its gradients are given: read-only, in any memory layout, in float64."""
    window, size = draw(windows_on_images(pooling=True))
    rng, count, channels = draw(rngs), draw(st.integers(least, most)), draw(st.integers(1, 2))
    x = values(rng, (count, channels, *size), draw(layouts))
    grad_output = numbers(rng, (count, channels, *window.output_size(size)), draw(layouts))
    return SimpleNamespace(x=x, grad_output=grad_output, window=window, size=size, counted=draw(st.booleans()))


def few_values(rng, shape, layout):
    """So few different numbers, NaN among them, that most windows hold ties."""
    x = numbers(rng, shape, layout).copy(order="K")
    x[...] = rng.choice([-1.0, 0.0, 2.0, np.nan], size=shape, p=[0.4, 0.3, 0.2, 0.1])
    x.flags.writeable = False
    return x


def averages(case):
    keywords = {"window": case.window, "count_include_pad": case.counted}
    return avg_pool2d(case.x, **keywords), avg_pool2d_grad_input(case.grad_output, size=case.size, **keywords)


@given(cases() | cases(values=few_values))
@modest
def test_max_as_nested_loops(case):
    y, grad_input = naive.max_pool2d(case.x, case.grad_output, case.window)
    np.testing.assert_array_equal(max_pool2d(case.x, window=case.window), y)
    found = max_pool2d_grad_input(case.x, case.grad_output, window=case.window)
    assert_agrees(found, grad_input, tolerance=1e-14)


@given(cases())
@modest
def test_average_as_nested_loops(case):
    y, grad_input = naive.avg_pool2d(case.x, case.grad_output, case.window, case.counted)
    assert_agrees(averages(case)[0], y, tolerance=1e-13)
    assert_agrees(averages(case)[1], grad_input, tolerance=1e-13)


@st.composite
def adaptive_cases(draw):
    rng, (height, width, rows, columns) = draw(rngs), draw(st.tuples(*[st.integers(1, 7)] * 4))
    return numbers(rng, (2, 2, height, width), draw(layouts)), numbers(rng, (2, 2, rows, columns), draw(layouts))


@given(adaptive_cases())
@modest
def test_adaptive_as_nested_loops(case):
    x, grad_output = case
    y, grad_input = naive.adaptive_avg_pool2d(x, grad_output)
    found = adaptive_avg_pool2d(x, output_size=grad_output.shape[2:])
    found_grad = adaptive_avg_pool2d_grad_input(grad_output, size=x.shape[2:])
    assert_agrees(found, y, tolerance=1e-13)
    assert_agrees(found_grad, grad_input, tolerance=1e-13)
    assert_agrees(np.vdot(found, grad_output), np.vdot(x, found_grad), tolerance=1e-12)


@given(cases())
@modest
def test_gradients_are_adjoints(case):
    """Averages are linear in x; maxima are, as long as the winners stay the same."""
    y, grad_input = averages(case)
    assert_agrees(np.vdot(y, case.grad_output), np.vdot(case.x, grad_input), tolerance=1e-12)
    y = max_pool2d(case.x, window=case.window)
    grad_input = max_pool2d_grad_input(case.x, case.grad_output, window=case.window)
    assert_agrees(np.vdot(y, case.grad_output), np.vdot(case.x, grad_input), tolerance=1e-12)


@given(cases(least=0, most=1))
@modest
def test_float32_stays_float32_and_no_samples_give_none(case):
    x, grad_output = case.x.astype(np.float32), case.grad_output.astype(np.float32)
    keywords = {"window": case.window, "count_include_pad": case.counted}
    for single, shape in [
        (max_pool2d(x, window=case.window), grad_output.shape),
        (max_pool2d_grad_input(x, grad_output, window=case.window), x.shape),
        (avg_pool2d(x, **keywords), grad_output.shape),
        (avg_pool2d_grad_input(grad_output, size=case.size, **keywords), x.shape),
        (adaptive_avg_pool2d(x, output_size=(2, 1)), (*x.shape[:2], 2, 1)),
        (adaptive_avg_pool2d_grad_input(grad_output, size=case.size), x.shape),
    ]:
        assert (single.dtype, single.shape) == (np.float32, shape)


# ---- by differences
@pytest.mark.parametrize(
    "window",
    [Window.of(2, 2), Window.of(3, 2, padding=1, ceil_mode=True), Window.of((2, 3), stride=(1, 2), padding="same")],
    ids=["plain", "overlapping, padded, ceil", "same"],
)
def test_gradients_by_differences(window, rng):
    window = window.on((5, 6))
    x = distinct(rng, (2, 2, 5, 6))
    g = numbers(rng, (2, 2, *window.output_size((5, 6))))
    assert_agrees(max_pool2d_grad_input(x, g, window=window), gradient(lambda x: max_pool2d(x, window=window), x, g))
    for counted in (True, False):
        keywords = {"window": window, "count_include_pad": counted}
        found = avg_pool2d_grad_input(g, size=(5, 6), **keywords)
        assert_agrees(found, gradient(lambda x, keywords=keywords: avg_pool2d(x, **keywords), x, g))


def test_adaptive_gradient_by_differences(rng):
    x, g = numbers(rng, (2, 2, 5, 6)), numbers(rng, (2, 2, 2, 4))
    found = adaptive_avg_pool2d_grad_input(g, size=(5, 6))
    assert_agrees(found, gradient(lambda x: adaptive_avg_pool2d(x, output_size=(2, 4)), x, g))
