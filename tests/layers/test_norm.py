"""Normalisation layers alone: by hand, running statistics, gradients, and what they refuse."""

import numpy as np
import pytest

import pellucid as p
from pellucid.gradient_check import check_gradients


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(1, 2, shape)


def test_batch_norm_by_hand():
    layer = p.BatchNorm2d(1, eps=4.0, momentum=0.25)
    layer.weight.data, layer.bias.data = [3], [1]
    y = layer.forward([[1], [3], [5], [7]], training=True)  # mean 4, variance 5; unbiased 20/3
    np.testing.assert_allclose(y, [[-2], [0], [2], [4]], rtol=1e-6)  # 3·(x − 4)/√(5 + 4) + 1
    np.testing.assert_allclose(layer.running_mean.data, [1.0])  # ¾·0 + ¼·4
    np.testing.assert_allclose(layer.running_var.data, [0.75 + 20 / 12], rtol=1e-6)
    # x̂ = −1 −1/3 1/3 1; the first two terms are grad_output and its mean
    grad_input = layer.backward([[4], [0], [0], [0]])
    np.testing.assert_allclose(layer.bias.grad, [4])
    np.testing.assert_allclose(layer.weight.grad, [-4], rtol=1e-6)
    np.testing.assert_allclose(grad_input, [[4 - 1 - 1], [-1 - 1 / 3], [-1 + 1 / 3], [-1 + 1]], atol=1e-6)


def test_without_training_the_running_statistics_are_used_and_kept():
    layer = p.BatchNorm2d(2, eps=1e-5)
    layer.running_mean.data, layer.running_var.data = np.array([1.0, 2.0]), np.array([4.0, 9.0])
    y = layer.forward(np.full((3, 2, 2, 2), 5.0))
    np.testing.assert_allclose(y[0, :, 0, 0], [2, 1], rtol=1e-5)
    np.testing.assert_array_equal(layer.running_mean.data, [1, 2])
    np.testing.assert_array_equal(layer.running_var.data, [4, 9])


@pytest.mark.parametrize("trainable", ["weight", "bias", ""])
def test_a_frozen_layer_uses_its_running_statistics_in_training_too(trainable):
    layer = p.BatchNorm2d(2)
    for parameter in layer.parameters().values():
        parameter.trainable = parameter.name == trainable
    layer.running_mean.data, layer.running_var.data = np.array([1.0, 2.0]), np.array([4.0, 9.0])
    x = numbers(5, 2, 3, 3)
    plain, y = layer.forward(x), layer.forward(x, training=True)
    assert layer.frozen == (not trainable) == np.array_equal(y, plain)
    assert (layer.running_mean.data.tolist() == [1, 2]) == (not trainable)
    report = check_gradients(layer, x, training=True)
    assert report.ok, report


def test_running_statistics_approach_those_of_the_data():
    layer, rng = p.BatchNorm2d(3), np.random.default_rng(0)
    for _ in range(200):
        layer.forward(rng.normal(5, 3, (64, 3)), training=True)
    np.testing.assert_allclose(layer.running_mean.data, 5, atol=0.3)
    np.testing.assert_allclose(layer.running_var.data, 9, rtol=0.15)
    assert layer.running_var.data.dtype == np.float32


def test_parameters_and_states_begin_as_they_should():
    layer = p.BatchNorm2d(2)
    assert list(layer.parameters()) == ["weight", "bias"]
    assert list(layer.states()) == ["running_mean", "running_var"]
    start = {**layer.parameters(), **layer.states()}
    assert {name: each.data.tolist() for name, each in start.items()} == {
        "weight": [1, 1],
        "bias": [0, 0],
        "running_mean": [0, 0],
        "running_var": [1, 1],
    }


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5, 3), (3, 3, 1, 1)], ids=str)
def test_gradients_of_batch_norm(training, shape):
    layer = p.BatchNorm2d(3)
    layer.weight.data, layer.bias.data = [0.5, -2, 1.5], [1, 2, 3]
    layer.running_mean.data, layer.running_var.data = np.array([1.0, 0.5, 2]), np.array([4.0, 1, 0.25])
    report = check_gradients(layer, numbers(*shape), training=training)
    assert report.ok, report


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [True, False])
def test_the_dtype_is_kept(dtype, training):
    layer = p.BatchNorm2d(3)
    layer.cast(dtype)
    x = numbers(4, 3, 2, 2)
    results = [layer.forward(x, training), layer.backward(x), layer.weight.grad, layer.bias.grad]
    results += [layer.running_mean.data, layer.running_var.data]
    assert {result.dtype for result in results} == {np.dtype(dtype)}


