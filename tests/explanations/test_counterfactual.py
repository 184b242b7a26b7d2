"""Images changed into another class's: that they are, with little, and within their range."""

import numpy as np
import pytest

import pellucid as p
from pellucid import errors, explanations


def linear(dtype="float32"):
    """Two pixels, two classes, each of which counts its own pixel."""
    network = p.Sequential([p.Flatten(), p.Linear(2, 2)], input_shape=(1, 1, 2), dtype=dtype)
    network["linear1"].weight.data, network["linear1"].bias.data = [[10, 0], [0, 10]], [0, 0]
    return network


def network_of_many(last=()):
    network = p.Sequential(
        [p.Conv2d(1, 4, 3), p.Tanh(), p.Flatten(), p.Linear(144, 5), *last], input_shape=(1, 8, 8), seed=4
    )
    network["linear1"].weight.data *= 4  # as sure of itself as training makes networks
    return network


@pytest.mark.parametrize("last", [(), (p.Softmax(),)])
def test_another_class_is_reached(last, rng):
    network, image = network_of_many(last), rng.integers(0, 256, (1, 8, 8)).astype(np.uint8)
    wanted = int(p.predict_proba(network, image[None])[0].argmin())
    found = explanations.counterfactual(network, image, wanted)
    assert found.reached
    assert found.image.dtype == np.uint8
    assert found.image.shape == image.shape
    assert p.predict_classes(network, found.image[None])[0] == wanted
    assert found.probabilities[0] == pytest.approx(p.predict_proba(network, image[None])[0, wanted], abs=1e-5)
    assert found.probabilities[-1] == pytest.approx(p.predict_proba(network, found.image[None])[0, wanted], abs=1e-5)
    assert found.probabilities[-1] > 0.85, "what bytes round away is little"


def test_the_first_step_is_the_one_worked_by_hand():
    """Both scores are 5, so q = (½, ½), and the gradient of −log q₁ is (5, −5): both pixels move by 0.04, and are drawn
    back by 0.04·0.15."""
    image = np.array([[[0.5, 0.5]]])
    image = np.concatenate([image, [[[0.0]]], [[[1.0]]]], axis=2)  # which span the range
    network = p.Sequential([p.Flatten(), p.Linear(4, 2)], input_shape=(1, 1, 4), dtype="float64")
    network["linear1"].weight.data, network["linear1"].bias.data = [[10, 0, 0, 0], [0, 10, 0, 0]], [0, 0]
    found = explanations.counterfactual(network, image, 1, steps=1)
    np.testing.assert_allclose(found.image[0, 0], [0.466, 0.534, 0, 1], rtol=1e-9)
    score = 10 * (0.534 - 0.466)
    np.testing.assert_allclose(found.probabilities, [0.5, 1 / (1 + np.exp(-score))], rtol=1e-9)


def test_pixels_that_do_not_matter_stay():
    network = p.Sequential([p.Flatten(), p.Linear(3, 2)], input_shape=(1, 1, 3))
    network["linear1"].weight.data, network["linear1"].bias.data = [[10, 0, 0], [0, 10, 0.1]], [0, 0]
    image = np.array([[[200, 40, 90]]], np.uint8)
    found = explanations.counterfactual(network, image, 1)
    assert found.reached
    assert found.image[0, 0, 2] == 90, "its change costs more than it brings"
    assert found.image[0, 0, 0] < 200
    assert found.image[0, 0, 1] > 40


def test_what_costs_more_changes_less(rng):
    network, image = network_of_many(), rng.integers(0, 256, (1, 8, 8)).astype(np.uint8)
    wanted = int(p.predict_proba(network, image[None])[0].argmin())
    changed = [
        int((explanations.counterfactual(network, image, wanted, sparsity=sparsity).image != image).sum())
        for sparsity in (0, 0.15, 0.5)
    ]
    assert changed[0] > changed[1] > changed[2] > 0


def test_pixels_stay_in_their_range():
    image = np.array([[[255, 0]]], np.uint8)
    found = explanations.counterfactual(linear(), image, 0, probability=0.9999999)
    np.testing.assert_array_equal(found.image, image, err_msg="both are at their ends already")
    floats = explanations.counterfactual(linear("float64"), np.array([[[-2.0, 3.0]]]), 0, steps=500)
    assert floats.image.min() >= -2
    assert floats.image.max() <= 3


def test_a_class_that_is_seen_already_needs_no_step():
    image = np.array([[[255, 0]]], np.uint8)
    found = explanations.counterfactual(linear(), image, 0)
    assert found.reached
    assert len(found.probabilities) == 1
    np.testing.assert_array_equal(found.image, image)


def test_steps_end_the_search():
    found = explanations.counterfactual(linear(), np.array([[[255, 0]]], np.uint8), 1, steps=3)
    assert not found.reached
    assert len(found.probabilities) == 4
    assert (np.diff(found.probabilities) > 0).all()


def test_what_cannot_be_sought_is_refused(rng):
    image = np.array([[[255, 0]]], np.uint8)
    with pytest.raises(errors.ArgumentError, match="from 0 to 1, received 2"):
        explanations.counterfactual(linear(), image, 2)
    with pytest.raises(errors.ArgumentError, match="probability: expected a number between 0 and 1"):
        explanations.counterfactual(linear(), image, 1, probability=1)
    with pytest.raises(errors.ArgumentError, match="all its numbers are equal"):
        explanations.counterfactual(linear(), np.ones((1, 1, 2)), 1)
    single = p.Sequential([p.Flatten(), p.Linear(2, 1)], input_shape=(1, 1, 2))
    with pytest.raises(errors.ShapeError, match="at least two outputs"):
        explanations.counterfactual(single, image, 0)
    network = linear()
    network["linear1"].bias.data = [np.inf, 0]
    with pytest.raises(errors.NonFiniteError):
        explanations.counterfactual(network, image, 1)
