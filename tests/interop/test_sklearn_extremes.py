"""Estimators and numbers at the ends of what floats hold: weights, targets, and features far from zero."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import r2_score

import pellucid as p
from oracles.estimators import data, quick, weights
from pellucid.interop.sklearn import ConvRegressor
from pellucid.interop.sklearn.samples import moments, within_bounds


def regressor(**settings: Any) -> ConvRegressor:
    return ConvRegressor(**{"epochs": 30, "random_state": 0, **settings})


# ---- weights


@pytest.mark.parametrize("weight", [5e-324, 1e-310, 1e-300, 1e300, 1e308])
def test_weights_that_are_all_tiny_or_huge_are_none(weight: float) -> None:
    x, y = data()
    assert_array_equal(weights(quick().fit(x, y, np.full(40, weight))), weights(quick().fit(x, y)))
    regressors = [regressor(epochs=2).fit(x, x[:, 0], given) for given in (np.full(40, weight), None)]
    assert_array_equal(*map(weights, regressors))


@pytest.mark.parametrize("power", [-1000, -60, 60, 1000])
def test_only_shares_of_weights_count(power: int) -> None:
    x, y = data()
    shares = np.linspace(0.1, 1, 40)
    assert_array_equal(weights(quick().fit(x, y, np.ldexp(shares, power))), weights(quick().fit(x, y, shares)))


@pytest.mark.parametrize("batch_size", ["auto", 1])
@pytest.mark.parametrize("kind", [quick, regressor])
@pytest.mark.parametrize("least", [(1e308, 1), (1, 1e-320), (1e308, 1e-300)])
def test_one_heavy_sample_among_light_ones_is_learnt(kind: Any, least: tuple[float, float], batch_size: Any) -> None:
    x, y = data()
    estimator = kind(batch_size=batch_size, epochs=3).fit(x, y, np.where(np.arange(40) == 0, *least))
    assert np.isfinite(weights(estimator)).all()


def test_weights_within_bounds_stay_as_they_are() -> None:
    given = np.array([2.0**53, 1, 3, 0])
    assert within_bounds(given) is given
    assert within_bounds(np.array([2.0**54, 2.0**53])).tolist() == [0.5, 0.25]
    assert within_bounds(np.array([5e-324, 0])).tolist() == [0.5, 0]


@pytest.mark.parametrize("weight", [np.inf, np.nan, -1.0])
def test_a_weight_that_is_none_is_refused_by_the_name_of_its_class(weight: float) -> None:
    x, y = data()
    message = rf"class_weight: expected finite numbers of at least 0, received {weight:g} for class 'b'$"
    with pytest.raises(p.ArgumentError, match=message):
        quick(class_weight={"a": 1, "b": weight}).fit(x, np.array(["a", "b"])[y])
    with pytest.raises(p.ArgumentError, match="class_weight: expected a number above 0"):
        quick(class_weight={0: 0, 1: 0}).fit(x, y)


def test_weights_of_classes_may_be_huge_or_tiny() -> None:
    x, y = data()
    expected = weights(quick(class_weight={0: 1, 1: 0.5}).fit(x, y))
    for power in (-1000, 1000):
        by_class = {0: 2.0**power, 1: 2.0 ** (power - 1)}
        assert_array_equal(weights(quick(class_weight=by_class).fit(x, y)), expected)
    assert np.isfinite(weights(quick(class_weight={0: 1e308, 1: 1e308}).fit(x, y, np.full(40, 1e308)))).all()
    light = quick(class_weight={0: 1e308, 1: 1}).partial_fit(x, y, [0, 1])
    assert np.isfinite(weights(light.partial_fit(x, np.ones(40, int)))).all()
    far = np.where(y == 1, 1e308, 1e-300)
    assert np.isfinite(weights(quick(class_weight="balanced").fit(x, y, far))).all()


# ---- batches in which nothing counts


def test_going_on_with_a_batch_in_which_nothing_counts_changes_nothing() -> None:
    x, y = data()
    weighed = quick(class_weight={0: 0, 1: 1}).partial_fit(x, y, classes=[0, 1])
    before, epochs = weights(weighed), weighed.n_iter_
    weighed.partial_fit(x, np.zeros(40, int)).partial_fit(x, y, sample_weight=np.zeros(40))
    weighed.partial_fit(x, y, sample_weight=1 - y)
    assert_array_equal(weights(weighed), before)
    assert weighed.n_iter_ == epochs
    numbers = regressor().partial_fit(x, x[:, 0])
    before = weights(numbers)
    assert_array_equal(weights(numbers.partial_fit(x, x[:, 0], np.zeros(40))), before)


def test_a_network_does_not_begin_with_a_batch_in_which_nothing_counts() -> None:
    x, y = data()
    with pytest.raises(p.DataError, match="class_weight: no sample counts"):
        quick(class_weight={0: 0, 1: 1}).partial_fit(x, 0 * y, classes=[0, 1])
    with pytest.raises(p.DataError, match="sample_weight: all weights are zero"):
        regressor().partial_fit(x, x[:, 0], np.zeros(40))
    with pytest.raises(p.DataError, match="sample_weight: all weights are zero"):
        quick(warm_start=True).fit(x, y).fit(x, y, np.zeros(40))


# ---- targets


@pytest.mark.parametrize("factor", [1e-310, 1e-200, 1e-160, 1e160, 1e200, 1e299])
def test_targets_of_any_size_are_learnt(factor: float) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    fitted = regressor().fit(x, x[:, 0] * factor)
    assert r2_score(x[:, 0], fitted.predict(x) / factor) > 0.9
    assert_allclose(fitted.target_scale_, x[:, 0].std() * factor, rtol=1e-6)


def test_targets_at_the_end_of_what_a_float_holds_are_refused() -> None:
    x, _ = data()
    y = np.where(np.arange(40) % 2, 1e301, -1e301)
    with pytest.raises(p.DataError, match=r"y: expected numbers up to 1e\+300.*larger units"):
        regressor().fit(x, y)


def test_later_targets_of_another_size_are_refused() -> None:
    x, _ = data()
    fitted = regressor().partial_fit(x, x[:, 0] * 1e-300)
    with pytest.raises(p.DataError, match="y: expected numbers about as large as those of the first training"):
        fitted.partial_fit(x, x[:, 0] * 1e100)


def test_moments_of_huge_and_tiny_values() -> None:
    values = np.array([[1e308, 5e-324, 0], [-1e308, 0, 0]])[:, :, None]
    mean, deviation = moments(values, np.ones(2))
    assert mean[0] == mean[2] == deviation[2] == 0
    assert deviation[0] == 1e308


# ---- features far from zero


@pytest.mark.parametrize("kind", [float, np.int64])
def test_features_that_float32_cannot_tell_apart_are_warned_of(kind: Any) -> None:
    x, y = data()
    stamps = (np.stack([1.7e9 + y, np.full(40, 1.7e9), 10 * x[:, 0]], axis=1)).astype(kind)
    message = r"X: feature 0 is about 1\.7e\+09 and varies by 1 only, .* subtract its mean first"
    with pytest.warns(UserWarning, match=message):
        quick().fit(stamps, y)
    with pytest.warns(UserWarning, match=message):
        quick().partial_fit(stamps, y, classes=[0, 1])
    pixels = 1e8 + np.random.default_rng(0).random((40, 2, 8, 8)) * [[[1e8]], [[1]]]
    with pytest.warns(UserWarning, match=r"X: channel 1 is about 1e\+08"):
        quick(epochs=1).fit(pixels, y)


def test_features_that_vary_enough_or_not_at_all_are_no_slip() -> None:
    x, y = data()
    quick(epochs=1).fit(np.stack([1e4 + y, np.full(40, 1e9), 0.1 + 1e-16 * y, x[:, 0]], axis=1), y)
    images = np.where(np.arange(64).reshape(8, 8) == 9, 1e9, np.random.default_rng(0).random((40, 1, 8, 8)))
    quick(epochs=1).fit(images, y)


def test_features_that_float32_does_not_hold_are_refused() -> None:
    x, y = data()
    with pytest.raises(p.DataError, match=r"X: expected numbers that float32 holds, up to 3\.40282e\+38, received"):
        quick().fit(x * 1e100, y)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e200, -3e299])
def test_targets_that_are_all_the_same_are_their_own_mean(value: float) -> None:
    x = np.random.default_rng(0).random((49, 8, 8))
    y = np.full((49, 2), value)
    y[:, 1] *= 1 + 1e-15 * np.arange(49)  # a constant but for rounding
    fitted = ConvRegressor(epochs=1, random_state=0).fit(x, y)
    assert fitted.target_mean_[0] == value
    assert fitted.target_scale_[0] == 1
    assert_allclose(fitted.predict(x), y, rtol=1e-10, atol=20)
    weights = np.ones(49)
    weights[0], y[0] = 0, 3 * value / 4
    assert ConvRegressor(epochs=1, random_state=0).fit(x, y[:, 0], weights).target_mean_[0] == value
