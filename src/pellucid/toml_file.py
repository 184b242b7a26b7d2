"""TOML from anywhere: what Python's own reader would take for minutes, or into numbers without end, is refused."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any

from .limits import LIMITS, format_bytes

MOST_PARTS = 32
"""Parts of a key, as in ``training.optimizer.lr``: the reader's time grows with their square."""
_LONG_KEY = re.compile(rf"(?<![\"'\w-])(?:[\"'\w-]++\s*+\.\s*+){{{MOST_PARTS}}}")
_LARGEST = 2**63


def parse_toml(content: bytes) -> dict[str, Any]:
    """Return what a file in TOML says.

    Raises
    ------
    ValueError
        If it is no UTF-8 or no TOML, too long, nested too deep, or holds a whole number that TOML does not have.
    """
    if len(content) > LIMITS.toml_bytes:
        raise ValueError(f"it has {format_bytes(len(content))}, the limit is {format_bytes(LIMITS.toml_bytes)}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not in UTF-8 ({error.reason} at byte {error.start:,}); save it as UTF-8") from None
    if _LONG_KEY.search(text):
        raise ValueError(f"a key has more than {MOST_PARTS} parts")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    _refuse_large(table.values())
    return table


def _refuse_large(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, dict):
            _refuse_large(value.values())
        elif isinstance(value, list):
            _refuse_large(value)
        elif isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise ValueError("a whole number has more than the 64 bits that TOML's have")
