"""Layers that give a sample another shape: by hand, gradients, what they refuse, and which step they become."""

import numpy as np
import pytest

import pellucid as p
from pellucid.gradient_check import check_gradients

X = np.arange(12).reshape(1, 3, 4)


def numbers(*shape):
    return np.random.default_rng(0).normal(0, 1, shape)


@pytest.mark.parametrize(
    ("layer", "y", "grad_input"),
    [
        (p.Reshape((2, -1)), [[[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]], np.arange(12).reshape(1, 3, 4)),
        (p.Transpose((2, 1)), [[[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]],
         [[[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]]),
        (p.Slice(1, 1), [[[4, 5, 6, 7], [8, 9, 10, 11]]], [[[0, 0, 0, 0], [0, 1, 2, 3], [4, 5, 6, 7]]]),
        (p.Slice(2, 0, -1, 2), [[[0, 2], [4, 6], [8, 10]]], [[[0, 0, 1, 0], [2, 0, 3, 0], [4, 0, 5, 0]]]),
        (p.Mean((2,)), [[1.5, 5.5, 9.5]], [[[0] * 4, [0.25] * 4, [0.5] * 4]]),
        (p.Mean((1, 2), keepdims=True), [[[5.5]]], np.zeros((1, 3, 4))),
        (p.Pad((0, 1), (1, 0), value=7), [[[7, 0, 1, 2, 3], [7, 4, 5, 6, 7], [7, 8, 9, 10, 11], [7] * 5]],
         [[[1, 2, 3, 4], [6, 7, 8, 9], [11, 12, 13, 14]]]),
        (p.Pad((0, 2), (0, 1), "reflect"),
         [[[2, 1, 0, 1, 2, 3, 2], [6, 5, 4, 5, 6, 7, 6], [10, 9, 8, 9, 10, 11, 10]]],
         [[[2, 4, 10, 5], [9, 18, 31, 12], [16, 32, 52, 19]]]),
        (p.Pad((1, 0), (0, 2), "edge"),
         [[[0, 1, 2, 3, 3, 3], [0, 1, 2, 3, 3, 3], [4, 5, 6, 7, 7, 7], [8, 9, 10, 11, 11, 11]]],
         [[[6, 8, 10, 42], [12, 13, 14, 48], [18, 19, 20, 66]]]),
    ],
    ids=repr,
)  # fmt: skip
def test_by_hand(layer, y, grad_input):
    """grad_output counts 0, 1, 2, … over the output."""
    found = layer.forward(X)
    np.testing.assert_array_equal(found, y)
    assert found.shape == (1, *layer.output_shape((3, 4)))
    np.testing.assert_array_equal(layer.backward(np.arange(found.size).reshape(found.shape)), grad_input)


LAYERS = [
    p.Reshape((-1,)), p.Reshape((5, 8)), p.Reshape((2, 5, 2, 2)), p.Reshape((10, 2, 2)), p.Transpose((3, 1, 2)),
    p.Transpose((1, 2, 3)), p.Pad((1, 0, 2)), p.Pad((0, 3, 1), (1, 0, 1), value=-2),
    p.Pad((1, 2, 1), (0, 2, 1), "reflect"), p.Pad((1, 4, 0), (0, 1, 9), "edge"), p.Slice(1, 1, 2), p.Slice(1, 0, 2, 2),
    p.Slice(2, -4), p.Slice(3, 0, 2, 3), p.Mean((2, 3)), p.Mean((3, 2), keepdims=True),
    p.Mean((1,)), p.Mean((1, 2, 3), keepdims=True), p.AdaptiveMaxPool2d(1), p.AdaptiveMaxPool2d((5, 2)),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_gradients_alone_and_in_a_network(layer):
    x = numbers(3, 2, 5, 4)
    report = check_gradients(layer, x)
    assert report.ok, report
    network = p.Sequential([type(layer)(**layer.config())], input_shape=(2, 5, 4), dtype="float64")
    report = check_gradients(network, x)
    assert report.ok, report
    layer.cast("float64")
    y = layer.forward(x)
    np.testing.assert_allclose(p.predict(network, x, engine="numpy"), y, rtol=1e-14, atol=1e-15)
    target = np.zeros_like(y)
    found = p.gradients(network, x, target, loss=p.MeanSquaredError())["input"]
    np.testing.assert_allclose(found, layer.backward(2 * y / y.size), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("layer", "kinds"),
    [
        (p.Reshape((40,)), ["flatten"]),
        (p.Reshape((40, 1)), ["reshape"]),
        (p.Slice(1, 1), ["slice_channels"]),
        (p.Slice(1, 0, None, 2), ["strided_slice"]),
        (p.Mean((2, 3)), ["adaptive_avg_pool2d", "flatten"]),
        (p.Mean((3, 2), keepdims=True), ["adaptive_avg_pool2d"]),
        (p.Mean((1, 3)), ["mean"]),
        (p.AdaptiveMaxPool2d(1), ["max_pool2d"]),
    ],
    ids=repr,
)
def test_which_steps_they_become(layer, kinds):
    network = p.Sequential([layer], input_shape=(2, 5, 4))
    assert [step.kind for step in p.lower(network).steps][1:] == kinds
    assert p.summary(network).rows[-1].native == (kinds[0] not in ("strided_slice", "mean"))


PAD = (
    "; write Pad((0, 1, 1)), a number for each of a sample's axes: channels, rows, columns; "
    "Pad((0, 1, 1), (0, 2, 2)) adds others behind than before"
)
MEAN = "; write Mean((2, 3)) for the mean over an image's pixels: axes are counted as in the batch, (N, C, H, W) from 0"
RESHAPE = "; write Reshape((16, 4, 4)), or Reshape((2, -1))"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: p.Reshape(()), f"shape: expected a tuple of whole numbers, received (){RESHAPE}"),
        (lambda: p.Reshape(12), f"shape: expected a tuple of whole numbers, received 12{RESHAPE}"),
        (lambda: p.Reshape((-1, -1)), "shape: expected sizes of at least 1, of which one may be -1, received (-1, -1)"),
        (lambda: p.Reshape((2, 0)), "shape: expected sizes of at least 1, of which one may be -1, received (2, 0)"),
        (lambda: p.Reshape((1,) * 63 + (-1,)),
         "shape: expected at most 63 axes beside the batch's, received 64; leave out sizes of 1"),
        (lambda: p.Transpose((1, 3)),
         "axes: expected each of a sample's axes once, counted from 1, such as (2, 3, 1), received (1, 3)"),
        (lambda: p.Transpose((0, 1)),
         "axes: expected a whole number of at least 1, received 0; write Transpose((2, 3, 1)): axes are counted as in "
         "the batch"),
        (lambda: p.Pad((1, 2), (1,)), "after: expected as many numbers as before has, 2, received (1,)"),
        (lambda: p.Pad((1, -2)), f"before: expected a whole number of at least 0, received -2{PAD}"),
        (lambda: p.Pad((10**9,)), f"before: expected at most 65,536, received 1,000,000,000{PAD}"),
        (lambda: p.Pad(1), f"before: expected a tuple of whole numbers, received 1{PAD}"),
        (lambda: p.Pad(((1, 1), (2, 2))), f"before: expected a whole number of at least 0, received (1, 1){PAD}"),
        (lambda: p.Pad((1,), mode="wrap"), "mode: expected 'constant', 'edge' or 'reflect', received 'wrap'"),
        (lambda: p.Pad((1,), value=np.inf), "value: expected a finite number, received inf"),
        (lambda: p.Slice(0), "axis: expected a whole number of at least 1, received 0"),
        (lambda: p.Slice(1, 0, 3, -1), "step: expected a whole number of at least 1, received -1"),
        (lambda: p.Mean(), f"axes: expected a tuple of whole numbers, received (){MEAN}"),
        (lambda: p.Mean(1), f"axes: expected a tuple of whole numbers, received 1{MEAN}"),
        (lambda: p.Mean((-2, -1)), f"axes: expected a whole number of at least 1, received -2{MEAN}"),
        (lambda: p.Mean((1, 1)), "axes: expected each axis once, received (1, 1)"),
        (lambda: p.AdaptiveMaxPool2d(0), "output_size: expected a whole number of at least 1, received 0"),
    ],
)  # fmt: skip
def test_settings_are_refused(make, message):
    with pytest.raises(p.ArgumentError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (p.Reshape((5, -1)), "Reshape: makes samples of shape (5, -1), but the input has 12 numbers: (3, 4)"),
        (p.Reshape((13,)), "Reshape: makes samples of shape (13,), but the input has 12 numbers: (3, 4)"),
        (p.Transpose((2, 3, 1)), "Transpose: orders 3 axes of a sample, but the input has 2: (3, 4)"),
        (p.Pad((1,)), f"Pad: pads 1 axes of a sample, but the input has 2: (3, 4){PAD}"),
        (p.Pad((3, 0), mode="reflect"), "Pad: reflects up to 3 numbers beyond an edge, but the input has 3: (3, 4)"),
        (p.Slice(3), "Slice: takes from axis 3, but the input has 2 beside the batch: (3, 4)"),
        (p.Slice(1, 3), "Slice: takes 3 to None of axis 1, which is nothing, but the input has (3, 4)"),
        (p.Mean((3,)), f"Mean: takes the mean over axis 3, but the input has 2 beside the batch: (3, 4){MEAN}"),
        (p.Mean((1, 2)), "Mean: leaves no axis beside the batch, but the input has (3, 4); set keepdims=True"),
    ],
    ids=repr,
)
def test_shapes_are_refused(layer, message):
    with pytest.raises(p.ShapeError) as caught:
        layer.forward(X)
    assert str(caught.value) == message


