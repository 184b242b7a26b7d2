"""A figure of matplotlib that a notebook shows by itself, without pyplot and its global state."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure; ``savefig`` writes it into a file."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()
