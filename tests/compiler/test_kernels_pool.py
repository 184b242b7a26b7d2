"""The pools' kernels: against the definitions in float64, with ties, NaN and infinities, whole and in pieces."""

import numpy as np
import pytest

import pellucid as p
from oracles.emitted import channels_first, channels_last, run
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels import pool as kernels
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import pointwise, pool
from pellucid.geometry import Window

TOLERANCE = 2e-5
HERE = [isa.name for isa in supported()]

# channels, size, window: what each is for
CASES = {
    "disjoint": (6, (5, 7), Window.of(2, 2)),  # a row and a column that no window reads
    "several vectors": (21, (4, 6), Window.of(2, 2)),
    "one channel": (1, (6, 9), Window.of(3, 3)),
    "hangs over": (5, (5, 5), Window.of(2, 2, ceil_mode=True)),
    "disjoint, padded": (7, (5, 6), Window.of(3, 3, 1)),
    "overlapping": (16, (9, 7), Window.of(3, 2)),
    "padded": (10, (7, 8), Window.of(3, 2, 1)),
    "far apart": (3, (9, 8), Window.of(2, (3, 4))),
    "dilated": (6, (8, 9), Window.of((2, 3), 1, ((0, 1), (2, 0)), 2)),
    "many taps": (9, (7, 9), Window.of((5, 7), (2, 1), (2, 3))),
    "the whole image": (18, (5, 6), Window.of((5, 6), 5)),
    "hangs over its padding": (2, (6, 7), Window.of((4, 3), (3, 4), 1, ceil_mode=True)),
    "beyond": (4, (2, 1), Window.of(2, 2, ((4, 0), (0, 3)))),  # windows that see nothing but padding
    "padded by its size": (6, (4, 4), Window.of(5, 2, "same").on((4, 4))),
}
VALUES = np.array([-np.inf, -2, -1, -0.0, 0, 1, 2, np.inf, np.nan], np.float32)
COMMON = [0.01, 0.2, 0.2, 0.1, 0.15, 0.17, 0.1, 0.03, 0.04]


RUNS = [(case, HERE[0]) for case in CASES] + [("padded", name) for name in HERE[1:]] + [("disjoint", HERE[-1])]


@pytest.fixture(params=RUNS, ids=" ".join)
def case(request):
    """Return channels, size, window, and how to run a kernel; on the plainer instruction sets it is a checked one."""
    name, isa = request.param
    return *CASES[name], {"isa": BY_NAME[isa], "checked": isa == HERE[-1] or name in ("many taps", "several vectors")}


def agree(computed, expected):
    """Fail unless NaN and infinities are the definition's, and numbers agree with it to within rounding."""
    computed = channels_first(computed)
    assert np.array_equal(np.isnan(computed), np.isnan(expected))
    assert np.array_equal(computed[np.isinf(expected)], expected[np.isinf(expected)])
    assert_agrees(np.where(np.isfinite(expected), computed, 0), np.where(np.isfinite(expected), expected, 0), TOLERANCE)


# ---- the largest pixel
def test_the_largest_pixel_by_hand():
    x = np.array([[[[1, 5, 2], [5, 4, 9], [0, 0, 0]]]], np.float32)
    parameters, grad_output = (1, (3, 3), Window.of(2)), np.array([[[[1, 10], [100, 1000]]]], np.float32)
    y = run(kernels.max_pool2d, parameters, (channels_last(x),), (1, 2, 2, 1))
    assert y.ravel().tolist() == [5, 9, 5, 9]
    inputs = (channels_last(x), channels_last(grad_output))
    grad = run(kernels.max_pool2d_grad_input, parameters, inputs, (1, 3, 3, 1))
    assert channels_first(grad).tolist() == [[[[0, 1, 0], [100, 0, 1010], [0, 0, 0]]]]


