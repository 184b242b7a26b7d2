"""Samples mixed with others of the data set, and their targets. Formulas and random words: `definitions.mixup`.

Who the partner is and which share a sample keeps are the definition's to the last bit: so are the shares to choose
from, which are part of the code. A partner is always one of the count[0] samples of the data set; the index is held
against that in a checked kernel, as where samples are gathered.

Axes: d samples of the data set, n samples of the batch, i numbers of a sample in the data set's order, c classes.
"""

from __future__ import annotations

from ..builder import Kernel, Span
from ..philox import key_words
from ..tensors import BY_NAME, INT64, UINT8, UINT32, Tensor
from ..values import Index, Integer, Vector
from .augment import draw
from .input import floats
from .loss import class_number
from .rows import Row
from .sweeps import lanes_within, sweep

Numbers = tuple[float, ...]


def mixup(k: Kernel, size: int, element: str, ordinal: int, shares: Numbers) -> None:
    """``y[n, i] = λ[n] · data[index[n], i] + (1 − λ[n]) · data[partner[n], i]``, where uint8 is divided by 255."""
    kind, lanes = BY_NAME[element], lanes_within(size, k.isa.lanes)
    data = k.tensor("data", k.samples, size, element=kind)
    mixing = _Mixing(k, ordinal, shares, lanes)
    y = k.tensor("y", k.samples, size)
    data = data.view(0, mixing.count, size)
    unit = k.constant(1 / 255 if kind is UINT8 else 1.0, lanes)
    with k.range(*mixing.images) as n:
        own, other, kept, given = mixing.of(n)
        kept, given = ((share * unit).rounded() for share in (kept, given))
        for i in sweep(k, size, lanes):
            y.store(floats(data, own, i, lanes) * kept + floats(data, other, i, lanes) * given, n, i)


def mixup_classes(k: Kernel, classes: int, element: str, ordinal: int, shares: Numbers) -> None:
    """``t[n, c] = (λ[n] where c = data[index[n]], else 0) + (1 − λ[n] where c = data[partner[n]], else 0)``

    Nothing is written where a class number points: one out of range counts as none of the classes.
    """
    row = Row(k, classes)
    data = k.tensor("data", k.samples, element=BY_NAME[element])
    mixing = _Mixing(k, ordinal, shares, row.lanes)
    target = k.tensor("target", k.samples, classes)
    data = data.view(0, mixing.count)
    with k.range(*mixing.images) as n:
        own, other, kept, given = mixing.of(n)
        first, second = (class_number(data, d, classes) for d in (own, other))
        for at in row.parts():
            zero = k.zeros(at.lanes)
            shared = at.is_number(first).choose(kept, zero) + at.is_number(second).choose(given, zero)
            target.store(shared, n, at.first, live=at.live)


class _Mixing:
    """Who is mixed with whom, and in which shares; it declares what it takes to know that."""

    def __init__(self, k: Kernel, ordinal: int, shares: Numbers, lanes: int):
        self.images: Span = k.piece("images", k.samples)
        self._k, self._ordinal, self._lanes = k, ordinal, lanes
        self._key = key_words(k.tensor("key", 2, element=UINT32))
        self._index = k.tensor("index", k.samples, element=INT64)
        self.count = k.tensor("count", 1, element=INT64).integer(0)
        self._shares: Tensor = k.table("shares", shares)
        self._unused = 32 - (len(shares) - 1).bit_length()  # bits of a word that chooses one of 2ⁿ

    def of(self, n: Integer) -> tuple[Index, Index, Vector, Vector]:
        """Return a sample's number in the data set and its partner's, and the shares of both in every lane."""
        own = self._index.integer(n)
        which, how_much = draw(self._k, self._key, own, self._ordinal, 2)
        partner = ((which * self._k.spread(self.count, 1, 64)) >> 32).index()
        kept = self._shares.splat((how_much >> self._unused).index(), lanes=self._lanes)
        return own, partner, kept, self._k.constant(1.0, self._lanes) - kept
