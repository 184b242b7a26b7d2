"""What a window reads at one of its places; convolution and pooling stand on it, as their definitions do on
`definitions.windows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Pair, Window
from .details import Window as WindowDetails


@dataclass(frozen=True, eq=False)
class Patch:
    """The pixels below a window at one place of it.

    ``row[ky] = oy·SH + ky·DH − top``, ``column[kx] = ox·SW + kx·DW − left``; what is no pixel is padding.

    Attributes
    ----------
    window : Window
        With its padding as numbers.
    size : (int, int)
        Of the image.
    rows, columns : int64 array (KH,), (KW,)
        The index that each tap reads; below 0, or at least the size, in the padding.
    """

    window: Window
    size: Pair
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    @classmethod
    def at(cls, window: Window, size: Pair, place: Pair) -> Patch:
        """Return what a window over an image of `size` (H, W) reads at a place (oy, ox)."""
        window = window.on(size)
        rows, columns = (
            place[axis] * window.stride[axis]
            + np.arange(window.kernel_size[axis]) * window.dilation[axis]
            - window.sides[axis][0]
            for axis in (0, 1)
        )
        return cls(window, size, rows, columns)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which taps lie in the image: (KH, KW)."""
        return self._within(((0, 0), (0, 0)))

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which taps lie in the image or its padding, not in what ceil mode hangs over both: (KH, KW)."""
        return self._within(self.window.sides)

    def _within(self, sides: tuple[Pair, Pair]) -> NDArray[np.bool_]:
        (top, bottom), (left, right) = sides
        rows = (self.rows >= -top) & (self.rows < self.size[0] + bottom)
        columns = (self.columns >= -left) & (self.columns < self.size[1] + right)
        # (KH, 1) & (KW,) -> (KH, KW)
        return rows[:, None] & columns

    def read(self, maps: NDArray[Any], padding: float = 0.0) -> NDArray[Any]:
        """Return what the taps read of maps (C, H, W), and `padding` where they read none: (C, KH, KW)."""
        found = np.full((len(maps), *self.inside.shape), padding, maps.dtype)
        rows, columns = np.nonzero(self.inside)
        found[:, rows, columns] = maps[:, self.rows[rows], self.columns[columns]]
        return found

    def pixels(self) -> NDArray[np.int64]:
        """Return row and column of the taps that lie in the image, in row-major order: (K, 2)."""
        rows, columns = np.nonzero(self.inside)
        return np.stack([self.rows[rows], self.columns[columns]], axis=1)

    def details(self) -> WindowDetails:
        """Return where the patch lies."""
        return {
            "rows": self.rows,
            "columns": self.columns,
            "stride": self.window.stride,
            "dilation": self.window.dilation,
            "padding": ~self.inside,
        }
