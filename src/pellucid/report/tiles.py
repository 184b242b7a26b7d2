"""What is shown of the inside of a network: filters and feature maps as mosaics, cut where there are too many."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Network
from .pixels import Pixels, mosaic, shrunk, signed

FILTERS, CHANNELS, MAPS, SIDE = 16, 16, 16, 56
"""How many filters, channels of each filter, and feature maps are shown unless told otherwise; and pixels of a map."""


@dataclass(frozen=True)
class Mosaic:
    """Small pictures side by side.

    Attributes
    ----------
    pixels : uint8 array
        (H, W) places in the palette of signed numbers, or (H, W, 4) colours with their opacity.
    about : str
        What is in it, with what has been cut: "16 of 64 filters of 3×3, …".
    columns : int
        Pictures in a row.
    """

    pixels: Pixels
    about: str
    columns: int

    @property
    def coloured(self) -> bool:
        """Whether the pixels are colours themselves."""
        return self.pixels.ndim == 3


def convolutions(network: Network) -> dict[str, NDArray[Any]]:
    """Return the filters (F, C, KH, KW) of every layer that has some, by the layer's path."""
    found = {path.rpartition(".")[0]: q.data for path, q in network.parameters().items() if len(q.shape) == 4}
    return found


def filter_mosaic(weight: NDArray[Any], filters: int = FILTERS, channels: int = CHANNELS) -> Mosaic:
    """Return filters (F, C, KH, KW), up to so many, and of each up to so many channels.

    Filters of three channels are shown in colour, where grey is 0; of others, each column is a filter and each row a
    channel.
    """
    count, depth, *window = weight.shape
    shown = weight[:filters, :channels]
    size = "×".join(map(str, window))
    what = f"{_of(len(shown), count, 'filter')} of {size}"
    if depth == 3:
        shares = np.nan_to_num(shown / (_largest(shown) or 1.0), posinf=1, neginf=-1).transpose(0, 2, 3, 1)
        tiles = np.full((*shares.shape[:3], 4), 255, np.uint8)  # (F, KH, KW, 4)
        tiles[..., :3] = np.rint(127.5 + 127.5 * shares)
        columns = _columns(len(shown))
        return Mosaic(mosaic(tiles, columns), f"{what} in red, green and blue, grey is 0", columns)
    tiles = signed(shown).swapaxes(0, 1).reshape(-1, *window)  # (F, C, KH, KW) -> (C·F, KH, KW)
    if depth == 1:
        columns = _columns(len(shown))
        return Mosaic(mosaic(tiles, columns), f"{what}, up to ±{_top(shown)}", columns)
    about = f"{what}, a column each; {_of(shown.shape[1], depth, 'channel')}, a row each; up to ±{_top(shown)}"
    return Mosaic(mosaic(tiles, len(shown), gap=0 if window == [1, 1] else 1), about, len(shown))


def map_mosaic(maps: NDArray[Any], most: int = MAPS, side: int = SIDE) -> Mosaic:
    """Return the feature maps (K, H, W) of a layer for one image, up to `most`, each side up to so many pixels."""
    shown = maps[:most]
    small = [shrunk(each, side) for each in shown]
    size = "×".join(map(str, maps.shape[1:]))
    smaller = "" if small[0].shape == maps.shape[1:] else ", reduced"
    columns = _columns(len(shown))
    about = f"{_of(len(shown), len(maps), 'map')} of {size}{smaller}, up to ±{_top(shown)}"
    return Mosaic(mosaic(signed(np.stack(small), _largest(shown)), columns), about, columns)


def _columns(count: int) -> int:
    """Return how many stand in a row: so that there are at most 8, and rows are equally long where that goes."""
    return math.ceil(count / math.ceil(count / 8))


def _of(shown: int, there: int, name: str) -> str:
    names = name if there == 1 else f"{name}s"
    return f"{there:,} {names}" if shown == there else f"the first {shown:,} of {there:,} {names}"


def _largest(numbers: NDArray[Any]) -> float:
    return float(np.abs(numbers[np.isfinite(numbers)]).max(initial=0))


def _top(numbers: NDArray[Any]) -> str:
    return f"{_largest(numbers):.3g}"
