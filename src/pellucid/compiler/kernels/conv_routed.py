"""The gradient of a convolution's weights behind max pooling, where most of the gradient is 0.

Max pooling gives the gradient of each of its outputs to one pixel, the winner of the window, and 0 to all others. So
the sum over the places of a filter has no more terms than there are pooled outputs: with windows of 2 × 2 a quarter.
The gradient comes *routed*: as that of the pooled outputs, and the winners' places, which `max_pool2d_winners` has
noted. Products with the zeros in between are not made: what is infinite in the image, and met only zeros, makes no NaN.

Axes: n samples, p pooled outputs, f filters, ky filter rows. The taps and channels of a filter row, KW·C numbers, lie
side by side in the image as in the weights: e counts along them, and the lanes of vectors do. The last vector of a row
begins early enough to end with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ..builder import Kernel
from ..cuts import even_pieces, full_runs, runs
from ..packing import WeightShape, packed_size
from ..tensors import UINT32, Tensor
from ..tiles import X86, lanes_for
from ..values import Integer, transposed
from .convolution import Convolution

MOST_WEIGHTS = 1024
"""The most weights of a filter: the sums of a vector of filters lie on the stack, which may be a small one."""
PART = 1024
"""Pooled outputs that are summed in one chain, the most."""
UNROLLED = 48
"""Up to so many vectors of a filter's weights are written out one by one."""
WIDEST = X86[0].lanes
"""Floats of the widest vector of any machine: what suits must not depend on this one's."""


def suits_routes(conv: Convolution, outputs: int) -> bool:
    """Return whether the gradient of a convolution's weights had better be made from a routed gradient of so many
    pooled outputs: at least half of it is 0, and a filter row lies in one piece, wherever in the image."""
    (rows, columns), (height, width) = conv.window.kernel_size, conv.out_size
    length = columns * conv.in_channels
    in_one_piece = conv.groups == 1 and (columns == 1 or conv.window.dilation[1] == 1)
    inside = length >= WIDEST or (1 < rows <= UNROLLED and row_step(conv) + length >= WIDEST)
    return 2 * outputs <= height * width and in_one_piece and inside and rows * length <= MOST_WEIGHTS


def routed_multiply_adds(conv: Convolution, outputs: int) -> int:
    """Return the multiply-adds of one sample."""
    return outputs * math.prod(conv.weight_shape)


def row_step(conv: Convolution) -> int:
    """Return how many numbers of the image lie between one row of the window and the next."""
    return conv.window.dilation[0] * conv.size[1] * conv.in_channels


