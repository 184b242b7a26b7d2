"""A prediction of files before its work begins: where it writes, which inputs there are, and whether it may go on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..data.listing import Listing, lines, looked_at
from ..data.patterns import matching
from ..errors import ArgumentError, StateError, StorageError, path_text
from ..network import Network
from ..serialization.model_file import fingerprint
from ..storage import NewFile, remove_file
from ..version import VERSION
from .classifier import Classifier
from .parts import LIST, alone, in_turn
from .ranks import Rank
from .reading import Reader
from .request import Outcome, Record, Request, refuse_other
from .rows import Columns

FORMATS = {".csv": "csv", ".parquet": "parquet"}
"""The endings of outputs, and their formats."""

BATCHES_A_PART = 16
FEWEST_PARTS, MOST_PARTS = 64, 8192
NUMBERS_A_PART = 1 << 22
"""How large parts are: they hold so many batches; less, where there would be fewer of them, so that little is lost by a
kill and processes have equal shares; more, where there would be more files than one wants in a folder; and less again
where their columns would take much memory."""


@dataclass(frozen=True)
class Place:
    """Where a prediction writes: the table, its record, and the folder of its parts."""

    output: Path
    record: Path
    parts: Path
    format: str

    @classmethod
    def of(cls, output: Path) -> Place:
        """Return the places that go with an output, or refuse a name whose ending says no format."""
        form = FORMATS.get(output.suffix.lower())
        if form is None:
            raise ArgumentError(f"output: expected a name that ends in .csv or .parquet, received {path_text(output)}")
        record, parts = (output.with_name(f"{output.name}{ending}") for ending in (".json", ".parts"))
        return cls(output, record, parts, form)

    def others(self, names: Iterable[str]) -> Iterator[str]:
        """Yield the names of files that are none of these."""
        own, inside = {os.path.abspath(self.output), os.path.abspath(self.record)}, os.path.abspath(self.parts) + os.sep
        for name in names:
            place = os.path.abspath(name)
            if place not in own and not place.startswith(inside):
                yield name


@dataclass(frozen=True)
class Asked:
    """What is to be done.

    Attributes
    ----------
    place : Place
    request : Request
    listing : Listing
        Of all inputs.
    record : Record
        Of this prediction; it has an outcome where the output is complete already.
    """

    place: Place
    request: Request
    listing: Listing
    record: Record


@contextmanager
def own_share(place: Place, who: Rank) -> Iterator[Path]:
    """Have the share of a rank for this process alone, before anything of it is written; whoever asks is `at_work`.

    Gives the path of the rank's list of inputs, which is removed at the end.

    Raises
    ------
    StateError
        If another process has this share.
    """
    name = f"rank-{who.rank}-of-{who.ranks}"
    with alone(place.parts, name) as held:
        if not held:
            where = path_text(place.output)
            raise StateError(f"{where}: another process is at work on it; wait until that has ended")
        path = place.parts / f"{name}{LIST}"
        try:
            yield path
        finally:
            with suppress(StorageError):
                remove_file(path)


def asked(
    network: Network, patterns: Sequence[str | os.PathLike[str]], place: Place, columns: Columns, reader: Reader,
    classifier: Classifier, engine: str, who: Rank, path: Path,
) -> Asked:  # fmt: skip
    """Look up the inputs, and hold them and all else against the record of a prediction that began before; whoever asks
    has its `own_share`, and the list of inputs goes to its path.

    Raises
    ------
    ArgumentError, DataError, StateError, StorageError
        As `predict_files`.
    """
    _before(place)
    listing = _listed(place, patterns, reader, path)
    request = _request(network, listing, place, columns, reader, classifier, engine)
    record = _going_on(place, request) or _begun(place, request, who)
    _refuse_changed(place, record)
    return Asked(place, request, listing, record)


def _begun(place: Place, request: Request, who: Rank) -> Record:
    """Make the record of a prediction; of several processes that begin it one does so, in front of all others, which
    go on with that."""
    with in_turn(place.parts, "begin"):
        record = _going_on(place, request)
        if record is None:
            record = Record(request)
            if who.share(request.parts):
                record.write(place.record, place.parts)
    return record


def _going_on(place: Place, request: Request) -> Record | None:
    """Return the record of the prediction that a request goes on with; None where it begins one, also as somebody has
    removed the table, and wants it again.

    Raises
    ------
    StateError
        If the one that there is was begun otherwise.
    """
    before = _before(place)
    if before is None:
        return None
    refuse_other(before.request, request, place.output, place.record, place.parts)
    return before if before.outcome is None or os.path.lexists(place.output) else None


def _before(place: Place) -> Record | None:
    """Return the record of a prediction that has begun, or refuse an output of which none tells."""
    there = os.path.lexists(place.output)  # asked first: whoever makes a table has written its record before
    record = Record.read(place.record)
    if record is None and there:
        raise StateError(
            f"{path_text(place.output)} exists already, and no record of a prediction, {place.record.name}, is beside "
            "it; choose another output, or remove it"
        )
    return record


def _listed(place: Place, patterns: Sequence[str | os.PathLike[str]], reader: Reader, path: Path) -> Listing:
    """Write the list of all inputs to the disk and return it."""
    files = images = 0
    with NewFile(path) as file:
        for line, each in lines(looked_at(place.others(matching(patterns)), reader.count)):
            file.write(line)
            files, images = files + 1, images + each.images
    return Listing(path, file.sha256, files, images)


def _request(
    network: Network, listing: Listing, place: Place, columns: Columns, reader: Reader, classifier: Classifier,
    engine: str,
) -> Request:  # fmt: skip
    names = hashlib.sha256("\n".join(columns.names).encode()).hexdigest()
    fitted = "stretched" if reader.preparation is None else str(reader.preparation)
    words = [fitted, *(["inverted"] if reader.invert else []), *(["as drawn digits"] if reader.drawn else [])]
    return Request(
        pellucid=VERSION, model=fingerprint(network), inputs=listing.sha256, engine=engine, pictures=", ".join(words),
        columns=names, format=place.format, files=listing.files, rows=listing.images, batch=classifier.batch_size,
        part=part_size(listing.images, classifier.batch_size, len(columns.names)),
    )  # fmt: skip


def part_size(rows: int, batch: int, columns: int) -> int:
    """Return how many rows a part has: batches, as many as a power of two.

    Examples
    --------
    >>> [part_size(rows, 256, 5) for rows in (100, 60_000, 10_000_000, 1_000_000_000)]
    [256, 1024, 4096, 131072]
    """
    size = max(batch, min(_power(rows / FEWEST_PARTS), BATCHES_A_PART * batch))
    size = max(size, _power(rows / MOST_PARTS))
    while size > batch and size * columns > NUMBERS_A_PART:
        size //= 2
    return size


def _power(number: float) -> int:
    """Return the smallest power of two that is no less than a number."""
    power = 1
    while power < number:
        power *= 2
    return power


def _refuse_changed(place: Place, record: Record) -> None:
    """Refuse to call an output complete that is another one than the record tells of."""
    if record.outcome is None or not os.path.lexists(place.output):
        return
    if not is_table(place.output, record.outcome):
        raise StateError(
            f"{path_text(place.output)} was changed since it was complete; choose another output, or remove it"
        )


def is_table(path: Path, outcome: Outcome) -> bool:
    """Return whether a file has the bytes of the table that an outcome tells of."""
    return (os.path.getsize(path), sha256_of(path)) == (outcome.size, outcome.sha256)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"{path_text(path)}: cannot be read: {error.strerror or error}") from error
