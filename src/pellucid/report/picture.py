"""A figure of matplotlib that a notebook shows by itself, without pyplot and its global state."""

from __future__ import annotations

import io
import warnings
from typing import Any

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure; ``savefig`` writes it into a file.

    Letters that the font lacks are drawn as boxes, and nothing is said of it: a class may be called by any name.
    """

    def savefig(self, *arguments: Any, **settings: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            super().savefig(*arguments, **settings)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()
