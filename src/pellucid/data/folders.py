"""Reads a folder of pictures whose sub-folders are the classes: ``flowers/daisy/1.jpg``, ``flowers/rose/7.png``, …

A first pass opens each file for its size and kind alone; then the memory for all is reserved at once, and a second
pass decodes into it. Hidden files, and files without the suffix of a picture, are passed over.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import nearest
from ..errors import ArgumentError, DataError, path_text, printable
from ..geometry import pair
from ..limits import LIMITS, Limits, format_bytes
from .dataset import Dataset
from .imagenet import imagenet_classes, imagenet_ids
from .pictures import SUFFIXES, decode, is_grey, open_picture, resize, upright_size
from .preparation import Preparation

_PART = 512  # prepared for ImageNet's networks: 77 MB
_LISTED = 20


def image_folder(
    path: str | os.PathLike[str],
    size: int | tuple[int, int] | None = None,
    grey: bool | None = None,
    *,
    preparation: Preparation | None = None,
    class_names: tuple[str, ...] | None = None,
    limits: Limits = LIMITS,
) -> Dataset:
    """Read a folder of pictures; each sub-folder is a class, in the order of the names.

    Parameters
    ----------
    path : str or path
        The folder.
    size : int or (int, int), optional
        (height, width), or one number for both; pictures of another size are stretched to it. By default the size
        that most of the pictures have (of equally frequent ones, the one met first in the order of the names).
    grey : bool, optional
        True for one channel, False for three. By default grey when every file is.
    preparation : Preparation, optional
        Instead of `size` and `grey`: what a network pretrained on ImageNet wants.
    class_names : tuple of str, optional
        The classes and their order, where they are known already: a test set takes those of the training set. With
        `imagenet_classes()`, folders may be called by their WordNet ids too.
    limits : Limits
        Bounds on each picture and on the whole.

    Returns
    -------
    Dataset
        uint8 images, ordered by the names of folders, then of files.

    Raises
    ------
    DataError
        If there is no such folder, fewer than two classes, a class without pictures, an unreadable file (which is
        named), or more pixels in all than the limits allow.
    ArgumentError
        If a preparation stands beside a size or `grey`.
    MissingExtraError
        If Pillow is not installed: ``pip install '.[images]'``.
    """
    if preparation is not None and (size is not None or grey is not None):
        raise ArgumentError("image_folder: a preparation decides size and channels; leave out size and grey")
    size = None if size is None else pair(size, "size")
    found = find_pictures(path, class_names)
    if preparation is not None:
        shape, read = (3, preparation.crop, preparation.crop), partial(preparation.read, limits=limits)
    else:
        height, width, channels = _common_form(found.files, size, grey, limits)
        shape = (channels, height, width)
        read = partial(_read_stretched, size=(height, width), grey=channels == 1, limits=limits)
    fix = "pass a smaller size, such as size=(64, 64)" if preparation is None else "use image_folder_parts"
    _check_total(found.root, (len(found.files), *shape), fix, limits)
    return found.dataset(slice(None), shape, read)


def image_folder_parts(
    path: str | os.PathLike[str],
    preparation: Preparation,
    *,
    class_names: tuple[str, ...] | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Dataset]:
    """Read a folder of pictures that need not fit into memory: 512 pictures at a time.

    Parameters
    ----------
    path, preparation, class_names, limits
        As `image_folder`.

    Yields
    ------
    Dataset
        The pictures in the order of `image_folder`.

    Raises
    ------
    DataError, MissingExtraError
        As `image_folder`; for an unreadable file when its turn comes.
    """
    yield from find_pictures(path, class_names).prepared(preparation, limits)


@dataclass(frozen=True)
class Pictures:
    """The files of pictures in a folder, the class number of each, and what the classes are called."""

    root: Path
    files: Sequence[Path]
    labels: Sequence[int]
    class_names: tuple[str, ...]

    @property
    def name(self) -> str:
        """What data sets of these pictures are called."""
        return self.root.resolve().name

    def prepared(
        self, preparation: Preparation, limits: Limits = LIMITS, unreadable: list[DataError] | None = None
    ) -> Iterator[Dataset]:
        """Return the pictures in parts, as `image_folder_parts`.

        Where there is a list `unreadable`, errors of files go to it, and the files are left out.
        """
        shape = (3, preparation.crop, preparation.crop)
        read = partial(preparation.read, limits=limits)
        for start in range(0, len(self.files), _PART):
            images, labels = self._read(slice(start, start + _PART), shape, read, unreadable)
            if len(images):
                yield Dataset(images, labels, self.class_names, self.name)

    def dataset(self, part: slice, shape: tuple[int, int, int], read: Callable[[Path], NDArray[np.uint8]]) -> Dataset:
        """Return some of the pictures, which are of one shape as they are read."""
        return Dataset(*self._read(part, shape, read), self.class_names, self.name)

    def _read(
        self,
        part: slice,
        shape: tuple[int, int, int],
        read: Callable[[Path], NDArray[np.uint8]],
        unreadable: list[DataError] | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        files, labels = self.files[part], np.array(self.labels[part])
        images, kept = np.empty((len(files), *shape), np.uint8), np.zeros(len(files), bool)
        for place, file in enumerate(files):
            try:
                images[place], kept[place] = read(file), True
            except DataError as error:
                if unreadable is None:
                    raise
                unreadable.append(error)
        return (images, labels) if kept.all() else (images[kept], labels[kept])


def find_pictures(path: str | os.PathLike[str], class_names: tuple[str, ...] | None = None) -> Pictures:
    """Return what `image_folder` would read, without opening a file."""
    root, where = Path(path), path_text(path)
    names = subfolders(root)
    if not names:
        example = path_text(root / "cats")
        raise DataError(f"{where}: expected a sub-folder for each class, such as {example}, found none")
    order = tuple(names if class_names is None else class_names)
    numbers = {name: number for number, name in enumerate(order)}
    if order == imagenet_classes():
        numbers |= {name: number for number, name in enumerate(imagenet_ids())}
    for name in names:
        if name not in numbers:
            fix = _deeper(root / name) or nearest(name, numbers)
            raise DataError(f"{where}: {name!r} is not one of the {_listed(order)}{fix}")
    files = [(file, numbers[name]) for name in names for file in _pictures(root / name)]
    if len(order) == 1:
        raise DataError(f"{where}: expected a sub-folder for each of at least two classes, found one, {order[0]!r}")
    return Pictures(root, [file for file, _ in files], [label for _, label in files], order)


def _listed(names: tuple[str, ...]) -> str:
    if len(names) <= _LISTED:
        return f"classes {', '.join(map(printable, names))}"
    return f"{len(names):,} classes {', '.join(map(printable, names[:3]))}, …"


def _deeper(folder: Path) -> str:
    """Return what to do where the folders in a folder look like the classes."""
    return f"; if its folders are the classes, pass {path_text(folder)}" if subfolders(folder) else ""


def _read_stretched(file: Path, *, size: tuple[int, int], grey: bool, limits: Limits) -> NDArray[np.uint8]:
    with open_picture(file, limits) as picture:
        return decode(picture, file, grey=grey, fit=partial(resize, size=size))


def subfolders(root: Path) -> list[str]:
    """Names of the visible sub-folders, in order. Sorted as text: paths sort differently from one system to another."""
    try:
        return sorted(child.name for child in root.iterdir() if child.is_dir() and not child.name.startswith("."))
    except OSError as error:
        raise DataError(f"{path_text(root)}: expected a folder of pictures: {error.strerror}") from error


def _pictures(folder: Path) -> list[Path]:
    files = [
        child
        for child in folder.iterdir()
        if child.suffix.lower() in SUFFIXES and not child.name.startswith(".") and child.is_file()
    ]
    if not files:
        raise DataError(
            f"{path_text(folder)}: expected pictures ({' '.join(SUFFIXES)}) of the class {folder.name!r}, "
            f"found none{_deeper(folder)}"
        )
    return sorted(files, key=lambda file: file.name)


def _common_form(
    files: Sequence[Path], size: tuple[int, int] | None, grey: bool | None, limits: Limits
) -> tuple[int, int, int]:
    """Height, width and channels for all, from the headers of the files where the caller leaves them open."""
    if size is None or grey is None:
        sizes: Counter[tuple[int, int]] = Counter()
        all_grey = True
        for file in files:
            with open_picture(file, limits) as picture:
                sizes[upright_size(picture, file)] += 1
                all_grey = all_grey and is_grey(picture)
        size = sizes.most_common(1)[0][0] if size is None else size
        grey = all_grey if grey is None else grey
    return (*size, 1 if grey else 3)


def _check_total(root: Path, shape: tuple[int, int, int, int], fix: str, limits: Limits) -> None:
    count, channels, height, width = shape
    total = count * channels * height * width
    if total > min(limits.elements, limits.decompressed_bytes):
        allowed = format_bytes(min(limits.elements, limits.decompressed_bytes))
        raise DataError(
            f"{path_text(root)}: {count:,}·{channels}·{height:,}·{width:,} pixels need {format_bytes(total)}, and up "
            f"to {allowed} are held in memory; {fix}"
        )
