"""What weights mean to estimators: whole ones are repetitions, others shares, in batches of any size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import pellucid as p
from oracles.estimators import data, quick, weights
from pellucid.errors import DataError
from pellucid.interop.sklearn import ConvRegressor
from pellucid.interop.sklearn.samples import Samples, as_weights, distinct, moments, scaling_of


@pytest.mark.parametrize("kind", [quick, lambda **s: ConvRegressor(epochs=5, random_state=0, **s)])
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True, "batch_size": 4}], ids=["plain", "early"])
def test_whole_weights_are_repetitions_in_any_order(kind: Any, settings: dict[str, Any]) -> None:
    x, y = data()
    times = np.arange(len(x)) % 4
    weighted = kind(**settings).fit(x, y, sample_weight=times)
    order = np.random.default_rng(2).permutation(times.sum())
    repeated = kind(**settings).fit(x.repeat(times, axis=0)[order], y.repeat(times)[order])
    assert_array_equal(weights(weighted), weights(repeated))


def test_weights_that_are_all_the_same_are_none() -> None:
    x, y = data()
    for weight in (0.3, 5):
        assert_array_equal(weights(quick().fit(x, y, np.full(40, weight))), weights(quick().fit(x, y)))


def test_fractional_weights_count() -> None:
    """Of two samples that contradict each other, the heavier one says what is predicted, and by how much."""
    x = np.repeat([[0.0, 1.0], [1.0, 0.0]], 2, axis=0)
    classifier = quick(epochs=300).fit(x, [0, 1, 0, 1], sample_weight=[0.3, 0.1, 0.1, 0.9])
    assert_allclose(classifier.predict_proba([[0, 1], [1, 0]])[:, 1], [0.25, 0.9], atol=0.02)


def test_a_few_heavy_samples_among_many_light_ones_keep_their_share() -> None:
    """Batches of light samples only must not count like the others."""
    x = np.linspace(-1, 1, 400)[:, None]
    y = (np.arange(400) % 100 == 50).astype(int)  # 4 of 400, at both sides of the middle
    classifier = quick(architecture=[p.Linear(1, 2)], epochs=20, batch_size=8)
    classifier.fit(x, y, sample_weight=np.where(y == 1, 148.5, 0.5))
    assert_allclose(classifier.predict_proba([[0]])[0, 1], 0.75, atol=0.05)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones(3), "expected 40 numbers"),
        (-np.ones(40), "at least 0"),
        (np.zeros(40), "zero"),
        (["a"] * 40, "numbers"),
    ],
)
def test_weights_that_are_none_are_refused(given: Any, message: str) -> None:
    x, y = data()
    with pytest.raises(DataError, match=message):
        quick().fit(x, y, sample_weight=given)


def test_samples_become_distinct() -> None:
    rows = np.array([[1, 2], [3, 4], [1, 2], [1, 2], [5, 6]], np.float32)
    found = distinct(rows, np.array([0, 1, 0, 1, 1]), np.array([1.0, 2, 3, 1, 0]))
    assert sorted(zip(map(tuple, found.rows.tolist()), found.targets.tolist(), found.weights, strict=True)) == [
        ((1, 2), 0, 4),
        ((1, 2), 1, 1),
        ((3, 4), 1, 2),
    ]
    assert found.taken().tolist() == found.weights.tolist()


def test_sums_of_weights_do_not_depend_on_their_order() -> None:
    rows, targets = np.zeros((4, 1), np.float32), np.zeros(4, np.int64)
    weights = np.array([1.0, 1e-16, 1e-16, 1e-16])
    sums = {distinct(rows, targets, np.roll(weights, shift)).weights[0] for shift in range(4)}
    assert len(sums) == 1


def test_heavy_samples_are_taken_more_often() -> None:
    rows, targets = np.eye(3, dtype=np.float32), np.arange(3)

    def taken(*weights: float, given: Sequence[float] = (1, 1, 1), **least: int) -> list[int]:
        return Samples(rows, targets, np.array(given, float), np.array(weights, float)).taken(**least).tolist()

    assert taken(1, 2, 3) == taken(10, 20, 30) == [1, 2, 3]
    assert taken(0.1, 0.1, 2.8) == [1, 1, 3]
    assert taken(0.1, 0.1, 2.8, least=0) == [0, 0, 3]
    assert taken(0.5, 1, 1.5, given=(1, 2, 3)) == [1, 2, 3]
    assert taken(1, 1, 1e9) == [1, 1, 10_000]  # within bounds


def test_moments_are_weighted() -> None:
    rng = np.random.default_rng(0)
    values, times = rng.normal(3, 2, (2500, 2, 3)).astype(np.float32), rng.integers(1, 5, 2500)
    repeated = values.repeat(times, axis=0).transpose(0, 2, 1).reshape(-1, 2).astype(float)
    mean, deviation = moments(values, times.astype(float))
    assert_allclose(mean, repeated.mean(axis=0), rtol=1e-12)
    assert_allclose(deviation, repeated.std(axis=0), rtol=1e-12)


def test_a_constant_feature_is_not_stretched() -> None:
    rows = np.full((99, 2), 0.1, np.float32)
    assert scaling_of(rows, as_weights(None, 99), (2,)).deviations == (1, 1)


def test_class_weights_are_sample_weights() -> None:
    x, y = data()
    by_class = quick(class_weight={0: 1, 1: 3}).fit(x, y)
    by_sample = quick().fit(x, y, sample_weight=np.where(y == 1, 3, 1))
    assert_array_equal(weights(by_class), weights(by_sample))
    sums = np.bincount(y)
    balanced = quick(class_weight="balanced").fit(x, y)
    explicit = quick(class_weight={0: 40 / 2 / sums[0], 1: 40 / 2 / sums[1]}).fit(x, y)
    assert_array_equal(weights(balanced), weights(explicit))
