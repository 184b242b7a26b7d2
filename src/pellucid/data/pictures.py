"""Reads pictures of any size and kind, and makes of them what a network takes.

Everything becomes 8 bits a channel, grey or RGB. Grey is ITU-R 601 luma, 0.299 R + 0.587 G + 0.114 B. What is
transparent is laid on white, as on a page. Sizes are changed with a triangle filter as wide as the reduction, so fine
detail is averaged, not sampled; the picture is stretched to the new shape, nothing is cut off.

Decoding needs Pillow: ``pip install '.[images]'``.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import warn
from ..errors import DataError, MissingExtraError, installing, path_text
from ..limits import LIMITS, Limits
from ..storage import write_file
from .compressed import open_regular
from .overheard import overheard

if TYPE_CHECKING:
    from PIL.Image import Image as Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # a closed list: Pillow runs programs for some others
_ORIENTATION = 0x0112
_DEEP = ("I", "I;16", "I;16B", "I;16L")  # grey of 16 bits
_GREY = ("1", "L", "LA", "La", *_DEEP)
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
_silence = threading.Lock()  # the standard error stream is all threads'


def read_picture(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> NDArray[np.uint8]:
    """Read a picture file, upright as its camera says.

    Parameters
    ----------
    path : str or path
        A PNG, JPEG, BMP, GIF (the first frame), TIFF, WebP or PPM file.
    limits : Limits
        Its ``pixels`` bounds the picture, before decoding.

    Returns
    -------
    uint8 array (1, H, W) or (3, H, W)

    Raises
    ------
    DataError
        If the file is missing, is no picture, is damaged or too large.
    MissingExtraError
        If Pillow is not installed.
    """
    with open_picture(path, limits) as picture:
        return decode(picture, path, grey=is_grey(picture))


def prepare_picture(image: NDArray[Any], shape: tuple[int, int, int], invert: bool = False) -> NDArray[np.uint8]:
    """Bring one picture to the shape that a network takes.

    Parameters
    ----------
    image : uint8 array (H, W), (1, H, W) or (3, H, W)
        Of any height and width.
    shape : (int, int, int)
        (channels, height, width) of the network: 1 channel makes grey of RGB, 3 channels repeat grey.
    invert : bool, default False
        Exchange dark and light. Networks trained on MNIST expect light digits on a dark ground; ink on paper is the
        other way round.

    Returns
    -------
    uint8 array (channels, height, width)

    Raises
    ------
    DataError
        For another type or rank, or a network of neither 1 nor 3 channels.
    """
    planes = _planes(image)
    channels, height, width = shape
    if planes.shape != shape:
        if channels not in (1, 3):
            raise DataError(f"picture: the network takes {channels} channels; a picture can give 1 (grey) or 3 (RGB)")
        planes = to_array(resize(to_picture(planes), (height, width)), grey=channels == 1)
    return 255 - planes if invert else planes


@contextmanager
def open_picture(path: str | os.PathLike[str], limits: Limits = LIMITS) -> Iterator[Image]:
    """Open a picture without decoding it, which suffices for its size and kind; hold its pixels against the limit."""
    file, _ = open_regular(Path(path), limits)
    with file, picture_in(file, path, limits) as picture:
        yield picture


@contextmanager
def picture_in(file: IO[bytes], path: str | os.PathLike[str], limits: Limits = LIMITS) -> Iterator[Image]:
    """Open the picture in a file that is open already, as `open_picture` does; `path` is what messages call it."""
    pillow, where = _pillow(), path_text(path)
    try:
        with _faults_named(path, pillow.DecompressionBombError, pillow.UnidentifiedImageError):
            picture = pillow.open(file, formats=_FORMATS)
    except pillow.DecompressionBombError as error:  # Pillow's own bound, beyond which it does not go
        raise DataError(f"{where}: too many pixels; up to {limits.pixels:,} are read ({error})") from error
    except pillow.UnidentifiedImageError as error:
        raise DataError(f"{where}: expected a picture ({', '.join(_FORMATS)}), found none") from error
    with picture:
        width, height = picture.size
        if width * height > limits.pixels:
            raise DataError(
                f"{where}: {width:,}×{height:,} = {width * height:,} pixels; up to {limits.pixels:,} are read"
            )
        yield picture


def upright_size(picture: Image, path: str | os.PathLike[str]) -> tuple[int, int]:
    """(height, width) of the picture once it is turned as its camera says."""
    width, height = picture.size
    if picture.format == "PNG" and "exif" not in picture.info:
        return height, width  # Pillow would decode the whole picture to look for the entry at its end
    with _faults_named(path):
        turned = picture.getexif().get(_ORIENTATION, 1) >= 5
    return (width, height) if turned else (height, width)


def is_grey(picture: Image) -> bool:
    """Whether the file stores one channel (beside transparency); a palette counts as colour."""
    return picture.mode in _GREY


def decode(
    picture: Image, path: str | os.PathLike[str], *, grey: bool, fit: Callable[[Image], Image] | None = None
) -> NDArray[np.uint8]:
    """Decode an opened picture to (1, H, W) or (3, H, W), made to `fit` if that is given."""
    from PIL import ImageOps

    with _faults_named(path), _silent_decoder(picture):
        upright = _flatten(ImageOps.exif_transpose(picture))
        return to_array(upright if fit is None else fit(upright), grey=grey)


def resize(picture: Image, size: tuple[int, int]) -> Image:
    """Stretch to `size` = (height, width) with a triangle filter as wide as the reduction."""
    height, width = size
    if picture.size == (width, height):
        return picture
    resized: Image = picture.resize((width, height), _pillow().Resampling.BILINEAR)
    return resized


def to_picture(image: NDArray[Any]) -> Image:
    """Return an array (H, W), (1, H, W) or (3, H, W) of uint8 as a picture of Pillow's, or refuse it."""
    planes = _planes(image)
    pixels = planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))  # -> (H, W, 3)
    picture: Image = _pillow().fromarray(pixels)
    return picture


