"""Pooling layers as in a notebook: shapes, gradients, and the words of every refusal."""

import re

import numpy as np
import pytest

from oracles.numerical import assert_agrees
from pellucid.errors import ArgumentError, ShapeError, StateError
from pellucid.layers import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d

X = np.arange(1, 17).reshape(1, 1, 4, 4)
GRAD_OUTPUT = np.array([[[[1, -1], [2, -2]]]])


def exactly(message):
    return f"^{re.escape(message)}$"


def test_max_by_hand():
    layer = MaxPool2d(2)
    assert layer.forward(X).tolist() == [[[[6, 8], [14, 16]]]]
    grad_input = layer.backward(GRAD_OUTPUT)
    assert grad_input.tolist() == [[[[0, 0, 0, 0], [0, 1, 0, -1], [0, 0, 0, 0], [0, 2, 0, -2]]]]


def test_average_by_hand():
    layer = AvgPool2d(2)
    assert layer.forward(X).tolist() == [[[[3.5, 5.5], [11.5, 13.5]]]]
    upper, lower = [0.25, 0.25, -0.25, -0.25], [0.5, 0.5, -0.5, -0.5]
    assert layer.backward(GRAD_OUTPUT).tolist() == [[[upper, upper, lower, lower]]]


def test_adaptive_by_hand():
    layer = AdaptiveAvgPool2d()
    assert layer.forward(X).tolist() == [[[[8.5]]]]
    assert layer.backward([[[[16]]]]).tolist() == np.ones((1, 1, 4, 4)).tolist()


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape"),
    [
        (MaxPool2d(2), (6, 24, 24), (6, 12, 12)),
        (MaxPool2d(2), (6, 5, 7), (6, 2, 3)),
        (MaxPool2d(2, ceil_mode=True), (6, 5, 7), (6, 3, 4)),
        (MaxPool2d(3, stride=2), (64, 55, 55), (64, 27, 27)),
        (MaxPool2d(3, stride=2, ceil_mode=True), (96, 54, 54), (96, 27, 27)),
        (MaxPool2d((1, 3), stride=1, padding="same", dilation=2), (2, 4, 4), (2, 4, 4)),
        (AvgPool2d((2, 3)), (1, 4, 9), (1, 2, 3)),
        (AvgPool2d(3, stride=1, padding=((1, 0), (2, 2))), (1, 4, 4), (1, 3, 6)),
        (AdaptiveAvgPool2d((6, 7)), (256, 13, 13), (256, 6, 7)),
        (AdaptiveAvgPool2d(1), (512, 7, 7), (512, 1, 1)),
        (AdaptiveMaxPool2d(1), (512, 7, 7), (512, 1, 1)),
        (AdaptiveMaxPool2d((2, 7)), (5, 6, 7), (5, 2, 7)),
        (AvgPool2d(2, stride=1, dilation=(3, 1)), (1, 4, 4), (1, 1, 3)),
    ],
    ids=repr,
)
def test_output_shape_is_what_forward_gives(layer, input_shape, output_shape, rng):
    assert layer.output_shape(input_shape) == output_shape
    x = rng.standard_normal((2, *input_shape), np.float32)
    y = layer.forward(x)
    assert y.shape == (2, *output_shape)
    assert layer.backward(y).shape == x.shape
    assert {y.dtype, layer.backward(y).dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize("layer", [MaxPool2d(2), AvgPool2d(2), AdaptiveAvgPool2d(2), AdaptiveMaxPool2d(2)], ids=repr)
def test_double_precision_and_no_samples(layer, rng):
    layer.cast("float64")
    assert layer.forward(rng.standard_normal((1, 1, 4, 4))).dtype == np.float64
    y = layer.forward(np.zeros((0, 1, 4, 4)))
    assert y.shape == (0, 1, 2, 2)
    assert layer.backward(y).shape == (0, 1, 4, 4)


def test_count_include_pad_reaches_the_definition():
    assert_agrees(AvgPool2d(2, padding=1).forward(np.full((1, 1, 2, 2), 4)), np.ones((1, 1, 2, 2)))
    uncounted = AvgPool2d(2, padding=1, count_include_pad=False)
    assert_agrees(uncounted.forward(np.full((1, 1, 2, 2), 4)), np.full((1, 1, 2, 2), 4))
    assert_agrees(uncounted.backward(np.ones((1, 1, 2, 2))), np.ones((1, 1, 2, 2)))


@pytest.mark.parametrize(
    "layer",
    [
        MaxPool2d(3, stride=(1, 2), padding=(1, 0), dilation=2, ceil_mode=True),
        AvgPool2d((2, 3), padding=((1, 0), (2, 1)), count_include_pad=False),
        AvgPool2d(3, padding="same", ceil_mode=True, dilation=(1, 2)),
        AdaptiveAvgPool2d((3, 1)),
        AdaptiveMaxPool2d((3, 1)),
    ],
    ids=repr,
)
def test_config_builds_the_layer_anew(layer):
    assert vars(type(layer)(**layer.config())) == vars(layer)


# ---- refusals
@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (MaxPool2d, {"kernel_size": 0}, "kernel_size: expected a whole number of at least 1, received 0"),
        (AvgPool2d, {"kernel_size": 2, "stride": 0}, "stride: expected a whole number of at least 1, received 0"),
        (AdaptiveAvgPool2d, {"output_size": 0}, "output_size: expected a whole number of at least 1, received 0"),
        (
            MaxPool2d,
            {"kernel_size": 2, "padding": (0, 2)},
            "padding: expected less than the window's 2 pixels (horizontal), so that every window sees the image; "
            "received 2",
        ),
    ],
)
def test_refused_arguments(kind, arguments, message):
    with pytest.raises(ArgumentError, match=exactly(message)):
        kind(**arguments)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            MaxPool2d(3),
            (1, 1, 2, 5),
            "MaxPool2d: a 3×3 window finds no place: (2 + 2·0 − 3)//3 + 1 = 0 rows, but the input has 2×5 pixels; "
            "use a smaller kernel_size or more padding",
        ),
        (
            MaxPool2d((1, 2), stride=1, padding=(0, 2), dilation=(1, 4)),
            (1, 1, 3, 1),
            "MaxPool2d: the window of output column 0 would see nothing but padding, for its taps lie 4 pixels apart, "
            "but the input has 3×1 pixels; use a smaller dilation or less padding",
        ),
        (
            AdaptiveAvgPool2d(),
            (2, 100),
            "AdaptiveAvgPool2d: expects images (C, H, W), but the input has (100,); "
            "images are NCHW: reshape to (N, channels, H, W)",
        ),
    ],
)
def test_refused_shapes(layer, shape, message):
    with pytest.raises(ShapeError, match=exactly(message)):
        layer.forward(np.zeros(shape))


@pytest.mark.parametrize("layer", [MaxPool2d(2), AvgPool2d(2), AdaptiveAvgPool2d()], ids=repr)
def test_backward_before_forward(layer):
    message = f"{type(layer).__name__}.backward needs a forward before it: call forward(x) first"
    with pytest.raises(StateError, match=exactly(message)):
        layer.backward(np.zeros((1, 1, 1, 1)))
