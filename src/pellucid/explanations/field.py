"""Receptive fields by gradients: which pixels a number in a feature map depends on, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import nearest, shown
from ..build import lower
from ..errors import ArgumentError, ShapeError
from ..geometry import Pair, whole_number
from ..inference.batches import accepted
from ..network import Network
from ..steps import Shape
from .vector_jacobian import jacobian_rows


def receptive_field(
    network: Network, x: ArrayLike, layer: str, *, place: Pair | None = None,
    channels: Sequence[int] | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """Return how strongly each pixel counts for what a layer says at one place: the effective receptive field.

    ``f[i, j] = √ mean over n, k of Σ c  (∂A[n, k, place]/∂x[n, c, i, j])²``

    for A the layer's feature maps. It is 0 outside of the field that `summary` tells by sizes alone, and much less at
    its edge than in its middle.

    Parameters
    ----------
    network : Network
    x : array (N, C, H, W) or (N, H, W)
        Images to look at; behind ReLUs and maxima, gradients depend on them.
    layer : str
        Path of a layer that makes feature maps.
    place : (int, int), optional
        Row and column in the maps; by default the middle.
    channels : sequence of int, optional
        Which maps; by default all.

    Returns
    -------
    float64 array (H, W)

    Raises
    ------
    ShapeError, DataError
        If x are no images that the network takes, or the layer makes no maps.
    ArgumentError
        If there is no such layer, place or channel.

    References
    ----------
    W. Luo, Y. Li, R. Urtasun and R. Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural
    Networks", 2016, which takes the mean of the gradient; squares, as here, do not cancel.
    """
    images = accepted(network, x)
    shape = _shape(network, layer)
    if images.ndim != 4 or len(shape) != 3:
        raise ShapeError(f"layer: {layer} makes no feature maps of images, but {shape} a sample; name another")
    row, column = (shape[1] // 2, shape[2] // 2) if place is None else place
    if not (0 <= row < shape[1] and 0 <= column < shape[2]):
        raise ArgumentError(f"place: {layer} makes maps of {shape[1]}×{shape[2]}, received {(row, column)}")
    chosen = range(shape[0]) if channels is None else [whole_number(each, "channels", 0) for each in channels]
    if not chosen or max(chosen) >= shape[0]:
        raise ArgumentError(f"channels: expected some of 0 to {shape[0] - 1}, received {list(chosen)}")
    squares = np.zeros(images.shape[2:])
    for gradients in jacobian_rows(network, images, [(channel, row, column) for channel in chosen], of=layer):
        squares += (gradients.astype(np.float64) ** 2).sum(axis=(0, 1, 2))  # (K, N, C, H, W) -> (H, W)
    return np.sqrt(squares / (len(chosen) * len(images)))


def _shape(network: Network, layer: str) -> Shape:
    """Return the shape of what a layer makes of a sample."""
    program = lower(network)
    shapes = {place.path: program.values[place.output].shape for place in program.layers}
    if not isinstance(layer, str):
        raise ArgumentError(f"layer: expected the path of a layer, received {shown(layer)}")
    if layer not in shapes:
        hint = nearest(layer, shapes) or f". There are {', '.join(shapes)}"
        raise ArgumentError(f"layer: no layer {shown(layer)}{hint}")
    return shapes[layer]
