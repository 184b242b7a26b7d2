"""The images that studies train on: the first of MNIST and of CIFAR-10, few enough for many trainings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from ..data import Dataset, datasets, split
from ..data.catalogue import CATALOGUE
from ..data.cifar import read_cifar10
from ..data.download import locate
from ..errors import DataError
from ..scaling import Scaling
from ..storage import expanded
from .protocol import CIFAR, HELD_OUT, MNIST, TEST, TRAIN, Protocol
from .result import Options

SHAPES: Mapping[str, tuple[int, int, int]] = MappingProxyType({MNIST: (1, 28, 28), CIFAR: (3, 32, 32)})
"""Name -> channels, rows and columns of an image."""

CLASSES = 10
CHANCE = 100 / CLASSES
"""Accuracy of guessing, in percent."""


@dataclass(frozen=True)
class Images:
    """A data set, cut to the size of a study.

    Attributes
    ----------
    name : str
        `MNIST` or `CIFAR`.
    train, test : Dataset
    """

    name: str
    train: Dataset
    test: Dataset

    @cached_property
    def scaling(self) -> Scaling:
        """What gives all pixels of the training images together mean 0 and deviation 1."""
        pixels = self.train.images / 255
        return Scaling(round(float(pixels.mean()), 4), round(float(pixels.std()), 4))

    def for_choosing(self) -> Images:
        """Return the training images alone, with a share of them in place of the test images."""
        return Images(self.name, *split(self.train, HELD_OUT))


def gather(names: tuple[str, ...], protocol: Protocol, options: Options) -> tuple[list[Images], str]:
    """Return those of the sets that are here, cut to what the protocol takes of them, and what to say of the others.

    MNIST is downloaded where it is missing. CIFAR-10 is not, as that is 170 MB, of which a twelfth would be used.

    Raises
    ------
    DataError
        If none of the sets is here.
    """
    found, missing = [], []
    for name in names:
        options.progress(f"reading {name}")
        try:
            train, test = _mnist(options) if name == MNIST else _cifar(options.data_dir)
            parts = _first(train, protocol.train, "training"), _first(test, protocol.test[name], "test")
        except DataError as error:
            missing.append(f"{name} is left out: {error}.")
        else:
            found.append(Images(name, *parts))
    note = " ".join(missing)
    if not found:
        raise DataError(f"there is nothing to train on. {note}")
    return found, note


def _first(data: Dataset, count: int, part: str) -> Dataset:
    if len(data) < count:
        raise DataError(f"expected at least {count:,} {part} images, received {len(data):,}")
    return data.subset(range(count))


def _mnist(options: Options) -> tuple[Dataset, Dataset]:
    return datasets.mnist(options.data_dir, progress=lambda file, *_: options.progress(f"downloading {file}"))


def _cifar(data_dir: Path | None) -> tuple[Dataset, Dataset]:
    """Return the whole set, or what a file holds of it."""
    located = locate(CATALOGUE["cifar10"], data_dir)
    if located is not None:
        return read_cifar10(located[0])
    for folder in (data_dir, os.environ.get("PELLUCID_DATA")):
        for path in sorted(expanded(folder).glob("cifar10-subset/*.npz")) if folder else ():
            return read_cifar10(path)
    raise DataError(
        "it is not on this machine; `pellucid data fetch cifar10` downloads it, 170 MB. The folder that --data-dir or "
        f"PELLUCID_DATA names may also hold the first {TRAIN:,} training and {TEST[CIFAR]:,} test images alone, as "
        "cifar10-subset/….npz with x_train, y_train, x_test and y_test"
    )
