"""Moving numbers from one order to another: channels last, as the kernels keep images, and channels first.

Both ways are the transposition of a matrix for every sample, ``y[j, i] = x[i, j]``, done in tiles of registers:
vectors are loaded along j, brought into the other order there, and stored along i.

Axes: n samples, p pixels, c channels; i rows and j columns of the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ...geometry import Pair, Sides
from ..builder import Kernel
from ..cuts import Run
from ..values import Integer, Vector, pick, transposed
from .sweeps import between_zeros, clear, covering, lanes_within

FEW = 8
"""Up to so many rows or columns are interleaved: it takes a shuffle for each of them, a whole tile one for each bit."""

Load: TypeAlias = Callable[[Integer, Integer, int], Vector]
"""Returns so many neighbouring numbers of the matrix, from (row, column) on."""
Store: TypeAlias = Callable[[Vector, Integer, Integer], None]
"""Writes neighbouring numbers of the transposed matrix, from (row, column) on."""


def flatten(k: Kernel, pixels: int, channels: int) -> None:
    """``y[n, c·P + p] = x[n, p, c]``"""
    images, size = k.piece("images", k.samples), pixels * channels
    x = k.tensor("x", k.samples, pixels, channels).view(0, k.samples, size)
    y = k.tensor("y", k.samples, size)

    def load(p: Integer, c: Integer, lanes: int) -> Vector:
        return x.load(n, p * channels + c, lanes=lanes)

    def store(numbers: Vector, c: Integer, p: Integer) -> None:
        y.store(numbers, n, c * pixels + p)

    with k.range(*images) as n:
        transpose(k, pixels, channels, load, store)


def flatten_grad_input(k: Kernel, pixels: int, channels: int) -> None:
    """``grad_input[n, p, c] = grad_output[n, c·P + p]``"""
    images, size = k.piece("images", k.samples), pixels * channels
    grad_output = k.tensor("grad_output", k.samples, size)
    grad_input = k.tensor("grad_input", k.samples, pixels, channels).view(0, k.samples, size)

    def load(c: Integer, p: Integer, lanes: int) -> Vector:
        return grad_output.load(n, c * pixels + p, lanes=lanes)

    def store(numbers: Vector, p: Integer, c: Integer) -> None:
        grad_input.store(numbers, n, p * channels + c)

    with k.range(*images) as n:
        transpose(k, channels, pixels, load, store)


def pad(k: Kernel, channels: int, size: Pair, sides: Sides) -> None:
    """``y[n, i + top, j + left, c] = x[n, i, j, c]``, and 0 in the frame around."""
    (top, bottom), (left, right) = sides
    height, length, before, after = size[0], size[1] * channels, left * channels, right * channels
    images = k.piece("images", k.samples)
    x = k.tensor("x", k.samples, *size, channels).view(0, k.samples, height, length)
    y = k.tensor("y", k.samples, top + height + bottom, left + size[1] + right, channels)
    y = y.view(0, k.samples, top + height + bottom, before + length + after)

    with k.range(*images) as n:
        for rows in ((0, top), (top + height, top + height + bottom)):
            with k.range(*rows) as i:
                clear(k, before + length + after, y.at(n, i), 0)
        with k.range(0, height) as i:
            between_zeros(k, x.at(n, i), length, y.at(n, i + top), before, after)


def transpose(k: Kernel, rows: int, columns: int, load: Load, store: Store) -> None:
    """``y[j, i] = x[i, j]`` for every element of a matrix, in the way that suits its shape. Some are moved twice."""
    if rows <= FEW:
        interleave(k, rows, columns, load, store)
    elif columns <= FEW:
        deinterleave(k, rows, columns, load, store)
    else:
        transpose_tiles(k, rows, columns, load, store)


def interleave(k: Kernel, rows: int, columns: int, load: Load, store: Store) -> None:
    """Few rows: a vector of each of them makes vectors of whatever lies together in the transposed matrix.

    What is stored crosses the ends of its rows; what is loaded does not.
    """
    lanes = lanes_within(columns, k.isa.lanes)
    for run in covering(columns, lanes):
        with k.range(run.start, run.stop, lanes) as j:
            vectors = [load(i, j, lanes) for i in range(rows)]
            for v in range(rows):
                places = [(at % rows, at // rows) for at in range(v * lanes, (v + 1) * lanes)]
                store(pick(vectors, places), j, v * lanes)


def deinterleave(k: Kernel, rows: int, columns: int, load: Load, store: Store) -> None:
    """Few columns: vectors that lie together make a vector of each row of the transposed matrix.

    What is loaded crosses the ends of its rows; what is stored does not.
    """
    lanes = lanes_within(rows, k.isa.lanes)
    for run in covering(rows, lanes):
        with k.range(run.start, run.stop, lanes) as i:
            vectors = [load(i, v * lanes, lanes) for v in range(columns)]
            for j in range(columns):
                places = [divmod(at, lanes) for at in range(j, lanes * columns, columns)]
                store(pick(vectors, places), j, i)


def transpose_tiles(k: Kernel, rows: int, columns: int, load: Load, store: Store) -> None:
    """Tiles of as many rows as a vector has lanes. Neither loads nor stores cross the end of a row."""
    lanes = lanes_within(min(rows, columns), k.isa.lanes)

    def tiles(down: Run, across: Run) -> None:
        with k.range(down.start, down.stop, lanes) as i, k.range(across.start, across.stop, lanes) as j:
            vectors = [load(i + r, j, lanes) for r in range(lanes)]
            for r, vector in enumerate(transposed(vectors)):
                store(vector, j + r, i)

    for down in covering(rows, lanes):
        for across in covering(columns, lanes):
            tiles(down, across)
