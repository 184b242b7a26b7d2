"""Weights as the kernels read them: filters in groups of a tile's width, the group's filters innermost.

Canonical weights are ``(F, C, KH, KW)``. Packed, they are one flat array of the groups one after the other, each
``(KH, KW, C, width)``: whole vectors of neighbouring filters. Lanes beyond the last filter hold 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .cuts import Run, full_pieces, runs
from .tensors import Tensor

Floats = NDArray[np.float32]


def filter_groups(filters: int, lanes: int, vectors: int) -> list[Run]:
    """Return the groups of filters as runs: full ones, and a last one of what is left."""
    return runs(full_pieces(filters, lanes * vectors))


def numbered(groups: list[Run]) -> list[tuple[int, Run]]:
    """Return each run with the number of pieces before it.

    Examples
    --------
    >>> [first for first, _ in numbered(filter_groups(40, 16, 1))]
    [0, 2]
    """
    return [(sum(run.count for run in groups[:i]), group) for i, group in enumerate(groups)]


def live_lanes(filters: int, lanes: int) -> list[int]:
    """Return how many lanes of each vector hold a filter.

    Examples
    --------
    >>> live_lanes(40, 16)
    [16, 16, 8]
    """
    return [size for _, size in full_pieces(filters, lanes)]


def padded(filters: int, lanes: int) -> int:
    """Return the number of filters rounded up to whole vectors."""
    return -(-filters // lanes) * lanes


def packed_size(shape: tuple[int, int, int, int], lanes: int) -> int:
    """Return how many floats the weights (F, C, KH, KW) have when packed."""
    filters, channels, rows, columns = shape
    return padded(filters, lanes) * channels * rows * columns


def group_view(packed: Tensor, group: Run, shape: tuple[int, int, int, int], lanes: int) -> Tensor:
    """Return a run of groups in a packed tensor: (groups, KH, KW, C, width)."""
    _, channels, rows, columns = shape
    start = group.start * channels * rows * columns
    return packed.view(start, group.count, rows, columns, channels, padded(group.size, lanes))


def pack(weight: Floats, lanes: int, vectors: int) -> Floats:
    """Return weights (F, C, KH, KW) packed for tiles of `vectors` vectors of `lanes` lanes."""
    packed = np.zeros(packed_size(_four(weight.shape), lanes), np.float32)
    for (start, size), part in _groups(packed, _four(weight.shape), lanes, vectors):
        # (width, C, KH, KW) -> (KH, KW, C, width)
        part[..., :size] = weight[start : start + size].transpose(2, 3, 1, 0)
    return packed


def unpack(packed: Floats, shape: tuple[int, int, int, int], lanes: int, vectors: int) -> Floats:
    """Return the weights (F, C, KH, KW) that `pack` packed."""
    weight = np.empty(shape, np.float32)
    for (start, size), part in _groups(packed, shape, lanes, vectors):
        weight[start : start + size] = part[..., :size].transpose(3, 2, 0, 1)
    return weight


def _groups(
    packed: Floats, shape: tuple[int, int, int, int], lanes: int, vectors: int
) -> Iterator[tuple[tuple[int, int], Floats]]:
    filters, channels, rows, columns = shape
    for start, size in full_pieces(filters, lanes * vectors):
        width, inner = padded(size, lanes), channels * rows * columns
        part = packed[start * inner : start * inner + width * inner]
        yield (start, size), part.reshape(rows, columns, channels, width)


def _four(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    filters, channels, rows, columns = shape
    return filters, channels, rows, columns
