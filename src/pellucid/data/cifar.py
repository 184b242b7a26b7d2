"""Reads CIFAR-10 in the forms in which it is passed on: the authors' archive, its unpacked folder, or a .npz.

The authors' layout: five batches of 10,000 training images and one of test images; in each, ``data`` is a (10000,
3072) uint8 array whose rows are the red, the green and the blue plane of 32×32 pixels, and ``labels`` a list.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..limits import LIMITS, Limits, format_bytes
from .catalogue import CATALOGUE
from .compressed import ByteSource, open_regular
from .dataset import Dataset
from .npy import Samples, read_npz_pairs
from .pickled import read_batch

_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST = "test_batch"
_SHAPE = (3, 32, 32)


def read_cifar10(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> tuple[Dataset, Dataset]:
    """Read the training and the test images of CIFAR-10.

    Parameters
    ----------
    path : str or path
        ``cifar-10-python.tar.gz``, the folder ``cifar-10-batches-py`` or one of its batches, or a .npz file with
        ``x_train, y_train, x_test, y_test``.
    limits : Limits
        Bounds on what is read.

    Raises
    ------
    DataError
        If a batch is missing or is not what the authors published.
    """
    path = Path(path)
    entry = CATALOGUE["cifar10"]
    if path.suffix == ".npz":
        train, test, _ = read_npz_pairs(path, limits=limits)
        if test is None:
            raise DataError(f"{path}: expected x_test and y_test beside x_train and y_train")
        for x, _ in (train, test):
            if x.shape[1:] != _SHAPE:
                raise DataError(f"{path}: expected images of shape {_SHAPE}, found {x.shape[1:]}")
    else:
        batches = dict(_batches(path, limits))
        missing = [name for name in (*_TRAIN, _TEST) if name not in batches]
        if missing:
            raise DataError(f"{path}: does not hold {', '.join(missing)} of CIFAR-10's six batches")
        parts = [batches[name] for name in _TRAIN]
        train = (np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts]))
        test = batches[_TEST]
    return Dataset(*train, entry.class_names, entry.name), Dataset(*test, entry.class_names, entry.name)


def _batches(path: Path, limits: Limits) -> Iterator[tuple[str, Samples]]:
    """Name and content of each batch, from the archive or the folder."""
    if path.is_dir() or path.name in _TRAIN:
        folder = path if path.is_dir() else path.parent
        for name in (*_TRAIN, _TEST):
            if (folder / name).exists():
                file, _ = open_regular(folder / name, limits)
                with file:
                    yield name, _samples(file.read(), str(folder / name), limits)
        return
    import tarfile  # here, so that importing pellucid does not wait for it

    try:
        # "r|": as a stream, from front to back, so that nothing is unpacked twice.
        with (
            ByteSource(path, limits=limits) as source,
            tarfile.open(fileobj=_Bounded(source, limits), mode="r|") as tar,
        ):
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in (*_TRAIN, _TEST) and member.isreg():
                    content = tar.extractfile(member)
                    if content is not None:
                        yield name, _samples(content.read(), f"{path}: {member.name}", limits)
    except (tarfile.TarError, EOFError) as error:
        raise DataError(f"{path}: not a tar archive, or a damaged one ({error})") from error


class _Bounded(RawIOBase):
    """The unpacked bytes of an archive as a file, which ends with an error where they become too many."""

    def __init__(self, source: ByteSource, limits: Limits) -> None:
        self._source = source
        self._limits = limits

    def read(self, size: int = -1) -> bytes:
        if self._source.offset > self._limits.archive_bytes:
            raise DataError(
                f"{self._source.path}: unpacks to more than {format_bytes(self._limits.archive_bytes)}; CIFAR-10's "
                "archive unpacks to 186 MB"
            )
        return self._source.read(size)


def _samples(data: bytes, where: str, limits: Limits) -> Samples:
    batch = read_batch(data, where, limits=limits)
    images, labels = batch.get(b"data"), batch.get(b"labels")
    if not isinstance(images, np.ndarray) or images.ndim != 2 or images.shape[1] != 3072:
        found = images.shape if isinstance(images, np.ndarray) else type(images).__name__
        raise DataError(f"{where}: expected data of shape (N, 3072), found {found}")
    if not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise DataError(f"{where}: expected labels to be a list of whole numbers")
    if len(labels) != len(images):
        raise DataError(f"{where}: {len(images):,} images, but {len(labels):,} labels")
    return images.reshape(-1, *_SHAPE), np.array(labels, np.int64)  # (N, 3072) -> (N, 3, 32, 32)
