"""Estimators: what goes in, what network it becomes, and how trainings go on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import r2_score

import pellucid as p
from oracles.estimators import data, pickled, quick, weights
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.interop.sklearn import ConvRegressor
from pellucid.training import Callback, Training


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """200 of the digits, 0 … 3, as images (N, 8, 8) of floats."""
    images, labels = load_digits(n_class=4, return_X_y=True)
    return images[:200].reshape(-1, 8, 8), labels[:200]


# ---- what goes in


def test_images_come_in_any_shape(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    rows = images.reshape(len(images), -1)
    whole = quick().fit(images, labels)
    flat = quick(image_shape=(8, 8)).fit(rows, labels)
    channels = quick(image_shape=[1, 8, 8]).fit(images[:, None], labels)
    listed = quick().fit(images.tolist(), labels.tolist())
    assert whole.input_shape_ == flat.input_shape_ == channels.input_shape_ == (1, 8, 8)
    assert whole.n_features_in_ == 64
    expected = whole.predict_proba(images)
    for other, x in ((flat, rows), (channels, images), (listed, list(images)), (whole, rows)):
        assert_array_equal(other.predict_proba(x), expected)
    assert whole.score(images, labels) > 0.95


def test_features_are_no_images() -> None:
    x, y = load_iris(return_X_y=True)
    classifier = quick(epochs=20).fit(x, y)
    assert classifier.network_.input_shape == (4,)
    assert classifier.score(x, y) > 0.9


def test_features_are_standardised_in_the_network() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([1000 + rng.normal(size=90), rng.normal(size=90) / 1000, np.full(90, 7.3)], axis=1)
    classifier = quick().fit(x, x[:, 1] > 0)
    assert_allclose(classifier.network_.scaling.means[:2], x.astype(np.float32).mean(axis=0)[:2], rtol=1e-3, atol=1e-6)
    assert_allclose(classifier.network_.scaling.deviations, [*x.std(axis=0)[:2], 1], rtol=1e-3)
    assert classifier.score(x, x[:, 1] > 0) > 0.9


def test_bytes_are_divided_by_255_and_mean_the_same_in_every_type(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = (digits[0] * 15).astype(np.uint8), digits[1]
    classifier = quick().fit(images, labels)
    assert classifier.network_.scaling == p.Scaling()
    assert_allclose(classifier.predict_proba(images.astype(float)), classifier.predict_proba(images), atol=1e-6)
    assert_allclose(classifier.predict_proba(images), p.predict_proba(classifier.network_, images), atol=1e-6)
    floats = quick().fit(images.astype(float), labels)
    assert_array_equal(floats.predict_proba(images), floats.predict_proba(images.astype(np.float32)))


def test_bytes_that_are_no_images_are_features() -> None:
    x = np.random.default_rng(0).integers(0, 9, (60, 3)).astype(np.uint8)
    assert_array_equal(quick().fit(x, x[:, 0] > 4).predict(x), quick().fit(x.astype(float), x[:, 0] > 4).predict(x))


@pytest.mark.parametrize(
    "names",
    [["no", "yes"], np.array(["no", "yes"], object), [-3, 7], [False, True], [0.0, 1.0]],
    ids=["text", "objects", "numbers", "truth", "floats"],
)
def test_labels_of_any_kind(names: Any) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = np.asarray(names)[(x[:, 0] > 0).astype(int)]
    classifier = quick(epochs=20).fit(x, y)
    assert classifier.classes_.tolist() == list(names)
    assert classifier.predict(x).dtype == y.dtype
    assert classifier.predict_proba(x).shape == (60, 2)
    assert classifier.score(x, y) > 0.9
    assert classifier.network_.class_names == tuple(map(str, names))


def test_a_column_of_labels_is_warned_of() -> None:
    x = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.warns(DataConversionWarning, match="column-vector"):
        quick(epochs=1).fit(x, (x[:, :1] > 0).astype(int))


# ---- networks


def little(num_classes: int, input_shape: Any, **options: Any) -> p.Sequential:
    layers = [p.Conv2d(input_shape[0], 4, 3), p.ReLU(), p.Flatten(), p.Linear(144, num_classes)]
    return p.Sequential(layers, input_shape=input_shape, **options)


def gated(num_classes: int, input_shape: Any, **options: Any) -> p.Graph:
    nodes: dict[str, Any] = {
        "conv1": (p.Conv2d(input_shape[0], 4, 3), "input"),
        "gate": (p.Sigmoid(), "conv1"),
        "both": (p.joins.Multiply(), "conv1", "gate"),
        "flat": (p.Flatten(), "both"),
        "head": (p.Linear(144, num_classes), "flat"),
    }
    return p.Graph(nodes, input_shape=input_shape, **options)


@pytest.mark.parametrize(
    "architecture",
    ["small", "notebook", little, gated, [p.Conv2d(1, 4, 3), p.ReLU(), p.Flatten(), p.Linear(144, 4)]],
    ids=["small", "notebook", "function", "graph", "layers"],
)
def test_architectures(architecture: Any, digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    classifier = quick(architecture=architecture, epochs=10).fit(images, labels)
    assert classifier.score(images, labels) > 0.95
    assert_array_equal(pickled(classifier).predict_proba(images), classifier.predict_proba(images))
    if isinstance(architecture, list):
        assert not any(id(layer) in set(map(id, architecture)) for layer in classifier.network_)
        assert_array_equal(weights(clone(classifier).fit(images, labels)), weights(classifier))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"architecture": "lenett"}, ArgumentError, "did you mean 'lenet'"),
        ({"architecture": 3}, ArgumentError, "expected \"auto\", the name of a model"),
        ({"architecture": [p.Flatten(), p.Linear(64, 10)]}, ShapeError, r"4 outputs .* \(10,\); .*Linear\(10, 4\)"),
        ({"architecture": [p.Conv2d(1, 4, 3)]}, ShapeError, r"give \(4, 6, 6\); end with Flatten\(\)"),
        ({"architecture": lambda *_, **__: None}, ArgumentError, "return a network .* received None"),
        ({"image_shape": (4, 4)}, ShapeError, r"but X has images of shape \(1, 8, 8\)"),
        ({"image_shape": 64}, ArgumentError, r"expected \(height, width\)"),
        ({"batch_size": "big"}, ArgumentError, 'a whole number or "auto"'),
        ({"epochs": 0}, ArgumentError, "epochs"),
        ({"optimizer": "adm"}, ArgumentError, "did you mean 'adam'"),
        ({"augment": ["crop:9"]}, ArgumentError, "out of sight"),
        ({"early_stopping": "yes"}, ArgumentError, "expected True, False or an EarlyStopping"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_at_fit(
    settings: dict[str, Any], error: type[Exception], message: str, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    with pytest.raises(error, match=message):
        quick(**settings).fit(*digits)


def test_pixels_in_rows_must_be_said_to_be_images(digits: tuple[np.ndarray, np.ndarray]) -> None:
    rows = digits[0].reshape(-1, 64)
    with pytest.raises(ArgumentError, match=r"say image_shape=\(height, width\)"):
        quick(architecture="small").fit(rows, digits[1])
    with pytest.raises(ShapeError, match=r"1·8·9 = 72 pixels were said, but X has 64 features"):
        quick(image_shape=(8, 9)).fit(rows, digits[1])
    classifier = quick(image_shape=(8, 8), epochs=1).fit(rows, digits[1])
    with pytest.raises(ShapeError, match=r"expected images of shape \(1, 8, 8\), as in fit, received \(1, 4, 16\)"):
        classifier.predict(digits[0].reshape(-1, 4, 16))


def test_augmentation_by_name(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    named = quick(augment=["crop:1"]).fit(images, labels)
    made = quick(augment=[p.augment.Crop(padding=1)]).fit(images, labels)
    assert_array_equal(weights(named), weights(made))
    assert not np.array_equal(weights(named), weights(quick().fit(images, labels)))


def test_the_network_is_the_librarys_own(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    images, labels = digits
    classifier = quick().fit(images, labels)
    p.save(classifier.network_, tmp_path / "digits.safetensors")
    loaded = p.load(tmp_path / "digits.safetensors")
    assert_array_equal(p.predict_classes(loaded, images.astype(np.float32)), classifier.predict(images))
    assert p.evaluate(classifier.network_, (images, labels))["accuracy"] == classifier.score(images, labels)


def test_a_whole_number_is_the_networks_seed_and_none_draws_one() -> None:
    x, y = data()
    assert quick(random_state=7, epochs=1).fit(x, y).network_.seed == 7
    before = np.random.get_state()
    np.random.seed(1)
    first = quick(random_state=None, epochs=1).fit(x, y)
    other = quick(random_state=None, epochs=1).fit(x, y)
    np.random.seed(1)
    again = quick(random_state=None, epochs=1).fit(x, y)
    np.random.set_state(before)
    assert_array_equal(weights(again), weights(first))
    assert other.seed_ != first.seed_


def test_a_regressor_learns_several_numbers_far_from_zero() -> None:
    x = np.random.default_rng(0).normal(size=(200, 4))
    y = np.stack([1e4 + x[:, 0], x[:, 1] * 1e-3, np.full(200, 5.5)], axis=1)
    regressor = ConvRegressor(random_state=0).fit(x, y)
    assert regressor.predict(x).shape == (200, 3)
    assert_allclose(regressor.predict(x)[:, 2], 5.5, atol=0.3)
    assert r2_score(y[:, :2], regressor.predict(x)[:, :2]) > 0.9
    assert ConvRegressor(random_state=0, epochs=1).fit(x, y[:, 0]).predict(x).shape == (200,)


# ---- going on


def test_partial_fit_is_one_training() -> None:
    """With the whole data as one batch, so many calls are so many epochs: Adam's memory goes on."""
    x, y = data()
    settings: dict[str, Any] = {"batch_size": 40, "optimizer": "adam", "schedule": None}
    whole = quick(epochs=6, **settings).fit(x, y)
    parts = quick(**settings)
    for _ in range(6):
        parts.partial_fit(x, y, classes=[0, 1])
    assert_allclose(weights(parts), weights(whole), atol=1e-4)
    assert [epoch["epoch"] for epoch in parts.history_.epochs] == [1, 2, 3, 4, 5, 6]
    assert parts.n_iter_ == 6
    again = pickled(parts).partial_fit(x, y)
    assert_array_equal(weights(again), weights(parts.partial_fit(x, y)))


