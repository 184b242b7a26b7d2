"""One process's share of a prediction of files: the parts that are missing are made, and all are put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..arguments import warn
from ..data.listing import Piece
from ..definitions.arrays import Array
from ..errors import StateError, path_text
from ..storage import remove_file
from . import csv, parquet
from .asked import Asked, is_table
from .classifier import Classifier
from .parts import DamagedPartError, Part, Parts, alone
from .ranks import Rank
from .reading import Batch, Reader, ahead
from .request import Outcome, Record, refuse_other
from .rows import Columns, Rows

Progress: TypeAlias = Callable[[int, int, int], None]
"""Called with how many inputs of this process's share are done, how many there are, and how many failed."""

NOTES = 3
"""Notes about inputs that are told; the others are counted."""


@dataclass(frozen=True)
class Predicted:
    """What has come of a prediction of files.

    Attributes
    ----------
    output : Path
        The table.
    complete : bool
        Whether it is there: not yet, where other processes still have their shares to do.
    rows, failed : int
        How many inputs there are, and how many of them could not be predicted; of this process's share alone, where
        the table is not complete.
    already : bool
        Whether it was complete before, so that nothing was to be done.
    """

    output: Path
    complete: bool
    rows: int
    failed: int
    already: bool = field(default=False, compare=False)


class Share:
    """One process's share.

    Parameters
    ----------
    job : Asked
    who : Rank
    columns : Columns
    reader : Reader
    classifier : Classifier
    """

    def __init__(self, job: Asked, who: Rank, columns: Columns, reader: Reader, classifier: Classifier):
        self._job, self._who, self._columns = job, who, columns
        self._reader, self._classifier = reader, classifier
        self._parts = Parts(job.place.parts, job.request)
        self._mine = who.share(job.request.parts)
        self._rows = sum(map(self._parts.rows, self._mine))
        self._done = self._failed = 0

    def predict(self, readers: int, progress: Progress | None = None) -> Predicted:
        """Do what is not done yet, and put the table together where nothing is missing any more."""
        complete = self._complete(self._job.record)
        if complete is not None:
            return replace(complete, already=True)
        if self._mine:
            self._make(readers, progress or (lambda done, share, failed: None))
        return self._put_together()

    def _make(self, readers: int, progress: Progress) -> None:
        """Make the parts that are missing, in their order."""
        missing, notes = [number for number in self._mine if not self._is_there(number)], Notes()
        progress(self._done, self._rows, self._failed)
        with closing(ahead(self._batches(missing), self._reader, readers)) as batches:
            for number in missing:
                rows, wanted = Rows(self._columns), self._parts.rows(number)
                while len(rows.files) < wanted:
                    batch = next(batches)
                    rows.add(batch, self._probabilities(batch))
                    notes.add(batch.notes)
                    progress(self._done + len(rows.files), self._rows, self._failed + rows.failed)
                self._parts.write(number, Part(self._encoded(rows), wanted, rows.failed))
                self._done, self._failed = self._done + wanted, self._failed + rows.failed
        notes.tell_rest()

    def _is_there(self, number: int) -> bool:
        part = self._parts.read(number)
        if part is not None:
            self._done, self._failed = self._done + part.rows, self._failed + part.failed
        return part is not None

    def _batches(self, numbers: list[int]) -> Iterator[list[Piece]]:
        """Yield what goes through the network together: the same cut, whichever parts are missing."""
        walk, request = self._job.listing.walk(), self._job.request
        for number in numbers:
            begin = number * request.part
            end = begin + self._parts.rows(number)
            for start in range(begin, end, request.batch):
                yield list(walk.pieces(start, min(start + request.batch, end)))

    def _probabilities(self, batch: Batch) -> Array:
        """Return the probabilities (N, classes) of a batch, NaN where there are none."""
        found = np.full((len(batch.files), self._classifier.classes), np.nan, self._reader.dtype)
        for images, which in zip(batch.images, batch.which, strict=True):
            found[which] = self._classifier(images)[which]
        return found

    def _encoded(self, rows: Rows) -> bytes:
        if self._job.place.format == "csv":
            return csv.encoded(rows)
        return parquet.encoded(rows, self._reader.dtype.name)

    def _put_together(self) -> Predicted:
        """Put all parts together, unless some are not there yet, or another process does it."""
        place, request = self._job.place, self._job.request
        unfinished = Predicted(place.output, False, self._rows, self._failed)
        if not self._parts.are_there():
            return self._complete(self._record_now()) or unfinished
        with alone(place.parts, "join") as held:
            now = self._record_now()
            if not held:
                return self._complete(now) or unfinished
            try:
                record = Record(request, self._joined())
            except DamagedPartError:
                if self._who.ranks == 1:
                    raise
                return unfinished  # the process whose share the damaged part is in makes it anew
            record.write(place.record, place.parts)
        return Predicted(place.output, True, request.rows, record.outcome.failed if record.outcome else 0)

    def _record_now(self) -> Record | None:
        """Return the record as it is now; somebody may have removed it meanwhile, and begun another prediction."""
        place, record = self._job.place, Record.read(self._job.place.record)
        if record is not None:
            refuse_other(record.request, self._job.request, place.output, place.record, place.parts)
        return record

    def _joined(self) -> Outcome:
        """Write all parts into the table. One that is there already, as a process was killed before it has written the
        record, stays; any other file is refused.

        Raises
        ------
        StateError
            If a part is not whole, or another file has the table's name.
        """
        output = self._job.place.output
        if not os.path.lexists(output):
            return self._written(output, refuses=True)
        again = self._job.place.parts / "part-again"
        outcome = self._written(again)
        remove_file(again)
        if not output.is_file() or not is_table(output, outcome):
            raise StateError(foreign(output))
        return outcome

    def _written(self, path: Path, refuses: bool = False) -> Outcome:
        """Write all parts into a file; where it `refuses` that, into none that another program has made meanwhile."""
        failed = 0

        def contents() -> Iterator[bytes]:
            nonlocal failed
            for part in self._parts.all():
                failed += part.failed
                yield part.content
            if refuses and os.path.lexists(path):
                raise StateError(foreign(path))

        place = self._job.place
        if place.format == "csv":
            file = csv.join(contents(), path, place.parts, self._columns)
        else:
            file = parquet.join(contents(), path, place.parts, self._columns, self._reader.dtype.name)
        return Outcome(failed, file.size, file.sha256)

    def _complete(self, record: Record | None) -> Predicted | None:
        """Return what a record says of a complete table; None where it says nothing."""
        if record is None or record.outcome is None:
            return None
        return Predicted(self._job.place.output, True, record.request.rows, record.outcome.failed)


def foreign(output: Path) -> str:
    """Return what is wrong where another program has made a file of the table's name."""
    return (
        f"{path_text(output)} has come since the prediction began, and is not its table; move it away, and the same "
        "command puts the table together"
    )


class Notes:
    """What is told about some inputs and would be told about thousands: the first ones are, and the others counted."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._more = 0

    def add(self, notes: list[str]) -> None:
        """Tell notes, or count them."""
        for note in notes:
            if note in self._told:
                continue
            if len(self._told) < NOTES:
                self._told.add(note)
                warn(note)
            else:
                self._more += 1

    def tell_rest(self) -> None:
        """Tell how many were counted."""
        if self._more:
            warn(f"such notes could be made about {self._more:,} more inputs")
