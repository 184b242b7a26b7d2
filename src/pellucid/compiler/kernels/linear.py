"""The fully connected layer. The formula is that of `definitions.linear`.

Axes: n samples, i input features, o output features, which run along the lanes of vectors; `block` counts groups of
outputs, of a tile's width each.
"""

from __future__ import annotations

from itertools import product

from ..builder import Kernel
from ..packing import filter_groups, group_view, live_lanes, numbered, packed_size
from ..tiles import ForwardTile, InstructionSet, lanes_for


def linear_tile(in_features: int, out_features: int, isa: InstructionSet) -> ForwardTile:
    """Return the tile of samples × vectors of outputs that has the most multiply-adds for each load."""
    lanes = lanes_for(out_features, isa)
    choices = list(enumerate(isa.tile_rows, 1))[: -(-out_features // lanes)]
    vectors, rows = max(choices, key=lambda tile: (tile[0] * tile[1] / (tile[0] + tile[1]), tile[0]))
    return ForwardTile(lanes, vectors, rows)


def linear(
    k: Kernel, in_features: int, out_features: int, tile: ForwardTile, bias: bool = True, relu: bool = False
) -> None:
    """``y[n, o] = bias[o] + Σ i  x[n, i] · w[i, o]``

    A tile of samples × vectors of outputs stays in registers while the features pass. The last samples, too few for
    a whole tile, are taken in ever smaller ones.
    """
    lanes, shape = tile.lanes, (out_features, in_features, 1, 1)
    groups = filter_groups(out_features, lanes, tile.vectors)

    rows, blocks = k.piece("rows", k.samples), k.piece("blocks", sum(group.count for group in groups))
    x = k.tensor("x", k.samples, in_features)
    packed = k.tensor("weight", packed_size(shape, lanes))
    biases = k.tensor("bias", out_features) if bias else None
    y = k.tensor("y", k.samples, out_features)

    for first_block, group in numbered(groups):
        live = live_lanes(group.size, lanes)
        weight = group_view(packed, group, shape, lanes)
        group_blocks = k.overlap((blocks[0] - first_block, blocks[1] - first_block), (0, group.count))
        with k.range(*group_blocks) as block:
            o, first = block * group.size + group.start, rows[0]
            start = [k.zeros(lanes) for _ in live]
            if biases:
                start = [biases.load(o + v * lanes, lanes=lanes, live=live[v]) for v in range(len(live))]

            for size in sorted({tile.rows, 4, 2, 1} & set(range(1, tile.rows + 1)), reverse=True):
                last = first + k.maximum(rows[1] - first, 0) // size * size
                with k.range(first, last, size) as n:
                    acc = k.registers(range(size), len(live), lanes)
                    for r, v in product(range(size), range(len(live))):
                        acc[r, v] = start[v]

                    for i in k.unrolled(in_features, tile.unroll):
                        weights = [weight.load(block, 0, 0, i, v * lanes, lanes=lanes) for v in range(len(live))]
                        for r in range(size):
                            value = x.splat(n + r, i, lanes=lanes)
                            for v in range(len(live)):
                                acc[r, v] += value * weights[v]

                    for r, v in product(range(size), range(len(live))):
                        result = acc[r, v].relu() if relu else acc[r, v]
                        y.store(result, n + r, o + v * lanes, live=live[v])
                first = last
