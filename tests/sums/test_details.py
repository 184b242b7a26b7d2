"""What is drawn of each kind, with numbers worked out by hand."""

import math

import numpy as np
import pytest

import pellucid as p

pytestmark = pytest.mark.filterwarnings("ignore:the images are floats")  # as numbers by hand are


def trace_of(layer, x, **options):
    """The trace of a network of one layer, which is given x, of one sample, as it is."""
    x = np.asarray(x, np.float32)
    return p.trace(p.Sequential([("it", layer)], input_shape=x.shape, **options), x)


def image(height=4, width=4, channels=1):
    """1, 2, 3, … in rows, the second channel ten times as much."""
    first = np.arange(1, height * width + 1, dtype=np.float32).reshape(height, width)
    return np.stack([first * 10**c for c in range(channels)])


# ---- convolution


def test_a_convolution_shows_its_patch_kernel_and_subtotals():
    conv = p.Conv2d(2, 3, 3, padding=1)
    conv.weight.data[...] = 0
    conv.weight.data[2, 0] = [[9, 9, 9], [9, 1, 2], [9, 3, 4]]
    conv.weight.data[2, 1, 1, 1] = -1
    conv.bias.data[2] = 0.5
    found = trace_of(conv, image(channels=2)).sum("it", (2, 0, 0))
    # the corner: 1·1 + 2·2 + 5·3 + 6·4 = 44 of channel 0, −10 of channel 1
    assert (found.kind, found.layer, found.recomputed, found.constant) == ("conv2d", "it", 34.5, 0.5)
    shown = found.details
    assert shown["patch"][0] == [[0, 0, 0], [0, 1, 2], [0, 5, 6]]
    assert shown["patch"][1] == [[0, 0, 0], [0, 10, 20], [0, 50, 60]]
    assert shown["kernel"][0] == [[9, 9, 9], [9, 1, 2], [9, 3, 4]]
    assert shown["padding"] == [[True, True, True], [True, False, False], [True, False, False]]
    assert shown["subtotals"] == [44, -10]
    assert (shown["bias"], shown["channels"], shown["groups"]) == (0.5, [0, 1], 1)
    assert (shown["rows"], shown["columns"]) == ([-1, 0, 1], [-1, 0, 1])
    assert found.terms.indices.tolist()[:5] == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0]]
    assert found.terms.amounts.tolist()[:5] == [1, 4, 15, 24, -10]


def test_a_convolution_in_groups_sees_its_own_channels_and_a_dilated_one_skips_pixels():
    conv = p.Conv2d(4, 2, 2, groups=2, dilation=2, stride=(1, 2), bias=False)
    found = trace_of(conv, image(5, 5, 4)).sum("it", (1, 2, 1))
    shown = found.details
    assert shown["channels"] == [2, 3]
    assert (shown["rows"], shown["columns"]) == ([2, 4], [2, 4])
    assert (shown["dilation"], shown["stride"], shown["bias"]) == ([2, 2], [1, 2], 0)
    assert shown["patch"][0] == [[1300, 1500], [2300, 2500]]
    assert found.terms.indices[:, 0].tolist() == [2, 2, 2, 2, 3, 3, 3, 3]


# ---- pooling


def test_a_maximum_has_a_winner_and_names_ties():
    x = np.array([[[6.5, 7, 0], [7, 7, 0], [0, 0, 0]]], np.float32)
    found = trace_of(p.MaxPool2d(2, stride=1), x).sum("it", (0, 0, 0))
    assert found.details["window"] == [[6.5, 7], [7, 7]]
    assert found.details["winner"] == [0, 1]
    assert found.details["ties"] == [[1, 0], [1, 1]]
    assert (found.terms.indices.tolist(), found.terms.amounts.tolist()) == ([[0, 0, 1]], [7])


def test_padding_never_wins_a_maximum():
    found = trace_of(p.MaxPool2d(2, padding=1), -image()).sum("it", (0, 0, 0))
    assert found.details["window"] == [["-inf", "-inf"], ["-inf", -1]]
    assert found.details["padding"] == [[True, True], [True, False]]
    assert (found.recomputed, found.details["winner"], found.details["ties"]) == (-1, [0, 0], [])


def test_the_first_nan_wins():
    network = p.Sequential([p.Flatten(), p.Linear(4, 4), p.Reshape((1, 2, 2)), p.MaxPool2d(2)], input_shape=(1, 2, 2))
    network["linear1"].bias.data = [1, np.nan, 3, np.nan]
    trace = p.trace(network, np.zeros((2, 2), np.float32))
    found = trace.sum("pool1", (0, 0, 0))
    assert math.isnan(found.stored)
    assert math.isnan(found.recomputed)
    assert (found.details["winner"], found.details["ties"]) == ([0, 1], [[1, 1]])
    assert found.details["window"] == [[1, "nan"], [3, "nan"]]
    assert [step.layer for step in trace.walk_back("pool1", (0, 0, 0))] == ["pool1", "reshape1", "linear1"]
    exec(compile(found.snippet(), "snippet", "exec"), {})


