"""Beginning from pretrained weights: what is taken over, and that only the last layer may differ."""

from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from pellucid import models
from pellucid.pretrained import begin_from, saved_scaling


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
        (models.lenet(5, input_shape=(3, 28, 28)), "conv1.weight"),
        (p.Sequential(models.lenet().children().popitem()[1:], input_shape=(84,)), "linear1"),
    ],
    ids=["other features", "other channels", "other layers"],
)  # fmt: skip
def test_nothing_else_may_differ(network: p.Sequential, name: str, saved: Path) -> None:
    with pytest.raises(p.ModelFileError, match=name) as caught:
        begin_from(network, saved)
    assert str(saved) in str(caught.value)


def test_a_network_in_a_file_says_how_it_scales_and_weights_alone_do_not(saved: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    assert saved_scaling(saved) == p.Scaling(0.5, 0.25)
    save_file({"conv1.weight": np.zeros((6, 1, 5, 5), np.float32)}, tmp_path / "alone.safetensors")
    assert saved_scaling(tmp_path / "alone.safetensors") is None
