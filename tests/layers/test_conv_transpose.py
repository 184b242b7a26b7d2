"""ConvTranspose2d as in a notebook: shapes, gradients, and the words of every refusal."""

import re

import numpy as np
import pytest

import pellucid as p

SETTINGS = [
    {},
    {"stride": 2},
    {"stride": 2, "padding": 1, "output_padding": 1},
    {"stride": (3, 2), "padding": ((2, 0), (1, 3)), "output_padding": (2, 0), "dilation": (1, 2), "groups": 2},
    {"stride": 2, "groups": 4, "bias": False},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_gradients_alone_and_in_a_network(settings, rng):
    layer = p.ConvTranspose2d(4, 4, 3, **settings)
    x = rng.standard_normal((2, 4, 4, 5))
    report = p.check_gradients(layer, x)
    assert report.ok, report
    network = p.Sequential([p.ConvTranspose2d(**layer.config())], input_shape=(4, 4, 5), dtype="float64")
    report = p.check_gradients(network, x)
    assert report.ok, report


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape"),
    [
        (p.ConvTranspose2d(8, 4, 2, stride=2), (8, 7, 7), (4, 14, 14)),
        (p.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1), (8, 7, 5), (4, 14, 10)),
        (p.ConvTranspose2d(1, 1, 3, padding=((1, 0), (2, 1)), dilation=2), (1, 4, 4), (1, 7, 5)),
    ],
    ids=repr,
)
def test_output_shape(layer, input_shape, output_shape):
    assert layer.output_shape(input_shape) == output_shape


def test_it_undoes_the_shape_of_a_convolution():
    for size in range(5, 12):
        conv = p.Conv2d(2, 3, 3, stride=3, padding=1)
        shape = conv.output_shape((2, size, size))
        back = p.ConvTranspose2d(3, 2, 3, stride=3, padding=1, output_padding=(size - 1) % 3)
        assert back.output_shape(shape) == (2, size, size)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: p.ConvTranspose2d(4, 4, 3, stride=2, output_padding=2),
            "output_padding: expected less than the stride (2, 2), received (2, 2)",
        ),
        (
            lambda: p.ConvTranspose2d(4, 4, 3, padding="same"),
            'padding: expected numbers, received "same", which is for Conv2d alone',
        ),
        (lambda: p.ConvTranspose2d(4, 3, 3, groups=2), "groups: expected a divisor of out_channels = 3, received 2"),
        (
            lambda: p.ConvTranspose2d(4, 4, 2, padding=3).output_shape((4, 5, 5)),
            "cuts off all of its output by padding=((3, 3), (3, 3)): 0×0 pixels are left, "
            "but the input has 5×5 pixels; use less padding",
        ),
    ],
)
def test_what_it_refuses(make, message):
    with pytest.raises(p.PellucidError, match=f"^{re.escape(message)}$"):
        make()


def test_it_is_saved_with_its_settings(tmp_path, rng):
    network = p.Sequential([p.ConvTranspose2d(3, 2, 3, stride=2, output_padding=1)], input_shape=(3, 4, 4))
    p.save(network, tmp_path / "net.safetensors")
    x = rng.standard_normal((2, 3, 4, 4)).astype(np.float32)
    again = p.load(tmp_path / "net.safetensors")
    assert np.array_equal(p.predict(again, x, engine="numpy"), p.predict(network, x, engine="numpy"))