def test_partial_fit_must_know_all_classes() -> None:
    x, y = data()
    with pytest.raises(ArgumentError, match="first call"):
        quick().partial_fit(x, y)
    classifier = quick().partial_fit(x, y, classes=[0, 1, 2])  # the third may come later
    assert classifier.predict_proba(x).shape == (40, 3)
    with pytest.raises(ArgumentError, match=r"expected those of the first call, \[0, 1, 2\]"):
        classifier.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(DataError, match=r"received \[7\] too"):
        classifier.partial_fit(x, np.where(y, 7, 0))
    with pytest.raises(ArgumentError, match="balanced"):
        quick(class_weight="balanced").partial_fit(x, y, classes=[0, 1])


def test_a_chunk_without_the_first_class_is_no_slip() -> None:
    x, y = data()
    quick().partial_fit(x, y + 1, classes=[0, 1, 2])


def test_partial_fit_of_a_regressor() -> None:
    x, _ = data()
    regressor = ConvRegressor(random_state=0, lr=0.01)
    for _ in range(100):
        regressor.partial_fit(x, 3 * x[:, 0])
    assert regressor.score(x, 3 * x[:, 0]) > 0.95
    with pytest.raises(DataError, match="expected 1 numbers a sample, received 2"):
        regressor.partial_fit(x, x[:, :2])


