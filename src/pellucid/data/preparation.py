"""How networks pretrained on ImageNet want pictures: the shorter side resized, then centre-cropped.

The Pillow calls are those of torchvision's preset for classification, so pixels are the same and published weights
reach their accuracy. Three things are as everywhere in Pellucid (`pictures`) and not as there: a picture is turned
upright as its camera says, what is transparent lies on white, and 16 bits of grey are scaled to 8.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, path_text
from ..geometry import whole_number
from ..limits import LIMITS, Limits
from .pictures import decode, open_picture, resize, to_array, to_picture, upright_size

if TYPE_CHECKING:
    from .pictures import Image


@dataclass(frozen=True)
class Preparation:
    """Resizes a picture and crops its central square: uint8 RGB; grey is repeated in three channels.

    Scaling is not part of it: that is the network's own, ``scaling=IMAGENET_SCALING``.

    Parameters
    ----------
    resize : int, default 256
        What the shorter side becomes; the longer one follows in proportion, rounded down. The filter is a triangle as
        wide as the reduction: what torchvision calls bilinear with antialias.
    crop : int, default 224
        Side of the square. Where the resized picture is smaller, it gets a black border.

    Raises
    ------
    ArgumentError
        If one of them is no whole number of at least 1.

    Examples
    --------
    >>> Preparation().resized(375, 500)  # height and width
    (256, 341)
    >>> Preparation().apply(np.zeros((375, 500), np.uint8)).shape
    (3, 224, 224)
    """

    resize: int = 256
    crop: int = 224

    def __post_init__(self) -> None:
        whole_number(self.resize, "Preparation.resize")
        whole_number(self.crop, "Preparation.crop")

    @classmethod
    def for_crop(cls, crop: int) -> Preparation:
        """Return the preparation for networks that take `crop`×`crop` pixels, in the usual proportion of 224 to 256."""
        return cls(round(whole_number(crop, "crop") * 256 / 224), crop)

    def __str__(self) -> str:
        return f"shorter side resized to {self.resize}, then centre-cropped to {self.crop}×{self.crop}"

    def read(self, path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> NDArray[np.uint8]:
        """Read a picture file and prepare it.

        Parameters
        ----------
        path : str or path
            As in `read_picture`.
        limits : Limits
            Its ``pixels`` bounds the picture, as it is and resized.

        Returns
        -------
        uint8 array (3, crop, crop)

        Raises
        ------
        DataError, MissingExtraError
            As `read_picture`, and if the picture is so narrow that resizing would make it too large.
        """
        with open_picture(path, limits) as picture:
            self._refuse_narrow(upright_size(picture, path), path_text(path), limits)
            return decode(picture, path, grey=False, fit=self._fit)

    def apply(self, image: NDArray[Any], *, limits: Limits = LIMITS) -> NDArray[np.uint8]:
        """Prepare one picture in memory.

        Parameters
        ----------
        image : uint8 array (H, W), (1, H, W) or (3, H, W)
        limits : Limits
            Its ``pixels`` bounds the resized picture.

        Returns
        -------
        uint8 array (3, crop, crop)

        Raises
        ------
        DataError, MissingExtraError
            As `prepare_picture`, and as `read`.
        """
        picture = to_picture(image)
        self._refuse_narrow((picture.height, picture.width), "picture", limits)
        return to_array(self._fit(picture), grey=False)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width after resizing."""
        short, long = min(height, width), max(height, width)
        longer = int(self.resize * long / short)
        return (self.resize, longer) if height <= width else (longer, self.resize)

    def _fit(self, picture: Image) -> Image:
        resized = resize(picture, self.resized(picture.height, picture.width))
        left, top = _start(resized.width, self.crop), _start(resized.height, self.crop)
        return resized.crop((left, top, left + self.crop, top + self.crop))  # beyond the picture it is black

    def _refuse_narrow(self, size: tuple[int, int], where: str, limits: Limits) -> None:
        """Refuse a picture of so unequal sides that it would not fit into memory with the shorter one resized."""
        height, width = self.resized(*size)
        if height * width > limits.pixels:
            raise DataError(
                f"{where}: {size[1]:,}×{size[0]:,} pixels would be resized to {width:,}×{height:,} = "
                f"{height * width:,}; at most {limits.pixels:,} are allowed. Crop the picture first."
            )


def _start(size: int, crop: int) -> int:
    """Return where the middle `crop` pixels of `size` begin; of what cannot be halved, the places are torchvision's."""
    return round((size - crop) / 2) if size >= crop else -((crop - size) // 2)
