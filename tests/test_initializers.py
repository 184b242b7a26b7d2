"""Initialisers: fans by hand, the published variances, and independence of everything but shape, key and path."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import initializers, random
from pellucid.errors import ArgumentError, ShapeError
from pellucid.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Normal,
    Zeros,
)

KEY = random.key(0, random.Purpose.INITIALIZE)
RULES = [HeNormal(), HeUniform(), GlorotNormal(), GlorotUniform(), Normal(), Zeros(), Constant(0.5)]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 1, 5, 5), (25, 150)),  # 1·5·5, 6·5·5
        ((16, 6, 5, 3), (90, 240)),  # 6·5·3, 16·5·3
        ((8, 2, 3, 3), (18, 72)),  # 4 → 8 in two groups: 2 inputs of 9 taps feed an output; as PyTorch, 8·9 outputs
        ((32, 1, 3, 3), (9, 288)),  # depthwise
        ((10, 84), (84, 10)),
    ],
)
def test_fans_by_hand(shape, expected):
    assert initializers.fans(shape) == expected


@pytest.mark.parametrize("shape", [(6, 1, 5, 5), (8, 2, 3, 3), (10, 84)])
def test_fans_agree_with_torch(shape):
    torch = pytest.importorskip("torch")
    assert initializers.fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@pytest.mark.parametrize("rule", [HeNormal(), HeUniform(), GlorotNormal(), GlorotUniform()], ids=repr)
@pytest.mark.parametrize("shape", [(), (6,), (0, 5), (3, 1, 0, 5)])
def test_shapes_without_fans_are_refused(rule, shape):
    with pytest.raises(ShapeError, match=r"fan-in and fan-out need a weight .* use Zeros\(\) or Constant\(value\)"):
        rule(shape, KEY, "conv1.bias")


@pytest.mark.parametrize(
    ("rule", "variance"),
    [
        (HeNormal(), 2 / 90),
        (HeUniform(), 2 / 90),
        (GlorotNormal(), 2 / (90 + 9000)),
        (GlorotUniform(), 2 / (90 + 9000)),
        (Normal(std=0.3, mean=2.0), 0.09),
    ],
    ids=repr,
)
def test_mean_and_variance_are_the_published_ones(rule, variance):
    """54,000 weights of shape (600, 6, 5, 3): fan-in 6·15 = 90, fan-out 600·15 = 9,000; margins are four σ."""
    weight = rule((600, 6, 5, 3), KEY, "conv.weight")
    mean = rule.mean if isinstance(rule, Normal) else 0.0
    assert weight.mean() == pytest.approx(mean, abs=4 * (variance / weight.size) ** 0.5)
    assert weight.var() == pytest.approx(variance, rel=4 * (2 / weight.size) ** 0.5)


@pytest.mark.parametrize(("rule", "bound"), [(HeUniform(), (6 / 90) ** 0.5), (GlorotUniform(), (6 / 9090) ** 0.5)])
def test_uniform_weights_fill_their_bounds(rule, bound):
    weight = rule((600, 6, 5, 3), KEY, "conv.weight")
    assert -bound <= weight.min() < -0.999 * bound
    assert 0.999 * bound < weight.max() < bound


def test_values_by_the_formula():
    """Two linear units with three inputs: √(2/3)·z for He, and (2u − 1)·√(6/(3 + 2)) for Glorot."""
    words = random.element_words(KEY, "linear1.weight", 6).reshape(2, 3)
    he, glorot = (rule((2, 3), KEY, "linear1.weight") for rule in (HeNormal(), GlorotUniform()))
    np.testing.assert_allclose(he, (2 / 3) ** 0.5 * random.normal(words), rtol=1e-15)
    np.testing.assert_allclose(glorot, (2 * ((words >> 8) / 2**24) - 1) * (6 / 5) ** 0.5, rtol=1e-15)


def test_zeros_and_constants():
    assert Zeros()((2, 3), KEY, "bias").tolist() == [[0, 0, 0], [0, 0, 0]]
    assert Constant(1.5)((2,), KEY, "scale").tolist() == [1.5, 1.5]
    assert Normal(std=0.0, mean=3.0)((2,), KEY, "scale").tolist() == [3.0, 3.0]


@given(st.sampled_from(RULES), st.tuples(*[st.integers(1, 4)] * 4), st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=40)
def test_shape_key_and_path_settle_the_array(rule, shape, seed):
    key = random.key(seed, random.Purpose.INITIALIZE)
    weight = rule(shape, key, "conv1.weight")
    assert weight.shape == shape
    assert weight.dtype == np.float64
    assert np.isfinite(weight).all()
    assert np.array_equal(weight, rule(shape, key, "conv1.weight"))


@pytest.mark.parametrize("rule", RULES[:5], ids=repr)
def test_other_seeds_and_other_paths_give_other_weights(rule):
    weight = rule((8, 8), KEY, "linear1.weight")
    other_path = rule((8, 8), KEY, "linear2.weight")
    other_seed = rule((8, 8), random.key(1, random.Purpose.INITIALIZE), "linear1.weight")
    assert np.count_nonzero(weight == other_path) == np.count_nonzero(weight == other_seed) == 0


def test_a_large_weight_is_drawn_in_blocks(monkeypatch):
    whole = HeNormal()((37, 5), KEY, "weight")
    monkeypatch.setattr(random, "COUNTERS_AT_ONCE", 3)
    assert np.array_equal(HeNormal()((37, 5), KEY, "weight"), whole)


def test_a_large_weight_needs_little_more_memory_than_itself():
    tracemalloc.start()
    try:
        size = HeNormal()((1500, 1000), KEY, "weight").nbytes
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size + 8_000_000, f"{peak / 1e6:.0f} MB for a weight of {size / 1e6:.0f} MB"


@pytest.mark.parametrize(
    ("rule", "settings_", "message"),
    [
        (Normal, {"std": -1.0}, "Normal.std: expected a number of at least 0, received -1.0"),
        (Normal, {"std": float("nan")}, "Normal.std: expected a number of at least 0, received nan"),
        (Normal, {"mean": float("inf")}, "Normal.mean: expected a finite number, received inf"),
        (Constant, {"value": float("nan")}, "Constant.value: expected a finite number, received nan"),
    ],
)
def test_settings_that_make_no_sense_are_refused(rule, settings_, message):
    with pytest.raises(ArgumentError) as caught:
        rule(**settings_)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["he-normal", "he_normal", "HeNormal", "henormal"])
def test_spellings_of_a_name(name):
    assert initializers.by_name(name) == HeNormal()


def test_every_name_makes_its_rule():
    made = {name: type(initializers.by_name(name)).__name__ for name in initializers.NAMES}
    assert made == {
        "he-normal": "HeNormal",
        "he-uniform": "HeUniform",
        "glorot-normal": "GlorotNormal",
        "glorot-uniform": "GlorotUniform",
        "normal": "Normal",
        "zeros": "Zeros",
    }


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ArgumentError, match="unknown initialiser 'he-norml'; did you mean 'he-normal'\\?"):
        initializers.by_name("he-norml")
    with pytest.raises(ArgumentError, match="unknown initialiser 'xyz'\\. Known: he-normal, he-uniform"):
        initializers.by_name("xyz")


def test_rules_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Normal().std = 1.0


def test_the_weights_of_a_seed_have_not_changed():
    """A failure here means that a seed gives another network than before: a new version of the format."""
    he, glorot = (rule((2, 1, 1, 2), KEY, "conv1.weight") for rule in (HeNormal(), GlorotUniform()))
    assert [x.hex() for x in he.ravel().tolist()] == [
        "0x1.3b7a9483f47cap-3",
        "0x1.25d3db0d4b8eep-1",
        "-0x1.4c6b502159096p+0",
        "-0x1.a5fdf93560accp-4",
    ]
    assert [x.hex() for x in glorot.ravel().tolist()] == [
        "0x1.f572800000000p-4",
        "0x1.bc5df80000000p-2",
        "-0x1.9c9d740000000p-1",
        "-0x1.501b400000000p-4",
    ]
