"""What callbacks remember and what was measured, as a checkpoint holds it: arrays, and texts that JSON gives back as it
got them.

JSON has no NaN and no infinity, turns tuples into lists and numbers that are names into texts. The first are written as
a table with one name of our own, `NUMBER`; the others are refused, by the name of what holds them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..arguments import shown
from ..definitions.arrays import Array
from ..errors import ArgumentError
from ..limits import LIMITS
from ..serialization.tensor_file import WRITTEN, structure
from .callbacks import Callback

NUMBER = "__number__"
_DIGITS = 20
"""Of a whole number, with its sign: what readers take."""
_PARTS, _DEPTH = LIMITS.json_parts // 4, LIMITS.json_depth // 2
"""How much one callback may remember, so that with all else it stays within what readers take."""


def encoded(value: object, where: str) -> Any:
    """Return a value as JSON can hold it; NumPy's numbers become Python's.

    Raises
    ------
    ArgumentError
        If it would not come back as it was; the message begins with `where`.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {NUMBER: repr(float(value))}
    if value is None or isinstance(value, (bool, str)) or (isinstance(value, int) and len(str(value)) <= _DIGITS):
        return value
    if isinstance(value, list):
        return [encoded(each, where) for each in value]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value) and NUMBER not in value:
        return {name: encoded(each, where) for name, each in value.items()}
    raise ArgumentError(
        f"{where}: expected numbers, texts, booleans, None, lists, and mappings of texts to these, which a file gives "
        f"back as they were, received {shown(value)}"
    )


def decoded(value: Any) -> Any:
    """Return what `encoded` was given."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if isinstance(value, dict):
        number = value.get(NUMBER)
        return float(number) if isinstance(number, str) else {name: decoded(each) for name, each in value.items()}
    return value


def packed(callback: Callback) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what a callback remembers: as JSON can hold it, under its class's name; and its arrays by name.

    Raises
    ------
    ArgumentError
        If something of it would not come back as it was; callback and entry are named.
    """
    name, plain, arrays = type(callback).__name__, dict[str, Any](), dict[str, Array]()
    state: object = callback.state()
    if not isinstance(state, Mapping):
        raise ArgumentError(f"{name}.state(): expected a mapping, {{}} for nothing, received {shown(state)}")
    for entry, value in state.items():
        where = f"{name}.state(), {shown(entry)}"
        if not isinstance(entry, str):
            raise ArgumentError(f"{where}: expected texts as names")
        if not isinstance(value, np.ndarray):
            plain[entry] = encoded(value, where)
        elif value.dtype.name in WRITTEN:
            arrays[entry] = value
        else:
            raise ArgumentError(f"{where}: expected an array of numbers or booleans, received dtype {value.dtype}")
    depth, parts = structure(json.dumps(plain), _PARTS)
    if depth > _DEPTH or parts > _PARTS:
        raise ArgumentError(
            f"{name}.state(): expected at most {_PARTS:,} values beside the arrays, nested at most {_DEPTH} deep; put "
            "many numbers into an array"
        )
    return {"name": name, "state": plain}, arrays


def unpacked(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `packed` wrote, without the arrays."""
    return dict(decoded(known["state"]))
