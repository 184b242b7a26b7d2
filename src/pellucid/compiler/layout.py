"""How the numbers of parameters lie in the compiled step's memory, and the way there and back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..steps import Shape
from .packing import Floats, pack_into, packed_shape, packed_size, unpack

ALIGNMENT = 16
"""Floats in a line of the cache: every parameter begins at one."""


@dataclass(frozen=True)
class Plain:
    """As in NumPy: for what kernels read number by number, such as a bias."""

    shape: Shape

    @property
    def size(self) -> int:
        """How many floats there are."""
        return math.prod(self.shape)

    @property
    def vectors(self) -> tuple[int, int, int, int]:
        """The numbers, and what is behind them in the last line, as (groups, vectors, terms, lanes)."""
        return 1, 1, aligned(self.size) // ALIGNMENT, ALIGNMENT

    def write(self, values: Floats, place: Floats) -> None:
        """Copy canonical values to their place (size,)."""
        place[...] = values.reshape(-1)

    def read(self, place: Floats) -> Floats:
        """Return the canonical values at a place."""
        return place.reshape(self.shape).copy()


@dataclass(frozen=True)
class Packed:
    """Filters along the lanes of vectors (see `packing`).

    Attributes
    ----------
    shape : tuple of int
        The parameter's own: (F, C, KH, KW), or (O, I) of a linear layer.
    filters : (F, C, KH, KW)
        What it is packed as. A linear layer that reads a flattened image (C, H, W) is a filter of that size, for the
        image is kept with its channels last.
    lanes, groups : int
    """

    shape: Shape
    filters: tuple[int, int, int, int]
    lanes: int
    groups: int = 1

    @property
    def size(self) -> int:
        """How many floats there are, those in dead lanes included."""
        return packed_size(self.filters, self.lanes, self.groups)

    @property
    def vectors(self) -> tuple[int, int, int, int]:
        """The numbers as (groups, vectors of filters, terms of a filter, lanes)."""
        groups, vectors, *terms, lanes = packed_shape(self.filters, self.lanes, self.groups)
        return groups, vectors, math.prod(terms), lanes

    def write(self, values: Floats, place: Floats) -> None:
        """Pack canonical values into their place (size,)."""
        pack_into(place, values.reshape(self.filters), self.lanes, self.groups)

    def read(self, place: Floats) -> Floats:
        """Return the canonical values of a place."""
        return np.ascontiguousarray(unpack(place, self.filters, self.lanes, self.groups)).reshape(self.shape)


Layout = Plain | Packed


def aligned(size: int) -> int:
    """Return a number of floats rounded up to whole lines of the cache."""
    return -(-size // ALIGNMENT) * ALIGNMENT
