"""Packing: where each weight lies, there and back, and the kernel that packs a second time for the input's gradient."""

import numpy as np
import pytest

from pellucid.compiler import packing
from pellucid.compiler.jit import compiled
from pellucid.compiler.kernels.repack import repack
from pellucid.compiler.packing import block_count, for_input, pack, packed_shape, packed_size, unpack
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, instruction_set, lanes_for, supported

HERE = [isa.name for isa in supported()]
# (F, C/G, KH, KW), groups
SHAPES = [((16, 6, 5, 5), 1), ((21, 13, 2, 3), 1), ((10, 84, 1, 1), 1), ((1, 1, 1, 1), 1), ((12, 3, 2, 2), 4)]


def numbered(shape):
    """Weights that are all different, none of them 0."""
    return np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape)


def test_filters_lie_along_the_lanes_and_dead_lanes_hold_0():
    weight = np.array([[[[1, 2]]], [[[3, 4]]], [[[5, 6]]]], np.float32)  # 3 filters of one channel, 1 × 2 taps
    assert pack(weight, 2).tolist() == [1, 3, 2, 4, 5, 0, 6, 0]
    assert packed_shape((3, 1, 1, 2), 2) == (1, 2, 1, 2, 1, 2)


def test_each_group_begins_with_a_vector_of_its_own():
    weight = np.arange(1, 7, dtype=np.float32).reshape(6, 1, 1, 1)
    assert pack(weight, 2, groups=2).tolist() == [1, 2, 3, 0, 4, 5, 6, 0]
    assert packed_size((6, 1, 1, 1), 2, groups=2) == 8
    assert block_count(6, 2, 1, groups=2) == 4
    assert block_count(6, 2, 2, groups=2) == 2


@pytest.mark.parametrize(("shape", "groups"), SHAPES)
@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_each_weight_lies_where_its_indices_say_and_comes_back(shape, groups, lanes):
    weight = numbered(shape)
    packed = pack(weight, lanes, groups)
    places = packed.reshape(packed_shape(shape, lanes, groups))
    each = shape[0] // groups
    for (f, c, ky, kx), value in np.ndenumerate(weight):
        g, f = divmod(f, each)
        assert places[g, f // lanes, ky, kx, c, f % lanes] == value
    assert np.count_nonzero(packed) == weight.size
    assert np.array_equal(unpack(packed, shape, lanes, groups), weight)


@pytest.mark.parametrize("at_once", [1, 64, 1000])
@pytest.mark.parametrize(("shape", "groups"), [((83, 3, 2, 2), 1), ((42, 5, 1, 1), 2)])
def test_it_is_no_matter_how_many_are_packed_at_a_time(shape, groups, at_once, monkeypatch):
    weight = numbered(shape)
    whole = pack(weight, 4, groups)
    monkeypatch.setattr(packing, "AT_ONCE", at_once)
    assert np.array_equal(pack(weight, 4, groups), whole)


@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_for_the_input_filters_and_channels_trade_places_within_their_group(shape, groups):
    weight = numbered(shape)
    exchanged = for_input(weight, groups)
    each = shape[0] // groups
    for (f, c, ky, kx), value in np.ndenumerate(weight):
        g, f = divmod(f, each)
        assert exchanged[g * shape[1] + c, f, ky, kx] == value
    assert np.array_equal(for_input(exchanged, groups), weight)


# ---- the kernel
def repacked(weight, groups, lanes, input_lanes, isa, checked=False, pieces=({},)):
    kernel = compiled(Recipe(repack, (weight.shape, lanes, input_lanes, groups), isa, checked))
    result = np.full(pack(for_input(weight, groups), input_lanes, groups).size, np.nan, np.float32)
    for piece in pieces:
        kernel(pack(weight, lanes, groups), result, samples=0, **piece)
    return result


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_repacking_is_what_packing_for_the_input_makes(shape, groups, name):
    isa, weight = BY_NAME[name], numbered(shape)
    lanes, input_lanes = lanes_for(shape[0] // groups, isa), lanes_for(shape[1], isa)
    expected = pack(for_input(weight, groups), input_lanes, groups)
    assert np.array_equal(repacked(weight, groups, lanes, input_lanes, isa, checked=groups > 1), expected)


@pytest.mark.parametrize(("lanes", "input_lanes"), [(8, 2), (2, 8), (1, 4), (16, 16)])
def test_both_packings_may_have_other_lanes(lanes, input_lanes):
    weight = numbered((21, 13, 1, 2))
    expected = pack(for_input(weight), input_lanes)
    assert np.array_equal(repacked(weight, 1, lanes, input_lanes, instruction_set(), checked=True), expected)


def test_repacking_in_pieces_writes_all_there_is():
    weight = numbered((6, 9, 1, 2))  # 2 groups of ⌈9/4⌉ vectors of channels
    pieces = [{"blocks": (0, 2)}, {"blocks": (2, 5)}, {"blocks": (5, 6)}]
    expected = pack(for_input(weight, 2), 4, 2)
    assert np.array_equal(repacked(weight, 2, 2, 4, instruction_set(), pieces=pieces), expected)
    assert np.isnan(repacked(weight, 2, 2, 4, instruction_set(), pieces=pieces[:2])).any()
