"""What the page says in words: of each kind of layer and of step, of the letters of formulas, and in the tour."""

import numpy as np
import pytest

import pellucid as p
from pellucid.sums.kinds import SUMS
from pellucid.web.answers.described_sum import as_steps, as_sum
from pellucid.web.looking.description import describe, shown_values
from pellucid.web.words.network import GLOSSARY, KINDS, dead_words, outputs, purpose
from pellucid.web.words.sum_numbers import with_numbers
from pellucid.web.words.sums import in_words, letters
from pellucid.web.words.tour import tour
from pellucid.web.words.walks import of_step

from .conftest import every_family
from .written_cases import PERCENTS, SHORTS, TEXTS


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


def test_what_each_number_does_for_the_difference_of_two_classes(trace):
    shown, own = shown_values(trace.program), every_family().parameters()
    x = np.asarray(trace.values[trace.value("tanh2")], np.float64)
    weight, bias = (own[f"linear2.{name}"].data.astype(np.float64) for name in ("weight", "bias"))
    expected = x * (weight[8] - weight[3])
    apart = as_sum(trace, shown, shown["linear2"], (8,), (3,))["apart"]
    order = np.argsort(-np.abs(expected), kind="stable")[:32]
    assert [each["index"] for each in apart["terms"]] == [[k] for k in order]
    np.testing.assert_allclose([each["amount"] for each in apart["terms"]], expected[order], rtol=1e-6)
    assert apart["others"] == pytest.approx(expected.sum() - expected[order].sum(), abs=1e-6)
    assert apart["constant"] == pytest.approx(bias[8] - bias[3], rel=1e-6)
    scores = trace.values[trace.value("linear2")]
    whole = sum(each["amount"] for each in apart["terms"]) + apart["others"] + apart["constant"]
    assert whole == pytest.approx(scores[8] - scores[3], rel=1e-4)


def test_nothing_is_said_of_a_number_against_itself_or_where_there_are_no_weights(trace):
    shown = shown_values(trace.program)
    for path, index, other in (("linear2", (8,), (8,)), ("tanh2", (1,), (2,)), ("linear2", (8,), None)):
        assert as_sum(trace, shown, shown[path], index, other)["apart"] is None


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
        ("tanh1", "tanh of one number: the point on its curve"),
        ("hard_sigmoid1", "hard sigmoid of one number: the point on its curve"),
        ("norm1", "(number − mean) / √(variance + eps) of its channel, × a learnt weight, + a learnt bias"),
        ("input", "(pixel / 255 − mean) / std"),
    ],
)
def test_a_sum_in_words(trace, path, words):
    assert in_words(some_sum(trace, path)) == words


def numbers_of(layer: p.Layer, x: object, index: tuple[int, ...]) -> str:
    """A sum of a network of one layer with its own numbers in a line."""
    x = np.asarray(x, np.float32)
    found = p.trace(p.Sequential([("it", layer)], input_shape=x.shape), x).sum("it", index)
    return "".join(part["words"] for part in with_numbers(found) or [])


@pytest.mark.filterwarnings("ignore:the images are floats")
def test_a_sum_with_its_numbers():
    conv = p.Conv2d(2, 1, 2)
    conv.weight.data[...] = 0
    conv.weight.data[0, 1] = [[0.01, -0.035], [0.004, 0]]
    conv.weight.data[0, 0, 1, 1] = 0.5
    conv.bias.data[0] = -0.25
    image = np.full((2, 2, 2), 0.125)
    assert numbers_of(conv, image, (0, 0, 0)) == "0.13·0.50 + 0.13·(−0.035) + … − 0.250 = −0.1901"
    assert numbers_of(conv, 0 * image, (0, 0, 0)) == "all products are 0: the number is the bias alone, −0.2500"
    conv.bias.data[0] = 0
    assert numbers_of(conv, 0 * image, (0, 0, 0)) == "all products are 0: so is their sum"
    assert numbers_of(p.MaxPool2d(2), [[[1.0625, -2], [0.001, 0]]], (0, 0, 0)) == "max(1.06, −2.00, 0.001, 0) = 1.063"
    assert numbers_of(p.AvgPool2d(2), [[[1.0625, -2], [0.001, 0]]], (0, 0, 0)) == (
        "(1.06 + (−2.00) + 0.001 + 0) / 4 = −0.2341"
    )
    linear = p.Linear(4, 1)
    linear.weight.data[0] = [1, 2, 0.5, -3]
    linear.bias.data[0] = 1
    assert numbers_of(linear, [1, 1, 1, 0.5], (0,)) == "1·2 + 0.500·(−3) + … + 1 = 3"


