"""PReLU, Bias and Gain alone: by hand, gradients, what they refuse, and which step they become."""

import numpy as np
import pytest

import pellucid as p
from pellucid.gradient_check import check_gradients


def numbers(*shape):
    return np.random.default_rng(0).normal(0, 2, shape)


def test_prelu_by_hand():
    layer = p.PReLU(2, init=0.5)
    np.testing.assert_array_equal(layer.forward([[-2, 3], [4, -6]]), [[-1, 3], [4, -3]])
    np.testing.assert_array_equal(layer.backward([[1, 10], [100, 1000]]), [[0.5, 10], [100, 500]])
    np.testing.assert_array_equal(layer.weight.grad, [-2, -6000])
    shared = p.PReLU(init=0.5)
    shared.forward([[-2, 3], [4, -6]])
    shared.backward([[1, 10], [100, 1000]])
    np.testing.assert_array_equal(shared.weight.grad, [-6002])


def test_bias_and_gain_by_hand():
    x = np.arange(8).reshape(1, 2, 2, 2)
    bias, gain = p.Bias((2, 1, 1)), p.Gain((2, 1, 1))
    np.testing.assert_array_equal(bias.forward(x), x)  # at the beginning nothing changes
    np.testing.assert_array_equal(gain.forward(x), x)
    bias.bias.data = gain.weight.data = [[[10]], [[20]]]
    np.testing.assert_array_equal(bias.forward(x), np.add(x, [[[10]], [[20]]]))
    np.testing.assert_array_equal(gain.forward(x), x * [[[10]], [[20]]])
    np.testing.assert_array_equal(bias.backward(np.ones(x.shape)), np.ones(x.shape))
    np.testing.assert_array_equal(bias.bias.grad, [[[4]], [[4]]])
    np.testing.assert_array_equal(gain.backward(np.ones(x.shape)), np.ones(x.shape) * [[[10]], [[20]]])
    np.testing.assert_array_equal(gain.weight.grad, [[[0 + 1 + 2 + 3]], [[4 + 5 + 6 + 7]]])


LAYERS = [
    (p.PReLU(), (3, 4, 2)), (p.PReLU(3), (3, 4, 2)), (p.PReLU(5), (5,)), (p.PReLU(1, init=-0.5), (1,)),
    *((kind(shape), (3, 4, 2)) for kind in (p.Bias, p.Gain)
      for shape in (1, (3, 1, 1), (4, 2), (1, 4, 1), (3, 4, 2), (1, 1, 1), (2,))),
    (p.Bias(4), (4,)), (p.Gain(4), (4,)), (p.Gain(1), (4,)), (p.Bias((2, 1)), (3, 2, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "size"), LAYERS, ids=repr)
def test_gradients(layer, size):
    assert layer.output_shape(size) == size
    layer = type(layer)(**layer.config())
    for parameter in layer.parameters().values():
        parameter.data = numbers(*parameter.shape)
    report = check_gradients(layer, numbers(3, *size))
    assert report.ok, report


@pytest.mark.parametrize(("layer", "size"), LAYERS, ids=repr)
def test_a_network_lowers_to_what_the_layer_does_alone(layer, size):
    layer = type(layer)(**layer.config())
    network = p.Sequential([layer], input_shape=size, dtype="float64")
    (parameter,) = network.parameters().values()
    parameter.data = numbers(*parameter.shape)
    x, target = numbers(4, *size), np.zeros((4, *size))
    np.testing.assert_array_equal(p.predict(network, x, engine="numpy"), layer.forward(x))
    found = p.gradients(network, x, target, loss=p.MeanSquaredError())
    layer.forward(x)
    grad_input = layer.backward(2 * layer.forward(x) / (4 * np.prod(size)))
    np.testing.assert_allclose(found["input"], grad_input, rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "size", "native"),
    [
        ((3, 1, 1), (3, 4, 2), True), ((1,), (3, 4, 2), True), ((1, 1), (3, 4, 2), True), ((3,), (3,), True),
        ((1, 1, 1), (1, 4, 2), True), ((4, 2), (3, 4, 2), False), ((1, 4, 1), (3, 4, 2), False),
        ((2,), (3, 4, 2), False),
    ],
)  # fmt: skip
def test_numbers_of_channels_have_kernels(shape, size, native):
    for layer, kinds in ((p.Bias(shape), ("bias", "add_parameter")), (p.Gain(shape), ("gain", "multiply_parameter"))):
        network = p.Sequential([layer], input_shape=size)
        assert p.lower(network).steps[-1].kind == kinds[not native]
        assert p.summary(network).rows[-1].native is native


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: p.PReLU(0), "num_parameters: expected a whole number of at least 1, received 0"),
        (lambda: p.PReLU(init=np.nan), "init: expected a finite number, received nan"),
        (lambda: p.Bias(()), "shape: expected at least one number, received (); use 1 for one number for all"),
        (lambda: p.Gain((3, 0)), "shape: expected a whole number of at least 1, received 0"),
        (lambda: p.Bias("3"), "shape: expected a whole number of at least 1, received '3'"),
    ],
)
def test_settings_are_refused(make, message):
    with pytest.raises(p.ArgumentError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layer", "size", "message"),
    [
        (p.PReLU(3), (4, 5, 5), "PReLU: has a slope for each of 3 channels, but the input has 4; "
                                "use PReLU(4), or PReLU() with one slope for all"),
        (p.Bias((3, 1, 1)), (4, 5, 5), "Bias: has numbers of shape (3, 1, 1), which must stretch to a sample's shape, "
                                       "but the input has (4, 5, 5); give one number a channel, as (C, 1, 1) or (F,), "
                                       "or one for all, as 1"),
        (p.Gain((2, 5)), (5,), "Gain: has numbers of shape (2, 5), which must stretch to a sample's shape, but the "
                               "input has (5,); give one number a channel, as (C, 1, 1) or (F,), or one for all, as 1"),
    ],
    ids=repr,
)  # fmt: skip
def test_shapes_are_refused(layer, size, message):
    with pytest.raises(p.ShapeError) as caught:
        layer.forward(np.zeros((2, *size)))
    assert str(caught.value) == message


def test_they_are_saved_and_loaded(tmp_path):
    layers = [p.PReLU(2, init=0.1), p.Bias((2, 1, 1)), p.Gain((4, 4)), p.PReLU()]
    network = p.Sequential(layers, input_shape=(2, 4, 4))
    for parameter in network.parameters().values():
        parameter.data = numbers(*parameter.shape)
    p.save(network, tmp_path / "net.safetensors")
    again, x = p.load(tmp_path / "net.safetensors"), numbers(3, 2, 4, 4)
    assert list(again.children()) == ["prelu1", "bias1", "gain1", "prelu2"]
    np.testing.assert_array_equal(again.forward(x), network.forward(x))
