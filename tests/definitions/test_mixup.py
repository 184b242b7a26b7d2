"""Mixed samples: numbers by hand, shares that are the quantiles of a distribution, draws that belong to a sample."""

import math

import numpy as np
import pytest

from oracles.numerical import assert_agrees
from pellucid import random
from pellucid.definitions import mixup as definitions

KEY = random.key(0, random.Purpose.AUGMENT, 2)
HOW = {"alpha": 0.4, "ordinal": 0, "dtype": "float64"}
MIDDLES = (np.arange(definitions.SHARES) + 0.5) / definitions.SHARES


def drawn(sample, count, alpha, ordinal=0):
    """Return a sample's partner and its share in Python's own arithmetic."""
    which, how_much = random.philox([sample, ordinal, 0, 0], KEY)[:2].tolist()
    return which * count // 2**32, float(definitions.shares(alpha)[how_much >> 22])


# ---- shares
def test_shares_are_the_quantiles_of_distributions_known_by_hand():
    """For alpha = 1 all shares are equally likely; for 1/2 the incomplete beta function is an arc sine."""
    assert np.array_equal(definitions.shares(1.0), ((1 + MIDDLES) / 2).astype(np.float32))
    arcs = 1 - np.sin(np.pi / 4 * (1 - MIDDLES)) ** 2
    assert np.abs(definitions.shares(0.5) - arcs).max() <= 2.0**-24


@pytest.mark.parametrize("alpha", [1e-9, 0.01, 0.1, 0.2, 0.4, 1.0, 1.5, 2.0, 8.0, 32.0, 1000.0])
def test_shares_are_the_quantiles_that_scipy_finds(alpha):
    special = pytest.importorskip("scipy.special", reason="needs SciPy")
    expected = 1 - special.betaincinv(alpha, alpha, (1 - MIDDLES) / 2)
    found = definitions.shares(alpha)
    assert (found.shape, found.dtype) == ((definitions.SHARES,), np.float32)
    assert np.abs(found - expected).max() <= 2.0**-24
    assert found.min() > 0.5, "else the class that counts most would not be the sample's own"
    assert (np.diff(found) >= 0).all()


def test_shares_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        definitions.shares(0.2)[0] = 1


# ---- draws
def test_partners_and_shares_by_hand():
    index = np.array([4, 2, 90, 2**32 - 1, 0, 4])
    for count in (1, 2, 7, 60_000, 2**32 - 1):
        for ordinal in (0, 3):
            partner, share = definitions.pairs(KEY, index, count, alpha=0.3, ordinal=ordinal)
            expected = [drawn(int(sample), count, 0.3, ordinal) for sample in index]
            assert list(zip(partner.tolist(), share.tolist(), strict=True)) == expected
            assert (partner.dtype, share.dtype) == (np.int64, np.float32)
            assert partner.max() < count


def test_every_sample_is_equally_often_a_partner_and_shares_have_their_mean():
    partner, share = definitions.pairs(KEY, np.arange(40_000), 20, alpha=1.0, ordinal=0)
    counts = np.bincount(partner, minlength=20)
    assert counts.min() > 1800, "2,000 are expected, 44 is their deviation"
    assert abs(share.mean() - 0.75) < 0.004, "0.0007 is its deviation"
    assert abs(np.corrcoef(partner, share)[0, 1]) < 0.02


def test_epochs_differ():
    index, other = np.arange(50), random.key(0, random.Purpose.AUGMENT, 3)
    one, two = (definitions.pairs(key, index, 1000, alpha=1.0, ordinal=0) for key in (KEY, other))
    assert (one[0] != two[0]).mean() > 0.9
    assert (one[1] != two[1]).mean() > 0.9


# ---- mixtures
def test_images_by_hand(rng):
    data, index = rng.standard_normal((9, 2, 3, 4)), np.array([3, 8, 0, 3])
    y = definitions.mixup(data, KEY, index, **HOW)
    for n, sample in enumerate(index):
        partner, share = drawn(int(sample), 9, 0.4)
        assert_agrees(y[n], share * data[sample] + (1 - share) * data[partner], 1e-15)
    assert np.array_equal(y[0], y[3])
    assert not np.array_equal(y, data[index])


def test_bytes_are_divided_first_and_floats_are_not(rng):
    data, index = rng.integers(0, 256, (9, 5), np.uint8), np.arange(9)
    y = definitions.mixup(data, KEY, index, **HOW)
    assert_agrees(y, definitions.mixup(data / 255, KEY, index, **HOW), 1e-15)
    assert y.max() <= 1
    single = definitions.mixup(data, KEY, index, **{**HOW, "dtype": "float32"})
    assert single.dtype == np.float32
    assert_agrees(single, y, 2e-7)


def test_class_numbers_become_distributions(rng):
    labels, index = rng.integers(0, 4, 30), np.arange(30)
    target = definitions.mixup_classes(labels, KEY, index, classes=5, **HOW)
    for n in range(30):
        partner, share = drawn(n, 30, 0.4)
        expected = np.zeros(5)
        expected[labels[n]] += share
        expected[labels[partner]] += 1 - share
        assert np.array_equal(target[n], expected)
    assert (target.sum(axis=1) == 1).all()
    assert np.array_equal(target.argmax(axis=1), labels)
    assert (target.max(axis=1) < 1).any()


def test_a_distribution_is_mixed_as_the_class_numbers_are(rng):
    labels, index = rng.integers(0, 4, 30), np.array([5, 29, 0])
    one_hot = np.eye(4)[labels]
    mixed = definitions.mixup(one_hot, KEY, index, **HOW)
    assert np.array_equal(mixed, definitions.mixup_classes(labels, KEY, index, classes=4, **HOW))
    values = rng.standard_normal(30)
    partner, share = definitions.pairs(KEY, index, 30, alpha=0.4, ordinal=0)
    assert_agrees(definitions.mixup(values, KEY, index, **HOW), share * values[index] + (1 - share) * values[partner])


def test_a_sample_depends_on_key_index_and_ordinal_alone(rng):
    data, labels, index = rng.standard_normal((20, 3)), rng.integers(0, 4, 20), np.array([4, 2, 19, 0, 4])
    for made in (
        lambda index, **how: definitions.mixup(data, KEY, index, **{**HOW, **how}),
        lambda index, **how: definitions.mixup_classes(labels, KEY, index, classes=4, **{**HOW, **how}),
    ):
        whole = made(index)
        for n in range(len(index)):
            assert np.array_equal(made(index[n : n + 1])[0], whole[n])
        assert np.array_equal(made(index[::-1].copy()), whole[::-1])
        assert not np.array_equal(made(index, ordinal=1), whole)


def test_a_nan_of_either_is_not_hidden():
    data = np.full((2, 1), np.nan)
    data[0] = 1.0
    y = definitions.mixup(data, KEY, np.arange(2), **{**HOW, "alpha": 1e-9})  # all shares are 1, so that 0 · NaN is met
    partners = [drawn(n, 2, 1e-9)[0] for n in range(2)]
    assert np.isnan(y[:, 0]).tolist() == [bool(n or partners[n]) for n in range(2)]
    assert math.isclose(definitions.shares(1e-9).min(), 1.0)