@pytest.mark.parametrize(("include", "divisor"), [(True, 4), (False, 1)])
def test_a_mean_is_told_with_what_it_is_divided_by(include, divisor):
    found = trace_of(p.AvgPool2d(2, padding=1, count_include_pad=include), image() * 8).sum("it", (0, 0, 0))
    assert (found.details["values"], found.details["sum"], found.details["divisor"]) == ([8], 8, divisor)
    assert found.recomputed == 8 / divisor


def test_a_region_and_whole_axes_have_means():
    found = trace_of(p.AdaptiveAvgPool2d((2, 1)), image(5, 2)).sum("it", (0, 1, 0))
    assert (found.details["rows"], found.details["columns"], found.details["divisor"]) == ([2, 3, 4], [0, 1], 6)
    assert (found.details["sum"], found.recomputed) == (5 + 6 + 7 + 8 + 9 + 10, 7.5)
    found = trace_of(p.Mean((1, 3)), image(2, 2, 2)).sum("it", 1)
    assert (found.details["values"], found.details["divisor"]) == ([3, 4, 30, 40], 4)
    assert found.terms.indices.tolist() == [[0, 1, 0], [0, 1, 1], [1, 1, 0], [1, 1, 1]]


# ---- dense


def test_a_dense_layer_lists_the_largest_and_tells_where_they_stood():
    network = p.Sequential([p.Flatten(), p.Linear(48, 2)], input_shape=(3, 4, 4))
    network["linear1"].weight.data[1] = np.arange(48) % 7 - 3
    network["linear1"].bias.data[1] = 100
    found = p.trace(network, np.ones((3, 4, 4), np.float32)).sum("linear1", 1)
    shown = found.details
    assert len(shown["terms"]) == 32
    sizes = [abs(term["amount"]) for term in shown["terms"]]
    assert sizes == sorted(sizes, reverse=True)
    assert shown["terms"][0] == {"index": 0, "x": 1, "weight": -3, "amount": -3, "before": [0, 0, 0]}
    assert shown["terms"][2]["before"] == [0, 1, 3]  # feature 7 = (0·4 + 1)·4 + 3
    assert shown["rest"]["count"] == 16
    total = sum(term["amount"] for term in shown["terms"]) + shown["rest"]["total"]
    assert total + 100 == found.recomputed
    assert shown["map"]["shape"] == [3, 4, 4]


def test_features_stand_in_the_map_that_was_flattened_last():
    layers = [p.Reshape((4, 2, 2)), p.Flatten(), p.Linear(16, 2)]
    network = p.Sequential(layers, input_shape=(1, 4, 4))
    shown = p.trace(network, np.ones((1, 4, 4), np.float32)).sum("linear1", 1).details
    assert shown["map"]["shape"] == [4, 2, 2]
    assert {tuple(term["before"]) for term in shown["terms"]} == set(np.ndindex(4, 2, 2))


def test_features_that_were_never_a_map_stand_where_they_are():
    found = trace_of(p.Linear(3, 1), [1, 2, 3]).sum("it", 0)
    assert {tuple(term["before"]) for term in found.details["terms"]} == {(0,), (1,), (2,)}
    assert found.details["map"]["shape"] == [3]


# ---- number by number


def test_an_activation_shows_its_curve():
    found = trace_of(p.LeakyReLU(0.5), [-8, 3]).sum("it", 0)
    assert (found.details["x"], found.details["y"], found.details["settings"]) == (-8, -4, {"negative_slope": 0.5})
    xs, ys = found.details["curve"]["x"], found.details["curve"]["y"]
    assert len(xs) == len(ys) == 65
    assert xs[0] < -8
    np.testing.assert_allclose(ys, [x if x > 0 else 0.5 * x for x in xs])


def test_every_class_has_its_share():
    scores = np.log([1, 2, 5]).astype(np.float32)
    found = trace_of(p.Softmax(), scores).sum("it", 1)
    shown = found.details
    np.testing.assert_allclose(shown["shares"], [1 / 8, 2 / 8, 5 / 8], rtol=1e-6)
    np.testing.assert_allclose(shown["shifted"], np.log([1 / 5, 2 / 5, 1]), atol=1e-6)
    np.testing.assert_allclose(shown["exponentials"], [1 / 5, 2 / 5, 1], rtol=1e-6)
    assert (shown["class"], shown["largest"]) == (1, float(scores[2]))
    found = trace_of(p.LogSoftmax(), scores).sum("it", 1)
    np.testing.assert_allclose([found.terms.amounts[0], found.constant], [math.log(2), -math.log(8)], rtol=1e-6)


