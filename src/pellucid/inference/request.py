"""What was asked for when a prediction began, and what has come of it: the record beside the output.

A prediction goes on only where everything is still as it was when it began, so that the rows before and after belong
together. The record, ``….json``, says what that is; it stays when the output is complete, and tells its origin.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, StateError, path_text
from ..storage import NewFile, read_file

FORMAT = 1
_LONGEST = 1 << 20

_WORDS = {
    "pellucid": "the version of Pellucid",
    "model": "the network (its weights, its layers, its scaling or the names of its classes)",
    "inputs": "the inputs (which files there are, how large they are, or when they were changed)",
    "engine": "the engine",
    "pictures": "how pictures are made to fit",
    "columns": "the columns",
    "format": "the format of the output",
}
"""What may differ, in words; the rest follows from that."""


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes
    ----------
    pellucid, model, inputs, engine, pictures, columns, format : str
        The version; SHA-256 of the network and of the list of inputs; the engine; how pictures are made to fit; which
        columns there are; csv or parquet.
    files, rows, part, batch : int
        How many files and inputs there are, how many rows a part has, and how many inputs are computed at a time.
    """

    pellucid: str
    model: str
    inputs: str
    engine: str
    pictures: str
    columns: str
    format: str
    files: int
    rows: int
    part: int
    batch: int

    @property
    def parts(self) -> int:
        return -(-self.rows // self.part)

    def digest(self) -> bytes:
        """Return the SHA-256 of all of it."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).digest()


@dataclass(frozen=True)
class Outcome:
    """What has come of a finished prediction.

    Attributes
    ----------
    failed : int
        How many inputs could not be predicted.
    size : int
        Bytes of the output.
    sha256 : str
        Of them.
    """

    failed: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Record:
    """A request and, once there is one, its outcome, in a file."""

    request: Request
    outcome: Outcome | None = None

    def write(self, path: Path, workshop: Path) -> None:
        """Write the record to the disk; until it is whole, it is in the folder `workshop`."""
        outcome = None if self.outcome is None else asdict(self.outcome)
        content = {"format": FORMAT, "request": asdict(self.request), "outcome": outcome}
        with NewFile(path, workshop) as file:
            file.write((json.dumps(content, indent=2) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Return the record in a file; None where there is no file.

        Raises
        ------
        DataError
            If it is no such record.
        """
        if not path.exists():
            return None
        try:
            content = json.loads(read_file(path, _LONGEST))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r:.20}")
            outcome: Any = content["outcome"]
            return cls(Request(**content["request"]), None if outcome is None else Outcome(**outcome))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DataError(
                f"{path_text(path)}: expected the record of a prediction, found something else ({error!s:.80}); remove "
                "it, or choose another output"
            ) from error


def refuse_other(before: Request, now: Request, output: Path, record: Path, parts: Path) -> None:
    """Refuse to go on where something is no longer as it was when a prediction began, and say what.

    Raises
    ------
    StateError
    """
    differing = [words for name, words in _WORDS.items() if getattr(before, name) != getattr(now, name)]
    if before == now:
        return
    changed = " and ".join(differing or ["how the work is cut"])
    counts = ""
    if before.inputs != now.inputs:
        counts = f" (then {before.rows:,} in {before.files:,} files, now {now.rows:,} in {now.files:,})"
    raise StateError(
        f"{path_text(output)} was begun otherwise: {changed} changed since{counts}. Put that back to go on; or choose "
        f"another output; or remove {path_text(record)} and {path_text(parts)} (and the output, if it is there) to "
        "begin anew"
    )
