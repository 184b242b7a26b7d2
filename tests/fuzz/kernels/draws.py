"""Dice for kernels: shapes, windows and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.compiler.tiles import InstructionSet
from pellucid.geometry import Window

CHANNELS = (1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 20, 24, 31, 32, 33, 40, 48, 65)


class Draws:
    """Dice, and the instruction set of the kernel that is wanted.

    Parameters
    ----------
    rng : Generator
    isa : InstructionSet
    """

    def __init__(self, rng: np.random.Generator, isa: InstructionSet):
        self.rng, self.isa = rng, isa

    def chance(self, share: float) -> bool:
        """Return True that often."""
        return bool(self.rng.random() < share)

    def one(self, choices: Sequence[Any]) -> Any:
        """Return one of several."""
        return choices[int(self.rng.integers(len(choices)))]

    def whole(self, first: int, last: int) -> int:
        """Return a whole number from the first to the last."""
        return int(self.rng.integers(first, last + 1))

    def samples(self) -> int:
        return int(self.one((1, 1, 2, 3, 5, 7, 8, 9, 17)))

    def channels(self) -> int:
        return int(self.one(CHANNELS))

    def pixels(self) -> int:
        return int(self.one((1, 1, 2, 3, 4, 6, 7, 9, 15, 16, 25, 35, 49, 64, 100)))

    def size(self) -> tuple[int, int]:
        return self.whole(1, 13), self.whole(1, 13)

    def numbers(self, *shape: int) -> np.ndarray[Any, Any]:
        """Return normal numbers; in some cases so few different ones that many are equal, zeros among them."""
        drawn = self.rng.standard_normal(shape, np.float32)
        return np.round(drawn) if self.chance(0.15) else drawn

    def with_faults(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the array, in some cases with a NaN and infinities in it."""
        if self.chance(0.12):
            for fault in (np.nan, np.inf, -np.inf):
                array.flat[int(self.rng.integers(array.size))] = fault
        return array

    def window(self, largest: int, padding: int) -> Window:
        """Return a window without ceil mode."""
        kernel, stride, dilation = (self.pair(1, most) for most in (largest, 3, 2))
        sides = tuple((self.whole(0, padding), self.whole(0, padding)) for _ in range(2))
        return Window.of(kernel, stride, sides, dilation)

    def pair(self, first: int, last: int) -> tuple[int, int]:
        """Return two whole numbers, alike in half of the cases."""
        number = self.whole(first, last)
        return (number, number) if self.chance(0.5) else (number, self.whole(first, last))
