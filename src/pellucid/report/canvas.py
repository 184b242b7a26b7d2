"""Figures of matplotlib under our settings and none of the user's, and as SVG that follows the page it stands in.

Nothing is loaded before a figure is asked for. Needs matplotlib: ``pip install '.[plot]'``.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtraError, installing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, LINE = "#333333", "#d9d9d9"
SERIES = ("#3b5bdb", "#c2410c", "#0f766e")
"""The first is for what was trained on. Lines have marks as well, so that nobody depends on the colours."""
STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 9, "text.parse_math": False, "text.color": INK,
    "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": LINE, "grid.linewidth": 0.7, "legend.frameon": False, "image.interpolation": "nearest",
    "figure.dpi": 110, "svg.fonttype": "none", "svg.hashsalt": "pellucid",
}  # fmt: skip
IN_PAGE = {
    INK: "currentColor",
    LINE: "var(--line)",
    **dict(zip(SERIES, ("var(--first)", "var(--second)", "var(--third)"), strict=True)),
}
"""Colour of a figure -> what a page has in its place, in light and in dark."""


@contextmanager
def canvas() -> Iterator[Callable[[float, float], Figure]]:
    """Give what makes a figure of a width and height in inches.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib

        from .picture import Picture
    except ImportError as error:
        raise MissingExtraError(
            f"plots and reports need matplotlib, which is not installed: {installing('plot')}"
        ) from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield lambda width, height: Picture(figsize=(width, height), layout="constrained")


def svg(figure: Figure, label: str) -> str:
    """Return a figure as an SVG element for a page: with the page's colours and fonts, as wide as there is room.

    Parameters
    ----------
    figure : Figure
        Made by `canvas`.
    label : str
        What a screen reader says in its place; escaped already. No two figures of a page have the same.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    referred = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in referred else "", text)
    own = f"s{zlib.crc32(label.encode()):08x}"  # as a page has several figures, each with its own marks
    for name in referred:
        text = text.replace(f'id="{name}"', f'id="{own}{name}"').replace(f"#{name}", f"#{own}{name}")
    for colour, here in IN_PAGE.items():
        text = text.replace(colour, here)
    text = re.sub(r"font: ([\d.]+px) 'DejaVu Sans'", r"font-size: \1", text)
    text = text.replace("font-family: 'DejaVu Sans'; ", "")
    box = re.search(r'viewBox="[^"]+"', text)
    start = text.index(">") + 1
    return f'<svg role="img" aria-label="{label}" {box[0] if box else ""}>{text[start:].strip()}'
