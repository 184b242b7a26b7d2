"""A sum with its own numbers in a line, in the digits that the page's grids have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...sums import Sum
from .written import short, text

MOST = 9
"""Numbers that a line has all of; of more it has four."""
FEW = 5
"""Columns of a grid whose numbers have three digits; beside two others, or with more, they have two."""


def with_numbers(found: Sum) -> list[dict[str, Any]] | None:
    """Return a sum with its numbers, part by part: "0.53·0.28", " + ", "0.75·(−0.11)", " + … − 0.03 = −1.009"; None of
    most kinds.

    Returns
    -------
    list of dict
        Each with ``words``; a product of a convolution's patch and kernel also with its ``channel``, and its row and
        column in the kernel, ``tap``.
    """
    details, result = found.details, text(found.recomputed)
    if found.kind == "conv2d":
        return _of_conv(found)
    if found.kind == "linear":
        return _of_linear(found)
    if found.kind == "max_pool2d":
        window, padding = np.array(details["window"], float), np.array(details["padding"], bool)
        return [{"words": f"max({_few(_as_in_grid(window[~padding], window), ', ')}) = {result}"}]
    if found.kind in ("avg_pool2d", "adaptive_avg_pool2d") and "window" in details:
        added = _few(map(_bracketed, _as_in_grid(details["values"], details["window"])), " + ")
        return [{"words": f"({added}) / {details['divisor']} = {result}"}]
    return None


def _of_conv(found: Sum) -> list[dict[str, Any]]:
    """Return the largest products of a convolution, in the digits of the grids of their channels."""
    details = found.details
    patch, kernel = (np.array(details[name], float) for name in ("patch", "kernel"))
    if not found.terms.size:
        alone = f"the number is the bias alone, {text(found.constant)}" if found.constant else "so is their sum"
        return [{"words": f"all products are 0: {alone}"}]
    rows, columns = np.nonzero(~np.array(details["padding"], bool))
    parts = []
    for term in found.terms.largest(2 if patch.size > 3 else 3):
        channel, tap = divmod(int(term), len(rows))
        at = channel, rows[tap], columns[tap]
        x, weight = (_bracketed(*_as_in_grid([array[at]], array[channel], 2)) for array in (patch, kernel))
        own = {"channel": details["channels"][channel], "tap": [int(rows[tap]), int(columns[tap])]}
        parts.append({"words": f"{x}·{weight}", **own})
    return _line(found, parts, patch.size)


def _of_linear(found: Sum) -> list[dict[str, Any]]:
    """Return the largest terms of a dense layer."""
    terms = found.details["terms"]
    few = [
        "·".join(_bracketed(text(float(term[name]), 3)) for name in ("x", "weight"))
        for term in terms[: 2 if len(terms) > 3 else 3]
    ]
    return _line(found, [{"words": words} for words in few], len(found.terms))


def _line(found: Sum, parts: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Return the largest of so many terms, joined, and what comes of all."""
    more = " + …" if count > len(parts) else ""
    last = f" {'−' if found.constant < 0 else '+'} {text(abs(found.constant), 3)}" if found.constant else ""
    joined = [each for part in parts for each in ({"words": " + "}, part)][1:]
    return [*joined, {"words": f"{more}{last} = {text(found.recomputed)}"}]


def _as_in_grid(numbers: ArrayLike, grid: ArrayLike, digits: int | None = None) -> list[str]:
    """Return numbers of a grid, in the digits that it shows them with."""
    values: NDArray[np.float64] = np.asarray(grid, float)
    digits = digits or (3 if values.shape[-1] <= FEW else 2)
    size = float(np.max(np.abs(values), initial=0, where=np.isfinite(values)))
    tens = 0 if size == 0 or 0.1 <= size < 1000 else math.floor(math.log10(size))
    return [_unscaled(float(value), tens, digits) for value in np.asarray(numbers, float)]


def _unscaled(value: float, tens: int, digits: int) -> str:
    """Return a number of which a grid shows so many digits, times a power of ten that stands above it."""
    if not tens or not math.isfinite(value):
        return short(value, digits)
    shown = short(value / 10.0**tens, digits).lstrip("−0.").replace(".", "")
    return text(value, len(shown)) if shown else "0"


def _few(numbers: Iterable[str], between: str) -> str:
    listed: Sequence[str] = list(numbers)
    return between.join(listed if len(listed) <= MOST else [*listed[:4], "…"])


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number
