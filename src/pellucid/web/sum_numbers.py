"""A sum with its own numbers in a line, written as the page writes numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..sums import Sum

MOST = 9
"""Numbers that a line has all of; of more it has four."""


def with_numbers(found: Sum) -> str | None:
    """Return a sum with its numbers: "0.529·0.284 + 0.745·(−0.114) + … − 0.0281 = −1.009"; None of most kinds."""
    details, result = found.details, written(found.recomputed)
    if found.kind == "conv2d":
        return _products(found, np.array(details["patch"], float).ravel(), np.array(details["kernel"], float).ravel())
    if found.kind == "linear":
        x, weight = ([float(term[name]) for term in details["terms"]] for name in ("x", "weight"))
        return _products(found, np.array(x), np.array(weight))
    if found.kind == "max_pool2d":
        window, padding = np.array(details["window"], float), np.array(details["padding"], bool)
        return f"max({_few([written(float(each), 3) for each in window[~padding]], ', ')}) = {result}"
    if found.kind in ("avg_pool2d", "adaptive_avg_pool2d") and "window" in details:
        added = _few([_bracketed(float(each)) for each in details["values"]], " + ")
        return f"({added}) / {written(float(details['divisor']))} = {result}"
    return None


def _products(found: Sum, x: NDArray[np.float64], weight: NDArray[np.float64]) -> str:
    """Return the largest products, and what comes of all."""
    with np.errstate(all="ignore"):
        order = np.argsort(-abs(x * weight), kind="stable")[: 2 if len(x) > 3 else 3]
    terms = [f"{_bracketed(float(x[k]))}·{_bracketed(float(weight[k]))}" for k in order]
    more = " + …" if len(x) > len(terms) else ""
    bias = float(found.constant)
    last = f" {'−' if bias < 0 else '+'} {written(abs(bias), 3)}" if bias else ""
    return f"{' + '.join(terms)}{more}{last} = {written(found.recomputed)}"


def _few(numbers: Sequence[str], between: str) -> str:
    return between.join(numbers if len(numbers) <= MOST else [*numbers[:4], "…"])


def _bracketed(value: float) -> str:
    return f"({written(value, 3)})" if value < 0 else written(value, 3)


def written(value: float, digits: int = 4) -> str:
    """Return a number in about so many significant digits, as `numbers.js` writes it: "−0.4213", "1.250e−9"."""
    size = abs(value)
    if not math.isfinite(value):
        words = "NaN" if math.isnan(value) else "-∞" if value < 0 else "∞"
    elif value == int(value) and size < 1e6:
        words = str(int(value))
    elif size >= 1e6 or size < 1e-4:
        words = f"{value:.{digits - 1}e}"
    else:
        words = f"{value:#.{digits}g}".rstrip(".")
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", words).replace("-", "−")
