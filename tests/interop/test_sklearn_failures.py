"""Estimators whose training fails: they are what they were before."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

import pellucid as p
from oracles.estimators import data, quick, weights
from pellucid.interop.sklearn import ConvRegressor

BAD: list[dict[str, Any]] = [
    {"epochs": 0}, {"lr": 1e30}, {"architecture": [p.Linear(3, 7)]}, {"batch_size": "big"}, {"augment": ["crop:9"]},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("settings", BAD, ids=str)
@pytest.mark.parametrize("kind", [quick, lambda **s: ConvRegressor(**{"epochs": 2, "random_state": 0, **s})])
def test_a_first_fit_that_fails_leaves_no_fitted_estimator(kind: Any, settings: dict[str, Any]) -> None:
    x, y = data()
    estimator = kind(**settings)
    before = set(vars(estimator))
    with pytest.raises((ValueError, p.NonFiniteError)):
        estimator.fit(x, y)
    assert set(vars(estimator)) == before
    with pytest.raises(NotFittedError):
        estimator.predict(x)


@pytest.mark.parametrize("settings", BAD, ids=str)
def test_a_refit_that_fails_leaves_what_was_fitted(settings: dict[str, Any]) -> None:
    x, y = data()
    classifier = quick().fit(x, y)
    expected, network, history = classifier.predict_proba(x), classifier.network_, len(classifier.history_.batches)
    other = np.array(["p", "q", "r"])[np.arange(40) % 3]
    with pytest.raises((ValueError, p.NonFiniteError)):
        classifier.set_params(**settings).fit(np.hstack([x, x]) if settings == {"epochs": 0} else x, other)
    assert classifier.classes_.tolist() == [0, 1]
    assert classifier.n_features_in_ == 3
    assert classifier.network_ is network
    assert len(classifier.history_.batches) == history
    assert_array_equal(classifier.predict_proba(x), expected)


def test_a_refit_with_weights_of_zero_leaves_what_was_fitted() -> None:
    x, y = data()
    classifier = quick().fit(x, y)
    expected = classifier.predict_proba(x)
    with pytest.raises(p.DataError, match="zero"):
        classifier.fit(np.hstack([x, x]), y + 5, np.zeros(40))
    assert_array_equal(classifier.predict_proba(x), expected)


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_going_on_that_fails_keeps_weights_and_the_optimisers_memory(call: str) -> None:
    x, y = data()

    def begun() -> Any:
        return quick(warm_start=True, batch_size=4).partial_fit(x, y, classes=[0, 1])

    classifier, untouched = begun(), begun()
    with pytest.raises(p.NonFiniteError):
        getattr(classifier.set_params(lr=1e30), call)(x, y)
    assert_array_equal(weights(classifier), weights(untouched))
    classifier.set_params(lr=0.005).partial_fit(x, y)
    assert_array_equal(weights(classifier), weights(untouched.partial_fit(x, y)))


def test_a_first_partial_fit_that_fails_asks_for_the_classes_again() -> None:
    x, y = data()
    classifier = quick()
    with pytest.raises(p.DataError, match="zero"):
        classifier.partial_fit(x, y, [0, 1], sample_weight=np.zeros(40))
    with pytest.raises(p.ArgumentError, match="classes: must be given"):
        classifier.partial_fit(x, y)


def test_an_interrupted_fit_keeps_what_was_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    classifier = quick(warm_start=True)
    real = p.training.fit

    def interrupted(*args: Any, **settings: Any) -> Any:
        real(*args, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(p.training, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(x, y)
    first = weights(classifier)
    assert_array_equal(first, weights_of(real, x, y, monkeypatch))
    monkeypatch.setattr(p.training, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(x, y)
    assert not np.array_equal(weights(classifier), first)
    assert classifier.score(x, y) > 0.5


def weights_of(fit: Any, x: Any, y: Any, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """What a whole training learns."""
    monkeypatch.setattr(p.training, "fit", fit)
    return weights(quick().fit(x, y))
