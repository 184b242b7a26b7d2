"""Losses, their gradients and counts: numbers by hand, then the definitions in float64."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.numerical import assert_agrees
from pellucid.compiler.jit import compiled
from pellucid.compiler.kernels import loss as kernels
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import supported
from pellucid.definitions import loss as definitions

TOLERANCE = 2e-5
GUARD = 64
HERE = {isa.name: isa for isa in supported()}
BEST, *_, PLAINEST = HERE
ONE = np.array([1.0], np.float32)


def call(emitter, parameters, inputs, *shapes, isa=HERE[BEST], pieces=({},), checked=False):
    """Return what a kernel writes into its last tensors; sums (1,) begin at 0, and nothing beside them may change."""
    kernel = compiled(Recipe(emitter, parameters, isa, checked))
    memories, results = [], []
    for shape in shapes:
        size = int(np.prod(shape))
        memories.append(np.full(size + 2 * GUARD, 77, np.float32))
        results.append(memories[-1][GUARD : GUARD + size].reshape(shape))
        results[-1][...] = 0 if shape == (1,) else np.nan
    for piece in pieces:
        kernel(*inputs, *results, samples=len(inputs[0]), **piece)
    for memory in memories:
        assert (memory[:GUARD] == 77).all(), "the kernel wrote before its output"
        assert (memory[-GUARD:] == 77).all(), "the kernel wrote behind its output"
    return [result.copy() for result in results]


def cross_entropy(logits, target, total=ONE, weight=None, smoothing=0.0, class_weights=(), **how):
    """Return loss, log probabilities and gradient of the kernels."""
    classes, weights = logits.shape[1], () if weight is None else (weight,)
    parameters = classes, smoothing, class_weights, target.dtype.name, weight is not None
    loss, log_probabilities = call(
        kernels.cross_entropy, parameters, (logits, target, total, *weights), (1,), logits.shape, **how
    )
    inputs = log_probabilities, target, total, *weights
    return loss[0], log_probabilities, *call(kernels.cross_entropy_grad_input, parameters, inputs, logits.shape, **how)


def squared_error(outputs, target, total=ONE, weight=None, **how):
    """Return loss and gradient of the kernels."""
    weights = () if weight is None else (weight,)
    parameters, inputs = (outputs.shape[1], weight is not None), (outputs, target, total, *weights)
    (loss,) = call(kernels.squared_error, parameters, inputs, (1,), **how)
    return loss[0], *call(kernels.squared_error_grad_input, parameters, inputs, outputs.shape, **how)


def count_correct(outputs, target, **how):
    parameters = outputs.shape[1], target.dtype.name
    return call(kernels.count_correct, parameters, (outputs, target), (1,), **how)[0][0]


def total_class_weight(target, class_weights, weight=None, **how):
    weights = () if weight is None else (weight,)
    parameters = len(class_weights), class_weights, target.dtype.name, weight is not None
    return call(kernels.total_class_weight, parameters, (target, *weights), (1,), **how)[0][0]


def floats(*numbers):
    return np.array(numbers, np.float32)


def problem(rng, samples, classes, soft):
    """Return logits and a target, class numbers or distributions."""
    logits = 3 * rng.standard_normal((samples, classes), np.float32)
    if soft:
        target = rng.random((samples, classes), np.float32)
        return logits, target / target.sum(axis=1, keepdims=True)
    return logits, rng.integers(0, classes, samples)


# ---- numbers by hand
def test_cross_entropy_by_hand():
    logits = np.log(floats([1, 2, 1], [1, 1, 2]))  # probabilities ¼ ½ ¼ and ¼ ¼ ½
    loss, log_probabilities, grad = cross_entropy(logits, np.array([1, 0]), floats(2))
    assert loss == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert np.exp(log_probabilities) == pytest.approx(floats([0.25, 0.5, 0.25], [0.25, 0.25, 0.5]))
    assert grad == pytest.approx(floats([0.125, -0.25, 0.125], [-0.375, 0.125, 0.25]))


def test_weights_and_smoothing_by_hand():
    logits, target = np.log(floats([1, 1], [1, 3])), np.array([0, 1])
    loss, _, grad = cross_entropy(logits, target, floats(4), floats(1, 3), class_weights=(2.0, 1.0))
    assert loss == pytest.approx((2 * np.log(2) - 3 * np.log(0.75)) / 4)
    assert grad == pytest.approx(floats([-0.25, 0.25], [0.1875, -0.1875]))
    loss, _, grad = cross_entropy(logits, target, floats(1), smoothing=0.5)  # targets ¾ ¼ and ¼ ¾
    assert loss == pytest.approx(np.log(2) - 0.25 * np.log(0.25) - 0.75 * np.log(0.75))
    assert grad == pytest.approx(floats([-0.25, 0.25], [0, 0]), abs=1e-7)


def test_many_classes_gather_little_rounding(rng):
    """Half of the outputs are 0, as behind dropout. In chains over all of them the loss would be off by 4e-6."""
    logits, target = rng.standard_normal((2, 33_020)).astype(np.float32), np.array([7, 33_019])
    logits *= rng.integers(0, 2, logits.shape).astype(np.float32)
    loss, log_probabilities, grad = cross_entropy(logits, target, np.float32([2]), smoothing=0.1)
    how = {"label_smoothing": 0.1, "class_weights": ()}
    exact = definitions.cross_entropy(logits.astype(float), target, 2.0, **how)
    assert loss == pytest.approx(exact[0], rel=1.5e-6)
    assert_agrees(log_probabilities, exact[1], 2e-6)
    assert_agrees(grad, definitions.cross_entropy_grad_input(exact[1], target, 2.0, **how), TOLERANCE)


def test_squared_error_by_hand():
    outputs, target = floats([1, 2, 3], [0, 0, 0]), floats([1, 0, 0], [3, 0, 0])
    loss, grad = squared_error(outputs, target, floats(2), floats(1, 2))
    assert loss == pytest.approx((13 / 3 + 2 * 9 / 3) / 2)
    assert grad == pytest.approx(floats([0, 2 / 3, 1], [-2, 0, 0]))


def test_counts_by_hand():
    outputs = floats([1, 3, 3], [2, 1, 0], [np.nan, 5, 0], [-np.inf] * 3, [0, 5, np.nan], [-0.0, 0.0, -1])
    assert count_correct(outputs, np.array([1, 1, 1, 0, 1, 0])) == 3  # the first of equals, and no row with a NaN
    soft = floats([0, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 1, 0])
    assert count_correct(outputs, soft) == 2
    assert call(kernels.total_weight, (), (floats(1, 2, 4.5),), (1,))[0] == 7.5
    assert total_class_weight(np.array([0, 2, 2]), (1.0, 10.0, 4.0), floats(1, 1, 0.5)) == 7
    assert total_class_weight(floats([0.5, 0.5], [0, 1]), (2.0, 4.0)) == 7


# ---- against the definitions
CASES = [  # classes, instruction set, whether the target is a distribution, whether everything is weighted
    (1, BEST, False, True),
    (2, PLAINEST, False, False),
    (3, BEST, True, True),
    (10, BEST, False, False),
    (10, BEST, True, False),
    (10, PLAINEST, True, True),
    (16, BEST, False, True),
    (21, PLAINEST, False, True),
    (67, BEST, True, False),
    (1000, BEST, False, True),
    (1000, BEST, True, True),
]


@pytest.mark.parametrize(("classes", "name", "soft", "weighted"), CASES)
def test_cross_entropy_agrees_with_the_definition(classes, name, soft, weighted, rng):
    logits, target = problem(rng, 7, classes, soft)
    weight, keywords = None, {"label_smoothing": 0.0, "class_weights": ()}
    if weighted:
        weight = rng.random(7, np.float32)
        keywords = {"label_smoothing": 0.1, "class_weights": tuple(rng.uniform(0.5, 2, classes).tolist())}
    how = {"isa": HERE[name], "checked": name == PLAINEST, "pieces": [{"images": (0, 3)}, {"images": (3, 7)}]}
    options = keywords["label_smoothing"], keywords["class_weights"]
    loss, log_probabilities, grad = cross_entropy(logits, target, floats(3.5), weight, *options, **how)
    exact, wide = logits.astype(float), None if weight is None else weight.astype(float)
    expected, expected_log = definitions.cross_entropy(exact, target, 3.5, wide, **keywords)
    assert loss == pytest.approx(expected, rel=TOLERANCE)
    assert_agrees(log_probabilities, expected_log, TOLERANCE)
    expected_grad = definitions.cross_entropy_grad_input(expected_log, target, 3.5, wide, **keywords)
    assert np.abs(grad - expected_grad).max() <= TOLERANCE * max(np.abs(expected_grad).max(), 1e-3)
    assert count_correct(logits, target, **how) == definitions.count_correct(logits, target)
    if weighted:
        class_weights = keywords["class_weights"]
        expected = definitions.total_class_weight(target, wide, class_weights=class_weights, dtype="float64")
        assert total_class_weight(target, class_weights, weight, **how) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("size", "name", "weighted"),
    [(1, BEST, True), (5, PLAINEST, False), (20, BEST, False), (784, PLAINEST, True), (150_528, BEST, True)],
)
def test_squared_error_agrees_with_the_definition(size, name, weighted, rng):
    outputs, target = rng.standard_normal((2, 3, size), np.float32)
    weight = rng.random(3, np.float32) if weighted else None
    how = {"isa": HERE[name], "checked": name == PLAINEST, "pieces": [{"images": (0, 1)}, {"images": (1, 3)}]}
    loss, grad = squared_error(outputs, target, floats(2.5), weight, **how)
    wide = None if weight is None else weight.astype(float)
    expected = definitions.squared_error(outputs.astype(float), target, 2.5, wide)
    assert loss == pytest.approx(expected, rel=TOLERANCE)
    expected = definitions.squared_error_grad_input(outputs.astype(float), target, 2.5, wide)
    assert np.abs(grad - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_rows_with_nan_and_infinities_are_the_definitions(rng):
    logits, target = problem(rng, 10, 19, soft=False)
    logits[0, 3] = logits[5, 18] = np.nan
    logits[1, 0] = logits[1, 17] = logits[2, target[2]] = np.inf
    logits[3, 4], logits[4] = -np.inf, -np.inf
    logits[6], logits[7, 5], logits[8] = 3e38, 200, -3e38
    for name in HERE:
        for n in range(10):
            row, wanted = logits[n : n + 1], target[n : n + 1]
            with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
                expected, expected_log = definitions.cross_entropy(row.astype(float), wanted, 1.0)
                expected_grad = definitions.cross_entropy_grad_input(expected_log, wanted, 1.0)
            loss, log_probabilities, grad = cross_entropy(row, wanted, isa=HERE[name])
            assert np.allclose(log_probabilities, expected_log, rtol=1e-5, equal_nan=True), n
            assert np.allclose(loss, expected, rtol=1e-5, equal_nan=True), n
            assert np.allclose(grad, expected_grad, atol=1e-6, equal_nan=True), n
        assert count_correct(logits, target, isa=HERE[name]) == definitions.count_correct(logits, target)


def test_counts_are_the_definitions_with_ties_and_nan(rng):
    for classes in (2, 10, 40):
        outputs, soft = rng.integers(0, 4, (2, 300, classes)).astype(np.float32)
        for numbers in (outputs, soft):
            numbers[rng.random(numbers.shape) < 1 / (3 * classes)] = np.nan
        target = rng.integers(0, classes, 300)
        for name in (BEST, PLAINEST):
            assert count_correct(outputs, target, isa=HERE[name]) == definitions.count_correct(outputs, target)
            assert count_correct(outputs, soft, isa=HERE[name]) == definitions.count_correct(outputs, soft)


def test_a_total_of_nothing_is_no_number():
    loss, _, grad = cross_entropy(floats([1, 2]), np.array([0]), floats(0), floats(0))
    assert np.isnan(loss)
    assert np.isnan(grad).all()


def test_a_number_that_is_no_class_reads_nothing():
    target = np.array([-1, 5, 2**31, 2**32, -(2**63), 2**63 - 1, 0])
    logits = np.tile(floats(5, 4, 3, 2, 1), (len(target), 1))
    loss, _, grad = cross_entropy(logits, target, class_weights=(2.0,) * 5, checked=True)
    assert np.isfinite([loss, *grad.ravel()]).all()
    assert count_correct(logits, target, checked=True) == 1
    assert total_class_weight(target, (1.0,) * 5, checked=True) == 1


# ---- bits
@pytest.mark.parametrize(("classes", "soft"), [(3, True), (10, False), (40, True)])
def test_neither_pieces_nor_lanes_change_a_bit(classes, soft, rng):
    logits, target = problem(rng, 13, classes, soft)
    weight, total, class_weights = rng.random(13, np.float32), floats(5), tuple(rng.uniform(0.5, 2, classes).tolist())
    other = logits[::-1].copy()

    def bits(isa, *cuts):
        how = {"isa": isa, "pieces": [{"images": cut} for cut in cuts]}
        results = (
            *cross_entropy(logits, target, total, weight, 0.1, class_weights, **how),
            *squared_error(logits, other, total, weight, **how),
            total_class_weight(target, class_weights, weight, **how),
            call(kernels.total_weight, (), (weight,), (1,), **how)[0],
        )
        return [np.asarray(result).tobytes() for result in results]

    whole = bits(HERE[BEST], (0, 13))
    assert bits(HERE[BEST], (0, 1), (1, 8), (8, 8), (8, 13)) == whole
    for lanes in (2, 16):
        assert bits(replace(HERE[BEST], lanes=lanes), (0, 13)) == whole
