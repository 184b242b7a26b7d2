"""How numbers are written in what the page says: as the page itself writes them."""

from __future__ import annotations

import math


def percent(share: float) -> str:
    """Return a share as a percentage: "93 %", "0.4 %", "< 0.1 %"."""
    value = 100 * float(share)
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.{0 if 10 <= value <= 99 else 1}f} %"


def significant(value: float, digits: int = 3) -> str:
    """Return a number in so many digits: "0.123"."""
    size = abs(value)
    if value and not 1e-4 <= size < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent):+d}".replace("-", "−")
    decimals = digits - 1 - math.floor(math.log10(size)) if value else 0
    return f"{value:.{max(0, decimals)}f}".replace("-", "−")


def accuracy(share: float) -> str:
    """Return how much was right, while it still changes: "97.3 %"."""
    return f"{100 * share:.{0 if share in (0, 1) else 1}f} %"


def rate(value: float) -> str:
    """Return a learning rate, or what it is multiplied by, in at most four digits: "0.001"."""
    return f"{value:.4g}".replace("-", "−")
