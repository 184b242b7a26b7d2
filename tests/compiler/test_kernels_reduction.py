"""Sums over leaves: to the last bit those of the fixed tree."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.emitted import run
from pellucid.compiler.kernels import reduction as kernels
from pellucid.compiler.tiles import supported
from pellucid.definitions import combine

HERE = [isa.name for isa in supported()]
ISAS = [*supported(), *(replace(supported()[0], lanes=lanes) for lanes in (1, 16))]
LEAVES = [1, 2, 3, 4, 5, 7, 8, 11, 33]
CUT = [{"numbers": cut} for cut in [(64, 592), (0, 16), (32, 32), (16, 64)]]


def add_leaves(parts, isa=None, **how):
    leaves, size = parts.shape
    return run(kernels.add_leaves, (size,), (parts.copy(),), (size,), samples=leaves, isa=isa, **how)


def tree(parts):
    return combine.tree(list(parts), combine.add)


def test_a_sum_by_hand():
    parts = np.zeros((5, 16), np.float32)
    parts[:, 0] = 2**24, 1, 1, 1, 2  # ((2²⁴ + 1) + (1 + 1)) + 2, where 2²⁴ + 1 is rounded to 2²⁴
    assert add_leaves(parts)[0] == 2**24 + 4
    parts[:, 0] = 1, 1, 1, 3, 2**24
    assert add_leaves(parts)[0] == 2**24 + 6


@pytest.mark.parametrize("isa", ISAS, ids=lambda isa: f"{isa.name}, {isa.lanes} lanes")
def test_leaves_are_added_by_the_tree(isa, rng):
    checked = isa.name == HERE[-1]
    for leaves in LEAVES:
        parts = rng.standard_normal((leaves, 592), np.float32)
        expected = tree(parts)
        assert np.array_equal(add_leaves(parts, isa, checked=checked), expected)
        assert np.array_equal(add_leaves(parts, isa, checked=checked, pieces=CUT), expected)


def test_a_piece_leaves_other_numbers_alone(rng):
    parts = rng.standard_normal((3, 592), np.float32)
    before = parts.copy()
    total = run(kernels.add_leaves, (592,), (parts,), (592,), samples=3, pieces=[{"numbers": (32, 512)}])
    assert np.array_equal(total[32:512], tree(before)[32:512])
    for outside in (slice(0, 32), slice(512, 592)):
        assert np.isnan(total[outside]).all()
        assert np.array_equal(parts[:, outside], before[:, outside])


def test_nan_and_infinities_stay_at_their_places(rng):
    parts = rng.standard_normal((7, 32), np.float32)
    parts[6, 3], parts[2, 17], parts[0, 17], parts[4, 30] = np.nan, np.inf, -np.inf, np.inf
    with np.errstate(invalid="ignore"):
        expected = tree(parts)
    assert np.array_equal(add_leaves(parts), expected, equal_nan=True)
    assert np.isnan(expected).sum() == 2


@pytest.mark.parametrize("name", HERE)
def test_zeros_are_written_where_they_are_asked_for(name):
    isa = next(isa for isa in supported() if isa.name == name)
    y = run(kernels.zero, (), (), (80,), isa=isa, checked=name == HERE[-1], pieces=[{"numbers": (16, 64)}])
    assert (y[16:64] == 0).all()
    assert np.isnan(y[:16]).all()
    assert np.isnan(y[64:]).all()
