"""Which samples form which batch: index arrays, so that pixels are gathered where they are used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..geometry import whole_number
from ..random import Purpose, key, permutation


def epoch_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Order in which epoch `epoch` visits samples 0 … count − 1.

    It depends on these three numbers alone, so a resumed run continues with the very order it would have had.
    """
    return permutation(key=key(seed, Purpose.SHUFFLE, epoch), count=whole_number(count, "count"))


def batches(count: int, batch_size: int, *, seed: int, epoch: int, shuffle: bool = True) -> Iterator[NDArray[np.int64]]:
    """Indices of one batch after the other; the last batch holds what is left.

    Parameters
    ----------
    count : int
        Number of samples.
    batch_size : int
        Samples a batch; one larger than `count` gives a single batch.
    seed, epoch : int
        Key of the order.
    shuffle : bool, default True
        False gives the samples in their own order.

    Examples
    --------
    >>> from pellucid.data import batches
    >>> [batch.tolist() for batch in batches(5, 2, seed=0, epoch=0, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    """
    count, size = whole_number(count, "count"), whole_number(batch_size, "batch_size")
    order = epoch_order(count, seed, epoch) if shuffle else np.arange(count, dtype=np.int64)
    return (order[start : start + size] for start in range(0, count, size))
