"""Weights packed for the forward pass, packed a second time for the gradient of the input.

There neighbouring input channels lie along the lanes instead of neighbouring filters (see `packing`). Both packings keep
the taps apart, so all there is to do is to transpose a matrix of filters × channels for every tap of every group.
"""

from __future__ import annotations

from itertools import product

from ..builder import Kernel
from ..cuts import full_pieces, runs
from ..packing import WeightShape, live_lanes, packed_tensor
from ..tensors import Tensor
from ..values import Integer, Vector, pick


def repack(k: Kernel, shape: WeightShape, lanes: int, input_lanes: int, groups: int = 1) -> None:
    """``repacked[g, ⌊c/m⌋, ky, kx, f, c mod m] = weight[g, ⌊f/l⌋, ky, kx, c, f mod l]``

    for weights of `shape` (F, C/G, KH, KW), f and c counted within a group, with l `lanes` and m `input_lanes`. Lanes
    beyond the last channel become 0. The range "blocks" counts vectors of channels, group by group.
    """
    filters, channels, rows, columns = shape[0] // groups, *shape[1:]
    exchanged, a_group = (channels * groups, filters, rows, columns), -(-channels // input_lanes)
    blocks = k.piece("blocks", groups * a_group)
    weight = packed_tensor(k, "weight", shape, lanes, groups)
    repacked = packed_tensor(k, "repacked", exchanged, input_lanes, groups)

    with k.range(0, groups) as g:
        for run in runs(full_pieces(channels, input_lanes)):
            first = g * a_group + run.start // input_lanes
            with (
                k.range(*k.overlap((blocks[0] - first, blocks[1] - first), (0, run.count))) as number,
                k.range(0, rows) as ky,
                k.range(0, columns) as kx,
            ):
                c = number * input_lanes + run.start
                source, place = (g, ky, kx, c), (g, number + run.start // input_lanes, ky, kx)
                _transpose_tap(k, weight, source, repacked, place, filters, run.size)


def _transpose_tap(
    k: Kernel, weight: Tensor, source: tuple[Integer, ...], repacked: Tensor, place: tuple[Integer, ...],
    filters: int, live: int,
) -> None:  # fmt: skip
    """Transpose `live` channels of a tap for all filters, a square of as many lanes as both packings have at a time."""
    (g, ky, kx, c), lanes, input_lanes = source, weight.shape[-1], repacked.shape[-1]
    size = min(lanes, input_lanes)
    for run in runs(full_pieces(filters, lanes)):
        with k.range(0, run.count) as number:
            vector, f = number + run.start // lanes, number * lanes + run.start
            for f0 in range(0, run.size, size):
                for c0 in range(0, input_lanes, size):
                    square = [
                        weight.load(g, vector, ky, kx, c + i, f0, lanes=size) if i < live else k.zeros(size)
                        for i in range(c0, c0 + size)
                    ]
                    for r, column in enumerate(transposed(square)[: run.size - f0]):
                        repacked.store(column, *place, f + f0 + r, c0)


def transposed(square: list[Vector]) -> list[Vector]:
    """Return the transposed square of as many vectors as they have lanes, a power of two.

    Blocks trade places across the diagonal, then the blocks within them. Blocks of four, which registers of all
    processors can mix with one instruction, are done by interleaving twice.
    """
    vectors, lanes = list(square), range(len(square))
    quads = [range(q, q + 4) for q in range(0, len(square), 4)] if len(square) >= 4 else []
    distance = len(square) // 2
    while distance >= (4 if quads else 1):
        own = [(0, lane) if not lane & distance else (1, lane - distance) for lane in lanes]
        other = [(number, lane + distance) for number, lane in own]
        for r in (r for r in lanes if not r & distance):
            pair = vectors[r], vectors[r + distance]
            vectors[r], vectors[r + distance] = pick(pair, own), pick(pair, other)
        distance //= 2
    low, high = ([(lane % 2, lane // 4 * 4 + lane % 4 // 2 + half) for lane in lanes] for half in (0, 2))
    for quad, _ in product(quads, range(2)):
        a, b, c, d = (vectors[r] for r in quad)
        vectors[quad.start : quad.stop] = pick((a, c), low), pick((a, c), high), pick((b, d), low), pick((b, d), high)
    return vectors