def test_maxima_and_their_gradients_agree_with_the_definition(case, rng):
    channels, size, window, how = case
    x = rng.choice(VALUES, (3, channels, *size), p=COMMON)  # full of ties
    y = pool.max_pool2d(x.astype(float), window=window)
    grad_output = rng.choice(VALUES[1:], y.shape) if how["checked"] else rng.standard_normal(y.shape, np.float32)
    out, back = channels_last(y).shape, channels_last(x).shape
    agree(run(kernels.max_pool2d, (channels, size, window), (channels_last(x),), out, **how), y)

    inputs = (channels_last(x), channels_last(grad_output))
    expected = pool.max_pool2d_grad_input(x.astype(float), grad_output.astype(float), window=window)
    agree(run(kernels.max_pool2d_grad_input, (channels, size, window), inputs, back, **how), expected)


@pytest.mark.parametrize("name", ["disjoint", "padded", "many taps"])
def test_the_derivative_of_a_relu_below_comes_along(name, rng):
    channels, size, window = CASES[name]
    x = np.maximum(rng.choice(VALUES, (3, channels, *size), p=COMMON), 0)
    grad_output = rng.choice(VALUES[1:], pool.max_pool2d(x, window=window).shape)
    expected = pool.max_pool2d_grad_input(x.astype(float), grad_output.astype(float), window=window)
    with np.errstate(invalid="ignore"):
        expected = pointwise.relu_grad_input(x, expected)
    inputs = (channels_last(x), channels_last(grad_output))
    grad = run(kernels.max_pool2d_grad_input, (channels, size, window, True), inputs, channels_last(x).shape)
    agree(grad, expected)


def test_of_several_nan_the_first_one_wins():
    x = np.array([[[[np.inf, np.nan], [np.nan, np.inf]]]], np.float32)
    for parameters in ((1, (2, 2), Window.of(2)), (1, (2, 2), Window.of(3, 1, 1))):
        places = int(np.prod(parameters[2].output_size((2, 2))))
        inputs = (channels_last(x), np.ones((1, *parameters[2].output_size((2, 2)), 1), np.float32))
        grad = run(kernels.max_pool2d_grad_input, parameters, inputs, (1, 2, 2, 1))
        assert grad.ravel().tolist() == [0, places, 0, 0]


# ---- the mean
def test_the_mean_by_hand():
    x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    window = Window.of(2, 2, 1)
    y = run(kernels.avg_pool2d, (1, (3, 3), window, True), (x,), (1, 2, 2, 1))
    assert y.ravel().tolist() == [0, 0.75, 2.25, 6]
    y = run(kernels.avg_pool2d, (1, (3, 3), window, False), (x,), (1, 2, 2, 1))
    assert y.ravel().tolist() == [0, 1.5, 4.5, 6]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_means_and_their_gradients_agree_with_the_definition(case, rng):
    channels, size, window, how = case
    include = channels % 2 == 0
    x = rng.standard_normal((3, channels, *size), np.float32)
    x[rng.random(x.shape) < 0.02] = np.nan
    x[rng.random(x.shape) < 0.02] = np.inf
    y = pool.avg_pool2d(x.astype(float), window=window, count_include_pad=include)
    out, back = channels_last(y).shape, channels_last(x).shape
    agree(run(kernels.avg_pool2d, (channels, size, window, include), (channels_last(x),), out, **how), y)

    grad_output = rng.standard_normal(y.shape, np.float32)
    expected = pool.avg_pool2d_grad_input(
        grad_output.astype(float), size=size, window=window, count_include_pad=include
    )
    inputs = (channels_last(grad_output),)
    agree(run(kernels.avg_pool2d_grad_input, (channels, size, window, include), inputs, back, **how), expected)


REGIONS = [(20, (7, 7), (1, 1)), (6, (6, 8), (3, 2)), (10, (7, 5), (3, 3)), (3, (2, 3), (4, 5)), (17, (1, 9), (1, 4))]


