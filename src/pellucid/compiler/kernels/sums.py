"""Sums over samples and pixels for every channel: the gradients of biases.

An addition takes several cycles, so that a sum which is one chain waits for itself. Where channels are few, their sums
are cut into as many interleaved chains as it takes to keep the adders busy: chain j of `chains` adds up the pixels j,
j + chains, … of a sample, and a tree adds up the chains. How many there are follows from the shape alone.

Axes: n samples, p pixels, c channels.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..builder import Kernel, Span
from ..cuts import full_runs
from ..packing import live_lanes
from ..tensors import Tensor
from ..values import Vector, pick

IN_FLIGHT = 96
"""The most sums of few channels that are under way at once."""
VECTORS = 8
"""Vectors of channels side by side, where there are so many."""


def chains_of(pixels: int, channels: int) -> int:
    """Return in how many chains, a power of two, the sums over a sample's pixels are made.

    Examples
    --------
    >>> chains_of(576, 6), chains_of(64, 16), chains_of(3136, 64)
    (16, 4, 1)
    """
    chains = 1
    while 2 * chains * channels <= IN_FLIGHT and 2 * chains <= pixels:
        chains *= 2
    return chains


def channel_sums(k: Kernel, images: Span, numbers: Tensor, sums: Tensor, pixels: int, channels: int) -> None:
    """``sums[c] += Σ n, p  numbers[n, p, c]``, a sample's pixels first and then one sample after the other.

    `numbers` is seen as (samples, pixels · channels).
    """
    lanes, chains = k.isa.lanes, chains_of(pixels, channels)
    for run in full_runs(channels, lanes * VECTORS if chains == 1 else channels):
        live, channels_live = live_lanes(chains * run.size, lanes), live_lanes(run.size, lanes)
        left = live_lanes(pixels % chains * run.size, lanes)
        with k.range(run.start, run.stop, run.size) as c, k.range(*images) as n:
            acc = k.registers(["sum"], len(live), lanes)
            for v in range(len(live)):
                acc["sum", v] = k.zeros(lanes)
            with k.range(0, pixels // chains) as turn:
                for v in range(len(live)):
                    at = turn * (chains * channels) + c + v * lanes
                    acc["sum", v] += numbers.load(n, at, lanes=lanes, live=live[v])
            for v in range(len(left)):
                at = pixels // chains * chains * channels + v * lanes
                acc["sum", v] += numbers.load(n, at, lanes=lanes, live=left[v])

            totals = [acc["sum", v] for v in range(len(live))]
            for size in (run.size << level for level in reversed(range(chains.bit_length() - 1))):
                totals = folded(totals, size)
            for v in range(len(channels_live)):
                total = sums.load(c + v * lanes, lanes=lanes, live=channels_live[v]) + totals[v]
                sums.store(total, c + v * lanes, live=channels_live[v])


def folded(vectors: Sequence[Vector], size: int) -> list[Vector]:
    """Return ``a[i] + a[size + i]`` for the first `size` of 2 · `size` numbers, which lie in vectors one by one."""
    lanes, last = vectors[0].lanes, 2 * size - 1  # what the dead lanes behind the last number hold is no matter
    places = [[divmod(min(size + at, last), lanes) for at in range(v, v + lanes)] for v in range(0, size, lanes)]
    return [vectors[v] + pick(vectors, places[v]) for v in range(len(places))]
