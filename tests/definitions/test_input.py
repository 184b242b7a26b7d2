"""Gathering and scaling: by hand, by differences, and for every dtype that images come in."""

import numpy as np
import pytest

from oracles.numerical import assert_agrees, gradient
from oracles.windows import numbers
from pellucid.definitions.input import gather, scale, scale_grad_input


def test_gather_by_hand():
    data = np.array([[1, 2], [3, 4], [5, 6]], np.uint8)
    batch = gather(data, np.array([2, 0, 2]))
    assert batch.tolist() == [[5, 6], [1, 2], [5, 6]]
    assert batch.dtype == np.uint8
    assert gather(data, np.array([], np.int64)).shape == (0, 2)


def test_bytes_are_divided_by_255_and_floats_are_not():
    pixels = np.array([[[[0, 255]]]], np.uint8)
    assert scale(pixels, mean=(0.5,), std=(0.25,), dtype="float64").tolist() == [[[[-2, 2]]]]
    assert scale(pixels / 255, mean=(0.5,), std=(0.25,), dtype="float64").tolist() == [[[[-2, 2]]]]
    assert scale(pixels.astype(np.int32), mean=(0.0,), std=(1.0,), dtype="float64").tolist() == [[[[0, 255]]]]


def test_every_channel_has_its_own_mean_and_deviation():
    x = np.ones((1, 3, 1, 2))
    y = scale(x, mean=(0.0, 1.0, 3.0), std=(2.0, 1.0, 4.0), dtype="float64")
    assert y[0, :, 0].tolist() == [[0.5, 0.5], [0, 0], [-0.5, -0.5]]
    assert scale(np.ones((1, 2)), mean=(0.0, 1.0), std=(2.0, 1.0), dtype="float64").tolist() == [[0.5, 0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", [np.uint8, np.int64, np.float32, np.float64, np.bool_])
def test_the_dtype_is_the_one_asked_for(given, dtype):
    x = np.ones((2, 1, 3, 3), given)
    x.flags.writeable = False
    y = scale(x, mean=(0.1307,), std=(0.3081,), dtype=dtype)
    assert y.dtype == dtype
    grad_input = scale_grad_input(x, y, std=(0.3081,))
    assert (grad_input.dtype, grad_input.shape) == (dtype, x.shape)


def test_scaling_leaves_its_input_as_it_was():
    x = np.ones((1, 1, 2, 2))
    scale(x, mean=(1.0,), std=(2.0,), dtype="float64")
    assert (x == 1).all()


def test_gradient_by_differences(rng):
    x, g = numbers(rng, (2, 3, 2, 2)), numbers(rng, (2, 3, 2, 2))
    mean, std = (0.1, 0.2, 0.3), (0.5, 2.0, 3.0)
    found = scale_grad_input(x, g, std=std)
    assert_agrees(found, gradient(lambda x: scale(x, mean=mean, std=std, dtype="float64"), x, g))


def test_gradient_of_a_byte_is_255_times_smaller():
    x = np.array([[[[7]]]], np.uint8)
    assert scale_grad_input(x, np.array([[[[510.0]]]]), std=(0.5,)).tolist() == [[[[4]]]]
