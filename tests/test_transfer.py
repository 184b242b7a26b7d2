"""Beginning from pretrained weights: what is taken over, and that only the last layer may differ."""

from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from pellucid import models
from pellucid.data import Preparation
from pellucid.interop import open_weights
from pellucid.serialization.tensor_file import encode
from pellucid.transfer import (
    begin_from,
    fitting_models,
    refuse_channels,
    usual_crop,
    usual_preparation,
    usual_scaling,
)


def write_alone(network: p.Sequential, path: Path) -> Path:
    """Write parameters and states without the network, as other libraries do."""
    arrays = {name: each.data for name, each in {**network.parameters(), **network.states()}.items()}
    path.write_bytes(encode(arrays, {}))
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "lenet.safetensors"
    p.save(models.lenet(seed=1, scaling=p.Scaling(0.5, 0.25)), path)
    return path


def test_all_is_taken_where_the_classes_are_as_many(saved: Path) -> None:
    network = models.lenet(seed=2)
    assert begin_from(network, saved) == ()
    for path, parameter in models.lenet(seed=1).parameters().items():
        np.testing.assert_array_equal(network.parameters()[path].data, parameter.data)


def test_other_classes_get_a_last_layer_of_their_own(saved: Path) -> None:
    network = models.lenet(5, seed=2)
    assert begin_from(network, saved) == ("linear3.weight", "linear3.bias")
    first, fresh = models.lenet(seed=1).parameters(), models.lenet(5, seed=2).parameters()
    for path, parameter in network.parameters().items():
        expected = fresh if path.startswith("linear3") else first
        np.testing.assert_array_equal(parameter.data, expected[path].data)


def test_a_new_head_begins_anew_for_as_many_other_classes(saved: Path) -> None:
    network = models.lenet(seed=2)
    assert begin_from(network, saved, new_head=True) == ("linear3.weight", "linear3.bias")
    np.testing.assert_array_equal(network["linear3"].weight.data, models.lenet(seed=2)["linear3"].weight.data)
    np.testing.assert_array_equal(network["linear2"].weight.data, models.lenet(seed=1)["linear2"].weight.data)


def test_the_last_layer_of_a_squeezenet_is_a_convolution(tmp_path: Path) -> None:
    p.save(models.squeezenet1_1(4, (3, 32, 32)), tmp_path / "squeezenet.safetensors")
    assert begin_from(models.squeezenet1_1(3, (3, 32, 32)), tmp_path / "squeezenet.safetensors") == (
        "conv2.weight", "conv2.bias",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (models.lenet(input_shape=(1, 32, 32)), "linear1.weight"),
        (models.lenet(5, input_shape=(3, 28, 28)), "for 1 channel, the data have 3"),
        (p.Sequential(models.lenet().children().popitem()[1:], input_shape=(84,)), "linear1"),
    ],
    ids=["other features", "other channels", "other layers"],
)  # fmt: skip
def test_nothing_else_may_differ(network: p.Sequential, name: str, saved: Path) -> None:
    with pytest.raises(p.ModelFileError, match=name) as caught:
        begin_from(network, saved)
    assert str(saved) in str(caught.value)


def test_a_network_without_parameters_has_nothing_to_begin_with(saved: Path) -> None:
    with pytest.raises(p.ArgumentError, match="begin_from: expected a network with parameters"):
        begin_from(p.Sequential([p.Flatten()], input_shape=(1, 2, 2)), saved)


# ---- what a file says of itself


def test_a_network_in_a_file_says_how_it_scales_and_weights_alone_do_not(saved: Path, tmp_path: Path) -> None:
    assert open_weights(saved).scaling == p.Scaling(0.5, 0.25)
    alone = open_weights(write_alone(models.lenet(), tmp_path / "alone.safetensors"))
    assert (alone.use, alone.scaling, alone.class_names) == (None, None, ())


def test_it_says_so_also_where_layers_are_of_ones_own(tmp_path: Path) -> None:
    class Own(p.ReLU):
        """A layer that `load` would have to be told of."""

    layers = [p.Flatten(), Own(), p.Linear(4, 2)]
    network = p.Sequential(layers, input_shape=(1, 2, 2), scaling=p.Scaling(0.5), class_names=("a", "b"))
    p.save(network, tmp_path / "own.safetensors")
    with pytest.raises(p.ModelFileError, match="the class Own is not known"):
        p.load(tmp_path / "own.safetensors")  # the control
    assert open_weights(tmp_path / "own.safetensors").use == (p.Scaling(0.5), ("a", "b"))


