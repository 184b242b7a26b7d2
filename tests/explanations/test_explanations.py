"""Saliency, Grad-CAM, occlusion and receptive fields, each against something exact."""

import sys

import numpy as np
import pytest

import pellucid as p
from pellucid import explanations, interpreter
from pellucid.definitions import DEFINITIONS
from pellucid.explanations.grad_cam import _MAKE_NO_MAPS, saliency_and_grad_cam
from pellucid.inference import outputs


def linear(dtype="float64", **options):
    made = p.Sequential([p.Flatten(), p.Linear(18, 3)], input_shape=(2, 3, 3), dtype=dtype, **options)
    return made, made["linear1"].weight.data.reshape(3, 2, 3, 3)


def convolutional(*last):
    layers = [p.Conv2d(1, 4, 3), p.Tanh(), p.Conv2d(4, 3, 3, padding=1), p.Sigmoid(), p.MaxPool2d(2), p.Flatten()]
    return p.Sequential([*layers, p.Linear(27, 5), *last], input_shape=(1, 8, 8), dtype="float64")


# ---- saliency


def test_the_saliency_of_a_linear_network_is_its_weights(rng):
    made, weights = linear(scaling=p.Scaling((0.1, 0.2), (0.5, 0.25)))
    x, classes = rng.random((4, 2, 3, 3)), [0, 2, 1, 0]
    expected = np.abs(weights[classes] / np.array([0.5, 0.25])[:, None, None]).max(axis=1)
    np.testing.assert_allclose(explanations.saliency(made, x, classes), expected, rtol=1e-12)


def test_one_class_serves_all_and_none_means_the_likeliest(rng):
    made, weights = linear()
    x = rng.random((5, 2, 3, 3))
    expected = np.abs(weights[2]).max(axis=0)
    np.testing.assert_allclose(explanations.saliency(made, x, 2), np.broadcast_to(expected, (5, 3, 3)), rtol=1e-12)
    own = p.predict_classes(made, x)
    np.testing.assert_array_equal(explanations.saliency(made, x), explanations.saliency(made, x, own))


def test_one_class_against_another_is_the_difference_of_their_weights(rng):
    made, weights = linear()
    x, against = rng.random((2, 2, 3, 3)), [0, 1]
    expected = np.abs(weights[2] - weights[against]).max(axis=1)
    np.testing.assert_allclose(explanations.saliency(made, x, 2, against=against), expected, rtol=1e-12)
    mean = x.mean(axis=(2, 3), keepdims=True)
    for measure, power in (("score", 1), ("probability", None)):
        found = explanations.occlusion(made, x, 2, size=1, against=against, measure=measure)
        if power:
            drops = ((x - mean) * (weights[2] - weights[against])).sum(axis=1)
            np.testing.assert_allclose(found, drops, rtol=1e-9)
        else:
            each = (explanations.occlusion(made, x, of, size=1) for of in (2, against))
            np.testing.assert_allclose(found, np.subtract(*each), atol=1e-12)
    gradients = explanations.score_gradients(made, x, 2, against=against)["input"]
    np.testing.assert_allclose(gradients, weights[2] - weights[against], rtol=1e-12)
    with pytest.raises(p.ArgumentError, match="expected numbers from 0 to 2, received 3"):
        explanations.saliency(made, x, 2, against=3)


def test_grad_cam_against_another_class_counts_maps_by_the_difference(rng):
    made, x = convolutional(), rng.random((2, 1, 8, 8))
    maps = p.activations(made, x)["conv1"]
    gradients = [explanations.score_gradients(made, x, of, by=("conv1",))["conv1"] for of in (4, 1)]
    counts = np.subtract(*gradients).mean(axis=(2, 3), keepdims=True)
    expected = np.maximum((counts * maps).sum(axis=1), 0)
    found = explanations.grad_cam(made, x, 4, against=1, layer="conv1")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert not np.allclose(found, explanations.grad_cam(made, x, 4, layer="conv1"))


def test_features_have_a_saliency_each():
    made = p.Sequential([p.Linear(3, 2)], input_shape=(3,))
    made["linear1"].weight.data = [[1, -2, 3], [0, 0, 0]]
    assert explanations.saliency(made, np.zeros((1, 3), np.float32), 0).tolist() == [[1, 2, 3]]


