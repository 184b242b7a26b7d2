"""Using a network: batches that change nothing, probabilities, scores, and numbers inside it worked by hand."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as p
from pellucid import interpreter, native
from pellucid.compiler.executable import Executable
from pellucid.inference import outputs


def small(*last, dtype="float32", **options):
    layers = [p.Conv2d(1, 3, 3), p.BatchNorm2d(3), p.ReLU(), p.Dropout(0.5), p.Flatten(), p.Linear(12, 4), *last]
    network = p.Sequential(layers, input_shape=(1, 4, 4), dtype=dtype, **options)
    network["norm1"].running_mean.data[...] = [0.1, -0.2, 0.3]
    return network


def pictures(count, seed=0):
    return np.random.default_rng(seed).random((count, 1, 4, 4))


# ---- outputs


@given(count=st.integers(1, 12), batch_size=st.integers(1, 15))
def test_batches_change_nothing(count, batch_size):
    network, x = small(dtype="float64"), pictures(count)
    whole, parts = p.predict(network, x), p.predict(network, x, batch_size=batch_size)
    assert parts.shape == (count, 4)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
    inside, by_parts = p.activations(network, x), p.activations(network, x, batch_size=batch_size)
    assert list(inside) == list(by_parts)
    for path, array in inside.items():
        np.testing.assert_allclose(by_parts[path], array, rtol=1e-12, err_msg=path)


def test_predict_is_forward():
    network, x = small(), pictures(5)
    outputs = p.predict(network, x)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, network.forward(x), rtol=1e-6)


def test_uint8_is_divided_by_255():
    network, pixels = small(dtype="float64"), np.arange(16, dtype=np.uint8).reshape(1, 4, 4) * 17
    np.testing.assert_allclose(p.predict(network, pixels), p.predict(network, pixels / 255.0), rtol=1e-12)


@pytest.mark.parametrize(
    "use",
    [
        lambda n, x: p.predict(n, x, engine="numpy"),
        p.activations,
        lambda n, x: p.evaluate(n, (x, np.zeros(len(x), int)), engine="numpy"),
    ],
)
def test_images_are_taken_a_few_at_a_time(use, monkeypatch):
    taken, run = [], interpreter.run

    def counted(program, feeds, wanted=None):
        taken.append(len(feeds["input"]))
        return run(program, feeds, wanted)

    monkeypatch.setattr(interpreter, "run", counted)
    use(small(), np.zeros((600, 1, 4, 4), np.uint8))
    assert taken == [256, 256, 88]
    taken.clear()
    needed = p.lower(small()).activation_bytes()
    monkeypatch.setattr(native, "BATCH_BYTES", 100 * needed)
    use(small(), np.zeros((600, 1, 4, 4), np.uint8))
    assert max(taken) <= 105
    assert sum(taken) == 600


def test_batches_of_any_size_share_few_compiled_programs(monkeypatch):
    made, network = [], small()
    monkeypatch.setattr(Executable, "__init__", _noted(Executable.__init__, made))
    for count in (1, 2, 3, 5, 8, 7, 6, 4, 1):
        p.predict(network, np.zeros((count, 1, 4, 4), np.float32))
    assert made == [1, 2, 4, 8]


def _noted(init, made):
    def noted(self, program, samples, *more):
        made.append(samples)
        init(self, program, samples, *more)

    return noted


@pytest.mark.parametrize("count", [1, 5])
def test_probabilities_with_and_without_a_softmax_layer(count):
    without, x = small(dtype="float64"), pictures(count)
    ended, flattened = small(p.Softmax(), dtype="float64"), small(p.Softmax(), p.Flatten(), dtype="float64")
    z = p.predict(without, x)
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for network in (without, ended, flattened):
        probabilities = p.predict_proba(network, x)
        np.testing.assert_allclose(probabilities, expected, rtol=1e-12)
        np.testing.assert_array_equal(p.predict_classes(network, x), expected.argmax(axis=1))
    np.testing.assert_allclose(p.predict(ended, x), expected, rtol=1e-12)


@pytest.mark.parametrize("use", [p.predict, p.predict_proba, p.predict_classes])
def test_a_network_is_lowered_once_a_call(use, monkeypatch):
    made, x, lowered = small(), pictures(2), []
    lower = outputs.lower
    monkeypatch.setattr(outputs, "lower", lambda network: lowered.append(network) or lower(network))
    use(made, x)
    assert lowered == [made]


def test_of_equal_outputs_the_first_class_is_taken():
    network = small()
    for name in ("weight", "bias"):
        getattr(network["linear1"], name).data[...] = 0
    classes = p.predict_classes(network, pictures(3))
    assert classes.tolist() == [0, 0, 0]
    assert classes.dtype == np.int64


@pytest.mark.parametrize("use", [p.predict_proba, p.predict_classes])
def test_classes_need_one_output_each(use):
    network = p.Sequential([p.Conv2d(1, 3, 3)], input_shape=(1, 4, 4))
    with pytest.raises(p.ShapeError) as caught:
        use(network, pictures(2))
    assert str(caught.value) == "classes need one output a class, but the network gives (3, 2, 2) a sample"


# ---- scores


def one_by_one(network, x, labels):
    """−log of each sample's probability of its class."""
    return np.array([-np.log(p.predict_proba(network, x[n : n + 1])[0, labels[n]]) for n in range(len(x))])


