"""A regressor's network answers in the units of y, whatever it ends with and whatever y's size is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

import pellucid as p
from oracles.estimators import data, pickled
from pellucid import joins
from pellucid.interop.sklearn import ConvRegressor


def regressor(**settings: Any) -> ConvRegressor:
    return ConvRegressor(**{"epochs": 5, "random_state": 0, **settings})


def branching(outputs: int, input_shape: tuple[int, ...], **options: Any) -> p.Graph:
    nodes: dict[str, Any] = {
        "one": (p.Linear(3, outputs), "input"),
        "two": (p.Linear(3, outputs), "input"),
        "sum": (joins.Add(), "one", "two"),
    }
    return p.Graph(nodes, input_shape=input_shape, **options)


def with_head(outputs: int, input_shape: tuple[int, ...], **options: Any) -> p.Graph:
    nodes: dict[str, Any] = {"hidden": (p.Linear(3, 4), "input"), "head": (p.Linear(4, outputs), "hidden")}
    return p.Graph(nodes, input_shape=input_shape, **options)


ARCHITECTURES: dict[str, Any] = {
    "auto": "auto",
    "ends with ReLU": [p.Linear(3, 4), p.Linear(4, 2), p.LeakyReLU()],
    "no bias": [p.Linear(3, 2, bias=False)],
    "nested": [p.Linear(3, 4), p.Sequential([p.ReLU(), p.Linear(4, 2)])],
    "a name that is taken": [("scale", p.Linear(3, 4)), p.ReLU(), p.Linear(4, 2), p.Tanh()],
    "a join": branching,
    "a graph's head": with_head,
}


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_the_network_of_a_regressor_gives_what_it_predicts(architecture: Any, tmp_path: Path) -> None:
    x, _ = data()
    y = np.stack([1000 + 50 * x[:, 0], 3 * x[:, 1]], axis=1)
    fitted = regressor(architecture=architecture).fit(x, y)
    expected = fitted.predict(x)
    assert_allclose(p.predict(fitted.network_, x), expected, rtol=1e-5, atol=1e-4)
    p.save(fitted.network_, tmp_path / "numbers.safetensors")
    assert_allclose(p.predict(p.load(tmp_path / "numbers.safetensors"), x), expected, rtol=1e-5, atol=1e-4)
    losses = p.evaluate(fitted.network_, (x.astype(np.float32), y.astype(np.float32)), loss=p.MeanSquaredError())
    assert losses["loss"] == pytest.approx(np.mean((expected - y) ** 2), rel=1e-3)
    assert_array_equal(pickled(fitted).predict(x), expected)


@pytest.mark.parametrize("where", [(1e9, 1.0), (0.0, 1e200), (0.0, 1e-200), (5.0, 1e38)])
def test_it_is_in_float64_where_float32_holds_too_little(where: tuple[float, float]) -> None:
    x, _ = data()
    mean, scale = where
    y = mean + scale * x[:, 0]
    fitted = regressor(epochs=20).fit(x, y)
    assert fitted.network_.dtype == np.float64
    shares = (p.predict(fitted.network_, x)[:, 0] - mean) / scale
    assert_allclose(shares, (fitted.predict(x) - mean) / scale, rtol=1e-4, atol=1e-5)
    assert regressor(epochs=1).fit(x, x[:, 0]).network_.dtype == np.float32


def test_going_on_trains_what_was_trained_and_shows_it() -> None:
    x, _ = data()
    y = 100 + 7 * x[:, 0]
    looked, not_looked = (regressor(warm_start=True) for _ in range(2))
    for _ in range(3):
        looked.partial_fit(x, y)
        not_looked.partial_fit(x, y)
        first = looked.network_
        assert looked.network_ is first
    assert_array_equal(looked.predict(x), not_looked.predict(x))
    looked.fit(x, y)
    assert looked.network_ is not first
    assert_allclose(p.predict(looked.network_, x)[:, 0], looked.predict(x), rtol=1e-5)
    with pytest.raises(p.DataError):
        looked.fit(x, y, np.zeros(len(x)))
    assert_allclose(p.predict(looked.network_, x)[:, 0], looked.predict(x), rtol=1e-5)


def test_there_is_none_before_a_training() -> None:
    assert not hasattr(regressor(), "network_")
    with pytest.raises(NotFittedError, match="not fitted"):
        regressor().network_  # noqa: B018
