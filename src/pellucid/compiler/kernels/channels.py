"""Loops over images in which every channel has numbers of its own, such as a mean: the numbers stay in registers.

An image is seen flat, as (samples, pixels · channels). Where channels are few, several pixels fill whole vectors, and
the channels' numbers are laid side by side as often as there are pixels; else a block of channels is taken at a time.

Axes: n samples, p pixels, c channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from ..builder import Kernel, Span
from ..cuts import full_pieces, runs
from ..packing import live_lanes
from ..values import Integer, Vector, pick
from .sweeps import lanes_within, sweep

PERIOD = 8
"""Vectors, the most, after which pixels side by side begin with the first channel again."""
BLOCK = 8
"""Vectors of channels in a block, where there are so many."""

Numbers = Sequence[Vector]
"""What a kernel needs of some channels: vectors of them."""


def each_vector(
    k: Kernel, images: Span, pixels: int, channels: int,
    numbers: Callable[[Integer, int, int], Numbers], step: Callable[[Integer, Integer, Numbers], None],
) -> None:  # fmt: skip
    """``step(n, p · channels + c, numbers of the channels from c on)`` for vectors that cover all images.

    ``numbers(c, lanes, live)`` is called once a vector of channels. A vector may be handed out twice, as in `sweeps`.
    """
    period = math.lcm(channels, k.isa.lanes)
    if period <= PERIOD * k.isa.lanes and period <= pixels * channels:
        _side_by_side(k, images, pixels, channels, numbers, step)
        return
    lanes = lanes_within(channels, k.isa.lanes)
    for c, offsets in _blocks(k, channels, lanes):
        block = [(offset, _computed(numbers(c + offset, lanes, lanes))) for offset in offsets]
        with k.range(*images) as n, k.range(0, pixels) as p:
            for offset, own in block:
                step(n, p * channels + c + offset, own)


def _side_by_side(
    k: Kernel, images: Span, pixels: int, channels: int,
    numbers: Callable[[Integer, int, int], Numbers], step: Callable[[Integer, Integer, Numbers], None],
) -> None:  # fmt: skip
    """Take so many pixels at a time that they fill whole vectors."""
    lanes, period = k.isa.lanes, math.lcm(channels, k.isa.lanes)
    own = [_computed(numbers(v * lanes, lanes, live)) for v, live in enumerate(live_lanes(channels, lanes))]
    repeated = [repeat(kind, channels, period) for kind in zip(*own, strict=True)]
    with k.range(*images) as n:
        for start in sweep(k, pixels * channels, period, max(1, BLOCK * lanes // period)):
            for v in range(period // lanes):
                step(n, start + v * lanes, [kind[v] for kind in repeated])


def _computed(numbers: Numbers) -> Numbers:
    """Return numbers that are emitted by now: a product that waited would be emitted in the loop over the pixels."""
    return [number.rounded() for number in numbers]


def _blocks(k: Kernel, channels: int, lanes: int) -> Iterator[tuple[Integer, list[int]]]:
    """Yield (first channel of a block, where its vectors begin, from there); the last vector may be moved back."""
    starts = [*range(0, channels - lanes + 1, lanes), *([channels - lanes] if channels % lanes else [])]
    for run in runs(full_pieces(len(starts), BLOCK), lambda start, size: start + size == len(starts)):
        first = starts[run.start]
        offsets = [start - first for start in starts[run.start : run.start + run.size]]
        with k.range(first, first + run.count * run.size * lanes, run.size * lanes) as c:
            yield c, offsets


def repeat(vectors: Numbers, channels: int, size: int) -> list[Vector]:
    """Return `size` numbers, number i being that of channel i % channels; `vectors` hold those of all channels."""
    lanes = vectors[0].lanes
    places = [[divmod(i % channels, lanes) for i in range(v, v + lanes)] for v in range(0, size, lanes)]
    return [pick(vectors, place) for place in places]


def living(vector: Vector, live: int) -> Vector:
    """Return a vector with 0 in the lanes that hold nothing."""
    if live == vector.lanes:
        return vector
    k = vector.kernel
    return (k.words(range(vector.lanes)) < live).choose(vector, k.zeros(vector.lanes))
