"""The fully connected layer and its gradients. The formulas are those of `definitions.linear`.

Axes: n samples, i input features, o output features. What runs along the lanes of vectors is what the weights are
packed for: the outputs, or the inputs in the inputs' gradient. A `block` is as many vectors as a tile is wide.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from ..builder import Kernel, Span
from ..cuts import even_pieces, full_pieces, runs
from ..packing import Block, block_count, blocks_of, live_lanes, numbered, packed_tensor
from ..tensors import Tensor
from ..tiles import ForwardTile, InstructionSet, WeightTile, lanes_for, turn_cost
from ..values import Integer, Vector
from .sums import channel_sums

PANEL_BYTES = 16 * 1024
"""What a panel of inputs may take, so that it stays in the first-level cache while all blocks pass over it."""
PANEL_SAMPLES = 64
"""For how many samples a panel is made to fit; more of them take more room."""


def linear_tile(in_features: int, out_features: int, isa: InstructionSet) -> ForwardTile:
    """Return the tile of samples × vectors of outputs that has the most multiply-adds for each load."""
    lanes = lanes_for(out_features, isa)
    choices = list(enumerate(isa.tile_rows, 1))[: -(-out_features // lanes)]
    vectors, rows = max(choices, key=lambda tile: (tile[0] * tile[1] / (tile[0] + tile[1]), tile[0]))
    return ForwardTile(lanes, vectors, rows)


def linear_weight_tile(in_features: int, out_features: int, isa: InstructionSet) -> WeightTile:
    """Return the tile of inputs × vectors of outputs for which `linear_grad_weight` takes the least time."""
    lanes = lanes_for(out_features, isa)

    def cost(tile: tuple[int, int]) -> int:
        vectors, rows = tile
        blocks = [len(live_lanes(size, lanes)) for _, size in full_pieces(out_features, lanes * vectors)]
        tiles = even_pieces(in_features, rows)
        return sum(turn_cost(isa, wide * size, wide + size) for wide in blocks for _, size in tiles)

    most = min(len(isa.tile_rows), -(-out_features // lanes))
    choices = [(v, r) for v in range(1, most + 1) for r in range(1, isa.tile_rows[v - 1] + 1) if isa.fits(v, r, v)]
    vectors, rows = min(choices, key=cost, default=(1, 1))
    return WeightTile(lanes, vectors, channels=rows)


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

    def start(block: Block, v: int) -> Vector:
        if biases is None:
            return k.zeros(lanes)
        return biases.load(block.filter + v * lanes, lanes=lanes, live=block.live[v])

    def finish(total: Vector, block: Block, n: Integer, v: int) -> None:
        y.store(total.relu() if relu else total, n, block.filter + v * lanes, live=block.live[v])

    for block in blocks_of(k, blocks, out_features, lanes, tile.vectors):
        products(k, images, block, tile, x, weight, in_features, start, finish)


def linear_grad_input(
    k: Kernel, in_features: int, out_features: int, tile: ForwardTile, masked: bool = False
) -> None:
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

    def finish(total: Vector, block: Block, n: Integer, v: int) -> None:
        at, live = (n, block.filter + v * lanes), block.live[v]
        if mask is not None:
            total = total * (mask.load(*at, lanes=lanes, live=live) > zero).choose(one, zero)
        grad_input.store(total, *at, live=live)

    for block in blocks_of(k, blocks, in_features, lanes, tile.vectors):
        products(k, images, block, tile, grad_output, weight, out_features, lambda block, v: zero, finish)


def products(
    k: Kernel, images: Span, block: Block, tile: ForwardTile, x: Tensor, weight: Tensor, terms: int,
    start: Callable[[Block, int], Vector], finish: Callable[[Vector, Block, Integer, int], None],
) -> None:  # fmt: skip
    """``finish(start + Σ i  x[n, i] · w[i])`` for the filters of a block.

    A tile of samples × vectors of filters stays in registers while the terms pass. The last samples, too few for a
    whole tile, are taken in ever smaller ones.
    """
    lanes, columns, first = tile.lanes, range(len(block.live)), images[0]
    starts = [start(block, v) for v in columns]
    for size in sorted({tile.rows, 4, 2, 1} & set(range(1, tile.rows + 1)), reverse=True):
        last = first + k.maximum(images[1] - first, 0) // size * size
        with k.range(first, last, size) as n:
            acc = k.registers(range(size), len(block.live), lanes)
            for r, v in product(range(size), columns):
                acc[r, v] = starts[v]

            for i in k.unrolled(terms, tile.unroll):
                weights = [weight.load(0, block.vector + v, 0, 0, i, 0, lanes=lanes) for v in columns]
                for r in range(size):
                    value = x.splat(n + r, i, lanes=lanes)
                    for v in columns:
                        acc[r, v] += value * weights[v]

            for r, v in product(range(size), columns):
                finish(acc[r, v], block, n + r, v)
        first = last


def linear_grad_weight(k: Kernel, in_features: int, out_features: int, tile: WeightTile) -> None:
    """``grad_weight[i, o] += Σ n  x[n, i] · grad_output[n, o]``

    A tile of inputs × vectors of outputs stays in registers while the samples pass. The tiles of a panel of inputs are
    taken one after the other for a block of outputs, and then for the next one, so that the panel stays in the cache.
    """
    lanes, filters = tile.lanes, (out_features, tile.lanes, tile.vectors)
    input_runs = runs(even_pieces(in_features, tile.channels))
    panel = max(1, PANEL_BYTES // (4 * PANEL_SAMPLES * tile.channels))

    images, blocks = k.piece("images", k.samples), k.piece("blocks", block_count(*filters))
    input_tiles = k.piece("input_tiles", sum(run.count for run in input_runs))
    x = k.tensor("x", k.samples, in_features)
    grad_output = k.tensor("grad_output", k.samples, out_features)
    grad_weight = packed_tensor(k, "grad_weight", (out_features, in_features, 1, 1), lanes)

    for before, run in numbered(input_runs):
        first, last = k.overlap((input_tiles[0] - before, input_tiles[1] - before), (0, run.count))
        with k.range(first, last, panel) as panel_start:
            for block in blocks_of(k, blocks, *filters):
                columns, o = range(len(block.live)), block.filter
                with k.range(panel_start, k.minimum(panel_start + panel, last), nonempty=True) as t:
                    i = t * run.size + run.start
                    acc = k.registers(range(run.size), len(columns), lanes)
                    place = {
                        (r, v): (0, block.vector + v, 0, 0, i + r, 0) for r, v in product(range(run.size), columns)
                    }
                    for at in place:
                        acc[at] = grad_weight.load(*place[at], lanes=lanes)

                    with k.range(*images) as n:
                        grads = [
                            grad_output.load(n, o + v * lanes, lanes=lanes, live=block.live[v]) for v in columns
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
