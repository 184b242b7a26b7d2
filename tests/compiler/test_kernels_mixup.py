"""Mixed samples by kernels: the definition's partners and shares bit for bit, their numbers to within rounding."""

import numpy as np
import pytest

from oracles.emitted import run
from oracles.numerical import assert_agrees
from pellucid import random
from pellucid.compiler.kernels import mixup as kernels
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import mixup as definitions

HERE = [isa.name for isa in supported()]
KEY = random.key(7, random.Purpose.AUGMENT, 3)
INDEX = np.array([0, 5, 8, 3, 3, 1, 7])
SIZES = [(1, HERE[0]), (7, HERE[0]), (784, HERE[0]), (131, HERE[-1])]
ALPHA = 0.7
SHARES = tuple(definitions.shares(ALPHA).tolist())


def images(rng, element, size, count=9):
    if element == "uint8":
        return rng.integers(0, 256, (count, size), np.uint8)
    return rng.standard_normal((count, size), np.float32)


def mixed(data, name=HERE[0], index=INDEX, ordinal=2, key=KEY, **how):
    """Return what the kernel makes of a data set (D, size)."""
    how = {"isa": BY_NAME[name], "checked": name == HERE[-1], **how}
    count, size = np.array([len(data)]), data[0].size
    return run(
        kernels.mixup, (size, data.dtype.name, ordinal, SHARES), (data, key, index, count), (len(index), size), **how
    )


def shared(labels, classes, name=HERE[0], index=INDEX, **how):
    """Return what the kernel makes of class numbers (D,)."""
    how = {"isa": BY_NAME[name], "checked": name == HERE[-1], **how}
    parameters, count = (classes, "int64", 2, SHARES), np.array([len(labels)])
    return run(kernels.mixup_classes, parameters, (labels, KEY, index, count), (len(index), classes), **how)


@pytest.mark.parametrize("element", ["uint8", "float32"])
@pytest.mark.parametrize(("size", "name"), SIZES)
def test_mixup_agrees_with_the_definition_in_float64(size, name, element, rng):
    data = images(rng, element, size)
    expected = definitions.mixup(data, KEY, INDEX, alpha=ALPHA, ordinal=2, dtype="float64")
    assert_agrees(mixed(data, name), expected, 5e-7)


@pytest.mark.parametrize("classes", [2, 10, 16, 33])
@pytest.mark.parametrize("name", HERE)
def test_class_numbers_become_the_definitions_distributions_bit_for_bit(classes, name, rng):
    labels = rng.integers(0, classes, 9)
    expected = definitions.mixup_classes(labels, KEY, INDEX, alpha=ALPHA, classes=classes, ordinal=2, dtype="float32")
    assert shared(labels, classes, name).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", HERE)
def test_partners_and_shares_are_the_definitions_for_any_sample_and_number_of_samples(name):
    """Of data that count themselves, a mixture says who was mixed."""
    index = np.array([0, 1, 16_000, 7, 19_999, 4242])
    for count in (1, 2, 3, 19_999, 20_000):
        own, keys = index[index < count], (KEY, random.key(1, random.Purpose.AUGMENT, 0), np.uint32([2**32 - 1, 0]))
        for key in keys:
            data = np.arange(count, dtype=np.float32).reshape(-1, 1)
            found = mixed(data, name, own, 0, key)[:, 0]
            partner, share = definitions.pairs(key, own, count, alpha=ALPHA, ordinal=0)
            assert_agrees(found, share * own.astype(float) + (1 - share) * partner.astype(float), 2e-7)


@pytest.mark.parametrize("stray", [-1, 10, 10**12, -(10**12), 2**62])
@pytest.mark.parametrize("classes", [10, 16])
def test_a_class_number_out_of_range_counts_as_none(stray, classes):
    stray = 16 if stray == 10 else stray
    labels = np.full(9, 1)
    labels[INDEX[0]] = stray
    found = shared(labels, classes)
    partner, share = definitions.pairs(KEY, INDEX, 9, alpha=ALPHA, ordinal=2)
    known = share * (labels[INDEX] == 1) + (1 - share) * (labels[partner] == 1)
    assert np.allclose(found[:, 1], known, atol=1e-7)
    assert (np.delete(found, 1, axis=1) == 0).all()


@pytest.mark.parametrize("stray", [9, -1, 2**40])
def test_a_checked_kernel_refuses_a_sample_that_is_not_there(stray, rng):
    index = np.array([1, stray])
    with pytest.raises(IndexError, match=rf"mixup: index \[{stray}, 0\] lies outside data"):
        mixed(images(rng, "uint8", 5), index=index, checked=True)
    with pytest.raises(IndexError, match=rf"mixup_classes: index \[{stray}\] lies outside data"):
        shared(np.zeros(9, np.int64), 3, index=index, checked=True)


def test_a_sample_is_mixed_alike_in_any_piece_and_alone(rng):
    for data in (images(rng, "uint8", 37), images(rng, "float32", 37)):
        whole = mixed(data)
        assert mixed(data, pieces=[{"images": (3, 7)}, {"images": (0, 3)}]).tobytes() == whole.tobytes()
        assert mixed(data, index=INDEX[2:3])[0].tobytes() == whole[2].tobytes()
    labels = rng.integers(0, 10, 9)
    whole = shared(labels, 10)
    assert shared(labels, 10, pieces=[{"images": (3, 7)}, {"images": (0, 3)}]).tobytes() == whole.tobytes()
    assert shared(labels, 10, index=INDEX[2:3])[0].tobytes() == whole[2].tobytes()


def test_a_nan_of_either_is_not_hidden(rng):
    data = images(rng, "float32", 33)
    data[5, 4], data[0, 32] = np.nan, np.inf
    expected = definitions.mixup(data, KEY, INDEX, alpha=ALPHA, ordinal=2, dtype="float32")
    found = mixed(data)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.array_equal(np.isinf(found), np.isinf(expected))


FUSED = [isa.name for isa in supported() if isa.fused]


@pytest.mark.skipif(len(FUSED) < 2, reason="one instruction set with multiply-add")
@pytest.mark.parametrize("element", ["uint8", "float32"])
def test_instruction_sets_with_multiply_add_make_the_same_bits(element, rng):
    data = images(rng, element, 201)
    assert len({mixed(data, name, checked=False).tobytes() for name in FUSED}) == 1
