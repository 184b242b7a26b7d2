"""Which samples form which batch."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import random
from pellucid.data import batches, epoch_order
from pellucid.errors import ArgumentError


def test_in_order_with_the_last_partial_batch() -> None:
    parts = [part.tolist() for part in batches(7, 3, seed=0, epoch=0, shuffle=False)]
    assert parts == [[0, 1, 2], [3, 4, 5], [6]]


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 200), batch_size=st.integers(1, 250), seed=st.integers(0, 2**32), epoch=st.integers(0, 1000)
)
def test_an_epoch_visits_each_sample_once(count: int, batch_size: int, seed: int, epoch: int) -> None:
    parts = list(batches(count, batch_size, seed=seed, epoch=epoch))
    assert [len(part) for part in parts[:-1]] == [batch_size] * (len(parts) - 1)
    assert 1 <= len(parts[-1]) <= batch_size
    assert all(part.dtype == np.int64 for part in parts)
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    np.testing.assert_array_equal(np.concatenate(parts), epoch_order(count, seed, epoch))


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    orders = {(seed, epoch): tuple(epoch_order(50, seed, epoch).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(set(orders.values())) == 9
    for seed, epoch in reversed(orders):  # asked for again, in another order
        assert tuple(epoch_order(50, seed, epoch).tolist()) == orders[seed, epoch]


def test_it_is_the_permutation_for_shuffling() -> None:
    key = random.key(5, random.Purpose.SHUFFLE, 2)
    np.testing.assert_array_equal(epoch_order(20, 5, 2), random.permutation(key=key, count=20))


@pytest.mark.parametrize(
    ("count", "batch_size", "message"),
    [
        (0, 3, "count: expected a whole number of at least 1, received 0"),
        (5, 0, "batch_size: expected a whole number of at least 1, received 0"),
        (5, -2, "batch_size: expected a whole number of at least 1, received -2"),
        (5, 2.0, "batch_size: expected a whole number of at least 1, received 2.0"),
        (5, "2", "batch_size: expected a whole number of at least 1, received '2'"),
    ],
)
def test_sizes_that_make_no_sense(count: Any, batch_size: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        batches(count, batch_size, seed=0, epoch=0)  # at once, not when the first batch is taken
    assert str(caught.value) == message
