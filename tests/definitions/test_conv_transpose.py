"""Transposed convolution and its gradients: by hand, pixel by pixel, by differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.numerical import assert_agrees, gradient
from oracles.windows import modest, numbers, rngs, windows_on_images
from pellucid.definitions.conv_transpose import (
    conv_transpose2d,
    conv_transpose2d_grad_bias,
    conv_transpose2d_grad_input,
    conv_transpose2d_grad_weight,
)
from pellucid.geometry import Window


def test_pixels_are_spread_by_a_stride_and_what_overlaps_is_added():
    x, weight = np.array([[[[1.0, 10, 100]]]]), np.array([[[[1.0, 2, 3]]]])
    y = conv_transpose2d(x, weight, np.array([0.5]), size=(1, 7), window=Window.of((1, 3), stride=2))
    assert y.tolist() == [[[[1.5, 2.5, 13.5, 20.5, 130.5, 200.5, 300.5]]]]
    cut = conv_transpose2d(x, weight, size=(1, 5), window=Window.of((1, 3), 2, ((0, 0), (2, 0))))
    assert cut.tolist() == [[[[13, 20, 130, 200, 300]]]]


def spread(x, weight, bias, size, window, groups):
    """The formula, pixel by pixel."""
    samples, filters, rows, columns = x.shape
    channels, each = weight.shape[1], filters // groups
    y = np.zeros((samples, channels * groups, *size)) + bias[:, None, None]
    for n, f, oy, ox in np.ndindex(samples, filters, rows, columns):
        for c, ky, kx in np.ndindex(channels, *window.kernel_size):
            i = oy * window.stride[0] + ky * window.dilation[0] - window.sides[0][0]
            j = ox * window.stride[1] + kx * window.dilation[1] - window.sides[1][0]
            if 0 <= i < size[0] and 0 <= j < size[1]:
                y[n, f // each * channels + c, i, j] += x[n, f, oy, ox] * weight[f, c, ky, kx]
    return y


@given(windows_on_images(), st.integers(1, 2), rngs)
@modest
def test_as_nested_loops_and_gradients_by_differences(case, groups, rng):
    window, size = case
    x = numbers(rng, (2, 2 * groups, *window.output_size(size)))
    weight, bias = numbers(rng, (2 * groups, 2, *window.kernel_size)), numbers(rng, (2 * groups,))
    how = {"window": window, "groups": groups}
    y = conv_transpose2d(x, weight, bias, size=size, **how)
    assert_agrees(y, spread(x, weight, bias, size, window, groups), tolerance=1e-12)
    g = numbers(rng, y.shape)
    found = conv_transpose2d_grad_input(g, weight, **how)
    assert_agrees(found, gradient(lambda x: conv_transpose2d(x, weight, bias, size=size, **how), x, g))
    found = conv_transpose2d_grad_weight(x, g, **how)
    assert_agrees(found, gradient(lambda w: conv_transpose2d(x, w, bias, size=size, **how), weight, g))
    assert_agrees(conv_transpose2d_grad_bias(g), g.sum(axis=(0, 2, 3)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_numbers_stays(dtype):
    x, weight = np.ones((1, 2, 3, 3), dtype), np.ones((2, 1, 2, 2), dtype)
    assert conv_transpose2d(x, weight, np.ones(1, dtype), size=(4, 4), window=Window.of(2)).dtype == dtype
