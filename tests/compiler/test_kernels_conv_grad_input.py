"""The gradient of a convolution's input: against the definition in float64, piece by piece, and to the last bit."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.kernels import call, channels_last
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels.conv_grad_input import ScatterTile, classes, conv2d_grad_input, grad_input_tile
from pellucid.compiler.kernels.conv_scatter import suits_scattering
from pellucid.compiler.kernels.convolution import Convolution
from pellucid.compiler.packing import for_input, pack
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.tiles import BY_NAME, ForwardTile, instruction_set, lanes_for, supported
from pellucid.definitions.conv import conv2d_grad_input as definition
from pellucid.geometry import Window

TOLERANCE = 2e-5  # of the largest magnitude
HERE = [isa.name for isa in supported()]
FUSED = [isa for isa in BY_NAME.values() if isa.fused]

LENET = Convolution(6, (12, 12), 16, Window.of(5))  # scattered
EDGES = Convolution(3, (9, 7), 5, Window.of((3, 5), (2, 1), ((1, 2), (3, 0)), (2, 1)))  # scattered, padded, dilated
MANY = Convolution(40, (6, 7), 9, Window.of(3, padding=1))
STRIDES = Convolution(13, (7, 8), 7, Window.of((4, 3), (3, 2), ((2, 0), (0, 3)), (1, 2)))
UNREAD = Convolution(9, (7, 8), 4, Window.of(1, 2))  # three pixels of four meet no tap
BEYOND = Convolution(2, (3, 3), 4, Window.of(2, 1, 5, 2))  # whole windows lie in the padding
LARGER = Convolution(17, (2, 3), 6, Window.of(5, 1, 2))  # the filter is larger than the image
GROUPED = Convolution(15, (5, 7), 6, Window.of(3, (1, 2), 1), groups=3)
BLIND = Convolution(2, (4, 1), 3, Window.of((1, 2), 1, ((0, 0), (1, 1)), (1, 2)))  # both taps lie in the padding
LONG_ROWS = Convolution(14, (3, 19), 6, Window.of(3, padding=1), groups=2)  # filter by filter in a row of taps
CASES = [LENET, EDGES, MANY, STRIDES, UNREAD, BEYOND, LARGER, GROUPED, BLIND, LONG_ROWS]


def numbers(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def run(conv, tile, isa, grad_output, weight, mask=None, checked=False, pieces=({},)):
    recipe = Recipe(conv2d_grad_input, (conv, tile, mask is not None), isa, checked)
    packed = pack(for_input(weight, conv.groups), tile.lanes, conv.groups)
    masks = () if mask is None else (channels_last(mask),)
    shape = len(grad_output), *conv.size, conv.in_channels
    return call(recipe, (channels_last(grad_output), packed, *masks), shape, pieces).transpose(0, 3, 1, 2)


def inputs(conv, rng, samples=2):
    return numbers(rng, samples, conv.out_channels, *conv.out_size), numbers(rng, *conv.weight_shape)


def expected(conv, grad_output, weight, mask=None):
    grad = definition(
        grad_output.astype(float), weight.astype(float), size=conv.size, window=conv.window, groups=conv.groups
    )
    return grad if mask is None else grad * (mask > 0)


def assert_gradient_agrees(conv, tile, isa, rng, samples=2, masked=False, **options):
    grad_output, weight = inputs(conv, rng, samples)
    mask = numbers(rng, samples, conv.in_channels, *conv.size) if masked else None
    grad_input = run(conv, tile, isa, grad_output, weight, mask, **options)
    assert_agrees(grad_input, expected(conv, grad_output, weight, mask), TOLERANCE)


# ---- by hand
def test_a_gradient_by_hand():
    conv, isa = Convolution(1, (2, 3), 1, Window.of(2)), instruction_set()
    grad_output, weight = np.array([[[[1, 10]]]], np.float32), np.array([[[[1, 2], [3, 4]]]], np.float32)
    tile = ForwardTile(1, 1, 2)
    grad_input = run(conv, tile, isa, grad_output, weight)
    assert grad_input.tolist() == [[[[1, 12, 20], [3, 34, 40]]]]
    scattered = run(conv, ScatterTile(1, 2, 1, 1), isa, grad_output, weight)
    assert np.array_equal(scattered, grad_input)
    mask = np.array([[[[1, 0, np.nan], [-1, 2, 3]]]], np.float32)
    assert run(conv, tile, isa, grad_output, weight, mask).tolist() == [[[[1, 0, 0], [0, 34, 40]]]]


def test_pixels_fall_into_classes_by_the_taps_they_meet():
    even, odd = classes(Window.of(3, stride=2, padding=1), 0, 7)
    assert (even.taps, odd.taps) == (1, 2)
    assert [even.pixel(j) for j in range(even.count)] == [0, 2, 4, 6]
    assert [odd.tap(t) for t in range(2)] == [2, 0]


# ---- against the definition
@pytest.mark.parametrize(
    ("conv", "name"), [(conv, name) for conv in CASES for name in HERE if name != "generic" or conv in (LENET, LARGER)]
)
def test_the_chosen_tiles_agree_with_the_definition(conv, name, rng):
    isa = BY_NAME[name]
    assert_gradient_agrees(conv, grad_input_tile(conv, isa), isa, rng, masked=conv in (EDGES, STRIDES))


def random_convolution(rng):
    """A small convolution that has at least one place."""
    while True:
        kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, high, 2)) for high in (5, 4, 3))
        padding = tuple(tuple(int(n) for n in rng.integers(0, 4, 2)) for _ in range(2))
        size, groups = tuple(int(n) for n in rng.integers(1, 12, 2)), int(rng.choice([1, 1, 2, 3]))
        channels, filters = (groups * int(rng.choice([1, 2, 3, 5, 6, 8, 13])) for _ in range(2))
        conv = Convolution(channels, size, filters, Window.of(kernel, stride, padding, dilation), groups)
        if min(conv.out_size) > 0:
            return conv


@pytest.mark.parametrize("seed", range(8))
def test_odd_shapes_and_odd_tiles_agree(seed):
    rng, isa = np.random.default_rng(seed), BY_NAME[HERE[seed % len(HERE)]]
    conv, lanes = random_convolution(rng), int(rng.choice([1, 2, 4, 8]))
    tile = ForwardTile(lanes, int(rng.integers(1, 4)), int(rng.integers(1, 6)), int(rng.integers(1, 3)))
    samples, masked = int(rng.integers(1, 4)), bool(rng.integers(2))
    assert_gradient_agrees(conv, tile, isa, rng, samples, masked, checked=seed % 4 == 3)
    conv = replace(conv, window=replace(conv.window, dilation=(conv.window.dilation[0], 1)), groups=1)
    if min(conv.out_size) > 0:
        tile = ScatterTile(lanes, int(rng.choice([2, 4, 8])), int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        assert_gradient_agrees(conv, tile, isa, rng, samples, masked, checked=seed % 4 == 1)


# ---- which of the two
def test_small_images_and_few_channels_are_scattered():
    assert suits_scattering(LENET)
    assert suits_scattering(Convolution(32, (5, 5), 64, Window.of(3)))
    assert not suits_scattering(Convolution(64, (56, 56), 64, Window.of(3, padding=1)))
    assert not suits_scattering(Convolution(6, (12, 12), 16, Window.of(1)))
    assert not suits_scattering(Convolution(6, (300, 300), 16, Window.of(5)))  # its frame would overflow the stack
    assert not suits_scattering(replace(LENET, groups=2))
    assert not suits_scattering(replace(LENET, window=Window.of(5, dilation=2)))


# ---- pieces
@pytest.mark.parametrize("conv", [LENET, replace(MANY, window=Window.of(3, 2, 1))], ids=["scattered", "gathered"])
def test_pieces_make_the_same_bits_as_the_whole(conv, rng):
    isa = instruction_set()
    grad_output, weight = inputs(conv, rng, 5)
    tile = grad_input_tile(conv, isa)
    cut = ((0, 1), (1, 1)) if isinstance(tile, ScatterTile) else ((0, 2), (2, 3))
    tile = tile if isinstance(tile, ScatterTile) else ForwardTile(8, 2, 3)  # three blocks: 16, 16 and 8 channels
    pieces = [{"images": images, "blocks": blocks} for images in ((0, 2), (2, 5)) for blocks in cut]
    whole = run(conv, tile, isa, grad_output, weight)
    assert np.array_equal(run(conv, tile, isa, grad_output, weight, pieces=pieces), whole)


# ---- bits
@pytest.mark.skipif(not instruction_set().fused, reason="without fused multiply-add the bits differ")
@pytest.mark.parametrize("conv", [LENET, STRIDES, GROUPED, LONG_ROWS], ids=["scattered", "strides", "groups", "rows"])
def test_tiles_of_all_fused_instruction_sets_make_the_same_bits(conv, rng):
    isa = instruction_set()
    grad_output, weight = inputs(conv, rng)
    tiles = [grad_input_tile(conv, each) for each in FUSED]
    tiles.append(ScatterTile(8, 4, 3, 2) if isinstance(tiles[0], ScatterTile) else ForwardTile(2, 3, 2, 3))
    assert len({run(conv, tile, isa, grad_output, weight).tobytes() for tile in tiles}) == 1


def test_a_nan_reaches_the_pixels_that_were_seen_there_and_no_other(rng):
    for conv in (EDGES, STRIDES):
        isa = instruction_set()
        grad_output, weight = inputs(conv, rng)
        grad_output[0, 1, 1, 2] = np.nan
        grad_output[1, 0, 0, 0] = np.inf
        grad_input = run(conv, grad_input_tile(conv, isa), isa, grad_output, weight)
        with np.errstate(invalid="ignore"):
            exact = expected(conv, grad_output, weight)
        assert np.array_equal(np.isnan(grad_input), np.isnan(exact))
        assert np.array_equal(np.isinf(grad_input), np.isinf(exact))
        assert 0 < np.isnan(grad_input).sum() < grad_input.size / 2


@pytest.mark.parametrize("name", ["avx512", "neon"])
def test_kernels_for_other_machines_can_be_emitted(name):
    isa = BY_NAME[name]
    for conv in (LENET, STRIDES):
        tile = grad_input_tile(conv, isa)
        assert tile.lanes == lanes_for(conv.in_channels, isa)
        assert "fma" in Recipe(conv2d_grad_input, (conv, tile), isa, False).emit()[0]
