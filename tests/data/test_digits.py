"""The embedded digits."""

import os
from unittest import mock

import numpy as np
import pytest

from pellucid.data import datasets, split
from pellucid.data.digits import all_digits


def test_what_is_embedded() -> None:
    data = all_digits()
    assert data.images.shape == (1797, 1, 8, 8)
    assert data.images.dtype == np.uint8
    assert np.bincount(data.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as UCI lists them
    assert data.class_names == tuple("0123456789")
    # 17 values, each scaled by 255/16 and rounded to the nearest, a half upwards.
    assert np.unique(data.images).tolist() == [int(v * 255 / 16 + 0.5) for v in range(17)]


def test_it_is_what_scikit_learn_ships() -> None:
    with mock.patch.dict(os.environ):  # scikit-learn sets variables for its thread pools when it is imported
        theirs = pytest.importorskip("sklearn.datasets").load_digits()
    ours = all_digits()
    np.testing.assert_array_equal(np.rint(ours.images[:, 0] * (16 / 255)), theirs.images)
    np.testing.assert_array_equal(ours.labels, theirs.target)


def test_a_fifth_of_each_class_is_held_out() -> None:
    train, test = datasets.digits(seed=3)
    assert (len(train), len(test)) == (1438, 359)
    for number in range(10):
        held, rest = (test.labels == number).sum(), (train.labels == number).sum()
        assert abs(held - (held + rest) / 5) < 1
    rest_again, held_again = split(all_digits(), 0.2, seed=3)
    assert test.digest() == held_again.digest() != datasets.digits()[1].digest()
    assert train.digest() == rest_again.digest()


def test_the_embedded_files_are_those_of_the_catalogue() -> None:
    assert [result.state for result in datasets.verify("digits")] == ["ok", "ok"]
