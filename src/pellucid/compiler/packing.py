"""Weights as the kernels read them: whole vectors of neighbouring filters.

Canonical weights are ``(F, C/G, KH, KW)``. Packed, they are one flat array ``(G, V, KH, KW, C/G, lanes)`` where the
V = ⌈F/G/lanes⌉ vectors of a group hold its filters one after the other, one a lane. Lanes beyond the last filter hold
0. No tile shows in this: a kernel that works on several vectors at once reads as many streams side by side.

For the gradient of the input the roles of filters and channels are exchanged (see `for_input`), so that neighbouring
channels lie along the lanes. A linear layer (O, I) is a convolution (O, I, 1, 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .cuts import Run, full_pieces, full_runs
from .values import Integer

if TYPE_CHECKING:
    from .builder import Kernel, Span
    from .tensors import Tensor

Floats: TypeAlias = NDArray[np.float32]
WeightShape: TypeAlias = tuple[int, int, int, int]
"""Filters, channels that each of them sees, rows, columns."""
AT_ONCE = 1 << 16
"""Numbers that are packed at a time; these and what becomes of them fit into a second-level cache."""


def filter_blocks(filters: int, lanes: int, vectors: int) -> list[Run]:
    """Return the filters of a group in blocks of a tile's width, as runs: full ones, and a last one of what is left."""
    return full_runs(filters, lanes * vectors)


def numbered(blocks: list[Run]) -> list[tuple[int, Run]]:
    """Return each run with the number of pieces before it.

    Examples
    --------
    >>> [first for first, _ in numbered(filter_blocks(40, 16, 1))]
    [0, 2]
    """
    return [(sum(run.count for run in blocks[:i]), run) for i, run in enumerate(blocks)]


def live_lanes(filters: int, lanes: int) -> list[int]:
    """Return how many lanes of each vector hold a filter.

    Examples
    --------
    >>> live_lanes(40, 16)
    [16, 16, 8]
    """
    return [size for _, size in full_pieces(filters, lanes)]


@dataclass(frozen=True)
class FilterBlock:
    """Neighbouring vectors of filters that a kernel works on at once.

    Attributes
    ----------
    group : Integer
        The group they belong to.
    vector : Integer
        The first of the vectors, counted within its group.
    filter : Integer
        The first of the filters, counted over all groups.
    live : list of int
        How many lanes of each vector hold a filter.
    """

    group: Integer
    vector: Integer
    filter: Integer
    live: list[int]


def block_count(filters: int, lanes: int, vectors: int, groups: int = 1) -> int:
    """Return how many blocks of `vectors` vectors hold the filters of all groups."""
    return groups * -(-filters // groups // (lanes * vectors))


def blocks_of(
    k: Kernel, within: Span, filters: int, lanes: int, vectors: int, groups: int = 1, together: int = 1
) -> Iterator[FilterBlock]:
    """``for block in blocks`` at run time: those `within` a range of all blocks, which are counted group by group.

    Full blocks are taken `together`, as one block of so many times the vectors, as far as there are so many.
    """
    each = filters // groups
    a_group = block_count(each, lanes, vectors)
    with k.range(0, groups) as group:
        for before, run in numbered(filter_blocks(each, lanes, vectors)):
            start = group * a_group + before
            first, last = k.overlap((within[0] - start, within[1] - start), (0, run.count))
            for size in (together, 1) if 1 < together <= run.count else (1,):
                stop = first + k.maximum(last - first, 0) // size * size
                with k.range(first, stop, size) as number:
                    filter, vector = number * run.size + run.start, number * vectors + run.start // lanes
                    yield FilterBlock(group, vector, filter + group * each, live_lanes(size * run.size, lanes))
                first = stop


def packed_shape(shape: WeightShape, lanes: int, groups: int = 1) -> tuple[int, int, int, int, int, int]:
    """Return the shape (G, V, KH, KW, C/G, lanes) that weights (F, C/G, KH, KW) have when packed.

    Examples
    --------
    >>> packed_shape((40, 3, 5, 5), 16)
    (1, 3, 5, 5, 3, 16)
    """
    filters, channels, rows, columns = shape
    return groups, -(-filters // groups // lanes), rows, columns, channels, lanes


def packed_size(shape: WeightShape, lanes: int, groups: int = 1) -> int:
    """Return how many floats the weights (F, C/G, KH, KW) have when packed, those in dead lanes included."""
    return math.prod(packed_shape(shape, lanes, groups))


def packed_tensor(k: Kernel, name: str, shape: WeightShape, lanes: int, groups: int = 1) -> Tensor:
    """Declare packed weights as an argument, a flat array, and return it seen as (G, V, KH, KW, C/G, lanes)."""
    return k.tensor(name, packed_size(shape, lanes, groups)).view(0, *packed_shape(shape, lanes, groups))


def for_input(weight: Floats, groups: int = 1) -> Floats:
    """Return weights (F, C/G, KH, KW) with the input's channels as filters: (C, F/G, KH, KW), the taps where they were.

    Packed, these are the weights of the input's gradient: (G, ⌈C/G/lanes⌉, KH, KW, F/G, lanes).
    """
    filters, channels, rows, columns = weight.shape
    # (G, F/G, C/G, KH, KW) -> (G, C/G, F/G, KH, KW)
    exchanged = weight.reshape(groups, filters // groups, channels, rows, columns).swapaxes(1, 2)
    return np.ascontiguousarray(exchanged).reshape(groups * channels, filters // groups, rows, columns)


def pack(weight: Floats, lanes: int, groups: int = 1) -> Floats:
    """Return weights (F, C/G, KH, KW) packed for vectors of `lanes` lanes."""
    filters, channels, rows, columns = weight.shape
    packed = np.empty(packed_size((filters, channels, rows, columns), lanes, groups), np.float32)
    pack_into(packed, weight, lanes, groups)
    return packed


def pack_into(place: Floats, weight: Floats, lanes: int, groups: int = 1) -> None:
    """Pack weights (F, C/G, KH, KW) into their place; dead lanes become 0.

    A few vectors at a time, so that what is read and what is written stay in the cache: the weights of a large dense
    layer, transposed as a whole, take several times as long.
    """
    filters, channels, rows, columns = weight.shape
    packed = place.reshape(packed_shape((filters, channels, rows, columns), lanes, groups))
    each = filters // groups
    together = max(1, AT_ONCE // (lanes * channels * rows * columns)) * lanes
    for group, (start, size) in product(range(groups), full_pieces(each, together)):
        for run in full_runs(size, lanes):
            first, vector = group * each + start + run.start, (start + run.start) // lanes
            part = weight[first : first + run.count * run.size]
            # (V·live, C/G, KH, KW) -> (V, KH, KW, C/G, live)
            of_lanes = part.reshape(run.count, run.size, channels, rows, columns).transpose(0, 3, 4, 2, 1)
            vectors = packed[group, vector : vector + run.count]
            vectors[..., : run.size], vectors[..., run.size :] = of_lanes, 0


def unpack(packed: Floats, shape: WeightShape, lanes: int, groups: int = 1) -> Floats:
    """Return the weights (F, C/G, KH, KW) that `pack` packed."""
    filters, channels, rows, columns = shape
    # (G, V, KH, KW, C/G, lanes) -> (G, V, lanes, C/G, KH, KW)
    whole = packed.reshape(packed_shape(shape, lanes, groups)).transpose(0, 1, 5, 4, 2, 3)
    alive = whole.reshape(groups, -1, channels, rows, columns)[:, : filters // groups]
    return np.ascontiguousarray(alive).reshape(shape)
