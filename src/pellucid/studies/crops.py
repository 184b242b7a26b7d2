"""Crops and mirror images, drawn before training: what AlexNet was trained on in place of the images themselves.

Every copy follows from the seed, the epoch and the image's number alone, whatever else is drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..data import Dataset, epoch_order
from ..random import Purpose, key, philox

SIZE = 28
"""Pixels along a side of a crop. Of 32×32 pixels there are 5·5 such crops, and as many mirror images."""


def centred(data: Dataset) -> Dataset:
    """Return the data with the middle of each image alone."""
    margin = (data.shape[-1] - SIZE) // 2
    cut = slice(margin, margin + SIZE)
    return Dataset(data.images[:, :, cut, cut], data.labels, data.class_names, data.name)


def drawn(data: Dataset, seed: int, epochs: int) -> Dataset:
    """Return one copy of each image for every epoch, in the order in which `fit` would go through the data.

    To be trained on once, in this order: that is training for so many epochs on crops that are drawn anew in each.
    """
    parts = [_epoch(data.images, seed, epoch) for epoch in range(epochs)]
    orders = [epoch_order(len(data), seed, epoch) for epoch in range(epochs)]
    images = np.concatenate([part[order] for part, order in zip(parts, orders, strict=True)])
    return Dataset(images, data.labels[np.concatenate(orders)], data.class_names, data.name)


def _epoch(images: NDArray[Any], seed: int, epoch: int) -> NDArray[Any]:
    """Return a crop of each image, mirrored or not, as they are drawn for an epoch."""
    places = images.shape[-1] - SIZE + 1
    counters = np.zeros((len(images), 4), np.uint32)
    counters[:, 0] = np.arange(len(images))
    top, left, mirrored, _ = philox(counters, key(seed, Purpose.AUGMENT, epoch)).T
    # (N, C, H, W) -> (N, C, places, places, SIZE, SIZE) -> (N, C, SIZE, SIZE)
    windows = sliding_window_view(images, (SIZE, SIZE), (2, 3))
    crops = windows[np.arange(len(images)), :, top % places, left % places]
    return np.where((mirrored % 2 == 1)[:, None, None, None], crops[..., ::-1], crops)
