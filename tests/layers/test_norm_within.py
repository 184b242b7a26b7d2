"""LayerNorm and GroupNorm: by hand, gradients, and the words of every refusal."""

import re

import numpy as np
import pytest

import pellucid as p


def filled(layer, rng):
    """The layer, with other numbers than 1 and 0."""
    for parameter in layer.parameters().values():
        parameter.data = rng.uniform(0.5, 1.5, parameter.shape)
    return layer


def test_by_hand():
    x = np.array([[[1, 3], [5, 5]], [[2, 2], [0, 4]]])
    rows = p.LayerNorm(2, eps=3.0)  # mean 2, variance 1, √(1 + 3) = 2
    rows.weight.data, rows.bias.data = [2, 4], [0, 1]
    np.testing.assert_allclose(rows.forward(x)[0], [[-1, 3], [0, 1]], rtol=1e-6)
    groups = p.GroupNorm(1, 2, eps=0.25)  # mean 2, variance 2, √2.25 = 1.5
    groups.weight.data, groups.bias.data = [3, 6], [0, 1]
    np.testing.assert_allclose(groups.forward(x)[1], [[0, 0], [-7, 9]], rtol=1e-6)


LAYERS = [
    p.LayerNorm(5), p.LayerNorm((4, 5), bias=False), p.LayerNorm((6, 4, 5), eps=0.1, elementwise_affine=False),
    p.GroupNorm(1, 6), p.GroupNorm(3, 6, eps=0.1), p.GroupNorm(6, 6, affine=False),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_gradients_alone_and_in_a_network(layer, rng):
    x = rng.standard_normal((3, 6, 4, 5))
    report = p.check_gradients(filled(layer, rng), x)
    assert report.ok, report
    again = filled(type(layer)(**layer.config()), rng)
    network = p.Sequential([again], input_shape=(6, 4, 5), dtype="float64")
    report = p.check_gradients(network, x)
    assert report.ok, report
    np.testing.assert_allclose(p.predict(network, x, engine="numpy"), again.forward(x), rtol=1e-14)


def test_no_samples():
    for layer in LAYERS:
        layer.cast("float32")
        assert layer.forward(np.zeros((0, 6, 4, 5))).shape == (0, 6, 4, 5)
        assert layer.backward(np.zeros((0, 6, 4, 5))).shape == (0, 6, 4, 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: p.LayerNorm(6).output_shape((6, 4, 4)),
            "normalises samples that end with (6,), but the input has (6, 4, 4); LayerNorm is over the last axes; for "
            "the channels of images use GroupNorm, or Transpose before",
        ),
        (
            lambda: p.LayerNorm(0),
            "normalized_shape: expected a whole number of at least 1, received 0; write LayerNorm(64), or "
            "LayerNorm((8, 8))",
        ),
        (lambda: p.GroupNorm(4, 6), "num_groups: expected a divisor of num_channels = 6, received 4"),
        (lambda: p.GroupNorm(2, 6).output_shape((4, 8, 8)), "expects 6 channels, but the input has 4: (4, 8, 8)"),
    ],
)
def test_what_they_refuse(make, message):
    with pytest.raises(p.PellucidError, match=f"^{re.escape(message)}$"):
        make()
