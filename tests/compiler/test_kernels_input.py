"""What images go through first: gathered, scaled and brought into the kernels' order, against the definitions."""

import numpy as np
import pytest

from oracles.emitted import channels_first, channels_last, run
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels import input, shuffle
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions.input import gather, scale, scale_grad_input

TOLERANCE = 2e-5
HERE = [isa.name for isa in supported()]
COUNT = np.array([9], np.int64)


# ---- gather
@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64"])
@pytest.mark.parametrize(("size", "name"), [(1, HERE[0]), (21, HERE[0]), (784, HERE[0]), (131, HERE[-1])])
def test_gather_copies_samples_byte_by_byte(size, name, dtype, rng):
    data = rng.integers(0, 2**8, (9, size * np.dtype(dtype).itemsize), np.uint8).view(dtype)
    index = np.array([8, 0, 3, 3], np.int64)
    how = {"isa": BY_NAME[name], "checked": name == HERE[-1], "dtype": dtype}
    y = run(input.gather, (size, dtype), (data, index, COUNT), (4, size), **how)
    assert y.tobytes() == gather(data, index).tobytes()


def test_gather_does_the_piece_it_is_told_to(rng):
    data, index = rng.standard_normal((9, 5), np.float32), np.arange(6)
    y = run(input.gather, (5, "float32"), (data, index, COUNT), (6, 5), pieces=[{"images": (2, 4)}])
    assert np.array_equal(y[2:4], data[2:4])
    assert np.isnan(y[[0, 1, 4, 5]]).all()


@pytest.mark.parametrize("stray", [9, -1, 2**40])
def test_a_checked_gather_refuses_a_sample_that_is_not_there(stray):
    data, index = np.zeros((9, 5), np.uint8), np.array([1, stray], np.int64)
    with pytest.raises(IndexError, match=rf"gather: index \[{stray}, 0\] lies outside data"):
        run(input.gather, (5, "uint8"), (data, index, COUNT), (2, 5), checked=True, dtype=np.uint8)


# ---- scale
def coefficients(mean, std, element):
    """Return a and b as a caller computes them."""
    mean, std = np.array(mean), np.array(std)
    return tuple((1 / (255 * std if element == "uint8" else std)).tolist()), tuple((-mean / std).tolist())


def images(rng, element, *shape):
    return rng.integers(0, 256, shape, np.uint8) if element == "uint8" else rng.standard_normal(shape, np.float32)


def test_scale_by_hand():
    x = np.array([[[[0, 255], [51, 102]]]], np.uint8)
    a, b = coefficients([0.5], [0.25], "uint8")
    y = run(input.scale, (1, 4, a, b), (x,), (1, 2, 2, 1))
    assert np.allclose(y.ravel(), [-2, 2, -1.2, -0.4], atol=1e-6)
    grad = run(input.scale_grad_input, (1, 4, a), (y,), (1, 1, 2, 2))
    assert np.allclose(grad.ravel(), y.ravel() * 4 / 255)


SHAPES = [(1, 28, 28), (3, 7, 5), (3, 1, 2), (2, 1, 1), (9, 3, 5), (17, 6, 6), (40, 2, 1), (33, 1, 1)]
HOW = [("uint8", False, HERE[0]), ("float32", True, HERE[-1])]  # with a number for each channel?


@pytest.mark.parametrize(("element", "each", "name"), HOW)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_scale_agrees_with_the_definition(shape, element, each, name, rng):
    channels, pixels = shape[0], shape[1] * shape[2]
    x, grad_output = images(rng, element, 2, *shape), rng.standard_normal((2, *shape), np.float32)
    mean, std = (rng.uniform(0.2, 2, channels if each else 1).tolist() for _ in range(2))
    a, b = coefficients(mean, std, element)
    how = {"isa": BY_NAME[name], "checked": name == HERE[-1]}
    y = run(input.scale, (channels, pixels, a, b, element), (x,), (2, *shape[1:], channels), **how)
    assert_agrees(channels_first(y), scale(x, mean=mean, std=std, dtype="float64"), TOLERANCE)
    grad = run(input.scale_grad_input, (channels, pixels, a), (channels_last(grad_output),), x.shape, **how)
    assert_agrees(grad, scale_grad_input(x, grad_output.astype(float), std=std), TOLERANCE)


def test_scale_keeps_nan_and_infinity():
    x = np.array([[[[np.nan, np.inf, -np.inf, 1]]]], np.float32)
    y = run(input.scale, (1, 4, (2.0,), (1.0,), "float32"), (x,), (1, 1, 4, 1))
    assert np.array_equal(y.ravel(), [np.nan, np.inf, -np.inf, 3], equal_nan=True)


# ---- flatten
FLATTENED = [(16, 4, 4), (1, 3, 5), (5, 1, 1), (3, 9, 7), (9, 3, 2), (9, 3, 3), (10, 5, 7), (21, 6, 6), (64, 7, 7)]


@pytest.mark.parametrize("number", range(len(FLATTENED)))
def test_flatten_and_back_moves_every_number_to_its_place(number, rng):
    shape, name = FLATTENED[number], HERE[number % len(HERE)]
    parameters, how = (shape[1] * shape[2], shape[0]), {"isa": BY_NAME[name], "checked": name == HERE[-1]}
    x = rng.standard_normal((3, *shape), np.float32)
    y = run(shuffle.flatten, parameters, (channels_last(x),), (3, x[0].size), **how)
    assert np.array_equal(y, x.reshape(3, -1))
    back = run(shuffle.flatten_grad_input, parameters, (y,), channels_last(x).shape, **how)
    assert np.array_equal(back, channels_last(x))