# ---- Grad-CAM


@pytest.mark.parametrize("layer", ["conv1", "tanh1", "sigmoid1", "pool1"])
def test_grad_cam_is_what_differences_give(layer, rng):
    """Each map is raised as a whole by a little: the score's change is Σ over places of the gradient, Z·a[k]."""
    made, x = convolutional(), rng.random((2, 1, 8, 8))
    inside, classes, step = p.activations(made, x)[layer], np.array([1, 4]), 1e-5
    counts = np.zeros(inside.shape[:2])
    for channel in range(inside.shape[1]):
        ends = []
        for sign in (1, -1):
            raised = inside.copy()
            raised[:, channel] += sign * step
            ends.append(behind(made, layer, raised)[np.arange(2), classes])
        counts[:, channel] = (ends[0] - ends[1]) / (2 * step) / (inside.shape[2] * inside.shape[3])
    expected = np.maximum((counts[:, :, None, None] * inside).sum(axis=1), 0)
    assert expected.any(), "a map of zeros would show nothing"
    np.testing.assert_allclose(explanations.grad_cam(made, x, classes, layer=layer), expected, rtol=1e-5, atol=1e-12)


def behind(made, layer, numbers):
    names = list(made.children())
    for name in names[names.index(layer) + 1 :]:
        numbers = made[name].forward(numbers)
    return numbers


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (lambda: p.models.lenet(), "relu2"),  # 8×8; the pooled maps are smaller
        (lambda: p.models.lenet5(), "tanh4"),  # tanh5 comes behind a convolution to single places
        (lambda: p.models.resnet20(), "layer3"),  # and not a layer inside of it that ends with the same value
        (lambda: p.models.vgg16(), "relu13"),
        (lambda: convolutional(), "sigmoid1"),
    ],
)
def test_by_default_it_looks_at_the_last_layer_that_tells_where(model, layer):
    assert explanations.grad_cam_layer(model()) == layer


def test_it_passes_over_kinds_that_there_are():
    assert DEFINITIONS.keys() >= set(_MAKE_NO_MAPS)


def test_a_layer_without_maps_is_refused():
    made, _ = linear()
    with pytest.raises(p.ShapeError, match="no layer of the network makes feature maps of more than one place"):
        explanations.grad_cam(made, np.zeros((1, 2, 3, 3)))
    with pytest.raises(p.ShapeError, match="layer: linear1 makes no feature maps"):
        explanations.grad_cam(convolutional(), np.zeros((1, 1, 8, 8)), layer="linear1")
    with pytest.raises(p.ArgumentError, match=r"^layer: no layer 'conv9'; did you mean"):
        explanations.grad_cam(convolutional(), np.zeros((1, 1, 8, 8)), layer="conv9")
    ending = p.Sequential([p.Conv2d(1, 2, 3), p.Flatten(), p.Linear(8, 2), p.Softmax()], input_shape=(1, 4, 4))
    with pytest.raises(p.ArgumentError, match=r"^layer: the output does not depend on softmax1; name layers that come"):
        explanations.grad_cam(ending, np.zeros((1, 1, 4, 4)), layer="softmax1")


@pytest.mark.parametrize("layer", [3, ["conv1"], b"conv1"])
def test_what_is_no_path_is_no_layer(layer):
    with pytest.raises(p.ArgumentError, match="layer: expected the path of a layer, received "):
        explanations.grad_cam(convolutional(), np.zeros((1, 1, 8, 8)), layer=layer)


def passes(monkeypatch):
    """Every run of a program from now on, by the number of its steps."""
    module, counts, run = sys.modules["pellucid.explanations.vector_jacobian"], [], interpreter.run

    def counted(program, *more):
        counts.append(len(program.steps))
        return run(program, *more)

    monkeypatch.setattr(module.interpreter, "run", counted)
    return counts


def test_grad_cam_is_one_pass(rng, monkeypatch):
    made, x = convolutional(), rng.random((2, 1, 8, 8))
    expected = explanations.grad_cam(made, x, 1, layer="conv2")
    counts = passes(monkeypatch)
    np.testing.assert_array_equal(explanations.grad_cam(made, x, 1, layer="conv2"), expected)
    assert len(counts) == 1


