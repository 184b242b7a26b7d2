"""Normalisation: by hand, against loops, as properties, and the slopes against differences."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.definitions import combine, norm

IMAGES = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
SHAPES = st.one_of(IMAGES, st.tuples(st.integers(1, 6), st.integers(1, 5)))
SEEDS = st.integers(0, 2**32 - 1)


def slopes(function, x, grad_output, h=1e-5):
    """∂ Σ grad_output·function(x) / ∂x by central differences, coordinate by coordinate."""
    x, gradient = x.copy(), np.empty(x.shape)
    for index in np.ndindex(x.shape):
        here = x[index]
        x[index] = here + h
        after = function(x)
        x[index] = here - h
        gradient[index] = (grad_output * (after - function(x))).sum() / (2 * h)
        x[index] = here
    return gradient


def assert_close(found, expected, tolerance=1e-8):
    """Relative to the largest number, as a gradient's error is."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1e-300, np.abs(expected).max()))


# ---- statistics
def test_statistics_by_hand():
    x = np.array([[[[1.0, 3]], [[10, 10]]], [[[5, 7]], [[10, 10]]]])  # channel 0: 1 3 5 7; channel 1: 10 10 10 10
    np.testing.assert_array_equal(norm.batch_statistics(x), [[4, 4], [4, 10], [20, 0]])  # 9 + 1 + 1 + 9 = 20


