"""How much each input pixel counts for an output: the effective receptive field, by gradients.

References
----------
W. Luo, Y. Li, R. Urtasun and R. Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural
Networks", 2016.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..network import Sequential
from .noise import noise


def energy(networks: Iterable[Sequential], samples: int) -> NDArray[np.float64]:
    """Return how much each input pixel counts for the output in the middle; all pixels together make 1.

    That is the squared gradient of the output, summed over channels and over so many samples of noise. With squares,
    what independent weights contribute adds up, where the gradients themselves would cancel.

    Parameters
    ----------
    networks : iterable of Sequential
        Alike but for their weights; what goes in and what comes out has an odd number of rows and columns.
    samples : int

    Returns
    -------
    array (H, W)
    """
    found = sum(_squared_gradients(network, samples) for network in networks)
    return np.asarray(found / np.sum(found))


def _squared_gradients(network: Sequential, samples: int) -> NDArray[np.float64]:
    """Return the squares (H, W), summed over channels and samples, for a single network."""
    y = network.forward(noise((samples, *(network.input_shape or ())), "images", network.seed))
    grad_output = np.zeros_like(y)
    middle = y.shape[2] // 2, y.shape[3] // 2
    grad_output[:, :, middle[0], middle[1]] = noise(y.shape[:2], "output weights", network.seed)
    # (N, C, H, W) -> (H, W)
    return np.asarray((network.backward(grad_output).astype(np.float64) ** 2).sum((0, 1)))


def uniform_width(shares: NDArray[np.float64]) -> float:
    """Return how wide a window is whose pixels all count alike, and which spreads as far as this does.

    The second moment about the centre of a uniform window of w pixels is (w² − 1)/12, so w = √(12·moment + 1); the
    mean of both axes.

    Parameters
    ----------
    shares : array (H, W)
        How much each pixel counts; together 1.

    Examples
    --------
    >>> round(uniform_width(np.full((7, 7), 1 / 49)), 6)
    7.0
    """
    widths = []
    for axis in (0, 1):
        share = shares.sum(1 - axis)
        places = np.arange(len(share)) - (len(share) - 1) / 2
        widths.append(math.sqrt(12 * float((share * places**2).sum()) + 1))
    return sum(widths) / 2