def test_both_maps_come_of_one_pass(rng, monkeypatch):
    made, x, classes = convolutional(p.Softmax()), rng.random((2, 1, 8, 8)), np.array([3, 0])
    expected = explanations.saliency(made, x, classes), explanations.grad_cam(made, x, classes, layer="sigmoid1")
    counts = passes(monkeypatch)
    for found, alone in zip(saliency_and_grad_cam(made, x, classes, "sigmoid1"), expected, strict=True):
        np.testing.assert_array_equal(found, alone)
    assert len(counts) == 1


# ---- occlusion


def one_pixel(row, column):
    """A network whose two scores are (x[row, column], 0)."""
    made = p.Sequential([p.Flatten(), p.Linear(36, 2)], input_shape=(1, 6, 6), dtype="float64")
    weight = np.zeros((2, 36))
    weight[0, 6 * row + column] = 1
    made["linear1"].weight.data, made["linear1"].bias.data = weight, [0, 0]
    return made


@pytest.mark.parametrize("place", [(0, 0), (2, 3), (5, 5)])
def test_a_network_that_reads_one_pixel_needs_that_pixel_alone(place):
    image = np.zeros((1, 1, 6, 6))
    image[0, 0][place] = 4.0
    found = explanations.occlusion(one_pixel(*place), image, 0, size=1)[0]
    expected = np.zeros((6, 6))
    expected[place] = sigmoid(4.0) - sigmoid(4.0 / 36)  # the pixel takes the image's mean
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_patch_shares_what_it_covers_among_its_pixels():
    """Patches of 2×2 with stride 1: of the patches over a pixel, the share that cover the one that counts as well."""
    image = np.zeros((1, 1, 6, 6))
    image[0, 0, 2, 3] = 4.0
    found = explanations.occlusion(one_pixel(2, 3), image, 0, size=2, stride=1)[0]
    drop = sigmoid(4.0) - sigmoid(4.0 / 36)
    near = drop * np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
    np.testing.assert_allclose(found[1:4, 2:5], near, atol=1e-12)
    found[1:4, 2:5] = 0
    assert not found.any()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize(("size", "stride"), [(None, None), (3, 2), ((2, 5), (1, 5)), (6, 6), (4, 3)])
def test_every_pixel_is_covered(size, stride, rng):
    found = explanations.occlusion(one_pixel(0, 0), rng.random((2, 1, 6, 6)), size=size, stride=stride)
    assert found.shape == (2, 6, 6)
    assert np.isfinite(found).all()


def test_of_a_single_output_the_output_counts():
    made = p.Sequential([p.Flatten(), p.Linear(4, 1)], input_shape=(1, 2, 2), dtype="float64")
    made["linear1"].weight.data, made["linear1"].bias.data = [[1, 2, 3, 4]], [0]
    image = np.array([[[[1.0, 0], [0, 1.0]]]])
    found = explanations.occlusion(made, image, size=1)[0]
    np.testing.assert_allclose(found, [[0.5, -1.0], [-1.5, 2.0]])


@pytest.mark.parametrize("last", [(), (p.Softmax(),)])
def test_the_score_falls_where_the_probability_is_as_good_as_sure(last):
    made = p.Sequential([p.Flatten(), p.Linear(4, 2), *last], input_shape=(1, 2, 2), dtype="float64")
    made["linear1"].weight.data, made["linear1"].bias.data = [[40, 20, 0, 40], [0, 0, 0, 0]], [0, 0]
    image = np.array([[[[1.0, 0], [0, 1.0]]]])
    assert np.abs(explanations.occlusion(made, image, 0, size=1)).max() < 1e-8
    found = explanations.occlusion(made, image, 0, size=1, measure="score")[0]
    scores = np.array([[20, -10], [0, 20.0]])  # of 80, each pixel becoming a half
    if last:  # log q = −log(1 + e^−s)
        scores = -np.log1p(np.exp(-80.0)) + np.log1p(np.exp(-(80 - scores)))
    np.testing.assert_allclose(found, scores, atol=1e-12)


