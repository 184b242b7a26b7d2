"""What training sees of an image, drawn again by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_array
from .data import Dataset, as_images
from .data.augment import Augmentation, as_augmentations
from .definitions import DEFINITIONS
from .errors import ArgumentError
from .geometry import whole_number
from .random import Purpose, key


def augmented(
    data: Dataset | ArrayLike,
    index: Sequence[int] | NDArray[np.int64],
    augment: Sequence[Augmentation],
    *,
    seed: int = 0,
    epoch: int = 1,
) -> NDArray[Any]:
    """Return images as `fit` with the same `augment` and `seed` sees them in an epoch.

    Parameters
    ----------
    data : Dataset, or array of images
        What is trained on, without what is held out.
    index : sequence of int (M,)
        Which of its samples.
    augment : sequence of Augmentation
    seed : int, default 0
    epoch : int, default 1
        Counted from 1, as in a history.

    Returns
    -------
    array (M, C, H, W)
        Pixels as they are in the data, not scaled. Where these are bytes, they are rounded.

    Raises
    ------
    ArgumentError
        If there is no such sample, or an augmentation does not fit the images.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid import augment
    >>> images = np.arange(9, dtype=np.uint8).reshape(1, 3, 3)
    >>> augmented(images, [0], [augment.Flip(p=1)])[0, 0]
    array([[2, 1, 0],
           [5, 4, 3],
           [8, 7, 6]], dtype=uint8)
    """
    images = data.images if isinstance(data, Dataset) else as_images(data)
    augment = as_augmentations(augment, images.shape[1:])
    numbers = as_array(index, "index")
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ArgumentError(f"index: expected a list of whole numbers, received {numbers.dtype} of {numbers.shape}")
    outside = numbers[(numbers < 0) | (numbers >= len(images))]
    if len(outside):
        raise ArgumentError(f"index: expected samples from 0 to {len(images) - 1:,}, received {outside[0]}")
    own = key(seed, Purpose.AUGMENT, whole_number(epoch, "epoch") - 1)
    x = images[numbers].astype(np.float64)
    for ordinal, each in enumerate(augment):
        # As if the scaling were none: what is filled in is 0 then, and all other steps are alike in any unit.
        x = DEFINITIONS[each.kind](x, own, numbers, **each.attributes((0.0,), (1.0,)), ordinal=ordinal)
    if images.dtype == np.uint8:
        x = np.clip(np.rint(x), 0, 255)
    return np.asarray(x, images.dtype)
