"""Depthwise convolution's kernels: against the definitions in float64, piece by piece, and to the last bit."""

import numpy as np
import pytest

from oracles.kernels import call, channels_last
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels import depthwise as kernels
from pellucid.compiler.kernels.columns import is_far, most_places, span_channels
from pellucid.compiler.kernels.convolution import Convolution
from pellucid.compiler.kernels.depthwise import (
    DepthwiseTile,
    DepthwiseWeightTile,
    depthwise_grad_input_tile,
    depthwise_tile,
    depthwise_weight_tile,
)
from pellucid.compiler.packing import pack, packed_size, unpack
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, instruction_set, supported
from pellucid.definitions.conv import conv2d, conv2d_grad_input, conv2d_grad_weight
from pellucid.geometry import Window

TOLERANCE = 2e-5  # of the largest magnitude
HERE = [isa.name for isa in supported()]


def depthwise(channels, size, *window):
    return Convolution(channels, size, channels, Window.of(*window), channels)


PLAIN = depthwise(21, (9, 10), 3, 1, 1)
STRIDES = depthwise(9, (10, 7), (4, 2), (3, 2), ((2, 0), (1, 3)))
DILATED = depthwise(3, (8, 6), (2, 3), (1, 2), ((1, 2), (2, 0)), (2, 1))
UNREAD = depthwise(5, (7, 8), 1, (2, 3))
LARGER = depthwise(2, (2, 3), 7, 1, 3)  # the filter is larger than the image
TALL = depthwise(3, (14, 2), (11, 1), 1, ((3, 5), (0, 0)))  # more filter rows than find room in the registers
BLIND = depthwise(2, (1, 4), (2, 1), 1, ((1, 1), (0, 0)), (2, 1))  # both taps lie in the padding
LARGE = depthwise(21, (66, 63), 3, 1, 1)  # its gradients of weights are summed in four parts
CASES = [PLAIN, STRIDES, DILATED, UNREAD, LARGER, TALL, BLIND]


