"""exp, log, tanh and powers of running kernels: counted in units in the last place against float64."""

import numpy as np
import pytest

from oracles.emitted import run
from pellucid.compiler import mathematics
from pellucid.compiler.builder import Kernel
from pellucid.compiler.tiles import BY_NAME, supported

HERE = [isa.name for isa in supported()]
BLOCK = 1 << 8
EXPONENTS = (-0.75, 0.75, 0.5, -1.0, 2.0, 0.1, 13.7, -300.0)


def each(k: Kernel, function: str, lanes: int, *parameters: float) -> None:
    x, y = k.tensor("x", k.samples, BLOCK), k.tensor("y", k.samples, BLOCK)
    images = k.piece("images", k.samples)
    with k.range(*images) as n, k.range(0, BLOCK, lanes) as i:
        y.store(getattr(mathematics, function)(k, x.load(n, i, lanes=lanes), *parameters), n, i)


def computed(function, x, name, *parameters, lanes=None):
    blocks = np.resize(x, (-(-x.size // BLOCK), BLOCK)).astype(np.float32)
    isa = BY_NAME[name]
    return run(each, (function, lanes or isa.lanes, *parameters), (blocks,), blocks.shape, isa=isa).ravel()[: x.size]


def every(step):
    """Return every `step`-th float32 of all there are, both signs, denormals, infinities and NaN among them."""
    return np.arange(0, 2**32, step, np.uint64).astype(np.uint32).view(np.float32)


def worst_ulp(y, expected):
    """Return the largest error in units in the last place of the right float32; NaN and infinities must be the same."""
    with np.errstate(over="ignore"):
        right = expected.astype(np.float32)
    assert np.array_equal(np.isnan(y), np.isnan(right))
    finite = np.isfinite(right) & np.isfinite(y)
    edge = ~finite & ~np.isnan(right) & (y != right)  # one ulp round the largest float32
    assert (np.minimum(np.abs(y[edge]), np.abs(right[edge])) > 3.4028e38).all()
    unit = np.spacing(np.abs(right[finite])).astype(float)
    error = np.abs(y[finite].astype(float) - expected[finite]) / unit
    return error.max()


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("function", ["exp", "log", "tanh"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_all_magnitudes_agree_with_float64(function, name):
    x = every(1499)
    if function == "exp":
        x = np.concatenate([x, np.linspace(-105, 90, 1_000_000, dtype=np.float32)])
    if function == "log":
        x = np.concatenate([x, np.linspace(0.4, 2.5, 500_000, dtype=np.float32)])
    if function == "tanh":
        x = np.concatenate([x, np.linspace(-10, 10, 500_000, dtype=np.float32)])
    expected = getattr(np, function)(x.astype(float))
    w=worst_ulp(computed(function, x, name), expected)
    print(function,name,w)
    assert w <= (2 if BY_NAME[name].fused else 3)


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_powers_agree_with_float64(exponent, name):
    x = np.concatenate([every(4999), np.linspace(0.5, 4, 200_000, dtype=np.float32)])
    expected = np.where(x < 0, np.nan, np.abs(x).astype(float) ** exponent)
    w=worst_ulp(computed("power", x, name, exponent), expected)
    print(exponent,name,w)
    assert w <= 8