def test_a_damaged_file_is_not_taken_for_weights_alone(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(p.ModelFileError, match="the file is not what was saved"):
        open_weights(saved)
    with pytest.raises(p.ModelFileError, match="the file is not what was saved"):
        p.pretrained("lenet", saved)


# ---- a model by name


def test_what_is_made_for_imagenet_is_known_by_its_1000_classes() -> None:
    of_thousand = {
        name: make().input_shape[-1] for name, make in models.MODELS.items() if make().output_shape() == (1000,)
    }
    assert {name: side for name in models.MODELS if (side := usual_crop(name)) is not None} == of_thousand
    assert (of_thousand["alexnet"], of_thousand["alexnet_2012"]) == (224, 227)
    assert usual_preparation("vgg16-bn") == usual_preparation("vgg16_bn") == Preparation(256, 224)
    assert usual_preparation("resnet20") is None
    with pytest.raises(p.ArgumentError, match="unknown model 'resnet21'"):
        usual_preparation("resnet21")


def test_a_file_of_a_network_gives_scaling_classes_and_their_names(tmp_path: Path) -> None:
    network = models.small(3, (1, 6, 6), scaling=p.Scaling(0.25, 0.5), class_names=("a", "b", "c"), seed=4)
    p.save(network, tmp_path / "abc.safetensors")
    found = p.pretrained("small", tmp_path / "abc.safetensors", input_shape=(1, 6, 6), class_names=("x", "y", "z"))
    assert (found.scaling, found.class_names, found.output_shape()) == (network.scaling, ("a", "b", "c"), (3,))
    np.testing.assert_array_equal(found["linear2"].weight.data, network["linear2"].weight.data)
    told = p.pretrained("small", tmp_path / "abc.safetensors", input_shape=(1, 6, 6), scaling=p.Scaling())
    assert told.scaling == p.Scaling()


def test_weights_alone_have_the_scaling_that_their_model_was_made_for(tmp_path: Path) -> None:
    file = open_weights(write_alone(models.squeezenet1_1(7), tmp_path / "seven.safetensors"))
    network = p.pretrained("squeezenet1-1", file, class_names=("one", "two"))
    assert (network.output_shape(), network.scaling, network.class_names) == ((7,), p.IMAGENET_SCALING, ())
    assert usual_scaling("resnet20", file) is usual_scaling(None, file) is None


def test_weights_of_another_model_are_told_whose_they_are(tmp_path: Path) -> None:
    file = open_weights(write_alone(models.resnet20(7), tmp_path / "w.safetensors"))
    assert fitting_models(file) == ("resnet20",)
    with pytest.raises(p.ModelFileError) as caught:
        p.pretrained("resnet32", file)
    assert str(caught.value) == f"{file.path}: these are weights of resnet20, not resnet32"
    with pytest.raises(p.ModelFileError) as caught:
        begin_from(models.resnet32(), file)
    assert str(caught.value) == (
        f"{file.path}: these are weights of resnet20; only what belongs to linear1, the last layer that learns, may "
        "differ"
    )
    other = open_weights(write_alone(p.Sequential([p.Linear(2, 3)], input_shape=(2,)), tmp_path / "o.safetensors"))
    assert fitting_models(other) == ()
    with pytest.raises(p.ModelFileError, match="they fit none of the known ones"):
        p.pretrained("resnet18", other)


def test_what_is_no_known_models_is_listed_name_by_name(tmp_path: Path) -> None:
    file = open_weights(write_alone(models.resnet18(7), tmp_path / "w.safetensors"))
    del file.entries["layer1.residual1.body.conv1.weight"]  # type: ignore[attr-defined]
    with pytest.raises(
        p.ModelFileError, match=r"missing in the file: layer1\.residual1\.body\.conv1\.weight 64×64×3×3"
    ):
        p.pretrained("resnet18", file)


def test_whose_weights_they_are_comes_before_their_scaling(tmp_path: Path) -> None:
    """ImageNet's scaling is for 3 channels, and cannot stand beside 1; but that is not what is wrong."""
    file = open_weights(write_alone(models.resnet20(), tmp_path / "w.safetensors"))
    with pytest.raises(p.ModelFileError, match="these are weights of resnet20, not resnet18"):
        p.pretrained("resnet18", file, input_shape=(1, 32, 32))
    with pytest.raises(p.ModelFileError, match="the weights are for 3 channels, the data have 1"):
        p.pretrained("resnet20", file, input_shape=(1, 28, 28), scaling=p.IMAGENET_SCALING)


@pytest.mark.parametrize(
    ("channels", "shape", "said"),
    [
        (3, (1, 28, 28), "mnist has grey images (1 channel); these weights are for 3"),
        (1, (3, 32, 32), "mnist has colour images (3 channels); these weights are for 1"),
        (1, (4, 32, 32), "mnist has images of 4 channels; these weights are for 1"),
    ],
)
def test_data_of_other_channels_are_named(channels: int, shape: tuple[int, ...], said: str, tmp_path: Path) -> None:
    network = models.resnet20(input_shape=(channels, 32, 32))
    file = open_weights(write_alone(network, tmp_path / "w.safetensors"))
    with pytest.raises(p.ArgumentError) as caught:
        refuse_channels("resnet20", file, shape, "mnist")
    assert str(caught.value) == said
    refuse_channels("resnet20", file, (channels, 28, 28), "mnist")
    refuse_channels("resnet18", file, shape, "mnist")  # of whose these weights are not, which is said elsewhere


def test_another_size_of_the_images_is_named(saved: Path) -> None:
    assert fitting_models(open_weights(saved)) == ("lenet",)
    said = "the weights are for images of another size than 32×32: misshapen: linear1.weight"
    for attempt in (
        lambda: p.pretrained("lenet", saved, input_shape=(1, 32, 32)),
        lambda: begin_from(models.lenet(5, input_shape=(1, 32, 32)), saved),
    ):
        with pytest.raises(p.ModelFileError, match=said):
            attempt()


def test_channels_that_a_model_does_not_take_are_named(tmp_path: Path) -> None:
    path = write_alone(models.lenet(input_shape=(3, 28, 28)), tmp_path / "w.safetensors")
    with pytest.raises(p.ModelFileError, match="the weights are for 3 channels, lenet takes 1"):
        p.pretrained("lenet", path)


def test_other_channels_are_named(tmp_path: Path) -> None:
    file = open_weights(write_alone(models.resnet20(), tmp_path / "w.safetensors"))
    for attempt in (
        lambda: p.pretrained("resnet20", file, input_shape=(1, 28, 28)),
        lambda: begin_from(models.resnet20(input_shape=(1, 28, 28)), file),
    ):
        with pytest.raises(p.ModelFileError) as caught:
            attempt()
        assert str(caught.value) == f"{file.path}: the weights are for 3 channels, the data have 1"