def test_warm_start_goes_on() -> None:
    x, y = data()
    classifier = quick(warm_start=True).fit(x, y)
    first, loss = weights(classifier), classifier.history_.epochs[-1]["loss"]
    network = classifier.network_
    classifier.fit(x, y)
    assert classifier.network_ is network
    assert classifier.n_iter_ == 10
    assert classifier.history_.epochs[-1]["loss"] < loss
    assert not np.array_equal(weights(classifier), first)
    assert_array_equal(weights(classifier.set_params(warm_start=False).fit(x, y)), first)
    with pytest.raises(DataError, match=r"received \[5\] too"):
        classifier.set_params(warm_start=True).fit(x, np.where(y, 5, 0))


def test_early_stopping_holds_out_and_ends() -> None:
    x, _ = data(100)
    noise = np.random.default_rng(3).integers(0, 2, 100)  # nothing to be learnt
    classifier = quick(early_stopping=True, epochs=200, lr=0.01).fit(x, noise)
    assert classifier.n_iter_ < 200
    assert "val_loss" in classifier.history_.epochs[-1]
    best = min(range(classifier.n_iter_), key=lambda epoch: classifier.history_.epochs[epoch]["val_loss"])
    assert best == classifier.n_iter_ - 11
    once = p.EarlyStopping("val_accuracy", patience=1)
    assert quick(early_stopping=once, epochs=50).fit(x, noise).n_iter_ < 50


def test_logarithms_of_probabilities_are_finite_where_these_are_zero() -> None:
    x, y = data()
    classifier = quick().fit(x, y)
    assert_allclose(classifier.predict_log_proba(x), np.log(classifier.predict_proba(x)), rtol=1e-5, atol=1e-6)
    far = np.full((1, 3), 1e5)
    assert classifier.predict_proba(far).min() == 0
    logarithms = classifier.predict_log_proba(far)
    assert logarithms.dtype == np.float64
    assert np.isfinite(logarithms).all()
    assert logarithms.min() < -1000


class Keeps(Callback):
    """Keeps the training that it has listened to."""

    def on_begin(self, training: Training) -> None:
        self.training = training


@pytest.mark.parametrize("kind", [p.TensorBoard, p.KeepBest, Keeps])
def test_an_estimator_whose_callbacks_have_been_used_can_be_cloned(kind: Any, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install '.[tensorboard]'")
    images, labels = data()
    callback = kind() if kind is Keeps else kind(tmp_path / "kept")
    if kind is p.KeepBest:
        callback.monitor = "loss"
    estimator = quick(callbacks=[callback]).fit(images, labels)
    assert_array_equal(pickled(estimator).predict(images), estimator.predict(images))
    copy = clone(estimator)
    assert [type(each) for each in copy.callbacks] == [kind]
    assert copy.callbacks[0] is not callback
