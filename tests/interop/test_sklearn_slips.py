"""Estimators: what looks like a slip is refused or warned of, with the way out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import pellucid as p
from oracles.estimators import quick
from pellucid.interop.sklearn import ConvRegressor


def pictures(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of bytes, of this shape, and a class for each."""
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    return images, np.arange(len(images)) % 2


# ---- an estimator where a network is expected


@pytest.mark.parametrize(
    "use",
    [
        p.summary,
        p.lower,
        p.compile,
        p.unfreeze,
        lambda network: p.freeze(network, until="conv1"),
        lambda network: p.save(network, "network.safetensors"),
        lambda network: p.save_onnx(network, "network.onnx"),
        lambda network: p.load_weights(network, "network.safetensors"),
        lambda network: p.predict(network, np.zeros((1, 1, 8, 8))),
        lambda network: p.evaluate(network, pictures(4, 1, 8, 8)),
        lambda network: p.fit(network, pictures(4, 1, 8, 8)),
        lambda network: p.plots.filters(network),
        lambda network: p.plots.feature_maps(network, np.zeros((1, 8, 8))),
        lambda network: p.plots.saliency(network, np.zeros((1, 1, 8, 8))),
        lambda network: p.plots.confusion(network, pictures(4, 1, 8, 8)),
    ],
)
def test_where_a_network_is_expected_an_estimator_is_told_where_it_has_one(
    use: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    classifier = quick(epochs=1).fit(*pictures(8, 8, 8))
    message = r"expected a Sequential or Graph.*ConvClassifier\(.*; of an estimator pass estimator\.network_"
    with pytest.raises(p.ArgumentError, match=message):
        use(classifier)
    with pytest.raises(p.ArgumentError, match=r"expected a Sequential or Graph.*received 'lenet'(?!; of)"):
        use("lenet")


# ---- channels


@pytest.mark.parametrize("shape", [(8, 32, 32, 3), (8, 8, 8, 1), (8, 20, 5, 4)])
def test_images_with_their_channels_last_are_refused(shape: tuple[int, ...]) -> None:
    images, labels = pictures(*shape)
    first = np.moveaxis(images, -1, 1)
    with pytest.raises(
        p.ShapeError, match=r"X: images of .* channels last; .*: write np\.moveaxis\(X, -1, 1\), or, if"
    ):
        quick().fit(images, labels)
    sizes = ", ".join(map(str, shape[1:]))
    stated = rf"image_shape: .* channels come first: write np\.moveaxis\(X\.reshape\(-1, {sizes}\), -1, 1\) for X"
    with pytest.raises(p.ShapeError, match=stated):
        quick(image_shape=shape[1:]).fit(images.reshape(len(images), -1), labels)
    classifier = quick(epochs=1, architecture=flat(first.shape[1:])).fit(first, labels)
    with pytest.raises(p.ShapeError, match="channels last"):
        classifier.predict(images)
    assert classifier.input_shape_ == first.shape[1:]


def test_what_may_well_have_its_channels_first_is_taken() -> None:
    for shape in ((3, 8, 8), (1, 8, 3), (2, 50, 1), (4, 4, 4)):
        images, labels = pictures(8, *shape)
        assert quick(epochs=1, architecture=flat(shape)).fit(images, labels).input_shape_ == shape


def flat(shape: tuple[int, ...]) -> list[p.Layer]:
    return [p.Flatten(), p.Linear(int(np.prod(shape)), 2)]


# ---- units


def test_the_network_takes_what_the_estimator_took_and_warns_of_bytes_where_that_was_larger_floats() -> None:
    images, labels = pictures(20, 1, 8, 8)
    digits = images // 16
    classifier = quick().fit(digits.astype(float), labels)
    expected = classifier.predict_proba(digits)
    np.testing.assert_allclose(p.predict_proba(classifier.network_, digits.astype(float)), expected, atol=1e-6)
    with pytest.warns(UserWarning, match="the images are uint8, which is divided by 255, but the network was trained"):
        p.predict(classifier.network_, digits)


def test_an_estimator_of_bytes_warns_of_floats_that_were_divided_by_255() -> None:
    images, labels = pictures(20, 8, 8)
    classifier = quick(warm_start=True).fit(images, labels)
    for use in (classifier.predict, lambda x: classifier.fit(x, labels)):
        with pytest.warns(
            UserWarning, match=r"^X: floats from 0 to 1, but .* trained on uint8.*from 0 to 255$"
        ) as caught:
            use(images / 255.0)
        assert [Path(each.filename) for each in caught] == [Path(__file__)]
    black, dark, halves = np.zeros((1, 8, 8)), np.ones((1, 8, 8)), images + 0.5
    for meant in (images, images.astype(float), images.astype(int), black, dark, halves):
        classifier.predict(meant)


def test_an_estimator_of_floats_from_0_to_1_warns_of_images_that_nobody_divided() -> None:
    images, labels = pictures(20, 8, 8)
    classifier = quick().fit(images / 255.0, labels)
    for undivided in (images, images.astype(float)):
        with pytest.warns(
            UserWarning, match=r"^X: numbers up to 255, but this estimator was trained on pixels from 0 to 1"
        ):
            classifier.predict(undivided)
    classifier.predict(images / 255.0)
    classifier.predict(images // 128)
    quick().fit(images.astype(float), labels).predict(images)


# ---- settings


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ({"validation": 0.1}, "ConvClassifier(early_stopping=True, validation_fraction=0.1) holds samples out of X"),
        ({"eval_set": []}, "ConvClassifier(early_stopping=True, validation_fraction=0.1) holds samples out of X"),
        ({"epochs": 3}, "say ConvClassifier(epochs=…)"),
        ({"callbacks": []}, "say ConvClassifier(callbacks=…)"),
        ({"loss": None}, "all settings are ConvClassifier's own, as in ConvClassifier(epochs=10)"),
    ],
)
def test_what_fit_does_not_take_is_refused_with_the_place_of_it(given: dict[str, Any], fix: str) -> None:
    message = f"ConvClassifier.fit: expected X, y and sample_weight, received {next(iter(given))}= too; {fix}"
    with pytest.raises(p.ArgumentError) as caught:
        quick().fit(*pictures(8, 8, 8), **given)
    assert str(caught.value) == message
    with pytest.raises(p.ArgumentError, match=r"^ConvRegressor\.fit: "):
        ConvRegressor().fit(*pictures(8, 8, 8), **given)


