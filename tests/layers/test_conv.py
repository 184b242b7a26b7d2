"""Conv2d as in a notebook: shapes, gradients, an update by hand, and the words of every refusal."""

import re

import numpy as np
import pytest

from oracles.numerical import assert_agrees
from pellucid.definitions.conv import conv2d, conv2d_grad_bias, conv2d_grad_input, conv2d_grad_weight
from pellucid.errors import ArgumentError, DataError, ShapeError, StateError
from pellucid.geometry import Window
from pellucid.layers import Conv2d


def exactly(message):
    return f"^{re.escape(message)}$"


@pytest.fixture
def two_filters():
    layer = Conv2d(1, 2, 3)
    layer.weight.data[...] = [[[[0, 0, 0], [0, 1, 0], [0, -1, 0]]], [[[0, 0, 0], [0, -1, 1], [0, 0, 0]]]]
    return layer


def test_integers_forward_backward_and_an_update_by_hand(two_filters):
    x = np.arange(1, 17).reshape(1, 1, 4, 4)
    y = two_filters.forward(x)
    assert y.tolist() == [[[[-4, -4], [-4, -4]], [[1, 1], [1, 1]]]]
    d = np.array([[[[-4, -4], [10, 11]], [[1, -7], [1, -11]]]])
    grad_input = two_filters.backward(d)
    assert grad_input.tolist() == [[[[0, 0, 0, 0], [0, -5, 4, -7], [0, 13, 27, -11], [0, -10, -11, 0]]]]
    assert two_filters.weight.grad.tolist() == [
        [[[104, 117, 130], [156, 169, 182], [208, 221, 234]]],
        [[[-74, -90, -106], [-138, -154, -170], [-202, -218, -234]]],
    ]
    assert two_filters.bias.grad.tolist() == [13, -16]
    assert {array.dtype for array in (y, grad_input, two_filters.weight.grad)} == {np.dtype(np.float32)}
    for parameter in two_filters.parameters().values():
        parameter.data -= 0.01 * parameter.grad
    assert_agrees(two_filters.weight.data[0, 0, 1], [-1.56, -0.69, -1.82])
    assert_agrees(two_filters.bias.data, [-0.13, 0.16])
    assert x.ravel().tolist() == list(range(1, 17))
    assert d.ravel().tolist() == [-4, -4, 10, 11, 1, -7, 1, -11]


def test_eight_filters_over_a_digit():
    layer = Conv2d(1, 8, 3, padding=1)
    y = layer.forward(np.ones((1, 1, 28, 28)))
    assert y.shape == (1, 8, 28, 28)
    assert layer.backward(y).shape == (1, 1, 28, 28)


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape", "parameters"),
    [
        (Conv2d(3, 6, 3), (3, 144, 144), (6, 142, 142), 168),
        (Conv2d(24, 48, 3), (24, 60, 60), (48, 58, 58), 10_416),
        (Conv2d(10, 20, 3, stride=2), (10, 20, 20), (20, 9, 9), 1_820),
        (Conv2d(3, 64, 11, stride=4, padding=2), (3, 224, 224), (64, 55, 55), 23_296),
        (Conv2d(8, 8, 3, groups=8, bias=False), (8, 9, 7), (8, 7, 5), 72),
        (Conv2d(2, 4, (1, 5), padding="same", stride=(1, 2)), (2, 6, 7), (4, 6, 4), 44),
        (Conv2d(1, 1, 2, padding=((1, 0), (2, 3)), dilation=2), (1, 4, 4), (1, 3, 7), 5),
    ],
    ids=repr,
)
def test_output_shape_and_parameters(layer, input_shape, output_shape, parameters):
    assert layer.output_shape(input_shape) == output_shape
    assert sum(q.size for q in layer.parameters().values()) == parameters


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_padding_groups_and_dtype(dtype, rng):
    layer = Conv2d(4, 6, 3, padding="same", stride=2, groups=2)
    layer.cast(dtype)
    x = rng.standard_normal((2, 4, 5, 8))
    y = layer.forward(x)
    keywords = {"window": Window.of(3, 2, ((1, 1), (0, 1))), "groups": 2}
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert_agrees(y, conv2d(x, layer.weight.data, layer.bias.data, **keywords), tolerance)
    grad_input = layer.backward(y)
    assert_agrees(grad_input, conv2d_grad_input(y, layer.weight.data, size=(5, 8), **keywords), tolerance)
    assert_agrees(layer.weight.grad, conv2d_grad_weight(x, y, **keywords), tolerance)
    assert_agrees(layer.bias.grad, conv2d_grad_bias(y), tolerance)
    assert {array.dtype for array in (y, grad_input, layer.weight.grad, layer.bias.grad)} == {np.dtype(dtype)}