@pytest.mark.parametrize(("channels", "size", "output_size"), REGIONS, ids=str)
def test_means_of_regions_agree_with_the_definition(channels, size, output_size, rng):
    how = {"isa": BY_NAME[HERE[channels % len(HERE)]], "checked": channels % 2 == 0}
    parameters = channels, size, output_size
    x = rng.standard_normal((3, channels, *size), np.float32)
    y = pool.adaptive_avg_pool2d(x.astype(float), output_size=output_size)
    out, back = channels_last(y).shape, channels_last(x).shape
    agree(run(kernels.adaptive_avg_pool2d, parameters, (channels_last(x),), out, **how), y)
    grad_output = rng.standard_normal(y.shape, np.float32)
    expected = pool.adaptive_avg_pool2d_grad_input(grad_output.astype(float), size=size)
    agree(run(kernels.adaptive_avg_pool2d_grad_input, parameters, (channels_last(grad_output),), back, **how), expected)


# ---- pieces and bits
def test_pieces_make_the_same_bits_as_the_whole(rng):
    x = rng.standard_normal((5, 9, 7, 6), np.float32)
    parameters, shape = (6, (9, 7), Window.of(3, 2, 1)), (5, 5, 4, 6)
    pieces = [{"images": images, "rows": rows} for images in ((3, 5), (0, 3)) for rows in ((2, 5), (0, 2))]
    for kernel in (kernels.max_pool2d, kernels.avg_pool2d):
        assert np.array_equal(run(kernel, parameters, (x,), shape, pieces=pieces), run(kernel, parameters, (x,), shape))
    regions = (6, (9, 7), (5, 4))
    whole = run(kernels.adaptive_avg_pool2d, regions, (x,), shape)
    assert np.array_equal(run(kernels.adaptive_avg_pool2d, regions, (x,), shape, pieces=pieces), whole)

    pieces = [{"images": (4, 5)}, {"images": (0, 4)}]
    for window in (Window.of(3, 2, 1), Window.of(2, 2)):
        parameters = 6, (9, 7), window
        inputs = x, rng.standard_normal((5, *window.output_size((9, 7)), 6), np.float32)
        whole = run(kernels.max_pool2d_grad_input, parameters, inputs, x.shape)
        parts = run(kernels.max_pool2d_grad_input, parameters, inputs, x.shape, pieces=pieces)
        assert np.array_equal(whole, parts)


def test_every_instruction_set_makes_the_same_bits(rng):
    x, parameters = rng.standard_normal((2, 9, 7, 10), np.float32), (10, (9, 7), Window.of(3, 2, 1))
    grad_output = rng.standard_normal((2, 5, 4, 10), np.float32)
    for kernel, inputs, shape in (
        (kernels.avg_pool2d, (x,), grad_output.shape),
        (kernels.avg_pool2d_grad_input, (grad_output,), x.shape),
        (kernels.max_pool2d_grad_input, (x, grad_output), x.shape),
    ):
        assert len({run(kernel, parameters, inputs, shape, isa=isa).tobytes() for isa in supported()}) == 1


@pytest.mark.parametrize("name", ["avx512", "neon"])
def test_kernels_for_other_machines_can_be_emitted(name):
    text, interface = Recipe(kernels.max_pool2d_grad_input, CASES["padded"], BY_NAME[name], False).emit()
    assert "fast" not in text
    assert [tensor["name"] for tensor in interface["tensors"]] == ["x", "grad_output", "grad_input"]


@pytest.mark.filterwarnings("ignore:the images are floats")
@pytest.mark.parametrize("layer", [p.AdaptiveAvgPool2d(), p.Mean((2, 3)), p.AdaptiveAvgPool2d(3)], ids=repr)
def test_means_of_what_can_be_summed_are_finite_in_both_engines(layer):
    """As `AdaptiveAvgPool2d` says: up to the largest number through the number of pixels."""
    x = np.full((2, 3, 10, 8), 4e36, np.float32)
    network = p.Sequential([layer], input_shape=(3, 10, 8))
    for engine in ("compiled", "numpy"):
        np.testing.assert_allclose(p.predict(network, x, engine=engine), x.flat[0], rtol=1e-6)
    assert np.isfinite(p.predict(network, 5 * x, engine="numpy")).all()
    assert np.isinf(p.predict(network, 5 * x)).all() == (layer.output_shape((3, 10, 8)) in ((3,), (3, 1, 1)))
