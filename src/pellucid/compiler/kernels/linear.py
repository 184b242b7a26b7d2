"""The fully connected layer and its gradients. The formulas are those of `definitions.linear`.

Axes: n samples, i input features, o output features. What runs along the lanes of vectors is what the weights are
packed for: the outputs, or the inputs in the inputs' gradient. A `block` is as many vectors as a tile is wide.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product

from ..builder import Kernel, Span
from ..cuts import even_runs
from ..packing import FilterBlock, block_count, blocks_of, filter_blocks, live_lanes, numbered, packed_tensor
from ..tensors import Tensor
from ..tiles import ForwardTile, InstructionSet, WeightTile, lanes_for, turn_cost
from ..values import Integer, Vector
from .sums import channel_sums

TOGETHER = 2
"""How many blocks a single sample is multiplied with at a time."""
PANEL = 256
"""Inputs whose gradients stay in the cache while bands of samples pass."""
BAND, SHORT_BAND = 64, 8
"""Samples in a band; and where rows lie a multiple of 4 KB apart, so that the same columns of all of them fall on the
same few places of a first-level cache, which commonly has room for eight."""
CACHE_STRIDE = 4096


@cache
def linear_tile(out_features: int, isa: InstructionSet) -> ForwardTile:
    """Return the tile of samples × vectors of outputs that has the most multiply-adds for each load."""
    lanes = lanes_for(out_features, isa)
    choices = list(enumerate(isa.tile_rows, 1))[: -(-out_features // lanes)]
    vectors, rows = max(choices, key=lambda tile: (tile[0] * tile[1] / (tile[0] + tile[1]), tile[0]))
    return ForwardTile(lanes, vectors, rows)


@cache
def linear_weight_tile(in_features: int, out_features: int, isa: InstructionSet) -> WeightTile:
    """Return the tile of inputs × vectors of outputs for which `linear_grad_weight` takes the least time."""
    lanes = lanes_for(out_features, isa)

    def cost(tile: tuple[int, int]) -> int:
        vectors, rows = tile
        total = 0
        for block, tile_run in product(filter_blocks(out_features, lanes, vectors), even_runs(in_features, rows)):
            wide = len(live_lanes(block.size, lanes))
            total += block.count * tile_run.count * turn_cost(isa, wide * tile_run.size, wide + tile_run.size)
        return total

    most = min(len(isa.tile_rows), -(-out_features // lanes))
    choices = [(v, r) for v in range(1, most + 1) for r in range(1, isa.tile_rows[v - 1] + 1) if isa.fits(v, r, v)]
    vectors, rows = min(choices, key=cost, default=(1, 1))
    clash = any(4 * features % CACHE_STRIDE == 0 for features in (in_features, out_features))
    return WeightTile(lanes, vectors, channels=rows, band=SHORT_BAND if clash else BAND)


def linear(
    k: Kernel, in_features: int, out_features: int, tile: ForwardTile, bias: bool = True, relu: bool = False
) -> None:
    """``y[n, o] = bias[o] + Σ i  x[n, i] · w[i, o]``. With `relu` the result passes through it on its way to memory."""
    lanes = tile.lanes
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(out_features, lanes, tile.vectors))
    x = k.tensor("x", k.samples, in_features)
    weight = packed_tensor(k, "weight", (out_features, in_features, 1, 1), lanes)
    biases = k.tensor("bias", out_features) if bias else None
    y = k.tensor("y", k.samples, out_features)

    def start(block: FilterBlock, v: int) -> Vector:
        if biases is None:
            return k.zeros(lanes)
        return biases.load(block.filter + v * lanes, lanes=lanes, live=block.live[v])

    def finish(total: Vector, block: FilterBlock, n: Integer, v: int) -> None:
        y.store(total.relu() if relu else total, n, block.filter + v * lanes, live=block.live[v])

    products(k, images, blocks, out_features, tile, x, weight, in_features, start, finish)


def linear_grad_input(k: Kernel, in_features: int, out_features: int, tile: ForwardTile, masked: bool = False) -> None:
    """``grad_input[n, i] = Σ o  grad_output[n, o] · w[o, i]``, the weights packed for the input.

    With `masked`, ``· (mask[n, i] > 0 ? 1 : 0)``: the layer's input is that of a ReLU, and this its gradient too.
    """
    lanes = tile.lanes
    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(in_features, lanes, tile.vectors))
    grad_output = k.tensor("grad_output", k.samples, out_features)
    weight = packed_tensor(k, "weight", (in_features, out_features, 1, 1), lanes)
    mask = k.tensor("mask", k.samples, in_features) if masked else None
    grad_input = k.tensor("grad_input", k.samples, in_features)
    zero, one = k.zeros(lanes), k.constant(1.0, lanes)

    def finish(total: Vector, block: FilterBlock, n: Integer, v: int) -> None:
        at, live = (n, block.filter + v * lanes), block.live[v]
        if mask is not None:
            total = total * (mask.load(*at, lanes=lanes, live=live) > zero).choose(one, zero)
        grad_input.store(total, *at, live=live)

    def start(block: FilterBlock, v: int) -> Vector:
        return zero

    products(k, images, blocks, in_features, tile, grad_output, weight, out_features, start, finish)


def products(
    k: Kernel, images: Span, blocks: Span, filters: int, tile: ForwardTile, x: Tensor, weight: Tensor, terms: int,
    start: Callable[[FilterBlock, int], Vector], finish: Callable[[Vector, FilterBlock, Integer, int], None],
) -> None:  # fmt: skip
    """``finish(start + Σ i  x[n, i] · w[i])`` for blocks of filters.

    A tile of samples × vectors of filters stays in registers while the terms pass. The last samples, too few for a
    whole tile, are taken in ever smaller ones, and a single one with more vectors at a time, so that still enough sums
    are under way.
    """
    first = images[0]
    for size in sorted({tile.rows, 4, 1} & set(range(1, tile.rows + 1)), reverse=True):
        last = first + k.maximum(images[1] - first, 0) // size * size
        together = TOGETHER if size == 1 else 1
        for block in blocks_of(k, blocks, filters, tile.lanes, tile.vectors, together=together):
            columns = range(len(block.live))
            starts = [start(block, v) for v in columns]
            with k.range(first, last, size) as n:
                acc = k.registers(range(size), len(columns), tile.lanes)
                for r, v in product(range(size), columns):
                    acc[r, v] = starts[v]

                for i in k.unrolled(terms, tile.unroll):
                    weights = [weight.load(0, block.vector + v, 0, 0, i, 0, lanes=tile.lanes) for v in columns]
                    for r in range(size):
                        value = x.splat(n + r, i, lanes=tile.lanes)
                        for v in columns:
                            acc[r, v] += value * weights[v]

                for r, v in product(range(size), columns):
                    finish(acc[r, v], block, n + r, v)
        first = last


def linear_grad_weight(k: Kernel, in_features: int, out_features: int, tile: WeightTile) -> None:
    """``grad_weight[i, o] += Σ n  x[n, i] · grad_output[n, o]``

    A tile of inputs × vectors of outputs stays in registers while a band of samples passes. The tiles of a panel of
    inputs are taken one after the other; the panel stays in the cache while one band after the other passes over it,
    and from band to band a sum goes on where it stood in memory.
    """
    lanes, filters = tile.lanes, (out_features, tile.lanes, tile.vectors)
    input_runs, panel = even_runs(in_features, tile.channels), -(-PANEL // tile.channels)

    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(*filters))
    input_tiles = k.piece("input_tiles", sum(run.count for run in input_runs))
    x = k.tensor("x", k.samples, in_features)
    grad_output = k.tensor("grad_output", k.samples, out_features)
    grad_weight = packed_tensor(k, "grad_weight", (out_features, in_features, 1, 1), lanes)

    for before, run in numbered(input_runs):
        first, last = k.overlap((input_tiles[0] - before, input_tiles[1] - before), (0, run.count))
        with k.range(first, last, panel) as p0:
            for block in blocks_of(k, blocks, *filters):
                columns, panel_tiles = range(len(block.live)), (p0, k.minimum(p0 + panel, last))
                with k.range(*images, tile.band) as n0, k.range(*panel_tiles, nonempty=True) as t:
                    i = t * run.size + run.start
                    acc = k.registers(range(run.size), len(columns), lanes)
                    place = {
                        (r, v): (0, block.vector + v, 0, 0, i + r, 0) for r, v in product(range(run.size), columns)
                    }
                    for at in place:
                        acc[at] = grad_weight.load(*place[at], lanes=lanes)

                    with k.range(n0, k.minimum(n0 + tile.band, images[1]), nonempty=True) as n:
                        grads = [
                            grad_output.load(n, block.filter + v * lanes, lanes=lanes, live=block.live[v])
                            for v in columns
                        ]
                        for r in range(run.size):
                            value = x.splat(n, i + r, lanes=lanes)
                            for v in columns:
                                acc[r, v] += value * grads[v]

                    for at in place:
                        grad_weight.store(acc[at], *place[at])


def linear_grad_bias(k: Kernel, out_features: int) -> None:
    """``grad_bias[o] += Σ n  grad_output[n, o]``"""
    images = k.piece("images", k.samples)
    grad_output, grad_bias = k.tensor("grad_output", k.samples, out_features), k.tensor("grad_bias", out_features)
    channel_sums(k, images, grad_output, grad_bias, 1, out_features)
