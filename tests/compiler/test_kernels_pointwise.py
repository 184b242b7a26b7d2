"""Steps number by number, paths that meet, channels of zeros: the definitions in float64, with NaN and infinities."""

import math
from dataclasses import replace

import numpy as np
import pytest

from oracles.emitted import channels_first, channels_last, run
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels import pointwise as kernels
from pellucid.compiler.tiles import BY_NAME, supported
from pellucid.definitions import pointwise

TOLERANCE = 2e-5
HERE = [isa.name for isa in supported()]
SIZES = [(10, HERE[0]), (87, HERE[-1])]
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 6.0, 1e-40, -3e38], np.float32)

KINDS = {  # what a kernel takes besides the size, and the names of its inputs
    "relu": ((), "x"),
    "relu_grad_input": ((), "yg"),
    "leaky_relu": ((0.1,), "x"),
    "leaky_relu_grad_input": ((0.1,), "xg"),
    "relu6": ((), "x"),
    "relu6_grad_input": ((), "yg"),
    "add": ((), "ab"),
    "multiply": ((), "ab"),
    "multiply_grad_input": ((), "ga"),
    "sigmoid": ((), "x"),
    "sigmoid_grad_input": ((), "yg"),
    "tanh": ((), "x"),
    "tanh_grad_input": ((), "yg"),
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


SHAPES = [
    ((20, 3, 5), (20, 1, 1)), ((20, 3, 5), (1, 3, 5)), ((3, 4, 5), (3, 1, 5)), ((3, 4, 5), (1, 4, 1)), ((37,), (1,)),
    ((1, 2, 3), (1, 1, 3)), ((5, 2, 3, 4), (5, 2, 1, 4)), ((6, 4), (1, 4)), ((2, 3, 70), (2, 1, 1)), ((2, 3), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "small"), SHAPES)
@pytest.mark.parametrize("name", HERE)
def test_what_is_repeated_agrees_with_the_definition(shape, small, name, rng):
    x, grad = rng.normal(size=(3, *small)).astype(np.float32), rng.normal(size=(3, *shape)).astype(np.float32)
    how = {"isa": BY_NAME[name], "checked": True, "pieces": [{"images": (2, 3)}, {"images": (0, 2)}]}
    places = math.prod(shape[1:]), math.prod(small[1:])
    y = run(kernels.broadcast, (shape, small), [last(x)], (3, places[0], shape[0]), **how)
    assert np.array_equal(y, last(pointwise.broadcast(x, shape=shape)))
    grad_input = run(kernels.broadcast_grad_input, (shape, small), [last(grad)], (3, places[1], small[0]), **how)
    assert_agrees(grad_input, last(pointwise.broadcast_grad_input(grad.astype(float), shape=small)), TOLERANCE)


def last(x):
    """Return (N, C, …) as (N, pixels, C)."""
    return np.ascontiguousarray(np.moveaxis(x.reshape(*x.shape[:2], -1), 1, 2))


@pytest.mark.parametrize(("size", "name"), SIZES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_numbers_agree_with_the_definition(kind, size, name, rng):
    parameters, names = KINDS[kind]
    keywords = {"negative_slope": parameters[0]} if parameters else {}
    inputs = [numbers(rng, 3, size) for _ in names]
    if names[0] == "y":
        inputs[0] = getattr(pointwise, kind.removesuffix("_grad_input"))(inputs[0])
    expected = getattr(pointwise, kind)(*(x.astype(float) for x in inputs), **keywords)
    with np.errstate(over="ignore"):
        expected = expected.astype(np.float32).astype(float)  # infinite where float32 is
    how = {"isa": BY_NAME[name], "checked": name == HERE[-1], "pieces": [{"images": (2, 3)}, {"images": (0, 2)}]}
    agree(run(getattr(kernels, kind), (size, *parameters), inputs, (3, size), **how), expected)


@pytest.mark.parametrize("size", [1, 8, 64])
def test_a_sample_may_have_any_size(size, rng):
    x = numbers(rng, 4, size)
    agree(run(kernels.relu, (size,), (x,), x.shape), pointwise.relu(x))


def test_kinks_by_hand():
    x = np.array([[-2, -0.5, 0, 3, 6, 7, np.nan]], np.float32)
    grad = np.full_like(x, 2)

    def gives(kernel, *inputs, parameters=()):
        return run(kernel, (7, *parameters), inputs, (1, 7)).ravel().tolist()[:6]

    assert gives(kernels.relu, x) == [0, 0, 0, 3, 6, 7]
    assert gives(kernels.relu_grad_input, x, grad) == [0, 0, 0, 2, 2, 2]
    assert gives(kernels.relu6, x) == [0, 0, 0, 3, 6, 6]
    assert gives(kernels.relu6_grad_input, x, grad) == [0, 0, 0, 2, 0, 0]
    assert gives(kernels.leaky_relu, x, parameters=(0.5,)) == [-1, -0.25, 0, 3, 6, 7]
    assert gives(kernels.leaky_relu_grad_input, x, grad, parameters=(0.5,)) == [1, 1, 1, 2, 2, 2]
    assert gives(kernels.add, x, grad, parameters=(True,)) == [0, 1.5, 2, 5, 8, 9]


# ---- channels that compete
SOFTMAX = [(1, 10, HERE[0]), (1, 45, HERE[0]), (6, 3, HERE[0]), (2, 16, HERE[-1]), (1, 75, HERE[-1])]


@pytest.mark.parametrize(("pixels", "channels", "name"), SOFTMAX)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_softmax_and_its_gradient_agree_with_the_definition(pixels, channels, name, rng):
    how, shape = {"isa": BY_NAME[name], "checked": name == HERE[-1]}, (5, pixels, channels)
    x, grad_output = 20 * rng.standard_normal((5, channels, pixels), np.float32), numbers(rng, 5, channels, pixels)
    x[0, 0], x[1, 0], x[2, :-1], x[3] = np.inf, np.nan, -np.inf, x[3] * 1e5
    expected = pointwise.softmax(x.astype(float))
    y = run(kernels.softmax, (pixels, channels), (channels_last(x),), shape, **how)
    agree(channels_first(y), expected)

    y = pointwise.softmax(rng.standard_normal(x.shape)).astype(np.float32)
    inputs = channels_last(y), channels_last(grad_output)
    expected = pointwise.softmax_grad_input(y.astype(float), grad_output.astype(float))
    grad = run(kernels.softmax_grad_input, (pixels, channels), inputs, shape, **how)
    agree(channels_first(grad), expected)


def test_softmax_by_hand():
    x = np.log(np.array([[1, 2, 5]], np.float32))
    y = run(kernels.softmax, (1, 3), (x,), (1, 1, 3))
    assert np.allclose(y, [0.125, 0.25, 0.625], atol=1e-7)
    grad = run(kernels.softmax_grad_input, (1, 3), (y, np.array([[8, 0, 0]], np.float32)), (1, 1, 3))
    assert np.allclose(grad, [0.125 * 7, -0.25, -0.625], atol=1e-6)


@pytest.mark.parametrize("channels", [10, 40])
def test_sums_over_channels_have_one_order(channels, rng):
    x, isas = 3 * rng.standard_normal((4, 1, channels), np.float32), [isa for isa in supported() if isa.fused]
    grad_output = rng.standard_normal(x.shape, np.float32)
    for kernel, inputs in ((kernels.softmax, (x,)), (kernels.softmax_grad_input, (x, grad_output))):
        narrow = [replace(isa, lanes=lanes) for isa in isas[:1] for lanes in (4, 8, 16)]
        assert len({run(kernel, (1, channels), inputs, x.shape, isa=isa).tobytes() for isa in (*isas, *narrow)}) <= 1


# ---- paths that meet
def test_a_sum_may_pass_a_relu_on_its_way(rng):
    a, b = numbers(rng, 2, 45), numbers(rng, 2, 45)
    with np.errstate(invalid="ignore"):
        expected = pointwise.relu(a.astype(float) + b)
    agree(run(kernels.add, (45, True), (a, b), (2, 45)), expected)


@pytest.mark.parametrize("channels", [(3, 8, 21), (1, 1), (16, 2), (7,)], ids=str)
@pytest.mark.parametrize("name", [HERE[0], HERE[-1]])
def test_paths_are_joined_and_parted(channels, name, rng):
    parts, how = [numbers(rng, 2, c, 3, 2) for c in channels], {"isa": BY_NAME[name], "checked": name == HERE[-1]}
    expected = pointwise.concat(*parts)
    y = run(
        kernels.concat, (6, channels), [channels_last(part) for part in parts], channels_last(expected).shape, **how
    )
    assert channels_first(y).tobytes() == expected.tobytes()
    start, stop = sum(channels[:-1]), sum(channels)
    last = run(kernels.concat_grad_input, (6, stop, start, stop), (y,), channels_last(parts[-1]).shape, **how)
    assert channels_first(last).tobytes() == pointwise.concat_grad_input(expected, start=start, stop=stop).tobytes()


# ---- channels of zeros
def test_channels_are_padded_by_hand():
    x = np.array([[[1, 2], [3, 4]]], np.float32)  # two pixels of two channels
    y = run(kernels.pad_channels, (2, 2, 1, 2), (x,), (1, 2, 5))
    assert y.tolist() == [[[0, 1, 2, 0, 0], [0, 3, 4, 0, 0]]]


@pytest.mark.parametrize(
    ("channels", "before", "after"), [(1, 0, 1), (3, 2, 0), (16, 8, 8), (7, 33, 5), (45, 1, 17), (5, 0, 0)]
)
@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("checked", [False, True])
def test_channels_are_padded_and_cut_off_again(channels, before, after, name, checked, rng):
    x, how = numbers(rng, 3, channels, 3, 2), {"isa": BY_NAME[name], "checked": checked}
    expected, whole = pointwise.pad_channels(x, before=before, after=after), before + channels + after
    how["pieces"] = [{"images": (1, 3)}, {"images": (0, 1)}]
    shape = channels_last(expected).shape
    y = run(kernels.pad_channels, (6, channels, before, after), (channels_last(x),), shape, **how)
    assert channels_first(y).tobytes() == expected.tobytes()
    back = run(kernels.concat_grad_input, (6, whole, before, before + channels), (y,), channels_last(x).shape, **how)
    assert channels_first(back).tobytes() == x.tobytes()
