"""The data sets: by name, as folders of pictures, or as files of arrays. Public as ``pellucid.datasets``.

Each function returns (train, test). Files are looked for in `data_dir`, then in the folder that the environment
variable PELLUCID_DATA names (in both: in a sub-folder of the set's name, or directly), then in the cache, and are
otherwise downloaded and checked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..arguments import nearest_or_all, shown
from ..errors import ArgumentError, DataError
from ..storage import expanded
from .catalogue import CATALOGUE, ENTRIES, Entry, find_entry
from .catalogue import NAMES as NAMES
from .cifar import read_cifar10
from .dataset import Dataset
from .digits import all_digits
from .download import Progress, locate, obtain
from .download import fetch as fetch
from .download import verify as verify
from .folders import image_folder as image_folder
from .folders import image_folder_parts as image_folder_parts
from .folders import subfolders
from .idx import read_idx
from .imagenet import imagenet_classes as imagenet_classes
from .imagenet import imagenet_ids as imagenet_ids
from .npy import read_npz_pairs
from .preparation import Preparation as Preparation
from .split import split

PathLike = str | os.PathLike[str]
Size = int | tuple[int, int] | None

_IDX_NAMES = ("train-images-idx3-ubyte.gz", "train-images-idx3-ubyte")


@dataclass(frozen=True)
class Listing:
    """A data set known by name, and where its files are: None, with the reason in `note`, if they are not here."""

    entry: Entry
    location: Path | None
    note: str


def digits(seed: int = 0) -> tuple[Dataset, Dataset]:
    """The embedded 8×8 handwritten digits: 1,438 to train on, 359 (a fifth of each class) to test with.

    Parameters
    ----------
    seed : int, default 0
        Decides which are held out.

    Examples
    --------
    >>> from pellucid.data import datasets
    >>> train, test = datasets.digits()
    >>> train
    <Dataset digits: 1,438 images 1×8×8 uint8 (92.0 kB), 10 classes>
    """
    return split(all_digits(), 0.2, seed)


def mnist(data_dir: PathLike | None = None, *, progress: Progress | None = None) -> tuple[Dataset, Dataset]:
    """MNIST: 60,000 and 10,000 handwritten digits, 1×28×28.

    Parameters
    ----------
    data_dir : str or path, optional
        Where to look first.
    progress : callable, optional
        Called as a download proceeds, with the file's name, the bytes received and the bytes in all (or None).

    Raises
    ------
    DataError
        If the files cannot be found or downloaded, or are damaged.
    """
    return _idx_set("mnist", data_dir, progress)


def fashion_mnist(data_dir: PathLike | None = None, *, progress: Progress | None = None) -> tuple[Dataset, Dataset]:
    """Fashion-MNIST: 60,000 and 10,000 pictures of clothes in 10 classes, 1×28×28. Parameters as `mnist`."""
    return _idx_set("fashion-mnist", data_dir, progress)


def kmnist(data_dir: PathLike | None = None, *, progress: Progress | None = None) -> tuple[Dataset, Dataset]:
    """Kuzushiji-MNIST: 60,000 and 10,000 cursive characters in 10 classes, 1×28×28. Parameters as `mnist`."""
    return _idx_set("kmnist", data_dir, progress)


def cifar10(data_dir: PathLike | None = None, *, progress: Progress | None = None) -> tuple[Dataset, Dataset]:
    """CIFAR-10: 50,000 and 10,000 photographs in 10 classes, 3×32×32.

    Parameters
    ----------
    data_dir : str or path, optional
        Where to look first: a folder with ``cifar-10-python.tar.gz``, with the unpacked ``cifar-10-batches-py``, or
        with ``cifar10.npz`` (x_train, y_train, x_test, y_test); or the path of such a file.
    progress : callable, optional
        As `mnist`.
    """
    return read_cifar10(obtain(CATALOGUE["cifar10"], data_dir, progress)[0])


def load(
    name_or_path: PathLike,
    data_dir: PathLike | None = None,
    seed: int = 0,
    *,
    preparation: Preparation | None = None,
    size: int | tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Load a data set by name, or from a path.

    Parameters
    ----------
    name_or_path : str or path
        One of `NAMES`; or the path of

        - a folder of pictures with a sub-folder for each class, or with such folders in ``train/`` and ``test/``;
        - a .npz file with x_train, y_train and perhaps x_test, y_test, or with x and y; and perhaps with class_names,
          an array of texts;
        - a folder with the four IDX files of a set like MNIST;
        - CIFAR-10's .tar.gz file.
    data_dir, progress : optional
        As `mnist`.
    seed : int, default 0
        As `digits`.
    preparation : Preparation, optional
        What is done to the pictures of a folder; by default they are stretched.
    size : int or (int, int), optional
        (height, width) that the pictures of a folder are stretched to; by default the size that most of them have.

    Returns
    -------
    train : Dataset
    test : Dataset or None
        None where the path holds no test images.

    Raises
    ------
    ArgumentError
        If it is neither a known name nor an existing path.
    DataError
        If the files are not what they should be.
    """
    path = expanded(name_or_path, "data")
    entry = find_entry(os.fspath(name_or_path))
    if entry is not None:
        if entry.name == "digits":
            return digits(seed)
        if entry.name == "cifar10":
            return cifar10(data_dir, progress=progress)
        return _idx_set(entry.name, data_dir, progress)
    if not path.exists():
        name = os.fspath(name_or_path)
        raise ArgumentError(
            f"data: {shown(name)} is neither a path nor the name of a data set{nearest_or_all(name, NAMES)}"
        )
    return _load_path(path, preparation, size)


