"""What the tests of estimators share: one that trains in a moment, data for it, and what came of it."""

import pickle
from typing import Any

import numpy as np

from pellucid.interop.sklearn import ConvClassifier


def quick(**settings: Any) -> ConvClassifier:
    return ConvClassifier(**{"epochs": 5, "lr": 0.005, "random_state": 0, **settings})


def data(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(1).normal(size=(count, 3))
    return x, (x[:, 0] + x[:, 1] ** 2 > 0.5).astype(int)


def weights(estimator: Any) -> np.ndarray:
    """All of its network's weights."""
    return np.concatenate([q.data.ravel() for q in estimator.network_.parameters().values()])


def pickled(estimator: Any) -> Any:
    """What comes out of a pickle of it."""
    return pickle.loads(pickle.dumps(estimator))  # noqa: S301
