"""Frames: what the server answers where there are arrays. A header in JSON, and then the numbers as they are.

::

    4 bytes   length n of the header, little-endian
    n bytes   the header: {…, "arrays": [{"name": "maps", "shape": [6, 24, 24], "type": "f4", "at": 0}, …]}
    …         the arrays, each at so many bytes behind the header; little-endian, row-major

Header and arrays begin at multiples of 8 bytes, so that a browser can look at them where they lie.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES: dict[str, np.dtype[Any]] = {"f4": np.dtype("<f4"), "u1": np.dtype("u1"), "i4": np.dtype("<i4")}
_ALIGNMENT = 8


def frame(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return a frame.

    Parameters
    ----------
    header : mapping
        Plain data for JSON, without NaN or infinities: such numbers belong into an array.
    arrays : mapping of str to array
        Floats become float32, integers int32, and uint8 stays.
    """
    parts, listed, at = [], [], 0
    for name, array in arrays.items():
        kind = "u1" if array.dtype == np.uint8 else "f4" if array.dtype.kind == "f" else "i4"
        with np.errstate(over="ignore"):  # what float32 does not reach becomes infinite
            data: bytes = np.ascontiguousarray(array, TYPES[kind]).tobytes()
        listed.append({"name": name, "shape": array.shape, "type": kind, "at": at})
        data += bytes(-len(data) % _ALIGNMENT)
        parts.append(data)
        at += len(data)
    text = json.dumps({**header, "arrays": listed}, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-(4 + len(text)) % _ALIGNMENT)
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])