def test_a_measure_that_is_none_is_refused():
    with pytest.raises(p.ArgumentError, match='measure: expected "probability" or "score", received \'logit\''):
        explanations.occlusion(one_pixel(0, 0), np.zeros((1, 1, 6, 6)), measure="logit")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"size": 7}, "size: expected at most 6×6, the image's, received 7×7"),
        ({"size": 2, "stride": 3}, "stride: expected at most 2×2, the patch's size, so that every pixel is covered"),
        ({"classes": 2}, "classes: expected numbers from 0 to 1, received 2"),
        ({"classes": -1}, "classes: expected numbers from 0 to 1, received -1"),
    ],
)
def test_patches_and_classes_that_make_no_sense_are_refused(words, message):
    with pytest.raises(p.ArgumentError) as caught:
        explanations.occlusion(one_pixel(0, 0), np.zeros((1, 1, 6, 6)), **words)
    assert str(caught.value).startswith(message)


def test_flat_samples_and_odd_classes_are_refused():
    made = p.Sequential([p.Linear(3, 2)], input_shape=(3,))
    with pytest.raises(p.ShapeError, match="occlusion covers parts of images"):
        explanations.occlusion(made, np.zeros((1, 3), np.float32))
    with pytest.raises(p.DataError, match="classes: expected a class number, or one for each of the 1 samples"):
        explanations.saliency(made, np.zeros((1, 3), np.float32), [0, 1])
    maps = p.Sequential([p.Conv2d(1, 2, 3)], input_shape=(1, 4, 4))
    with pytest.raises(p.ShapeError, match="a score for each class is needed"):
        explanations.saliency(maps, np.zeros((1, 1, 4, 4), np.float32))


def test_engine_and_threads_are_those_of_every_prediction(monkeypatch, rng):
    made, images, told = one_pixel(1, 2), rng.random((2, 1, 6, 6)), []
    for name, function in (("occlusion", "predict_proba"), ("saliency", "predict")):
        module = sys.modules[f"pellucid.explanations.{name}"]
        predicted = getattr(module, function)

        def noted(*given, predicted=predicted, **how):
            told.append({name: how[name] for name in ("engine", "threads")})
            return predicted(*given, **how)

        monkeypatch.setattr(module, function, noted)
    found = explanations.occlusion(made, images, engine="numpy", threads=2)
    assert found.shape == (2, 6, 6)
    assert told == [{"engine": "numpy", "threads": 2}] * 3, "the likeliest classes, and each image covered"


def test_the_definitions_explain_without_the_compiler(monkeypatch, rng):
    def never(*given, **how):
        raise RuntimeError("compiled")

    monkeypatch.setattr(outputs, "executable", never)
    made, images = p.Sequential([p.Flatten(), p.Linear(36, 2)], input_shape=(1, 6, 6)), rng.random((1, 1, 6, 6))
    with pytest.raises(RuntimeError, match="compiled"):
        explanations.occlusion(made, images)
    assert explanations.occlusion(made, images, engine="numpy").shape == (1, 6, 6)


def test_covered_images_are_made_a_part_at_a_time(rng, monkeypatch):
    module, images = sys.modules["pellucid.explanations.occlusion"], rng.random((1, 1, 6, 6))
    whole = explanations.occlusion(one_pixel(2, 3), images, 0, size=2, stride=1)
    counts = []

    def counted(network, x, **words):
        counts.append(len(x))
        return p.predict_proba(network, x, **words)

    monkeypatch.setattr(module, "predict_proba", counted)
    monkeypatch.setattr(module, "BATCH_BYTES", 10 * images.nbytes + 5)
    np.testing.assert_array_equal(explanations.occlusion(one_pixel(2, 3), images, 0, size=2, stride=1), whole)
    assert counts == [10, 10, 6]


# ---- receptive fields


def test_the_field_of_a_convolution_is_its_weights(rng):
    made = p.Sequential([p.Conv2d(2, 4, 3), p.Conv2d(4, 1, 1)], input_shape=(2, 7, 7), dtype="float64")
    weight = made["conv1"].weight.data
    found = explanations.receptive_field(made, rng.random((3, 2, 7, 7)), "conv1", place=(1, 2))
    expected = np.zeros((7, 7))
    expected[1:4, 2:5] = np.sqrt((weight**2).sum(axis=1).mean(axis=0))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    one = explanations.receptive_field(made, rng.random((3, 2, 7, 7)), "conv1", place=(1, 2), channels=[3])
    np.testing.assert_allclose(one[1:4, 2:5], np.sqrt((weight[3] ** 2).sum(axis=0)), rtol=1e-12)