def describe(data_dir: PathLike | None = None) -> list[Listing]:
    """What `NAMES` stand for, and which of them are on this machine. Nothing is downloaded or read."""
    listings = []
    for entry in ENTRIES:
        try:
            found = locate(entry, data_dir)
            listings.append(Listing(entry, found[0].parent if found else None, "" if found else "not downloaded"))
        except DataError as error:
            listings.append(Listing(entry, None, str(error)))
    return listings


def picture_folders(path: Path) -> tuple[Path, Path | None] | None:
    """Return the folders of the training and of the test pictures, None for the latter if there are none; or None if
    the path holds something else."""
    if not path.is_dir() or (path / "data_batch_1").exists() or any((path / name).exists() for name in _IDX_NAMES):
        return None
    if not (path / "train").is_dir() or not subfolders(path / "train"):
        return path, None
    return path / "train", path / "test" if (path / "test").is_dir() else None


def _load_path(path: Path, preparation: Preparation | None, size: Size) -> tuple[Dataset, Dataset | None]:
    if path.suffix == ".npz":
        train, test, names = read_npz_pairs(path)
        return Dataset(*train, names, path.stem), None if test is None else Dataset(*test, names, path.stem)
    if path.is_file() and not path.name.endswith((".tar.gz", ".tgz")):
        raise DataError(f"{path}: expected a folder of pictures, a .npz file, or CIFAR-10's .tar.gz")
    folders = picture_folders(path)
    if folders is not None:
        return _load_pictures(*folders, preparation, size)
    if path.is_file() or (path / "data_batch_1").exists():
        return read_cifar10(path)
    return _read_idx_set([_with_or_without_gz(path / file.name) for file in CATALOGUE["mnist"].files], (), path.name)


def _load_pictures(
    train: Path, test: Path | None, preparation: Preparation | None, size: Size
) -> tuple[Dataset, Dataset | None]:
    train_set = image_folder(train, size, preparation=preparation)
    if test is None:
        return train_set, None
    if preparation is not None:
        return train_set, image_folder(test, preparation=preparation, class_names=train_set.class_names)
    channels, height, width = train_set.shape
    return train_set, image_folder(test, (height, width), channels == 1, class_names=train_set.class_names)


def _with_or_without_gz(path: Path) -> Path:
    return path if path.exists() else path.with_name(path.name.removesuffix(".gz"))


def _idx_set(name: str, data_dir: PathLike | None, progress: Progress | None) -> tuple[Dataset, Dataset]:
    entry = CATALOGUE[name]
    return _read_idx_set(obtain(entry, data_dir, progress), entry.class_names, entry.name)


def _read_idx_set(files: list[Path], class_names: tuple[str, ...], name: str) -> tuple[Dataset, Dataset]:
    """Training images and labels, test images and labels, from four files in this order."""
    train_images, train_labels, test_images, test_labels = files
    return (
        _read_idx_pair(train_images, train_labels, class_names, name),
        _read_idx_pair(test_images, test_labels, class_names, name),
    )


def _read_idx_pair(images_file: Path, labels_file: Path, class_names: tuple[str, ...], name: str) -> Dataset:
    images, labels = read_idx(images_file), read_idx(labels_file)
    if len(images) != len(labels):
        raise DataError(
            f"{images_file} holds {len(images):,} images, but {labels_file} holds {len(labels):,} labels; are they of "
            "the same set?"
        )
    try:
        return Dataset(images, labels, class_names, name)
    except DataError as error:
        raise DataError(f"{images_file}, {labels_file.name}: {error}") from error