def test_a_batch_of_one_number_a_channel_gives_the_bias():
    layer = p.BatchNorm2d(2)
    layer.bias.data = [3, 4]
    np.testing.assert_array_equal(layer.forward([[7, 9]], training=True), [[3, 4]])
    np.testing.assert_array_equal(layer.backward([[1, 1]]), [[0, 0]])


def test_batch_norm_refuses_other_channels():
    with pytest.raises(p.ShapeError, match=r"BatchNorm2d: expects 4 channels, but the input has 3: \(3, 5, 5\)"):
        p.BatchNorm2d(4).forward(np.zeros((2, 3, 5, 5)))
    with pytest.raises(p.ShapeError, match=r"expects 4 features, but the input has 3; use BatchNorm2d\(3\)"):
        p.BatchNorm2d(4).forward(np.zeros((2, 3)))
    with pytest.raises(p.ShapeError, match=r"expects images \(4, H, W\)"):
        p.BatchNorm2d(4).output_shape((4, 5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_features": 0}, "num_features: expected a whole number of at least 1, received 0"),
        ({"num_features": 2, "eps": 0}, "eps: expected a number above 0, received 0"),
        ({"num_features": 2, "eps": np.nan}, "eps: expected a number above 0, received nan"),
        ({"num_features": 2, "momentum": 1.5}, "momentum: expected a number from 0 to 1, received 1.5"),
        ({"num_features": 2, "momentum": "a"}, "momentum: expected a number from 0 to 1, received 'a'"),
    ],
)
def test_batch_norm_refuses_settings(arguments, message):
    with pytest.raises(p.ArgumentError, match=message):
        p.BatchNorm2d(**arguments)


# ---- local response norm
def test_local_response_norm_by_hand():
    layer = p.LocalResponseNorm(3, alpha=0.6, beta=0.5, k=1.0)
    y = layer.forward(np.array([1.0, 2, 3]).reshape(1, 3, 1, 1))
    np.testing.assert_allclose(y.ravel(), [1 / 2**0.5, 2 / 3.8**0.5, 3 / 3.6**0.5], rtol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
def test_gradients_of_local_response_norm(size):
    report = check_gradients(p.LocalResponseNorm(size, alpha=0.9, k=2.0), numbers(2, 5, 3, 2))
    assert report.ok, report


def test_local_response_norm_keeps_float32_and_takes_images_only():
    layer = p.LocalResponseNorm(5)
    assert layer.forward(numbers(2, 3, 4, 4)).dtype == layer.backward(numbers(2, 3, 4, 4)).dtype == np.float32
    with pytest.raises(p.ShapeError, match=r"LocalResponseNorm: expects images \(C, H, W\), but the input has \(3,\)"):
        layer.forward(numbers(2, 3))


@pytest.mark.parametrize(("name", "value"), [("alpha", -1), ("beta", np.inf), ("k", np.nan), ("k", "1")])
def test_local_response_norm_refuses_settings(name, value):
    with pytest.raises(p.ArgumentError, match=f"{name}: expected a number of at least 0, received {value!r}"):
        p.LocalResponseNorm(3, **{name: value})


def test_config_builds_the_layer_anew():
    for layer in (p.BatchNorm2d(3, eps=1e-3, momentum=0.2), p.LocalResponseNorm(4, alpha=1.0, beta=0.5, k=2.0)):
        assert type(layer)(**layer.config()).config() == layer.config()
    assert repr(p.BatchNorm2d(3)) == "BatchNorm2d(num_features=3, eps=1e-05, momentum=0.1)"
