"""PadChannels: by hand, gradients, what it refuses, and the shortcut without weights that it is made for."""

import numpy as np
import pytest

import pellucid as p
from pellucid.gradient_check import check_gradients


def numbers(*shape):
    return np.random.default_rng(0).normal(0, 1, shape)


def test_pad_channels_by_hand():
    layer = p.PadChannels(1, 2)
    np.testing.assert_array_equal(layer.forward([[7, 8]]), [[0, 7, 8, 0, 0]])
    np.testing.assert_array_equal(layer.backward([[1, 2, 3, 4, 5]]), [[2, 3]])


def test_a_shortcut_without_weights_by_hand():
    shortcut = p.Sequential([p.MaxPool2d(1, stride=2), p.PadChannels(1, 1)])
    x = np.arange(9).reshape(1, 1, 3, 3)
    np.testing.assert_array_equal(shortcut.forward(x), [[[[0, 0], [0, 0]], [[0, 2], [6, 8]], [[0, 0], [0, 0]]]])
    grad = shortcut.backward([[[[9, 9], [9, 9]], [[1, 2], [3, 4]], [[9, 9], [9, 9]]]])
    np.testing.assert_array_equal(grad, [[[[1, 0, 2], [0, 0, 0], [3, 0, 4]]]])


@pytest.mark.parametrize("size", [(3, 4, 2), (5,)], ids=["images", "features"])
@pytest.mark.parametrize(("before", "after"), [(2, 1), (0, 3), (0, 0)])
def test_gradients_of_pad_channels(size, before, after):
    layer, x = p.PadChannels(before, after), numbers(2, *size)
    assert layer.output_shape(size) == (before + size[0] + after, *size[1:])
    report = check_gradients(layer, x)
    assert report.ok, report


@pytest.mark.parametrize("training", [True, False])
def test_gradients_beside_a_block_that_halves_the_image(training):
    body = p.Sequential([p.Conv2d(2, 5, 3, stride=2, padding=1, bias=False), p.BatchNorm2d(5), p.Tanh()])
    layer = p.Residual(body, p.Sequential([p.MaxPool2d(1, stride=2), p.PadChannels(1, 2)]))
    report = check_gradients(layer, numbers(3, 2, 5, 6), training=training)
    assert report.ok, report


def test_zeros_and_numbers_have_the_layers_dtype():
    layer = p.PadChannels(1, 1)
    assert layer.forward(np.ones((1, 2), int)).dtype == np.float32
    layer.cast("float64")
    assert layer.forward(np.ones((1, 2), int)).dtype == np.float64


@pytest.mark.parametrize("size", [(), (3, 4), (1, 2, 3, 4)])
def test_what_is_neither_image_nor_features_is_refused(size):
    with pytest.raises(p.ShapeError, match=r"PadChannels: expects images \(C, H, W\) or features \(F,\), but the"):
        p.PadChannels(1, 1).forward(np.zeros((2, *size)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 2), "before: expected a whole number of at least 0, received -1"),
        ((1, 2.5), "after: expected a whole number of at least 0, received 2.5"),
        ((1, True), "after: expected a whole number of at least 0, received True"),
        ((10**12, 0), "before: expected at most 65,536 channels, received 1,000,000,000,000"),
    ],
)
def test_pad_channels_refuses_settings(arguments, message):
    with pytest.raises(p.ArgumentError) as caught:
        p.PadChannels(*arguments)
    assert str(caught.value) == message


def test_it_says_what_it_is():
    assert repr(p.PadChannels(8, 4)) == "PadChannels(before=8, after=4)"
    network = p.Sequential([p.PadChannels(1, 1), p.PadChannels(0, 1)], input_shape=(2, 3, 3))
    assert list(network.children()) == ["pad1", "pad2"]


def test_it_is_saved_and_loaded(tmp_path):
    shortcut = p.Sequential([p.MaxPool2d(1, stride=2), p.PadChannels(1, 2)])
    block = p.Residual(p.Conv2d(2, 5, 3, stride=2, padding=1), shortcut)
    network = p.Sequential([block, p.Flatten(), p.Linear(45, 3)], input_shape=(2, 5, 5))
    p.save(network, tmp_path / "net.safetensors")
    again = p.load(tmp_path / "net.safetensors")
    assert repr(again["residual1"]) == repr(block)
    x = numbers(2, 2, 5, 5)
    np.testing.assert_array_equal(again.forward(x), network.forward(x))


@pytest.mark.parametrize(
    ("pad", "size", "kind"),
    [
        (p.Pad((2, 0, 0)), (3, 4, 2), "pad_channels"),
        (p.Pad((0, 0, 0), (1, 0, 0)), (3, 4, 2), "pad_channels"),
        (p.Pad((1,), (2,)), (5,), "pad_channels"),
        (p.Pad((1, 0, 0), (1, 0, 1)), (3, 4, 2), "pad"),
        (p.Pad((1, 0, 0), value=1), (3, 4, 2), "pad"),
        (p.Pad((1, 0, 0), mode="edge"), (3, 4, 2), "pad"),
        (p.Pad((1, 0)), (3, 4), "pad"),
    ],
)
def test_zeros_for_channels_become_the_step_of_pad_channels(pad, size, kind):
    network = (
        p.Sequential([pad], input_shape=size)
        if len(size) != 2
        else p.Sequential([p.Reshape(size), pad, p.Flatten()], input_shape=(12,))
    )
    program = p.lower(network)
    assert kind in [step.kind for step in program.steps]
    x = numbers(3, *network.input_shape).astype(np.float32)
    np.testing.assert_array_equal(p.predict(network, x), network.forward(x))
    report = check_gradients(network, x)
    assert report.ok, report
