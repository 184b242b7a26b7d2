"""Rank correlation, against numbers worked by hand and against counting."""

import numpy as np
import pytest

from pellucid import errors, explanations


def test_worked_by_hand():
    """Ranks 1 2 3 4 and 2 1 4 3: ρ = 1 − 6·Σ d²/(n·(n² − 1)) = 1 − 6·4/60."""
    assert explanations.rank_correlation([1, 2, 3, 4], [0.2, 0.1, 9, 5]) == pytest.approx(0.6)


def test_equal_numbers_share_the_mean_of_their_ranks():
    """Ranks 1.5 1.5 3 and 1 2 3, less their mean: (−½, −½, 1)·(−1, 0, 1) = 1.5, over √(1.5·2)."""
    assert explanations.rank_correlation([5, 5, 7], [1, 2, 3]) == pytest.approx(1.5 / np.sqrt(3))


def test_only_the_order_counts(rng):
    picture = rng.normal(size=(9, 7))
    assert explanations.rank_correlation(picture, np.exp(3 * picture)) == pytest.approx(1)
    assert explanations.rank_correlation(picture, -(picture**3)) == pytest.approx(-1)
    other = rng.normal(size=(9, 7))
    both = explanations.rank_correlation(picture, other), explanations.rank_correlation(other, picture)
    assert both[0] == pytest.approx(both[1])
    assert abs(both[0]) < 0.4


def test_against_counting_pairs(rng):
    """A rank is the number of those below, and half of the equal others: r = Σ j  [x_j < x_i] + ½[x_j = x_i]."""
    one, other = rng.integers(0, 5, 40), rng.integers(0, 5, 40)
    r, s = ((x[None] < x[:, None]).sum(axis=1) + 0.5 * (x[None] == x[:, None]).sum(axis=1) for x in (one, other))
    assert explanations.rank_correlation(one, other) == pytest.approx(np.corrcoef(r, s)[0, 1])


@pytest.mark.parametrize("pair", [([1, 1], [1, 2]), ([1, 2], [3, 3]), ([], []), ([1], [2])])
def test_what_has_no_order_has_no_correlation(pair):
    assert np.isnan(explanations.rank_correlation(*pair))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(errors.ShapeError, match=r"expected the shape \(2,\), that of one, received \(3,\)"):
        explanations.rank_correlation([1, 2], [1, 2, 3])
    with pytest.raises(errors.NonFiniteError, match="other"):
        explanations.rank_correlation([1, 2], [1, np.nan])
    with pytest.raises(errors.DataError, match="one: expected an array of real numbers"):
        explanations.rank_correlation(["a"], [1])
