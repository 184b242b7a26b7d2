"""What training sees of an image, drawn again by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_array
from .data import Dataset, as_images
from .data.augment import Augmentation, MixUp, as_augmentations
from .definitions import DEFINITIONS
from .definitions.mixup import pairs
from .errors import ArgumentError
from .geometry import whole_number
from .random import Purpose, Words, key


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
        All that is trained on, without what is held out: `MixUp` mixes an image with any other.
    index : sequence of int (M,)
        Which of its samples.
    augment : sequence of Augmentation
    seed : int, default 0
    epoch : int, default 1
        Counted from 1, as in a history.

    Returns
    -------
    array (M, C, H, W)
        Pixels as they are in the data, not scaled. Where these are bytes, they are rounded, and cut off at 0 and 255;
        training does neither. So hand over floats, ``images / 255``, to see how bright `ColourJitter` makes white.

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
    numbers, own = _numbers(index, len(images)), _key(seed, epoch)
    is_bytes, x = images.dtype == np.uint8, images[numbers].astype(np.float64)
    for ordinal, each in enumerate(augment):
        # As if the scaling were none: what is filled in is 0 then, and all other steps are alike in any unit.
        how = {**each.attributes((0.0,), (1.0,)), "ordinal": ordinal}
        if each.mixes:
            x = DEFINITIONS[each.kind](images, own, numbers, **how, dtype="float64") * (255 if is_bytes else 1)
        else:
            x = DEFINITIONS[each.kind](x, own, numbers, **how)
    if is_bytes:
        x = np.clip(np.rint(x), 0, 255)
    return np.asarray(x, images.dtype)


def mixed_with(
    samples: int,
    index: Sequence[int] | NDArray[np.int64],
    mixing: MixUp,
    *,
    seed: int = 0,
    epoch: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return whom `fit` mixes samples with in an epoch, and what share of a sample and its target is kept.

    Parameters
    ----------
    samples : int
        How many are trained on, without what is held out.
    index : sequence of int (M,)
        Which of them.
    mixing : MixUp
    seed, epoch : int
        As for `augmented`.

    Returns
    -------
    partner : array (M,)
        The other's number.
    share : array (M,)
        From 1/2 to 1; the other's share is what is left.

    Raises
    ------
    ArgumentError
        If there is no such sample.

    Examples
    --------
    >>> from pellucid import augment
    >>> partner, share = mixed_with(1000, [17, 18, 19], augment.MixUp(0.2))
    >>> partner, share.round(3)
    (array([234, 295, 822]), array([0.995, 0.979, 0.522], dtype=float32))
    """
    return pairs(_key(seed, epoch), _numbers(index, samples), samples, alpha=mixing.alpha, ordinal=0)


def _numbers(index: Sequence[int] | NDArray[np.int64], samples: int) -> NDArray[np.int64]:
    numbers = as_array(index, "index")
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ArgumentError(f"index: expected a list of whole numbers, received {numbers.dtype} of {numbers.shape}")
    outside = numbers[(numbers < 0) | (numbers >= samples)]
    if len(outside):
        raise ArgumentError(f"index: expected samples from 0 to {samples - 1:,}, received {outside[0]}")
    return numbers


def _key(seed: int, epoch: int) -> Words:
    return key(seed, Purpose.AUGMENT, whole_number(epoch, "epoch") - 1)