def test_batch_normalisation_is_a_straight_line():
    norm = p.BatchNorm2d(2, eps=1)
    norm.running_mean.data, norm.running_var.data = [0, 3], [0, 15]
    norm.weight.data, norm.bias.data = [1, 2], [0, 7]
    found = trace_of(norm, [[[0]], [[5]]]).sum("it", (1, 0, 0))
    shown = found.details
    assert (shown["mean"], shown["variance"], shown["eps"], shown["weight"], shown["bias"]) == (3, 15, 1, 2, 7)
    assert (shown["a"], shown["b"], found.recomputed) == (0.5, 5.5, 8)
    assert (found.terms.amounts.tolist(), found.constant) == ([2.5], 5.5)


def test_a_response_is_divided_by_its_neighbours_squares():
    found = trace_of(p.LocalResponseNorm(4, alpha=2, beta=0.5, k=1), [[[2]], [[3]], [[4]]]).sum("it", (1, 0, 0))
    shown = found.details
    assert (shown["channels"], shown["squares"], shown["sum"]) == ([0, 1, 2], [4, 9, 16], 29)
    assert shown["s"] == 15.5
    assert found.recomputed == pytest.approx(3 / math.sqrt(15.5), rel=1e-12)


@pytest.mark.parametrize(("size", "channels"), [(1, [2]), (2, [1, 2]), (3, [1, 2, 3]), (4, [0, 1, 2, 3])])
def test_an_even_number_of_neighbours_has_one_more_before(size, channels):
    found = trace_of(p.LocalResponseNorm(size), np.arange(5).reshape(5, 1, 1)).sum("it", (2, 0, 0))
    assert found.details["channels"] == found.details["neighbours"] == channels


def test_learnt_numbers_meet_the_places_they_are_stretched_to():
    slope = p.PReLU(2)
    slope.weight.data = [0.5, 0.25]
    assert trace_of(slope, -image(channels=2)).sum("it", (1, 0, 1)).details["settings"] == {"weight": 0.25}
    add, multiply = p.Bias((2, 1, 1)), p.Gain((4, 4))
    add.bias.data[1], multiply.weight.data[0, 1] = 5, 3
    found = trace_of(add, image(channels=2)).sum("it", (1, 0, 1))
    assert (found.terms.amounts.tolist(), found.constant) == ([20], 5)
    found = trace_of(multiply, image(channels=2)).sum("it", (1, 0, 1))
    assert (found.kind, found.terms.amounts.tolist(), found.details["weight"]) == ("multiply_parameter", [60], 3)


def test_a_pixel_is_scaled():
    network = p.Sequential([p.ReLU()], input_shape=(2, 1, 1), scaling=p.Scaling((0.5, 0.2), (0.25, 0.5)))
    found = p.trace(network, np.array([[[0]], [[255]]], np.uint8)).sum("input", (1, 0, 0))
    assert (found.kind, found.layer, found.recomputed) == ("scale", "input", 1.6)
    assert found.details["pixel"] == 255
    assert "x/255" in found.formula
    found = p.trace(network, np.array([[[0.5]], [[1]]], np.float32)).sum("input", (0, 0, 0))
    assert (found.details["divisor"], found.recomputed) == (1, 0)


# ---- where paths meet, and what only moves


def test_a_residual_adds_two_numbers_and_tells_where_they_come_from():
    conv = p.Conv2d(1, 1, 1)
    conv.weight.data[...] = 2
    trace = trace_of(p.Residual(p.Sequential([conv])), image())
    found = trace.sum("it", (0, 1, 1))
    assert (found.kind, found.details["a"], found.details["b"], found.recomputed) == ("add", 12, 6, 18)
    assert [source["layer"] for source in found.details["from"]] == ["it.body.conv1", "input"]
    assert found.terms.values.tolist() == [trace.value("it.body.conv1"), trace.value("input")]
    assert [(step.layer, step.share) for step in trace.walk_back("it", (0, 1, 1))] == [
        ("it", 12 / 18), ("it.body.conv1", 1), ("input", 1)
    ]  # fmt: skip


def test_of_a_product_each_factor_is_half():
    gate = p.Graph({"mean": (p.AdaptiveAvgPool2d(1), "input"), "gated": (p.joins.Multiply(), "input", "mean")})
    found = trace_of(gate, image(2, 2)).sum("it", (0, 1, 1))
    assert (found.kind, found.details["a"], found.details["b"]) == ("multiply", 4, 2.5)
    assert found.terms.amounts.tolist() == [5, 5]