@pytest.mark.parametrize("layer", ["conv1", "pool1", "sum"])
@pytest.mark.parametrize("most", [1, 4, 64])
def test_the_images_go_forward_once_for_all_channels(layer, most, rng, monkeypatch):
    """And what comes back is what the vector–Jacobian product gives for each channel."""
    nodes = {
        "conv1": (p.Conv2d(2, 5, 3, padding=1), "input"),
        "tanh1": (p.Tanh(), "conv1"),
        "pool1": (p.MaxPool2d(2), "tanh1"),
        "conv2": (p.Conv2d(5, 5, 1), "pool1"),
        "sum": (p.joins.Multiply(), "conv2", "pool1"),
    }
    made, x = p.Graph(nodes, input_shape=(2, 6, 6), dtype="float64"), rng.random((3, 2, 6, 6))
    squares = np.zeros((6, 6))
    for channel in range(5):
        vector = np.zeros((3, 5, 6, 6) if layer == "conv1" else (3, 5, 3, 3))
        vector[:, channel, 1, 2] = 1
        squares += (explanations.vector_jacobian(made, x, vector, of=layer)["input"] ** 2).sum(axis=1).mean(axis=0)
    module, steps = sys.modules["pellucid.explanations.vector_jacobian"], []
    run = interpreter.run
    monkeypatch.setattr(module, "at_once", lambda program, batch_size: most)
    monkeypatch.setattr(
        interpreter, "run", lambda program, *given: steps.append(program.forward) or run(program, *given)
    )
    found = explanations.receptive_field(made, x, layer, place=(1, 2))
    np.testing.assert_allclose(found, np.sqrt(squares / 5), rtol=1e-12)
    forward, backward = sum(map(bool, steps)), len(steps) - sum(map(bool, steps))
    assert (forward, backward) == {1: (3, 15), 4: (1, 5), 64: (1, 1)}[most]


class Squared(p.Layer):
    """A layer of one's own, which remembers its batch."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        self._cache = x
        return x**2

    def backward(self, grad_output):
        return 2 * self._cache * grad_output


def test_the_field_of_a_layer_of_ones_own(rng):
    made = p.Sequential([p.Conv2d(1, 4, 1, bias=False), Squared()], input_shape=(1, 3, 3), dtype="float64")
    x, weight = rng.random((2, 1, 3, 3)), made["conv1"].weight.data.ravel()
    found = explanations.receptive_field(made, x, "squared1")
    expected = np.zeros((3, 3))
    expected[1, 1] = np.sqrt(((2 * np.outer(x[:, 0, 1, 1], weight**2)) ** 2).mean())
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_field_lies_within_the_one_that_sizes_tell(rng):
    layers = [p.Conv2d(1, 4, 3, padding=1), p.ReLU(), p.MaxPool2d(2), p.Conv2d(4, 4, 3, dilation=2)]
    made = p.Sequential(layers, input_shape=(1, 16, 16), dtype="float64")
    found = explanations.receptive_field(made, rng.random((8, 1, 16, 16)), "conv2", place=(2, 1))
    field = p.summary(made).rows[-1].field
    first = [offset + at * stride for offset, at, stride in zip(field.offset, (2, 1), field.stride, strict=True)]
    inside = np.zeros((16, 16), bool)
    inside[tuple(slice(max(0, start), start + size) for start, size in zip(first, field.size, strict=True))] = True
    assert found[inside].any()
    assert not found[~inside].any()


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"layer": 3}, p.ArgumentError, "layer: expected the path of a layer, received 3"),
        ({"layer": "conv9"}, p.ArgumentError, "layer: no layer 'conv9'; did you mean"),
        ({"layer": "linear1"}, p.ShapeError, "layer: linear1 makes no feature maps of images"),
        ({"layer": "conv1", "place": (6, 0)}, p.ArgumentError, "place: conv1 makes maps of 6×6, received (6, 0)"),
        ({"layer": "conv1", "channels": [4]}, p.ArgumentError, "channels: expected some of 0 to 3, received [4]"),
    ],
)
def test_places_that_are_not_there_are_refused(words, error, message):
    with pytest.raises(error) as caught:
        explanations.receptive_field(convolutional(), np.zeros((1, 1, 8, 8)), **words)
    assert str(caught.value).startswith(message)
