"""Frames taken apart, as the page does."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.web.frames import TYPES


def parse(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the header and the arrays of a frame."""
    size = int.from_bytes(data[:4], "little")
    header = json.loads(data[4 : 4 + size])
    arrays = {}
    for each in header.pop("arrays"):
        kind, count = TYPES[each["type"]], int(np.prod(each["shape"], dtype=np.int64))
        arrays[each["name"]] = np.frombuffer(data, kind, count, 4 + size + each["at"]).reshape(each["shape"])
    return header, arrays
