"""Sums over samples and pixels for every channel: the gradients of biases.

An addition takes several cycles, so that a sum which is one chain waits for itself. Where channels are few, their sums
are cut into as many interleaved chains as it takes to keep the adders busy: chain j of `chains` adds up the pixels j,
j + chains, … of a sample, and a tree adds up the chains. How many there are follows from the shape alone.

Axes: n samples, p pixels, c channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..builder import Kernel, Span
from ..cuts import Run, full_runs
from ..packing import live_lanes
from ..tensors import Tensor
from ..values import Integer, Vector, pick
from .channels import BLOCK, Numbers, repeat

IN_FLIGHT = 96
"""The most sums of few channels that are under way at once."""


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


class Chains:
    """Sums over the pixels of a sample for a block of channels, as interleaved chains; see `sums`.

    Attributes
    ----------
    columns : list of tuple
        First channel, and how many lanes hold one, of each vector of channels.
    count : int
        How many chains there are, and pixels side by side.
    live : list of int
        How many lanes of each vector of pixels side by side hold a number.
    """

    def __init__(self, k: Kernel, pixels: int, channels: int, run: Run, c: Integer):
        self.k, self.lanes, self.first, self.run = k, k.isa.lanes, c, run
        self.pixels, self.channels, self.count = pixels, channels, chains_of(pixels, channels)
        self.live = live_lanes(self.count * run.size, self.lanes)
        self.columns = [(c + v * self.lanes, live) for v, live in enumerate(live_lanes(run.size, self.lanes))]

    def spread(self, vectors: Numbers) -> list[Vector]:
        """Return numbers of the channels as often as there are pixels side by side."""
        if self.count == 1:
            return list(vectors)
        return repeat(vectors, self.run.size, len(self.live) * self.lanes)

    def sums(self, term: Callable[[Integer, int, int], Vector]) -> list[Vector]:
        """Return for every vector of channels ``Σ p  term``, called with (where it lies in its sample, v, live).

        `v` counts vectors of pixels side by side; of a term's lanes those that are not `live` must be 0.
        """
        k, turns = self.k, self.pixels // self.count
        acc = k.registers(["sum"], len(self.live), self.lanes)
        for v in range(len(self.live)):
            acc["sum", v] = k.zeros(self.lanes)
        with k.range(0, turns) as turn:
            for v, live in enumerate(self.live):
                at = turn * (self.count * self.channels) + self.first + v * self.lanes
                acc["sum", v] += term(at, v, live)
        for v, live in enumerate(live_lanes(self.pixels % self.count * self.run.size, self.lanes)):
            acc["sum", v] += term(turns * self.count * self.channels + v * self.lanes, v, live)

        totals = [acc["sum", v] for v in range(len(self.live))]
        for level in reversed(range(self.count.bit_length() - 1)):
            totals = folded(totals, self.run.size << level)
        return totals


def chained(k: Kernel, pixels: int, channels: int) -> Iterator[Chains]:
    """Yield the blocks of channels whose sums are made at a time, in a loop where there are many."""
    whole = channels if chains_of(pixels, channels) > 1 else k.isa.lanes * BLOCK
    for run in full_runs(channels, whole):
        with k.range(run.start, run.stop, run.size) as c:
            yield Chains(k, pixels, channels, run, c)


def channel_sums(k: Kernel, images: Span, numbers: Tensor, sums: Tensor, pixels: int, channels: int) -> None:
    """``sums[c] += Σ n, p  numbers[n, p, c]``, a sample's pixels first and then one sample after the other.

    `numbers` is seen as (samples, pixels · channels).
    """
    for chains in chained(k, pixels, channels):
        with k.range(*images) as n:

            def number(at: Integer, v: int, live: int, n: Integer = n) -> Vector:
                return numbers.load(n, at, lanes=k.isa.lanes, live=live)

            for (c, live), total in zip(chains.columns, chains.sums(number), strict=True):
                sums.store(sums.load(c, lanes=chains.lanes, live=live) + total, c, live=live)


def folded(vectors: Sequence[Vector], size: int) -> list[Vector]:
    """Return ``a[i] + a[size + i]`` for the first `size` of 2 · `size` numbers, which lie in vectors one by one."""
    lanes, last = vectors[0].lanes, 2 * size - 1  # what the dead lanes behind the last number hold is no matter
    places = [[divmod(min(size + at, last), lanes) for at in range(v, v + lanes)] for v in range(0, size, lanes)]
    return [vectors[v] + pick(vectors, places[v]) for v in range(len(places))]
