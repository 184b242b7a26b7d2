"""Sweeps over the numbers of a sample, a vector at a time, without a number outside and without a masked lane.

Where vectors do not divide a length, the last one is moved back to end with it, and what it shares with the one before
is written twice: with the same numbers, for no kernel that sweeps reads what it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..builder import Kernel
from ..cuts import Run
from ..tensors import Tensor
from ..values import Integer, Vector

UNROLL = 4


def lanes_within(length: int, most: int) -> int:
    """Return the largest power of two that is neither more than `most`, itself one, nor than `length`.

    Examples
    --------
    >>> lanes_within(10, 16)
    8
    """
    lanes = most
    while lanes > length:
        lanes //= 2
    return lanes


def covering(length: int, size: int) -> list[Run]:
    """Return pieces of `size` that cover a length; the last one may overlap the one before.

    Examples
    --------
    >>> [(run.start, run.count) for run in covering(10, 4)]
    [(0, 2), (6, 1)]
    """
    whole = Run(0, size, length // size)
    return [whole] if length % size == 0 else [whole, Run(length - size, size, 1)]


def sweep(k: Kernel, length: int, lanes: int, unroll: int = UNROLL) -> Iterator[Integer]:
    """``for i in range(0, length, lanes)`` at run time, `unroll` turns of it in one; the last i may be moved back."""
    for vector in k.unrolled(length // lanes, unroll):
        yield vector * lanes
    if length % lanes:
        yield length - lanes


def copy(k: Kernel, size: int, source: Tensor, first: Integer, target: Tensor, to: Integer) -> None:
    """Copy so many neighbouring numbers, from `first` on to where `to` says."""
    lanes = lanes_within(size, k.isa.lanes)
    for i in sweep(k, size, lanes):
        target.store(source.load(i + first, lanes=lanes), i + to)


def clear(k: Kernel, size: int, target: Tensor, to: Integer) -> None:
    """Write so many zeros, maybe none, from `to` on."""
    if size:
        lanes = lanes_within(size, k.isa.lanes)
        for i in sweep(k, size, lanes):
            target.store(k.zeros(lanes), i + to)


def between_zeros(k: Kernel, source: Tensor, size: int, target: Tensor, before: int, after: int) -> None:
    """Copy the first `size` numbers, and write so many zeros before and after them."""
    clear(k, before, target, 0)
    copy(k, size, source, 0, target, before)
    clear(k, after, target, before + size)


def each_number(k: Kernel, size: int, inputs: tuple[str, ...], output: str, number: Callable[..., Vector]) -> None:
    """``output[n, i] = number(input[n, i], …)``"""
    images, lanes = k.piece("images", k.samples), lanes_within(size, k.isa.lanes)
    tensors = [k.tensor(name, k.samples, size) for name in inputs]
    result = k.tensor(output, k.samples, size)
    with k.range(*images) as n:
        for i in sweep(k, size, lanes):
            result.store(number(*(tensor.load(n, i, lanes=lanes) for tensor in tensors)), n, i)
