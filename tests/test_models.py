"""The networks by name: their layers, their sizes, and what they pass on."""

from typing import Any, NamedTuple

import numpy as np
import pytest

import pellucid as p
from pellucid.data import datasets
from pellucid.errors import ArgumentError, ShapeError
from pellucid.inference import evaluate
from pellucid.initializers import GlorotUniform
from pellucid.models import MODELS, by_name, for_data, lenet, mnist_s6, mnist_s8, small
from pellucid.network import options as network_module
from pellucid.training import fit


class Figures(NamedTuple):
    """Parameters, multiply-adds as they are printed, and rows and columns of the smallest image."""

    parameters: int
    multiply_adds: str
    least: int = 1


PUBLISHED = {
    # num_params, GFLOPS (which are multiply-adds) and min_size of torchvision's weights, as its models' sources say.
    "alexnet": Figures(61_100_840, "0.714 G", 63),
    "vgg11": Figures(132_863_336, "7.609 G", 32),
    "vgg13": Figures(133_047_848, "11.308 G", 32),
    "vgg16": Figures(138_357_544, "15.470 G", 32),
    "vgg19": Figures(143_667_240, "19.632 G", 32),
    "vgg11_bn": Figures(132_868_840, "7.609 G", 32),
    "vgg13_bn": Figures(133_053_736, "11.308 G", 32),
    "vgg16_bn": Figures(138_365_992, "15.470 G", 32),
    "vgg19_bn": Figures(143_678_248, "19.632 G", 32),
    "squeezenet1_0": Figures(1_248_424, "0.819 G", 21),
    "squeezenet1_1": Figures(1_235_496, "0.349 G", 17),
    "resnet18": Figures(11_689_512, "1.814 G"),
    "resnet34": Figures(21_797_672, "3.664 G"),
    "resnet50": Figures(25_557_032, "4.089 G"),
    "mobilenet_v2": Figures(3_504_872, "0.301 G"),  # its paper, table 4: 300 M
    # "60 million parameters" in the paper; these and the multiply-adds: Sze, Chen, Yang and Emer, "Efficient Processing
    # of Deep Neural Networks", 2017, table II (61 M and 724 M).
    "alexnet_2012": Figures(60_965_224, "724 M", 67),
    # The paper, table 8: 4.2 and 569 million; the exact count is that of TensorFlow's slim models.
    "mobilenet_v1": Figures(4_231_976, "569 M"),
    # He et al. 2015, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million for 6n + 2 layers. Multiply-adds by hand: of 6n
    # convolutions 6n - 2 have 32²·16²·9 = 16²·32²·9 = 8²·64²·9 = 2,359,296, those that halve the image half of that,
    # the first has 32²·3·16·9, and the last layer 64·10: together 443,008 + 2,359,296·(6n - 1).
    "resnet20": Figures(269_722, "40551040"),
    "resnet32": Figures(464_154, "68862592"),
    "resnet44": Figures(658_586, "97174144"),
    "resnet56": Figures(853_018, "125485696"),
    "resnet110": Figures(1_727_962, "252887680"),
    # Springenberg et al. 2014, table 3: about 1.4 million. Multiply-adds by hand, layer by layer: 9·32²·96·(3 + 96)
    # + 9·16²·96² + 9·16²·192·(96 + 192) + 9·8²·192² + 9·6²·192² + 6²·192² + 6²·192·10.
    "all_cnn": Figures(1_369_738, "270798336", 9),
    # By hand: 156 + 2,416 + 256·120 + 120 + 10,164 + 850, and 24²·6·25 + 8²·16·150 + 256·120 + 120·84 + 84·10.
    "lenet": Figures(44_426, "281640", 16),
    # By hand: 400·120 weights for 256·120, and 28²·6·25 + 10²·16·150 + 400·120 + 120·84 + 84·10.
    "lenet5": Figures(61_706, "416520", 32),
    # By hand: 80 + 8·28·28·10 + 10, and 28²·8·9 + 8·28²·10.
    "notebook": Figures(62_810, "119168"),
    # By hand: 160 + 4,640 + 32·4·4·64 + 64 + 650, and 8²·16·9 + 8²·32·144 + 512·64 + 64·10.
    "small": Figures(38_282, "337536", 2),
    # By hand: 208 + 16 + 1,752 + 48 + 24·5·5·64 + 64 + 128 + 650, and 12²·8·25 + 10²·24·72 + 600·64 + 64·10.
    "mnist_s8": Figures(41_266, "240640", 11),
    # By hand: 416 + 32 + 4,640 + 64 + 18,496 + 128 + 64·3·3·10 + 10, and 12²·16·25 + 10²·32·144 + 3²·64·288 + 576·10.
    "mnist_s6": Figures(29_546, "690048", 19),
}

