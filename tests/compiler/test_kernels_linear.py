"""The fully connected kernel: against the definition in float64, any number of samples, the same bits in any tile."""

import numpy as np
import pytest

from oracles.kernels import run_linear
from oracles.numerical import assert_agrees
from pellucid.compiler.kernels.linear import linear_tile
from pellucid.compiler.tiles import BY_NAME, ForwardTile, instruction_set, supported
from pellucid.definitions.linear import linear

TOLERANCE = 2e-5


def arrays(rng, samples, inputs, outputs):
    return (rng.standard_normal(shape, np.float32) for shape in ((samples, inputs), (outputs, inputs), (outputs,)))


def test_a_sum_by_hand():
    isa = instruction_set()
    x, weight = np.array([[1, 2], [3, 4]], np.float32), np.array([[10, 100], [1, 0], [0, -1]], np.float32)
    y = run_linear(linear_tile(2, 3, isa), isa, x, weight, np.array([0.5, 0, 1], np.float32), relu=True)
    assert y.tolist() == [[210.5, 1, 0], [430.5, 3, 0]]


@pytest.mark.parametrize("isa", supported(), ids=lambda isa: isa.name)
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (7, 10), (33, 45)])
def test_any_number_of_samples_agrees_with_the_definition(inputs, outputs, isa, rng):
    tile = linear_tile(inputs, outputs, isa)
    for samples in (0, 1, 2, 3, 5, 11, 16):
        x, weight, bias = arrays(rng, samples, inputs, outputs)
        y = run_linear(tile, isa, x, weight, bias, checked=samples == 11)
        assert_agrees(y, linear(x.astype(float), weight.astype(float), bias.astype(float)), TOLERANCE)


def test_pieces_and_tiles_make_the_same_bits(rng):
    isa = instruction_set()
    x, weight, bias = arrays(rng, 13, 19, 30)
    results = {run_linear(linear_tile(19, 30, isa), isa, x, weight, bias).tobytes()}
    pieces = [{"images": images, "blocks": blocks} for images in ((0, 7), (7, 13)) for blocks in ((0, 1), (1, 4))]
    results.add(run_linear(ForwardTile(4, 2, 3, 4), isa, x, weight, bias, pieces=pieces).tobytes())
    if isa.fused:
        others = [each for each in BY_NAME.values() if each.fused]
        results |= {run_linear(linear_tile(19, 30, each), isa, x, weight, bias).tobytes() for each in others}
    assert len(results) == 1
