"""Estimators: what other libraries' arrays, classes, settings and pickles are refused, and with which words."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import pellucid as p
from oracles.estimators import data, pickled, quick
from pellucid.interop.sklearn import ConvClassifier, ConvRegressor

# ---- arrays of other libraries


class Tensor:
    """Numbers of another library's, on the CPU, which NumPy may not have where they require grad."""

    def __init__(self, values: np.ndarray, requires_grad: bool = True):
        self.values, self.requires_grad = values, requires_grad
        self.ndim, self.shape, self.dtype = values.ndim, values.shape, values.dtype

    def __len__(self) -> int:
        return len(self.values)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **_: Any) -> Any:
        return self.values.__dlpack__()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self.values.astype(dtype or self.values.dtype)


@pytest.mark.parametrize("shape", [(40, 3), (40, 3, 3), (40, 1, 3, 3)])
def test_what_numpy_cannot_take_is_refused_by_its_name(shape: tuple[int, ...]) -> None:
    x, y = np.random.default_rng(0).random(shape), np.arange(40) % 2
    classifier = quick(epochs=1).fit(Tensor(x, requires_grad=False), Tensor(y, requires_grad=False))
    assert_array_equal(classifier.predict_proba(x), quick(epochs=1).fit(x, y).predict_proba(x))
    with pytest.raises(p.DataError, match=r"^X: .* a Tensor that requires grad; write x\.detach\(\)"):
        quick().fit(Tensor(x), y)
    with pytest.raises(p.DataError, match=r"^X: .* requires grad"):
        classifier.predict(Tensor(x))
    with pytest.raises(p.DataError, match=r"^y: .* requires grad"):
        quick().fit(x, Tensor(y))
    with pytest.raises(p.DataError, match=r"^sample_weight: .* requires grad"):
        quick().fit(x, y, sample_weight=Tensor(np.ones(40)))


def test_tensors_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    images, y = torch.rand(40, 1, 6, 6), np.arange(40) % 2
    for x in (images, images[:, 0, 0]):
        quick(epochs=1).fit(x, torch.tensor(y))
        with pytest.raises(p.DataError, match="requires grad"):
            quick().fit(x.clone().requires_grad_(), y)
        with pytest.raises(p.DataError, match="convert it to float32 first"):
            quick().fit(x.bfloat16(), y)
        with pytest.raises(p.DataError, match=r"^X: expected an array of numbers"):
            quick().fit(x.to("meta"), y)


# ---- classes


@pytest.mark.parametrize(
    "classes",
    [[], [[0, 1], [2, 3]], [0, 1, 2, np.nan], np.array(["a", 1], object), "abc", 5, np.array([0, 1, np.nan], object)],
    ids=str,
)
def test_what_is_no_list_of_classes_is_refused(classes: Any) -> None:
    x, y = data()
    with pytest.raises(p.ArgumentError, match=r"classes: expected a list of classes, such as \[0, 1, 2\], received"):
        quick().partial_fit(x, y, classes)
    with pytest.raises(p.ArgumentError, match="classes: expected a list"):
        quick().partial_fit(x, y, [0, 1]).partial_fit(x, y, [[0, 1]])


def test_labels_stand_in_messages_as_one_writes_them() -> None:
    x, y = data()
    with pytest.raises(p.DataError, match=r"received one class, 0$"):
        quick().fit(x, 0 * y)
    with pytest.raises(p.DataError, match=r"received one class, 'a'$"):
        quick().partial_fit(x, np.full(40, "a"), ["a"])


# ---- settings


@pytest.mark.parametrize("augment", [3, 0.5, {"crop": 2}])
def test_what_is_no_list_of_augmentations_is_refused(augment: Any) -> None:
    images = np.random.default_rng(0).random((10, 8, 8))
    with pytest.raises(p.ArgumentError, match="augment: expected a list of augmentations"):
        quick(augment=augment).fit(images, np.arange(10) % 2)


# ---- pickles


def changed(fitted: Any, **changes: Any) -> dict[str, Any]:
    """The state of a pickle in which something is another, or missing where it is None."""
    state = {**fitted.__getstate__(), **changes}
    return {name: value for name, value in state.items() if value is not None or name == "_saved"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_saved": 3}, "3 is no network"),
        ({"_saved": None}, "None is no network"),
        ({"_saved": (b"",)}, "is no network"),
        ({"_saved": ("a", [])}, "no bytes"),
        ({"_saved": (b"", [])}, "network's bytes"),
        ({"_bytes": None}, "_bytes is missing"),
        ({"_memory": None, "n_iter_": None}, "n_iter_, _memory is missing"),
        ({"classes_": np.array([0])}, r"from \(3,\) to \(2,\), but .* from \(3,\) to \(1,\)"),
        ({"classes_": 7}, "is no network"),
        ({"input_shape_": (4,)}, r"from \(4,\) to \(2,\)"),
        ({"input_shape_": 4}, "is no network"),
    ],
)
def test_a_damaged_pickle_is_refused(changes: dict[str, Any], message: str) -> None:
    state = changed(quick(epochs=1).fit(*data()), **changes)
    with pytest.raises(p.ModelFileError, match=message):
        ConvClassifier().__setstate__(state)


def test_a_cut_or_foreign_network_in_a_pickle_is_refused() -> None:
    classifier = quick(epochs=1, architecture=[p.Linear(3, 2)]).fit(*data())
    content, _ = classifier.__getstate__()["_saved"]
    for saved in ((content[:100], []), (content, [int]), (content, 5)):
        with pytest.raises(p.ModelFileError):
            ConvClassifier().__setstate__(changed(classifier, _saved=saved))


def test_pickles_of_regressors_know_their_targets() -> None:
    x, _ = data()
    regressor = ConvRegressor(epochs=1, random_state=0).fit(x, x[:, 0])
    assert_array_equal(pickled(regressor).predict(x), regressor.predict(x))
    for name in ("target_mean_", "target_scale_", "_single"):
        with pytest.raises(p.ModelFileError, match=f"{name} is missing"):
            ConvRegressor().__setstate__(changed(regressor, **{name: None}))


def test_an_estimator_that_is_not_fitted_is_pickled_too() -> None:
    assert repr(pickled(quick())) == repr(quick())