@pytest.mark.filterwarnings("ignore:the images are floats")
def test_the_words_of_a_convolution_name_the_channel_and_the_tap():
    conv = p.Conv2d(4, 2, 2, padding=1, groups=2)
    conv.weight.data[...] = 0
    conv.weight.data[1, 1, 1, 0] = 2  # below the padding of the corner at the right
    trace = p.trace(p.Sequential([conv], input_shape=(4, 3, 3)), np.ones((4, 3, 3), np.float32))
    product, *_ = with_numbers(trace.sum("conv1", (1, 0, 3)))
    assert product == {"words": "1.0·2.0", "channel": 3, "tap": [1, 0]}


@pytest.mark.filterwarnings("ignore:the images are floats")
def test_the_words_of_a_way_back():
    conv = p.Conv2d(1, 1, (1, 2))
    conv.weight.data[0, 0, 0] = [2, -1]
    conv.bias.data[0] = 3
    network = p.Sequential([conv, p.ReLU()], input_shape=(1, 1, 2))

    def steps(*pixels: float) -> list[dict[str, object]]:
        trace = p.trace(network, np.array([[pixels]], np.float32))
        shown = {"input": trace.value("input"), "conv1": trace.value("conv1"), "relu1": trace.value("relu1")}
        return as_steps(trace, shown, trace.value("relu1"), (0, 0, 0))["steps"]

    relu, chosen, pixel = steps(1, 1)
    assert (relu["words"], relu["share"], relu["instead"]) == ("ReLU of one number", None, None)
    assert chosen["words"] == "the largest of 2 terms, 2: 67 % of all that was added and taken away"
    assert (chosen["share"], chosen["instead"]) == (2 / 3, None)
    assert pixel["words"] == "the image itself: row 0, column 0"
    _, against, _ = steps(0.5, 2)
    assert against["words"].startswith("the largest of 2 terms, −2, against it: 67 % of all")
    assert against["instead"] == {"path": "input", "index": [0, 0, 0], "amount": "1"}
    assert steps(0, 2)[1]["instead"] is None, "nothing is for it but the bias"
    assert [step["words"] for step in steps(0, 0)] == [
        "ReLU of one number", "all 2 terms are 0: the number is the bias alone",
    ]  # fmt: skip
    assert steps(1, 0)[1]["words"].startswith("the largest of 2 terms, 2: 100 % of all")


@pytest.mark.parametrize(
    ("before", "kept", "end"),
    [
        (1, 0.5, "taken away"), (0.5, 0.25, "; 25 % along this path so far"), (0.005, 0.002, "taken away"),
        (0.5, 0.005, "; from here on, this is one path of very many"),
    ],
)  # fmt: skip
def test_how_much_a_path_says(before, kept, end):
    step = p.WalkStep("conv2d", "conv1", 5, (0, 0, 0), 1.0, 3, (0, 0, 0), 0.75, 0.5, 1234)
    told = of_step(step, before, kept)
    assert told.startswith("the largest of 1,234 terms, 0.7500: 50 % of all")
    assert told.endswith(end)


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
    assert all(not sentence.endswith(".") for sentence in (*KINDS.values(), *GLOSSARY.values()))


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
        "mistakes", "back", "why", "training", "silence", "end",
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
    from pellucid.web.words.sums import FAMILIES, WORDS

    assert set(WORDS) <= set(SUMS) | {"scale"}, set(WORDS) - set(SUMS)
    assert set(FAMILIES) <= set(SUMS) | {"scale", "input"}, set(FAMILIES) - set(SUMS)


def test_numbers_are_written_as_the_page_writes_them():
    """The page itself is asked in test_page_units."""
    from pellucid.web.words.written import percent, power, short, text

    assert [power(value) for value in (3e-7, 3.01e-7, 9.5e-8, 1.0, 2**-20)] == [
        "3·10⁻⁷", "4·10⁻⁷", "1·10⁻⁷", "1·10⁰", "1·10⁻⁶",
    ]  # fmt: skip

    assert [text(value, digits) for value, digits, _ in TEXTS] == [words for *_, words in TEXTS]
    assert [short(value, digits) for value, digits, _ in SHORTS] == [words for *_, words in SHORTS]
    assert [percent(value) for value, _ in PERCENTS] == [words for _, words in PERCENTS]