@pytest.mark.parametrize(
    ("layer", "index", "source"),
    [
        (p.Flatten(), (21,), (1, 1, 1)),
        (p.Reshape((4, 8)), (2, 5), (1, 1, 1)),
        (p.Transpose((2, 3, 1)), (1, 2, 0), (0, 1, 2)),
        (p.Slice(1, 1), (0, 2, 3), (1, 2, 3)),
        (p.Slice(3, 1, None, 2), (0, 2, 1), (0, 2, 3)),
        (p.PadChannels(2, 1), (3, 0, 1), (1, 0, 1)),
        (p.Pad((0, 1, 2)), (1, 1, 2), (1, 0, 0)),
        (p.Pad((0, 1, 2), mode="edge"), (1, 0, 7), (1, 0, 3)),
        (p.Pad((0, 1, 2), mode="reflect"), (1, 0, 0), (1, 1, 2)),
        (p.Concat(p.Slice(1, 0, 1), p.ReLU()), (2, 3, 1), (1, 3, 1)),
    ],
)
def test_what_only_moves_names_the_place(layer, index, source):
    trace = trace_of(layer, image(channels=2))
    found = trace.sum("it", index)
    assert found.terms.indices.tolist() == [list(source)]
    assert found.details["from"]["index"] == list(source)
    assert found.recomputed == found.stored == image(channels=2)[source]


@pytest.mark.parametrize(
    ("layer", "index", "number"),
    [
        (p.PadChannels(2, 1), (1, 0, 0), 0),
        (p.PadChannels(0, 1), (2, 0, 0), 0),
        (p.Pad((0, 1, 1), value=3), (0,) * 3, 3),
    ],
)
def test_padding_comes_from_nowhere(layer, index, number):
    trace = trace_of(layer, image(channels=2))
    found = trace.sum("it", index)
    assert (len(found.terms), found.constant, found.details["padding"]) == (0, number, True)
    assert [step.source for step in trace.walk_back("it", index)] == [None]


def test_a_dropout_leaves_the_number_as_it_is():
    trace = p.trace(p.Sequential([p.Tanh(), p.Dropout()], input_shape=(3,)), [1.0, 2.0, 3.0])
    found = trace.sum("dropout1", 1)
    assert (found.kind, found.layer, found.recomputed) == ("dropout", "dropout1", found.stored)
    assert found.details["note"] == "in prediction nothing is dropped"
    assert trace.sum(found.terms.values[0], found.terms.indices[0]).kind == "tanh"
    assert trace.walk_back("dropout1", 1)[0].kind == "tanh"


def test_a_layer_of_ones_own_stays_closed():
    class Mine(p.Layer):
        def output_shape(self, input_shape):
            return input_shape

        def forward(self, x, training=False):
            return np.asarray(x) * 2

    trace = trace_of(Mine(), [1, 2])
    found = trace.sum("it", 1)
    assert (found.kind, found.recomputed, len(found.terms)) == ("custom", 4, 0)
    assert "Mine is a layer of your own" in found.details["note"]
    exec(compile(found.snippet(), "snippet", "exec"), {})
    assert trace.walk_back("it", 1)[-1].kind == "custom"


# ---- what readers stand on


def test_every_kind_has_the_details_that_are_agreed_upon():
    from typing import get_args

    from pellucid.sums import details

    known = [(each.__required_keys__, set(each.__annotations__)) for each in get_args(details.Details)]
    kinds = {
        "conv2d": (p.Conv2d(2, 1, 3, padding=1), (0, 1, 1)),
        "conv_transpose2d": (p.ConvTranspose2d(2, 1, 2), (0, 1, 1)),
        "max_pool2d": (p.MaxPool2d(2), (0, 1, 1)), "avg_pool2d": (p.AvgPool2d(2, padding=1), (0, 1, 1)),
        "adaptive_avg_pool2d": (p.AdaptiveAvgPool2d(2), (0, 1, 1)), "mean": (p.Mean((2, 3)), (0,)),
        "batch_norm_running": (p.BatchNorm2d(2), (0, 1, 1)), "local_response_norm": (p.LocalResponseNorm(2), (0, 1, 1)),
        "clip": (p.Clip(-1, 1), (0, 1, 1)), "add_parameter": (p.Bias((2, 1, 1)), (0, 1, 1)),
        "softmax": (p.Softmax(), (0, 1, 1)), "pad": (p.Pad((0, 1, 1)), (0, 0, 0)), "slice": (p.Slice(1, 1), (0, 1, 1)),
    }  # fmt: skip
    for kind, (layer, index) in kinds.items():
        found = set(trace_of(layer, image(channels=2)).sum("it", index).details)
        assert any(required <= found <= every for required, every in known), (kind, found)
