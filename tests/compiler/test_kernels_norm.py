"""Batch normalisation and local response normalisation: against the definitions in float64, over odd shapes."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.emitted import channels_first, channels_last, run
from oracles.numerical import assert_agrees
from pellucid.compiler.jit import compiled
from pellucid.compiler.kernels import local_response
from pellucid.compiler.kernels import norm as kernels
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, instruction_set, supported
from pellucid.definitions import combine, norm

TOLERANCE, EPS = 2e-5, 1e-5
HERE = [isa.name for isa in supported()]
CHECKED = HERE[-1]
SHAPES = [  # pixels, channels, instruction set
    (100, 24, HERE[0]),
    (9, 6, HERE[0]),
    (4, 150, HERE[0]),
    (1, 3, HERE[0]),
    (5, 13, HERE[-2]),
    (7, 10, CHECKED),
]
SAMPLES = 5
CUT = [{"images": piece} for piece in [(0, 1), (1, 4), (4, 5)]]


class Case:
    """Five samples, channels first, and numbers of their channels."""

    def __init__(self, rng, pixels, channels):
        self.x = 3 * rng.standard_normal((SAMPLES, channels, pixels), np.float32) + 2
        self.grad = rng.standard_normal(self.x.shape, np.float32)
        self.weight, self.bias, self.mean = (rng.standard_normal(channels, np.float32) for _ in range(3))
        self.var = rng.random(channels, np.float32) + 0.5
        self.statistics = norm.batch_statistics(self.x.astype(float)).astype(np.float32)


def as_kernels_see(arrays):
    return [np.ascontiguousarray(channels_last(a).reshape(SAMPLES, -1)) if a.ndim == 3 else a for a in arrays]


def image(emitter, parameters, inputs, name):
    """Return the image that a kernel makes, channels first."""
    how = {"isa": BY_NAME[name], "checked": name == CHECKED, "pieces": CUT}
    return channels_first(run(emitter, parameters, as_kernels_see(inputs), (SAMPLES, *parameters[:2]), **how))


def added(emitter, parameters, inputs, shape, isa=None, checked=False, pieces=({},)):
    """Return what a kernel adds to zeros."""
    total = np.zeros(shape, np.float32)
    kernel = compiled(Recipe(emitter, parameters, isa or instruction_set(), checked))
    for piece in pieces:
        kernel(*as_kernels_see(inputs), total, samples=SAMPLES, **piece)
    return total


def doubles(*arrays):
    return [a.astype(float) for a in arrays]


# ---- against the definitions
@pytest.mark.parametrize(("pixels", "channels", "name"), SHAPES)
def test_sums_agree_with_the_definition(pixels, channels, name, rng):
    case, how = Case(rng, pixels, channels), (BY_NAME[name], name == CHECKED, CUT)
    found = added(kernels.batch_statistics, (pixels, channels), (case.x,), (3, channels), *how)
    for row, expected in zip(found, norm.batch_statistics(case.x.astype(float)), strict=True):
        assert_agrees(row, expected, TOLERANCE)

    found = added(kernels.batch_norm_grad_bias, (pixels, channels), (case.grad,), (channels,), *how)
    assert_agrees(found, norm.batch_norm_grad_bias(case.grad.astype(float)), TOLERANCE)

    inputs, parameters = (case.x, case.statistics, case.grad), (pixels, channels, EPS)
    found = added(kernels.batch_norm_grad_weight, parameters, inputs, (channels,), *how)
    assert_agrees(found, norm.batch_norm_grad_weight(*doubles(*inputs), eps=EPS), TOLERANCE)

    inputs = case.x, case.mean, case.var, case.grad
    found = added(kernels.batch_norm_running_grad_weight, parameters, inputs, (channels,), *how)
    assert_agrees(found, norm.batch_norm_running_grad_weight(*doubles(*inputs), eps=EPS), TOLERANCE)


@pytest.mark.parametrize(("pixels", "channels", "name"), SHAPES)
def test_images_agree_with_the_definition(pixels, channels, name, rng):
    case = Case(rng, pixels, channels)
    grads = rng.standard_normal((2, channels), np.float32)
    for kind, inputs in {
        "batch_norm": (case.x, case.statistics, case.weight, case.bias),
        "batch_norm_grad_input": (case.x, case.statistics, case.weight, case.grad, *grads),
        "batch_norm_running": (case.x, case.mean, case.var, case.weight, case.bias),
        "batch_norm_running_grad_input": (case.var, case.weight, case.grad),
    }.items():
        found = image(getattr(kernels, kind), (pixels, channels, EPS), inputs, name)
        assert_agrees(found, getattr(norm, kind)(*doubles(*inputs), eps=EPS), TOLERANCE)


@pytest.mark.parametrize(("channels", "leaves"), [(1, 1), (13, 2), (8, 7), (70, 11)])
def test_leaves_are_combined_by_the_tree(channels, leaves, rng):
    stride = 3 * channels + 5
    parts = np.full((leaves, stride), np.nan, np.float32)
    for leaf in range(leaves):
        x = rng.standard_normal((3, channels, 4)) + leaf
        parts[leaf, : 3 * channels] = norm.batch_statistics(x).astype(np.float32).ravel()
    canonical = [part[: 3 * channels].reshape(3, channels).astype(float) for part in parts]
    expected = combine.tree(canonical, combine.moments)
    for isa in supported():
        total = np.full((3, channels), np.nan, np.float32)
        kernel = compiled(Recipe(kernels.moments_leaves, (channels, stride), isa, isa.name == CHECKED))
        kernel(parts.copy(), total, samples=leaves)
        assert_agrees(total, expected, TOLERANCE)


@pytest.mark.parametrize(("channels", "name"), [(13, HERE[0]), (64, HERE[0]), (6, CHECKED)])
def test_running_statistics_agree_with_the_definition(channels, name, rng):
    mean, var = (rng.random(channels, np.float32) for _ in range(2))
    kernel = compiled(Recipe(kernels.running_statistics, (channels, 0.1), BY_NAME[name], name == CHECKED))
    for count in (1, 2, 50):
        statistics = rng.random((3, channels), np.float32)
        statistics[0] = count
        found = np.full((2, channels), np.nan, np.float32)
        kernel(mean, var, statistics, *found, samples=1)
        expected = norm.running_statistics(*doubles(mean, var, statistics), momentum=0.1)
        assert_agrees(found, np.stack(expected), TOLERANCE)


# ---- by hand
def test_statistics_by_hand():
    x = np.zeros((SAMPLES, 1, 2), np.float32)
    x[:, 0] = [[1, 3], [5, 7], [0, 0], [4, 4], [-2, 8]]
    assert added(kernels.batch_statistics, (2, 1), (x,), (3, 1)).ravel().tolist() == pytest.approx([10, 3, 94])


def test_a_far_off_constant_has_no_variance():
    x = np.full((SAMPLES, 6, 5), 1e20, np.float32)
    count, mean, squares = added(kernels.batch_statistics, (5, 6), (x,), (3, 6))
    assert (count == 25).all()
    assert (mean == np.float32(1e20)).all()
    assert (squares == 0).all()


def test_a_mean_far_from_zero_costs_few_digits(rng):
    x = (rng.standard_normal((SAMPLES, 24, 400)) + 100).astype(np.float32)
    statistics = added(kernels.batch_statistics, (400, 24), (x,), (3, 24))
    assert_agrees(statistics[2], norm.batch_statistics(x.astype(float))[2], TOLERANCE)
    inputs = x, statistics, np.ones(24, np.float32), np.zeros(24, np.float32)
    found = image(kernels.batch_norm, (400, 24, EPS), inputs, HERE[0])
    assert_agrees(found, norm.batch_norm(*doubles(*inputs), eps=EPS), TOLERANCE)


# ---- what else the result must be
@pytest.mark.parametrize(("pixels", "channels"), [(9, 6), (4, 70)])
def test_nan_stays_in_its_channel(pixels, channels, rng):
    case, parameters = Case(rng, pixels, channels), (pixels, channels, EPS)
    case.x[2, 1, 3] = np.nan
    bad = np.arange(channels) == 1
    statistics = added(kernels.batch_statistics, (pixels, channels), (case.x,), (3, channels))
    assert np.isnan(statistics[0]).sum() == 0
    assert (np.isnan(statistics[1:]) == bad).all()
    found = added(kernels.batch_norm_grad_weight, parameters, (case.x, statistics, case.grad), (channels,))
    assert (np.isnan(found) == bad).all()
    found = image(kernels.batch_norm, (*parameters, True), (case.x, statistics, case.weight, case.bias), HERE[0])
    assert (np.isnan(found).all(axis=(0, 2)) == bad).all()
    assert (np.isnan(found).any(axis=(0, 2)) == bad).all()


@pytest.mark.parametrize("kind", ["batch_norm", "batch_norm_running"])
def test_the_result_may_pass_a_relu_on_its_way(kind, rng):
    case = Case(rng, 9, 6)
    numbers = (case.statistics,) if kind == "batch_norm" else (case.mean, case.var)
    inputs = case.x, *numbers, case.weight, case.bias
    expected = np.maximum(getattr(norm, kind)(*doubles(*inputs), eps=EPS), 0)
    assert_agrees(image(getattr(kernels, kind), (9, 6, EPS, True), inputs, HERE[0]), expected, TOLERANCE)


@pytest.mark.parametrize(("pixels", "channels"), [(21, 10), (6, 70)])
def test_sums_have_one_order(pixels, channels, rng):
    """Neither cutting the images into calls nor the number of lanes changes a bit."""
    case = Case(rng, pixels, channels)
    best = instruction_set(HERE[0])
    narrow = replace(best, lanes=best.lanes // 2)
    for emitter, parameters, inputs, shape in (
        (kernels.batch_statistics, (), (case.x,), (3, channels)),
        (kernels.batch_norm_grad_weight, (EPS,), (case.x, case.statistics, case.grad), (channels,)),
    ):
        results = [
            added(emitter, (pixels, channels, *parameters), inputs, shape, isa, pieces=pieces).tobytes()
            for isa, pieces in ((best, [{}]), (best, CUT), (narrow, [{}]))
        ]
        assert len(set(results)) == 1


# ---- local response normalisation
WINDOWS = [  # pixels, channels, size, beta, instruction set
    (6, 16, 5, 0.75, HERE[0]),
    (2, 300, 6, 0.6, HERE[0]),
    (4, 5, 20, 0.75, HERE[-2]),
    (3, 10, 4, 1.2, CHECKED),
    (2, 1, 1, 0.75, CHECKED),
]


def responses(pixels, channels, size, beta, name, x, grad):
    """Return what the definitions make of an image and a gradient, and what the kernels make of them."""
    how = {"size": size, "alpha": 0.3, "beta": beta, "k": 2.0}
    parameters, inputs = (pixels, channels, *how.values()), (x, grad)
    wide = [a.astype(float)[..., None] for a in inputs]
    expected = norm.local_response_norm(wide[0], **how)
    expected_grad = norm.local_response_norm_grad_input(*wide, **how)
    found = image(local_response.local_response_norm, parameters, (x,), name)
    found_grad = image(local_response.local_response_norm_grad_input, parameters, inputs, name)
    return (found, expected[..., 0]), (found_grad, expected_grad[..., 0])


@pytest.mark.parametrize(("pixels", "channels", "size", "beta", "name"), WINDOWS)
def test_local_response_agrees_with_the_definition(pixels, channels, size, beta, name, rng):
    case = Case(rng, pixels, channels)
    for found, expected in responses(pixels, channels, size, beta, name, case.x, case.grad):
        assert_agrees(found, expected, TOLERANCE)


def test_nan_stays_in_its_windows(rng):
    case = Case(rng, 6, 16)
    case.x[1, 7, 2], case.x[3, 15, 5], case.grad[0, 0, 0] = np.nan, np.inf, np.nan
    with np.errstate(invalid="ignore"):
        pairs = responses(6, 16, 5, 0.75, HERE[0], case.x, case.grad)
    for found, expected in pairs:
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        assert_agrees(np.nan_to_num(found), np.nan_to_num(expected), TOLERANCE)