def test_regions_of_unequal_size_are_refused():
    with pytest.raises(p.ShapeError) as caught:
        p.AdaptiveMaxPool2d((2, 2)).forward(np.zeros((1, 1, 4, 5)))
    assert str(caught.value) == (
        "AdaptiveMaxPool2d: cuts images into 2×2 regions of one size, but the input has 4×5 pixels; "
        "use MaxPool2d, or an output_size that divides 4×5"
    )


def test_they_are_saved_and_loaded(tmp_path):
    layers = [
        p.Pad((0, 1, 1), (0, 0, 2), "reflect", 0.5), p.Transpose((3, 1, 2)), p.Slice(2, 0, -1), p.Reshape((2, -1)),
        p.Mean((1,), keepdims=True), p.Reshape((7, 6, 1)), p.AdaptiveMaxPool2d((2, 1)), p.Flatten(), p.Linear(14, 3),
    ]  # fmt: skip
    network = p.Sequential(layers, input_shape=(3, 5, 4))
    p.save(network, tmp_path / "net.safetensors")
    again, x = p.load(tmp_path / "net.safetensors"), numbers(2, 3, 5, 4)
    assert [repr(layer) for layer in again.children().values()] == [repr(each) for each in network.children().values()]
    np.testing.assert_array_equal(again.forward(x), network.forward(x))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_no_samples_are_no_matter(layer):
    x = np.zeros((0, 2, 5, 4))
    y = layer.forward(x)
    assert y.shape == (0, *layer.output_shape((2, 5, 4)))
    assert layer.backward(y).shape == x.shape


def test_a_sample_can_have_all_the_axes_that_numpy_has() -> None:
    network = p.Sequential([p.Reshape((1,) * 62 + (-1,)), p.ReLU()], input_shape=(2,))
    assert p.predict(network, np.ones((3, 2), np.float32)).shape == (3, *(1,) * 62, 2)