STAGES = {
    # LeCun et al. 1998, figure 2.
    "lenet5": {"conv1": (6, 28), "pool1": (6, 14), "conv2": (16, 10), "pool2": (16, 5), "conv3": (120, 1)},
    # Krizhevsky et al. 2012, figure 2 and section 3.5; torchvision's has other numbers of filters.
    "alexnet_2012": {"conv1": (96, 55), "conv2": (256, 27), "conv3": (384, 13), "conv4": (384, 13), "conv5": (256, 13),
                     "pool3": (256, 6)},
    "alexnet": {"conv1": (64, 55), "conv2": (192, 27), "conv3": (384, 13), "conv4": (256, 13), "conv5": (256, 13),
                "pool3": (256, 6), "pool4": (256, 6)},
    # Simonyan and Zisserman 2014, table 1: a pooling after each stack.
    "vgg16": {"conv2": (64, 224), "pool1": (64, 112), "conv4": (128, 112), "pool2": (128, 56), "conv7": (256, 56),
              "pool3": (256, 28), "conv10": (512, 28), "pool4": (512, 14), "conv13": (512, 14), "pool5": (512, 7),
              "pool6": (512, 7)},
    # Iandola et al. 2016, table 1, but for the first two: 111 and 55 there, which belong to images of 227×227.
    "squeezenet1_0": {"conv1": (96, 109), "pool1": (96, 54), "fire2": (128, 54), "fire4": (256, 54), "pool2": (256, 27),
                      "fire5": (256, 27), "fire7": (384, 27), "fire8": (512, 27), "pool3": (512, 13),
                      "fire9": (512, 13), "conv2": (1000, 13)},
    "squeezenet1_1": {"conv1": (64, 111), "pool1": (64, 55), "fire3": (128, 55), "pool2": (128, 27), "fire5": (256, 27),
                      "pool3": (256, 13), "fire7": (384, 13), "fire9": (512, 13), "conv2": (1000, 13)},
    # He et al. 2015, tables 1 and 6.
    "resnet18": {"conv1": (64, 112), "pool1": (64, 56), "layer1": (64, 56), "layer2": (128, 28), "layer3": (256, 14),
                 "layer4": (512, 7)},
    "resnet50": {"conv1": (64, 112), "pool1": (64, 56), "layer1": (256, 56), "layer2": (512, 28), "layer3": (1024, 14),
                 "layer4": (2048, 7)},
    "resnet20": {"conv1": (16, 32), "layer1": (16, 32), "layer2": (32, 16), "layer3": (64, 8)},
    # Howard et al. 2017, table 1.
    "mobilenet_v1": {"conv1": (32, 112), "separable1": (64, 112), "separable2": (128, 56), "separable4": (256, 28),
                     "separable6": (512, 14), "separable11": (512, 14), "separable12": (1024, 7),
                     "separable13": (1024, 7)},
    # Sandler et al. 2018, table 2.
    "mobilenet_v2": {"conv1": (32, 112), "block1": (16, 112), "block2": (24, 56), "block3": (24, 56),
                     "block4": (32, 28), "block6": (32, 28), "block7": (64, 14), "block10": (64, 14),
                     "block11": (96, 14), "block13": (96, 14), "block14": (160, 7), "block16": (160, 7),
                     "block17": (320, 7), "conv2": (1280, 7)},
    # Springenberg et al. 2014, tables 1 and 2.
    "all_cnn": {"conv2": (96, 32), "conv3": (96, 16), "conv5": (192, 16), "conv6": (192, 8), "conv7": (192, 6),
                "conv9": (10, 6)},
}  # fmt: skip
"""Channels, and rows and columns, of what a layer at the top of a network gives."""


