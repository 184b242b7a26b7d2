"""exp, log, tanh, Φ and powers of running kernels: counted in units in the last place (ulp) against float64."""

import math
from dataclasses import replace

import numpy as np
import pytest

from oracles.emitted import run
from pellucid.compiler import mathematics
from pellucid.compiler.builder import Kernel
from pellucid.compiler.tiles import supported

BLOCK = 256
HERE = {isa.name: isa for isa in supported()}
BEST, *_, PLAINEST = HERE
WHERE_IT_MATTERS = {"exp": (-105, 90), "log": (0.4, 2.5), "tanh": (-10, 10), "normal": (-15, 6), "power": (0.5, 4)}
FLOAT_MAX = np.finfo(np.float32).max


def each(k: Kernel, function: str, *parameters: float) -> None:
    """``y[n, i] = function(x[n, i], …)``"""
    images, lanes = k.piece("images", k.samples), k.isa.lanes
    x, y = k.tensor("x", k.samples, BLOCK), k.tensor("y", k.samples, BLOCK)
    with k.range(*images) as n, k.range(0, BLOCK, lanes) as i:
        y.store(getattr(mathematics, function)(k, x.load(n, i, lanes=lanes), *parameters), n, i)


def computed(isa, function, x, *parameters):
    blocks = np.resize(np.asarray(x, np.float32), (-(-len(x) // BLOCK), BLOCK))
    return run(each, (function, *parameters), (blocks,), blocks.shape, isa=isa).ravel()[: len(x)]


def samples(function, step):
    """Return every `step`-th of all float32 there are, NaN and infinities among them, and those where it matters."""
    everything = np.arange(0, 2**32, step, np.uint64).astype(np.uint32).view(np.float32)
    near = np.linspace(*WHERE_IT_MATTERS[function], 200_000, dtype=np.float32)
    edges = np.array([np.inf, -np.inf, 0.0, -0.0, FLOAT_MAX, -FLOAT_MAX, 1e-45, 2**-126, 1.0, 88.722839, 88.72284])
    return np.concatenate([everything, near, edges.astype(np.float32)])


def worst_ulp(y, expected):
    """Return the largest error in ulp of the right float32, after finding NaN and infinities where they belong."""
    right = expected.astype(np.float32)
    assert np.array_equal(np.isnan(y), np.isnan(right))
    finite = np.isfinite(right) & np.isfinite(y)
    other = ~finite & ~np.isnan(right) & (y != right)  # beside the largest float32 infinity is 1 ulp away
    assert (np.abs([y[other], right[other]]).min(axis=0) >= FLOAT_MAX * (1 - 1e-6)).all()
    unit = np.spacing(np.abs(right[finite])).astype(float)
    return (np.abs(y[finite] - expected[finite]) / unit).max()


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("function", ["exp", "log", "tanh"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_all_magnitudes_agree_with_float64(function, name):
    x = samples(function, 2999)
    expected = getattr(np, function)(x.astype(float))
    assert worst_ulp(computed(HERE[name], function, x), expected) <= (2 if HERE[name].fused else 3)


@pytest.mark.parametrize("name", [BEST, PLAINEST])
@pytest.mark.parametrize("exponent", [-0.75, 0.75, -0.5, 0.25, -0.7, -1.0, 2.0, 13.7, -100.0, 0.0])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_powers_agree_with_float64(exponent, name):
    x = samples("power", 19_999)
    expected = np.where((x < 0) & (exponent != 0), np.nan, np.abs(x).astype(float) ** exponent)
    assert worst_ulp(computed(HERE[name], "power", x, exponent), expected) <= 8


@pytest.mark.parametrize("name", HERE)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_normal_distribution_agrees_with_float64(name):
    """Its tails too, down to the smallest float; without a multiply-add v² is rounded, which counts most there."""
    x, fused = samples("normal", 299_993), HERE[name].fused
    exact = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x.tolist()])
    assert worst_ulp(computed(HERE[name], "normal", x), exact) <= (8 if fused else 128)
    assert worst_ulp(computed(HERE[name], "bell", x), np.exp(-0.5 * x.astype(float) ** 2)) <= (4 if fused else 128)


@pytest.mark.parametrize("name", HERE)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_made_of_exp_and_log_agrees_with_float64(name):
    x = np.concatenate([np.linspace(-103, 20, 50_000), [np.inf, -np.inf, np.nan, 0.0]]).astype(np.float32)
    # e⁻ˣ of a large x is as right as its argument, whose last digit is worth 1e-7 of it
    found, exact = computed(HERE[name], "sigmoid", x), 1 / (1 + np.exp(-x.astype(float)))
    assert worst_ulp(found, exact) <= 4
    share = np.concatenate([np.geomspace(1e-40, 1, 20_000), np.linspace(0, 1, 20_000)]).astype(np.float32)
    assert worst_ulp(computed(HERE[name], "log_one_plus", share), np.log1p(share.astype(float))) <= 4


def test_some_numbers_are_exact():
    inf, nan = np.inf, np.nan
    isa = supported()[0]
    assert computed(isa, "exp", [0.0, -0.0, -inf, inf, 89.0, -104.0]).tolist() == [1, 1, 0, inf, inf, 0]
    assert computed(isa, "log", [1.0, 0.0, -0.0, inf]).tolist() == [0, -inf, -inf, inf]
    assert np.isnan(computed(isa, "log", [-1e-45, -1.0, -inf, nan])).all()
    assert np.isnan(
        [*computed(isa, "exp", [nan]), *computed(isa, "tanh", [nan]), *computed(isa, "power", [nan], 2.0)]
    ).all()
    ends = computed(isa, "tanh", [20.0, -20.0, inf, -0.0])
    assert ends.tolist() == [1, -1, 1, 0]
    assert np.signbit(ends[3])
    ends = computed(isa, "normal", [0.0, -0.0, inf, -inf, 20.0, -20.0, 3e38, -3e38])
    assert ends[:2] == pytest.approx([0.5, 0.5], rel=3e-7)
    assert ends[2:].tolist() == [1, 0, 1, 0, 1, 0]
    assert np.isnan(computed(isa, "normal", [nan])).all()
    assert computed(isa, "power", [0.0, inf, 1.0], -0.75).tolist() == [inf, 0, 1]
    assert computed(isa, "power", [0.0, inf, 1.0], 0.75).tolist() == [0, inf, 1]
    assert computed(isa, "power", [0.0, -0.0], -0.5).tolist() == [inf, inf]


@pytest.mark.parametrize("name", [BEST, PLAINEST])
@pytest.mark.parametrize(
    ("function", "parameters"),
    [("exp", ()), ("log", ()), ("tanh", ()), ("normal", ()), ("power", (-0.75,)), ("power", (-0.7,))],
)
def test_lanes_change_no_bit(function, parameters, name, rng):
    x = np.concatenate([np.exp(rng.uniform(-100, 80, 5000)), rng.uniform(-20, 20, 5000)])
    results = [
        computed(replace(HERE[name], lanes=lanes), function, x, *parameters).view(np.uint32) for lanes in (1, 2, 16)
    ]
    nan = np.isnan(results[0].view(np.float32))  # a NaN has no meaning in its bits
    assert all(np.array_equal(result[~nan], results[0][~nan]) for result in results)