def write_picture(path: str | os.PathLike[str], image: NDArray[Any]) -> None:
    """Write an array (H, W), (1, H, W) or (3, H, W) of uint8 as a picture in the format PNG.

    Raises
    ------
    DataError
        If it is no such array.
    MissingExtraError
        If Pillow is not installed.
    StorageError
        If the file cannot be written.
    """
    content = io.BytesIO()
    to_picture(image).save(content, "PNG")
    write_file(path, content.getvalue())


def _planes(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an array of pixels as (1, H, W) or (3, H, W), or refuse it."""
    if image.dtype != np.uint8:
        raise DataError(f"picture: expected uint8, received {image.dtype}")
    planes = image[None] if image.ndim == 2 else image
    if planes.ndim != 3 or planes.shape[0] not in (1, 3) or planes.size == 0:
        raise DataError(f"picture: expected shape (H, W), (1, H, W) or (3, H, W), received {image.shape}")
    return planes


def to_array(picture: Image, *, grey: bool) -> NDArray[np.uint8]:
    """Pixels as (1, H, W), or (3, H, W) where `grey` is False."""
    pixels = np.asarray(picture.convert("L" if grey else "RGB"))
    if grey:
        return pixels[None].copy()
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))  # (H, W, 3) -> (3, H, W)


def _flatten(picture: Image) -> Image:
    """Reduce depth to 8 bits and lay transparency on white, so that the picture is grey or RGB."""
    from PIL import Image

    if picture.mode == "F" or picture.mode in _DEEP:
        values = np.asarray(picture)
        if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65_535:
            raise ValueError(f"expected 8 or 16 bits a channel, found values of {values.dtype}")
        return Image.fromarray(((values.astype(np.int64) + 128) // 257).astype(np.uint8))  # 65,535 = 255·257
    if picture.mode in _TRANSPARENT or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        white = Image.new("RGBA", coloured.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, coloured).convert("RGB")
    return picture if picture.mode == "L" else picture.convert("RGB")


def _pillow() -> ModuleType:
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtraError(f"reading pictures needs Pillow: {installing('images')}") from error
    return PIL.Image


@contextmanager
def _faults_named(path: str | os.PathLike[str], *but: type[Exception]) -> Iterator[None]:
    """Turn what Pillow raises into a DataError that names the file: decoders of damaged files raise almost anything.

    What it warns of is told of the file too, but that there are many pixels: our limit decides about that.
    """
    with overheard() as told:
        try:
            yield
        except but:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            raise DataError(f"{path_text(path)}: the picture cannot be decoded ({reason})") from error
    for each in told:
        if isinstance(each, UserWarning):
            warn(f"{path_text(path)}: {' '.join(str(each).split())}")


@contextmanager
def _silent_decoder(picture: Image) -> Iterator[None]:
    """Keep the library that unpacks TIFF from writing on the standard error stream: what it has to say is an error of
    Pillow's too, or none, and names no file."""
    if picture.format != "TIFF":
        yield
        return
    with _silence, _silent_stream():
        yield


@contextmanager
def _silent_stream() -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:  # there is no such stream
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
