"""Pictures that somebody drops on the page, as files."""

from __future__ import annotations

import io
from typing import Any

from numpy.typing import NDArray

from ...data import drawn_digit
from ...data.pictures import decode, is_grey, picture_in, prepare_picture

NAME = "the picture"
"""What messages call it."""
PAPER = 128
"""Mean grey level of a picture of ink on paper, at least."""


def read_image(
    data: bytes, shape: tuple[int, int, int], *, drawn: bool = False, raw: bool = False
) -> NDArray[Any]:  # fmt: skip
    """Return a picture as a network takes it: stretched to its size, or placed as a digit that somebody drew.

    Parameters
    ----------
    data : bytes
        A PNG, JPEG or other file.
    shape : (int, int, int)
        (channels, height, width) of the network.
    drawn : bool
        Whether it is a digit, of any size and anywhere. Where the picture is mostly bright, such as ink on paper, dark
        and light are exchanged.
    raw : bool
        Whether such a digit stays where it is.

    Raises
    ------
    DataError, MissingExtraError
        As `read_picture`.
    """
    with picture_in(io.BytesIO(data), NAME) as picture:
        pixels = decode(picture, NAME, grey=drawn or is_grey(picture))
    if drawn:
        is_paper = pixels.mean() > PAPER
        return drawn_digit(255 - pixels[0] if is_paper else pixels[0], size=shape[1], centred=not raw)
    return prepare_picture(pixels, shape)
