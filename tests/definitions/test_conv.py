"""Convolution and its gradients: by hand, against nested loops, by differences, as adjoints."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import naive
from oracles.numerical import assert_agrees, gradient
from oracles.windows import layouts, modest, numbers, rngs, windows_on_images
from pellucid.definitions.conv import conv2d, conv2d_grad_bias, conv2d_grad_input, conv2d_grad_weight
from pellucid.geometry import Window

X = np.arange(1.0, 17).reshape(1, 1, 4, 4)
WEIGHT = np.array([[[[0, 0, 0], [0, 1, 0], [0, -1, 0]]], [[[0, 0, 0], [0, -1, 1], [0, 0, 0]]]], float)
GRAD_OUTPUT = np.array([[[[-4, -4], [10, 11]], [[1, -7], [1, -11]]]], float)


# ---- by hand
def test_two_filters_by_hand():
    y = conv2d(X, WEIGHT, window=Window.of(3))
    assert y.tolist() == [[[[-4, -4], [-4, -4]], [[1, 1], [1, 1]]]]


def test_gradients_by_hand():
    grad_input = conv2d_grad_input(GRAD_OUTPUT, WEIGHT, size=(4, 4), window=Window.of(3))
    assert grad_input.tolist() == [[[[0, 0, 0, 0], [0, -5, 4, -7], [0, 13, 27, -11], [0, -10, -11, 0]]]]
    grad_weight = conv2d_grad_weight(X, GRAD_OUTPUT, window=Window.of(3))
    assert grad_weight.tolist() == [
        [[[104, 117, 130], [156, 169, 182], [208, 221, 234]]],
        [[[-74, -90, -106], [-138, -154, -170], [-202, -218, -234]]],
    ]
    assert conv2d_grad_bias(GRAD_OUTPUT).tolist() == [13, -16]


def test_the_kernel_is_not_flipped_and_the_bias_is_added():
    x = np.array([[[[1.0, 2, 3]]]])
    y = conv2d(x, np.array([[[[10.0, 1]]]]), np.array([0.5]), window=Window.of((1, 2)))
    assert y.tolist() == [[[[12.5, 23.5]]]]


def test_stride_padding_and_dilation_by_hand():
    x = np.arange(1.0, 7).reshape(1, 1, 1, 6)
    weight = np.array([[[[1.0, 100]]]])
    assert conv2d(x, weight, window=Window.of((1, 2), stride=2)).tolist() == [[[[201, 403, 605]]]]
    assert conv2d(x, weight, window=Window.of((1, 2), dilation=(1, 3))).tolist() == [[[[401, 502, 603]]]]
    padded = Window.of((1, 2), stride=3, padding=((0, 0), (2, 1)))
    assert conv2d(x, weight, window=padded).tolist() == [[[[0, 302, 605]]]]


def test_groups_by_hand():
    x = np.array([1.0, 2, 3, 4]).reshape(1, 4, 1, 1)
    weight = np.array([[1.0, 10], [2, 20]]).reshape(2, 2, 1, 1)  # filter 0 sees channels 0, 1; filter 1 sees 2, 3
    assert conv2d(x, weight, window=Window.of(1), groups=2).ravel().tolist() == [21, 86]
    depthwise = np.array([1.0, 10, 100, 1000]).reshape(4, 1, 1, 1)
    assert conv2d(x, depthwise, window=Window.of(1), groups=4).ravel().tolist() == [1, 20, 300, 4000]


# ---- any case
@st.composite
def cases(draw, least=1, most=2):
    """Everything that a convolution and its gradients are given: read-only, in any memory layout, in float64."""
    window, size = draw(windows_on_images())
    rng = draw(rngs)
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    count = draw(st.integers(least, most))
    x = numbers(rng, (count, channels, *size), draw(layouts))
    weight = numbers(rng, (filters, channels // groups, *window.kernel_size), draw(layouts))
    bias = draw(st.sampled_from([None, numbers(rng, (filters,))]))
    grad_output = numbers(rng, (count, filters, *window.output_size(size)), draw(layouts))
    return SimpleNamespace(
        x=x, weight=weight, bias=bias, grad_output=grad_output, window=window, groups=groups, size=size
    )


def grad_input_of(case):
    return conv2d_grad_input(case.grad_output, case.weight, size=case.size, window=case.window, groups=case.groups)


def grad_weight_of(case):
    return conv2d_grad_weight(case.x, case.grad_output, window=case.window, groups=case.groups)


@given(cases())
@modest
def test_as_nested_loops(case):
    y = conv2d(case.x, case.weight, case.bias, window=case.window, groups=case.groups)
    assert_agrees(y, naive.conv2d(case.x, case.weight, case.bias, case.window, case.groups), tolerance=1e-12)
    grads = naive.conv2d_gradients(case.x, case.weight, case.grad_output, case.window, case.groups)
    assert_agrees(grad_input_of(case), grads[0], tolerance=1e-12)
    assert_agrees(grad_weight_of(case), grads[1], tolerance=1e-12)
    assert_agrees(conv2d_grad_bias(case.grad_output), grads[2], tolerance=1e-12)


@given(cases())
@modest
def test_gradients_are_adjoints(case):
    """⟨conv(x, w), g⟩ = ⟨x, grad_input(g)⟩ = ⟨w, grad_weight(g)⟩, for a convolution without bias is linear in both."""
    y = conv2d(case.x, case.weight, window=case.window, groups=case.groups)
    product = np.vdot(y, case.grad_output)
    assert_agrees(np.vdot(case.x, grad_input_of(case)), product, tolerance=1e-11)
    assert_agrees(np.vdot(case.weight, grad_weight_of(case)), product, tolerance=1e-11)


@given(cases())
@modest
def test_float32_stays_float32(case):
    x, weight, grad_output = (array.astype(np.float32) for array in (case.x, case.weight, case.grad_output))
    bias = None if case.bias is None else case.bias.astype(np.float32)
    keywords = {"window": case.window, "groups": case.groups}
    for single, double in [
        (conv2d(x, weight, bias, **keywords), conv2d(case.x, case.weight, case.bias, **keywords)),
        (conv2d_grad_input(grad_output, weight, size=case.size, **keywords), grad_input_of(case)),
        (conv2d_grad_weight(x, grad_output, **keywords), grad_weight_of(case)),
        (conv2d_grad_bias(grad_output), conv2d_grad_bias(case.grad_output)),
    ]:
        assert (single.dtype, double.dtype) == (np.float32, np.float64)
        assert_agrees(single, double, tolerance=2e-5)


@given(cases(least=0, most=0))
@modest
def test_no_samples(case):
    y = conv2d(case.x, case.weight, case.bias, window=case.window, groups=case.groups)
    assert y.shape == case.grad_output.shape
    assert grad_input_of(case).shape == case.x.shape
    assert_agrees(grad_weight_of(case), np.zeros(case.weight.shape))
    assert_agrees(conv2d_grad_bias(case.grad_output), np.zeros(len(case.weight)))


# ---- by differences
@pytest.mark.parametrize(
    ("channels", "filters", "groups", "window"),
    [
        (2, 3, 1, Window.of(3)),
        (2, 2, 1, Window.of((3, 2), stride=(2, 1), padding=((1, 0), (2, 1)))),
        (2, 4, 2, Window.of(2, dilation=2, padding="same")),
        (3, 3, 3, Window.of(3, padding=1)),
    ],
    ids=["plain", "stride and padding", "groups and dilation", "depthwise"],
)
def test_gradients_by_differences(channels, filters, groups, window, rng):
    window = window.on((5, 4))
    x, weight = numbers(rng, (2, channels, 5, 4)), numbers(rng, (filters, channels // groups, *window.kernel_size))
    bias = numbers(rng, (filters,))
    g = numbers(rng, (2, filters, *window.output_size((5, 4))))
    keywords = {"window": window, "groups": groups}
    assert_agrees(
        conv2d_grad_input(g, weight, size=(5, 4), **keywords),
        gradient(lambda x: conv2d(x, weight, bias, **keywords), x, g),
    )
    assert_agrees(conv2d_grad_weight(x, g, **keywords), gradient(lambda w: conv2d(x, w, bias, **keywords), weight, g))
    assert_agrees(conv2d_grad_bias(g), gradient(lambda b: conv2d(x, weight, b, **keywords), bias, g))


# ---- faults upstream
def test_a_nan_reaches_every_place_that_reads_it_and_no_other():
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 0, 4] = np.nan
    y = conv2d(x, np.ones((1, 1, 2, 2)), window=Window.of(2))
    assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 0, 3]]
