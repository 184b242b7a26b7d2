"""The networks by name: their layers, their sizes, and what they pass on."""

from collections.abc import Callable

import numpy as np
import pytest

import pellucid as p
from pellucid.data import datasets
from pellucid.errors import ArgumentError, ShapeError
from pellucid.inference import evaluate
from pellucid.initializers import GlorotUniform
from pellucid.models import MODELS, by_name, for_data, lenet, mnist_s6, mnist_s8, notebook, small
from pellucid.training import fit


def parameter_count(network: p.Sequential) -> int:
    return sum(q.size for q in network.parameters().values())


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (lenet(), 44_426),  # 156 + 2,416 + 256·120 + 120 + 10,164 + 850
        (lenet(input_shape=(1, 32, 32)), 61_706),  # 16·5·5 instead of 16·4·4 features
        (lenet(26, (3, 28, 28)), 44_426 + 300 + 16 * 85),
        (notebook(), 62_810),  # 80 + 8·28·28·10 + 10
        (small(), 38_282),  # 160 + 4,640 + 32·4·4·64 + 64 + 650
        (mnist_s8(), 41_266),  # 208 + 16 + 1,752 + 48 + 24·5·5·64 + 64 + 128 + 650
        (mnist_s8(3, (3, 11, 11)), 4_347),  # 608 + 16 + 1,752 + 48 + 24·1·1·64 + 64 + 128 + 195
        (mnist_s6(), 29_546),  # 416 + 32 + 4,640 + 64 + 18,496 + 128 + 64·3·3·10 + 10
    ],
    ids=["lenet 28", "lenet 32", "lenet RGB, 26 classes", "notebook", "small", "s8", "s8 RGB, 3 classes", "s6"],
)
def test_parameter_counts(network: p.Sequential, count: int) -> None:
    assert parameter_count(network) == count


def test_lenet_is_the_list_of_layers_in_the_paper() -> None:
    assert [repr(layer).split("(")[0] for layer in lenet()] == [
        "Conv2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU", "MaxPool2d",
        "Flatten", "Linear", "ReLU", "Linear", "ReLU", "Linear",
    ]  # fmt: skip
    shapes = {path: q.shape for path, q in lenet().parameters().items() if path.endswith("weight")}
    assert shapes == {
        "conv1.weight": (6, 1, 5, 5),
        "conv2.weight": (16, 6, 5, 5),
        "linear1.weight": (120, 256),
        "linear2.weight": (84, 120),
        "linear3.weight": (10, 84),
    }


@pytest.mark.parametrize(
    ("network", "kinds"),
    [
        (
            mnist_s8(),
            "Conv2d BatchNorm2d ReLU Conv2d MaxPool2d BatchNorm2d ReLU Flatten Linear BatchNorm2d ReLU Linear",
        ),
        (
            mnist_s6(),
            "Conv2d BatchNorm2d ReLU Conv2d MaxPool2d BatchNorm2d ReLU Conv2d BatchNorm2d ReLU Flatten Linear",
        ),
    ],
    ids=["s8", "s6"],
)
def test_the_networks_for_mnist_normalise_after_pooling(network: p.Sequential, kinds: str) -> None:
    assert [type(layer).__name__ for layer in network] == kinds.split()


def test_the_networks_for_mnist_halve_the_image_at_once() -> None:
    for network in (mnist_s8(), mnist_s6()):
        layers = [layer for layer in network if isinstance(layer, p.Conv2d)]
        assert [layer.window.stride for layer in layers] == [(2, 2), *[(1, 1)] * (len(layers) - 1)]
    shapes = {path: q.shape for path, q in mnist_s6().parameters().items() if len(q.shape) > 1}
    assert shapes == {
        "conv1.weight": (16, 1, 5, 5),
        "conv2.weight": (32, 16, 3, 3),
        "conv3.weight": (64, 32, 3, 3),
        "linear1.weight": (10, 576),
    }


@pytest.mark.parametrize(("model", "least"), [(lenet, 16), (mnist_s8, 11), (mnist_s6, 19), (small, 2)])
def test_the_smallest_image(model: Callable[..., p.Sequential], least: int) -> None:
    assert model(input_shape=(1, least, least)).output_shape() == (10,)
    with pytest.raises(ShapeError, match="finds no place"):
        model(input_shape=(1, least, least - 1))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_takes_the_same_arguments(name: str) -> None:
    scaling = p.Scaling(0.5, 0.25)
    network = by_name(name)(3, (2, 19, 21), seed=5, dtype="float64", scaling=scaling, class_names=["a", "b", "c"])
    assert (network.input_shape, network.output_shape()) == ((2, 19, 21), (3,))
    assert (network.seed, network.dtype, network.class_names) == (5, np.float64, ("a", "b", "c"))
    assert network.scaling == scaling


@pytest.mark.parametrize("name", MODELS)
def test_the_initializer_reaches_every_weight(name: str) -> None:
    weights = {
        path: q
        for path, q in by_name(name)(initializer=GlorotUniform()).parameters().items()
        if path.endswith("weight") and not path.startswith("norm")
    }
    for path, q in weights.items():
        assert isinstance(q.initializer, GlorotUniform), path


@pytest.mark.parametrize("name", MODELS)
def test_weights_follow_from_the_seed(name: str) -> None:
    model = by_name(name)
    first, again, other = (next(iter(model(seed=seed).parameters().values())).data for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_image_too_small_for_lenet_is_refused_where_it_ends() -> None:
    with pytest.raises(ShapeError, match=r"conv2 \(layer 4\): a 5×5 window finds no place: \(4 \+ 2·0 − 5\)"):
        lenet(input_shape=(1, 12, 12))
    assert lenet(input_shape=(1, 16, 16)).output_shape() == (10,)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ArgumentError) as caught:
        by_name("LeNet5")
    assert str(caught.value) == f"unknown model 'LeNet5'; did you mean 'lenet'? Known: {', '.join(MODELS)}"
    with pytest.raises(ArgumentError, match=r"unknown model 'zzz'\. Known: lenet"):
        by_name("zzz")


@pytest.mark.parametrize(
    ("input_shape", "name"),
    [
        ((1, 8, 8), "small"),
        ((3, 15, 40), "small"),
        ((1, 16, 16), "lenet"),
        ((1, 28, 28), "lenet"),
        ((3, 32, 32), "lenet"),
    ],
)
def test_the_model_for_images_fits_them(input_shape: tuple[int, ...], name: str) -> None:
    assert for_data(input_shape) == name
    assert by_name(name)(input_shape=input_shape).output_shape() == (10,)


def test_no_model_for_what_is_no_image() -> None:
    with pytest.raises(ArgumentError, match=r"expected \(channels, height, width\), received \(784,\)"):
        for_data((784,))


def test_small_learns_the_digits_in_four_epochs() -> None:
    train, test = datasets.digits()
    network = small(class_names=train.class_names)
    fit(network, train, epochs=4, batch_size=16, optimizer=p.Adam(2e-3), progress=False)
    assert evaluate(network, test)["accuracy"] >= 0.97
