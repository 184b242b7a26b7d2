"""Dropout and its gradient. The formula and the random words are those of `definitions.pointwise.dropout`.

Four channels of a pixel, a group, share a counter of Philox; a lane draws the words of one group. So vectors of
neighbouring groups, of one pixel or of several whole ones, hold the words of neighbouring numbers, once they are put
into their order.

Axes: n samples, p pixels, c channels, g groups of channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..builder import Kernel
from ..cuts import full_pieces, full_runs
from ..packing import live_lanes
from ..philox import Four, key_words, philox
from ..tensors import INT64, UINT32
from ..values import Integer, Words, pick

GROUP = 4
"""Channels that share a counter: Philox draws so many words."""


def dropout(k: Kernel, pixels: int, channels: int, p: float, ordinal: int) -> None:
    """``y[n, p, c] = x[n, p, c] · (1/(1 − p) where u[n, p, c] ≥ ⌊p·2³²⌋, else 0)``"""
    _masked(k, pixels, channels, p, ordinal, "x", "y")


def dropout_grad_input(k: Kernel, pixels: int, channels: int, p: float, ordinal: int) -> None:
    """``grad_input[n, p, c] = grad_output[n, p, c] · (1/(1 − p) where u[n, p, c] ≥ ⌊p·2³²⌋, else 0)``"""
    _masked(k, pixels, channels, p, ordinal, "grad_output", "grad_input")


def _masked(k: Kernel, pixels: int, channels: int, p: float, ordinal: int, source: str, result: str) -> None:
    """Multiply by the mask. What is dropped is multiplied by 0, so that a NaN stays one."""
    lanes, threshold = k.isa.lanes, int(p * 2**32)
    images = k.piece("images", k.samples)
    x = k.tensor(source, k.samples, pixels, channels).view(0, k.samples, pixels * channels)
    key = key_words(k.tensor("key", 2, element=UINT32))
    position = k.tensor("position", k.samples, element=INT64)
    y = k.tensor(result, k.samples, pixels, channels).view(0, k.samples, pixels * channels)

    factor, zero = k.constant(1 / (1 - p), lanes), k.zeros(lanes)
    with k.range(*images) as n:
        sample, consumer = k.spread(position.integer(n), lanes, 64), k.spread(ordinal, lanes, 64)
        for box in _boxes(k, pixels, channels):
            words = box.in_order(philox(k, (sample, consumer, *box.pixels_and_groups(k)), key))
            for v, live in enumerate(live_lanes(box.size, lanes)):
                at = box.p * channels + box.c + v * lanes
                mask = (words[v] >= threshold).choose(factor, zero)
                y.store(x.load(n, at, lanes=lanes, live=live) * mask, n, at, live=live)


@dataclass(frozen=True)
class _Box:
    """Numbers whose words are drawn at once: whole `pixels` from p on, or `channels` of one pixel from c on."""

    p: Integer
    c: Integer
    pixels: int
    channels: int
    lanes: int

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.pixels * self.channels

    @property
    def groups(self) -> int:
        """Groups of a pixel."""
        return -(-self.channels // GROUP)

    def pixels_and_groups(self, k: Kernel) -> tuple[Words, Words]:
        """Return the numbers of each lane's pixel and group; lanes behind the last group draw words for nobody."""
        pixels, groups = zip(*(divmod(lane, self.groups) for lane in range(self.lanes)), strict=True)
        return (
            k.spread(self.p, self.lanes, 64) + k.words(pixels, 64),
            k.spread(self.c // GROUP, self.lanes, 64) + k.words(groups, 64),
        )

    def in_order(self, drawn: Four) -> list[Words]:
        """Return the words of the numbers in the order of these, as vectors; lanes behind the last hold anything."""
        sources, ordered = [words.to(32) for words in drawn], []
        for start, live in full_pieces(self.size, self.lanes):
            numbers = (divmod(start + min(lane, live - 1), self.channels) for lane in range(self.lanes))
            ordered.append(pick(sources, [(c % GROUP, pixel * self.groups + c // GROUP) for pixel, c in numbers]))
        return ordered


def _boxes(k: Kernel, pixels: int, channels: int) -> Iterator[_Box]:
    """Yield boxes of all numbers of a sample."""
    lanes, groups = k.isa.lanes, -(-channels // GROUP)
    for down in full_runs(pixels, max(1, lanes // groups)):
        for across in full_runs(channels, lanes * GROUP):
            with k.range(down.start, down.stop, down.size) as p, k.range(across.start, across.stop, across.size) as c:
                yield _Box(p, c, down.size, across.size, lanes)
