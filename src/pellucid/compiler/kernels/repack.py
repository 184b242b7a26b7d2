"""Weights packed for the forward pass, packed a second time for the gradient of the input.

There neighbouring input channels lie along the lanes instead of neighbouring filters (see `packing`). Both packings
keep the taps apart, so all there is to do is to transpose a matrix of filters × channels for every tap of every group.
"""

from __future__ import annotations

from itertools import product

from ..builder import Kernel
from ..cuts import full_runs
from ..packing import WeightShape, packed_tensor
from ..tensors import Tensor
from ..values import Integer, transposed


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
        for run in full_runs(channels, input_lanes):
            first = g * a_group + run.start // input_lanes
            with (
                k.range(*k.overlap((blocks[0] - first, blocks[1] - first), (0, run.count))) as number,
                k.range(0, rows) as ky,
                k.range(0, columns) as kx,
            ):
                c, vector = number * input_lanes + run.start, number + run.start // input_lanes
                place = repacked.at(g, vector, ky, kx)
                _transpose_tap(k, weight, (g, ky, kx), c, run.size, place, filters, lanes, input_lanes)


def _transpose_tap(
    k: Kernel, weight: Tensor, tap: tuple[Integer, Integer, Integer], c: Integer, live: int,
    place: Tensor, filters: int, lanes: int, input_lanes: int,
) -> None:  # fmt: skip
    """Transpose a tap's `live` channels from c on, for all filters, in squares that vectors of both packings hold."""
    (g, ky, kx), size = tap, min(lanes, input_lanes)
    for run in full_runs(filters, lanes):
        with k.range(0, run.count) as number:
            vector, f = number + run.start // lanes, number * lanes + run.start
            for f0, c0 in product(range(0, run.size, size), range(0, input_lanes, size)):
                square = [
                    weight.load(g, vector, ky, kx, c + i, f0, lanes=size) if i < live else k.zeros(size)
                    for i in range(c0, c0 + size)
                ]
                for r, channels in enumerate(transposed(square)[: run.size - f0]):
                    place.store(channels, f + f0 + r, c0)
