"""Definitions that work element by element: by hand, against loops over Python numbers, properties, and slopes."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import random
from pellucid.definitions import DEFINITIONS

SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 7)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)),
)
LEAK, BOUNDS, LINE = {"negative_slope": 0.1}, {"min": -1.5, "max": 2.0}, {"alpha": 0.2, "beta": 0.5}
NORMAL = NormalDist()

# kind -> (keywords, what its gradient remembers, the function of one number, its derivative)
ACTIVATIONS = {
    "relu": ({}, "output", lambda v: v if v > 0 else 0.0, lambda v: float(v > 0)),
    "leaky_relu": (LEAK, "input", lambda v: v if v > 0 else 0.1 * v, lambda v: 1.0 if v > 0 else 0.1),
    "relu6": ({}, "output", lambda v: min(max(v, 0.0), 6.0), lambda v: float(0 < v < 6)),
    "sigmoid": ({}, "output", lambda v: 1 / (1 + math.exp(-v)), lambda v: math.exp(-v) / (1 + math.exp(-v)) ** 2),
    "tanh": ({}, "output", math.tanh, lambda v: 1 / math.cosh(v) ** 2),
    "clip": (BOUNDS, "output", lambda v: min(max(v, -1.5), 2.0), lambda v: float(-1.5 < v < 2)),
    "hard_sigmoid": (LINE, "output", lambda v: min(max(0.2 * v + 0.5, 0), 1), lambda v: 0.2 * (-2.5 < v < 2.5)),
    "hard_swish": (
        {},
        "input",
        lambda v: v * min(max(v / 6 + 0.5, 0), 1),
        lambda v: 0.0 if v <= -3 else v / 3 + 0.5 if v < 3 else 1.0,
    ),
    "elu": (
        {"alpha": 0.7},
        "input",
        lambda v: v if v > 0 else 0.7 * math.expm1(v),
        lambda v: 1.0 if v > 0 else 0.7 * math.exp(v),
    ),
    "silu": (
        {},
        "input",
        lambda v: v / (1 + math.exp(-v)),
        lambda v: (1 + math.exp(-v) * (1 + v)) / (1 + math.exp(-v)) ** 2,
    ),
    "softplus": ({}, "input", lambda v: math.log1p(math.exp(v)), lambda v: 1 / (1 + math.exp(-v))),
    "gelu": (
        {},
        "input",
        lambda v: v * NORMAL.cdf(v),
        lambda v: NORMAL.cdf(v) + v * NORMAL.pdf(v),
    ),
}


def strided(x):
    """The same numbers in memory that is not contiguous."""
    wide = np.repeat(x, 2, axis=-1)
    wide[..., 1::2] = 99
    return wide[..., ::2]


def gradient(kind, x, grad_output):
    keywords, remembers, _, _ = ACTIVATIONS[kind]
    remembered = x if remembers == "input" else DEFINITIONS[kind](x, **keywords)
    return DEFINITIONS[f"{kind}.grad_input"](remembered, grad_output, **keywords)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("relu", [[0, 0, 1, 7]]),
        ("leaky_relu", [[-0.2, 0, 1, 7]]),
        ("relu6", [[0, 0, 1, 6]]),
        ("sigmoid", [[0.11920292, 0.5, 0.73105858, 0.99908895]]),
        ("tanh", [[-0.96402758, 0, 0.76159416, 0.99999834]]),
        ("clip", [[-1.5, 0, 1, 2]]),
        ("hard_sigmoid", [[0.1, 0.5, 0.7, 1]]),
        ("hard_swish", [[-1 / 3, 0, 2 / 3, 7]]),
        ("elu", [[-0.60526530, 0, 1, 7]]),
        ("silu", [[-0.23840584, 0, 0.73105858, 6.99362265]]),
        ("softplus", [[0.12692801, 0.69314718, 1.31326169, 7.00091147]]),
        ("gelu", [[-0.04550026, 0, 0.84134475, 7]]),
    ],
)
def test_activations_by_hand(kind, expected):
    y = DEFINITIONS[kind](np.array([[-2.0, 0, 1, 7]]), **ACTIVATIONS[kind][0])
    np.testing.assert_allclose(y, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("relu", [[0, 0, 10, 10, 10]]),
        ("leaky_relu", [[1, 1, 10, 10, 10]]),
        ("relu6", [[0, 0, 10, 0, 0]]),  # at both kinks the flat side's
        ("sigmoid", [[1.04993585, 2.5, 1.96611933, 0.02466509, 0.00910221]]),
        ("tanh", [[0.70650825, 10, 4.19974342, 0.00024576, 0.00003326]]),
        ("clip", [[0, 10, 10, 0, 0]]),
        ("hard_sigmoid", [[2, 2, 2, 0, 0]]),
        ("hard_swish", [[-10 / 6, 5, 50 / 6, 10, 10]]),
        ("gelu", [[-0.85231801, 5, 10.83315471, 10.00000035, 10]]),
    ],
)
def test_gradients_of_activations_by_hand(kind, expected):
    x = np.array([[-2.0, 0, 1, 6, 7]])
    np.testing.assert_allclose(gradient(kind, x, np.full(x.shape, 10.0)), expected, atol=1e-8)


@pytest.mark.parametrize("kind", ACTIVATIONS)
@settings(max_examples=15, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 2**32 - 1))
def test_activations_against_a_loop(kind, shape, seed):
    rng = np.random.default_rng(seed)
    x, grad_output = rng.normal(0, 4, shape), rng.normal(0, 1, shape)
    keywords, _, function, derivative = ACTIVATIONS[kind]
    y, grad_input = DEFINITIONS[kind](x, **keywords), gradient(kind, x, grad_output)
    for index in np.ndindex(shape):
        assert y[index] == pytest.approx(function(x[index]), rel=1e-13), index
        expected = grad_output[index] * derivative(x[index])
        assert grad_input[index] == pytest.approx(expected, rel=1e-9, abs=1e-15), index


@pytest.mark.parametrize("kind", [*ACTIVATIONS, "softmax", "log_softmax"])
@settings(max_examples=10, deadline=None)
@given(shape=SHAPES, dtype=st.sampled_from([np.float32, np.float64]), seed=st.integers(0, 2**32 - 1))
def test_dtype_shape_and_strides_do_not_matter(kind, shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x, grad_output = rng.normal(0, 4, shape).astype(dtype), rng.normal(0, 1, shape).astype(dtype)
    keywords = ACTIVATIONS[kind][0] if kind in ACTIVATIONS else {}
    backward = DEFINITIONS[f"{kind}.grad_input"]
    before = x.copy(), grad_output.copy()
    y, grad_input = DEFINITIONS[kind](x, **keywords), backward(x, grad_output, **keywords)
    assert (y.dtype, y.shape) == (grad_input.dtype, grad_input.shape) == (dtype, shape)
    np.testing.assert_array_equal(DEFINITIONS[kind](strided(x), **keywords), y)
    np.testing.assert_array_equal(backward(strided(x), strided(grad_output), **keywords), grad_input)
    np.testing.assert_array_equal((x, grad_output), before, "the arguments are left as they were")


@pytest.mark.parametrize("kind", [*ACTIVATIONS, "softmax", "log_softmax"])
def test_nan_is_not_hidden(kind):
    keywords = ACTIVATIONS[kind][0] if kind in ACTIVATIONS else {}
    y = DEFINITIONS[kind](np.array([[-1, np.nan, 2]], np.float32), **keywords)
    assert np.isnan(y[0, 1])
    dead = np.array([[-1.0, 0.0, 0.5]])  # relu's derivative is 0 for the first two
    assert np.isnan(DEFINITIONS[f"{kind}.grad_input"](dead, np.full((1, 3), np.nan), **keywords)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_numbers_do_not_overflow(dtype):
    x = np.array([[-1000, 0, 1000]], dtype)
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_array_equal(DEFINITIONS["sigmoid"](x), [[0, 0.5, 1]])
        np.testing.assert_array_equal(DEFINITIONS["tanh"](x), [[-1, 0, 1]])
        np.testing.assert_array_equal(DEFINITIONS["softmax"](x), [[0, 0, 1]])
        np.testing.assert_array_equal(DEFINITIONS["softmax"](-x), [[1, 0, 0]])
        np.testing.assert_array_equal(DEFINITIONS["log_softmax"](x), [[-2000, -1000, 0]])
        np.testing.assert_array_equal(DEFINITIONS["elu"](x, alpha=1.0), [[-1, 0, 1000]])
        np.testing.assert_array_equal(DEFINITIONS["silu"](x), [[0, 0, 1000]])
        np.testing.assert_allclose(DEFINITIONS["softplus"](x), [[0, math.log(2), 1000]], rtol=1e-6)
        np.testing.assert_array_equal(DEFINITIONS["gelu"](x), [[0, 0, 1000]])
        for kind in ("silu", "softplus", "gelu"):
            np.testing.assert_array_equal(DEFINITIONS[f"{kind}.grad_input"](x, np.ones_like(x)), [[0, 0.5, 1]])
        np.testing.assert_array_equal(DEFINITIONS["elu.grad_input"](x, np.ones_like(x), alpha=1.0), [[0, 1, 1]])


def test_sigmoid_is_exact_in_both_tails():
    y = DEFINITIONS["sigmoid"](np.array([[-40.0, 40.0]]))
    np.testing.assert_allclose(y, [[math.exp(-40), 1 - math.exp(-40)]], rtol=1e-15)


# ---- softmax
def test_softmax_by_hand():
    y = DEFINITIONS["softmax"](np.log([[1.0, 2, 5]]))
    np.testing.assert_allclose(y, [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-15)
    # y · (g − Σ g·y), with Σ g·y = 8·(1/8) = 1
    grad = DEFINITIONS["softmax.grad_input"](y, np.array([[8.0, 0, 0]]))
    np.testing.assert_allclose(grad, [[7 / 8, -2 / 8, -5 / 8]], rtol=1e-15)


@settings(max_examples=20, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 2**32 - 1))
def test_softmax_against_a_loop(shape, seed):
    rng = np.random.default_rng(seed)
    x, grad_output = rng.normal(0, 3, shape), rng.normal(0, 1, shape)
    y = DEFINITIONS["softmax"](x)
    grad_input = DEFINITIONS["softmax.grad_input"](y, grad_output)
    samples, classes, *pixels = shape
    for n, *place in np.ndindex(samples, *pixels):
        row = [math.exp(x[(n, k, *place)]) for k in range(classes)]
        for k in range(classes):
            assert y[(n, k, *place)] == pytest.approx(row[k] / sum(row), rel=1e-12)
            # ∂y[j]/∂x[k] = y[j]·([j = k] − y[k]), written out
            slope = sum(
                grad_output[(n, j, *place)] * y[(n, j, *place)] * ((j == k) - y[(n, k, *place)]) for j in range(classes)
            )
            assert grad_input[(n, k, *place)] == pytest.approx(slope, rel=1e-9, abs=1e-13)


@settings(max_examples=20, deadline=None)
@given(shape=SHAPES, shift=st.floats(-500, 500), seed=st.integers(0, 2**32 - 1))
def test_softmax_gives_shares_that_a_shift_leaves_alone(shape, shift, seed):
    x = np.random.default_rng(seed).normal(0, 5, shape)
    y = DEFINITIONS["softmax"](x)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(DEFINITIONS["softmax"](x + shift), y, rtol=1e-11, atol=1e-14)


@settings(max_examples=20, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 2**32 - 1))
def test_log_softmax_is_the_logarithm_of_softmax(shape, seed):
    rng = np.random.default_rng(seed)
    x, grad_output = rng.normal(0, 3, shape), rng.normal(0, 1, shape)
    y = DEFINITIONS["log_softmax"](x)
    shares = DEFINITIONS["softmax"](x)
    np.testing.assert_allclose(y, np.log(shares), rtol=1e-12, atol=1e-13)
    # the chain rule through y = log s: grad_s = grad_output / s
    expected = DEFINITIONS["softmax.grad_input"](shares, grad_output / shares)
    np.testing.assert_allclose(DEFINITIONS["log_softmax.grad_input"](y, grad_output), expected, rtol=1e-9, atol=1e-11)


# ---- dropout
KEY = random.key(5, random.Purpose.DROPOUT, epoch=3)


def drop(x, position, p=0.3, ordinal=2, key=KEY):
    return DEFINITIONS["dropout"](x, key, position, p=p, ordinal=ordinal)


def test_dropout_is_the_words_of_philox_compared_with_p():
    x = np.ones((2, 6, 2, 3))
    y = drop(x, np.array([7, 40]), p=0.25)
    for n, c, h, w in np.ndindex(x.shape):
        # word c % 4 of the counter (position, ordinal, pixel, c // 4)
        word = random.philox([[7, 40][n], 2, h * 3 + w, c // 4], KEY)[c % 4]
        assert y[n, c, h, w] == (4 / 3 if int(word) >= 2**30 else 0), (n, c, h, w)


@settings(max_examples=20, deadline=None)
@given(shape=SHAPES, start=st.integers(0, 2**31), p=st.floats(0, 0.95), seed=st.integers(0, 2**32 - 1))
def test_any_sample_is_dropped_alone_as_in_its_batch(shape, start, p, seed):
    x = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    position = np.arange(start, start + shape[0])
    together = drop(x, position, p)
    assert together.dtype == np.float32
    for n in range(shape[0]):
        np.testing.assert_array_equal(drop(x[n : n + 1], position[n : n + 1], p), together[n : n + 1])
    # each value is 0, or divided by 1 − p
    kept = together != 0
    np.testing.assert_array_equal(together[kept], (x * np.float32(1 / (1 - p)))[kept])


def test_dropout_drops_a_share_of_p_and_keeps_the_mean():
    y = drop(np.ones((100, 4, 25, 10)), np.arange(100), p=0.3)
    # 100,000 independent values: six standard deviations are 0.0087
    assert abs((y == 0).mean() - 0.3) < 0.009
    assert abs(y.mean() - 1) < 0.009 / 0.7


def test_every_layer_epoch_sample_and_seed_drops_other_values():
    x, position = np.ones((1, 400)), np.array([0])
    masks = {
        "one": drop(x, position),
        "another layer": drop(x, position, ordinal=3),
        "another epoch": drop(x, position, key=random.key(5, random.Purpose.DROPOUT, epoch=4)),
        "another sample": drop(x, position + 1),
        "another seed": drop(x, position, key=random.key(6, random.Purpose.DROPOUT, epoch=3)),
    }
    kept = np.concatenate(list(masks.values())) > 0
    agreement = (kept[:, None] == kept[None]).mean(axis=2)  # 0.7² + 0.3² = 0.58 for independent masks
    np.testing.assert_array_less(agreement[~np.eye(len(masks), dtype=bool)], 0.7)


def test_the_gradient_passes_where_the_value_did():
    rng = np.random.default_rng(0)
    x, grad_output, position = rng.normal(0, 1, (3, 5, 4, 4)), rng.normal(0, 1, (3, 5, 4, 4)), np.arange(3)
    mask = drop(x, position) / x
    grad_input = DEFINITIONS["dropout.grad_input"](grad_output, KEY, position, p=0.3, ordinal=2)
    np.testing.assert_allclose(grad_input, grad_output * mask, rtol=1e-14)


def test_dropout_does_not_hide_nan():
    assert np.isnan(drop(np.full((1, 50), np.nan), np.array([0]))).all()


# ---- paths that meet
def test_add_and_concat_by_hand():
    a, b = np.array([[1.0, 2]]), np.array([[10.0, 20]])
    np.testing.assert_array_equal(DEFINITIONS["add"](a, b), [[11, 22]])
    np.testing.assert_array_equal(DEFINITIONS["concat"](a, b, a), [[1, 2, 10, 20, 1, 2]])
    grad = np.arange(6.0)[None]
    np.testing.assert_array_equal(DEFINITIONS["concat.grad_input"](grad, start=2, stop=4), [[2, 3]])


@settings(max_examples=20, deadline=None)
@given(channels=st.lists(st.integers(1, 4), min_size=1, max_size=4), pixels=st.sampled_from([(), (3, 2), (1, 5)]))
def test_concat_is_undone_by_its_gradient(channels, pixels):
    rng = np.random.default_rng(len(channels))
    parts = [rng.normal(0, 1, (2, count, *pixels)).astype(np.float32) for count in channels]
    whole, start = DEFINITIONS["concat"](*map(strided, parts) if pixels else parts), 0
    assert whole.dtype == np.float32
    for part in parts:
        stop = start + part.shape[1]
        np.testing.assert_array_equal(DEFINITIONS["concat.grad_input"](whole, start=start, stop=stop), part)
        start = stop
    assert start == whole.shape[1]


# ---- channels of zeros
def test_pad_channels_by_hand():
    x = np.array([[[[1.0, 2]], [[3, 4]]]])  # two channels of one row of two pixels
    y = DEFINITIONS["pad_channels"](x, before=1, after=2)
    np.testing.assert_array_equal(y, [[[[0, 0]], [[1, 2]], [[3, 4]], [[0, 0]], [[0, 0]]]])
    np.testing.assert_array_equal(DEFINITIONS["pad_channels"](np.array([[5, 6]]), before=2, after=0), [[0, 0, 5, 6]])


@settings(max_examples=20, deadline=None)
@given(shape=SHAPES, before=st.integers(0, 5), after=st.integers(0, 5), dtype=st.sampled_from([np.float32, np.float64]))
def test_padding_channels_is_joining_zeros(shape, before, after, dtype):
    x = np.random.default_rng(before).normal(0, 1, shape).astype(dtype)
    x.flat[0] = np.nan
    zeros = [np.zeros((shape[0], count, *shape[2:]), dtype) for count in (before, after)]
    y = DEFINITIONS["pad_channels"](strided(x), before=before, after=after)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, DEFINITIONS["concat"](zeros[0], x, zeros[1]))
    np.testing.assert_array_equal(DEFINITIONS["concat.grad_input"](y, start=before, stop=before + shape[1]), x)
