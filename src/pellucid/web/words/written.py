"""How numbers are written in what the page says: as the page itself, `numbers.js`, writes them.

Python rounds what lies in the middle to an even digit, JavaScript away from 0; here it is done as there. Tests hold
both to one list of cases.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, ROUND_UP, Context, Decimal

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def text(value: float, digits: int = 4) -> str:
    """Return a number in about so many significant digits: "−0.4213", "1.250·10⁻⁹"."""
    size = abs(value)
    if math.isnan(value):
        return "NaN"
    sign = "−" if value < 0 else ""
    if math.isinf(value):
        return f"{sign}∞"
    if value == int(value) and size < 1e6:
        return f"{sign}{int(size)}"
    head, exponent = _significant(size, digits)
    if size >= 1e6 or size < 1e-4:
        return f"{sign}{head}·{_tens(exponent)}"
    return sign + decimal(size, max(0, digits - 1 - exponent))


def power(value: float) -> str:
    """Return a number above 0, rounded up, in a few letters: "9·10⁻⁸"."""
    head, exponent = f"{Decimal(value).normalize(Context(1, ROUND_UP)):e}".split("e")
    return f"{head}·{_tens(int(exponent))}"


def significant(value: float, digits: int = 3) -> str:
    """Return a loss, or another number that is read beside many, in three digits: "0.123"."""
    return text(value, digits)


def short(value: float, digits: int) -> str:
    """Return a number in so many digits, a 0 before the point not counted, as the cells of grids have it: "−0.13"."""
    if not value or not math.isfinite(value):
        return text(value)
    decimals = digits
    while decimals and len(decimal(abs(value), decimals).removeprefix("0.").replace(".", "")) > digits:
        decimals -= 1
    written = decimal(abs(value), decimals)
    return f"−{written}" if value < 0 and written.strip("0.") else written


def percent(share: float) -> str:
    """Return a share as a percentage: "93 %", "0.4 %", "< 0.1 %"; what is all but for rounding is "> 99.9 %"."""
    value = 100 * float(share)
    if 0 < value < 0.1:
        return "< 0.1 %"
    if value > 99.9:
        return "> 99.9 %"
    return f"{decimal(value, 1 if value < 9.95 or value >= 98.5 else 0)} %"


def accuracy(share: float) -> str:
    """Return how much was right, while it still changes: "97.3 %"."""
    return f"{decimal(100 * share, 0 if share in (0, 1) else 1)} %"


def rate(value: float) -> str:
    """Return a learning rate, or what it is multiplied by, in at most four digits: "0.001"."""
    head, power, exponent = text(value).partition("·")
    return f"{head.rstrip('0').rstrip('.') if '.' in head else head}{power}{exponent}"


def decimal(value: float, decimals: int) -> str:
    """Return a number with so many decimals; where two are as near, that which is further from 0."""
    return format(Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP), "f")


def _tens(exponent: int) -> str:
    return f"10{str(exponent).translate(RAISED)}"


def _significant(size: float, digits: int) -> tuple[str, int]:
    """Return a number above 0 as one between 1 and 10, in so many digits, and the power of ten that it is times."""
    exact = Decimal(size)
    exponent = exact.adjusted()
    rounded = exact.quantize(Decimal(1).scaleb(exponent - digits + 1), ROUND_HALF_UP)
    if rounded.adjusted() > exponent:  # 9.9996 -> 10.00
        exponent += 1
        rounded = exact.quantize(Decimal(1).scaleb(exponent - digits + 1), ROUND_HALF_UP)
    return format(rounded.scaleb(-exponent), "f"), exponent