def numbers(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def exact(definition, conv, *arrays, **how):
    return definition(*(array.astype(float) for array in arrays), window=conv.window, groups=conv.groups, **how)


def run_forward(conv, tile, isa, x, weight, bias=None, relu=False, checked=False, pieces=({},)):
    recipe = Recipe(kernels.depthwise_conv2d, (conv, tile, bias is not None, relu), isa, checked)
    inputs = channels_last(x), pack(weight, tile.lanes), *(() if bias is None else (bias,))
    return call(recipe, inputs, (len(x), *conv.out_size, conv.out_channels), pieces).transpose(0, 3, 1, 2)


def run_grad_input(conv, tile, isa, grad_output, weight, mask=None, checked=False, pieces=({},)):
    recipe = Recipe(kernels.depthwise_conv2d_grad_input, (conv, tile, mask is not None), isa, checked)
    inputs = channels_last(grad_output), pack(weight, tile.lanes), *(() if mask is None else (channels_last(mask),))
    return call(recipe, inputs, (len(grad_output), *conv.size, conv.in_channels), pieces).transpose(0, 3, 1, 2)


def run_grad_weight(conv, tile, isa, x, grad_output, checked=False, pieces=({},)):
    recipe = Recipe(kernels.depthwise_conv2d_grad_weight, (conv, tile), isa, checked)
    size = packed_size(conv.weight_shape, tile.lanes)
    grad = call(recipe, (channels_last(x), channels_last(grad_output)), (size,), pieces, 0)
    return unpack(grad, conv.weight_shape, tile.lanes)


def arrays(conv, rng, samples=2):
    """Return x, weight, bias and the gradient of the output."""
    x, weight = numbers(rng, samples, conv.in_channels, *conv.size), numbers(rng, *conv.weight_shape)
    return x, weight, numbers(rng, conv.out_channels), numbers(rng, samples, conv.out_channels, *conv.out_size)


def assert_all_agree(conv, isa, rng, tile, weight_tile, samples=2, checked=False):
    x, weight, bias, grad_output = arrays(conv, rng, samples)
    y = run_forward(conv, tile, isa, x, weight, bias, checked=checked)
    assert_agrees(y, exact(conv2d, conv, x, weight, bias), TOLERANCE)
    grad_input = run_grad_input(conv, tile, isa, grad_output, weight, x, checked=checked)
    expected = exact(conv2d_grad_input, conv, grad_output, weight, size=conv.size)
    assert_agrees(grad_input, expected * (x > 0), TOLERANCE)
    grad_weight = run_grad_weight(conv, weight_tile, isa, x, grad_output, checked=checked)
    assert_agrees(grad_weight, exact(conv2d_grad_weight, conv, x, grad_output), TOLERANCE)


# ---- by hand
def test_channels_by_hand():
    conv, isa = depthwise(2, (1, 3), (1, 2)), instruction_set()
    x = np.array([[[[1, 2, 3]], [[4, 5, 6]]]], np.float32)
    weight = np.array([[[[1, 10]]], [[[100, 1000]]]], np.float32)
    grad_output = np.array([[[[1, 2]], [[3, 4]]]], np.float32)
    tile, bias = depthwise_tile(conv, isa), np.array([0.5, -9000], np.float32)
    assert run_forward(conv, tile, isa, x, weight, bias).tolist() == [[[[21.5, 32.5]], [[-3600, -2500]]]]
    assert run_forward(conv, tile, isa, x, weight, bias, relu=True).tolist() == [[[[21.5, 32.5]], [[0, 0]]]]
    assert run_grad_input(conv, tile, isa, grad_output, weight).tolist() == [[[[1, 12, 20]], [[300, 3400, 4000]]]]
    tile = depthwise_weight_tile(conv, isa)
    assert run_grad_weight(conv, tile, isa, x, grad_output).tolist() == [[[[5, 8]]], [[[32, 39]]]]


# ---- against the definitions
@pytest.mark.parametrize(
    ("conv", "name"), [(conv, name) for conv in CASES for name in HERE if name != "generic" or conv is PLAIN]
)
def test_the_chosen_tiles_agree_with_the_definitions(conv, name, rng):
    isa = BY_NAME[name]
    assert depthwise_grad_input_tile(conv, isa) == depthwise_tile(conv, isa)
    assert_all_agree(conv, isa, rng, depthwise_tile(conv, isa), depthwise_weight_tile(conv, isa))


@pytest.mark.parametrize("name", [*HERE[:1], "generic"])
def test_what_is_asked_for_ahead_may_lie_outside(name, rng):
    conv, isa = depthwise(20, (77, 96), 3, 1, 1), BY_NAME[name]
    assert is_far(conv)
    assert not is_far(PLAIN)
    assert_all_agree(conv, isa, rng, depthwise_tile(conv, isa), depthwise_weight_tile(conv, isa), 1, checked=True)


def test_sums_over_many_places_gather_little_rounding(rng):
    conv, isa = depthwise(2, (224, 224), 3, 1, 1), instruction_set()
    x, grad_output = (np.abs(numbers(rng, 6, 2, 224, 224)) for _ in range(2))  # as behind a ReLU
    computed = run_grad_weight(conv, depthwise_weight_tile(conv, isa), isa, x, grad_output)
    expected = exact(conv2d_grad_weight, conv, x, grad_output)
    assert_agrees(computed, expected, TOLERANCE / 4)  # in one chain nine times as much


@pytest.mark.parametrize("seed", range(8))
def test_odd_shapes_and_odd_tiles_agree(seed):
    rng, isa = np.random.default_rng(seed), BY_NAME[HERE[seed % len(HERE)]]
    while True:
        kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, high, 2)) for high in (5, 4, 3))
        padding = tuple(tuple(int(n) for n in rng.integers(0, 4, 2)) for _ in range(2))
        size, channels = tuple(int(n) for n in rng.integers(1, 16, 2)), int(rng.choice([2, 3, 8, 17, 40]))
        conv = depthwise(channels, size, kernel, stride, padding, dilation)
        if min(conv.out_size) > 0:
            break
    lanes, places, filter_rows = int(rng.choice([1, 2, 4, 8])), int(rng.integers(1, 9)), int(rng.integers(1, 4))
    tile, weight_tile = DepthwiseTile(lanes, places), DepthwiseWeightTile(lanes, filter_rows)
    assert_all_agree(conv, isa, rng, tile, weight_tile, int(rng.integers(1, 4)), checked=seed % 4 == 1)


