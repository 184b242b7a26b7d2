"""Where in the image the places of a layer's maps lie: at the middle of the pixels that each of them reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_numbers, nearest, shown
from ..build import lower
from ..errors import ArgumentError, ShapeError
from ..geometry import ReceptiveField
from ..network import Network
from ..summary import summary


def field_of_layer(network: Network, layer: str) -> ReceptiveField | None:
    """Return the receptive fields of the places of a layer's maps; None where they have none that is told by sizes.

    Raises
    ------
    ArgumentError
        If there is no such layer.
    """
    values = {place.path: place.output for place in lower(network).layers}
    if not isinstance(layer, str):
        raise ArgumentError(f"layer: expected the path of a layer, received {shown(layer)}")
    if layer not in values:
        hint = nearest(layer, values) or f". There are {', '.join(values)}"
        raise ArgumentError(f"layer: no layer {shown(layer)}{hint}")
    rows = (row for row in summary(network).rows if values.get(row.path) == values[layer])  # also of the one within
    return next((row.field for row in rows if isinstance(row.field, ReceptiveField)), None)


def over_image(network: Network, layer: str, maps: ArrayLike) -> NDArray[np.float64]:
    """Return maps of a layer as large as the image, each number at the middle of the pixels that it depends on.

    ``m[n, y, x] = Σ i, j  w((y − a)/s − i)·w((x − b)/t − j)·A[n, i, j]``, ``w(d) = max(0, 1 − |d|)``

    for (s, t) the pixels from one place to the next, and (a, b) the middle of what the first place reads. The outermost
    places reach half a step further; beyond is 0, as no place lies there. Without padding that is well inside of the
    image, so that maps which are merely stretched show everything too far out. Where a layer's places read no window
    of their own, the maps are stretched.

    Parameters
    ----------
    network : Network
        It takes images.
    layer : str
        Path of the layer that makes the maps, as for `grad_cam`.
    maps : array (N, h, w)

    Returns
    -------
    float64 array (N, H, W)

    Raises
    ------
    ShapeError
        If the network takes no images, or `maps` are no maps.
    ArgumentError
        If there is no such layer.

    References
    ----------
    A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019, for
    the middle ``offset + (size − 1)/2``.

    Examples
    --------
    >>> import pellucid as p
    >>> network = p.Sequential([p.Conv2d(1, 1, 3), p.MaxPool2d(2)], input_shape=(1, 6, 6))
    >>> p.explanations.over_image(network, "pool1", [[[1, 2], [1, 2]]])[0, 2].tolist()
    [0.0, 1.0, 1.25, 1.75, 2.0, 0.0]
    """
    planes, shape = as_numbers(maps, "maps"), network.input_shape or ()
    if len(shape) != 3:
        raise ShapeError(f"maps are laid over images, but samples are of shape {shape}")
    if planes.ndim != 3 or not planes.size:
        raise ShapeError(f"maps: expected (N, h, w), received the shape {planes.shape}")
    field, found = field_of_layer(network, layer), planes.astype(np.float64)
    for axis, side in ((1, shape[1]), (2, shape[2])):
        found = _laid_out(found, axis, _places(field, axis - 1, found.shape[axis], side))
    return found


def _places(field: ReceptiveField | None, axis: int, count: int, side: int) -> NDArray[np.float64]:
    """Return for each pixel along an axis where it lies among the places: 0 at the first, 1 at the second."""
    pixels = np.arange(side)
    if field is None:
        at = (pixels + 0.5) * count / side - 0.5
    else:
        at = (pixels - (field.offset[axis] + (field.size[axis] - 1) / 2)) / field.stride[axis]
    return at


def _laid_out(planes: NDArray[np.float64], axis: int, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers at places between those that are there, each mixed from its two neighbours; 0 far from all."""
    count, along = planes.shape[axis], [-1 if each == axis else 1 for each in range(3)]
    near, within = (at >= -0.5) & (at <= count - 0.5), np.clip(at, 0, count - 1)
    first = np.minimum(within.astype(int), max(count - 2, 0))
    second, share = np.minimum(first + 1, count - 1), (within - first).reshape(along)
    mixed = np.take(planes, first, axis) * (1 - share) + np.take(planes, second, axis) * share
    return np.asarray(np.where(near.reshape(along), mixed, 0))