def conv2d_grad_weight_routed(k: Kernel, conv: Convolution, outputs: int) -> None:
    """``grad_weight[ky, e, f] += Σ n, p  grad[n, p, f] · x[n, winner[n, p, f] + ky·DH·W·C + e]``

    where the window that p's gradient goes to begins at number `winner` of the image, which has no padding or has it
    already. Each image's outputs, or a part of them where there are many, are summed from 0 in a chain over p; these
    sums are added up in a chain over n and the parts.

    The sums of a vector of filters lie in memory while the images pass. A tile of filters × vectors of weights stays in
    registers for a part of one image, which stays in the cache.
    """
    filter_rows = FilterRows(k, conv.weight_shape)
    packed, lanes, step = filter_rows.packed, filter_rows.lanes, row_step(conv)
    images = k.piece("images", k.samples)
    x = k.tensor("x", k.samples, conv.size[0] * conv.size[1] * conv.in_channels)
    grad = k.tensor("grad", k.samples, outputs, conv.out_channels)
    winner = k.tensor("winner", k.samples, outputs, conv.out_channels, element=UINT32)
    grad_weight = k.tensor("grad_weight", packed_size(conv.weight_shape, packed))
    sums = filter_rows.scratch()

    for run in full_runs(conv.out_channels, packed):
        with k.range(run.start, run.stop, packed) as f0:
            filter_rows.bring(grad_weight, f0, sums)
            with k.range(*images) as n:
                for tile in filter_rows.tiles():
                    for together in full_runs(run.size, max(1, k.isa.tile_rows[0] // len(tile))):
                        with (
                            k.range(together.start, together.stop, together.size) as f,
                            k.range(0, outputs, PART) as p0,
                        ):
                            places = list(product(range(together.size), tile))
                            acc = k.registers(places, 1, lanes)
                            for at in places:
                                acc[at, 0] = k.zeros(lanes)

                            with k.range(p0, k.minimum(p0 + PART, outputs), nonempty=True) as p:
                                for i in range(together.size):
                                    window = winner.integer(n, p, f0 + f + i)
                                    value = grad.splat(n, p, f0 + f + i, lanes=lanes)
                                    for vector in tile:
                                        pixels = x.load(n, window + vector.ky * step + vector.e, lanes=lanes)
                                        acc[(i, vector), 0] += value * pixels

                            for i, vector in places:
                                place = f + i, vector.ky, vector.number, 0
                                sums.store(sums.load(*place, lanes=lanes) + acc[(i, vector), 0], *place)
            filter_rows.take_back(sums, grad_weight, f0)


@dataclass(frozen=True, eq=False)
class WeightVector:
    """A vector of neighbouring weights of a filter row: its number within the row, and e of its first lane."""

    ky: Integer
    number: Integer
    e: Integer


@dataclass(frozen=True)
class FilterRows:
    """The rows of filters as vectors along e, for weights of `shape` (F, C, KH, KW)."""

    k: Kernel
    shape: WeightShape

    @property
    def rows(self) -> int:
        """How many rows a filter has."""
        return self.shape[2]

    @property
    def length(self) -> int:
        """How many weights a row has."""
        return self.shape[3] * self.shape[1]

    @property
    def packed(self) -> int:
        """How many filters lie side by side where the weights are packed."""
        return lanes_for(self.shape[0], self.k.isa)

    @property
    def lanes(self) -> int:
        """Lanes of a vector of a row: few for a short row, but as many as there are filters side by side, since what
        is brought and taken back is turned around in squares."""
        return max(self.packed, lanes_for(self.length, self.k.isa))

    @property
    def vectors(self) -> int:
        """How many vectors a row has."""
        return -(-self.length // self.lanes)

    def vector(self, ky: Integer, number: Integer) -> WeightVector:
        """Return a vector of a row; which is the last one must be known while emitting.

        Where a row is shorter than a vector, e is negative: the first lanes hold what comes before it in the image. In
        the first row, before which there may be nothing, the last lanes hold what comes behind it instead.
        """
        lanes, back = self.lanes, self.length - self.lanes
        if back < 0 and not isinstance(ky, int):
            raise TypeError(f"{self.k.name}: rows shorter than a vector need a row that is known while emitting")
        if not isinstance(number, int) or (number + 1) * lanes <= self.length:
            return WeightVector(ky, number, number * lanes)
        return WeightVector(ky, number, 0 if back < 0 and ky == 0 else back)

    def tiles(self) -> Iterator[list[WeightVector]]:
        """Yield a filter's weights in tiles of vectors: few of them one by one, many row by row."""
        k, most = self.k, self.k.isa.tile_rows[0]
        if self.rows * self.vectors <= UNROLLED:
            every = [self.vector(ky, number) for ky, number in product(range(self.rows), range(self.vectors))]
            yield from (every[start : start + size] for start, size in even_pieces(len(every), most))
            return
        with k.range(0, self.rows) as ky:
            for run in runs(even_pieces(self.vectors, most), lambda start, size: start + size == self.vectors):
                with k.range(run.start, run.stop, run.size) as first:
                    yield [self.vector(ky, first + i) for i in range(run.size)]

    def each(self) -> Iterator[WeightVector]:
        """Yield a filter's weights vector by vector."""
        k, whole = self.k, self.length // self.lanes
        if not whole:
            yield from (self.vector(ky, 0) for ky in range(self.rows))
            return
        with k.range(0, self.rows) as ky:
            with k.range(0, whole) as number:
                yield self.vector(ky, number)
            if whole < self.vectors:
                yield self.vector(ky, whole)

    def scratch(self) -> Tensor:
        """Return room for the sums of as many filters as are packed side by side: [f, ky, vector, lane]."""
        shape = self.packed, self.rows, self.vectors, self.lanes
        return self.k.scratch("sums", math.prod(shape)).view(0, *shape)

    def bring(self, weights: Tensor, f0: Integer, sums: Tensor) -> None:
        """``sums[f, ky, e] = weights[ky, e, f0 + f]``; lanes without a weight become 0."""
        own, lanes = self._of_filters(weights, f0), self.lanes
        for vector in self.each():
            square = [
                own.load(vector.ky, vector.e + i, 0, lanes=lanes, live=self.packed)
                if self._is_weight(vector, i)
                else self.k.zeros(lanes)
                for i in range(lanes)
            ]
            for f, filter in enumerate(transposed(square)[: self.packed]):
                sums.store(filter, f, vector.ky, vector.number, 0)

    def take_back(self, sums: Tensor, weights: Tensor, f0: Integer) -> None:
        """``weights[ky, e, f0 + f] = sums[f, ky, e]``; of weights in two vectors those in the first count."""
        own, lanes = self._of_filters(weights, f0), self.lanes
        for vector in self.each():
            square = [
                sums.load(f, vector.ky, vector.number, 0, lanes=lanes) if f < self.packed else self.k.zeros(lanes)
                for f in range(lanes)
            ]
            for i, weight in enumerate(transposed(square)):
                if self._is_weight(vector, i) and not self._is_twice(vector, i):
                    own.store(weight, vector.ky, vector.e + i, 0, live=self.packed)

    def _of_filters(self, weights: Tensor, f0: Integer) -> Tensor:
        """Return the packed weights of the filters from f0 on, which begin a vector of them."""
        return weights.view(f0 * (self.rows * self.length), self.rows, self.length, self.packed)

    def _is_weight(self, vector: WeightVector, lane: int) -> bool:
        return not isinstance(vector.e, int) or 0 <= vector.e + lane < self.length

    def _is_twice(self, vector: WeightVector, lane: int) -> bool:
        """Return whether a lane's weight is one of the vector before, too."""
        number, e = vector.number, vector.e
        return isinstance(number, int) and isinstance(e, int) and e + lane < number * self.lanes