@pytest.mark.parametrize("batch_size", [1, 3, 4, 11, None])
@pytest.mark.parametrize("class_weights", [(), (1, 2, 0, 5)])
def test_scores_are_means_over_all_samples(batch_size, class_weights):
    network, x, labels = small(dtype="float64"), pictures(11), np.arange(11) % 4
    loss = p.CrossEntropy(class_weights=class_weights)
    scores = p.evaluate(network, (x, labels), loss=loss, batch_size=batch_size)
    counts = np.array(class_weights)[labels] if class_weights else np.ones(11)
    assert scores["loss"] == pytest.approx(np.average(one_by_one(network, x, labels), weights=counts), rel=1e-12)
    assert scores["accuracy"] == np.mean(p.predict_classes(network, x) == labels)


def test_classes_that_all_weigh_nothing_have_no_mean():
    loss = p.CrossEntropy(class_weights=(0, 1, 1, 1))
    with pytest.raises(p.DataError) as caught:
        p.evaluate(small(), (pictures(3), [0, 0, 0]), loss=loss)
    assert str(caught.value) == (
        "loss: the weights of all samples are 0, so there is no mean; give some a weight above 0"
    )


def test_distributions_are_scored_by_their_largest_share():
    network, x, labels = small(), pictures(6), np.arange(6) % 4
    assert p.evaluate(network, (x, np.eye(4)[labels])) == p.evaluate(network, (x, labels))


def test_targets_that_are_no_classes_have_no_accuracy():
    network, x = small(dtype="float64"), pictures(5)
    scores = p.evaluate(network, (x, np.zeros((5, 4))), loss=p.MeanSquaredError(), batch_size=2)
    assert scores == {"loss": pytest.approx(np.mean(p.predict(network, x) ** 2), rel=1e-12)}


# ---- what goes on inside, worked by hand


def by_hand():
    """x (2×2) → conv 1×1 with weight 2, bias −3 → ReLU → Flatten → Linear with rows (1, 0, 0, 1) and (0, 1, 0, 0)."""
    layers = [p.Conv2d(1, 1, 1), p.ReLU(), p.Flatten(), ("head", p.Linear(4, 2))]
    network = p.Sequential(layers, input_shape=(1, 2, 2), dtype="float64", scaling=p.Scaling(mean=1.0, std=2.0))
    network["conv1"].weight.data = [[[[2.0]]]]
    network["conv1"].bias.data = [-3.0]
    network["head"].weight.data = [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]
    network["head"].bias.data = [0.0, 1.0]
    return network


X = np.array([[[[1.0, 3.0], [5.0, 7.0]]]])


def test_activations_by_hand():
    found = p.activations(by_hand(), X)
    expected = {
        "input": [[[[0, 1], [2, 3]]]],  # (x − 1) / 2
        "conv1": [[[[-3, -1], [1, 3]]]],
        "relu1": [[[[0, 0], [1, 3]]]],
        "flatten1": [[0, 0, 1, 3]],
        "head": [[3, 1]],
    }
    assert list(found) == list(expected)
    for path, numbers in expected.items():
        np.testing.assert_array_equal(found[path], numbers, err_msg=path)