def parameter_count(network: p.Sequential) -> int:
    return sum(q.size for q in network.parameters().values())


def printed(number: int, like: str) -> str:
    """Print a number with the unit and the digits of another one that is printed."""
    digits, _, unit = like.partition(" ")
    scaled = number / {"G": 1e9, "M": 1e6, "": 1}[unit]
    return f"{scaled:.{len(digits.partition('.')[2])}f} {unit}".strip()


def test_figures_are_known_for_every_model() -> None:
    assert PUBLISHED.keys() == MODELS.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_multiply_adds_are_the_published_ones(name: str) -> None:
    network, figures = by_name(name)(), PUBLISHED[name]
    assert parameter_count(network) == figures.parameters
    assert printed(p.summary(network).totals.multiply_adds, figures.multiply_adds) == figures.multiply_adds


@pytest.mark.parametrize("name", PUBLISHED)
def test_docstrings_say_the_same(name: str) -> None:
    text, figures = by_name(name).__doc__ or "", PUBLISHED[name]
    assert f"{figures.parameters:,} parameters" in text
    assert ("At least {0}×{0} pixels" if figures.least > 1 else "Any size").format(figures.least) in text
    assert "`pellucid.models`" in text


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (lenet(input_shape=(1, 32, 32)), 61_706),  # 16·5·5 instead of 16·4·4 features
        (lenet(26, (3, 28, 28)), 44_426 + 300 + 16 * 85),
        (mnist_s8(3, (3, 11, 11)), 4_347),  # 608 + 16 + 1,752 + 48 + 24·1·1·64 + 64 + 128 + 195
        (by_name("resnet18")(10), 11_689_512 - 990 * 513),
        (by_name("vgg16")(10, (3, 64, 64)), 138_357_544 - 990 * 4_097),  # whatever the image's size
    ],
    ids=["lenet 32", "lenet RGB, 26 classes", "s8 RGB, 3 classes", "resnet18, 10 classes", "vgg16 64, 10 classes"],
)
def test_parameter_counts_of_variants(network: p.Sequential, count: int) -> None:
    assert parameter_count(network) == count


@pytest.mark.parametrize("name", STAGES)
def test_stages_have_the_shapes_of_the_papers_tables(name: str) -> None:
    network = by_name(name)()
    shape, found = network.input_shape, {}
    for path, layer in network.children().items():
        found[path] = shape = layer.output_shape(shape)
    assert {path: found[path] for path in STAGES[name]} == {
        path: (channels, side, side) for path, (channels, side) in STAGES[name].items()
    }


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("vgg11", 11), ("vgg13", 13), ("vgg16", 16), ("vgg19", 19), ("resnet18", 18), ("resnet34", 34),
        ("resnet50", 50), ("resnet20", 20), ("resnet32", 32), ("resnet44", 44), ("resnet56", 56), ("resnet110", 110),
    ],
)  # fmt: skip
def test_a_name_says_how_many_weight_layers_there_are(name: str, depth: int) -> None:
    """But for the convolutions in shortcuts, which are not counted."""
    layers = [path for path, layer in by_name(name)().walk() if isinstance(layer, (p.Conv2d, p.Linear))]
    assert len([path for path in layers if "shortcut" not in path]) == depth