class Listening(p.Callback):
    """Notes the epochs that it was told of."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def on_epoch(self, training: p.training.Training) -> None:
        self.epochs.append(len(training.history.epochs))


def test_callbacks_listen_to_every_training() -> None:
    listening = Listening()
    classifier = quick(epochs=3, callbacks=[listening], early_stopping=True).fit(*pictures(20, 8, 8))
    assert listening.epochs == [1, 2, 3]
    classifier.partial_fit(*pictures(20, 8, 8))
    assert listening.epochs == [1, 2, 3, 1]
    ConvRegressor(epochs=2, callbacks=(listening,), random_state=0).fit(*pictures(20, 8, 8))
    assert listening.epochs == [1, 2, 3, 1, 1, 2]
    clone(classifier).fit(*pictures(20, 8, 8))
    assert len(listening.epochs) == 6, "a clone has callbacks of its own"


def test_callbacks_that_are_none_are_refused() -> None:
    for callbacks, message in (
        (Listening(), r"callbacks: expected a list of Callback objects, as in \[MyCallback\(\)\], received <"),
        ([Listening], r"callbacks: expected a list of Callback objects"),
        (
            [p.EarlyStopping()],
            "callbacks: EarlyStopping needs samples that are held out; say early_stopping= instead",
        ),
    ):
        with pytest.raises(p.ArgumentError, match=message):
            quick(callbacks=callbacks).fit(*pictures(20, 8, 8))
