"""The fully connected kernels: against the definitions in float64, any number of samples, the same bits in any tile."""

import numpy as np
import pytest

from oracles.kernels import run_linear, run_linear_grad_bias, run_linear_grad_input, run_linear_grad_weight
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels.linear import linear_tile, linear_weight_tile
from pellucid.compiler.tiles import BY_NAME, ForwardTile, WeightTile, instruction_set, supported
from pellucid.definitions.linear import linear, linear_grad_bias, linear_grad_input, linear_grad_weight
from pellucid.definitions.pointwise import relu_grad_input

TOLERANCE = 2e-5
HERE = supported()
FUSED = [isa for isa in BY_NAME.values() if isa.fused]
SIZES = [(1, 1), (7, 10), (33, 45)]


def arrays(rng, samples, inputs, outputs):
    return (rng.standard_normal(shape, np.float32) for shape in ((samples, inputs), (outputs, inputs), (outputs,)))


def in_pieces(**ranges):
    """Every combination of the given parts of ranges."""
    pieces = [{}]
    for name, parts in ranges.items():
        pieces = [{**piece, name: part} for piece in pieces for part in parts]
    return pieces


# ---- by hand
def test_a_sum_by_hand():
    isa = instruction_set()
    x, weight = np.array([[1, 2], [3, 4]], np.float32), np.array([[10, 100], [1, 0], [0, -1]], np.float32)
    y = run_linear(linear_tile(3, isa), isa, x, weight, np.array([0.5, 0, 1], np.float32), relu=True)
    assert y.tolist() == [[210.5, 1, 0], [430.5, 3, 0]]


def test_gradients_by_hand():
    isa = instruction_set()
    x, weight = np.array([[1, 2], [3, 4]], np.float32), np.array([[10, 100], [1, 0], [0, -1]], np.float32)
    grad_output = np.array([[1, 10, 100], [2, 20, 200]], np.float32)
    assert run_linear_grad_input(linear_tile(2, isa), isa, grad_output, weight).tolist() == [[20, 0], [40, 0]]
    grad_weight = run_linear_grad_weight(linear_weight_tile(2, 3, isa), isa, x, grad_output)
    assert grad_weight.tolist() == [[7, 10], [70, 100], [700, 1000]]
    assert run_linear_grad_bias(isa, grad_output).tolist() == [3, 30, 300]


# ---- against the definitions
@pytest.mark.parametrize("isa", HERE, ids=lambda isa: isa.name)
@pytest.mark.parametrize(("inputs", "outputs"), SIZES)
def test_any_number_of_samples_agrees_with_the_definition(inputs, outputs, isa, rng):
    tile = linear_tile(outputs, isa)
    for samples in (0, 3, 7, 16):
        x, weight, bias = arrays(rng, samples, inputs, outputs)
        y = run_linear(tile, isa, x, weight, bias, checked=isa is HERE[0] and inputs == 7)
        assert_agrees(y, linear(x.astype(float), weight.astype(float), bias.astype(float)), TOLERANCE)


@pytest.mark.parametrize("isa", HERE, ids=lambda isa: isa.name)
@pytest.mark.parametrize(("inputs", "outputs"), SIZES)
def test_gradients_agree_with_the_definitions(inputs, outputs, isa, rng):
    for samples in (0, 7):
        x, weight, _ = arrays(rng, samples, inputs, outputs)
        grad_output, checked = rng.standard_normal((samples, outputs), np.float32), isa is HERE[0] and inputs == 7
        back, g = linear_tile(inputs, isa), grad_output.astype(float)
        grad_input = run_linear_grad_input(back, isa, grad_output, weight, checked=checked)
        assert_agrees(grad_input, linear_grad_input(g, weight.astype(float)), TOLERANCE)
        masked = run_linear_grad_input(back, isa, grad_output, weight, x, checked=checked)
        assert np.array_equal(masked, relu_grad_input(x, grad_input))
        forth = linear_weight_tile(inputs, outputs, isa)
        grad_weight = run_linear_grad_weight(forth, isa, x, grad_output, checked=checked)
        assert_agrees(grad_weight, linear_grad_weight(x.astype(float), g), TOLERANCE)
        assert_agrees(run_linear_grad_bias(isa, grad_output, checked=checked), linear_grad_bias(g), TOLERANCE)


def test_a_nan_stays_one_where_the_mask_is_0(rng):
    isa, grad_output = instruction_set(), np.array([[np.nan], [1]], np.float32)
    weight, mask = np.ones((1, 3), np.float32), np.array([[1, 0, -1], [2, -0.0, np.nan]], np.float32)
    grad_input = run_linear_grad_input(linear_tile(3, isa), isa, grad_output, weight, mask)
    assert np.isnan(grad_input[0]).all()
    assert grad_input[1].tolist() == [1, 0, 0]


# ---- bits
def test_pieces_and_tiles_make_the_same_bits(rng):
    isa = instruction_set()
    x, weight, bias = arrays(rng, 13, 19, 30)
    results = {run_linear(linear_tile(30, isa), isa, x, weight, bias).tobytes()}
    pieces = in_pieces(images=[(0, 7), (7, 13)], blocks=[(0, 1), (1, 4)])
    results.add(run_linear(ForwardTile(4, 2, 3, 4), isa, x, weight, bias, pieces=pieces).tobytes())
    if isa.fused:
        results |= {run_linear(linear_tile(30, each), isa, x, weight, bias).tobytes() for each in FUSED}
    assert len(results) == 1


def test_a_single_sample_makes_the_same_bits_as_many(rng):
    isa = instruction_set()
    x, weight, bias = arrays(rng, 5, 19, 75)  # 75 outputs: pairs of blocks, a block that is left, and half of one
    tile = ForwardTile(4, 2, 4)
    whole = run_linear(tile, isa, x, weight, bias)
    for n in range(5):
        assert np.array_equal(run_linear(tile, isa, x[n : n + 1], weight, bias, checked=n == 0), whole[n : n + 1])


def test_gradients_in_pieces_and_other_tiles_make_the_same_bits(rng):
    isa = instruction_set()
    x, grad_output = rng.standard_normal((13, 19), np.float32), rng.standard_normal((13, 30), np.float32)
    results = {run_linear_grad_weight(linear_weight_tile(19, 30, isa), isa, x, grad_output).tobytes()}
    pieces = in_pieces(images=[(0, 7), (7, 13)], blocks=[(0, 1), (1, 4)], input_tiles=[(0, 2), (2, 7)])
    tile = WeightTile(4, 2, channels=3, band=5)
    results.add(run_linear_grad_weight(tile, isa, x, grad_output, pieces=pieces).tobytes())
    if isa.fused:
        tiles = [linear_weight_tile(19, 30, each) for each in FUSED]
        results |= {run_linear_grad_weight(tile, isa, x, grad_output).tobytes() for tile in tiles}
    assert len(results) == 1
    parts = run_linear_grad_bias(isa, grad_output, pieces=in_pieces(images=[(0, 7), (7, 13)]))
    assert np.array_equal(parts, run_linear_grad_bias(HERE[-1], grad_output))
