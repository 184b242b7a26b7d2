"""The activations of `piecewise` and `exponential`: the definitions in float64, with NaN and infinities."""

import numpy as np
import pytest

from oracles.emitted import channels_first, channels_last, run
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels import exponential, piecewise
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import DEFINITIONS

TOLERANCE = 2e-5
HERE = [isa.name for isa in supported()]
SIZES = [(10, HERE[0]), (87, HERE[-1])]
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3.0, -3.0, 1e-40, -3e38], np.float32)

KINDS = {  # the module, the settings, and whether the gradient is made from the output
    "clip": (piecewise, {"min": -1.5, "max": 2.0}, True),
    "hard_sigmoid": (piecewise, {"alpha": 0.2, "beta": 0.5}, True),
    "hard_swish": (piecewise, {}, False),
    "elu": (exponential, {"alpha": 0.7}, False),
    "silu": (exponential, {}, False),
    "softplus": (exponential, {}, False),
    "gelu": (exponential, {}, False),
}


def numbers(rng, *shape):
    """Return numbers, one in five of them a special one."""
    x = 4 * rng.standard_normal(shape, np.float32)
    return np.where(rng.random(shape) < 0.2, rng.choice(SPECIAL, shape), x)


def agree(computed, expected):
    """Fail unless NaN and infinities are the definition's, and numbers agree with it to within rounding."""
    assert np.array_equal(np.isnan(computed), np.isnan(expected))
    large = ~np.isnan(expected) & (np.abs(expected) > 1e30)
    assert np.allclose(computed[large], expected[large], rtol=1e-6)
    small = np.isfinite(expected) & ~large
    assert_agrees(np.where(small, computed, 0), np.where(small, expected, 0), TOLERANCE)


@pytest.mark.parametrize(("size", "name"), SIZES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_numbers_agree_with_the_definition(kind, size, name, rng):
    module, settings, of_output = KINDS[kind]
    how = {"isa": BY_NAME[name], "checked": name == HERE[-1], "pieces": [{"images": (2, 3)}, {"images": (0, 2)}]}
    parameters, x, grad_output = (size, *settings.values()), numbers(rng, 3, size), numbers(rng, 3, size)
    if module is exponential:  # in far tails float32 has too few digits to be multiplied with 3e38, or 0
        grad_output = np.where(np.abs(grad_output) > 1e30, np.float32(2), grad_output)
    y = DEFINITIONS[kind](x.astype(float), **settings)
    agree(run(getattr(module, kind), parameters, (x,), x.shape, **how), y)
    remembered = y.astype(np.float32) if of_output else x
    expected = DEFINITIONS[f"{kind}.grad_input"](remembered.astype(float), grad_output.astype(float), **settings)
    gradient = getattr(module, f"{kind}_grad_input")
    agree(run(gradient, parameters, (remembered, grad_output), x.shape, **how), expected)


@pytest.mark.parametrize(("least", "most"), [(None, 1.0), (-0.5, None)])
def test_clip_may_have_one_bound(least, most, rng):
    x = numbers(rng, 2, 33)
    y = run(piecewise.clip, (33, least, most), (x,), x.shape)
    np.testing.assert_array_equal(y, DEFINITIONS["clip"](x, min=least, max=most))
    grad = run(piecewise.clip_grad_input, (33, least, most), (y, np.ones_like(x)), x.shape)
    np.testing.assert_array_equal(grad, DEFINITIONS["clip.grad_input"](y, np.ones_like(x), min=least, max=most))


def test_small_numbers_keep_their_digits():
    """exp(x) − 1 and log(1 + exp(x)), written so, would lose them."""
    x = -np.geomspace(1e-30, 1, 64, dtype=np.float32)[None]
    y = run(exponential.elu, (64, 1.0), (x,), x.shape)
    np.testing.assert_allclose(y, np.expm1(x.astype(float)), rtol=5e-7)
    x = np.linspace(-80, 0, 64, dtype=np.float32)[None]
    y = run(exponential.softplus, (64,), (x,), x.shape)
    np.testing.assert_allclose(y, np.log1p(np.exp(x.astype(float))), rtol=5e-7)


SOFTMAX = [(1, 10, HERE[0]), (1, 45, HERE[0]), (6, 3, HERE[0]), (2, 16, HERE[-1]), (1, 75, HERE[-1])]


@pytest.mark.parametrize(("pixels", "channels", "name"), SOFTMAX)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_log_softmax_and_its_gradient_agree_with_the_definition(pixels, channels, name, rng):
    how, shape = {"isa": BY_NAME[name], "checked": name == HERE[-1]}, (5, pixels, channels)
    x, grad_output = (20 * rng.standard_normal((5, channels, pixels), np.float32) for _ in range(2))
    x[0, 0], x[1, 0], x[2, :-1], x[3] = np.inf, np.nan, -np.inf, x[3] * 1e5
    expected = DEFINITIONS["log_softmax"](x.astype(float))
    y = run(exponential.log_softmax, (pixels, channels), (channels_last(x),), shape, **how)
    agree(channels_first(y), expected)

    grad_output[4, 0] = np.nan
    y = DEFINITIONS["log_softmax"](rng.standard_normal(x.shape)).astype(np.float32)
    inputs = channels_last(y), channels_last(grad_output)
    expected = DEFINITIONS["log_softmax.grad_input"](y.astype(float), grad_output.astype(float))
    grad = run(exponential.log_softmax_grad_input, (pixels, channels), inputs, shape, **how)
    agree(channels_first(grad), expected)
