"""Calibration: bins worked by hand, and a network that is as sure as it is right."""

import numpy as np
import pytest

import pellucid as p


def test_bins_and_error_worked_by_hand():
    """Confidences 0.95, 0.85, 0.85, 0.65; right, right, wrong, wrong; ten bins."""
    shares = [[0.95, 0.05], [0.15, 0.85], [0.85, 0.15], [0.35, 0.65]]
    found = p.calibration(shares, [0, 1, 1, 0], bins=10)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 2, 1]
    np.testing.assert_allclose(found.confidence[[6, 8, 9]], [0.65, 0.85, 0.95])
    np.testing.assert_allclose(found.accuracy[[6, 8, 9]], [0, 0.5, 1])
    assert np.isnan(found.accuracy[:6]).all()
    assert found.error == pytest.approx((1 * 0.65 + 2 * 0.35 + 1 * 0.05) / 4)
    assert found.largest_error == pytest.approx(0.65)


def test_a_bin_holds_its_upper_edge_and_not_its_lower():
    found = p.calibration([[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]], [0, 0, 1], bins=4)
    assert found.counts.tolist() == [0, 1, 1, 1]


def test_who_is_right_as_often_as_said_has_no_error(rng):
    sure = rng.uniform(0.5, 1, 200_000)
    labels = (rng.random(len(sure)) > sure).astype(int)  # class 0 with the probability that is said
    shares = np.column_stack([sure, 1 - sure])
    assert p.calibration(shares, labels).error < 0.005
    assert p.calibration(shares, 1 - labels).error > 0.4, "the control: as often wrong as it should be right"


@pytest.mark.parametrize(
    ("shares", "labels", "message"),
    [
        ([[0.5, 0.6]], [0], "probabilities: expected rows that are at least 0 and sum to 1, but row 0 sums to 1.1"),
        ([[1.5, -0.5]], [0], "probabilities: expected rows that are at least 0"),
        ([[np.nan, 1.0]], [0], "probabilities: expected rows that are at least 0"),
        ([[1, 0]], [0], "probabilities: expected floats of shape (N, C), received int64"),
        ([[0.5, 0.5]], [0, 1], "labels: expected 1 class numbers"),
        ([[0.9, 0.1], [0.9, 0.1]], [0, 2], "labels: expected class numbers from 0 to 1, received 2 at position 1"),
        ([[0.9, 0.1]], [-1], "labels: expected class numbers from 0 to 1, received -1 at position 0"),
        (np.ma.masked_array([[0.9, 0.1]], [[0, 1]]), [0], "probabilities: 1 of the 2 numbers are masked"),
        ([[0.5, 0.5]], [0.0], "labels: expected 1 class numbers"),
    ],
)
def test_what_is_no_distribution_or_no_label_is_refused(shares, labels, message):
    with pytest.raises(p.DataError) as caught:
        p.calibration(shares, labels)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("bins", [0, 10_001])
def test_no_bin_and_more_bins_than_memory_holds_are_refused(bins):
    with pytest.raises(p.ArgumentError, match="bins: expected "):
        p.calibration([[0.9, 0.1]], [0], bins=bins)
