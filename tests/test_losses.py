"""Losses as settings: what they refuse, which steps they become, and that the mean is a mean."""

import numpy as np
import pytest

import pellucid as p
from pellucid import interpreter


def network(classes=3, dtype="float64"):
    return p.Sequential([p.Linear(4, classes)], input_shape=(4,), dtype=dtype)


def loss_steps(loss, target_shape=(), weighted=False):
    program = p.lower(network(), loss=loss, target_shape=target_shape, weighted=weighted, gradients=False)
    return [(step.kind, step.keywords) for step in program.steps[program.forward :]], program


def value(loss, outputs, targets, weights=None):
    """The loss of given outputs: through a network that changes nothing."""
    outputs, targets = np.asarray(outputs, float), np.asarray(targets)
    same = p.Sequential([p.LeakyReLU(1.0)], input_shape=outputs.shape[1:], dtype="float64")
    program = p.lower(same, loss=loss, target_shape=targets.shape[1:], weighted=weights is not None, gradients=False)
    feeds = {"input": outputs, "target": targets, "count": len(outputs), "sample_weight": np.asarray(weights)}
    return float(interpreter.run(program, feeds, {program.loss})[program.loss])


def test_cross_entropy_is_a_mean_over_the_batch():
    logits = np.log([[1.0, 3], [1, 1]])
    assert value(p.CrossEntropy(), logits, [0, 1]) == pytest.approx((np.log(4) + np.log(2)) / 2)
    assert value(p.CrossEntropy(), logits, [0, 1], [3.0, 1.0]) == pytest.approx((3 * np.log(4) + np.log(2)) / 4)
    by_class = p.CrossEntropy(class_weights=(3, 1))
    assert value(by_class, logits, [0, 1]) == pytest.approx((3 * np.log(4) + np.log(2)) / 4)
    assert value(by_class, logits, [[1.0, 0], [0, 1.0]]) == pytest.approx((3 * np.log(4) + np.log(2)) / 4)
    assert value(by_class, logits, [0, 1], [0.5, 1.0]) == pytest.approx((1.5 * np.log(4) + np.log(2)) / 2.5)


def test_mean_squared_error_is_a_mean_over_the_batch_and_the_outputs():
    assert value(p.MeanSquaredError(), [[1, 2], [3, 4]], [[1, 0], [0, 0]]) == (4 + 9 + 16) / 4
    assert value(p.MeanSquaredError(), [[1, 2], [3, 4]], [[1, 0], [0, 0]], [3.0, 1.0]) == (3 * 2 + 12.5) / 4


def test_equal_outputs_cost_the_logarithm_of_their_number():
    for classes in (2, 10):
        assert value(p.CrossEntropy(), np.zeros((5, classes)), np.arange(5) % classes) == pytest.approx(np.log(classes))
        assert value(p.CrossEntropy(0.3), np.zeros((5, classes)), np.zeros(5, int)) == pytest.approx(np.log(classes))


def test_the_steps_of_cross_entropy():
    plain = ("cross_entropy", {"class_weights": (), "label_smoothing": 0.0})
    counted = ("count_correct", {})
    assert loss_steps(p.CrossEntropy())[0] == [plain, counted]
    assert loss_steps(p.CrossEntropy(), weighted=True)[0] == [("total_weight", {}), plain, counted]
    assert loss_steps(p.CrossEntropy(0.1, (1, 2, 3)), weighted=True)[0] == [
        ("total_class_weight", {"class_weights": (1.0, 2.0, 3.0), "dtype": "float64"}),
        ("cross_entropy", {"class_weights": (1.0, 2.0, 3.0), "label_smoothing": 0.1}),
        counted,
    ]


def test_the_steps_of_mean_squared_error():
    steps, program = loss_steps(p.MeanSquaredError(), (3,))
    assert steps == [("squared_error", {})]
    assert program.correct is None
    assert loss_steps(p.MeanSquaredError(), (3,), weighted=True)[0] == [("total_weight", {}), ("squared_error", {})]


def test_settings_become_pythons_own_numbers():
    loss = p.CrossEntropy(np.float64(0.1), np.array([1, 2], np.float32))
    assert loss == p.CrossEntropy(0.1, [1.0, 2.0])
    assert type(loss.label_smoothing) is float
    assert list(map(type, loss.class_weights)) == [float, float]
    assert hash(loss) == hash(p.CrossEntropy(0.1, (1, 2)))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"label_smoothing": 1}, "label_smoothing: expected a number from 0 up to but not 1, received 1"),
        ({"label_smoothing": -0.1}, "label_smoothing: expected a number from 0 up to but not 1, received -0.1"),
        ({"label_smoothing": "0.1"}, "label_smoothing: expected a number from 0 up to but not 1, received '0.1'"),
        ({"class_weights": (1, -1)}, "class_weights: expected a number of at least 0, received -1"),
        ({"class_weights": (1, float("nan"))}, "class_weights: expected a number of at least 0, received nan"),
        ({"class_weights": (0, 0)}, "class_weights: expected at least one above 0, received (0.0, 0.0)"),
        ({"class_weights": None}, "class_weights: expected one number a class, received None"),
        ({"class_weights": "ab"}, "class_weights: expected a number of at least 0, received 'a'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(keywords, message):
    with pytest.raises(p.ArgumentError) as caught:
        p.CrossEntropy(**keywords)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("loss", "output", "target", "message"),
    [
        (
            p.CrossEntropy(), (3, 4, 4), (),
            "CrossEntropy expects one output a class, (classes,), but the network gives (3, 4, 4); end the network "
            "with Flatten() and Linear(…, classes)",
        ),
        (
            p.CrossEntropy(), (3,), (4,),
            "CrossEntropy expects class numbers or 3 shares a sample as targets, received targets of shape (4,)",
        ),
        (
            p.CrossEntropy(class_weights=(1, 2)), (3,), (),
            "class_weights: expected 3 numbers, one a class, received 2",
        ),
        (
            p.MeanSquaredError(), (3,), (),
            "MeanSquaredError expects targets of the network's output shape (3,), received ()",
        ),
    ],
)  # fmt: skip
def test_outputs_and_targets_that_do_not_fit_are_refused(loss, output, target, message):
    with pytest.raises((p.ShapeError, p.ArgumentError)) as caught:
        loss.check(output, target)
    assert str(caught.value) == message


def test_what_fits_is_let_through():
    p.CrossEntropy().check((3,), ())
    p.CrossEntropy(class_weights=(1, 1, 1)).check((3,), (3,))
    p.MeanSquaredError().check((2, 3), (2, 3))


def test_a_single_output_has_no_class_to_choose():
    network = p.Sequential([p.Linear(4, 1)], input_shape=(4,))
    with pytest.raises(p.ShapeError) as caught:
        p.lower(network, loss=p.CrossEntropy())
    assert str(caught.value) == (
        "CrossEntropy expects an output for each class, at least two, but the network gives one, whose softmax is "
        "always 1; give the last layer 2 outputs"
    )
