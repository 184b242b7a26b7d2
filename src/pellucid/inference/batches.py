"""What goes into a network: images that were checked, in batches, and weights.

Inputs are taken in batches, so that the memory for what lies between input and output stays bounded however many images
there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data import as_images
from ..definitions.arrays import Array
from ..geometry import whole_number
from ..inputs import check_images, warn_of_pixels
from ..native import as_memory_allows
from ..network import Network
from ..program import Program
from ..steps import Shape

_MOST_IMAGES = 256  # more at a time are no faster


def accepted(network: Network, x: ArrayLike) -> NDArray[Any]:
    """Return images as an array, or refuse what the network does not take."""
    images: NDArray[Any] = as_images(x)
    check(network, images, np.shape(x))
    return images


def check(network: Network, images: NDArray[Any], given: Shape | None = None) -> None:
    """Refuse images of another shape than the network's, and warn of pixels that nobody has divided."""
    check_images(network, images, given)
    warn_of_pixels(network, images)


def weights(network: Network) -> dict[str, Array]:
    """Return the values of parameters and states by path."""
    parameters = {name: parameter.data for name, parameter in network.parameters().items()}
    return parameters | {name: state.data for name, state in network.states().items()}


def at_once(program: Program, batch_size: int | None, most: int = _MOST_IMAGES) -> int:
    """Return how many samples go through a program at a time: as told, or as memory allows, up to `most`."""
    if batch_size is None:
        return as_memory_allows(program, most)
    return whole_number(batch_size, "batch_size")


def batches(count: int, size: int) -> Iterator[slice]:
    """Yield the batches of `size` that so many samples make."""
    return (slice(start, start + size) for start in range(0, count, size))
