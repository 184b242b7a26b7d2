"""Steps with numbers that are learnt: kernels beside the definitions in float64, over odd numbers of channels."""

import numpy as np
import pytest

from oracles.emitted import channels_first, channels_last, run
from oracles.kernels import call
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels import learned as kernels
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import DEFINITIONS

HERE = [isa.name for isa in supported()]
CASES = [(3, 1), (1, 5), (6, 3), (9, 16), (4, 33), (25, 8), (2, 130)]
"""Pixels and channels."""


@pytest.fixture(params=[HERE[0], HERE[-1]])
def how(request):
    return {"isa": BY_NAME[request.param], "checked": request.param == HERE[-1]}


@pytest.mark.parametrize(("pixels", "channels"), CASES)
@pytest.mark.parametrize("one", [False, True], ids=["a channel", "for all"])
def test_they_agree_with_the_definitions(pixels, channels, one, how, rng):
    x, grad = (rng.standard_normal((3, channels, pixels), np.float32) for _ in range(2))
    x[1, 0, 0], grad[2, -1, -1] = 0, 0
    numbers = rng.standard_normal(1 if one else channels, np.float32)
    parameters = (pixels * channels, 1) if one else (pixels, channels)
    last = {"x": channels_last(x), "grad": channels_last(grad)}
    exact = {"x": x.astype(float), "grad": grad.astype(float), "numbers": numbers.astype(float)}

    def made(kernel, *names):
        """Return an image that a kernel makes; in pieces, whose order is no matter."""
        inputs = [numbers if name == "numbers" else last[name] for name in names]
        pieces = [{"images": (1, 3)}, {"images": (0, 1)}]
        return channels_first(run(kernel, parameters, inputs, last["x"].shape, pieces=pieces, **how))

    def expected(kind, *names):
        own = exact["numbers"] if kind.startswith("prelu") else exact["numbers"][:, None]
        return DEFINITIONS[kind](*(own if name == "numbers" else exact[name] for name in names))

    for kind, names in {
        "prelu": ("x", "numbers"), "prelu.grad_input": ("x", "numbers", "grad"), "bias": ("x", "numbers"),
        "gain": ("x", "numbers"), "gain.grad_input": ("grad", "numbers"),
    }.items():  # fmt: skip
        assert_agrees(made(getattr(kernels, kind.replace(".", "_")), *names), expected(kind, *names), 1e-6)


@pytest.mark.parametrize(("pixels", "channels"), CASES)
def test_a_scale_and_a_shift_of_each_channel(pixels, channels, how, rng):
    x, weight, bias = (rng.standard_normal(shape, np.float32) for shape in ((3, channels, pixels), channels, channels))
    inputs = [channels_last(x), weight, bias]
    found = run(kernels.scale_and_shift, (pixels, channels), inputs, channels_last(x).shape, **how)
    exact = DEFINITIONS["scale_and_shift"](*(each.astype(float) for each in (x, weight, bias)))
    assert_agrees(channels_first(found), exact, 1e-6)


@pytest.mark.parametrize(("pixels", "channels"), CASES)
@pytest.mark.parametrize("one", [False, True], ids=["a channel", "for all"])
@pytest.mark.parametrize("kind", ["prelu.grad_weight", "bias.grad_bias", "gain.grad_weight"])
def test_gradients_of_the_numbers_are_added_to_what_is_there(kind, pixels, channels, one, how, rng):
    x, grad = (rng.standard_normal((5, channels, pixels), np.float32) for _ in range(2))
    count, parameters = (1, (pixels * channels, 1)) if one else (channels, (pixels, channels))
    inputs = (grad,) if kind == "bias.grad_bias" else (x, grad)
    shape = (count,) if kind.startswith("prelu") else (count, 1)
    expected = DEFINITIONS[kind](*(each.astype(float) for each in inputs), shape=shape).ravel()
    recipe = Recipe(getattr(kernels, kind.replace(".", "_")), parameters, how["isa"], how["checked"])
    images = [channels_last(each).reshape(5, -1) for each in inputs]
    start, pieces = np.float32(7), [{"images": (0, 2)}, {"images": (2, 5)}]
    assert_agrees(call(recipe, images, (count,), pieces, start), 7 + expected, 2e-5)
