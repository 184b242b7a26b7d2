"""Convolution's kernels: against the definitions in float64, piece by piece, and to the last bit between tiles."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.kernels import run_conv2d, run_conv2d_grad_weight
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels.convolution import Convolution, forward_tile, weight_tile
from pellucid.compiler.tiles import BY_NAME, ForwardTile, WeightTile, instruction_set, supported
from pellucid.definitions.conv import conv2d, conv2d_grad_weight
from pellucid.geometry import Window

TOLERANCE = 2e-5  # of the largest magnitude
HERE = [isa.name for isa in supported()]
FUSED = [isa for isa in BY_NAME.values() if isa.fused]

LENET = Convolution(6, (12, 12), 16, Window.of(5))
PADDED = Convolution(5, (9, 11), 21, Window.of((3, 4), (2, 1), ((2, 0), (1, 3)), (1, 2)))
FEW_FILTERS = Convolution(3, (10, 9), 6, Window.of(3, 1, 1))
ONE_PIXEL = Convolution(2, (1, 1), 3, Window.of(3, 1, 1))
BEYOND = Convolution(2, (3, 3), 4, Window.of(2, 1, 5, 2))  # whole windows lie in the padding
CASES = [LENET, PADDED, FEW_FILTERS, ONE_PIXEL, BEYOND]


def numbers(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def assert_forward_agrees(conv, tile, isa, rng, samples=2, **options):
    x, weight = numbers(rng, samples, conv.in_channels, *conv.size), numbers(rng, *conv.weight_shape)
    bias = numbers(rng, conv.out_channels)
    y = run_conv2d(conv, tile, isa, x, weight, bias, **options)
    expected = conv2d(x.astype(float), weight.astype(float), bias.astype(float), window=conv.window)
    assert_agrees(y, expected, TOLERANCE)


def assert_gradient_agrees(conv, tile, isa, rng, samples=2, **options):
    x, grad_output = (
        numbers(rng, samples, conv.in_channels, *conv.size),
        numbers(rng, samples, conv.out_channels, *conv.out_size),
    )
    grad_weight = run_conv2d_grad_weight(conv, tile, isa, x, grad_output, **options)
    assert_agrees(
        grad_weight, conv2d_grad_weight(x.astype(float), grad_output.astype(float), window=conv.window), TOLERANCE
    )


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
@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("conv", CASES, ids=lambda conv: f"{conv.in_channels}-{conv.out_channels}")
def test_the_chosen_tiles_agree_with_the_definitions(conv, name, rng):
    isa = BY_NAME[name]
    assert_forward_agrees(conv, forward_tile(conv, isa), isa, rng)
    assert_gradient_agrees(conv, weight_tile(conv, isa), isa, rng)


def random_convolution(rng):
    """A small convolution that has at least one place."""
    while True:
        kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, high, 2)) for high in (5, 4, 3))
        padding = tuple(tuple(int(n) for n in rng.integers(0, 4, 2)) for _ in range(2))
        size = int(rng.integers(1, 12)), int(rng.integers(1, 12))
        channels, filters = (int(rng.choice([1, 2, 3, 5, 6, 8, 13, 17, 24])) for _ in range(2))
        conv = Convolution(channels, size, filters, Window.of(kernel, stride, padding, dilation))
        if min(conv.out_size) > 0:
            return conv


@pytest.mark.parametrize("seed", range(24))
def test_odd_shapes_and_odd_tiles_agree_in_checked_mode(seed):
    rng = np.random.default_rng(seed)
    conv, isa = random_convolution(rng), BY_NAME[HERE[seed % len(HERE)]]
    lanes, vectors = int(rng.choice([1, 2, 4, 8, 16])), int(rng.integers(1, 4))
    forward = ForwardTile(lanes, vectors, int(rng.integers(1, 7)), int(rng.integers(1, 5)))
    rows = 1 if any(conv.window.sides[0]) else int(rng.integers(1, 4))
    backward = WeightTile(lanes, vectors, rows, *(int(n) for n in rng.integers(1, 4, 3)), int(rng.integers(1, 30)))
    samples, checked = int(rng.integers(1, 4)), seed % 3 > 0
    assert_forward_agrees(conv, forward, isa, rng, samples, checked=checked)
    assert_gradient_agrees(conv, backward, isa, rng, samples, checked=checked)


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


# ---- bits
@pytest.mark.skipif(not instruction_set().fused, reason="without fused multiply-add the bits differ")
@pytest.mark.parametrize("conv", [PADDED, FEW_FILTERS], ids=["by tap", "by column"])
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


def test_a_single_pixels_window_may_take_the_image_as_one_row(rng):
    conv, isa = Convolution(3, (4, 5), 10, Window.of(1)), instruction_set()
    flat = conv.flattened()
    assert flat.out_size == (1, 20)
    assert LENET.flattened() == LENET
    assert replace(conv, window=Window.of(1, stride=2)).flattened().size == (4, 5)
    x, weight = numbers(rng, 2, 3, 4, 5), numbers(rng, *conv.weight_shape)
    y = run_conv2d(conv, forward_tile(conv, isa), isa, x, weight)
    row = run_conv2d(flat, forward_tile(flat, isa), isa, x.reshape(2, 3, 1, 20), weight)
    assert np.array_equal(row.reshape(y.shape), y)
