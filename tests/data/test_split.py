"""The division of a data set: each class in proportion, nothing lost, always the same."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data import Dataset, split
from pellucid.errors import ArgumentError


def numbered(labels: Any) -> Dataset:
    """A data set whose images are the numbers of the samples."""
    return Dataset(np.arange(len(labels), dtype=np.float32)[:, None, None], labels)


def indices(part: Dataset) -> list[int]:
    return [int(number) for number in part.images[:, 0, 0, 0]]


def test_shares_worked_by_hand() -> None:
    # 10 of class 0, 5 of class 1, 2 of class 2; a fifth: 2, 1 and 0.4. In all round(3.4) = 3, and class 2 gives one
    # nevertheless, to be found in both parts.
    rest, held_out = split(numbered([0] * 10 + [1] * 5 + [2] * 2), 0.2)
    assert np.bincount(held_out.labels).tolist() == [2, 1, 1]
    assert np.bincount(rest.labels).tolist() == [8, 4, 1]


def test_the_largest_remainders_get_what_rounding_down_left() -> None:
    # 0.25 of 7, 6 and 5 is 1.75, 1.5 and 1.25; rounded down 1 each, in all round(4.5) = 4: one more for class 0.
    _, held_out = split(numbered([0] * 7 + [1] * 6 + [2] * 5), 0.25)
    assert np.bincount(held_out.labels).tolist() == [2, 1, 1]


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=60),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_properties(labels: list[int], fraction: float, seed: int) -> None:
    rest, held_out = split(numbered(labels), fraction, seed)
    assert sorted(indices(rest) + indices(held_out)) == list(range(len(labels)))
    for part in (rest, held_out):
        assert indices(part) == sorted(indices(part))  # the order is kept
        assert [labels[index] for index in indices(part)] == part.labels.tolist()
    sizes, held = np.bincount(labels, minlength=5), np.bincount(held_out.labels, minlength=5)
    for size, count in zip(sizes, held, strict=True):
        if size >= 2:
            assert 1 <= count < size
            assert abs(count - size * fraction) < 1 or count in (1, size - 1)
    if (sizes[sizes > 0] * min(fraction, 1 - fraction) >= 1).all():
        assert len(held_out) == round(len(labels) * fraction)


def test_it_depends_on_the_seed_alone() -> None:
    data = numbered([0, 1] * 30)
    parts = [indices(split(data, 0.2, seed)[1]) for seed in (0, 0, 1, 2)]
    assert parts[0] == parts[1]
    assert len({tuple(part) for part in parts}) == 3


def test_every_sample_has_the_same_chance() -> None:
    data = numbered([0] * 10 + [1] * 10)
    drawn = np.zeros(20, int)
    for seed in range(300):
        drawn[indices(split(data, 0.2, seed)[1])] += 1
    # Binomial(300, 0.2): 60 ± 6.9; four deviations on either side.
    assert drawn.min() > 32
    assert drawn.max() < 88


def test_the_other_kinds_of_labels() -> None:
    soft = np.repeat(np.array([[0.9, 0.1], [0.2, 0.8]]), 10, axis=0)
    _, held_out = split(numbered(soft), 0.2)
    assert held_out.labels[:, 0].tolist() == [0.9, 0.9, 0.2, 0.2]  # by the more probable class
    rest, held_out = split(numbered(np.linspace(-1, 1, 20)), 0.25)
    assert (len(rest), len(held_out)) == (15, 5)


def test_pixels_and_names_are_kept() -> None:
    data = Dataset(np.zeros((4, 2, 2), np.uint8), [0, 1, 0, 1], ("a", "b"), "toy")
    for part in split(data, 0.5):
        assert part.images.dtype == np.uint8
        assert (part.class_names, part.name) == (("a", "b"), "toy")


def test_classes_of_one_sample() -> None:
    rest, held_out = split(numbered([0, 1, 1, 1]), 0.3)
    assert 0 in rest.labels
    assert held_out.labels.tolist() == [1]
    rest, held_out = split(numbered([0, 1, 2]), 0.5)  # neither part may be empty
    assert (len(rest), len(held_out)) == (2, 1)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_outside_of_0_to_1(fraction: float) -> None:
    with pytest.raises(ArgumentError, match=f"fraction: expected a number between 0 and 1, received {fraction}"):
        split(numbered([0, 1, 0]), fraction)


def test_one_sample_cannot_be_divided() -> None:
    with pytest.raises(ArgumentError, match="split: expected at least 2 samples, received 1"):
        split(numbered([0]), 0.5)
