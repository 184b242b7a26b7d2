"""Updates: by hand, against loops over Python numbers, and as properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.definitions import optimizer

ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "lr_scale": 1.0}
SHAPES = st.sampled_from([(), (3,), (2, 3), (2, 1, 3, 3)])
SEEDS = st.integers(0, 2**32 - 1)


def test_sgd_by_hand():
    weight, grad = np.array([1.0, -2.0]), np.array([10.0, 20.0])
    np.testing.assert_allclose(optimizer.sgd(weight, grad, 0.1, weight_decay=0.0, lr_scale=1.0), [0, -4])
    # g + 5·w = 15 and 10, times 0.1·0.5
    np.testing.assert_allclose(optimizer.sgd(weight, grad, 0.1, weight_decay=5.0, lr_scale=0.5), [0.25, -2.5])


def test_momentum_by_hand():
    keywords = {"momentum": 0.5, "weight_decay": 0.0, "lr_scale": 1.0}
    weight, velocity = optimizer.sgd_momentum(np.ones(1), np.ones(1), 0.1, np.full(1, 4.0), nesterov=False, **keywords)
    assert (weight, velocity) == (pytest.approx(1 - 0.1 * 3), 3)  # v = 0.5·4 + 1
    weight, velocity = optimizer.sgd_momentum(np.ones(1), np.ones(1), 0.1, np.full(1, 4.0), nesterov=True, **keywords)
    assert (weight, velocity) == (pytest.approx(1 - 0.1 * (1 + 0.5 * 3)), 3)


def test_adams_first_step_is_lr_whatever_the_gradient():
    grad = np.array([1e-3, 1.0, -1e3])
    weight, first, second = optimizer.adam(np.zeros(3), grad, 0.01, 1, np.zeros(3), np.zeros(3), **ADAM)
    np.testing.assert_allclose(weight, [-0.01, -0.01, 0.01], rtol=2e-5)
    np.testing.assert_allclose(first, 0.1 * grad, rtol=1e-14)
    np.testing.assert_allclose(second, 0.001 * grad * grad, rtol=1e-12)


def test_adamw_decays_the_weight_and_not_the_gradient():
    weight, first, _ = optimizer.adamw(
        np.array([2.0]), np.zeros(1), 0.1, 1, np.zeros(1), np.zeros(1), **{**ADAM, "weight_decay": 0.5}
    )
    np.testing.assert_allclose(weight, 2 - 0.1 * 0.5 * 2)
    assert first == 0
    _, first, _ = optimizer.adam(
        np.array([2.0]), np.zeros(1), 0.1, 1, np.zeros(1), np.zeros(1), **{**ADAM, "weight_decay": 0.5}
    )
    np.testing.assert_allclose(first, 0.1 * 0.5 * 2)


@settings(max_examples=25, deadline=None)
@given(shape=SHAPES, decay=st.sampled_from([0.0, 0.1]), decoupled=st.booleans(), seed=SEEDS)
def test_adam_against_a_loop(shape, decay, decoupled, seed):
    rng = np.random.default_rng(seed)
    weight, first, second = rng.normal(0, 1, shape), np.zeros(shape), np.zeros(shape)
    slow = {index: (float(weight[index]), 0.0, 0.0) for index in np.ndindex(shape)}
    update = optimizer.adamw if decoupled else optimizer.adam
    for step in range(1, 6):
        grad = rng.normal(0, 1, shape)
        keywords = {**ADAM, "weight_decay": decay, "lr_scale": 0.5}
        weight, first, second = update(np.asarray(weight), grad, 0.02, step, first, second, **keywords)
        for index, (w, m, v) in slow.items():
            g = float(grad[index])
            if decoupled:
                w -= 0.01 * decay * w
            else:
                g += decay * w
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            corrected_m, corrected_v = m / (1 - 0.9**step), v / (1 - 0.999**step)
            slow[index] = w - 0.01 * corrected_m / (math.sqrt(corrected_v) + 1e-8), m, v
    for index, numbers in slow.items():
        assert (weight[index], first[index], second[index]) == pytest.approx(numbers, rel=1e-12), index


@settings(max_examples=25, deadline=None)
@given(
    shape=SHAPES, momentum=st.sampled_from([0.5, 0.9]), nesterov=st.booleans(), decay=st.sampled_from([0, 0.1]),
    seed=SEEDS,
)  # fmt: skip
def test_momentum_against_a_loop(shape, momentum, nesterov, decay, seed):
    rng = np.random.default_rng(seed)
    weight, velocity = rng.normal(0, 1, shape), np.zeros(shape)
    slow = {index: (float(weight[index]), 0.0) for index in np.ndindex(shape)}
    for _ in range(5):
        grad = rng.normal(0, 1, shape)
        weight, velocity = optimizer.sgd_momentum(
            np.asarray(weight), grad, 0.1, velocity, momentum=momentum, nesterov=nesterov, weight_decay=float(decay),
            lr_scale=0.5,
        )  # fmt: skip
        for index, (w, v) in slow.items():
            g = float(grad[index]) + decay * w
            v = momentum * v + g
            slow[index] = w - 0.05 * (g + momentum * v if nesterov else v), v
    for index, numbers in slow.items():
        assert (weight[index], velocity[index]) == pytest.approx(numbers, rel=1e-12), index


def test_momentum_of_zero_and_no_decay_is_plain_descent():
    weight, grad = np.random.default_rng(0).normal(0, 1, (2, 50))
    plain = optimizer.sgd(weight, grad, 0.1, weight_decay=0.0, lr_scale=1.0)
    keywords = {"momentum": 0.0, "weight_decay": 0.0, "lr_scale": 1.0}
    rolling, _ = optimizer.sgd_momentum(weight, grad, 0.1, np.zeros(50), nesterov=False, **keywords)
    np.testing.assert_array_equal(plain, rolling)


# ---- clipping
def test_clip_factor_by_hand():
    grads = [np.array([3.0, 0.0]), np.array([[4.0]])]  # together of norm 5
    assert optimizer.clip_factor(*grads, max_norm=1.0) == pytest.approx(1 / 5, rel=1e-6)
    assert optimizer.clip_factor(*grads, max_norm=10.0) == 1.0
    np.testing.assert_array_equal(optimizer.scale_gradient(grads[0], 0.5), [1.5, 0])


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-3, 1e3), max_norm=st.floats(0.01, 100), seed=SEEDS)
def test_clipped_gradients_keep_their_direction_and_obey_the_limit(scale, max_norm, seed):
    rng = np.random.default_rng(seed)
    grads = [scale * rng.normal(0, 1, shape) for shape in ((3, 2), (5,))]
    factor = optimizer.clip_factor(*grads, max_norm=max_norm)
    norm = math.sqrt(sum((g**2).sum() for g in grads))
    assert 0 < factor <= 1
    assert factor * norm == pytest.approx(min(norm, max_norm), rel=1e-6 + 1e-6 / norm)


def test_clipping_does_not_hide_nan():
    factor = optimizer.clip_factor(np.array([1.0, np.nan]), np.ones(3), max_norm=1.0)
    assert np.isnan(factor)
    assert np.isnan(optimizer.scale_gradient(np.ones(3), factor)).all()


# ---- averages
def test_average_by_hand():
    # step 2: d = 1/10; step 100 with decay 0.9: d = 0.9, not 99/108
    np.testing.assert_allclose(optimizer.average_weight(np.ones(1), np.full(1, 11.0), 2, decay=0.9), [10])
    np.testing.assert_allclose(optimizer.average_weight(np.ones(1), np.full(1, 11.0), 100, decay=0.9), [2])


@settings(max_examples=20, deadline=None)
@given(decay=st.floats(0.5, 0.9999), steps=st.integers(1, 40), start=st.floats(-1e3, 1e3))
def test_the_average_of_weights_that_stay_is_these_weights(decay, steps, start):
    average = np.array([start])  # whatever memory begins with
    for step in range(1, steps + 1):
        average = optimizer.average_weight(average, np.array([7.0]), step, decay=decay)
    np.testing.assert_allclose(average, [7], rtol=1e-12)


# ---- dtype
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("number", [float, np.float64, np.float32])
def test_the_dtype_is_the_weights_whatever_the_scalars_are(dtype, number):
    weight = grad = memory = np.ones((2, 3), dtype)
    lr, step = number(0.1), np.int64(3)
    results = [
        optimizer.sgd(weight, grad, lr, weight_decay=0.1, lr_scale=1.0),
        *optimizer.sgd_momentum(weight, grad, lr, memory, momentum=0.9, nesterov=True, weight_decay=0.1, lr_scale=1.0),
        *optimizer.adam(weight, grad, lr, step, memory, memory, **ADAM),
        *optimizer.adamw(weight, grad, lr, step, memory, memory, **{**ADAM, "weight_decay": 0.1}),
        optimizer.scale_gradient(grad, number(0.5)),
        optimizer.average_weight(memory, weight, step, decay=0.9),
    ]
    assert [(result.dtype, result.shape) for result in results] == [(dtype, (2, 3))] * len(results)
    assert isinstance(optimizer.clip_factor(grad, max_norm=1.0), float)
    np.testing.assert_array_equal(weight, 1, "arguments are left as they were")