def test_backward_overwrites_the_gradients(rng):
    layer = Conv2d(1, 2, 2)
    y = layer.forward(rng.standard_normal((1, 1, 3, 3)))
    layer.backward(y)
    first = layer.weight.grad
    layer.backward(2 * y)
    assert_agrees(layer.weight.grad, 2 * first)


def test_no_samples():
    layer = Conv2d(1, 2, 3)
    y = layer.forward(np.zeros((0, 1, 5, 5)))
    assert y.shape == (0, 2, 3, 3)
    assert layer.backward(y).shape == (0, 1, 5, 5)
    assert not layer.weight.grad.any()


def test_config_builds_the_layer_anew():
    layer = Conv2d(2, 4, (1, 3), stride=(2, 1), padding=((1, 0), (2, 2)), dilation=2, groups=2, bias=False)
    again = Conv2d(**layer.config())
    assert again.config() == layer.config()
    assert again.window == layer.window
    assert repr(again) == (
        "Conv2d(in_channels=2, out_channels=4, kernel_size=(1, 3), stride=(2, 1), padding=((1, 0), (2, 2)), "
        "dilation=(2, 2), groups=2, bias=False)"
    )
    assert Conv2d(**Conv2d(1, 1, 3, padding="same").config()).window.padding == "same"


# ---- refusals
@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((0, 8, 3), {}, "in_channels: expected a whole number of at least 1, received 0"),
        ((1, -8, 3), {}, "out_channels: expected a whole number of at least 1, received -8"),
        ((1, 8, 0), {}, "kernel_size: expected a whole number of at least 1, received 0"),
        ((1, 8, (3, 3, 3)), {}, "kernel_size: expected one number or two (vertical, horizontal), received (3, 3, 3)"),
        ((1, 8, 3), {"stride": 0}, "stride: expected a whole number of at least 1, received 0"),
        ((1, 8, 3), {"dilation": 1.5}, "dilation: expected a whole number of at least 1, received 1.5"),
        ((1, 8, 3), {"padding": (1, -2)}, "padding: expected a whole number of at least 0, received -2"),
        ((3, 8, 3), {"groups": 2}, "groups: expected a divisor of in_channels = 3, received 2"),
        ((4, 6, 3), {"groups": 4}, "groups: expected a divisor of out_channels = 6, received 4"),
    ],
)
def test_refused_arguments(arguments, keywords, message):
    with pytest.raises(ArgumentError, match=exactly(message)):
        Conv2d(*arguments, **keywords)


def test_weights_beyond_the_memory_are_refused_with_their_size():
    with pytest.raises(
        ArgumentError, match=r"^weight 1000000×1000000×3×3 would need 36,000,000,000,000 bytes in float32"
    ):
        Conv2d(10**6, 10**6, 3)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (2, 1, 28, 28),
            "Conv2d: expects 3 channels, but the input has 1: (1, 28, 28); make the layer for 1 channel",
        ),
        (
            (2, 28, 28, 3),
            "Conv2d: expects 3 channels, but the input has 28: (28, 28, 3); "
            "images are NCHW: put the channels first with np.moveaxis(x, -1, 1)",
        ),
        (
            (3, 28, 28),
            "Conv2d: expects images (3, H, W), but the input has (28, 28); "
            "images are NCHW: reshape to (N, channels, H, W)",
        ),
        ((2, 3, 0, 28), "Conv2d: expects images (3, H, W) of at least one pixel, but the input has (3, 0, 28)"),
        (
            (2, 3, 28, 3),
            "Conv2d: a 5×5 window finds no place: (3 + 2·0 − 5)//1 + 1 = −1 columns, but the input has 28×3 pixels; "
            "use a smaller kernel_size or more padding",
        ),
        ((), "Conv2d: expects a batch (N, …), but the input has a single number"),
    ],
)
def test_refused_shapes(shape, message):
    with pytest.raises(ShapeError, match=exactly(message)):
        Conv2d(3, 8, 5).forward(np.zeros(shape))


def test_refused_dtype():
    with pytest.raises(
        DataError, match=exactly("Conv2d: expected an array of real numbers, received dtype complex128")
    ):
        Conv2d(1, 1, 1).forward(np.zeros((1, 1, 2, 2), complex))


def test_backward_before_forward_and_with_a_wrong_shape():
    layer = Conv2d(1, 2, 3)
    with pytest.raises(StateError, match=exactly("Conv2d.backward needs a forward before it: call forward(x) first")):
        layer.backward(np.zeros((1, 2, 3, 3)))
    layer.forward(np.zeros((1, 1, 5, 5)))
    message = "Conv2d.backward expects grad_output of the output's shape (1, 2, 3, 3), received (1, 2, 5, 5)"
    with pytest.raises(ShapeError, match=exactly(message)):
        layer.backward(np.zeros((1, 2, 5, 5)))
