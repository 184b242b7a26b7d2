"""The rows of a prediction as CSV: that of RFC 4180, but with line ends of one character, in UTF-8.

Probabilities have as many digits as tell them from their neighbours, so that reading them in their type gives the same
numbers back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..storage import NewFile
from .rows import Columns, Rows

_QUOTED = re.compile('[",\n\r]|^ | $')


def encoded(rows: Rows) -> bytes:
    """Return rows as CSV, without a heading."""
    columns = [[_text(value) for value in column] for column in rows.table().values()]
    return "".join(",".join(row) + "\n" for row in zip(*columns, strict=True)).encode()


def join(parts: Iterable[bytes], path: Path, workshop: Path, columns: Columns) -> NewFile:
    """Write the rows of many parts into one file with a heading, and return what is known of it."""
    with NewFile(path, workshop) as file:
        file.write((",".join(map(_text, columns.names)) + "\n").encode())
        for part in parts:
            file.write(part)
    return file


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