def test_a_nan_reaches_what_sees_it_and_nothing_else(rng):
    isa = instruction_set()
    x, weight, _, grad_output = arrays(DILATED, rng)
    x[0, 1, 2, 3] = grad_output[0, 2, 1, 1] = np.nan
    y = run_forward(DILATED, depthwise_tile(DILATED, isa), isa, x, weight, relu=True)
    assert np.array_equal(np.isnan(y), np.isnan(exact(conv2d, DILATED, x, weight)))
    grad_input = run_grad_input(DILATED, depthwise_tile(DILATED, isa), isa, grad_output, weight)
    expected = exact(conv2d_grad_input, DILATED, grad_output, weight, size=DILATED.size)
    assert np.array_equal(np.isnan(grad_input), np.isnan(expected))
    assert 0 < np.isnan(y).sum() < y.size / 2
    assert 0 < np.isnan(grad_input).sum() < grad_input.size / 2


# ---- columns
def test_where_rows_lie_a_multiple_of_4_kib_apart_columns_are_short():
    window = Window.of(3, padding=1)
    assert most_places(window, 144, 56 * 144, 56 * 144) == 7
    assert most_places(window, 128, 56 * 128, 56 * 128) == 3
    assert most_places(window, 1024, 1024, 7 * 1024) == 3


def test_spans_leave_the_pixels_under_a_column_in_the_cache():
    assert span_channels(Window.of(3)) == 160
    assert span_channels(Window.of(31)) == 16  # a line of the cache at least


# ---- bits
@pytest.mark.parametrize("conv", [PLAIN, LARGE], ids=["plain", "large"])
def test_pieces_make_the_same_bits_as_the_whole(conv, rng):
    isa = instruction_set()
    x, weight, bias, grad_output = arrays(conv, rng, 5)
    tile, weight_tile = DepthwiseTile(4, 4), DepthwiseWeightTile(4, 7)  # six blocks, the last of one channel
    cuts = (0, 1), (1, 3), (3, 3), (3, 6)
    pieces = [{"images": images, "blocks": blocks} for images in ((0, 2), (2, 5)) for blocks in cuts]
    for run, own, *inputs in (
        (run_forward, tile, x, weight, bias),
        (run_grad_input, tile, grad_output, weight, x),
        (run_grad_weight, weight_tile, x, grad_output),
    ):
        whole = run(conv, own, isa, *inputs)
        assert np.array_equal(run(conv, own, isa, *inputs, pieces=pieces), whole)


@pytest.mark.parametrize("conv", [PLAIN, TALL, LARGE], ids=["plain", "tall", "large"])
def test_tiles_make_the_same_bits(conv, rng):
    isa = instruction_set()
    x, weight, bias, grad_output = arrays(conv, rng)
    tiles = [DepthwiseTile(8, 7), DepthwiseTile(2, 3)]
    assert len({run_forward(conv, tile, isa, x, weight, bias).tobytes() for tile in tiles}) == 1
    assert len({run_grad_input(conv, tile, isa, grad_output, weight).tobytes() for tile in tiles}) == 1
    tiles = [DepthwiseWeightTile(8, 9), DepthwiseWeightTile(2, 2)]
    assert len({run_grad_weight(conv, tile, isa, x, grad_output).tobytes() for tile in tiles}) == 1


@pytest.mark.parametrize("name", ["avx512", "neon"])
def test_kernels_for_other_machines_can_be_emitted(name):
    isa = BY_NAME[name]
    tile, weight_tile = depthwise_tile(PLAIN, isa), depthwise_weight_tile(PLAIN, isa)
    assert "fma" in Recipe(kernels.depthwise_conv2d, (PLAIN, tile), isa, False).emit()[0]
    assert "fma" in Recipe(kernels.depthwise_conv2d_grad_input, (PLAIN, tile), isa, False).emit()[0]
    assert "fma" in Recipe(kernels.depthwise_conv2d_grad_weight, (PLAIN, weight_tile), isa, False).emit()[0]
