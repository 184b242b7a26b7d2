"""The images that somebody has looked at, by their names."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from numpy.typing import NDArray

from ...errors import ArgumentError
from .look import image_id

IMAGES = 64
"""Images that are kept: those that were looked at last."""
STROKES = 1 << 24
"""Bytes of images that a pen passes through, one with every move, which are kept beside these."""


class UnknownImageError(ArgumentError):
    """An image is asked for that is not, or no longer, here."""


class Images:
    """Images by their names. Each method takes the lock that it needs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked_at: OrderedDict[str, NDArray[Any]] = OrderedDict()
        self._strokes: OrderedDict[str, NDArray[Any]] = OrderedDict()

    def put(self, image: NDArray[Any], *, passing: bool = False) -> str:
        """Keep an image, and return its name. One that a pen is `passing` through pushes out none that was looked at
        otherwise."""
        name = image_id(image)
        with self._lock:
            if passing and name not in self._looked_at:
                held, most = self._strokes, max(IMAGES, STROKES // max(1, image.nbytes))
            else:
                held, most = self._looked_at, IMAGES
            held[name] = image
            held.move_to_end(name)
            while len(held) > most:
                held.popitem(last=False)
        return name

    def get(self, name: str) -> NDArray[Any]:
        """Return an image that was put here.

        Raises
        ------
        UnknownImageError
            If it is not here any more.
        """
        with self._lock:
            held = self._looked_at if name in self._looked_at else self._strokes
            if name not in held:
                raise UnknownImageError(f"image: {name[:24]!r} is not here any more; show it again")
            held.move_to_end(name)
            return held[name]
