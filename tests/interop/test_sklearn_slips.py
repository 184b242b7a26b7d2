"""Estimators: what looks like a slip is refused or warned of, with the way out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p
from oracles.estimators import quick


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


@pytest.mark.parametrize("shape", [(60, 32, 32, 3), (8, 8, 8, 1), (8, 20, 5, 4)])
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
    classifier = quick(epochs=1).fit(first, labels)
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
