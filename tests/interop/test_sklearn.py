"""Estimators in scikit-learn: its own checks, its tools, pickles, and threads."""

import copy
import io
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

import pellucid as p
from oracles.estimators import data, pickled, quick, weights
from pellucid.interop.sklearn import ConvClassifier, ConvRegressor
from pellucid.interop.sklearn.threads import threads_for

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(autouse=True)
def own_numbers(no_leak: None) -> Iterator[None]:
    """Let every test draw from NumPy's global generator, as estimators without a random_state do."""
    state = np.random.get_state()
    yield
    np.random.set_state(state)


@pytest.fixture(scope="module")
def workers() -> Iterator[int]:
    """Two processes of joblib's, which end with these tests."""
    yield 2
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """200 of the digits, 0 … 3, as images (N, 8, 8) of floats."""
    images, labels = load_digits(n_class=4, return_X_y=True)
    return images[:200].reshape(-1, 8, 8), labels[:200]


# ---- scikit-learn's own checks


@parametrize_with_checks(
    [
        ConvClassifier(),
        ConvRegressor(),
        ConvClassifier(early_stopping=True, optimizer="adamw", lr=0.002, schedule="cosine", batch_size=16),
        ConvRegressor(early_stopping=True, optimizer="momentum", lr=0.01, batch_size=32),
    ]
)
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


# ---- scikit-learn's tools


def test_in_a_pipeline_and_cross_validated() -> None:
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), quick(epochs=30, lr=0.01))
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.9
    with pytest.raises(NotFittedError):
        pipeline.predict(x)


def test_in_a_pipeline_with_names() -> None:
    pytest.importorskip("pandas")
    x, y = load_iris(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler(), quick(epochs=2)).set_output(transform="pandas").fit(x, y)
    assert pipeline[-1].feature_names_in_.tolist() == x.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        pipeline[-1].predict(x.rename(columns={x.columns[0]: "other"}))


def test_searched_by_two_processes(digits: tuple[np.ndarray, np.ndarray], workers: int) -> None:
    search = GridSearchCV(
        quick(epochs=3), {"architecture": ["small", "notebook"], "lr": [1e-5, 0.005]}, cv=2, n_jobs=workers
    )
    search.fit(*digits)
    assert search.best_params_["lr"] == 0.005
    assert search.best_estimator_.score(*digits) > 0.9
    alone = clone(search.best_estimator_).fit(*digits)
    assert_array_equal(weights(alone), weights(search.best_estimator_))


def test_calibrated(digits: tuple[np.ndarray, np.ndarray]) -> None:
    calibrated = CalibratedClassifierCV(quick(image_shape=(8, 8)), cv=2, method="isotonic")
    assert calibrated.fit(digits[0].reshape(-1, 64), digits[1]).score(digits[0].reshape(-1, 64), digits[1]) > 0.9


class Halved(p.Layer):
    """A layer of a user's own."""

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, training: bool = False) -> Any:
        return self.accept(x) / 2

    def backward(self, grad_output: Any) -> Any:
        return grad_output / 2


@pytest.mark.parametrize("architecture", ["auto", [Halved(), p.Flatten(), p.Linear(64, 4)]], ids=["auto", "own"])
def test_pickled_copied_and_dumped(architecture: Any, digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    classifier = quick(architecture=architecture).fit(images, labels)
    file = io.BytesIO()
    joblib.dump(classifier, file)
    file.seek(0)
    expected = classifier.predict_proba(images)
    for other in (pickled(classifier), copy.deepcopy(classifier), joblib.load(file)):
        assert_array_equal(other.predict_proba(images), expected)
        assert repr(other) == repr(classifier)
    assert b"__metadata__" in pickle.dumps(classifier)  # the network as the bytes of its file
    assert joblib.hash(classifier) == joblib.hash(pickled(classifier))


# ---- threads


def test_as_many_threads_as_others_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELLUCID_THREADS", raising=False)
    free = threads_for(None)
    with threadpool_limits(1):
        assert threads_for(None) == 1
        assert threads_for(3) == 3
        monkeypatch.setenv("PELLUCID_THREADS", "5")
        assert threads_for(None) == 5
        monkeypatch.delenv("PELLUCID_THREADS")
    with threadpool_limits(1, user_api="blas"):
        assert threads_for(None) == free
    with threadpool_limits(1000):
        assert threads_for(None) <= joblib.cpu_count()
    assert threads_for(None) == free


def test_processes_of_joblib_share_the_processors(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELLUCID_THREADS", raising=False)
    found = joblib.Parallel(workers)(joblib.delayed(threads_for)(None) for _ in range(4))
    assert set(found) == {max(1, joblib.cpu_count() // workers)}


def test_estimators_ask_how_many_threads_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    asked: list[int | None] = []

    def one(threads: int | None) -> int:
        asked.append(threads)
        return 1

    for module in ("base", "classifier", "regressor"):
        monkeypatch.setattr(f"pellucid.interop.sklearn.{module}.threads_for", one)
    quick(epochs=1, threads=2).fit(x, y).predict(x)
    ConvRegressor(epochs=1).fit(x, y).predict(x)
    assert asked == [2, 2, None, None]


# ---- without scikit-learn


def test_without_scikit_learn_the_extra_is_named() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); sys.modules['sklearn'] = None\n"
        "import pellucid\n"
        "try:\n    from pellucid.interop.sklearn import ConvClassifier\n"
        "except pellucid.MissingExtraError as error:\n    print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install '.[sklearn]' in Pellucid's folder" in result.stdout
