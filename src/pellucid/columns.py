"""Tables of text in terminals: how wide a text is, and which columns find room."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence


def text_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide characters take two, combining ones none.

    Examples
    --------
    >>> text_width("conv1"), text_width("池化")
    (5, 4)
    """
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def fitting(widths: Mapping[str, int], expendable: Sequence[str], room: int | None) -> tuple[list[str], list[str]]:
    """Return which columns of a table find room, and which are left out.

    Parameters
    ----------
    widths : mapping of str to int
        How much room each column takes, the gap to its neighbour with it.
    expendable : sequence of str
        What is left out where there is no room for all, the first ones first. The others stay in any case.
    room : int, optional
        Without it, there is room for all.

    Examples
    --------
    >>> fitting({"layer": 8, "class": 6, "bytes": 7}, ("bytes", "class"), 15)
    (['layer', 'class'], ['bytes'])
    """
    kept, left_out = dict(widths), []
    for name in expendable:
        if room is not None and sum(kept.values()) > room:
            left_out.append(name)
            del kept[name]
    return list(kept), left_out


def left_out_line(names: Sequence[str]) -> str:
    """Return the line below a table that says which columns are not shown."""
    return f"A wider terminal shows more: {', '.join(names)}."