@settings(max_examples=25, deadline=None)
@given(shape=SHAPES, seed=SEEDS, dtype=st.sampled_from([np.float32, np.float64]))
def test_statistics_against_python(shape, seed, dtype):
    x = np.random.default_rng(seed).normal(3, 2, shape).astype(dtype)
    statistics = norm.batch_statistics(x)
    assert (statistics.dtype, statistics.shape) == (dtype, (3, shape[1]))
    for c in range(shape[1]):
        numbers = [float(v) for v in x[:, c].ravel()]
        mean = math.fsum(numbers) / len(numbers)
        squares = math.fsum((v - mean) ** 2 for v in numbers)
        expected = [len(numbers), mean, squares]
        assert statistics[:, c] == pytest.approx(expected, rel=1e-12 if dtype is np.float64 else 3e-6, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(samples=st.integers(2, 40), leaf=st.integers(1, 9), offset=st.sampled_from([0.0, 1000.0]), seed=SEEDS)
def test_moments_of_leaves_in_the_tree_are_those_of_the_batch(samples, leaf, offset, seed):
    x = np.random.default_rng(seed).normal(offset, 1, (samples, 3, 2, 2))
    parts = [norm.batch_statistics(x[run.start : run.stop]) for run in combine.leaves(samples, leaf)]
    np.testing.assert_allclose(combine.tree(parts, combine.moments), norm.batch_statistics(x), rtol=1e-11)


def test_running_statistics_by_hand():
    statistics = np.array([[4.0], [4.0], [20.0]])  # unbiased variance 20 / 3
    mean, var = norm.running_statistics(np.array([0.0]), np.array([1.0]), statistics, momentum=0.1)
    np.testing.assert_allclose((mean, var), [[0.4], [0.9 + 2 / 3]], rtol=1e-15)


def test_running_statistics_of_a_single_number_are_finite():
    mean, var = norm.running_statistics(np.zeros(1), np.ones(1), np.array([[1.0], [5.0], [0.0]]), momentum=0.5)
    np.testing.assert_array_equal((mean, var), [[2.5], [0.5]])


# ---- batch norm
def test_batch_norm_by_hand():
    x = np.array([[1.0], [3], [5], [7]])  # mean 4, variance 5
    y = norm.batch_norm(x, norm.batch_statistics(x), np.array([2.0]), np.array([10.0]), eps=4.0)  # √(5 + 4) = 3
    np.testing.assert_allclose(y, [[8], [10 - 2 / 3], [10 + 2 / 3], [12]], rtol=1e-15)


def batch_norm_of(x, weight, bias, eps):
    return norm.batch_norm(x, norm.batch_statistics(x), weight, bias, eps=eps)


@settings(max_examples=25, deadline=None)
@given(shape=SHAPES, seed=SEEDS, dtype=st.sampled_from([np.float32, np.float64]))
def test_batch_norm_against_a_loop(shape, seed, dtype):
    rng = np.random.default_rng(seed)
    x, weight, bias = (rng.normal(1, 2, s).astype(dtype) for s in (shape, shape[1], shape[1]))
    y = batch_norm_of(x, weight, bias, 1e-3)
    assert (y.dtype, y.shape) == (dtype, shape)
    for index in np.ndindex(shape):
        numbers = [float(v) for v in x[:, index[1]].ravel()]
        mean = math.fsum(numbers) / len(numbers)
        variance = math.fsum((v - mean) ** 2 for v in numbers) / len(numbers)
        expected = float(weight[index[1]]) * (float(x[index]) - mean) / math.sqrt(variance + 1e-3) + bias[index[1]]
        tolerance = 1e-11 if dtype is np.float64 else 1e-4
        assert y[index] == pytest.approx(expected, rel=tolerance, abs=tolerance), index


@settings(max_examples=25, deadline=None)
@given(shape=SHAPES, seed=SEEDS)
def test_batch_norm_output_has_mean_bias_and_deviation_weight(shape, seed):
    rng = np.random.default_rng(seed)
    x, weight, bias = rng.normal(100, 5, shape), rng.uniform(0.5, 2, shape[1]), rng.normal(0, 1, shape[1])
    y = batch_norm_of(x, weight, bias, 1e-12)
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(y.mean(axis=axes), bias, atol=1e-9)
    if x[:, 0].size > 1:
        np.testing.assert_allclose(y.std(axis=axes), weight, rtol=1e-6)


@settings(max_examples=15, deadline=None)
@given(shape=SHAPES, seed=SEEDS)
def test_batch_norm_gradients_against_differences(shape, seed):
    rng = np.random.default_rng(seed)
    x, weight, bias, grad = (rng.normal(0, 1, s) for s in (shape, shape[1], shape[1], shape))
    statistics, eps = norm.batch_statistics(x), 0.1
    grad_weight = norm.batch_norm_grad_weight(x, statistics, grad, eps=eps)
    grad_bias = norm.batch_norm_grad_bias(grad)
    grad_input = norm.batch_norm_grad_input(x, statistics, weight, grad, grad_weight, grad_bias, eps=eps)
    scale = np.abs(grad).max()  # a batch of one number has gradient 0
    np.testing.assert_allclose(grad_weight, slopes(lambda w: batch_norm_of(x, w, bias, eps), weight, grad), atol=1e-8)
    np.testing.assert_allclose(grad_bias, slopes(lambda b: batch_norm_of(x, weight, b, eps), bias, grad), atol=1e-8)
    expected = slopes(lambda x: batch_norm_of(x, weight, bias, eps), x, grad)
    np.testing.assert_allclose(grad_input, expected, rtol=0, atol=1e-8 * scale * np.abs(weight).max())


def test_a_shift_of_the_input_does_not_matter_so_its_gradient_sums_to_zero():
    rng = np.random.default_rng(0)
    x, grad, weight = rng.normal(0, 1, (4, 3, 5, 5)), rng.normal(0, 1, (4, 3, 5, 5)), rng.normal(0, 1, 3)
    statistics = norm.batch_statistics(x)
    sums = norm.batch_norm_grad_weight(x, statistics, grad, eps=1e-5), norm.batch_norm_grad_bias(grad)
    grad_input = norm.batch_norm_grad_input(x, statistics, weight, grad, *sums, eps=1e-5)
    np.testing.assert_allclose(grad_input.sum(axis=(0, 2, 3)), 0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(shape=SHAPES, seed=SEEDS)
def test_batch_norm_with_running_statistics_against_a_loop_and_differences(shape, seed):
    rng = np.random.default_rng(seed)
    x, mean, weight, bias, grad = (rng.normal(0, 1, s) for s in (shape, *[shape[1]] * 3, shape))
    var, eps = rng.uniform(0.5, 2, shape[1]), 1e-5
    y = norm.batch_norm_running(x, mean, var, weight, bias, eps=eps)
    for index in np.ndindex(shape):
        c = index[1]
        expected = weight[c] * (x[index] - mean[c]) / math.sqrt(var[c] + eps) + bias[c]
        assert y[index] == pytest.approx(expected, rel=1e-12, abs=1e-13), index
    of_weight = slopes(lambda w: norm.batch_norm_running(x, mean, var, w, bias, eps=eps), weight, grad)
    of_x = slopes(lambda x: norm.batch_norm_running(x, mean, var, weight, bias, eps=eps), x, grad)
    assert_close(norm.batch_norm_running_grad_weight(x, mean, var, grad, eps=eps), of_weight)
    assert_close(norm.batch_norm_running_grad_input(var, weight, grad, eps=eps), of_x)


# ---- local response norm
LRN = {"size": 3, "alpha": 0.6, "beta": 0.5, "k": 1.0}


def test_local_response_norm_by_hand():
    x = np.array([1.0, 2, 3]).reshape(1, 3, 1, 1)
    # 1 + 0.2·(0 + 1 + 4) = 2, 1 + 0.2·(1 + 4 + 9) = 3.8, 1 + 0.2·(4 + 9 + 0) = 3.6
    expected = [1 / math.sqrt(2), 2 / math.sqrt(3.8), 3 / math.sqrt(3.6)]
    np.testing.assert_allclose(norm.local_response_norm(x, **LRN).ravel(), expected, rtol=1e-15)


def test_an_even_size_reaches_one_channel_further_back():
    x = np.array([1.0, 2, 3]).reshape(1, 3, 1, 1)
    y = norm.local_response_norm(x, size=2, alpha=2.0, beta=1.0, k=0.0).ravel()
    np.testing.assert_allclose(y, [1 / 1, 2 / (1 + 4), 3 / (4 + 9)], rtol=1e-15)


SETTINGS = st.fixed_dictionaries(
    {
        "size": st.integers(1, 6),
        "alpha": st.sampled_from([1e-4, 0.5, 2.0]),
        "beta": st.sampled_from([0.5, 0.75, 1.0]),
        "k": st.sampled_from([1.0, 2.0]),
    }
)


@settings(max_examples=25, deadline=None)
@given(shape=IMAGES, keywords=SETTINGS, seed=SEEDS)
def test_local_response_norm_against_a_loop_and_differences(shape, keywords, seed):
    rng = np.random.default_rng(seed)
    x, grad = rng.normal(0, 2, shape), rng.normal(0, 1, shape)
    y = norm.local_response_norm(x, **keywords)
    size, alpha, beta, k = (keywords[name] for name in ("size", "alpha", "beta", "k"))
    for n, c, h, w in np.ndindex(shape):
        window = [j for j in range(c - size // 2, c - size // 2 + size) if 0 <= j < shape[1]]
        scale = k + alpha / size * sum(x[n, j, h, w] ** 2 for j in window)
        assert y[n, c, h, w] == pytest.approx(x[n, c, h, w] / scale**beta, rel=1e-12), (n, c, h, w)
    grad_input = norm.local_response_norm_grad_input(x, grad, **keywords)
    assert_close(grad_input, slopes(partial(norm.local_response_norm, **keywords), x, grad))


@settings(max_examples=10, deadline=None)
@given(shape=IMAGES, seed=SEEDS)
def test_memory_order_does_not_matter_and_float32_stays(shape, seed):
    rng = np.random.default_rng(seed)
    x, grad = rng.normal(0, 1, shape).astype(np.float32), rng.normal(0, 1, shape).astype(np.float32)
    columns = np.asfortranarray(x)
    y = norm.local_response_norm(x, **LRN)
    assert y.dtype == norm.local_response_norm_grad_input(x, grad, **LRN).dtype == np.float32
    np.testing.assert_array_equal(norm.local_response_norm(columns, **LRN), y)
    statistics = norm.batch_statistics(x)
    np.testing.assert_allclose(norm.batch_statistics(columns), statistics, rtol=1e-5, atol=1e-5)
    weight = np.ones(shape[1], np.float32)
    sums = norm.batch_norm_grad_weight(x, statistics, grad, eps=1e-5), norm.batch_norm_grad_bias(grad)
    results = [*sums, norm.batch_norm_grad_input(x, statistics, weight, grad, *sums, eps=1e-5)]
    results += norm.running_statistics(weight, weight, statistics, momentum=0.1)
    results += [norm.batch_norm_running_grad_input(weight, weight, grad, eps=1e-5)]
    results += [norm.batch_norm_running_grad_weight(x, weight, weight, grad, eps=1e-5)]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_nan_is_not_hidden():
    x = np.ones((2, 3, 2, 2))
    x[0, 1, 0, 0] = np.nan
    assert np.isnan(norm.local_response_norm(x, **LRN)[0, :, 0, 0]).all(), "all three channels see the NaN"
    statistics = norm.batch_statistics(x)
    assert np.isnan(statistics[1:]).tolist() == [[False, True, False]] * 2
    y = norm.batch_norm(x, statistics, np.ones(3), np.zeros(3), eps=1e-5)
    assert np.isnan(y).all(axis=(0, 2, 3)).tolist() == [False, True, False]
