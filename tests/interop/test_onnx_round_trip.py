"""What save_onnx writes, load_onnx reads: the same names, the same outputs, and a network that learns on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("onnx")

from fuzz.architectures import Swish
from fuzz.problems import problem


def there_and_back(network: p.Network, folder: Path, **options: object) -> p.Network:
    p.save_onnx(network, folder / "model.onnx", **options)
    return p.load_onnx(folder / "model.onnx")


def test_the_same_layers_under_the_same_names(tmp_path: Path) -> None:
    network = p.models.small(input_shape=(1, 8, 8), class_names="abcdefghij", scaling=p.Scaling(0.1307, 0.3081))
    again = there_and_back(network, tmp_path)
    assert isinstance(again, p.Sequential)
    assert list(again.children()) == list(network.children())
    assert [type(layer) for layer in again] == [type(layer) for layer in network]
    assert (again.scaling, again.class_names) == (network.scaling, network.class_names)
    for path, parameter in network.parameters().items():
        np.testing.assert_array_equal(again.parameters()[path].data, parameter.data)


def test_a_layer_called_scale_keeps_its_name_beside_a_scaling(tmp_path: Path) -> None:
    for opset, input_type in ((13, "float32"), (17, "uint8")):
        layers = [("scale", p.Gain((2, 1, 1))), ("scale_2", p.Bias((2, 1, 1))), ("mean", p.ReLU())]
        network = p.Sequential(layers, input_shape=(2, 4, 4), scaling=p.Scaling((0.4, 0.5), 0.2))
        again = there_and_back(network, tmp_path, opset=opset, input_type=input_type)
        assert list(again.children()) == ["scale", "scale_2", "mean"]
        assert again.scaling == network.scaling


def test_layers_in_blocks_are_called_by_their_paths(tmp_path: Path) -> None:
    body = p.Sequential([("norm1", p.BatchNorm2d(2)), ("conv1", p.Conv2d(2, 2, 3, padding="same"))])
    network = p.Sequential([("residual1", p.Residual(body)), ("relu1", p.ReLU())], input_shape=(2, 4, 4))
    again = there_and_back(network, tmp_path)
    assert isinstance(again, p.Graph)
    assert list(again.parameters()) == [
        "residual1_body_norm1.weight", "residual1_body_norm1.bias",
        "residual1_body_conv1.weight", "residual1_body_conv1.bias",
    ]  # fmt: skip


def test_an_earlier_result_of_what_was_written_has_no_class_names(tmp_path: Path) -> None:
    network = p.models.small(input_shape=(1, 8, 8), class_names="abcdefghij")
    p.save_onnx(network, tmp_path / "model.onnx")
    for output in ("relu3", "linear1.output"):
        features = p.load_onnx(tmp_path / "model.onnx", output=output)
        assert features.class_names == ()
        assert features.output_shape() == (network["linear1"].out_features,)
    assert p.load_onnx(tmp_path / "model.onnx", output="output").class_names == network.class_names
    assert p.load_onnx(tmp_path / "model.onnx", output="linear2").class_names == network.class_names


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int, tmp_path: Path) -> None:
    given = problem(seed)
    if any(isinstance(layer, Swish) for _, layer in given.network.walk()):
        pytest.skip("has a layer of one's own")
    images, opset = given.images[given.numbers["index"]], (13, 17, 20, 22)[seed % 4]
    again = there_and_back(given.network, tmp_path, opset=opset, input_type=images.dtype.name)
    expected = p.predict(given.network, images, engine="numpy")
    found = p.predict(again, images, engine="numpy")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * max(1, np.nanmax(np.abs(expected))))


@pytest.mark.parametrize("opset", [13, 17, 20])
def test_layers_that_are_several_nodes(opset: int, tmp_path: Path, rng: np.random.Generator) -> None:
    activations = [p.GELU(), p.SiLU(), p.HardSwish()]
    layers = [p.Conv2d(2, 5, 3), p.LocalResponseNorm(4, alpha=2.0), *activations, p.AdaptiveAvgPool2d((3, 4))]
    network = p.Sequential(layers, input_shape=(2, 9, 9))
    again = there_and_back(network, tmp_path, opset=opset)
    assert [type(layer) for layer in again] == [type(layer) for layer in layers]
    x = rng.standard_normal((2, 2, 9, 9)).astype(np.float32)
    found, expected = (p.predict(each, x, engine="numpy") for each in (again, network))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_model_trained_elsewhere_learns_on_and_is_written_again(data_folder: Path, tmp_path: Path) -> None:
    train, _ = p.datasets.mnist(data_folder / "mnist")
    network = p.load_onnx(data_folder / "onnx" / "mnist" / "opt-mnist.onnx", scaling=p.Scaling(std=1 / 255))
    images, labels = train.images[:500], train.labels[:500]
    p.fit(network, (images, labels), epochs=1, optimizer=p.Adam(1e-4))
    again = there_and_back(network, tmp_path)
    np.testing.assert_allclose(p.predict(again, images), p.predict(network, images), rtol=1e-4, atol=0.1)


@pytest.mark.parametrize("name", ["resnet20", "squeezenet1_1"])
def test_known_networks(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    network = p.models.by_name(name)(input_shape=(3, 64, 64), num_classes=7)
    again = there_and_back(network, tmp_path)
    x = rng.standard_normal((1, 3, 64, 64)).astype(np.float32)
    found, expected = (p.predict(each, x, engine="numpy") for each in (again, network))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(p.Upsample(scale_factor=1), (2, 3, 4)), (p.Upsample(size=(3, 4)), (2, 3, 4)), (p.Flatten(), (5,))],
)
def test_what_leaves_all_as_it_is_becomes_a_layer_that_does_so(
    layer: p.Layer, shape: tuple[int, ...], tmp_path: Path
) -> None:
    for scaling in (p.Scaling(), p.Scaling(0.25, 0.5)):
        network = p.Sequential([layer], input_shape=shape, scaling=scaling)
        again = there_and_back(network, tmp_path)
        assert [type(each) for each in again] == [p.Reshape]
        x = np.random.default_rng(0).random((3, *shape), np.float32)
        np.testing.assert_array_equal(p.predict(again, x), p.predict(network, x))
        np.testing.assert_array_equal(p.predict(there_and_back(again, tmp_path), x), p.predict(network, x))
