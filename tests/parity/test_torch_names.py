"""torchvision's names beside our paths: torch modules with those names take our weights, and give us theirs."""

import re

import numpy as np
import pytest

import pellucid as p
from pellucid.interop.torch import state_dict, to_torch_names

torch = pytest.importorskip("torch", reason="torch is not installed")
from oracles.torch_models import MODELS  # noqa: E402 - needs torch

torch.set_num_threads(1)  # small as these are, threads only wait for each other


def shapes_of_theirs(name):
    with torch.device("meta"):  # shapes without numbers: VGG's would take 550 MB
        module = MODELS[name](10)
    return {key: tuple(value.shape) for key, value in module.state_dict().items() if "num_batches" not in key}


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_has_torchs_name_and_shape(name):
    network = p.models.by_name(name)(num_classes=10)
    held = {**network.parameters(), **network.states()}
    names = to_torch_names(network)
    theirs = shapes_of_theirs(name)
    if name == "alexnet_2012":
        theirs["classifier.0.weight"] = (4096, 9216)  # of an image of 227×227
    assert names.keys() == held.keys()
    assert {names[path]: values.shape for path, values in held.items()} == theirs


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("alexnet", "features.0 features.3 features.6 features.8 features.10 classifier.1 classifier.4 classifier.6"),
        ("vgg11", "features.0 features.3 features.6 features.8 features.11 features.13 features.16 features.18 "
                  "classifier.0 classifier.3 classifier.6"),
        ("squeezenet1_1", "features.0 features.3.squeeze features.12.expand1x1 features.12.expand3x3 classifier.1"),
        ("squeezenet1_0", "features.0 features.3.squeeze features.12.expand1x1 features.12.expand3x3 classifier.1"),
        ("resnet18", "conv1 bn1 layer1.0.conv1 layer1.1.bn2 layer2.0.downsample.0 layer4.0.downsample.1 fc"),
        ("resnet50", "conv1 bn1 layer1.0.conv3 layer1.0.bn3 layer1.0.downsample.0 layer3.5.conv2 fc"),
        ("mobilenet_v2", "features.0.0 features.0.1 features.1.conv.0.0 features.1.conv.1 features.1.conv.2 "
                         "features.2.conv.0.0 features.2.conv.1.1 features.2.conv.2 features.17.conv.3 features.18.0 "
                         "features.18.1 classifier.1"),
        ("resnet20", "conv1 bn1 layer1.0.conv1 layer3.2.bn2 linear"),
    ],
)  # fmt: skip
def test_torchvisions_names_as_published(name, some):
    """Names read off torchvision's and Y. Idelbayev's files, so that the modules of these tests cannot err alone."""
    layers = {name.rpartition(".")[0] for name in to_torch_names(p.models.by_name(name)()).values()}
    assert set(some.split()) <= layers
    if name in ("alexnet", "vgg11"):
        assert set(some.split()) == layers


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "resnet20", "mobilenet_v2"])
def test_weights_there_and_back(name, tmp_path):
    torch.manual_seed(3)
    theirs = MODELS[name](5).eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
    torch.save({f"module.{key}": value for key, value in theirs.state_dict().items()}, tmp_path / "weights.pth")
    ours = p.models.by_name(name)(num_classes=5, input_shape=(3, 40, 40))
    assert not p.load_weights(ours, tmp_path / "weights.pth")
    x = np.random.default_rng(0).normal(0, 1, (2, 3, 40, 40)).astype("f4")
    with torch.no_grad():
        expected = theirs(torch.tensor(x)).numpy()
    np.testing.assert_allclose(ours.forward(x), expected, rtol=0, atol=1e-4 * np.abs(expected).max())

    again = MODELS[name](5)
    again.load_state_dict({key: torch.from_numpy(array) for key, array in state_dict(ours).items()})
    for key, value in theirs.state_dict().items():
        if "num_batches" not in key:
            assert torch.equal(again.state_dict()[key], value), key


def test_another_head_and_other_depths_need_no_table():
    network = p.Sequential(
        [p.Conv2d(3, 4, 3), p.ReLU(), p.Flatten(), p.Dropout(), p.Linear(16, 8), p.ReLU(), ("mine", p.Linear(8, 2))],
        input_shape=(3, 4, 4),
    )
    layers = [name.rpartition(".")[0] for name in to_torch_names(network).values()]
    assert layers == ["features.0"] * 2 + ["classifier.1"] * 2 + ["classifier.3"] * 2


def test_a_network_without_a_rule_keeps_its_names():
    nested = p.Sequential([p.Sequential([p.Conv2d(1, 2, 3)]), p.Flatten(), p.Linear(8, 2)], input_shape=(1, 4, 4))
    two_heads = p.Sequential([("layer1", p.Linear(2, 2)), p.Linear(2, 2), p.Linear(2, 2)], input_shape=(2,))
    for network in (nested, two_heads, p.models.mobilenet_v1()):
        assert all(path == name for path, name in to_torch_names(network).items())


def test_a_state_dict_is_a_copy():
    network = p.models.small(3, (1, 8, 8))
    taken = state_dict(network)
    assert all(re.fullmatch(r"(features|classifier)\.\d\.(weight|bias)", name) for name in taken)
    for array in taken.values():
        array[...] = 9
    assert all((values.data != 9).any() for values in network.parameters().values())
