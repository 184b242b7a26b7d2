"""Numbers written short, for cells of tables."""

from __future__ import annotations

from ..summary.arithmetic import number

grouped = number
"""Writes a whole number with thousands apart: ``grouped(1234) == "1,234"``."""

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def amount(value: float) -> str:
    """Write a number of at least 1 with three digits and the prefix of a unit.

    Examples
    --------
    >>> amount(714_188_480), amount(15_470_264_320), amount(416_520)
    ('714 M', '15.5 G', '417 k')
    """
    for factor, prefix in PREFIXES:
        if value >= 0.9995 * factor:
            return f"{digits(value / factor)} {prefix}"
    return digits(value)


def counted(count: int, word: str) -> str:
    """Write so many of something: ``counted(1, "image") == "1 image"``."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def digits(value: float) -> str:
    """Write a number with three digits, or all that stand before the point: ``digits(7.776) == "7.78"``."""
    places = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{places}f}"