def test_gradients_by_hand():
    found = p.gradients(by_hand(), X, [1])
    g = 1 / (1 + np.exp(-2.0))  # softmax of (3, 1) at 0, so that ∂L/∂z = (g, −g)
    expected = {
        # Through the head's rows ∂L/∂a = (g, −g, 0, g); the ReLU lets only the last two through, ×2 is the
        # convolution, ÷2 the scaling.
        "input": [[[[0, 0], [0, g]]]],
        "conv1.weight": [[[[3 * g]]]],
        "conv1.bias": [g],
        "head.weight": [[0, 0, g, 3 * g], [0, 0, -g, -3 * g]],
        "head.bias": [g, -g],
    }
    assert list(found) == list(expected)
    for path, numbers in expected.items():
        np.testing.assert_allclose(found[path], numbers, rtol=1e-12, err_msg=path)


def test_gradients_are_of_the_mean_over_the_batch():
    network, x, labels = small(dtype="float64"), pictures(3), [0, 3, 1]
    whole = p.gradients(network, x, labels)
    each = [p.gradients(network, x[n : n + 1], labels[n : n + 1]) for n in range(3)]
    np.testing.assert_allclose(whole["input"], np.concatenate([part["input"] for part in each]) / 3, rtol=1e-9)
    for path in whole.keys() - {"input"}:
        mean = np.mean([part[path] for part in each], axis=0)
        np.testing.assert_allclose(whole[path], mean, rtol=1e-9, atol=1e-15, err_msg=path)


def test_gradients_leave_out_what_is_frozen():
    network = small()
    network["conv1"].weight.trainable = False
    found = p.gradients(network, pictures(2), [0, 1])
    assert found.keys() == {"input", *network.parameters()} - {"conv1.weight"}


def test_using_a_network_changes_nothing_in_it():
    network, x = small(), pictures(4)
    held = {**network.parameters(), **network.states()}
    before = {path: np.array(each.data) for path, each in held.items()}
    for use in (p.predict, p.predict_proba, p.predict_classes, p.activations):
        use(network, x)
    p.evaluate(network, (x, [0, 1, 2, 3]))
    p.gradients(network, x, [0, 1, 2, 3])
    for path, each in held.items():
        np.testing.assert_array_equal(each.data, before[path], err_msg=path)


# ---- what is refused


@pytest.mark.parametrize(
    ("input_shape", "given", "message"),
    [
        ((1, 4, 4), (2, 1, 5, 4), "the network expects images of shape (1, 4, 4), received (1, 5, 4)"),
        ((1, 4, 4), (2, 16), "the network expects images of shape (1, 4, 4), received (16,); write x.reshape(-1, 1, 4"),
        (
            (1, 4, 4),
            (4, 4),
            "the network expects images of shape (1, 4, 4), received (4,); for one image write image[N",
        ),
        ((16,), (2, 4, 4), "the network expects images of shape (16,), received (1, 4, 4); write x.reshape(-1, 16)"),
    ],
)
def test_another_shape_is_refused_with_the_way_out(input_shape, given, message):
    network = p.Sequential([p.Flatten(), p.Linear(16, 2)], input_shape=input_shape)
    with pytest.raises(p.ShapeError) as caught:
        p.predict(network, np.zeros(given))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("use", [p.predict, p.predict_proba, p.predict_classes, p.activations])
@pytest.mark.parametrize("network", [p.Linear(16, 2), p.Sequential([p.Flatten()])])
def test_what_is_no_whole_network_is_refused(use, network):
    with pytest.raises(
        p.ArgumentError, match=re.escape("network: expected a Sequential or Graph with an input_shape, rec")
    ):
        use(network, pictures(1))


def test_data_that_cannot_be_used_are_refused():
    network, x = small(), pictures(3)
    x[1, 0, 2, 2] = np.nan
    with pytest.raises(p.DataError, match="images: sample 1 holds NaN or infinity"):
        p.predict(network, x)
    with pytest.raises(p.DataError, match="images: expected at least one, received an empty array"):
        p.predict(network, x[:0])
    with pytest.raises(p.DataError, match="labels: sample 2 has class 4, but the network has 4 outputs, for classes 0"):
        p.evaluate(network, (pictures(3), [0, 1, 4]))
    with pytest.raises(p.ArgumentError, match="batch_size: expected a whole number of at least 1, received 0"):
        p.predict(network, pictures(3), batch_size=0)


