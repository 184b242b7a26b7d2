"""Reads the inputs of one batch after another, in threads of its own, while the batch before is computed."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.input_files import map_inputs, prepare_images, read_one
from ..data.listing import InputFile, Piece
from ..data.overheard import overheard
from ..data.patterns import ARRAYS
from ..data.preparation import Preparation
from ..errors import DataError, MissingExtraError, PellucidError, path_text

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

AHEAD = 3
"""Batches that are read or wait at a time: one is computed, one is ready, one is on its way."""

MOST_READERS = 4
"""Threads that read, unless more are asked for: more are rarely faster beside the ones that compute."""

UNUSABLE = "holds a NaN or an infinity"


class Read(NamedTuple):
    """What became of a piece of a file.

    Attributes
    ----------
    images : array (N, C, H, W) or None
        None where none could be read.
    errors : tuple of str
        What is wrong with each, empty where nothing is.
    notes : tuple of str
        What was warned of.
    """

    images: NDArray[Any] | None
    errors: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """Reads pieces of files for a network.

    Parameters
    ----------
    shape : (int, int, int)
        (channels, height, width) of the network.
    dtype : dtype
        What floats become.
    invert, preparation, drawn
        As for `read_inputs`.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    invert: bool = False
    preparation: Preparation | None = None
    drawn: bool = False

    def count(self, name: str) -> int:
        """Return how many inputs a file holds: one, if it is a picture, or cannot be read at all."""
        if not holds_arrays(name):
            return 1
        try:
            return len(self._mapped(name))
        except PellucidError:  # which its one row will tell
            return 1

    def read(self, piece: Piece) -> Read:
        """Return a piece of a file; what is wrong with it is told for each of its images."""
        name = piece.file.name
        with overheard() as told:
            try:
                if not piece.file.unchanged():
                    raise DataError("it was changed, or removed, since the list of inputs was made")
                images, errors = self._images(name, piece)
            except MissingExtraError:
                raise
            except (PellucidError, OSError) as error:
                images, errors = None, (_reason(error, name),) * (piece.end - piece.begin)
        return Read(images, errors, tuple(str(each) for each in told))

    def _mapped(self, name: str) -> NDArray[Any]:
        return map_inputs(name, self.shape, self.invert, drawn=self.drawn)

    def _images(self, name: str, piece: Piece) -> tuple[NDArray[Any], tuple[str, ...]]:
        how: dict[str, Any] = {"preparation": self.preparation, "drawn": self.drawn}
        if not holds_arrays(name):
            return read_one(name, self.shape, self.invert, **how)[None], ("",)
        images = np.array(self._mapped(name)[piece.begin : piece.end])  # a copy, in the memory
        images = images.astype(images.dtype.newbyteorder("="), copy=False)
        try:
            prepared = prepare_images(images, name, self.shape, self.invert, **how)
        except PellucidError:
            if len(images) == 1:
                raise
            return self._one_by_one(images, name, how)
        if prepared.dtype == np.uint8:
            return prepared, ("",) * len(prepared)
        with np.errstate(over="ignore"):  # what is too large for it becomes infinite, and is told
            prepared = prepared.astype(self.dtype, copy=False)
        usable = np.isfinite(prepared).reshape(len(prepared), -1).all(axis=1)
        return prepared, tuple("" if each else UNUSABLE for each in usable.tolist())

    def _one_by_one(self, images: NDArray[Any], name: str, how: dict[str, Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
        """Return images some of which cannot be made to fit, with zeros in their places."""
        prepared, errors = [], []
        for image in images[:, None]:
            try:
                prepared.append(prepare_images(image, name, self.shape, self.invert, **how)[0])
                errors.append("")
            except MissingExtraError:
                raise
            except PellucidError as error:
                prepared.append(np.zeros(self.shape, np.uint8))
                errors.append(_reason(error, name))
        return np.stack(prepared), tuple(errors)


def holds_arrays(name: str) -> bool:
    """Return whether a file holds an array, as its name says, and not a picture."""
    return name.lower().endswith(ARRAYS)


def _reason(error: Exception, name: str) -> str:
    """Return what an error says of a file, without its name, which stands beside it."""
    return str(error).removeprefix(f"{path_text(name)}: ") or type(error).__name__


@dataclass
class Batch:
    """Inputs that go through the network together.

    Attributes
    ----------
    files : list of (InputFile, int)
        Of each input its file, and its place in there.
    errors : list of str
        What is wrong with each; empty where nothing is.
    images : list of arrays (N, C, H, W)
        All of them, as bytes or as floats, or some so and some so: in each array stand zeros for what the other one
        holds, and for what could not be read, so that no result depends on the inputs beside it.
    which : list of int arrays
        For each of these arrays, whose inputs it holds.
    notes : list of str
    """

    files: list[tuple[InputFile, int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    images: list[NDArray[Any]] = field(default_factory=list)
    which: list[NDArray[np.intp]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, pieces: list[Piece], reads: list[Read], shape: tuple[int, ...]) -> Batch:
        """Put together what was read of pieces."""
        batch, count = cls(), sum(piece.end - piece.begin for piece in pieces)
        arrays: dict[np.dtype[Any], tuple[NDArray[Any], list[int]]] = {}
        for piece, read in zip(pieces, reads, strict=True):
            start = len(batch.files)
            batch.files += [(piece.file, place) for place in range(piece.begin, piece.end)]
            batch.errors += read.errors
            batch.notes += read.notes
            if read.images is None:
                continue
            kind = read.images.dtype
            if kind not in arrays:
                arrays[kind] = np.zeros((count, *shape), kind), []
            whole, which = arrays[kind]
            good = [number for number, error in enumerate(read.errors) if not error]
            whole[[start + number for number in good]] = read.images[good]
            which += [start + number for number in good]
        batch.images = [images for images, _ in arrays.values()]
        batch.which = [np.array(which, np.intp) for _, which in arrays.values()]
        return batch


def ahead(batches: Iterable[list[Piece]], reader: Reader, readers: int) -> Generator[Batch, None, None]:
    """Yield batches of pieces in their order, read by so many threads."""
    from concurrent.futures import ThreadPoolExecutor  # takes its time

    pool = ThreadPoolExecutor(readers, "pellucid-reader")
    try:
        waiting: deque[tuple[list[Piece], list[Future[Read]]]] = deque()
        for pieces in batches:
            waiting.append((pieces, _begun(pool, reader, pieces)))
            if len(waiting) == AHEAD:
                yield _ended(*waiting.popleft(), reader)
        while waiting:
            yield _ended(*waiting.popleft(), reader)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begun(pool: Executor, reader: Reader, pieces: list[Piece]) -> list[Future[Read]]:
    return [pool.submit(reader.read, piece) for piece in pieces]


def _ended(pieces: list[Piece], reads: list[Future[Read]], reader: Reader) -> Batch:
    return Batch.of(pieces, [read.result() for read in reads], reader.shape)


def usual_readers() -> int:
    """Return how many threads read: as many as there are processors, up to `MOST_READERS`."""
    with suppress(AttributeError):
        return min(MOST_READERS, len(os.sched_getaffinity(0)))
    return min(MOST_READERS, os.cpu_count() or 1)