@pytest.mark.parametrize(
    ("name", "stem", "numbers"),
    [("mobilenet_v1", "separable", range(1, 14)), ("mobilenet_v2", "block", range(1, 18)),
     ("squeezenet1_0", "fire", range(2, 10)), ("resnet50", "layer", range(1, 5))],
)  # fmt: skip
def test_blocks_are_numbered_as_in_the_papers_tables(name: str, stem: str, numbers: range) -> None:
    blocks = [path for path, layer in by_name(name)().children().items() if layer.children()]
    assert blocks == [f"{stem}{number}" for number in numbers]


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


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_smallest_image(name: str) -> None:
    model, least = by_name(name), PUBLISHED[name].least
    assert model(10, (1, least, least)).output_shape() == (10,)
    if least > 1:
        for size in ((least, least - 1), (least - 1, least)):
            with pytest.raises(ShapeError, match="finds no place") as caught:
                model(10, (1, *size))
            assert str(caught.value).endswith(f" pixels; {name} needs images of at least {least}×{least} pixels")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_takes_the_same_arguments(name: str) -> None:
    scaling = p.Scaling(0.5, 0.25)
    network = by_name(name)(3, (2, 67, 70), seed=5, dtype="float64", scaling=scaling, class_names=["a", "b", "c"])
    assert (network.input_shape, network.output_shape()) == ((2, 67, 70), (3,))
    assert (network.seed, network.dtype, network.class_names) == (5, np.float64, ("a", "b", "c"))
    assert network.scaling == scaling


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"weights": "DEFAULT"},
            "{}: weights='DEFAULT': models come without weights; make the network, then read a file of them with "
            "load_weights(network, path)",
        ),
        (
            {"pretrained": True},
            "{}: pretrained=True: models come without weights; make the network, then read a file of them with "
            "load_weights(network, path)",
        ),
        (
            {"num_class": 3},
            "{}: no option 'num_class'; did you mean 'num_classes'? There are seed, dtype, scaling, class_names, "
            "initializer",
        ),
        ({"dropout": 0.2}, "{}: no option 'dropout'. There are seed, dtype, scaling, class_names, initializer"),
        ({"num_classes": "ten"}, "num_classes: expected a whole number of at least 1, received 'ten'"),
        ({"num_classes": 0}, "num_classes: expected a whole number of at least 1, received 0"),
        ({"input_shape": 144}, "input_shape: expected (channels, height, width), received 144"),
        ({"input_shape": (144, 144)}, "input_shape: expected (channels, height, width), received (144, 144)"),
        ({"input_shape": (3, 0, 144)}, "input_shape: expected a whole number of at least 1, received 0"),
        (
            {"num_classes": 3, "class_names": ["a", "b"]},
            "class_names: expected one for each of the 3 outputs, received 2",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_arguments_that_make_no_sense_are_refused(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        by_name(name)(**arguments)
    assert str(caught.value) == message.format(name)


def test_an_image_that_no_size_would_help_is_refused_as_the_layers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single output that does not fit into memory is no matter of too few pixels."""
    monkeypatch.setattr(network_module, "physical_memory", lambda: 10_000_000)
    with pytest.raises(ShapeError, match=r"would need 10,240,000 bytes, and this machine has 10,000,000$"):
        small(10, (1, 400, 400))


@pytest.mark.parametrize("name", MODELS)
def test_the_initializer_reaches_every_weight(name: str) -> None:
    for path, q in by_name(name)(initializer=GlorotUniform()).parameters().items():
        if path.endswith("weight") and ".norm" not in f".{path}":
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


@pytest.mark.parametrize("name", ["mnist-s8", "MNIST_S8", "mnistS8"])
def test_capitals_dashes_and_underscores_do_not_matter(name: str) -> None:
    assert by_name(name) is mnist_s8


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ArgumentError) as caught:
        by_name("LeNte5")
    assert str(caught.value) == "unknown model 'LeNte5'; did you mean 'lenet5'?"
    with pytest.raises(ArgumentError, match=r"unknown model 'zzz'\. Known: small"):
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