@pytest.mark.parametrize(
    ("input_shape", "given", "fix", "mended"),
    [
        ((1, 8, 8), (8, 8), "for one image write image[None, None]", lambda image: image[None, None]),
        ((3, 8, 6), (3, 8, 6), "for one image write image[None]", lambda image: image[None]),
        (
            (3, 8, 6), (8, 6, 3), "the channels come first: for one image write np.moveaxis(image, -1, 0)[None]",
            lambda image: np.moveaxis(image, -1, 0)[None],
        ),
        (
            (3, 8, 6), (5, 8, 6, 3), "the channels come first: write np.moveaxis(x, -1, 1)",
            lambda x: np.moveaxis(x, -1, 1),
        ),
        (
            (1, 8, 6), (5, 8, 6, 1), "the channels come first: write np.moveaxis(x, -1, 1)",
            lambda x: np.moveaxis(x, -1, 1),
        ),
        ((3, 8, 6), (5, 144), "write x.reshape(-1, 3, 8, 6)", lambda x: x.reshape(-1, 3, 8, 6)),
    ],
)  # fmt: skip
def test_what_a_shape_is_told_to_write_is_right(input_shape, given, fix, mended):
    network = p.Sequential([p.Flatten(), p.Linear(int(np.prod(input_shape)), 2)], input_shape=input_shape)
    x = np.zeros(given)
    with pytest.raises(p.ShapeError) as caught:
        p.predict(network, x)
    assert str(caught.value).endswith(f"; {fix}")
    p.predict(network, mended(x))
    if len(given) == 4:
        with pytest.raises(p.ShapeError) as caught:
            p.fit(network, (x, [0, 1, 0, 1, 0]), progress=False)
        assert str(caught.value).endswith(f"; {fix}")


def test_a_data_set_in_place_of_images_is_told_which():
    with pytest.raises(p.ArgumentError) as caught:
        p.predict_classes(small(), p.Dataset(pictures(2), [0, 1]))
    assert str(caught.value) == "expected an array of images, received a Dataset; pass its images, as in test.images"


INTEGERS = "labels: CrossEntropy expects class numbers, which are integers, received "
FOUR = "but the network has 4 outputs, for classes 0 to 3; "


@pytest.mark.parametrize(
    ("classes", "labels", "loss", "error", "message", "mended"),
    [
        (
            4, [0.0, 1.0, 2.0], p.CrossEntropy(), p.DataError, f"{INTEGERS}float64; write labels.astype(int)",
            lambda labels: labels.astype(int),
        ),
        (
            4, [[0.0], [1.0], [2.0]], p.CrossEntropy(), p.DataError,
            f"{INTEGERS}float64; write labels[:, 0].astype(int)", lambda labels: labels[:, 0].astype(int),
        ),
        (
            4, [0.5, 1.0, 2.0], p.CrossEntropy(), p.DataError,
            f"{INTEGERS}float64; for targets that are no classes pass loss=MeanSquaredError()", None,
        ),
        (
            4, [0, 1, 2], p.MeanSquaredError(), p.ShapeError,
            "MeanSquaredError expects 4 numbers a sample, received class numbers; write np.eye(4)[labels]",
            lambda labels: np.eye(4)[labels],
        ),
        (
            1, [0, 1, 2], p.MeanSquaredError(), p.ShapeError,
            "MeanSquaredError expects targets of shape (N, 1), received (N,); write labels[:, None].astype(float)",
            lambda labels: labels[:, None].astype(float),
        ),
        (
            4, [1, 2, 4], p.CrossEntropy(), p.DataError,
            f"labels: sample 2 has class 4, {FOUR}they count from 1: write labels - 1", lambda labels: labels - 1,
        ),
        (
            4, [0, 2, 4], p.CrossEntropy(), p.DataError,
            f"labels: sample 2 has class 4, {FOUR}give the last layer 5 outputs", None,
        ),
    ],
)  # fmt: skip
def test_labels_of_another_kind_are_told_what_to_write(classes, labels, loss, error, message, mended):
    network = p.Sequential([p.Flatten(), p.Linear(16, classes)], input_shape=(1, 4, 4))
    with pytest.raises(error) as caught:
        p.evaluate(network, (pictures(3), labels), loss=loss)
    assert str(caught.value) == message
    if mended is not None:
        p.evaluate(network, (pictures(3), mended(np.array(labels))), loss=loss)


@pytest.mark.parametrize("loss", ["mse", p.MeanSquaredError, 3])
@pytest.mark.parametrize(
    "use",
    [lambda n, x, y, loss: p.evaluate(n, (x, y), loss=loss), lambda n, x, y, loss: p.gradients(n, x, y, loss=loss)],
)
def test_a_loss_that_is_none_is_refused(use, loss):
    with pytest.raises(p.ArgumentError) as caught:
        use(small(), pictures(2), [0, 1], loss)
    assert str(caught.value) == (
        f"loss: expected an object such as CrossEntropy() or MeanSquaredError(), received {loss!r}"
    )


