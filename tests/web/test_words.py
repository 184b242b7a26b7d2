"""What the page says in words: of each kind of layer and of step, of the letters of formulas, and in the tour."""

import numpy as np
import pytest

import pellucid as p
from pellucid.sums.kinds import SUMS
from pellucid.web.description import describe
from pellucid.web.sum_words import in_words, letters
from pellucid.web.tour import tour
from pellucid.web.words import GLOSSARY, KEYS, KINDS, dead_words, outputs, purpose

from .conftest import every_family


def test_what_is_said_of_outputs_and_of_maps_that_are_0():
    assert outputs((3, 6, 6)) == "The output is 3×6×6 numbers: maps, at the end of the layers."
    assert outputs((1,)) == ""
    assert outputs((10,)) == "10 outputs:"
    assert outputs((1200,)) == "1,200 outputs, of which the first 10 are:"
    assert dead_words(0, 4) == ""
    assert dead_words(1, 1) == "1 of 1 map is 0 everywhere for this image"
    assert dead_words(2, 1024) == "2 of 1,024 maps are 0 everywhere for this image"


@pytest.fixture(scope="module")
def trace() -> p.Trace:
    network = every_family()
    image = np.random.default_rng(0).integers(0, 256, network.input_shape, np.uint8)
    return p.trace(network, image)


def some_sum(trace: p.Trace, path: str) -> p.Sum:
    shape = trace.program.values[trace.value(path)].shape
    return trace.sum(path, tuple(side // 2 for side in shape))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("conv1", "bias + the sum of patch × kernel, over one input channel"),
        ("residual1.body", "bias + the sum of patch × kernel, over all 3 input channels of its group"),
        ("pool1", "the largest number in its window"),
        ("pool3", "the sum of 4 numbers, divided by 4"),
        ("linear1", "bias + the sum of number × weight, over all 80 numbers before it"),
        ("relu1", "the number itself where it is above 0, else 0"),
        ("tanh1", "a function of one number: the point on its curve"),
        ("input", "(pixel / 255 − mean) / deviation"),
    ],
)
def test_a_sum_in_words(trace, path, words):
    assert in_words(some_sum(trace, path)) == words


def test_letters_of_a_formula():
    told = letters(
        "y[f, oy, ox] = bias[f] + Σ c, ky, kx  x[c, oy·SH + ky·DH − top, ox·SW − left] · weight[f, c, ky, kx]"
    )
    assert "oy, ox: row and column of this number" in told
    assert "SH, SW: stride: how far the window goes, down and across" in told
    assert "DH: dilation: how far its rows and columns are apart" in told
    assert not any(line.startswith("H") for line in told)


def test_every_kind_that_the_page_shows_has_a_sentence():
    told = {layer["kind"]: layer["does"] for layer in describe(every_family())["layers"]}
    assert not [kind for kind, sentence in told.items() if not sentence]
    assert set(KINDS) >= {"Conv2d", "MaxPool2d", "ReLU", "Linear", "Softmax", "BatchNorm2d"}
    assert all(not sentence.endswith(".") for sentence in (*KINDS.values(), *GLOSSARY.values(), *KEYS.values()))


@pytest.mark.parametrize(
    ("data", "classes", "made", "sentence"),
    [
        ("mnist", tuple("0123456789"), 10, "This network recognises handwritten digits (MNIST)."),
        ("mine", ("cat", "dog"), 2, "This network tells 2 classes apart: cat, dog."),
        ("", tuple("abcdef"), 6, "This network tells 6 classes apart: a, b, c, d …."),
        ("", (), 1, "This network makes 1 number of each input."),
    ],
)
def test_what_a_network_is_for(data, classes, made, sentence):
    assert purpose(data, classes, made) == sentence


def test_the_tour_of_a_network_tells_its_own_numbers():
    steps = {step["name"]: step for step in tour(describe(p.models.lenet()), 100, trained=True)}
    assert list(steps) == [
        "start", "nine", "convolution", "padding", "stride", "pooling", "three", "field", "activation", "softmax",
        "mistakes", "back", "why", "training", "end",
    ]  # fmt: skip
    padding = "conv1 has none: 28 rows become 24, and as many columns. With 2 around, its maps would be as large"
    assert padding in steps["padding"]["words"][0]
    assert "conv1 has 5×5" in steps["three"]["words"][0]
    assert "18 weights a channel instead of 25" in steps["three"]["words"][0]
    assert steps["three"]["value"] == 2
    assert "Training" in steps["training"]["words"][0]
    resnet = {step["name"]: step for step in tour(describe(p.models.resnet20()), 0, trained=False)}
    assert "mistakes" not in resnet
    assert "bias" in steps["convolution"]["then"]
    assert "bias" not in resnet["convolution"]["then"]
    assert "conv1 has 3×3." in resnet["three"]["words"][0]
    assert "goes by 2: 32 rows become 16, and as many columns." in resnet["stride"]["words"][0]


def test_the_tour_tells_of_windows_as_they_are():
    """Not of what the summary's line says in words: a dilation, sides that differ, a transposed convolution."""
    network = p.Sequential(
        [
            p.ConvTranspose2d(1, 4, 3),
            p.Conv2d(4, 6, (3, 5), stride=(1, 2), padding=((1, 0), (2, 2)), dilation=(2, 1)),
            p.Flatten(), p.Linear(6 * 11 * 7, 2),
        ],
        input_shape=(1, 12, 12),
    )  # fmt: skip
    steps = {step["name"]: step for step in tour(describe(network), 0, trained=False)}
    assert "conv1 has 6 filters of 3×5, for each of 4 channels" in steps["convolution"]["words"][0]
    assert "a padding of 0 and 1 and 2: 14 rows become 11, and 14 columns become 7." in steps["padding"]["words"][0]
    assert "conv1 goes by 2: 14 rows become 11, and 14 columns become 7." in steps["stride"]["words"][0]
    alone = p.Sequential([p.ConvTranspose2d(2, 5, 3), p.Flatten(), p.Linear(180, 2)], input_shape=(2, 4, 4))
    assert "convolution" not in {step["name"] for step in tour(describe(alone), 0, trained=False)}


def test_every_step_of_sums_that_is_told_of_is_one():
    from pellucid.web.sum_words import FAMILIES, WORDS

    assert set(WORDS) <= set(SUMS) | {"scale"}, set(WORDS) - set(SUMS)
    assert set(FAMILIES) <= set(SUMS) | {"scale", "input"}, set(FAMILIES) - set(SUMS)


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [(0.5, 3, "0.500"), (-0.4213456, 4, "−0.4213"), (12.0, 4, "12"), (123.4, 3, "123"), (1234.5, 3, "1.23e+3"),
     (1e-5, 4, "1.000e−5"), (1234567, 4, "1.235e+6"), (float("nan"), 4, "NaN"), (-float("inf"), 4, "−∞")],
)  # fmt: skip
def test_numbers_are_written_as_the_page_writes_them(value, digits, expected):
    from pellucid.web.sum_numbers import written

    assert written(value, digits) == expected
