"""Convolution's kernels: against the definitions in float64, piece by piece, and to the last bit between tiles."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.kernels import run_conv2d, run_conv2d_grad_bias, run_conv2d_grad_weight
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels import conv as kernels
from pellucid.compiler.kernels.convolution import Convolution, forward_tile, weight_tile
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, ForwardTile, WeightTile, instruction_set, supported
from pellucid.definitions.conv import conv2d, conv2d_grad_bias, conv2d_grad_weight
from pellucid.geometry import Window

TOLERANCE = 2e-5  # of the largest magnitude
HERE = [isa.name for isa in supported()]
FUSED = [isa for isa in BY_NAME.values() if isa.fused]

LENET = Convolution(6, (12, 12), 16, Window.of(5))
PADDED = Convolution(5, (9, 11), 21, Window.of((3, 4), (2, 1), ((2, 0), (1, 3)), (1, 2)))
FEW_FILTERS = Convolution(3, (10, 9), 6, Window.of(3, 1, 1))
ONE_PIXEL = Convolution(2, (1, 1), 3, Window.of(3, 1, 1))
MANY_BANDS = Convolution(2, (40, 30), 3, Window.of(3, 1, 1))  # rows 0 to 33 and 34 to 39
MANY_PLACES = Convolution(1, (33, 33), 2, Window.of(2, 1, ((1, 0), (0, 1))))  # one band, and yet summed apart
BEYOND = Convolution(2, (3, 3), 4, Window.of(2, 1, 5, 2))  # whole windows lie in the padding
GROUPED = Convolution(6, (5, 7), 15, Window.of(3, (1, 2), 1), groups=3)
ONE_CHANNEL = Convolution(1, (9, 20), 6, Window.of(5, 1, 0))  # pixels along the lanes, two rows at a time
ITS_EDGES = Convolution(1, (7, 13), 3, Window.of((3, 5), (2, 1), ((1, 2), (3, 1)), (2, 1)))  # the same, masked
CASES = [LENET, PADDED, FEW_FILTERS, ONE_PIXEL, BEYOND, GROUPED, ONE_CHANNEL, ITS_EDGES]


def numbers(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def assert_forward_agrees(conv, tile, isa, rng, samples=2, **options):
    x, weight = numbers(rng, samples, conv.in_channels, *conv.size), numbers(rng, *conv.weight_shape)
    bias = numbers(rng, conv.out_channels)
    y = run_conv2d(conv, tile, isa, x, weight, bias, **options)
    inputs = (array.astype(float) for array in (x, weight, bias))
    assert_agrees(y, conv2d(*inputs, window=conv.window, groups=conv.groups), TOLERANCE)


def assert_gradient_agrees(conv, tile, isa, rng, samples=2, **options):
    x, grad_output = (
        numbers(rng, samples, conv.in_channels, *conv.size),
        numbers(rng, samples, conv.out_channels, *conv.out_size),
    )
    grad_weight = run_conv2d_grad_weight(conv, tile, isa, x, grad_output, **options)
    inputs = x.astype(float), grad_output.astype(float)
    assert_agrees(grad_weight, conv2d_grad_weight(*inputs, window=conv.window, groups=conv.groups), TOLERANCE)


# ---- by hand
def test_a_sum_by_hand():
    conv, isa = Convolution(1, (2, 3), 1, Window.of(2)), instruction_set()
    x = np.array([[[[1, 2, 3], [4, 5, 6]]]], np.float32)
    weight = np.array([[[[1, 10], [100, 1000]]]], np.float32)
    y = run_conv2d(conv, forward_tile(conv, isa), isa, x, weight, np.array([0.5], np.float32))
    assert y.ravel().tolist() == [5421.5, 6532.5]
    grad_output = np.array([[[[1, 10]]]], np.float32)
    grad = run_conv2d_grad_weight(conv, weight_tile(conv, isa), isa, x, grad_output)
    assert grad.ravel().tolist() == [21, 32, 54, 65]


# ---- against the definitions
@pytest.mark.parametrize(
    ("conv", "name"), [(conv, name) for conv in CASES for name in HERE if name != "generic" or conv is LENET]
)
def test_the_chosen_tiles_agree_with_the_definitions(conv, name, rng):
    isa = BY_NAME[name]
    assert_forward_agrees(conv, forward_tile(conv, isa), isa, rng)
    assert_gradient_agrees(conv, weight_tile(conv, isa), isa, rng)


def random_convolution(rng, largest):
    """A small convolution that has at least one place, with at most `largest` filter rows and columns."""
    while True:
        kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, high, 2)) for high in (largest + 1, 4, 3))
        padding = tuple(tuple(int(n) for n in rng.integers(0, 4, 2)) for _ in range(2))
        size = int(rng.integers(1, 12)), int(rng.integers(1, 12))
        groups = int(rng.choice([1, 1, 2, 3]))
        channels, filters = (groups * int(rng.choice([1, 2, 3, 5, 6, 8, 13, 17])) for _ in range(2))
        conv = Convolution(channels, size, filters, Window.of(kernel, stride, padding, dilation), groups)
        if min(conv.out_size) > 0:
            return conv


@pytest.mark.parametrize("seed", range(10))
def test_odd_shapes_and_odd_tiles_agree(seed):
    rng, checked = np.random.default_rng(seed), seed % 5 == 3
    conv, isa = random_convolution(rng, 2 if checked else 4), BY_NAME[HERE[seed % len(HERE)]]
    lanes, vectors, rows = int(rng.choice([1, 2, 4, 8, 16])), int(rng.integers(1, 4)), int(rng.integers(1, 3))
    forward = ForwardTile(lanes, vectors, int(rng.integers(1, 6)), int(rng.integers(1, 3)))
    band, cut = int(rng.integers(1, 30)), int(rng.choice([0, 5, 9]))
    backward = WeightTile(lanes, vectors, rows, *(int(n) for n in rng.integers(1, 4, 3)), band, cut)
    samples = int(rng.integers(1, 4))
    assert_forward_agrees(conv, forward, isa, rng, samples, checked=checked)
    assert_gradient_agrees(conv, backward, isa, rng, samples, checked=checked)


@pytest.mark.parametrize(
    ("size", "window"), [((224, 224), Window.of(3, 1, 1)), ((224, 224), Window.of(1)), ((2, 20_000), Window.of((1, 3)))]
)
def test_sums_over_many_places_gather_little_rounding(size, window, rng):
    conv, isa = Convolution(1, size, 1, window).flattened(), instruction_set()
    x, grad_output = (np.abs(numbers(rng, 6, 1, *each)) for each in (conv.size, conv.out_size))  # as behind a ReLU
    computed = run_conv2d_grad_weight(conv, weight_tile(conv, isa), isa, x, grad_output)
    expected = conv2d_grad_weight(x.astype(float), grad_output.astype(float), window=window)
    assert_agrees(computed, expected, TOLERANCE / 4)  # in one chain 3 to 10 times as much


@pytest.mark.parametrize("isa", supported(), ids=lambda isa: isa.name)
@pytest.mark.parametrize("shape", [(3, 6, 5, 7), (2, 1, 2, 1), (2, 70, 3, 3), (2, 16, 1, 1)])
def test_the_gradient_of_the_bias_agrees_with_the_definition(shape, isa, rng):
    grad_output = numbers(rng, *shape)
    grad_bias = run_conv2d_grad_bias(isa, grad_output, checked=shape[1] > 6)
    assert_agrees(grad_bias, conv2d_grad_bias(grad_output.astype(float)), TOLERANCE)
    parts = run_conv2d_grad_bias(isa, grad_output, pieces=[{"images": (0, 1)}, {"images": (1, shape[0])}])
    assert np.array_equal(parts, grad_bias)
    assert np.array_equal(run_conv2d_grad_bias(supported()[-1], grad_output), grad_bias)  # sums know no multiply-adds


def test_relu_keeps_nan_and_no_bias_is_zero(rng):
    isa, x, weight = instruction_set(), numbers(rng, 1, 6, 12, 12), numbers(rng, 16, 6, 5, 5)
    x[0, 0, 3, 3] = np.nan
    y = run_conv2d(LENET, forward_tile(LENET, isa), isa, x, weight, relu=True)
    expected = conv2d(x, weight, window=LENET.window)
    assert np.array_equal(np.isnan(y), np.isnan(expected))
    assert np.isnan(y).any()
    assert_agrees(np.nan_to_num(y), np.nan_to_num(np.where(expected < 0, 0, expected)), TOLERANCE)


# ---- pieces
def test_pieces_make_the_same_bits_as_the_whole(rng):
    conv, isa = Convolution(5, (9, 8), 21, Window.of(3, padding=1)), instruction_set()
    x, weight, bias = numbers(rng, 5, 5, 9, 8), numbers(rng, *conv.weight_shape), numbers(rng, 21)
    tile = ForwardTile(4, 2, 3)  # three blocks of 8, 8 and 5 filters
    pieces = [
        {"images": images, "rows": rows, "blocks": blocks}
        for images in ((0, 2), (2, 5))
        for rows in ((0, 4), (4, 9))
        for blocks in ((0, 1), (1, 3), (3, 3))
    ]
    whole = run_conv2d(conv, tile, isa, x, weight, bias)
    assert np.array_equal(run_conv2d(conv, tile, isa, x, weight, bias, pieces=pieces), whole)

    grad_output, tile = numbers(rng, 5, 21, 9, 8), WeightTile(4, 2, channels=2)
    pieces = [
        {"images": images, "blocks": blocks, "channel_tiles": tiles}
        for images in ((0, 2), (2, 5))
        for blocks in ((0, 2), (2, 3))
        for tiles in ((0, 1), (1, 3))
    ]
    whole = run_conv2d_grad_weight(conv, tile, isa, x, grad_output)
    assert np.array_equal(run_conv2d_grad_weight(conv, tile, isa, x, grad_output, pieces=pieces), whole)


def test_what_is_summed_apart_follows_from_the_shape():
    assert (MANY_BANDS.rows_apart, MANY_PLACES.rows_apart, LENET.rows_apart) == (34, 33, 0)
    assert Convolution(256, (14, 14), 256, Window.of(3, padding=1)).rows_apart == 5  # few places, but several bands


@pytest.mark.parametrize("conv", [MANY_BANDS, MANY_PLACES], ids=["bands", "places"])
def test_sums_apart_are_the_same_however_images_are_cut(conv, rng):
    isa = instruction_set()
    x, grad_output = (
        numbers(rng, 5, channels, *size)
        for channels, size in ((conv.in_channels, conv.size), (conv.out_channels, conv.out_size))
    )
    whole = run_conv2d_grad_weight(conv, weight_tile(conv, isa), isa, x, grad_output)
    inputs = x.astype(float), grad_output.astype(float)
    assert_agrees(whole, conv2d_grad_weight(*inputs, window=conv.window), TOLERANCE)
    for band, images in ((1, [(0, 5)]), (40, [(0, 2), (2, 5)]), (120, [(0, 5)]), (120, [(0, 1), (1, 2), (2, 5)])):
        tile = WeightTile(2, 2, 1, 2, 1, 2, band)
        pieces = [{"images": each} for each in images]
        assert np.array_equal(run_conv2d_grad_weight(conv, tile, isa, x, grad_output, pieces=pieces), whole)


# ---- bits
@pytest.mark.skipif(not instruction_set().fused, reason="without fused multiply-add the bits differ")
@pytest.mark.parametrize(
    "conv", [PADDED, FEW_FILTERS, GROUPED, MANY_BANDS], ids=["by tap", "by column", "groups", "bands"]
)
def test_tiles_of_all_fused_instruction_sets_make_the_same_bits(conv, rng):
    isa = instruction_set()
    x, weight, bias = (
        numbers(rng, 3, conv.in_channels, *conv.size),
        numbers(rng, *conv.weight_shape),
        numbers(rng, conv.out_channels),
    )
    grad_output = numbers(rng, 3, conv.out_channels, *conv.out_size)
    forward = {run_conv2d(conv, forward_tile(conv, each), isa, x, weight, bias).tobytes() for each in FUSED}
    forward.add(run_conv2d(conv, ForwardTile(2, 3, 2, 3), isa, x, weight, bias).tobytes())
    assert len(forward) == 1
    tiles = [*(weight_tile(conv, each) for each in FUSED), WeightTile(8, 1, 1, 2, 1, 3, band=1)]
    assert len({run_conv2d_grad_weight(conv, tile, isa, x, grad_output).tobytes() for tile in tiles}) == 1


@pytest.mark.parametrize("conv", [ONE_CHANNEL, ITS_EDGES], ids=["whole chunks", "edges"])
def test_pixels_along_the_lanes_make_the_same_bits_as_filters(conv, rng):
    isa = instruction_set()
    x, weight, bias = numbers(rng, 2, 1, *conv.size), numbers(rng, *conv.weight_shape), numbers(rng, conv.out_channels)
    tiles = [ForwardTile(4, 2, 1, chunk=4), ForwardTile(8, 1, 3, chunk=8), ForwardTile(2, 1, 2, chunk=2)]
    expected = run_conv2d(conv, ForwardTile(8, 1, 4), isa, x, weight, bias)
    assert forward_tile(conv, BY_NAME["avx2"]).chunk == 8
    pieces = [{"rows": (0, 2)}, {"rows": (2, conv.out_size[0])}]
    for tile in tiles:
        assert np.array_equal(run_conv2d(conv, tile, isa, x, weight, bias, checked=tile.chunk == 4), expected)
    assert np.array_equal(run_conv2d(conv, tiles[1], isa, x, weight, bias, pieces=pieces), expected)


def test_a_nan_at_an_edge_reaches_the_places_that_see_it_and_no_other(rng):
    isa, x, weight = instruction_set(), numbers(rng, 1, 1, *ITS_EDGES.size), numbers(rng, *ITS_EDGES.weight_shape)
    weight[:, :, :, 0] = np.inf  # at the left edge this column of taps meets padding alone
    x[0, 0, 3, 12] = np.nan
    tiles = ForwardTile(4, 1, 1, chunk=8), ForwardTile(4, 1, 4)
    pixels, filters = (run_conv2d(ITS_EDGES, tile, isa, x, weight, relu=True) for tile in tiles)
    assert np.array_equal(pixels, filters, equal_nan=True)
    assert 0 < np.isnan(pixels).sum() < pixels.size


@pytest.mark.parametrize("name", ["avx512", "neon"])
def test_kernels_for_other_machines_can_be_emitted(name):
    isa = BY_NAME[name]
    for conv in (LENET, ITS_EDGES):
        assert "fma" in Recipe(kernels.conv2d, (conv, forward_tile(conv, isa)), isa, False).emit()[0]
        assert "fma" in Recipe(kernels.conv2d_grad_weight, (conv, weight_tile(conv, isa)), isa, False).emit()[0]


def test_a_single_pixels_window_may_take_the_image_as_one_row(rng):
    conv, isa = Convolution(3, (4, 5), 10, Window.of(1)), instruction_set()
    flat = conv.flattened()
    assert flat.out_size == (1, 20)
    assert Convolution(512, (6, 30), 4, Window.of(1)).flattened().size == (3, 60)  # as long as a row fits in the cache
    assert LENET.flattened() == LENET
    assert replace(conv, window=Window.of(1, stride=2)).flattened().size == (4, 5)
    x, weight = numbers(rng, 2, 3, 4, 5), numbers(rng, *conv.weight_shape)
    y = run_conv2d(conv, forward_tile(conv, isa), isa, x, weight)
    row = run_conv2d(flat, forward_tile(flat, isa), isa, x.reshape(2, 3, 1, 20), weight)
    assert np.array_equal(row.reshape(y.shape), y)
