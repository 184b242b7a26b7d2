"""Reads what a user wants classified, pictures or arrays, and makes of each what a network takes."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import warn
from ..errors import ArgumentError, DataError, path_text
from ..limits import LIMITS, Limits
from ..storage import read_beginning
from .compressed import open_regular
from .drawn import FAINTEST, drawn_digit
from .idx import map_idx
from .npy import NPY_MAGIC, map_npy, read_npy
from .pictures import prepare_picture, read_picture
from .preparation import Preparation

MOST_INK = 0.6
"""Share of a picture that a digit covers at most: where more is light, it is the ground."""


def read_inputs(
    path: str | os.PathLike[str],
    shape: tuple[int, int, int],
    invert: bool = False,
    *,
    preparation: Preparation | None = None,
    drawn: bool = False,
    limits: Limits = LIMITS,
) -> NDArray[Any]:
    """Read what a user wants classified: a picture, or a .npy file of one image or many.

    Parameters
    ----------
    path : str or path
        A picture of any size; or a .npy array, which the content tells, not the name: uint8 (H, W), (C, H, W),
        (N, H, W) or (N, C, H, W), of any size; or floats, which must have the network's own C, H and W. With three
        axes, a first one of 3 means RGB, unless the network takes grey images of just this height and width; so does a
        last one of 3, as in (H, W, 3), where the others are larger than 4.
    shape : (int, int, int)
        (channels, height, width) of the network.
    invert : bool, default False
        As in `prepare_picture`; for uint8 only.
    preparation : Preparation, optional
        What makes pictures of another size fit. By default they are stretched.
    drawn : bool, default False
        Take each picture for a digit drawn by hand, light on dark once it is inverted where that is asked for: it goes
        through `drawn_digit`, whatever its size. Floats, from 0 to 1, may have any size then too.
    limits : Limits
        As in `read_picture`.

    Returns
    -------
    array (N, channels, height, width)
        uint8, or the floats as they were.

    Raises
    ------
    ArgumentError
        If `drawn` is asked for with a network of other than one channel.
    DataError, MissingExtraError
        As `read_picture`, `prepare_picture` and `drawn_digit`.
    """
    if drawn and shape[0] != 1:
        raise ArgumentError(f"drawn: expected a network of 1 channel, as ink has no colour, received one of {shape[0]}")
    file, _ = open_regular(Path(path), limits)
    with file:
        is_array = file.read(len(NPY_MAGIC)) == NPY_MAGIC
    how: dict[str, Any] = {"preparation": preparation, "drawn": drawn, "limits": limits}
    if not is_array:
        return read_one(path, shape, invert, **how)[None]
    images = _as_batch(read_npy(path, limits=limits), shape, path)
    _refuse_unusable(images, shape, invert, drawn, path)
    return prepare_images(images, path, shape, invert, **how)


def read_one(
    path: str | os.PathLike[str],
    shape: tuple[int, int, int],
    invert: bool = False,
    *,
    preparation: Preparation | None = None,
    drawn: bool = False,
    limits: Limits = LIMITS,
) -> NDArray[np.uint8]:
    """Read a picture as `read_inputs` does, and no array.

    Returns
    -------
    uint8 array (channels, height, width)
    """
    if drawn:
        return _as_drawn(read_picture(path, limits=limits), shape, invert, path)
    if preparation is not None:
        picture = preparation.read(path, limits=limits)
    else:
        picture = read_picture(path, limits=limits)
        _warn_of_reduction(path, picture.shape[1:], shape[1:])
    return prepare_picture(picture, shape, invert)


def map_inputs(
    path: str | os.PathLike[str],
    shape: tuple[int, int, int],
    invert: bool = False,
    *,
    drawn: bool = False,
    limits: Limits = LIMITS,
) -> NDArray[Any]:
    """Return the images of a .npy or IDX file as they lie on the disk, for `prepare_images` to look at some of them.

    Which of the two it is, the content tells.

    Parameters
    ----------
    path, shape, invert, drawn, limits
        As for `read_inputs`.

    Returns
    -------
    array (N, C, H, W)
        uint8 or floats, on the disk.

    Raises
    ------
    DataError
        As `read_inputs`, where all images of a file are refused.
    """
    begin = read_beginning(path, len(NPY_MAGIC))
    array = map_npy(path, limits=limits) if begin == NPY_MAGIC else map_idx(path, limits=limits)
    images = _as_batch(array, shape, path)
    _refuse_unusable(images, shape, invert, drawn, path)
    return images


def prepare_images(
    images: NDArray[Any],
    path: str | os.PathLike[str],
    shape: tuple[int, int, int],
    invert: bool = False,
    *,
    preparation: Preparation | None = None,
    drawn: bool = False,
    limits: Limits = LIMITS,
) -> NDArray[Any]:
    """Make of images (N, C, H, W) what a network takes, as `read_inputs` does; `path` is what messages call them."""
    if drawn:
        return np.stack([_as_drawn(image, shape, invert, path) for image in images])
    if images.dtype != np.uint8:
        return images
    if images.shape[1:] == shape and shape[0] in (1, 3):
        return 255 - images if invert else images
    if preparation is not None and images.shape[1:] != shape:
        images = np.stack([preparation.apply(image, limits=limits) for image in images])
    return np.stack([prepare_picture(image, shape, invert) for image in images])


def _refuse_unusable(
    images: NDArray[Any], shape: tuple[int, int, int], invert: bool, drawn: bool, path: str | os.PathLike[str]
) -> None:
    """Refuse images (N, C, H, W) of another type or shape than can be used."""
    where = path_text(path)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DataError(
            f"{where}: expected uint8 or floats, found {images.dtype}; save x.astype('uint8') for pixels 0 … 255, or "
            "x.astype('float32') for values to be taken as they are"
        )
    if invert and images.dtype != np.uint8:
        raise DataError(f"{where}: only uint8 pictures can be inverted, and this array is of {images.dtype}")
    if not drawn and images.dtype != np.uint8 and images.shape[1:] != shape:
        raise DataError(f"{where}: expected images of shape {shape}, found {images.shape[1:]}; floats are not resized")


def _as_drawn(
    image: NDArray[Any], shape: tuple[int, int, int], invert: bool, path: str | os.PathLike[str]
) -> NDArray[np.uint8]:
    """Return a picture of any size and colour as a drawn digit; of ground that passes for ink, warn."""
    if image.dtype == np.uint8:
        image = prepare_picture(image, (1, *image.shape[1:]), invert)  # grey, of the same size
        _warn_of_ground(path, float((image >= FAINTEST).mean()), invert)
    return drawn_digit(image, shape[1:])


def _warn_of_ground(path: str | os.PathLike[str], covered: float, inverted: bool) -> None:
    """Warn where nothing of a picture passes for ink, or so much that it must be the ground."""
    if covered == 0:
        warn(f"{path_text(path)}: there is no ink, which is light on dark; {_turned(inverted)}")
    if covered > MOST_INK:
        ground = "make the ground white, or leave out --invert" if inverted else _turned(inverted)
        warn(f"{path_text(path)}: {100 * covered:.0f} % passes for ink, which is light on dark; {ground}")


def _turned(inverted: bool) -> str:
    return "leave out --invert" if inverted else "for dark ink on light paper add --invert"


def _warn_of_reduction(path: str | os.PathLike[str], size: tuple[int, ...], wanted: tuple[int, int]) -> None:
    """Warn where a picture keeps less than a quarter of its pixels, so that what is small in it disappears."""
    if math.prod(size) > 4 * math.prod(wanted):
        sizes = f"{size[0]}×{size[1]} pixels reduced to {wanted[0]}×{wanted[1]}"
        warn(f"{path_text(path)}: {sizes}: what is to be recognised should fill the picture")


def _as_batch(array: NDArray[Any], shape: tuple[int, int, int], path: str | os.PathLike[str]) -> NDArray[Any]:
    """Give the array the axes (N, C, H, W)."""
    if array.size and array.ndim == 4:
        return array
    if array.size and array.ndim == 2:
        return array[None, None]
    if array.size and array.ndim == 3:
        # (3, 28, 28) may be one RGB picture or three grey ones: the network's own height and width decide.
        many_grey = shape[0] == 1 and array.shape[1:] == shape[1:]
        if array.shape[2] == 3 and min(array.shape[:2]) > 4 and array.shape != shape and not many_grey:
            array = np.moveaxis(array, 2, 0)  # (H, W, 3) -> (3, H, W)
        one = array.shape == shape or (array.shape[0] in (1, 3) and not many_grey)
        return array[None] if one else array[:, None]
    axes = "(H, W), (C, H, W), (N, H, W) or (N, C, H, W)"
    raise DataError(f"{path_text(path)}: expected {axes}, found shape {array.shape}")
