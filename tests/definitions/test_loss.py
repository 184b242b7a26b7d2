"""Losses: by hand, against loops, as properties, and the slopes against differences."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.definitions import loss

SEEDS = st.integers(0, 2**32 - 1)


def slopes(function, x, h=1e-6):
    """∂ function(x) / ∂x by central differences, coordinate by coordinate."""
    x, gradient = x.copy(), np.empty(x.shape)
    for index in np.ndindex(x.shape):
        here = x[index]
        x[index] = here + h
        after = function(x)
        x[index] = here - h
        gradient[index] = (after - function(x)) / (2 * h)
        x[index] = here
    return gradient


# ---- cross entropy
def test_cross_entropy_by_hand():
    logits = np.log([[1.0, 2, 5], [1, 1, 2]])  # probabilities 1/8 2/8 5/8 and 1/4 1/4 2/4
    value, log_probabilities = loss.cross_entropy(logits, np.array([2, 0]), 2)
    assert value == pytest.approx((math.log(8 / 5) + math.log(4)) / 2, rel=1e-15)
    np.testing.assert_allclose(np.exp(log_probabilities), [[1 / 8, 2 / 8, 5 / 8], [1 / 4, 1 / 4, 2 / 4]], rtol=1e-15)
    grad = loss.cross_entropy_grad_input(log_probabilities, np.array([2, 0]), 2)
    np.testing.assert_allclose(grad, [[1 / 16, 2 / 16, -3 / 16], [-3 / 8, 1 / 8, 2 / 8]], rtol=1e-14)


def test_label_smoothing_by_hand():
    logits = np.log([[1.0, 3]])  # probabilities 1/4, 3/4; target (0.9, 0.1)
    value, saved = loss.cross_entropy(logits, np.array([0]), 1, label_smoothing=0.2)
    assert value == pytest.approx(0.9 * math.log(4) + 0.1 * math.log(4 / 3), rel=1e-15)
    grad = loss.cross_entropy_grad_input(saved, np.array([0]), 1, label_smoothing=0.2)
    np.testing.assert_allclose(grad, [[0.25 - 0.9, 0.75 - 0.1]], rtol=1e-14)


def test_weights_by_hand():
    logits, target, weight = np.log([[1.0, 3], [1, 1], [1, 3]]), np.array([0, 1, 1]), np.array([1.0, 2, 0])
    total = loss.total_weight(weight)
    assert total == 3
    value, _ = loss.cross_entropy(logits, target, total, weight)
    assert value == pytest.approx((math.log(4) + 2 * math.log(2)) / 3, rel=1e-15)
    total = loss.total_class_weight(target, weight, class_weights=(10.0, 1.0), dtype="float64")
    assert total == 10 + 2
    value, _ = loss.cross_entropy(logits, target, total, weight, class_weights=(10.0, 1.0))
    assert value == pytest.approx((10 * math.log(4) + 2 * math.log(2)) / 12, rel=1e-15)


CASES = st.fixed_dictionaries(
    {
        "samples": st.integers(1, 5),
        "classes": st.integers(1, 5),
        "soft": st.booleans(),
        "smoothing": st.sampled_from([0.0, 0.1]),
        "weighted": st.booleans(),
        "by_class": st.booleans(),
        "seed": SEEDS,
    }
)


def drawn(case, dtype=np.float64):
    """The arguments of cross entropy, and its keywords."""
    rng = np.random.default_rng(case["seed"])
    samples, classes = case["samples"], case["classes"]
    logits = rng.normal(0, 3, (samples, classes)).astype(dtype)
    target = rng.dirichlet(np.ones(classes), samples) if case["soft"] else rng.integers(0, classes, samples)
    weight = [rng.uniform(0.1, 2, samples).astype(dtype)] if case["weighted"] else []
    keywords = {"label_smoothing": case["smoothing"]}
    total = loss.total_weight(weight[0]) if weight else samples
    if case["by_class"]:
        keywords["class_weights"] = tuple(rng.uniform(0.1, 2, classes).tolist())
        of_class = {"class_weights": keywords["class_weights"], "dtype": np.dtype(dtype).name}
        total = loss.total_class_weight(target, *weight, **of_class)
    return (logits, target, total, *weight), keywords


@settings(max_examples=60, deadline=None)
@given(case=CASES)
def test_cross_entropy_against_a_loop(case):
    (logits, target, total, *weight), keywords = drawn(case)
    samples, classes = logits.shape
    by_class = keywords.get("class_weights", (1.0,) * classes)
    summed = divisor = 0.0
    for n in range(samples):
        shares = target[n] if case["soft"] else [float(k == target[n]) for k in range(classes)]
        of_sample = weight[0][n] if weight else 1.0
        denominator = sum(math.exp(z) for z in logits[n])
        for k in range(classes):
            smooth = (1 - case["smoothing"]) * shares[k] + case["smoothing"] / classes
            summed += of_sample * by_class[k] * smooth * -math.log(math.exp(logits[n, k]) / denominator)
            divisor += of_sample * by_class[k] * shares[k]
    assert total == pytest.approx(divisor, rel=1e-12)
    value, _ = loss.cross_entropy(logits, target, total, *weight, **keywords)
    assert value == pytest.approx(summed / divisor, rel=1e-11, abs=1e-14)


@settings(max_examples=40, deadline=None)
@given(case=CASES)
def test_the_gradient_of_cross_entropy_against_differences(case):
    (logits, *rest), keywords = drawn(case)
    _, saved = loss.cross_entropy(logits, *rest, **keywords)
    grad = loss.cross_entropy_grad_input(saved, *rest, **keywords)
    expected = slopes(lambda z: float(loss.cross_entropy(z, *rest, **keywords)[0]), logits)
    np.testing.assert_allclose(grad, expected, rtol=0, atol=2e-8)
    np.testing.assert_allclose(grad.sum(axis=1), 0, atol=1e-13, err_msg="a shift of all logits changes nothing")


@settings(max_examples=20, deadline=None)
@given(case=CASES)
def test_one_hot_targets_mean_what_class_numbers_do(case):
    (logits, numbers, total, *weight), keywords = drawn({**case, "soft": False})
    hot = np.eye(case["classes"])[numbers]
    value, saved = loss.cross_entropy(logits, numbers, total, *weight, **keywords)
    same, _ = loss.cross_entropy(logits, hot, total, *weight, **keywords)
    assert value == same
    grads = [loss.cross_entropy_grad_input(saved, t, total, *weight, **keywords) for t in (numbers, hot)]
    np.testing.assert_array_equal(*grads)
    assert loss.count_correct(logits, hot) == loss.count_correct(logits, numbers)


@settings(max_examples=20, deadline=None)
@given(case=CASES, total_type=st.sampled_from([int, float, np.int64, np.float64, np.float32]))
def test_float32_outputs_give_float32_whatever_else_is_float64(case, total_type):
    (logits, target, *_), keywords = drawn(case, np.float32)
    weight = np.ones(case["samples"])
    value, saved = loss.cross_entropy(logits, target, total_type(3), weight, **keywords)
    grad = loss.cross_entropy_grad_input(saved, target, total_type(3), weight, **keywords)
    assert value.dtype == saved.dtype == grad.dtype == np.float32
    by_class = {"class_weights": (1.0,) * case["classes"], "dtype": "float32"}
    assert loss.total_class_weight(target, weight, **by_class).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_are_safe(dtype):
    logits = np.array([[1000, 0, -1000], [1000, 0, -1000]], dtype)
    target = np.array([0, 2])
    with np.errstate(all="raise", under="ignore"):
        value, saved = loss.cross_entropy(logits, target, 2)
        grad = loss.cross_entropy_grad_input(saved, target, 2)
    assert value == 1000  # (0 + 2000) / 2
    np.testing.assert_array_equal(grad, [[0, 0, 0], [0.5, 0, -0.5]])


def test_nan_is_not_hidden():
    logits = np.array([[1.0, np.nan], [3.0, 1.0]])
    value, saved = loss.cross_entropy(logits, np.array([0, 0]), 2)
    assert np.isnan(value)
    assert np.isnan(loss.cross_entropy_grad_input(saved, np.array([0, 0]), 2)[0]).all()
    assert np.isnan(loss.squared_error(logits, np.zeros((2, 2)), 2))
    assert loss.count_correct(logits, np.array([0, 0])) == 1, "a sample with a NaN counts as wrong"


# ---- squared error
def test_squared_error_by_hand():
    outputs, target = np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 0], [0, 0]])
    assert loss.squared_error(outputs, target, 2) == (4 / 2 + 25 / 2) / 2
    np.testing.assert_array_equal(loss.squared_error_grad_input(outputs, target, 2), [[0, 1], [1.5, 2]])
    weight = np.array([3.0, 1.0])
    assert loss.squared_error(outputs, target, 4, weight) == (3 * 2 + 12.5) / 4
    np.testing.assert_array_equal(loss.squared_error_grad_input(outputs, target, 4, weight), [[0, 1.5], [0.75, 1]])


@settings(max_examples=25, deadline=None)
@given(
    shape=st.one_of(st.tuples(st.integers(1, 4)), st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))),
    samples=st.integers(1, 4),
    weighted=st.booleans(),
    seed=SEEDS,
)
def test_squared_error_against_a_loop_and_differences(shape, samples, weighted, seed):
    rng = np.random.default_rng(seed)
    outputs, target = rng.normal(0, 1, (samples, *shape)), rng.normal(0, 1, (samples, *shape))
    weight = rng.uniform(0.1, 2, samples) if weighted else np.ones(samples)
    arguments = (target, weight.sum(), weight) if weighted else (target, samples)
    errors = [[(y - t) ** 2 for y, t in zip(*pair, strict=True)] for pair in _rows(outputs, target)]
    expected = sum(w * sum(e) / len(e) for w, e in zip(weight, errors, strict=True)) / weight.sum()
    assert loss.squared_error(outputs, *arguments) == pytest.approx(expected, rel=1e-12)
    grad = loss.squared_error_grad_input(outputs, *arguments)
    expected = slopes(lambda y: float(loss.squared_error(y, *arguments)), outputs)
    np.testing.assert_allclose(grad, expected, rtol=0, atol=1e-8)


def _rows(outputs, target):
    return [(y.ravel().tolist(), t.ravel().tolist()) for y, t in zip(outputs, target, strict=True)]


def test_squared_error_keeps_float32():
    outputs, target = np.zeros((2, 3), np.float32), np.ones((2, 3))
    for total, *weight in ((2,), (np.float64(2), np.ones(2))):
        assert loss.squared_error(outputs, target, total, *weight).dtype == np.float32
        assert loss.squared_error_grad_input(outputs, target, total, *weight).dtype == np.float32


def test_squared_error_of_integer_targets():
    assert loss.squared_error(np.array([[1.5]]), np.array([[1]], np.uint8), 1) == 0.25


# ---- counting
def test_count_correct_by_hand():
    outputs = np.array([[1.0, 2], [2, 1], [1, 1]])  # of equal outputs the first is the answer
    assert loss.count_correct(outputs, np.array([1, 1, 0])) == 2
    assert loss.count_correct(outputs, np.array([[0.4, 0.6], [0.4, 0.6], [0.6, 0.4]])) == 2
