"""Reads a folder of pictures whose sub-folders are the classes: ``flowers/daisy/1.jpg``, ``flowers/rose/7.png``, …

A first pass opens each file for its size and kind alone; then the memory for all is reserved at once, and a second
pass decodes into it. Hidden files, and files without the suffix of a picture, are passed over.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..geometry import pair
from ..limits import LIMITS, Limits, format_bytes
from .dataset import Dataset
from .pictures import SUFFIXES, decode, is_grey, open_picture, upright_size


def image_folder(
    path: str | os.PathLike[str],
    size: int | tuple[int, int] | None = None,
    grey: bool | None = None,
    *,
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
    class_names : tuple of str, optional
        The classes and their order, where they are known already: a test set takes those of the training set.
    limits : Limits
        Bounds on each picture and on the whole.

    Returns
    -------
    Dataset
        uint8 images, ordered by class, then by file name.

    Raises
    ------
    DataError
        If there is no such folder, fewer than two classes, a class without pictures, an unreadable file (which is
        named), or more pixels in all than the limits allow.
    MissingExtraError
        If Pillow is not installed: ``pip install "pellucid[images]"``.
    """
    root = Path(path)
    size = None if size is None else pair(size, "size")
    names = subfolders(root)
    if class_names is not None:
        strangers = [name for name in names if name not in class_names]
        if strangers:
            raise DataError(f"{root}: {strangers[0]!r} is not one of the classes {', '.join(class_names)}")
    if not names:
        raise DataError(f"{root}: expected a sub-folder for each class, such as {root / 'cats'}, found none")
    order = tuple(names) if class_names is None else class_names
    files = [(file, order.index(name)) for name in names for file in _pictures(root / name)]
    if len(order) == 1:
        raise DataError(f"{root}: expected a sub-folder for each of at least two classes, found one, {order[0]!r}")
    height, width, channels = _common_form([file for file, _ in files], size, grey, limits)
    shape = (len(files), channels, height, width)
    _check_total(root, shape, limits)
    images = np.empty(shape, np.uint8)
    for place, (file, _) in enumerate(files):
        with open_picture(file, limits) as picture:
            images[place] = decode(picture, file, grey=channels == 1, size=(height, width))
    return Dataset(images, np.array([label for _, label in files]), order, root.resolve().name)


def subfolders(root: Path) -> list[str]:
    """Names of the visible sub-folders, in order. Sorted as text: paths sort differently from one system to another."""
    try:
        return sorted(child.name for child in root.iterdir() if child.is_dir() and not child.name.startswith("."))
    except OSError as error:
        raise DataError(f"{root}: expected a folder of pictures: {error.strerror}") from error


def _pictures(folder: Path) -> list[Path]:
    files = [
        child
        for child in folder.iterdir()
        if child.suffix.lower() in SUFFIXES and not child.name.startswith(".") and child.is_file()
    ]
    if not files:
        fix = f"; if its folders are the classes, pass {folder}" if subfolders(folder) else ""
        raise DataError(
            f"{folder}: expected pictures ({' '.join(SUFFIXES)}) of the class {folder.name!r}, found none{fix}"
        )
    return sorted(files, key=lambda file: file.name)


def _common_form(
    files: list[Path], size: tuple[int, int] | None, grey: bool | None, limits: Limits
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


def _check_total(root: Path, shape: tuple[int, int, int, int], limits: Limits) -> None:
    count, channels, height, width = shape
    total = count * channels * height * width
    if total > min(limits.elements, limits.decompressed_bytes):
        allowed = format_bytes(min(limits.elements, limits.decompressed_bytes))
        raise DataError(
            f"{root}: {count:,}·{channels}·{height:,}·{width:,} pixels need {format_bytes(total)}, and up to {allowed} "
            "are held in memory; pass a smaller size, such as size=(64, 64)"
        )
