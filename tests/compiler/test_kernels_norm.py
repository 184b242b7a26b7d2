"""Batch normalisation and local response normalisation: against the definitions in float64, over odd shapes."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.emitted import channels_first, channels_last, run
from oracles.numerical import assert_agrees
from pellucid.compiler.jit import Recipe, compiled
from pellucid.compiler.kernels import norm as kernels
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import combine, norm

TOLERANCE, EPS = 2e-5, 1e-5
HERE = [isa.name for isa in supported()]
SHAPES = [  # pixels, channels, instruction set
    (144, 8, HERE[0]),
    (100, 24, HERE[0]),
    (9, 6, HERE[0]),
    (5, 13, HERE[0]),
    (25, 70, HERE[0]),
    (1, 3, HERE[0]),
    (7, 10, HERE[-1]),
    (11, 21, HERE[-1]),
    (1, 1, HERE[-1]),
]
PIECES = [{"images": (0, 1)}, {"images": (1, 4)}, {"images": (4, 5)}]


def how(name):
    return {"isa": BY_NAME[name], "checked": name == HERE[-1], "pieces": PIECES}


def accumulated(emitter, parameters, inputs, shape, isa, checked=False, pieces=({},)):
    """Return what a kernel adds to zeros."""
    out = np.zeros(shape, np.float32)
    kernel = compiled(Recipe(emitter, parameters, isa, checked))
    arrays = [x.reshape(len(x), -1) if x.ndim == 3 else x for x in inputs]
    for piece in pieces:
        kernel(*arrays, out, samples=5, **piece)
    return out


class Case:
    """Five samples, in both orders of axes, and numbers of their channels."""

    def __init__(self, rng, pixels, channels):
        self.x = 3 * rng.standard_normal((5, channels, pixels), np.float32) + 2
        self.grad = rng.standard_normal(self.x.shape, np.float32)
        self.weight, self.bias, self.mean = (rng.standard_normal(channels, np.float32) for _ in range(3))
        self.var = rng.random(channels, np.float32) + 0.5
        self.statistics = norm.batch_statistics(self.x.astype(float)).astype(np.float32)
        self.shape = (5, pixels, channels)


def f64(*arrays):
    return [a.astype(float) for a in arrays]


@pytest.mark.parametrize(("pixels", "channels", "name"), SHAPES)
def test_statistics_agree_with_the_definition(pixels, channels, name, rng):
    case = Case(rng, pixels, channels)
    expected = norm.batch_statistics(case.x.astype(float))
    found = accumulated(
        kernels.batch_statistics, (pixels, channels), (channels_last(case.x),), (3, channels), BY_NAME[name],
        name == HERE[-1], PIECES,
    )  # fmt: skip
    for row in range(3):
        assert_agrees(found[row], expected[row], TOLERANCE)


@pytest.mark.parametrize(("pixels", "channels", "name"), SHAPES)
def test_images_are_normalised_as_defined(pixels, channels, name, rng):
    case, parameters = Case(rng, pixels, channels), (pixels, channels, EPS)
    inputs = case.statistics, case.weight, case.bias
    expected = norm.batch_norm(*f64(case.x, *inputs), eps=EPS)
    y = run(kernels.batch_norm, parameters, (channels_last(case.x), *inputs), case.shape, **how(name))
    assert_agrees(channels_first(y), expected, TOLERANCE)
    y = run(kernels.batch_norm, (*parameters, True), (channels_last(case.x), *inputs), case.shape, **how(name))
    assert_agrees(channels_first(y), np.maximum(expected, 0), TOLERANCE)
    inputs = case.mean, case.var, case.weight, case.bias
    expected = norm.batch_norm_running(*f64(case.x, *inputs), eps=EPS)
    y = run(kernels.batch_norm_running, parameters, (channels_last(case.x), *inputs), case.shape, **how(name))
    assert_agrees(channels_first(y), expected, TOLERANCE)


@pytest.mark.parametrize(("pixels", "channels", "name"), SHAPES)
def test_gradients_agree_with_the_definition(pixels, channels, name, rng):
    case, parameters = Case(rng, pixels, channels), (pixels, channels, EPS)
    x, grad, isa = channels_last(case.x), channels_last(case.grad), BY_NAME[name]
    more = isa, name == HERE[-1], PIECES
    expected = norm.batch_norm_grad_weight(*f64(case.x, case.statistics, case.grad), eps=EPS)
    grad_weight = accumulated(
        kernels.batch_norm_grad_weight, parameters, (x, case.statistics, grad), (channels,), *more
    )
    assert_agrees(grad_weight, expected, TOLERANCE)
    grad_bias = accumulated(kernels.batch_norm_grad_bias, (pixels, channels), (grad,), (channels,), *more)
    assert_agrees(grad_bias, norm.batch_norm_grad_bias(case.grad.astype(float)), TOLERANCE)
    others = case.statistics, case.weight
    expected = norm.batch_norm_grad_input(*f64(case.x, *others, case.grad, grad_weight, grad_bias), eps=EPS)
    found = run(
        kernels.batch_norm_grad_input, parameters, (x, *others, grad, grad_weight, grad_bias), case.shape, **how(name)
    )
    assert_agrees(channels_first(found), expected, TOLERANCE)


@pytest.mark.parametrize(("pixels", "channels", "name"), SHAPES)
def test_running_gradients_agree_with_the_definition(pixels, channels, name, rng):
    case, parameters = Case(rng, pixels, channels), (pixels, channels, EPS)
    x, grad = channels_last(case.x), channels_last(case.grad)
    expected = norm.batch_norm_running_grad_weight(*f64(case.x, case.mean, case.var, case.grad), eps=EPS)
    found = accumulated(
        kernels.batch_norm_running_grad_weight, parameters, (x, case.mean, case.var, grad), (channels,),
        BY_NAME[name], name == HERE[-1], PIECES,
    )  # fmt: skip
    assert_agrees(found, expected, TOLERANCE)
    expected = norm.batch_norm_running_grad_input(*f64(case.var, case.weight, case.grad), eps=EPS)
    inputs = case.var, case.weight, grad
    found = run(kernels.batch_norm_running_grad_input, parameters, inputs, case.shape, **how(name))
    assert_agrees(channels_first(found), expected, TOLERANCE)


@pytest.mark.parametrize(("channels", "leaves"), [(1, 1), (13, 2), (8, 7), (24, 16), (70, 11)])
def test_leaves_are_combined_by_the_tree(channels, leaves, rng):
    stride = 3 * channels + 5
    parts = np.full((leaves, stride), np.nan, np.float32)
    of_leaf = [norm.batch_statistics(rng.standard_normal((3, channels, 4)) + l).astype(np.float32) for l in range(leaves)]
    for leaf, moments in enumerate(of_leaf):
        parts[leaf, : 3 * channels] = moments.ravel()
    expected = combine.tree([m.astype(float) for m in of_leaf], combine.moments)
    for isa in supported():
        total = np.full((3, channels), np.nan, np.float32)
        compiled(Recipe(kernels.moments_leaves, (channels, stride), isa, isa.name == HERE[-1]))(
            parts.copy(), total, samples=leaves
        )
        assert_agrees(total, expected, TOLERANCE)
