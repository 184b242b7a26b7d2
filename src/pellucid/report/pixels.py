"""From numbers to coloured pixels: images, filters, feature maps and heat, for plots and reports alike.

Signed numbers are shown on the ground they lie on, a page or a figure: 0 is a breath of grey, what is above covers the
ground with orange, and what is below with blue, the more the larger it is. So they can be read on light and on dark.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Numbers = NDArray[Any]

ABOVE, BELOW = (217, 95, 2), (46, 110, 213)
"""Red, green and blue for numbers above 0 and below."""
ZERO, GAP = 127, 255
"""Places in the palette: of the number 0, and of what lies between pictures."""
GREY = np.array([0.299, 0.587, 0.114])
"""Red, green and blue as parts of grey (ITU-R 601)."""
_DIMMED, _COVER = 0.75, 0.8
_VEIL = 26
"""Opacity of the number 0, so that it is seen how far a picture goes."""


def _palette() -> Pixels:
    """Return the colours of signed numbers as (256, 4): red, green, blue and opacity."""
    strength = (np.arange(256) - ZERO) / ZERO
    size = np.minimum(np.abs(strength), 1)[:, None]
    hue = np.minimum(4 * size, 1)  # grey about 0
    colours = np.rint(hue * np.where(strength[:, None] > 0, ABOVE, BELOW) + (1 - hue) * 127)
    opacity = np.rint(_VEIL + (255 - _VEIL) * size)
    opacity[GAP] = 0
    return np.column_stack([colours, opacity]).astype(np.uint8)


PALETTE = _palette()
PALETTE.setflags(write=False)


def signed(numbers: Numbers, top: float | None = None) -> Pixels:
    """Return numbers as places in the palette, of which `top`, by default the largest magnitude, has the full colour.

    What is not finite is left out, as a gap.
    """
    finite = np.isfinite(numbers)
    known = np.where(finite, numbers, 0).astype(np.float64)
    top = float(np.abs(known).max(initial=0)) if top is None else top
    shares = known / top if top > 0 else known
    return np.where(finite, np.rint(ZERO + ZERO * np.clip(shares, -1, 1)), GAP).astype(np.uint8)


def mosaic(tiles: Pixels, columns: int, gap: int = 1) -> Pixels:
    """Return tiles side by side in rows of so many, with a gap of so many pixels between, which shows the ground.

    Tiles are (T, H, W) places in the palette, or (T, H, W, 4) colours with their opacity.
    """
    count, height, width = tiles.shape[:3]
    rows = -(-count // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles.shape[3:])
    whole = np.full(shape, GAP if tiles.ndim == 3 else 0, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        whole[top : top + height, left : left + width] = tile
    return whole


def picture(image: Numbers) -> Pixels:
    """Return an image (C, H, W) as grey (H, W) or RGB (H, W, 3).

    Bytes are shown as they are, floats from 0 to 1 too; others from their smallest number to their largest. Of another
    number of channels than 1 or 3, the mean is shown.
    """
    planes = image if len(image) in (1, 3) else image.mean(axis=0, keepdims=True)
    if image.dtype != np.uint8:
        low, high = float(planes.min()), float(planes.max())
        low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
        planes = 255 * (planes - low) / (high - low if high > low else 1)
    pixels = np.rint(planes).astype(np.uint8)
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))


def shrunk(pixels: Numbers, most: int) -> Numbers:
    """Return pixels (H, W, …) with no side longer than `most`: the means of squares, where they have to be fewer."""
    factor = -(-max(pixels.shape[:2]) // most)
    if factor <= 1:
        return pixels
    means = pixels.astype(np.float64)
    for axis in (0, 1):
        starts = np.arange(0, pixels.shape[axis], factor)
        counts = np.diff(np.append(starts, pixels.shape[axis]))
        shape = [-1 if each == axis else 1 for each in range(pixels.ndim)]
        means = np.add.reduceat(means, starts, axis=axis) / counts.reshape(shape)
    return np.rint(means).astype(np.uint8) if pixels.dtype == np.uint8 else means


def stretched(plane: Numbers, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return a plane (h, w) stretched to `size` = (H, W), with what lies between its numbers mixed from them."""
    result = plane.astype(np.float64)
    for axis, (wanted, there) in enumerate(zip(size, plane.shape, strict=True)):
        at = np.clip((np.arange(wanted) + 0.5) * there / wanted - 0.5, 0, there - 1)
        first = np.minimum(at.astype(int), max(there - 2, 0))
        second = np.minimum(first + 1, there - 1)
        share = (at - first).reshape([-1 if each == axis else 1 for each in (0, 1)])
        result = np.take(result, first, axis) * (1 - share) + np.take(result, second, axis) * share
    return result


def heated(pixels: Pixels, heat: Numbers) -> Pixels:
    """Return an image, grey (H, W) or RGB (H, W, 3), as dimmed grey with heat (H, W) over it, as RGB (H, W, 3).

    The largest magnitude of the heat covers most of the image.
    """
    grey = pixels.astype(np.float64) if pixels.ndim == 2 else pixels @ GREY
    top = float(np.abs(heat).max(initial=0))
    shares = (heat / top if top > 0 else heat)[..., None]
    colours = np.where(shares > 0, ABOVE, BELOW)
    cover = _COVER * np.abs(shares)
    return np.rint(_DIMMED * grey[..., None] * (1 - cover) + colours * cover).astype(np.uint8)


def heat_over(image: Numbers, heat: Numbers, most: int = 1 << 16) -> Pixels:
    """Return an image (C, H, W), no side longer than `most`, with heat of any size over it, as RGB."""
    pixels = shrunk(picture(image), most)
    return heated(pixels, stretched(heat, (pixels.shape[0], pixels.shape[1])))


def as_png(pixels: Pixels, palette: Pixels | None = None) -> bytes:
    """Return a picture as a PNG file, by Pillow, which comes with matplotlib; the same picture gives the same bytes.

    Parameters
    ----------
    pixels : uint8 array (H, W), (H, W, 3) or (H, W, 4)
        Grey, RGB, or RGB with opacity; or with a palette, (H, W) places in it.
    palette : uint8 array (P, 4), optional
        Red, green, blue and opacity.
    """
    from PIL import Image

    picture, file = Image.fromarray(pixels), io.BytesIO()
    if palette is None:
        picture.save(file, "PNG", optimize=True)
    else:
        picture.putpalette(palette[:, :3].tobytes())
        picture.save(file, "PNG", optimize=True, transparency=palette[:, 3].tobytes())
    return file.getvalue()
