"""The order of sums: leaves and tree by hand, and what may not depend on who computes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.numerical import assert_agrees
from oracles.windows import modest, rngs
from pellucid.definitions.combine import add, leaf_size, leaves, moments, tree


def join(left, right):
    return f"({left}+{right})"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("a", "a"),
        ("ab", "(a+b)"),
        ("abc", "((a+b)+c)"),
        ("abcd", "((a+b)+(c+d))"),
        ("abcde", "(((a+b)+(c+d))+e)"),
        ("abcdefg", "(((a+b)+(c+d))+((e+f)+g))"),
    ],
)
def test_tree_by_hand(parts, expected):
    assert tree(list(parts), join) == expected


def test_leaves_by_hand():
    assert [list(leaf) for leaf in leaves(7, 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert leaves(0, 16) == []
    assert [len(leaf) for leaf in leaves(128, 16)] == [16] * 8


def test_leaves_of_large_samples_are_smaller():
    assert [leaf_size(numbers) for numbers in (1, 32_768, 32_769, 131_072, 131_073)] == [16, 16, 8, 8, 2]


@given(st.integers(1, 200), st.integers(1, 32))
@modest
def test_every_sample_lies_in_one_leaf(samples, size):
    found = leaves(samples, size)
    assert [n for leaf in found for n in leaf] == list(range(samples))
    assert all(len(leaf) == size for leaf in found[:-1])


@given(st.integers(1, 40), st.integers(0, 3))
@modest
def test_aligned_runs_can_be_combined_apart(count, level):
    """Whoever holds 2^level aligned leaves may combine them alone: the whole has the same brackets."""
    parts, run = [str(i) for i in range(count)], 2**level
    apart = [tree(parts[start : start + run], join) for start in range(0, count, run)]
    assert tree(apart, join) == tree(parts, join)


def test_add_by_hand():
    assert add(np.array([1.0, 2]), np.array([10.0, 20])).tolist() == [11, 22]


def moments_of(samples):
    """(count, mean, M2) of each column, each computed from the whole set."""
    mean = samples.mean(axis=0)
    return np.stack([np.full(mean.shape, float(len(samples))), mean, ((samples - mean) ** 2).sum(axis=0)])


def test_moments_by_hand():
    # {1, 3} has mean 2 and M2 2; {8} has mean 8 and M2 0; together the mean is 4 and M2 = 9 + 1 + 16
    both = moments(np.array([[2.0], [2], [2]]), np.array([[1.0], [8], [0]]))
    assert both.tolist() == [[3], [4], [26]]


@given(rngs, st.integers(1, 40), st.integers(1, 9))
@modest
def test_moments_of_leaves_are_those_of_all(rng, samples, size):
    x = 100 + rng.standard_normal((samples, 3))
    found = tree([moments_of(x[leaf.start : leaf.stop]) for leaf in leaves(samples, size)], moments)
    assert_agrees(found, moments_of(x), tolerance=1e-12)
