"""The rows of a prediction: one for each input.

The columns are ``file``, ``index`` (the place of the image within the file, from 0), ``class`` and ``probability``;
then, where more than one class is asked for, ``class_2``, ``probability_2`` and so on; where all probabilities are,
``p_…`` for each class, in the order of the classes; and last ``error``, empty where nothing is wrong. Where something
is, classes and probabilities are empty.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..definitions.arrays import Array
from ..network import Network
from .reading import Batch

_BYTE = re.compile(r"\\x[0-9a-f]{2}")

NOT_FINITE = "the network gives a NaN for it"


@dataclass(frozen=True)
class Columns:
    """What columns there are.

    Parameters
    ----------
    classes : tuple of str
        Names of the classes.
    top : int
        How many of the likeliest classes have columns of their own.
    every : bool
        Whether each class has a column for its probability.
    """

    classes: tuple[str, ...]
    top: int = 1
    every: bool = False

    @classmethod
    def of(cls, network: Network, top: int = 1, every: bool = False) -> Columns:
        """Return the columns for a network; classes without a name are called by their numbers."""
        (count,) = network.output_shape()
        return cls(network.class_names or tuple(map(str, range(count))), min(top, count), every)

    @property
    def names(self) -> list[str]:
        best = [f"{name}_{n}" if n > 1 else name for n in range(1, self.top + 1) for name in ("class", "probability")]
        return ["file", "index", *best, *self.each, "error"]

    @property
    def each(self) -> list[str]:
        """The names of the columns with the probability of one class each; a class that has another one's name is told
        by its number."""
        if not self.every:
            return []
        several = len(set(self.classes)) < len(self.classes)
        return [f"p_{number}_{name}" if several else f"p_{name}" for number, name in enumerate(self.classes)]


@dataclass
class Rows:
    """Some rows, column by column.

    Attributes
    ----------
    columns : Columns
    files : list of str
    indices : list of int
    best : list of int arrays (N, top)
        The likeliest classes; of equal ones the lowest number first.
    probabilities : list of arrays (N, classes)
        In pieces that follow each other; NaN where there is an error.
    errors : list of str
    """

    columns: Columns
    files: list[str] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    best: list[NDArray[np.intp]] = field(default_factory=list)
    probabilities: list[Array] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add(self, batch: Batch, probabilities: Array) -> None:
        """Add rows for a batch, whose probabilities are NaN where there are none."""
        found = np.asarray(np.isfinite(probabilities).all(axis=1))
        self.files += [file_text(file.name) for file, _ in batch.files]
        self.indices += [place for _, place in batch.files]
        self.errors += [error or ("" if fine else NOT_FINITE) for error, fine in zip(batch.errors, found, strict=True)]
        self.best.append(np.argsort(-probabilities, axis=1, kind="stable")[:, : self.columns.top])
        self.probabilities.append(probabilities)

    @property
    def failed(self) -> int:
        return sum(1 for error in self.errors if error)

    def table(self) -> dict[str, list[Any]]:
        """Return the columns by name; None where there is nothing."""
        values, best = np.concatenate(self.probabilities), np.concatenate(self.best)
        fine = [not error for error in self.errors]
        classes = self.columns.classes
        columns: list[list[Any]] = [self.files, self.indices]
        for place in range(self.columns.top):
            chosen = best[:, place]
            columns.append([classes[k] if ok else None for k, ok in zip(chosen.tolist(), fine, strict=True)])
            columns.append(_numbers(values[np.arange(len(values)), chosen], fine))
        if self.columns.every:
            columns += [_numbers(column, fine) for column in values.T]
        columns.append([error or None for error in self.errors])
        return dict(zip(self.columns.names, columns, strict=True))


def file_text(name: str) -> str:
    r"""Return the name of a file in Unicode, each another text. A byte that is none, as Linux allows, is ``\xff``; in
    such names, and in those in which these four characters stand themselves, backslashes are doubled.

    Examples
    --------
    >>> for name in (b"a\\b", b"a\xff", b"a\\xff", b"a\\\xff"):
    ...     print(file_text(os.fsdecode(name)))
    a\b
    a\xff
    a\\xff
    a\\\xff
    """
    text = _unicode(name)
    return _unicode(name.replace("\\", "\\\\")) if _BYTE.search(text) else text


def _unicode(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _numbers(values: Array, fine: list[bool]) -> list[Any]:
    return [value if ok else None for value, ok in zip(values, fine, strict=True)]
