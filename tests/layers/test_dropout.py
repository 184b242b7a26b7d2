"""Dropout alone: its masks, and how they follow from seed, path and call."""

import numpy as np
import pytest

import pellucid as p
from pellucid import random
from pellucid.gradient_check import check_gradients


def mask(layer, *shape):
    return layer.forward(np.ones(shape), training=True)


def test_in_training_values_are_dropped_or_divided_by_what_is_kept():
    y = mask(p.Dropout(0.2), 50, 4, 5, 5)
    assert set(np.unique(y)) == {0, np.float32(1.25)}
    assert abs((y == 0).mean() - 0.2) < 0.04  # seven deviations of 5,000 values


def test_without_training_nothing_happens():
    x, layer = np.arange(6.0, dtype=np.float32).reshape(2, 3), p.Dropout(0.9)
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(-x), -x)


def test_backward_uses_the_mask_of_the_last_forward():
    layer = p.Dropout(0.5)
    mask(layer, 3, 40)
    y = mask(layer, 3, 40)
    np.testing.assert_array_equal(layer.backward(np.full((3, 40), 7.0)), 7 * y)
    np.testing.assert_array_equal(layer.backward(np.full((3, 40), 7.0)), 7 * y, "and again")


def test_the_first_mask_is_that_of_seed_0_and_epoch_0():
    key = random.key(0, random.Purpose.DROPOUT, 0)
    words = random.pixel_words(key, np.arange(2), 0, (5,))
    np.testing.assert_array_equal(mask(p.Dropout(0.5), 2, 5) != 0, words >= 2**31)


def test_every_call_draws_another_mask_and_initialize_begins_anew():
    layer = p.Dropout(0.5)
    first, second = mask(layer, 1, 200), mask(layer, 1, 200)
    assert (first != second).any()
    layer.initialize(0)
    np.testing.assert_array_equal(mask(layer, 1, 200), first)
    layer.initialize(1)
    assert (mask(layer, 1, 200) != first).any()


def test_two_dropouts_of_a_network_draw_different_masks():
    network = p.Sequential([p.Dropout(0.5), ("later", p.Dropout(0.5))])
    network.initialize(3)
    assert (mask(network["dropout1"], 1, 200) != mask(network["later"], 1, 200)).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept(dtype):
    layer = p.Dropout(0.1)
    layer.cast(dtype)
    assert mask(layer, 2, 3).dtype == layer.backward(np.ones((2, 3))).dtype == np.dtype(dtype)


@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 4, 5)], ids=str)
def test_gradients(shape):
    report = check_gradients(p.Dropout(0.4), np.random.default_rng(0).normal(0, 1, shape), training=True)
    assert report.ok, report


def test_p_of_0_keeps_all():
    assert (mask(p.Dropout(0), 2, 30) == 1).all()


@pytest.mark.parametrize("value", [1, 1.0, -0.1, np.nan, True, "0.5", None])
def test_a_p_that_is_no_probability_of_dropping_is_refused(value):
    with pytest.raises(p.ArgumentError, match=f"p: expected a number from 0 up to but not 1, received {value!r}"):
        p.Dropout(value)


def test_other_shapes_than_images_and_features_are_refused():
    with pytest.raises(p.ShapeError, match=r"Dropout: expects images \(C, H, W\) or features \(F,\), .* Flatten\(\)"):
        p.Dropout().forward(np.ones((2, 3, 4)))


def test_config_builds_the_layer_anew():
    assert p.Dropout(np.float64(0.25)).config() == {"p": 0.25}
    assert repr(p.Dropout(0.25)) == "Dropout(p=0.25)"