# ---- what looks like a slip


@pytest.mark.parametrize(
    ("largest", "fix"),
    [(255, "divide by 255, or pass uint8"), (200.5, "divide by 255, or pass uint8"), (4095, "divide by 4095")],
)
def test_pixels_that_nobody_divided_are_warned_of(largest, fix):
    network, x = small(), largest * pictures(4)
    x[0, 0, 0, 0] = x[1, 0, 0, 0] = -largest  # one of them is trained on
    message = f"the images are floats up to {largest:g}: floats are taken as they are; {fix}"
    for use in (p.predict, p.predict_proba, p.activations, fit_a_half):
        with pytest.warns(UserWarning, match="floats") as caught:
            use(network, x)
        assert [str(warning.message) for warning in caught] == [message]


@pytest.mark.parametrize(
    ("scaling", "said"),
    [
        (p.Scaling(4.884, 6.017), "mean up to 4.88, std up to 6.02"),
        (p.Scaling(0.5, 2.0), "mean up to 0.5, std up to 2"),
        (p.Scaling(-128, 0.5), "mean up to -128, std up to 0.5"),
    ],
)
def test_bytes_are_warned_of_where_the_network_was_trained_on_larger_numbers(scaling, said):
    network, x = small(scaling=scaling), np.full((4, 1, 4, 4), 200, np.uint8)
    message = (
        f"the images are uint8, which is divided by 255, but the network was trained on larger numbers (its scaling: "
        f"{said}); give floats in the units of its training"
    )
    for use in (p.predict, p.activations, lambda *given: p.compile(given[0])(given[1]), fit_a_half):
        with pytest.warns(UserWarning, match="uint8") as caught:
            use(network, x)
        assert [str(warning.message) for warning in caught] == [message]
    p.predict(network, x.astype(np.float32))


def test_bytes_are_no_slip_where_means_and_deviations_are_of_pixels_from_0_to_1():
    for scaling in (p.Scaling(), p.IMAGENET_SCALING, p.Scaling(1.0, 1.0), p.Scaling(-1.0, 0.1)):
        network = p.Sequential([p.Flatten(), p.Linear(12, 2)], input_shape=(3, 2, 2), scaling=scaling)
        p.predict(network, np.full((1, 3, 2, 2), 255, np.uint8))


def fit_a_half(network, x):
    """Train on a half of the images, and validate on the other."""
    p.fit(network, (x, [0, 0, 1, 1]), epochs=1, validation=0.5, progress=False)


def test_pixels_that_are_meant_are_not_warned_of():
    p.predict(small(), 50 * pictures(2))
    p.predict(small(scaling=p.Scaling(128, 64)), 255 * pictures(2))
    p.predict(small(), np.full((2, 1, 4, 4), 255, np.uint8))
    p.predict(p.Sequential([p.Linear(2, 2)], input_shape=(2,)), np.array([[1e3, 2e3]]))


@pytest.mark.parametrize("function", [p.predict_classes, p.predict_proba])
def test_a_single_output_is_no_class(function):
    network = p.Sequential([p.Linear(4, 1), p.Sigmoid()], input_shape=(4,))
    with pytest.raises(p.ShapeError) as caught:
        function(network, np.ones((2, 4), np.float32))
    assert str(caught.value) == (
        "classes need at least two outputs, but the network gives one; compare predict(…) with a bound"
    )


@pytest.mark.parametrize(
    ("row", "least", "total"), [([-1, -1, -1], "-1", "-3"), ([5, 5, 5], "5", "15"), ([0, 0, 0], "0", "0")]
)
def test_soft_labels_are_distributions(row, least, total):
    network = p.Sequential([p.Linear(6, 3)], input_shape=(6,))
    labels = np.array([[0.5, 0.5, 0], row], float)
    with pytest.raises(p.DataError) as caught:
        p.evaluate(network, (np.ones((2, 6)), labels))
    assert str(caught.value) == (
        "labels: CrossEntropy expects shares of at least 0 that sum to 1, but those of sample 1 begin at "
        f"{least} and sum to {total}; for other targets pass loss=MeanSquaredError()"
    )
