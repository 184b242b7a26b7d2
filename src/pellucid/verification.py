"""A short training whose result is known to the last bit, to compare machines and numbers of threads by."""

from __future__ import annotations

import hashlib

import numpy as np

from .data import datasets
from .layers import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Residual
from .losses import CrossEntropy
from .network import Sequential
from .optimizers import AdamW
from .training import fit

THREADS = (1, 2, 3, 4, 7)
SAMPLES, BATCH_SIZE, EPOCHS = 250, 60, 2
"""The last batch of an epoch has 10 samples, which is not a whole leaf."""


def digest(threads: int | None = None) -> str:
    """Return the SHA-256 of a small network's weights and statistics after a few steps of training.

    The network has convolutions, one of them by channel, batch normalisation, dropout, pooling and a residual path; the
    data are the embedded digits. The same version gives the same digest for any number of threads.

    Parameters
    ----------
    threads : int, optional
        As in `fit`.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    path = Sequential([Conv2d(8, 8, 3, padding=1), BatchNorm2d(8)])
    network = Sequential(
        [
            Conv2d(1, 8, 3, padding=1), BatchNorm2d(8), ReLU(), Residual(path), ReLU(), Conv2d(8, 12, 3, padding=1),
            ReLU(), MaxPool2d(2), Conv2d(12, 12, 3, padding=1, groups=12), Dropout(0.25), Flatten(), Linear(192, 70),
            ReLU(), Linear(70, 10),
        ],
        input_shape=(1, 8, 8),
        seed=1,
    )  # fmt: skip
    train, _ = datasets.digits()
    loss, optimizer = CrossEntropy(label_smoothing=0.1), AdamW(3e-3, weight_decay=0.01)
    part = train.subset(np.arange(SAMPLES))
    fit(
        network, part, epochs=EPOCHS, batch_size=BATCH_SIZE, loss=loss, optimizer=optimizer, seed=2, threads=threads,
        progress=False,
    )  # fmt: skip
    found = hashlib.sha256()
    arrays = {name: parameter.data for name, parameter in network.parameters().items()}
    arrays |= {name: state.data for name, state in network.states().items()}
    for name, array in sorted(arrays.items()):
        found.update(name.encode() + array.astype("<f4").tobytes())
    return found.hexdigest()
